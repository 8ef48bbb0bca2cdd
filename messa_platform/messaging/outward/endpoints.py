"""Endpoints of a group: webhooks, and the `api_url`s of its API users; found, turned on and off, removed (spec A3, V6).

They are made and changed in `office`. Each statement names the tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.outbound import Fault
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import DisabledWhy, EndpointKind, EndpointState
from messa_platform.messaging.outward.told import Disabled, note_disabled, shown
from messa_platform.tenants.api_users.users import Conflict
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.people.moving import hold
from messa_platform.tenants.places import Place

MOST = 20
"""Webhooks that a group may have."""
LONGEST_DESCRIPTION = 200
LONGEST_URL = 1000
"""Characters of an address; each door says so in its own way, before anything is asked of it."""
OVERLAP = timedelta(hours=24)
"""For how long the secret before a rotation signs as well, unless otherwise said."""
LONGEST_OVERLAP = timedelta(days=90)
LOOK_UP = 3.0
"""Seconds that the look-up of an address's name may take."""


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint as its page shows it: a webhook of `group_id`, or the `api_url` of `account_id`. `event_types` empty: all.

    `failing_since` tells since when nothing was taken; it is tried again at `paused_until`. Until `old_secret_until` two secrets sign.
    """

    id: UUID
    tenant_id: UUID
    group_id: UUID | None
    account_id: UUID | None
    kind: EndpointKind
    url: str
    description: str
    event_types: frozenset[EventType]
    state: EndpointState
    disabled_at: datetime | None
    disabled_why: DisabledWhy | None
    failing_since: datetime | None
    failures: int
    paused_until: datetime | None
    old_secret_until: datetime | None
    version: int
    created_at: datetime


class Refusal(StrEnum):
    """Why nothing was changed."""

    UNKNOWN = "unknown"
    """There is no such endpoint in the group."""
    TOO_MANY = "too_many"
    """The group has `MOST` already."""
    TOO_LONG = "too_long"
    """The description has more than `LONGEST_DESCRIPTION` characters."""
    TOO_FAR = "too_far"
    """The overlap is longer than `LONGEST_OVERLAP`, or less than nothing."""
    DISABLED = "disabled"
    """It is told nothing at present."""


@dataclass(frozen=True, slots=True)
class BadUrl:
    """The address cannot be told anything; `fault` says why (its sentence is in `core.outbound.SENTENCES`)."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Wish:
    """An endpoint that is wanted. `event_types` empty: all."""

    url: str
    description: str = ""
    event_types: frozenset[EventType] = frozenset()


@dataclass(frozen=True, slots=True)
class Made:
    """A webhook and its new secret, which is told this once."""

    endpoint: EndpointRow
    secret: str


Undone = Refusal | Conflict | NotAdmin

COLUMNS = (
    "id, tenant_id, group_id, account_id, kind, url, description, event_types, state, disabled_at, disabled_why, failing_since, failures,"
    " paused_until, old_secret_until, version, created_at"
)
_SELECT = f"SELECT {COLUMNS} FROM event_endpoint e WHERE e.tenant_id = :tenant_id"
# An endpoint is looked after where it is: in the group that has it, or that has its API user.
IN_GROUP = (
    "(e.group_id = :group_id OR e.account_id IN (SELECT a.id FROM account a WHERE a.tenant_id = :tenant_id AND a.group_id = :group_id"
    " AND a.kind = 'api' AND a.removed_at IS NULL))"
)
_OF_GROUP = text(f"{_SELECT} AND e.group_id = :group_id ORDER BY e.id")
_ONE = text(f"{_SELECT} AND {IN_GROUP} AND e.id = :id")
_HELD = text(f"{_SELECT} AND {IN_GROUP} AND e.id = :id FOR NO KEY UPDATE")
_OF_USERS = text(
    f"{_SELECT} AND {IN_GROUP} AND e.account_id = ANY(CAST(:ids AS uuid[])) ORDER BY e.account_id"
)
_WELL = "failures = 0, failing_since = NULL, paused_until = NULL"
_ENABLE = text(
    f"UPDATE event_endpoint SET state = 'active', disabled_at = NULL, disabled_why = NULL, {_WELL}, version = version + 1 WHERE id = :id"
    f" RETURNING {COLUMNS}"
)
_DISABLE = text(
    "UPDATE event_endpoint SET state = 'disabled', disabled_at = :now, disabled_why = 'admin', version = version + 1 WHERE id = :id"
    f" RETURNING {COLUMNS}"
)
REMOVE = text("DELETE FROM event_endpoint WHERE id = :id")


def endpoint_of(row: Row[Any]) -> EndpointRow:
    """A row of `COLUMNS` as an endpoint."""
    typed = {
        "kind": EndpointKind(row.kind),
        "event_types": frozenset(EventType(t) for t in row.event_types),
        "state": EndpointState(row.state),
        "disabled_why": DisabledWhy(row.disabled_why) if row.disabled_why else None,
    }
    return EndpointRow(**{**row._mapping, **typed})


def where(place: Place, **more: object) -> dict[str, object]:
    """The parameters that name a group, and more."""
    return {"tenant_id": place.tenant_id, "group_id": place.id, **more}


def of_group(session: Session, place: Place) -> list[EndpointRow]:
    """The webhooks right in a group, oldest first."""
    return [endpoint_of(row) for row in session.execute(_OF_GROUP, where(place))]


def api_urls(session: Session, place: Place, user_ids: Sequence[UUID]) -> dict[UUID, EndpointRow]:
    """The `api_url`s of API users of the group, by API user; one statement."""
    rows = session.execute(_OF_USERS, where(place, ids=list(user_ids)))
    return {row.account_id: endpoint_of(row) for row in rows}


def read(session: Session, place: Place, endpoint_id: UUID) -> EndpointRow | None:
    """A webhook of the group, or the `api_url` of one of its API users; None if there is none of that id."""
    row = session.execute(_ONE, where(place, id=endpoint_id)).first()
    return None if row is None else endpoint_of(row)


_GROUP = text(
    "SELECT group_id FROM event_endpoint WHERE id = :id AND tenant_id = :tenant_id AND group_id IS NOT NULL"
)


def group_of(session: Session, tenant_id: UUID, endpoint_id: UUID) -> UUID | None:
    """The group that has a webhook; None if the tenant has none of that id."""
    found: UUID | None = session.execute(_GROUP, {"id": endpoint_id, "tenant_id": tenant_id}).scalar()
    return found


def held(
    session: Session, author: Author, place: Place, endpoint_id: UUID, version: int | None = None
) -> EndpointRow | Undone:
    """An endpoint, locked, if it is the author's to change, and as the author has seen it. `version` None: however it is."""
    hold(session, place.tenant_id)
    if not administers(session, author, place.tenant_id, place.id):
        return NotAdmin()
    row = session.execute(_HELD, where(place, id=endpoint_id)).first()
    if row is None:
        return Refusal.UNKNOWN
    endpoint = endpoint_of(row)
    return endpoint if version in (None, endpoint.version) else Conflict(endpoint.version)


def enable(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    endpoint_id: UUID,
    version: int | None = None,
) -> EndpointRow | Undone:
    """Tell an endpoint again, also what waits for it; its failures are forgotten."""
    was = held(session, author, place, endpoint_id, version)
    if not isinstance(was, EndpointRow):
        return was
    endpoint = endpoint_of(session.execute(_ENABLE, {"id": was.id}).one())
    if was.state is EndpointState.DISABLED:
        states = {"state": was.state.value}, {"state": endpoint.state.value}
        write_down(session, now, author, place, endpoint, Action.WEBHOOK_CHANGED, *states)
    return endpoint


def disable(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    endpoint_id: UUID,
    version: int | None = None,
) -> EndpointRow | Undone:
    """Tell an endpoint nothing, until it is enabled again: what happens meanwhile it never hears."""
    was = held(session, author, place, endpoint_id, version)
    if not isinstance(was, EndpointRow) or was.state is EndpointState.DISABLED:
        return was
    endpoint = endpoint_of(session.execute(_DISABLE, {"id": was.id, "now": now}).one())
    own = (was.id, was.tenant_id, was.group_id, was.account_id, was.url, DisabledWhy.ADMIN)
    note_disabled(session, now, author, Disabled(*own), place.id)
    return endpoint


def remove(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    endpoint_id: UUID,
    version: int | None = None,
) -> EndpointRow | Undone:
    """Remove a webhook; what it was to be told is told to nobody. Gives it as it was."""
    was = only_webhook(held(session, author, place, endpoint_id, version))
    if not isinstance(was, EndpointRow):
        return was
    session.execute(REMOVE, {"id": was.id})
    write_down(session, now, author, place, was, Action.WEBHOOK_REMOVED, before=audited(was))
    return was


def only_webhook(found: EndpointRow | Undone) -> EndpointRow | Undone:
    """The same, unless it is an endpoint of another kind."""
    is_other = isinstance(found, EndpointRow) and found.kind is not EndpointKind.WEBHOOK
    return Refusal.UNKNOWN if is_other else found


def audited(endpoint: EndpointRow) -> dict[str, object]:
    """What the audit log has of an endpoint."""
    events = sorted(t.value for t in endpoint.event_types)
    return {"url": shown(endpoint.url), "description": endpoint.description, "events": events}


def write_down(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    endpoint: EndpointRow,
    action: Action,
    before: Any = None,
    after: Any = None,
    name: str = "",
) -> None:
    """Note a change in the audit log. `name` is of the API user whose endpoint it is."""
    subject, subject_id = name or shown(endpoint.url), endpoint.account_id or endpoint.id
    change = Change(place.tenant_id, place.id, action, subject, subject_id, before, after)
    record(session, now, author, [change])
