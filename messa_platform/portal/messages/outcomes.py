"""What has become of a sending's rows by now: each message's status as it is, and the thread that it is in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.messaging.statuses import Status, status_word


@dataclass(frozen=True, slots=True)
class Row:
    """One recipient: its number (or what was written), the word of its status now, and its thread, if it has one."""

    place: int
    recipient: str
    word: str
    thread_id: UUID | None


_FROM = (
    " FROM sending_outcome o JOIN sending s ON s.id = o.sending_id LEFT JOIN message m ON m.id = o.message_id"
    ' LEFT JOIN "group" g ON g.id = m.rule_group_id'
)
_ROWS = text(
    f"SELECT o.place, o.recipient, o.word, m.status, g.name AS rule_group, m.thread_id{_FROM}"
    " WHERE s.id = :id AND s.account_id = :account AND o.place > :after ORDER BY o.place LIMIT :most"
)
_COUNTS = text(
    f"SELECT o.word, m.status, g.name AS rule_group, count(*) AS rows{_FROM}"
    " WHERE s.id = :id AND s.account_id = :account GROUP BY o.word, m.status, g.name"
)


def rows(session: Session, account_id: UUID, sending_id: UUID, after: int, most: int) -> list[Row]:
    """The rows of an account's sending behind the place `after`, in order."""
    given = {"id": sending_id, "account": account_id, "after": after, "most": most}
    return [Row(r.place, r.recipient, _word(r), r.thread_id) for r in session.execute(_ROWS, given)]


def counts(session: Session, account_id: UUID, sending_id: UUID) -> list[tuple[str, int]]:
    """How many rows of an account's sending have come to each status word, the most frequent first."""
    found: Counter[str] = Counter()
    for row in session.execute(_COUNTS, {"id": sending_id, "account": account_id}):
        found[_word(row)] += row.rows
    return found.most_common()


def _word(row: Any) -> str:
    return status_word(Status(row.status), row.rule_group) if row.status else row.word
