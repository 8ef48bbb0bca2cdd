"""An account's threads as its owner sees them (spec P1): the newest first, a page at a time, and searched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from unicodedata import category
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from messa_platform.messaging.statuses import Direction, Status, status_word

SEARCHED_TEXTS = 20_000
"""Of an account's texts the newest so many are searched: what that costs is bounded, however long the account has sent."""

PREVIEW_LENGTH = 120
LONGEST_SEARCH = 100
FEWEST_DIGITS = 3
"""So many digits are taken for a part of a number; fewer would be found in nearly all of them."""


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread in the list. `unread` counts texts. `last_at` orders the list.

    `preview`, `direction`, `status` and `word` (the status as shown) are of its last text, in a search of the newest that has what was
    searched for; `preview` is one line, "" with no direction and status if there is no such text any more, and None if its words were removed.
    `opted_out`: the number said STOP.
    """

    id: UUID
    remote: str
    display_name: str
    last_at: datetime
    unread: int
    preview: str | None
    direction: Direction | None
    status: Status | None
    word: str
    opted_out: bool


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Some threads; `next` leads to those after them. `unread` counts the account's threads with something unread, whatever is searched."""

    threads: list[ThreadRow]
    next: str | None
    unread: int


SHOWN = (
    "page.id, page.remote, page.display_name, page.last_message_at, page.unread,"
    " m.direction, m.status, m.text, g.name AS rule_group, o.at AS opted_out_at"
)
"""What `thread_row` reads; of FROM items `page` (a thread, with the id of the message to show as `shown`) and `SHOWN_FROM`."""

# The LIMIT makes it a look-up for each thread, which goes into the one month that has the message. The planner does not count on
# that, and would rather read all messages of all months where they are not many.
SHOWN_FROM = (
    "LEFT JOIN LATERAL (SELECT * FROM message WHERE id = page.shown LIMIT 1) m ON true"
    ' LEFT JOIN "group" g ON g.id = m.rule_group_id'
    " LEFT JOIN opt_out o ON o.account_id = page.account_id AND o.remote = page.remote"
)

# BETWEEN, since told that the account equals something the planner would rather walk a month's ids past everybody's texts, where it expects
# many of the account's: in the order of both, only the account's index hands them out.
_HIT = (
    "hit AS MATERIALIZED (SELECT DISTINCT ON (thread_id) thread_id, id FROM (SELECT id, thread_id, text FROM message"
    f" WHERE account_id BETWEEN :account AND :account ORDER BY account_id DESC, id DESC LIMIT {SEARCHED_TEXTS}) newest"
    " WHERE text ILIKE :words ORDER BY thread_id, id DESC),"
)
_MATCHES = (
    " AND (t.id IN (SELECT thread_id FROM hit) OR t.display_name ILIKE :words"
    " OR t.remote LIKE ANY (CAST(:numbers AS text[])))"
)


# A plan that is made once for all values expects of each account as few texts as the average has, reads all there are and sorts them.
_PLAN_FOR_THESE_VALUES = text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")


@cache
def _statement(limit: int, searching: bool) -> TextClause:
    # BETWEEN, and the limit in the text: told that the account equals something, the planner expects as few threads as the average account
    # has, and reads and sorts them all where it should walk the index from its end.
    own = "t.account_id = :account" if searching else "t.account_id BETWEEN :account AND :account"
    shown = "coalesce(hit.id, latest.last_message_id)" if searching else "latest.last_message_id"
    return text(
        f"WITH {_HIT if searching else ''} latest AS (SELECT t.* FROM thread t WHERE {own}"
        f" AND (t.last_message_at, t.id) < (:at, :id){_MATCHES if searching else ''}"
        f" ORDER BY t.account_id DESC, t.last_message_at DESC, t.id DESC LIMIT {limit + 1})"
        f" SELECT unread.threads AS unread_threads, {SHOWN}"
        " FROM (SELECT count(*) AS threads FROM thread WHERE account_id = :account AND unread > 0) unread"
        f" LEFT JOIN (SELECT latest.*, {shown} AS shown FROM latest"
        f"{' LEFT JOIN hit ON hit.thread_id = latest.id' if searching else ''}) page ON true {SHOWN_FROM}"
        " ORDER BY page.last_message_at DESC, page.id DESC"
    )


def threads(
    session: Session,
    account_id: UUID,
    *,
    search: str = "",
    country_code: str = "46",
    after: str | None = None,
    limit: int = 50,
) -> ThreadPage:
    """A page of an account's threads, in one statement, a search in two; `after` is a former page's `next`, anything else begins at the first.

    `search` is looked for in names, in numbers as people write them in the country `country_code`, and in the newest `SEARCHED_TEXTS` texts.
    """
    words = on_one_line(search)[:LONGEST_SEARCH].strip()
    at, last_id = _read_cursor(after)
    parameters: dict[str, Any] = {"account": account_id, "at": at, "id": last_id}
    if words:
        session.execute(_PLAN_FOR_THESE_VALUES)
        parameters |= {"words": f"%{_literal(words)}%", "numbers": _number_patterns(words, country_code)}
    rows = session.execute(_statement(limit, bool(words)), parameters).all()
    found = [row for row in rows if row.id is not None]
    page = [thread_row(row, words) for row in found[:limit]]
    return ThreadPage(page, _cursor(page[-1]) if len(found) > limit else None, rows[0].unread_threads)


def on_one_line(written: str) -> str:
    """What somebody wrote into a field of one line, without what no such field should hold and PostgreSQL would not take."""
    return " ".join("".join(" " if category(c) in ("Cc", "Cs") else c for c in written).split())


def thread_row(row: Any, searched: str = "") -> ThreadRow:
    """A row of `SHOWN` as it is shown."""
    status = Status(row.status) if row.status else None
    return ThreadRow(
        row.id,
        row.remote,
        row.display_name,
        row.last_message_at,
        row.unread,
        None if row.status and row.text is None else _preview(row.text or "", searched),
        Direction(row.direction) if row.direction else None,
        status,
        status_word(status, row.rule_group) if status else "",
        row.opted_out_at is not None,
    )


def _preview(words: str, searched: str) -> str:
    """One line of a text: its beginning, or what stands around what was searched for."""
    line = " ".join(words.split())
    if len(line) <= PREVIEW_LENGTH:
        return line
    place = line.lower().find(searched.lower())
    begin = max(0, place - PREVIEW_LENGTH // 4)
    if begin + len(searched) + PREVIEW_LENGTH // 4 < PREVIEW_LENGTH:
        begin = 0
    shown = line[begin : begin + PREVIEW_LENGTH].strip()
    return f"{'…' if begin else ''}{shown}{'…' if begin + PREVIEW_LENGTH < len(line) else ''}"


def _literal(words: str) -> str:
    """Words as a LIKE pattern that means just them."""
    return re.sub(r"([\\%_])", r"\\\1", words)


_NUMBER = re.compile(r"\+?[0-9\s.\-()/\u2010-\u2015]+")
# "+46 (0)70-174 06 05", as letterheads have it
_TRUNK_ZERO = re.compile(r"^((?:\+|00)\s*[1-9][0-9]{0,2}\s*)\(0\)")


def _number_patterns(words: str, country_code: str) -> list[str]:
    """LIKE patterns of the E.164 numbers of which `words` may be a part; none if it is no part of a number."""
    if not _NUMBER.fullmatch(words):
        return []
    digits = re.sub("[^0-9]", "", _TRUNK_ZERO.sub(r"\1", words))
    if len(digits) < FEWEST_DIGITS:
        return []
    if words.startswith("+"):
        return [f"+{digits}%"]
    if digits.startswith("00"):
        return [f"+{digits[2:]}%", f"%{digits}%"]
    if digits.startswith("0"):
        return [f"+{country_code}{digits[1:]}%", f"%{digits}%"]
    return [f"%{digits}%"]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGIN = datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1)


def _cursor(row: ThreadRow) -> str:
    return f"{(row.last_at - _EPOCH) // timedelta(microseconds=1)}-{row.id.hex}"


def _read_cursor(cursor: str | None) -> tuple[datetime, UUID]:
    moment, _, identifier = (cursor or "").partition("-")
    try:
        return _EPOCH + timedelta(microseconds=int(moment)), UUID(identifier)
    except (ValueError, OverflowError):
        return _BEGIN
