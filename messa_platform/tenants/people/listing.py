"""The people of a group, or of it and everything below: page by page, filtered by any part of address or name (spec G11).

A page costs much the same in a group of forty and in an organisation of 200,000. What is few is read whole. Where it is many, accounts are
walked along in the order of their addresses until a page is full, which is soon, unless hardly any fit: then an index finds those.

One or two letters are the beginning of the address or of a word of the name. In the middle of words the index knows no less than three, so
that it would take reading everybody to find the few who have them there; and it is beginnings that one types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from messa_platform.tenants.places import Place

PAGE = 50
COUNTED = 1000
"""Counted so far; more than that is only told to be more."""
LONGEST_FILTER = 100

_FEW = 2000
"""Accounts up to which all are read."""
_WALK, _LONG_WALK = 4_000, 40_000
"""Accounts that are walked along for a page before something else is tried; the longer walk is for words that no index serves."""
FEWEST_WITHIN = 3
"""Letters that are found within words, too. A trigram of the index has as many; at the beginning of a word the space before it counts."""
_OFTEN = 20
"""So many of the first few fit: others surely are found on the way."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a group's people is to be shown. `below`: those of its subgroups, too. `words`: a part of address or name, in any case; less
    than `FEWEST_WITHIN` letters are the beginning of the address or of a word of the name.

    `after` is the address behind which the page begins; else `before` the one before which it ends; "" if neither. `address`: only the one
    who has this very address, as accounts have it; "" for everybody. A page has `most` people.
    """

    below: bool = False
    words: str = ""
    after: str = ""
    before: str = ""
    address: str = ""
    most: int = PAGE

    @property
    def backwards(self) -> bool:
        """Whether it is the page before an address."""
        return bool(self.before and not self.after)


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the list. `last_sent` is a time of the day on which it last sent a text since it came to its group; None if it did not."""

    id: UUID
    address: str
    display_name: str
    group_id: UUID
    is_blocked: bool
    number: str | None
    last_sent: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of people. `count` is of all that fit; `is_more`: there are that many and more, which are not counted.

    `after` and `before` are for the wish for the next and the previous page, "" where there is none.
    """

    people: tuple[Person, ...]
    count: int
    is_more: bool
    after: str
    before: str


def page(session: Session, place: Place, wish: Wish) -> Page:
    """A page of the group's people, in two statements; `session` may be confined to the tenant."""
    look = _look(place, wish)
    if wish.address:
        return _just_one(session, look)
    rows = session.execute(_statement(*look.shape), look.parameters).all()
    found = [row.id for row in rows if row.id is not None]
    people = _details(session, place.tenant_id, found[: wish.most])
    count, is_more = _total(look, rows[0], len(found))
    is_on = len(found) > wish.most
    first, last = (people[0].address, people[-1].address) if people else ("", "")
    return Page(
        people=people,
        count=count,
        is_more=is_more,
        after=last if is_on or wish.backwards else "",
        before=first if (is_on if wish.backwards else wish.after) else "",
    )


def _just_one(session: Session, look: _Look) -> Page:
    """The page that has nobody but whoever has the address, if they fit."""
    ids = list(session.execute(_exactly(*look.shape[:3]), look.parameters).scalars())
    people = _details(session, look.parameters["tenant_id"], ids)
    return Page(people, len(people), False, "", "")


def _details(session: Session, tenant_id: UUID, ids: Sequence[UUID]) -> tuple[Person, ...]:
    parameters = {"ids": list(ids), "tenant_id": tenant_id}
    return tuple(Person(*row) for row in session.execute(_DETAILS, parameters))


def _total(look: _Look, row: Row[Any], found: int) -> tuple[int, bool]:
    """How many fit, and whether there are more: counted where that costs little, else as many as were seen by the way."""
    if row.held <= _FEW or not look.words:
        exactly = row.fitting
    elif look.match in _INDEXED and row.way != _Way.WALK:
        exactly = row.indexed
    elif found <= look.wish.most and not look.parameters["cursor"]:
        exactly = found
    else:
        return max(look.wish.most, min(COUNTED, (row.fitting - 1) // 100 * 100)), True
    return min(exactly, COUNTED), exactly > COUNTED


class _Reach(StrEnum):
    OWN = "own"
    BELOW = "below"
    ALL = "all"


class _Match(StrEnum):
    """How the words of a wish are looked for."""

    ALL = "all"
    """There are none: everybody fits."""
    WITHIN = "within"
    """Anywhere; the index finds them."""
    BEGINS = "begins"
    """A letter or two, at the beginning; the index finds these, too."""
    SIGNS = "signs"
    """A sign or two and no letter, such as "_": anywhere, and no index knows."""


_INDEXED = {_Match.WITHIN: 5 * COUNTED, _Match.BEGINS: 20 * COUNTED}
"""How many the index is asked for, by what it serves. Asked for no more than are counted, PostgreSQL expects to meet them soon along the
addresses, and reads everybody where hardly any fit."""


def _match(words: str) -> _Match:
    if not words:
        return _Match.ALL
    if len(words) >= FEWEST_WITHIN:
        return _Match.WITHIN
    return _Match.BEGINS if any(sign.isalnum() for sign in words) else _Match.SIGNS


@dataclass(frozen=True, slots=True)
class _Look:
    """A wish as the statements have it."""

    reach: _Reach
    wish: Wish
    words: str
    parameters: dict[str, Any]

    @property
    def match(self) -> _Match:
        """How the words are looked for."""
        return _match(self.words)

    @property
    def shape(self) -> tuple[_Reach, _Match, bool, int]:
        """What the text of the statement depends on."""
        return self.reach, self.match, self.wish.backwards, self.wish.most


def _look(place: Place, wish: Wish) -> _Look:
    reach = _Reach.OWN if not wish.below else _Reach.BELOW if place.parent_id else _Reach.ALL
    words = " ".join(wish.words.replace("\x00", "").split())[:LONGEST_FILTER]
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    cursor = wish.before if wish.backwards else wish.after
    parameters = {
        "tenant_id": place.tenant_id,
        "group_id": place.id,
        "path": place.path,
        "within": f"%{escaped}%",
        "begins": f"{escaped}%",
        "word_begins": f"% {escaped}%",
        "cursor": cursor.replace("\x00", ""),
        "address": wish.address.replace("\x00", ""),
    }
    return _Look(reach, wish, words, parameters)


_LIVING = "a.tenant_id = :tenant_id AND a.removed_at IS NULL AND a.kind = 'person'"
_SUBTREE = 'ARRAY(SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree) AND g.removed_at IS NULL)'
_WITHIN = {
    _Reach.OWN: "a.group_id = :group_id",
    _Reach.BELOW: f"a.group_id = ANY({_SUBTREE})",
    _Reach.ALL: "true",
}
_GROUPS = {
    _Reach.OWN: "ARRAY[CAST(:group_id AS uuid)]",
    _Reach.BELOW: _SUBTREE,
    _Reach.ALL: "CAST(NULL AS uuid[])",
}
_PATTERNS = {
    _Match.ALL: (),
    _Match.WITHIN: ("within",),
    _Match.BEGINS: ("begins", "word_begins"),
    _Match.SIGNS: ("within",),
}
"""The parameters of which one has to be LIKE the words."""
_WORDS = "a.id, a.address, a.group_id, lower(a.address || ' ' || a.display_name) AS words"  # as ix_account_words has them
_PLAIN = "a.id, a.address, a.group_id"


def _lowered(pattern: str) -> str:
    return f"lower(CAST(:{pattern} AS text))"


def _fitting(match: _Match) -> tuple[str, str]:
    """The columns that are read, and the condition for those that fit."""
    conditions = [f"a.words LIKE {_lowered(pattern)}" for pattern in _PATTERNS[match]]
    return (_WORDS, f"({' OR '.join(conditions)})") if conditions else (_PLAIN, "true")


class _Way(StrEnum):
    """How a page is found."""

    FEW = "few"
    """All there are have been read, and those who fit are sorted."""
    WALK = "walk"
    """Along the next so many in the order of their addresses."""
    INDEX = "index"
    """By the index over the words."""
    REST = "rest"
    """By reading all on this side of the cursor."""


def _cut(backwards: bool) -> tuple[str, str]:
    """The condition for what lies on the page's side of the cursor, and the order that begins at it."""
    return (
        ("a.address < :cursor", "a.address DESC") if backwards else ("a.address > :cursor", "a.address ASC")
    )


_IS_FEW = f"(SELECT held FROM counted) <= {_FEW}"
_IS_MANY = f"(SELECT held FROM counted) > {_FEW}"
_NOBODY = "SELECT a.id, a.address FROM account a WHERE false"


def _is_short(way: _Way, most: int) -> str:
    return f"(SELECT count(*) FROM by_{way}) <= {most}"


@cache
def _exactly(reach: _Reach, match: _Match, backwards: bool) -> TextClause:
    """The id of whoever has the address, if they fit; an index over the addresses finds them."""
    (side, _), (columns, fits) = _cut(backwards), _fitting(match)
    own = f"SELECT {columns} FROM account a WHERE {_LIVING} AND {_WITHIN[reach]} AND a.address = :address"
    return text(f"SELECT a.id FROM ({own}) AS a WHERE {side} AND {fits}")


@cache
def _statement(reach: _Reach, match: _Match, backwards: bool, most: int) -> TextClause:
    """The ids of a page, and one more if there is, with what is known of how many there are.

    One way after the other is tried in one statement. Each has conditions without any column in them, by which PostgreSQL, before it begins,
    goes that way or leaves it alone ("One-Time Filter" in EXPLAIN).
    """
    tables = _first(reach, match, backwards, most)
    tables["by_walk"] = _walk(reach, match, backwards, most)
    tables["indexed"] = _indexed(reach, match, most) if match in _INDEXED else _NOBODY
    tables["by_index"] = _paged("indexed", backwards, most)
    tables["by_rest"] = _rest(reach, match, backwards, most)
    is_exact = match is _Match.ALL and reach is not _Reach.BELOW
    holds = {
        _Way.FEW: "true",
        _Way.WALK: "true" if is_exact else f"NOT {_is_short(_Way.WALK, most)}",
        _Way.INDEX: f"NOT ({_is_behind(most)})",
        _Way.REST: "true",
    }
    pages = (f"SELECT '{way}' AS way, id, address FROM by_{way} WHERE {when}" for way, when in holds.items())
    return text(
        f"WITH {', '.join(f'{name} AS MATERIALIZED ({rows})' for name, rows in tables.items())}"
        " SELECT counted.held, counted.fitting, (SELECT count(*) FROM indexed) AS indexed, a.way, a.id"
        f" FROM counted LEFT JOIN ({' UNION ALL '.join(pages)}) AS a ON true ORDER BY {_cut(backwards)[1]}"
    )


def _is_behind(most: int) -> str:
    """The page lies behind those that the index gave."""
    return f"(SELECT count(*) FROM indexed) > {COUNTED} AND {_is_short(_Way.INDEX, most)}"


def _paged(fits: str, backwards: bool, most: int, when: str = "true") -> str:
    """A page of what is in `fits`, and one more if there is."""
    side, order = _cut(backwards)
    return (
        f"SELECT a.id, a.address FROM {fits} AS a WHERE {when} AND {side} ORDER BY {order} LIMIT {most + 1}"
    )


def _first(reach: _Reach, match: _Match, backwards: bool, most: int) -> dict[str, str]:
    """The first accounts that there are, how many of them fit, and the page if that is all there are."""
    columns, fits = _fitting(match)
    rows = f"SELECT {columns} FROM account a WHERE {_LIVING} AND {_WITHIN[reach]}"
    if reach is _Reach.BELOW:  # group by group, so that it ends as soon as there are enough
        own = f"SELECT {columns} FROM account a WHERE {_LIVING} AND a.group_id = below.id OFFSET 0"
        rows = f"SELECT theirs.* FROM unnest({_SUBTREE}) AS below (id) CROSS JOIN LATERAL ({own}) AS theirs"
    return {
        "held": f"{rows} LIMIT {_FEW + 1}",
        "fits": f"SELECT a.id, a.address FROM held a WHERE {fits}",
        "counted": "SELECT (SELECT count(*) FROM held) AS held, (SELECT count(*) FROM fits) AS fitting",
        "by_few": _paged("fits", backwards, most, _IS_FEW),
    }


def _walk(reach: _Reach, match: _Match, backwards: bool, most: int) -> str:
    """Along the tenant's accounts, or the group's own; what lies below a group has no order of its own."""
    (side, order), (columns, fits) = _cut(backwards), _fitting(match)
    along, among = ("true", _WITHIN[reach]) if reach is _Reach.BELOW else (_WITHIN[reach], "true")
    by_index = match in _INDEXED
    when = f"{_IS_MANY} AND (SELECT fitting FROM counted) > {_OFTEN}" if by_index else _IS_MANY
    steps = _WALK if by_index else _LONG_WALK
    next_ones = f"SELECT {columns} FROM account a WHERE {_LIVING} AND {along} AND {side} ORDER BY {order} LIMIT {steps}"
    return f"SELECT a.id, a.address FROM ({next_ones}) AS a WHERE {when} AND {among} AND {fits} ORDER BY {order} LIMIT {most + 1}"


def _indexed(reach: _Reach, match: _Match, most: int) -> str:
    """Those who fit, by the index: the first of them, up to one more than are counted."""
    found = " UNION ".join(
        f"SELECT id FROM messa_accounts_like({_lowered(pattern)}, {_GROUPS[reach]}, '', {_INDEXED[match]})"
        for pattern in _PATTERNS[match]
    )
    when = f"{_IS_MANY} AND {_is_short(_Way.WALK, most)}"
    return (
        f"SELECT a.id, a.address FROM ({found}) AS found JOIN account a ON a.id = found.id WHERE {when} AND {_LIVING}"
        f" ORDER BY a.address LIMIT {COUNTED + 1}"
    )


def _rest(reach: _Reach, match: _Match, backwards: bool, most: int) -> str:
    """All on this side of the cursor are read. OFFSET 0 keeps the planner from walking."""
    if match is _Match.ALL and reach is not _Reach.BELOW:
        return _NOBODY
    (side, order), (columns, fits) = _cut(backwards), _fitting(match)
    when = f"{_IS_MANY} AND {_is_short(_Way.WALK, most)}" + (
        f" AND {_is_behind(most)}" if match in _INDEXED else ""
    )
    rows = f"SELECT {columns} FROM account a WHERE {_LIVING} AND {_WITHIN[reach]} AND {side} OFFSET 0"
    return (
        f"SELECT a.id, a.address FROM ({rows}) AS a WHERE {when} AND {fits} ORDER BY {order} LIMIT {most + 1}"
    )


_DETAILS = text(
    "SELECT a.id, a.address, a.display_name, a.group_id, a.blocked, n.msisdn, u.bucket FROM account a LEFT JOIN LATERAL"
    " (SELECT number.msisdn FROM number WHERE number.account_id = a.id LIMIT 1) n ON true LEFT JOIN LATERAL (SELECT used.bucket"
    " FROM quota_usage used WHERE used.scope_id = a.id AND used.parts > 0"
    # what it did before is its former group's to know
    " AND used.bucket >= date_trunc('day', a.group_since, 'Europe/Stockholm') ORDER BY used.bucket DESC LIMIT 1) u ON true"
    " WHERE a.id = ANY(CAST(:ids AS uuid[])) AND a.tenant_id = :tenant_id ORDER BY a.address"
)
