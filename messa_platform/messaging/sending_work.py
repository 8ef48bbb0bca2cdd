"""Confirmed sendings worked off (spec P2), a chunk of each in turn.

A chunk is one transaction with what it hands to `submit`, what became of each row, and how far the sending has come. So a worker may die at
any moment, and the next one goes on behind the last chunk that was committed. Each row is a submission of its own with a reference of its
own, by which it would be known if it were handed in again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.logs import logger
from messa_platform.core.work import Claim, LeaseLost, WorkQueue, pauses, work_off
from messa_platform.messaging import feed
from messa_platform.messaging.drafts import (
    NotAllowed,
    NotItsSender,
    Receipted,
    Repeated,
    Result,
    Submission,
)
from messa_platform.messaging.models import Door, SendingOutcome
from messa_platform.messaging.sending_rows import Stored, fill
from messa_platform.messaging.sendings import ACCEPTED, WORK
from messa_platform.messaging.statuses import Status, status_word
from messa_platform.messaging.submit import Announcer, submit

log = logger(__name__)

CHUNK = 200
"""Rows worked off in one transaction."""
QUEUE = WorkQueue("sending_work", WORK, timedelta(seconds=60), pauses(1, 5, 30, 300, 1800))

ACCOUNT_BLOCKED = "account_blocked"
"""The word of the rows that were left when the account might no longer send."""
SENDER_NOT_ALLOWED = "sender_not_allowed"
"""The word of those that were left when what was chosen for them to go out as was no longer open to the account."""

OUTCOME = cast(Table, SendingOutcome.__table__)


def work_off_sendings(database: Database, clock: Clock, announcer: Announcer) -> bool:
    """Work off confirmed sendings, a chunk of each in turn; True if more may wait."""
    return work_off(
        database, QUEUE, clock, lambda session, claims: _chunk(session, clock, announcer, claims[0]), batch=1
    )


_NEXT = text(
    "SELECT s.id, s.account_id, s.door, s.client_ref, s.sender_id, s.text, s.total, s.done, s.guard, s.send_at,"
    " (SELECT jsonb_agg(e.value ORDER BY e.place) FROM jsonb_array_elements(s.rows) WITH ORDINALITY AS e (value, place)"
    " WHERE e.place > s.done AND e.place <= least(s.total, s.done + :most)) AS rows FROM sending s WHERE s.id = :id FOR UPDATE"
)
_ADVANCE = text(
    "UPDATE sending SET done = :done, accepted = accepted + :accepted,"
    " finished_at = CASE WHEN :done >= total THEN CAST(:now AS timestamptz) END WHERE id = :id"
)


def _chunk(session: Session, clock: Clock, announcer: Announcer, claim: Claim) -> None:
    sending = session.execute(_NEXT, {"id": claim.id, "most": CHUNK}).one()
    rows: list[Stored] = sending.rows or []
    good = [place for place, row in enumerate(rows) if "fault" not in row]
    asked = [_submission(sending, sending.done + place, rows[place]) for place in good]
    results = dict(zip(good, submit(session, clock, announcer, asked), strict=True))
    if word := next((w for w in map(_word_of_all, results.values()) if w), None):
        done, accepted = sending.total, 0
        session.execute(_GIVE_UP, {"id": sending.id, "word": word})
    else:
        done, outcomes = sending.done + len(rows), _outcomes(session, sending, rows, results)
        accepted = sum(1 for outcome in outcomes if outcome["word"] in ACCEPTED)
        insert_rows(session, OUTCOME, outcomes, "ON CONFLICT DO NOTHING")
    now = clock.now()
    session.execute(_ADVANCE, {"id": sending.id, "done": done, "accepted": accepted, "now": now})
    feed.tell(session, [sending.account_id])
    after = _END if done >= sending.total else _GO_ON
    if session.execute(after, {"id": claim.id, "lease": claim.lease_id, "now": now}).first() is None:
        raise LeaseLost(QUEUE.name)
    log.info("sending_advanced", sending=str(sending.id), done=done, total=sending.total)


def _word_of_all(result: Result) -> str | None:
    """Why neither this row nor any that is left can be sent; it is the same for all of them, since they have one account and sender id."""
    match result:
        case NotAllowed():
            return ACCOUNT_BLOCKED
        case NotItsSender():
            return SENDER_NOT_ALLOWED
    return None


_END = text(
    "DELETE FROM sending_work WHERE id = :id AND lease_id = :lease RETURNING id, CAST(:now AS timestamptz)"
)
_GO_ON = text(
    "UPDATE sending_work SET state = 'ready', attempts = 0, lease_id = NULL, next_attempt_at = :now"
    " WHERE id = :id AND lease_id = :lease RETURNING id"
)
_GIVE_UP = text(
    "INSERT INTO sending_outcome (sending_id, place, recipient, word) SELECT s.id, e.place - 1, e.value->>'number',"
    " coalesce(e.value->>'fault', :word) FROM sending s, jsonb_array_elements(s.rows) WITH ORDINALITY AS e (value, place)"
    " WHERE s.id = :id AND e.place > s.done AND e.place <= s.total ON CONFLICT DO NOTHING"
)


def _submission(sending: Any, place: int, row: Stored) -> Submission:
    return Submission(
        account_id=sending.account_id,
        door=Door(sending.door),
        client_ref=sending.client_ref,
        sender_id=sending.sender_id,
        text=fill(sending.text, row["fields"]),
        recipients=[row["number"]],
        reference=f"sending:{sending.id}:{place}",
        guard=sending.guard,
        send_at=sending.send_at,
    )


def _outcomes(
    session: Session, sending: Any, rows: Sequence[Stored], results: Mapping[int, Result]
) -> list[dict[str, object]]:
    repeated = [r.message_id for r in results.values() if isinstance(r, Repeated)]
    words = _words(session, repeated)
    outcomes: list[dict[str, object]] = []
    for place, row in enumerate(rows):
        result = results.get(place)
        message_id, word = None, row.get("fault")
        if isinstance(result, Receipted):
            message_id, word = result.entries[0].message_id, result.entries[0].word
        elif isinstance(result, Repeated):
            message_id, word = result.message_id, words[result.message_id]
        outcomes.append(
            {
                "sending_id": sending.id,
                "place": sending.done + place,
                "recipient": row["number"],
                "word": word,
                "message_id": message_id,
            }
        )
    return outcomes


_WORDS = text(
    'SELECT m.id, m.status, g.name FROM message m LEFT JOIN "group" g ON g.id = m.rule_group_id'
    " WHERE m.id = ANY(CAST(:ids AS uuid[])) AND m.id BETWEEN :first AND :last"
)


def _words(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Where messages stand that an earlier run handed in, but did not note."""
    if not message_ids:
        return {}
    bounds = {"first": min(message_ids), "last": max(message_ids)}
    rows = session.execute(_WORDS, {"ids": list(message_ids), **bounds})
    return {row.id: status_word(Status(row.status), row.name) for row in rows}
