"""Channels as their owner runs them: in which order routing takes them, which of them are paused, and how one is removed.

The platform has channels, and so may each tenant; nobody's are seen or changed by anybody else. By a channel that is paused or removed
nothing leaves: routing and dispatch ask `enabled`. They are made and changed in `connect`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from messa_platform.providers.breaker import Breaker
from messa_platform.providers.models import Channel
from messa_platform.providers.pool import Line
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.people.moving import hold
from messa_platform.tenants.places import Place

RECEIPTS_FOR = timedelta(days=30)
"""For how long callbacks of a channel that was removed are taken: no network tells later what became of a text."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose channels are meant: those of the tenant of this Master group, by whose admins they are looked after; None: the platform's."""

    master: Place | None

    @property
    def tenant_id(self) -> UUID | None:
        """The tenant, as it stands in the channels' rows."""
        return self.master.tenant_id if self.master else None


PLATFORM = Owner(None)


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """A channel of its owner's, without its settings. `plugin` is a plugin's name; `rate` is texts a second, None for no limit; `breaker`
    whether it works just now; `version` changes with its name, rate and settings; `resends`: texts in doubt are sent once more."""

    id: UUID
    name: str
    plugin: str
    enabled: bool
    rate: float | None
    breaker: Breaker
    version: int
    resends: bool


class Outcome(StrEnum):
    """What became of a change."""

    DONE = "done"
    ALREADY = "already"
    """It stood so: somebody was quicker."""
    GONE = "gone"
    """There is no such channel of the owner's any more."""


Changed = Outcome | NotAdmin

COLUMNS = "id, name, plugin, enabled, rate, breaker, version, resends"
OF_OWNER = "tenant_id IS NOT DISTINCT FROM CAST(:tenant_id AS uuid) AND removed_at IS NULL"
# as `routing` takes them
_OWN = text(f"SELECT {COLUMNS} FROM channel WHERE {OF_OWNER} ORDER BY priority, id")
_ONE = text(f"SELECT {COLUMNS} FROM channel WHERE {OF_OWNER} AND id = :id")
_TENANTS = text(
    f"SELECT c.{', c.'.join(COLUMNS.split(', '))}, t.slug AS tenant_slug, t.name AS tenant_name FROM channel c JOIN tenant t"
    " ON t.id = c.tenant_id WHERE c.removed_at IS NULL ORDER BY t.name, t.id, c.priority, c.id LIMIT :most"
)


def channel_of(row: Row[Any]) -> OwnChannel:
    """A row of `COLUMNS` as a channel."""
    breaker = Breaker(row.breaker)
    return OwnChannel(row.id, row.name, row.plugin, row.enabled, row.rate, breaker, row.version, row.resends)


def own(session: Session, owner: Owner = PLATFORM) -> list[OwnChannel]:
    """An owner's channels, in the order in which routing takes them, as long as all work."""
    return [channel_of(row) for row in session.execute(_OWN, {"tenant_id": owner.tenant_id})]


def one(session: Session, channel_id: UUID, owner: Owner = PLATFORM) -> OwnChannel | None:
    """A channel of an owner's; None if there is no such."""
    row = session.execute(_ONE, {"id": channel_id, "tenant_id": owner.tenant_id}).first()
    return None if row is None else channel_of(row)


def is_own(session: Session, channel_id: UUID, owner: Owner = PLATFORM) -> bool:
    """Whether there is such a channel of the owner's."""
    return one(session, channel_id, owner) is not None


@dataclass(frozen=True, slots=True)
class TenantsChannel:
    """A channel of a tenant's, as the platform's operator may see it."""

    channel: OwnChannel
    tenant_slug: str
    tenant_name: str


def of_tenants(session: Session, most: int) -> list[TenantsChannel]:
    """Channels of all tenants, by the tenants' names; not more than `most`. For the operator alone."""
    rows = session.execute(_TENANTS, {"most": most})
    return [TenantsChannel(channel_of(row), row.tenant_slug, row.tenant_name) for row in rows]


def line_of(session: Session, channel_id: UUID, owner: Owner = PLATFORM) -> Line | None:
    """A channel of an owner's as its provider needs it, with its secrets sealed; None if there is no such."""
    its = Channel.tenant_id.is_not_distinct_from(owner.tenant_id)
    wanted = select(Channel).where(Channel.id == channel_id, its, Channel.removed_at.is_(None))
    channel = session.execute(wanted).scalar_one_or_none()
    return None if channel is None else Line.of(channel)


# All of them, by id, whatever is to be changed: so nobody waits for somebody who waits for him, and the order that is read here is the one
# that is changed. What they hold is read when the lock is there, so they are put into their order afterwards.
_LOCK = text(
    f"SELECT id, name, enabled, priority FROM channel WHERE {OF_OWNER} ORDER BY id FOR NO KEY UPDATE"
)
_ENABLE = text("UPDATE channel SET enabled = :enabled WHERE id = :id")
_REMOVE = text("UPDATE channel SET enabled = false, removed_at = :now WHERE id = :id")
_ORDER = text(
    "UPDATE channel SET priority = given.place FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS given (id, place)"
    " WHERE channel.id = given.id AND channel.priority <> given.place"
)


def held(session: Session, author: Author, owner: Owner) -> list[Row[Any]] | NotAdmin:
    """An owner's channels, which nobody else can change meanwhile, in the order in which routing takes them, if the author may change
    them."""
    if owner.master is not None:
        hold(session, owner.master.tenant_id)
        if not administers(session, author, owner.master.tenant_id, owner.master.id):
            return NotAdmin()
    rows = session.execute(_LOCK, {"tenant_id": owner.tenant_id})
    return sorted(rows, key=lambda row: (row.priority, row.id))


def _held_one(session: Session, author: Author, owner: Owner, channel_id: UUID) -> Row[Any] | Changed:
    """One of them, held with the others; or why it cannot be changed."""
    channels = held(session, author, owner)
    if isinstance(channels, NotAdmin):
        return channels
    return next((row for row in channels if row.id == channel_id), Outcome.GONE)


def change_of(
    owner: Owner, action: Action, name: str, channel_id: UUID, before: Any = None, after: Any = None
) -> Change:
    """An entry of the audit log, in that of the owner."""
    group_id = owner.master.id if owner.master else None
    return Change(owner.tenant_id, group_id, action, name, channel_id, before, after)


def pause(
    session: Session, now: datetime, author: Author, channel_id: UUID, owner: Owner = PLATFORM
) -> Changed:
    """Let no more texts leave by a channel; they take the next in use."""
    return _enable(session, now, author, channel_id, owner, enabled=False)


def resume(
    session: Session, now: datetime, author: Author, channel_id: UUID, owner: Owner = PLATFORM
) -> Changed:
    """Let texts leave by a channel again. The sweeper finds those that wait for it."""
    return _enable(session, now, author, channel_id, owner, enabled=True)


def _enable(
    session: Session, now: datetime, author: Author, channel_id: UUID, owner: Owner, *, enabled: bool
) -> Changed:
    channel = _held_one(session, author, owner, channel_id)
    if isinstance(channel, Outcome | NotAdmin):
        return channel
    if channel.enabled == enabled:
        return Outcome.ALREADY
    session.execute(_ENABLE, {"id": channel_id, "enabled": enabled})
    action = Action.CHANNEL_RESUMED if enabled else Action.CHANNEL_PAUSED
    record(session, now, author, [change_of(owner, action, channel.name, channel_id)])
    return Outcome.DONE


def move(
    session: Session, now: datetime, author: Author, channel_id: UUID, place: int, owner: Owner = PLATFORM
) -> Changed:
    """Put a channel at a place among its owner's, which counts from 1; one beyond the last is the last. The others keep their order.

    It is a place and not a direction, so that the same wish twice, or of two people, is one.
    """
    channels = held(session, author, owner)
    if isinstance(channels, NotAdmin):
        return channels
    channel = next((row for row in channels if row.id == channel_id), None)
    if channel is None:
        return Outcome.GONE
    was, wanted = channels.index(channel) + 1, min(max(place, 1), len(channels))
    if was == wanted:
        return Outcome.ALREADY
    channels.remove(channel)
    channels.insert(wanted - 1, channel)
    session.execute(_ORDER, {"ids": [row.id for row in channels]})
    places = {"place": was}, {"place": wanted}
    change = change_of(owner, Action.CHANNEL_MOVED, channel.name, channel_id, *places)
    record(session, now, author, [change])
    return Outcome.DONE


def remove(
    session: Session, now: datetime, author: Author, channel_id: UUID, owner: Owner = PLATFORM
) -> Changed:
    """Take a channel away for good: nothing leaves by it, and what waits for it goes another way where there is one. What it carried is still
    told by its provider for `RECEIPTS_FOR`."""
    channel = _held_one(session, author, owner, channel_id)
    if isinstance(channel, Outcome | NotAdmin):
        return channel
    session.execute(_REMOVE, {"id": channel_id, "now": now})
    record(session, now, author, [change_of(owner, Action.CHANNEL_REMOVED, channel.name, channel_id)])
    return Outcome.DONE


_ANOTHER_WAY = text(
    "SELECT EXISTS (SELECT FROM channel WHERE enabled AND id <> :id AND (tenant_id IS NULL OR tenant_id = CAST(:tenant_id AS uuid)))"
)


def has_another_way(session: Session, channel_id: UUID, owner: Owner = PLATFORM) -> bool:
    """Whether what waits for a channel of the owner's has another one in use that it could take."""
    given = {"id": channel_id, "tenant_id": owner.tenant_id}
    return bool(session.execute(_ANOTHER_WAY, given).scalar_one())


_FORGET = text(
    "UPDATE channel SET settings = '{}', sealed = NULL WHERE removed_at <= :before AND (sealed IS NOT NULL OR settings <> '{}')"
)


def forget_removed(session: Session, now: datetime) -> None:
    """Let go of the settings and secrets of channels whose callbacks are not taken any more. For the sweeper."""
    session.execute(_FORGET, {"before": now - RECEIPTS_FOR})
