"""Texts that wait for a channel that does not work, or was paused, go another way where there is one (spec X4).

Only those move of which it is sure that no provider has them: never sent, or refused for now. What is in doubt stays, to be asked for there.
Each goes where it would go if it were handed in now: by the same routes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.core.logs import logger
from messa_platform.messaging.changes import Word, apply
from messa_platform.messaging.lead import as_stored
from messa_platform.messaging.store import MESSAGE
from messa_platform.providers.routing.ask import routers
from messa_platform.providers.routing.choose import Decision

log = logger(__name__)

BATCH = 500

# A row is `ready` before its first try and after a sure refusal, and where its provider may have it but knows a repeat; that has a doubt.
_WAITING = text(
    "SELECT id, tenant_id, remote, local, text FROM dispatch_queue WHERE channel_id = :channel AND state = 'ready' AND doubts = 0"
    " ORDER BY id LIMIT :most"
    " FOR UPDATE SKIP LOCKED"
)
_MOVE = text(
    "UPDATE dispatch_queue d SET channel_id = given.channel_id, next_attempt_at = :now"
    f" FROM {given(MESSAGE, ('id', 'channel_id'))} WHERE d.id = given.id"
)
_LEAVE_BY = text(
    f"UPDATE message SET channel_id = given.channel_id, way = given.way FROM {given(MESSAGE, ('id', 'channel_id', 'way'))}"
    " WHERE message.id = given.id AND message.id BETWEEN :first AND :last"
)
_NAME = text("SELECT name FROM channel WHERE id = :id")

MOVED = "moved_from"
"""How the code of the event begins that says by which channel a text did not go."""


def move(session: Session, now: datetime, channel_id: UUID, waiting: Callable[[Session, UUID], None]) -> int:
    """Move up to `BATCH` texts that wait for a channel to where their tenants' texts leave now; `waiting` is told of each channel that got some.
    Gives how many were moved; 0: there are none, or no other way."""
    rows = session.execute(_WAITING, {"channel": channel_id, "most": BATCH}).all()
    moved = _elsewhere(session, now, rows, channel_id)
    if not moved:
        return 0
    ids = list(moved)
    given_rows: Any = as_parameter(
        [{"id": i, "channel_id": to.channel_id, "way": to.way.code()} for i, to in moved.items()]
    )
    name = session.execute(_NAME, {"id": channel_id}).scalar() or channel_id
    # the messages after their rows in the queue, and in the order of their ids, as whoever writes outcomes locks them
    apply(session, [Word(i, None, f"{MOVED} {name}", now) for i in ids])
    session.execute(_LEAVE_BY, {"rows": given_rows, "first": min(ids), "last": max(ids)})
    session.execute(_MOVE, {"rows": given_rows, "now": now})
    for way in sorted({to.channel_id for to in moved.values() if to.channel_id is not None}):
        waiting(session, way)
    log.warning("texts_moved", channel=name, texts=len(moved))
    return len(moved)


def _elsewhere(
    session: Session, now: datetime, rows: Sequence[Any], channel_id: UUID
) -> dict[UUID, Decision]:
    """Where the texts of these rows go instead, by their ids; those are left out for which there is nothing else."""
    deciding = routers(session, now, {row.tenant_id for row in rows})
    decided = {
        row.id: deciding[row.tenant_id].decide(as_stored(row.remote, row.local, row.text)) for row in rows
    }
    return {i: to for i, to in decided.items() if to.channel_id not in (None, channel_id)}
