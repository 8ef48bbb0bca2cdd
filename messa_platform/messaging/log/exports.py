"""Exports: files of a group's log that are made in the background, asked for, looked at, called off and fetched (spec L2).

`export_work` makes them. Who may have one is who administers its group now and may see by whose adminship it was asked for: the file names
its asker.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.core.work import OPEN_SQL, WorkState
from messa_platform.messaging.log import stream
from messa_platform.messaging.log.asked import Asked
from messa_platform.messaging.log.export_models import Export, Fault, Format
from messa_platform.messaging.log.kept import keep
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.log.summary import of_kind, tallies
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.places import Place

ACTOR = "export_logs"
"""The name of the actor that makes them."""
KEEP = timedelta(days=90)
"""How long it stands in the list that there was one."""

TABLE = cast(Table, Export.__table__)


class Stage(StrEnum):
    """Where an export stands."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ExportRow:
    """An export as it stands. `done` of `total` messages; `total` None: not counted yet. `size` in bytes, 0 as long as there is no file."""

    id: UUID
    author: Author
    asked: Mapping[str, Any]
    format: Format
    language: str
    time_zone: str
    stage: Stage
    total: int | None
    done: int
    size: int
    fault: Fault | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether there is something to wait for."""
        return self.stage in (Stage.WAITING, Stage.RUNNING)


# Asking


def is_small(session: Session, asked: Asked, settings: ExportSettings) -> bool:
    """Whether it comes at once. The summaries tell; of what they do not know as many are counted as it takes to know."""
    if asked.is_plain and foreseen(session, asked) <= settings.at_once_rows:
        return True
    return (
        not asked.is_plain
        and stream.count(session, asked, settings.at_once_rows + 1) <= settings.at_once_rows
    )


def foreseen(session: Session, asked: Asked) -> int:
    """About how many messages there are, by the summaries: not fewer, and of a long time perhaps those of some days more."""
    return sum(tally.messages for tally in of_kind(asked, tallies(session, asked)))


class Refused(StrEnum):
    """Why an export is not taken on."""

    TOO_MANY = "too_many"
    """So many of the tenant's are waiting."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a file is made: what kind, in which language, by which zone's clock."""

    format: Format
    language: str
    time_zone: str


_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(hashtext('messa.export'), hashtext(:tenant))")
_SAME = text(
    f"SELECT id FROM export WHERE tenant_id = :tenant_id AND group_id = :group_id AND {OPEN_SQL} AND actor_group_id = :actor_group_id"
    " AND actor_id IS NOT DISTINCT FROM :actor_id AND asked = CAST(:asked AS jsonb) AND format = :format AND language = :language"
    " AND time_zone = :time_zone LIMIT 1"
)
_OPEN = text(f"SELECT count(*) FROM export WHERE tenant_id = :tenant_id AND {OPEN_SQL}")


def ask(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    asked: Asked | Mapping[str, Any],
    manner: Manner,
    settings: ExportSettings,
) -> UUID | Refused:
    """Have a file made, of a search or of one that was kept; gives the export. The same asked for twice is one, as long as it is not ready.

    Wake `ACTOR` after the commit.
    """
    kept = keep(asked, place) if isinstance(asked, Asked) else dict(asked)
    row = {
        "tenant_id": place.tenant_id,
        "group_id": place.id,
        "actor_id": author.account_id,
        "actor_group_id": author.group_id,
        "format": manner.format.value,
        "language": manner.language,
        "time_zone": manner.time_zone,
    }
    session.execute(_TAKE_TURNS, {"tenant": str(place.tenant_id)})
    same: UUID | None = session.execute(_SAME, {**row, "asked": json.dumps(kept)}).scalar()
    if same is not None:
        return same
    if session.execute(_OPEN, {"tenant_id": place.tenant_id}).scalar_one() >= settings.open_per_tenant:
        return Refused.TOO_MANY
    identifier = new_id()
    more = {"id": identifier, "actor": author.actor.value, "actor_address": author.address, "asked": kept}
    insert_rows(session, TABLE, [{**row, **more, "created_at": now, "next_attempt_at": now}])
    return identifier


# Looking


_SELECT = (
    "SELECT e.id, e.actor, e.actor_id, e.actor_address, e.actor_group_id, e.asked, e.format, e.language, e.time_zone, e.state, e.total,"
    ' e.done, e.size, e.fault, e.created_at, e.cancelled_at, e.finished_at, e.expires_at FROM export e JOIN "group" a'
    " ON a.id = e.actor_group_id AND a.tenant_id = e.tenant_id WHERE e.tenant_id = :tenant_id AND e.group_id = :group_id"
    " AND a.path <@ CAST(:authority AS ltree)"
)
_GET = text(f"{_SELECT} AND e.id = :id")
_LATEST = text(f"{_SELECT} ORDER BY e.id DESC LIMIT :most")


def get(session: Session, now: datetime, place: Place, authority: Place, export_id: UUID) -> ExportRow | None:
    """An export of the group `place`, for who administers it by being an admin of `authority`; None if there is none for them."""
    row = session.execute(_GET, {**_seen_from(place, authority), "id": export_id}).first()
    return None if row is None else _export(row, now)


def latest(
    session: Session, now: datetime, place: Place, authority: Place, most: int = 20
) -> list[ExportRow]:
    """The group's exports that they may have, the newest first."""
    rows = session.execute(_LATEST, {**_seen_from(place, authority), "most": most})
    return [_export(row, now) for row in rows]


def _seen_from(place: Place, authority: Place) -> dict[str, object]:
    return {"tenant_id": place.tenant_id, "group_id": place.id, "authority": authority.path}


def _export(row: Row[tuple[object, ...]], now: datetime) -> ExportRow:
    return ExportRow(
        id=row.id,
        author=Author(Actor(row.actor), row.actor_id, row.actor_address, row.actor_group_id),
        asked=row.asked,
        format=Format(row.format),
        language=row.language,
        time_zone=row.time_zone,
        stage=_stage(row, now),
        total=row.total,
        done=row.done,
        size=row.size or 0,
        fault=Fault(row.fault) if row.fault else None,
        created_at=row.created_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
    )


def _stage(row: Row[tuple[object, ...]], now: datetime) -> Stage:
    if row.cancelled_at is not None:
        return Stage.CANCELLED
    match WorkState(row.state):
        case WorkState.READY:
            return Stage.WAITING
        case WorkState.LEASED:
            return Stage.RUNNING
        case WorkState.PARKED:
            return Stage.FAILED
        case _:
            return Stage.READY if row.expires_at > now else Stage.EXPIRED


# Calling off, fetching, forgetting


_CANCEL = text(
    f"UPDATE export SET state = 'done', cancelled_at = :now, lease_id = NULL WHERE id = :id AND tenant_id = :tenant_id AND {OPEN_SQL}"
    " RETURNING id"
)


def cancel(session: Session, now: datetime, tenant_id: UUID, export_id: UUID) -> bool:
    """Call an export off; False if it was not open any more. A worker that is at it notices, and leaves nothing."""
    parameters = {"id": export_id, "tenant_id": tenant_id, "now": now}
    return session.execute(_CANCEL, parameters).first() is not None


_PIECE = text(
    "SELECT data FROM export_chunk WHERE export_id = :id AND tenant_id = :tenant_id AND place = :place"
)


def pieces(
    opened: Callable[[], AbstractContextManager[Session]], tenant_id: UUID, export_id: UUID
) -> Iterator[bytes]:
    """The file, piece by piece, each read in a session of its own that `opened` gives, so that a slow reader holds none."""
    place = 0
    while True:
        with opened() as session:
            parameters = {"id": export_id, "tenant_id": tenant_id, "place": place}
            data = session.execute(_PIECE, parameters).scalar()
        if data is None:
            return
        yield bytes(data)
        place += 1


_EMPTY = text(
    "DELETE FROM export_chunk WHERE export_id IN (SELECT e.id FROM export e WHERE e.expires_at <= :now"
    " AND EXISTS (SELECT FROM export_chunk c WHERE c.export_id = e.id) ORDER BY e.expires_at LIMIT 100)"
)
_FORGET = text(f"DELETE FROM export WHERE created_at < :before AND NOT ({OPEN_SQL})")


def forget_old(session: Session, now: datetime) -> None:
    """Drop files that can no longer be fetched, and after a while what is known of them."""
    session.execute(_EMPTY, {"now": now})
    session.execute(_FORGET, {"before": now - KEEP})
