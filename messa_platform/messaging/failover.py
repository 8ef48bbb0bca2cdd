"""Texts that wait for a channel that does not work, or was paused, go another way where there is one (spec X4).

Only those move of which it is sure that no provider has them: never sent, or refused for now. What is in doubt stays, to be asked for there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.core.logs import logger
from messa_platform.messaging.changes import Word, apply
from messa_platform.messaging.store import MESSAGE
from messa_platform.providers.routing import routes

log = logger(__name__)

BATCH = 500

# A row is `ready` before its first try and after a sure refusal, and where its provider may have it but knows a repeat; that has a doubt.
_WAITING = text(
    "SELECT id, tenant_id FROM dispatch_queue WHERE channel_id = :channel AND state = 'ready' AND doubts = 0 ORDER BY id LIMIT :most"
    " FOR UPDATE SKIP LOCKED"
)
_MOVE = text(
    "UPDATE dispatch_queue d SET channel_id = given.channel_id, next_attempt_at = :now"
    f" FROM {given(MESSAGE, ('id', 'channel_id'))} WHERE d.id = given.id"
)
_LEAVE_BY = text(
    f"UPDATE message SET channel_id = given.channel_id FROM {given(MESSAGE, ('id', 'channel_id'))}"
    " WHERE message.id = given.id AND message.id BETWEEN :first AND :last"
)
_NAME = text("SELECT name FROM channel WHERE id = :id")

MOVED = "moved_from"
"""How the code of the event begins that says by which channel a text did not go."""


def move(session: Session, now: datetime, channel_id: UUID, waiting: Callable[[Session, UUID], None]) -> int:
    """Move up to `BATCH` texts that wait for a channel to where their tenants' texts leave now; `waiting` is told of each channel that got some.
    Gives how many were moved; 0: there are none, or no other way."""
    rows = session.execute(_WAITING, {"channel": channel_id, "most": BATCH}).all()
    ways = routes(session, {row.tenant_id for row in rows})
    moved = [(row.id, way) for row in rows if (way := ways.get(row.tenant_id)) not in (None, channel_id)]
    if not moved:
        return 0
    ids = [identifier for identifier, _ in moved]
    given_rows: Any = as_parameter([{"id": i, "channel_id": way} for i, way in moved])
    name = session.execute(_NAME, {"id": channel_id}).scalar() or channel_id
    # the messages after their rows in the queue, and in the order of their ids, as whoever writes outcomes locks them
    apply(session, [Word(i, None, f"{MOVED} {name}", now) for i in ids])
    session.execute(_LEAVE_BY, {"rows": given_rows, "first": min(ids), "last": max(ids)})
    session.execute(_MOVE, {"rows": given_rows, "now": now})
    for way in sorted({way for _, way in moved if way is not None}):
        waiting(session, way)
    log.warning("texts_moved", channel=name, texts=len(moved))
    return len(moved)
