"""Receipts of texts in parts: some networks give each part of a long text an id and a receipt of its own. The text is delivered when all of
its parts are, and undelivered when one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter
from messa_platform.core.pipeline import at_commit
from messa_platform.messaging.changes import Word
from messa_platform.messaging.statuses import Status


@dataclass(frozen=True, slots=True)
class Said:
    """What a network said of one of its references. `siblings` are the references of all parts of the text, the own among them; empty
    where it has one."""

    reference: str
    message_id: UUID
    siblings: Sequence[str]
    status: Status | None
    code: str
    at: datetime


# Locked in one order, and before they are read: of two that come at once the second then sees what the first said.
_LOCK = text(
    "SELECT reference, status FROM provider_reference WHERE channel_id = :channel AND reference = ANY(CAST(:references AS text[]))"
    " ORDER BY reference FOR UPDATE"
)
_KEEP = text(
    "UPDATE provider_reference p SET status = given.status FROM json_to_recordset(CAST(:rows AS json)) AS given (reference text, status text)"
    " WHERE p.channel_id = :channel AND p.reference = given.reference"
)


def words(session: Session, channel_id: UUID, said: Sequence[Said]) -> list[Word]:
    """What that says of the messages, in order. At most two statements, and none where every text has one reference."""
    in_parts = sorted({r for s in said for r in s.siblings})
    if not in_parts:
        return [_word(s, s.status) for s in said]
    rows = session.execute(_LOCK, {"channel": channel_id, "references": in_parts})
    final = {row.reference: row.status for row in rows}
    before, found = dict(final), []
    for each in said:
        if each.siblings and each.status in _FINAL:
            final[each.reference] = final.get(each.reference) or each.status
            delivered = sum(final.get(r) == Status.DELIVERED for r in each.siblings)
            found.append(_of_part(each, delivered))
        else:
            found.append(_word(each, each.status))
    changed = [{"reference": r, "status": s} for r, s in sorted(final.items()) if s != before.get(r)]
    if changed:
        at_commit(session).ask(_KEEP, {"channel": channel_id, "rows": as_parameter(changed)})
    return found


_FINAL = (Status.DELIVERED, Status.UNDELIVERED)


def _of_part(said: Said, delivered: int) -> Word:
    """What the end of a part says of the whole: while others are on their way its delivery is kept as an event alone."""
    parts = len(said.siblings)
    if said.status is Status.DELIVERED and delivered < parts:
        return Word(said.message_id, None, f"{said.code} ({delivered}/{parts})", said.at)
    return _word(said, said.status)


def _word(said: Said, status: Status | None) -> Word:
    return Word(said.message_id, status, said.code, said.at)
