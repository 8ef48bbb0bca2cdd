"""`@@logs` of a group: its messages and those of the groups below it, narrowed and sorted as the address says, a page at a time (spec L1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.i18n import Speech, msgid
from messa_platform.messaging.log import choices, pages, total
from messa_platform.messaging.log.asked import Column, Page, Row
from messa_platform.messaging.log.choices import Choices
from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.told import HEADINGS
from messa_platform.messaging.log.total import Total
from messa_platform.messaging.statuses import NAMES_GROUP, Direction, Status, status_word
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.logs import as_file, cursor
from messa_platform.portal.admin.logs.days import presets
from messa_platform.portal.admin.logs.meant import ways_to
from messa_platform.portal.admin.logs.picture import Picture, picture
from messa_platform.portal.admin.logs.search import OWN_ONLY, Search, read
from messa_platform.portal.admin.logs.words import DIRECTIONS, MEANINGS
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import asked
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.messages.words import STATUSES

_ORDER_OF_STATUSES = {status: number for number, status in enumerate(Status)}


@dataclass(frozen=True, slots=True)
class Line:
    """A message as the page has it; `moment` is by the reader's clock, `word` the status as spelt, with the group whose rule struck."""

    address: str
    moment: str
    group: str
    group_removed: bool
    email: str
    number: str
    direction: str
    word: str
    tone: str
    parts: int


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading. `address` sorts by it, or turns the order round; `sorted` is `aria-sort`'s word, "" if others are sorted by."""

    column: Column
    words: str
    address: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; `offered` is what it may be narrowed to, `total` how many there are, None if that is not known."""

    page: Page
    offered: Choices
    total: Total | None


NOTHING = Found(Page((), False, False), Choices((), (), (), ()), None)


def show(context: GroupResource, request: Request) -> Any:
    """The log; as a file where the address asks for one."""
    # no predicate of the view's: that would read a query that is no UTF-8, and fail
    if asked(request, "as") in set(Format):
        return as_file.give(context, request)
    search = read(context, request)
    found = _find(search, request)
    return page(
        context,
        "logs",
        search.form,
        200 if search.form.ok else 422,
        search=search,
        lines=[_line(context, request.speech, row) for row in found.page.rows],
        total=found.total,
        shown=_drawn(search, request),
        headings=_headings(search),
        offered=_offered(search, found.offered),
        meanings=_meanings(found.page.rows),
        presets=[(words, search.at(**d.query), d == search.days) for words, d in presets(_today(request))],
        there=lambda branch: context.address_of(branch.slugs, "@@logs", **{**search.query, "group": ""}),
        own_only=OWN_ONLY,
        is_narrowed=any(search.query.get(name) for name in NARROWING),
        everything=search.at(**dict.fromkeys(NARROWING, "")),
        **_pages(search, found.page),
    )


NARROWING = ("reach", "group", "email", "number", "direction", "status", "parts")
"""What a search may be narrowed by besides its days."""


def _today(request: Request) -> Any:
    return request.speech.day(request.registry["messa.runtime"].clock.now())


def _find(search: Search, request: Request) -> Found:
    if search.asked is None:
        return NOTHING
    known = total.told(request.db, search.asked)
    shown = pages.page(request.db, search.asked, search.key, backwards=search.backwards)
    counted = total.total(search.asked, known)
    if counted is None and not (shown.has_before or shown.has_after):
        counted = Total(len(shown.rows), sum(row.parts for row in shown.rows))
    return Found(shown, choices.choices(request.db, search.asked, known), counted)


def _drawn(search: Search, request: Request) -> Picture | None:
    """All messages of the groups and days asked for, whatever else they are narrowed to: the picture is of the place."""
    asked = search.asked
    if asked is None:
        return None
    return picture(request, search.context, asked.first_day, asked.last_day, asked.group_ids)


def _line(context: GroupResource, speech: Speech, row: Row) -> Line:
    return Line(
        address=context.address("@@log-message", id=row.id),
        moment=f"{row.at.astimezone(speech.zone):%Y-%m-%d %H:%M:%S}",
        group=row.group,
        group_removed=row.group_removed,
        email=row.address,
        number=nice(row.remote),
        direction=speech.gettext(DIRECTIONS[row.direction]),
        word=status_word(row.status, row.rule_group),
        tone=STATUSES[row.status].tone,
        parts=row.parts,
    )


def _headings(search: Search) -> list[Heading]:
    sort, descending = Column.DATE, True
    if search.asked is not None:
        sort, descending = search.asked.sort, search.asked.descending
    headings = []
    for column, words in HEADINGS.items():
        usual = "desc" if column is Column.DATE else "asc"
        order = usual if column is not sort else "asc" if descending else "desc"
        state = "" if column is not sort else "descending" if descending else "ascending"
        headings.append(
            Heading(
                column,
                words,
                search.at(
                    sort="" if column is Column.DATE else column.value, order="" if order == usual else order
                ),
                state,
            )
        )
    return headings


# What there is to choose from


def _offered(search: Search, offered: Choices) -> dict[str, list[tuple[str, str]] | None]:
    """For each field with a list, its values and their words; None for the groups if they are too many for one."""
    gettext, values = search.context.request.speech.gettext, search.form.values
    every = ("", gettext("all"))
    directions = {*offered.directions, *_chosen(Direction, values["direction"])}
    statuses = {*offered.statuses, *_chosen(Status, values["status"])}
    parts = {*map(str, offered.parts), values["parts"]} - {""}
    return {
        "group": _groups(search, offered, every),
        "direction": [every, *((d.value, gettext(DIRECTIONS[d])) for d in Direction if d in directions)],
        "status": [
            every,
            *((s.value, f"{s}:…" if s in NAMES_GROUP else s.value) for s in Status if s in statuses),
        ],
        "parts": [every, *((n, n) for n in sorted(parts, key=lambda n: (len(n), n)))],
    }


def _chosen(words: type[Direction] | type[Status], value: str) -> Sequence[Any]:
    """What is chosen already stays in the list, even if nothing is found."""
    return [words(value)] if value in set(words) else []


def _groups(search: Search, offered: Choices, every: tuple[str, str]) -> list[tuple[str, str]] | None:
    if offered.groups is None:
        return None
    found, names = list(offered.groups), [g.name for g in offered.groups]
    alike = [g for g in found if names.count(g.name) > 1]
    ways = ways_to(search.context, alike) if alike else {}
    removed = search.context.request.speech.gettext("(removed)")
    listed = {str(g.id): f"{ways.get(g.id, g.name)} {removed if g.is_removed else ''}".strip() for g in found}
    if search.group is not None:
        listed.setdefault(search.group.value, search.group.words)
    return [every, *listed.items()]


def _meanings(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The statuses on the page with what they mean."""
    shown = sorted({row.status for row in rows}, key=_ORDER_OF_STATUSES.__getitem__)
    return [(f"{s}:…" if s in NAMES_GROUP else s.value, MEANINGS[s]) for s in shown]


# Page by page

_BY_DATE = (msgid("Newer"), msgid("Older"))
_BY_OTHERS = (msgid("Previous"), msgid("Next"))


def _pages(search: Search, shown: Page) -> dict[str, Any]:
    """The addresses of the pages before and behind, and what those are called."""
    rows, asked = shown.rows, search.asked
    before, after = _BY_DATE if asked is None or asked.sort is Column.DATE else _BY_OTHERS
    if asked is not None and asked.sort is Column.DATE and not asked.descending:
        before, after = after, before
    return {
        "is_first": search.key is None,
        "first": search.at(),
        "before": search.at(before=cursor.write(rows[0].key)) if shown.has_before and rows else "",
        "after": search.at(after=cursor.write(rows[-1].key)) if shown.has_after and rows else "",
        "before_words": before,
        "after_words": after,
    }


def includeme(config: Configurator) -> None:
    """Mount the page."""
    config.add_group_view(show, "logs", "logs")
