"""Moving messages forward: many status changes in a few statements and one round trip, whatever they come from (spec S7). What is
changed travels with the commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given, store_rows
from messa_platform.core.logs import logger
from messa_platform.core.pipeline import Pipeline, at_commit
from messa_platform.messaging import feed
from messa_platform.messaging.outward.note import Happening, Push, ask_heard, note_heard
from messa_platform.messaging.statuses import Status, may_follow
from messa_platform.messaging.store import EVENT, MESSAGE, event_row

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Word:
    """Something that was said of a message: a status (None: an unknown word), the provider's own code, and when."""

    message_id: UUID
    status: Status | None
    code: str
    at: datetime


# BETWEEN lets the executor leave out the months that hold none of the ids; ANY alone does not.
_LOCK = text(
    "SELECT id, tenant_id, group_id, account_id, status, parts, quota_buckets FROM message WHERE id = ANY(CAST(:ids AS uuid[]))"
    " AND id BETWEEN :first AND :last ORDER BY id FOR UPDATE"
)
_MOVE = text(
    "UPDATE message SET status = given.status, status_at = given.status_at,"
    " parts = CASE WHEN given.status IN ('UNSENT', 'CANCELLED') THEN 0 ELSE message.parts END"
    f" FROM {given(MESSAGE, ('id', 'status', 'status_at'))}"
    " WHERE message.id = given.id AND message.id BETWEEN :first AND :last"
)


@dataclass(frozen=True, slots=True)
class Moved:
    """A message that came to a new status; `parts` and `buckets` are what it held until then."""

    message_id: UUID
    status: Status
    parts: int
    buckets: Sequence[int]


def apply(session: Session, words: Sequence[Word], push: Push | None = None) -> list[Moved]:
    """Apply words in order; each is kept as an event, and moves its message only forward. Gives what moved, in its last status.

    `push` wakes who tells endpoints of it (see `outward.note`).
    """
    if not words:
        return []
    ids = sorted({w.message_id for w in words})
    pipeline = Pipeline(session)
    locked = pipeline.ask(_LOCK, {"ids": ids, "first": ids[0], "last": ids[-1]})
    heard = ask_heard(pipeline, ids)
    pipeline.send()
    rows = {row.id: row for row in locked.rows}
    now = {i: Status(row.status) for i, row in rows.items()}
    moved: dict[UUID, Word] = {}
    events, happened = [], []
    for word in words:
        if word.message_id not in rows:
            continue
        forward = word.status is not None and may_follow(now[word.message_id], word.status)
        if forward and word.status is not None:
            now[word.message_id] = word.status
            moved[word.message_id] = word
            happened.append(_happening(rows[word.message_id], word, word.status))
        tenant_id = rows[word.message_id].tenant_id
        shown = word.status or now[word.message_id]
        events.append(event_row(word.message_id, tenant_id, shown, word.at, word.code, forward))
    last = at_commit(session)
    if moved:
        changes = [{"id": i, "status": now[i], "status_at": word.at} for i, word in moved.items()]
        last.ask(_MOVE, {"rows": as_parameter(changes), "first": min(moved), "last": max(moved)})
        feed.tell(session, {rows[i].account_id for i in moved})
    store_rows(last, EVENT, events)
    if heard():
        note_heard(session, happened, push)
    log.info("messages_moved", messages={str(i): now[i].value for i in moved}, words=len(words))
    return [Moved(i, now[i], rows[i].parts, rows[i].quota_buckets or ()) for i in moved]


def _happening(row: Any, word: Word, status: Status) -> Happening:
    return Happening(row.tenant_id, row.group_id, row.account_id, row.id, status, word.code, word.at)
