"""One message of the log with all that happened to it, for an admin: everything but its text (spec L1, L4, S7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.ids import id_at, time_of
from messa_platform.messaging.log.asked import Scope
from messa_platform.messaging.models import Door
from messa_platform.messaging.statuses import Direction, Status


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a message. `code` is the provider's own; `changed` False: it was said, but moved nothing (spec S7)."""

    at: datetime
    status: Status
    changed: bool
    code: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A message as the log has it. `local` is what stood as its sender, or the number that it came to; `address` "": of nobody.

    `rule_group` is the name of the group whose rule stopped it; `send_at` the time that was chosen for it; `way` why it went by its channel.
    """

    id: UUID
    at: datetime
    group_id: UUID
    group: str
    group_removed: bool
    account_id: UUID
    address: str
    remote: str
    local: str
    direction: Direction
    door: Door
    status: Status
    parts: int
    rule_group_id: UUID | None
    rule_group: str | None
    channel_id: UUID | None
    way: str | None
    send_at: datetime | None
    happenings: tuple[Happening, ...]


_MESSAGE = (
    "SELECT m.id, m.group_id, g.name AS group_name, g.removed_at IS NOT NULL AS is_removed, m.account_id,"
    " coalesce(s.address, '') AS address, m.remote, m.local, m.direction, m.door, m.status, m.parts, m.rule_group_id,"
    " r.name AS rule_group, m.channel_id, m.way, m.send_at FROM message m"
    ' JOIN "group" g ON g.id = m.group_id AND g.tenant_id = m.tenant_id'
    " LEFT JOIN message_sender s ON s.group_id = m.group_id AND s.account_id = m.account_id AND s.tenant_id = m.tenant_id"
    ' LEFT JOIN "group" r ON r.id = m.rule_group_id AND r.tenant_id = m.tenant_id'
    " WHERE m.id = :id AND m.tenant_id = :tenant_id"
)
# An event is hardly older than its message, though another machine's clock may say so: that leaves the months before alone.
_EVENTS = text(
    "SELECT e.at, e.status, e.changed, e.code FROM message_event e WHERE e.message_id = :id AND e.tenant_id = :tenant_id"
    " AND e.id >= :low ORDER BY e.at, e.id"
)


def one(session: Session, scope: Scope, message_id: UUID) -> Logged | None:
    """A message of the scope's groups; None if they have none of that id. Two statements."""
    statement = _MESSAGE
    parameters: dict[str, Any] = {"id": message_id, "tenant_id": scope.tenant_id}
    if scope.group_ids is not None:
        statement += " AND m.group_id = ANY(CAST(:group_ids AS uuid[]))"
        parameters["group_ids"] = list(scope.group_ids)
    row = session.execute(text(statement), parameters).first()
    return None if row is None else _logged(row, _happenings(session, scope, message_id))


def _happenings(session: Session, scope: Scope, message_id: UUID) -> tuple[Happening, ...]:
    low = id_at(time_of(message_id) - timedelta(days=1))
    rows = session.execute(_EVENTS, {"id": message_id, "tenant_id": scope.tenant_id, "low": low})
    return tuple(Happening(row.at, Status(row.status), row.changed, row.code) for row in rows)


def _logged(row: Any, happenings: tuple[Happening, ...]) -> Logged:
    return Logged(
        id=row.id,
        at=time_of(row.id),
        group_id=row.group_id,
        group=row.group_name,
        group_removed=row.is_removed,
        account_id=row.account_id,
        address=row.address,
        remote=row.remote,
        local=row.local,
        direction=Direction(row.direction),
        door=Door(row.door),
        status=Status(row.status),
        parts=row.parts,
        rule_group_id=row.rule_group_id,
        rule_group=row.rule_group,
        channel_id=row.channel_id,
        way=row.way,
        send_at=row.send_at,
        happenings=happenings,
    )
