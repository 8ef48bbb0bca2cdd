"""One thread, opened: its messages with what became of them (spec P1-P3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from messa_platform.core.segments import Encoding
from messa_platform.messaging import feed
from messa_platform.messaging.inbox import SHOWN, SHOWN_FROM, ThreadRow, on_one_line, thread_row
from messa_platform.messaging.statuses import Direction, Status, status_word

LONGEST_NAME = 60
MOST_SCHEDULED = 100
"""So many of a thread's texts that wait for their time are shown, the next ones first."""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message in its thread. `at` is when it was handed in or came, or the time that was chosen for it; `word` the status as shown.

    `parts` is what is charged. `send_at` is the chosen time, if there was one. `text` is None once it was removed; `keep_text_days`
    is then for how long its tenant keeps texts now, None if that is for ever by now, or another tenant's (spec L4).
    """

    id: UUID
    direction: Direction
    text: str | None
    status: Status
    word: str
    at: datetime
    status_at: datetime
    parts: int
    encoding: Encoding
    send_at: datetime | None
    keep_text_days: int | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread with its newest messages, or those before a place; `older` leads to what came before them, None at the beginning.

    `scheduled` are the texts that wait for their time, the next one first. `opted_out_at` is when the number said STOP, None while it has not.
    """

    thread: ThreadRow
    messages: list[MessageRow]
    older: str | None
    scheduled: list[MessageRow]
    opted_out_at: datetime | None


_THREAD = text(
    f"SELECT {SHOWN} FROM (SELECT t.*, t.last_message_id AS shown FROM thread t WHERE t.id = :thread AND t.account_id = :account) page"
    f" {SHOWN_FROM}"
)
_MESSAGE = (
    "m.id, m.direction, m.text, m.status, m.status_at, m.parts, m.encoding, m.send_at, m.created_at, g.name AS rule_group,"
    " CASE WHEN m.text IS NULL THEN (SELECT t.keep_text_days FROM tenant t WHERE t.id = m.tenant_id) END AS keep_text_days"
)
_GROUP = 'LEFT JOIN "group" g ON g.id = m.rule_group_id'
_WAITING = text(
    f"SELECT {_MESSAGE} FROM scheduled_text s JOIN message m ON m.id = s.id {_GROUP} WHERE s.account_id = :account AND s.remote = :remote"
    f" AND m.status = 'SCHEDULED' ORDER BY m.send_at, m.id LIMIT {MOST_SCHEDULED}"
)


# A thread's messages are read by index from the newest on, however many there are. The planner must not know better: told that the thread
# equals something it expects as few messages as an average thread has, and reads them all to sort them; shown which thread it is, it
# finds that worth planning anew each time, for all months there are, which takes longer than the reading.
_THE_THREAD, _THE_PLACE = "(SELECT CAST(:thread AS uuid))", "(SELECT CAST(:before AS uuid))"


_OF_THREAD = (
    f"FROM message m {{more}} WHERE (m.thread_id, m.id) < ({_THE_THREAD}, {_THE_PLACE}) AND m.thread_id >= {_THE_THREAD}"
    " AND EXISTS (SELECT FROM thread WHERE id = :thread AND account_id = :account){but} ORDER BY m.thread_id DESC, m.id DESC"
)
_BUT_WAITING = " AND m.status <> 'SCHEDULED'"


@cache
def _messages(limit: int) -> TextClause:
    return text(f"SELECT {_MESSAGE} {_OF_THREAD.format(more=_GROUP, but=_BUT_WAITING)} LIMIT {limit + 1}")


_LAST = UUID(int=2**128 - 1)


def open_thread(
    session: Session, account_id: UUID, thread_id: UUID, before: str | None = None, limit: int = 50
) -> Conversation | None:
    """A thread of the account, in three statements; None if it has no such thread.

    `before` is the `older` of what was shown before; anything else begins at the newest message. Pages are cut by when a message was handed
    in; in a page they stand by their times, so that one which waited stands where it left.
    """
    header = session.execute(_THREAD, {"thread": thread_id, "account": account_id}).one_or_none()
    if header is None:
        return None
    parameters = {"thread": thread_id, "account": account_id, "before": _as_id(before) or _LAST}
    rows = session.execute(_messages(limit), parameters).all()
    page = rows[:limit]
    waiting = session.execute(_WAITING, {"account": account_id, "remote": header.remote})
    return Conversation(
        thread_row(header),
        sorted((_message_row(row) for row in page), key=lambda m: (m.at, m.id)),
        str(page[-1].id) if len(rows) > limit else None,
        [_message_row(row) for row in waiting],
        header.opted_out_at,
    )


def find(session: Session, account_id: UUID, thread_id: UUID) -> ThreadRow | None:
    """A thread of the account as it stands in the list of them; None if it has no such thread."""
    row = session.execute(_THREAD, {"thread": thread_id, "account": account_id}).one_or_none()
    return None if row is None else thread_row(row)


@cache
def _ids(limit: int) -> TextClause:
    return text(f"SELECT m.id {_OF_THREAD.format(more='', but='')} LIMIT {limit}")


def message_ids(
    session: Session, account_id: UUID, thread_id: UUID, before: UUID | None, limit: int
) -> list[UUID]:
    """A thread's messages, also those that wait for their time, the newest first; at most so many, handed in before `before`. Of a thread
    that is not the account's there are none."""
    parameters = {"thread": thread_id, "account": account_id, "before": before or _LAST}
    return list(session.execute(_ids(limit), parameters).scalars())


def _message_row(row: Any) -> MessageRow:
    status = Status(row.status)
    return MessageRow(
        row.id,
        Direction(row.direction),
        row.text,
        status,
        status_word(status, row.rule_group),
        row.send_at or row.created_at,
        row.status_at,
        row.parts,
        Encoding(row.encoding),
        row.send_at,
        row.keep_text_days,
    )


def _as_id(words: str | None) -> UUID | None:
    try:
        return UUID(words or "")
    except ValueError:
        return None


_READ = text("UPDATE thread SET unread = 0 WHERE id = :thread AND account_id = :account AND unread > 0")
_RENAME = text("UPDATE thread SET display_name = :name WHERE id = :thread AND account_id = :account")
_FIND = text("SELECT id FROM thread WHERE account_id = :account AND remote = :remote")


def mark_read(session: Session, account_id: UUID, thread_id: UUID) -> None:
    """Nothing of the thread is unread any more; the account's other windows learn of it if something was."""
    if _changes(session.execute(_READ, {"thread": thread_id, "account": account_id})):
        feed.tell(session, [account_id])


def rename(session: Session, account_id: UUID, thread_id: UUID, name: str) -> bool:
    """Give a thread its owner's own name (spec P3), on one line and cut after `LONGEST_NAME` characters; "" takes it away.

    False if the account has no such thread.
    """
    shown = on_one_line(name)[:LONGEST_NAME].strip()
    parameters = {"thread": thread_id, "account": account_id, "name": shown}
    if not _changes(session.execute(_RENAME, parameters)):
        return False
    feed.tell(session, [account_id])
    return True


def find_thread(session: Session, account_id: UUID, remote: str) -> UUID | None:
    """The account's thread with a number, E.164 with `+`, if there is one."""
    found: UUID | None = session.execute(_FIND, {"account": account_id, "remote": remote}).scalar()
    return found


def _changes(result: Any) -> bool:
    return bool(result.rowcount)
