"""The platform's own channels, as its operator runs them: in which order routing takes them, and which of them are paused.

By a paused channel nothing leaves until it is resumed: routing and dispatch ask `enabled`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from messa_platform.providers.breaker import Breaker
from messa_platform.providers.models import Channel
from messa_platform.providers.pool import Line
from messa_platform.tenants.audit import Action, Author, Change, record


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """A channel of the platform's, without its settings. `plugin` is a plugin's name; `rate` is texts a second, None for no limit; `breaker`
    whether it works just now."""

    id: UUID
    name: str
    plugin: str
    enabled: bool
    rate: float | None
    breaker: Breaker


class Outcome(StrEnum):
    """What became of a change."""

    DONE = "done"
    ALREADY = "already"
    """It stood so: somebody was quicker."""
    GONE = "gone"
    """There is no such channel of the platform's any more."""


# as `routing` takes them
_OWN = text(
    "SELECT id, name, plugin, enabled, rate, breaker FROM channel WHERE tenant_id IS NULL ORDER BY priority, id"
)
_EXISTS = text("SELECT EXISTS (SELECT FROM channel WHERE id = :id AND tenant_id IS NULL)")


def own(session: Session) -> list[OwnChannel]:
    """The platform's channels, in the order in which routing takes them, as long as all work."""
    rows = session.execute(_OWN)
    return [
        OwnChannel(row.id, row.name, row.plugin, row.enabled, row.rate, Breaker(row.breaker)) for row in rows
    ]


def is_own(session: Session, channel_id: UUID) -> bool:
    """Whether there is such a channel of the platform's."""
    return bool(session.execute(_EXISTS, {"id": channel_id}).scalar_one())


def line_of(session: Session, channel_id: UUID) -> Line | None:
    """A channel of the platform's as its provider needs it, with its secrets sealed; None if there is no such."""
    wanted = select(Channel).where(Channel.id == channel_id, Channel.tenant_id.is_(None))
    channel = session.execute(wanted).scalar_one_or_none()
    return None if channel is None else Line.of(channel)


# All of them, by id, whatever is to be changed: so nobody waits for somebody who waits for him, and the order that is read here is the one
# that is changed. What they hold is read when the lock is there, so they are put into their order afterwards.
_LOCK = text(
    "SELECT id, name, enabled, priority FROM channel WHERE tenant_id IS NULL ORDER BY id FOR NO KEY UPDATE"
)
_ENABLE = text("UPDATE channel SET enabled = :enabled WHERE id = :id")
_ORDER = text(
    "UPDATE channel SET priority = given.place FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS given (id, place)"
    " WHERE channel.id = given.id AND channel.priority <> given.place"
)


def _locked(session: Session) -> list[Row[Any]]:
    """The platform's channels, which nobody else can change meanwhile, in the order in which routing takes them."""
    return sorted(session.execute(_LOCK), key=lambda row: (row.priority, row.id))


def pause(session: Session, now: datetime, author: Author, channel_id: UUID) -> Outcome:
    """Let no more texts leave by a channel; they take the next in use."""
    return _enable(session, now, author, channel_id, enabled=False)


def resume(session: Session, now: datetime, author: Author, channel_id: UUID) -> Outcome:
    """Let texts leave by a channel again. The sweeper finds those that wait for it."""
    return _enable(session, now, author, channel_id, enabled=True)


def _enable(session: Session, now: datetime, author: Author, channel_id: UUID, *, enabled: bool) -> Outcome:
    channel = next((row for row in _locked(session) if row.id == channel_id), None)
    if channel is None:
        return Outcome.GONE
    if channel.enabled == enabled:
        return Outcome.ALREADY
    session.execute(_ENABLE, {"id": channel_id, "enabled": enabled})
    action = Action.CHANNEL_RESUMED if enabled else Action.CHANNEL_PAUSED
    record(session, now, author, [Change(None, None, action, channel.name, channel_id)])
    return Outcome.DONE


def move(session: Session, now: datetime, author: Author, channel_id: UUID, place: int) -> Outcome:
    """Put a channel at a place among the platform's, which counts from 1; one beyond the last is the last. The others keep their order.

    It is a place and not a direction, so that the same wish twice, or of two operators, is one.
    """
    channels = _locked(session)
    channel = next((row for row in channels if row.id == channel_id), None)
    if channel is None:
        return Outcome.GONE
    was, wanted = channels.index(channel) + 1, min(max(place, 1), len(channels))
    if was == wanted:
        return Outcome.ALREADY
    channels.remove(channel)
    channels.insert(wanted - 1, channel)
    session.execute(_ORDER, {"ids": [row.id for row in channels]})
    moved = Change(
        None, None, Action.CHANNEL_MOVED, channel.name, channel_id, {"place": was}, {"place": wanted}
    )
    record(session, now, author, [moved])
    return Outcome.DONE
