"""The places of this room that keep words: messages, and the texts to many. What waits to be sent keeps its own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.messaging.retention.words import Due, Place, after

BATCH = 2000
"""Messages in one transaction."""

# Of a text that was written long ago and waited for its time, that time counts.
_FREE = "(m.status NOT IN ('SCHEDULED', 'QUEUED') AND (m.send_at IS NULL OR m.send_at < :before OR m.status = 'CANCELLED'))"
# What is free stays free: no status goes back to waiting.
_OLD = text(
    f"SELECT m.id, {_FREE} AS is_free FROM message m WHERE m.tenant_id = :tenant_id AND m.id >= :begin AND m.id < :end"
    " ORDER BY m.id LIMIT :most"
)
# The LIMIT makes it a look-up for each; else all months of messages might be read.
_RELEASED = text(
    "SELECT found.id FROM held_text h CROSS JOIN LATERAL (SELECT m.id FROM message m WHERE m.id = h.message_id"
    f" AND {_FREE} LIMIT 1) found WHERE h.tenant_id = :tenant_id LIMIT :most"
)
# Locked in the order in which all others lock messages. BETWEEN lets the executor leave out the months that hold none of them.
_THESE = "id = ANY(CAST(:ids AS uuid[])) AND id BETWEEN :first AND :last AND text IS NOT NULL"
_LOCK = text(f"SELECT id FROM message WHERE {_THESE} ORDER BY id FOR NO KEY UPDATE")
_REMOVE = text(f"UPDATE message SET text = NULL WHERE {_THESE}")
_HOLD = text(
    "INSERT INTO held_text (message_id, tenant_id) SELECT id, :tenant_id FROM unnest(CAST(:ids AS uuid[])) AS h (id)"
    " ON CONFLICT DO NOTHING"
)
_LET_GO = text("DELETE FROM held_text WHERE message_id = ANY(CAST(:ids AS uuid[]))")


def empty_messages(session: Session, due: Due) -> UUID | None:
    """Remove the words of a batch of messages; those that still wait to be sent are passed over and come back later."""
    released = _released(session, due.tenant_id, due.before)
    parameters = {
        "tenant_id": due.tenant_id,
        "begin": due.begin,
        "end": due.end,
        "before": due.before,
        "most": BATCH,
    }
    rows = session.execute(_OLD, parameters).all()
    _remove(session, [row.id for row in rows if row.is_free])
    held = [row.id for row in rows if not row.is_free]
    if held:
        session.execute(_HOLD, {"ids": held, "tenant_id": due.tenant_id})
    if len(rows) == BATCH:
        return after(rows[-1].id)
    return due.begin if released == BATCH else None


def _released(session: Session, tenant_id: UUID, before: datetime) -> int:
    """Remove the words of messages that were passed over and wait no more; gives how many."""
    parameters = {"tenant_id": tenant_id, "before": before, "most": BATCH}
    ids = sorted(session.execute(_RELEASED, parameters).scalars())
    _remove(session, ids)
    if ids:
        session.execute(_LET_GO, {"ids": ids})
    return len(ids)


def _remove(session: Session, ids: list[UUID]) -> None:
    if ids:
        parameters = {"ids": ids, "first": ids[0], "last": ids[-1]}
        session.execute(_LOCK, parameters).all()
        session.execute(_REMOVE, parameters)


# An index has those that have words: however many a tenant has sent, those of its last days.
_SENDINGS = text(
    "UPDATE sending SET text = '', rows = '[]' WHERE id IN (SELECT id FROM sending WHERE tenant_id = :tenant_id AND text <> ''"
    " AND finished_at < :before AND (send_at IS NULL OR send_at < :before) LIMIT :most)"
)


def empty_sendings(session: Session, due: Due) -> UUID | None:
    """Remove the words of a batch of texts to many that are worked off; what they had to say of each recipient goes with them."""
    parameters = {"tenant_id": due.tenant_id, "before": due.before, "most": BATCH}
    emptied: int = session.execute(_SENDINGS, parameters).rowcount  # type: ignore[attr-defined]
    return due.begin if emptied == BATCH else None


PLACES = (Place("message", empty_messages), Place("sending", empty_sendings))
