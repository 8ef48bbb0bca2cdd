"""The picture of the log: what counts add up to, where bars stand, and what is said of it (spec L3)."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader

from messa_platform.core import i18n
from messa_platform.core.i18n import LANGUAGES, speech
from messa_platform.messaging.log.summary import Count
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.portal.admin.logs.chart import BAR, MOST_TICKS, SMALL, TALL, UNITS, Chart, chart
from messa_platform.portal.admin.logs.figures import (
    KINDS,
    MOST_DAYS,
    MOST_DAYS_BY_WEEK,
    Figures,
    Kind,
    Step,
    figures,
    spans,
    start_of,
)
from messa_platform.portal.admin.logs.picture import KIND_WORDS, Picture, drawn
from tests.unit.portal.test_design import CSS, PACKAGE

MONDAY = date(2026, 6, 1)
REFUSED = set(Status) - {
    Status.DELIVERED, Status.QUEUED, Status.SENT, Status.BUFFERED, Status.UNCONFIRMED, Status.SCHEDULED, Status.UNDELIVERED,
    Status.UNSENT, Status.CANCELLED, Status.INCOMING,
}  # fmt: skip


def out(day: date, status: Status, messages: int, parts: int = 0) -> Count:
    return Count(day, Direction.OUT, status, messages, parts)


def came_in(day: date, messages: int) -> Count:
    return Count(day, Direction.IN, Status.INCOMING, messages, 0)


# The kinds


def test_every_status_is_of_a_kind_and_every_kind_has_words() -> None:
    assert KINDS.keys() == set(Status)
    assert {status for status, kind in KINDS.items() if kind is Kind.REFUSED} == REFUSED
    assert KIND_WORDS.keys() == set(Kind)
    assert [kind for kind in Status if KINDS[kind] is Kind.FAILED] == [
        Status.CANCELLED,
        Status.UNDELIVERED,
        Status.UNSENT,
    ]


# Days, weeks, months


@pytest.mark.parametrize(
    ("days", "step", "bars"),
    [
        (1, Step.DAY, 1),
        (MOST_DAYS, Step.DAY, 92),
        (MOST_DAYS + 1, Step.WEEK, 14),
        (MOST_DAYS_BY_WEEK, Step.WEEK, 27),
        (MOST_DAYS_BY_WEEK + 1, Step.MONTH, 7),
    ],
)
def test_a_bar_is_a_day_up_to_three_months_a_week_up_to_two_years_and_then_a_month(
    days: int, step: Step, bars: int
) -> None:
    told = figures([], MONDAY, MONDAY + timedelta(days=days - 1))
    assert (told.step, len(told.bars)) == (step, bars)


def test_weeks_begin_on_monday_and_are_cut_where_the_time_begins_and_ends() -> None:
    wednesday = MONDAY + timedelta(days=2)
    found = list(spans(wednesday, MONDAY + timedelta(days=15), Step.WEEK))
    assert found == [
        (wednesday, date(2026, 6, 7)),
        (date(2026, 6, 8), date(2026, 6, 14)),
        (date(2026, 6, 15), date(2026, 6, 16)),
    ]


@given(
    first=st.dates(date(1999, 1, 1), date(2030, 12, 31)),
    days=st.integers(0, 900),
    step=st.sampled_from(Step),
)
def test_spans_are_the_time_without_a_gap_or_an_overlap(first: date, days: int, step: Step) -> None:
    last = first + timedelta(days=days)
    found = list(spans(first, last, step))
    assert (found[0][0], found[-1][1]) == (first, last)
    for (_, end), (begin, _) in itertools.pairwise(found):
        assert begin == end + timedelta(days=1) == start_of(begin, step)
    for begin, end in found:
        assert begin <= end and start_of(begin, step) == start_of(end, step)


@pytest.mark.parametrize("step", Step)
def test_the_last_day_that_there_is_ends_it(step: Step) -> None:
    assert list(spans(date(9999, 12, 30), date.max, step))[-1][1] == date.max
    assert next(iter(spans(date.min, date.min, step))) == (date.min, date.min)


def test_of_a_time_that_ends_before_it_begins_there_are_no_bars() -> None:
    told = figures([], MONDAY, MONDAY - timedelta(days=1))
    assert told.bars == () and told.messages == 0
    assert drawn(speech("sv"), told).lines == ()


def test_of_centuries_only_what_lies_between_the_messages_is_shown() -> None:
    told = figures([out(MONDAY, Status.SENT, 3)], date(1, 1, 1), date(9999, 12, 31))
    assert [(bar.first, bar.last) for bar in told.bars] == [(MONDAY, date(2026, 6, 30))]
    assert len(figures([], date(1, 1, 1), date(9999, 12, 31)).bars) == 1


# Adding up

COUNTS = st.lists(
    st.builds(
        Count,
        st.integers(0, 1199).map(lambda n: MONDAY + timedelta(days=n)),
        st.sampled_from(Direction),
        st.sampled_from(Status),
        st.integers(1, 10_000),
        st.integers(0, 30_000),
    ),
    max_size=60,
)


@given(counts=COUNTS, days=st.sampled_from([1, 30, 92, 93, 400, 731, 732, 1200]))
def test_bars_add_up_to_what_was_counted(counts: list[Count], days: int) -> None:
    last = MONDAY + timedelta(days=days - 1)
    counts = [count for count in counts if count.day <= last]
    told = figures(counts, MONDAY, last)
    assert told.messages == sum(told.messages_of) == sum(count.messages for count in counts)
    assert told.parts == sum(count.parts for count in counts)
    for bar in told.bars:
        within = [count for count in counts if bar.first <= count.day <= bar.last]
        assert (bar.total, bar.parts) == (sum(c.messages for c in within), sum(c.parts for c in within))


def test_days_without_a_message_are_zero_and_kinds_stand_apart() -> None:
    day = timedelta(days=1)
    counts = [
        out(MONDAY, Status.DELIVERED, 5, 9),
        out(MONDAY, Status.SENT, 1, 1),
        out(MONDAY, Status.USED_UP_GROUP, 2),
        came_in(MONDAY + 2 * day, 4),
    ]
    told = figures(counts, MONDAY, MONDAY + 2 * day)
    assert [bar.messages for bar in told.bars] == [(5, 1, 0, 2, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 4)]
    assert [bar.parts for bar in told.bars] == [10, 0, 0]
    assert told.messages_of == (5, 1, 0, 2, 4)


# Where it stands

_RECTANGLE = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-(\d+)z")


def rectangles(drawing: Chart) -> list[tuple[Kind, int, int, int, int]]:
    """Kind, left, top, width and height of all that is filled."""
    found = []
    for kind, path in drawing.paths:
        assert _RECTANGLE.sub("", path) == ""
        for left, top, wide, high, back in _RECTANGLE.findall(path):
            assert wide == back
            found.append((kind, int(left), int(top), int(wide), int(high)))
    return found


@given(
    counts=COUNTS,
    days=st.sampled_from([1, 7, 30, 92, 93, 731, 732, 1200]),
    height=st.sampled_from([TALL, SMALL]),
)
def test_no_bar_is_outside_and_each_is_as_high_as_its_number(
    counts: list[Count], days: int, height: int
) -> None:
    last = MONDAY + timedelta(days=days - 1)
    told = figures([count for count in counts if count.day <= last], MONDAY, last)
    drawing = chart(told, height)
    top = drawing.ticks[-1].value
    heights: Counter[int] = Counter()
    places = set()
    for kind, left, up, wide, high in rectangles(drawing):
        assert left >= 0 and left + wide <= drawing.width and wide == BAR
        assert up >= 0 and up + high <= height * UNITS
        number, offset = divmod(left - drawing.begin, UNITS)
        assert offset == (UNITS - BAR) // 2
        wanted = told.bars[number].messages[list(Kind).index(kind)] / top * height * UNITS
        assert high == pytest.approx(wanted, abs=1)
        heights[number] += high
        places.add((kind, number))
    for number, bar in enumerate(told.bars):
        # none stands upon another: together they are as high as the sum
        assert heights[number] == pytest.approx(bar.total / top * height * UNITS, abs=0.5 + 1e-9)
        assert {kind for kind, n in places if n == number} == {
            kind for kind, n in zip(Kind, bar.messages, strict=True) if n
        }


@given(highest=st.integers(0, 10**9))
def test_the_axis_has_few_round_numbers_the_last_of_which_reaches_the_highest_bar(highest: int) -> None:
    told = figures([out(MONDAY, Status.SENT, highest)] if highest else [], MONDAY, MONDAY)
    values = [tick.value for tick in chart(told).ticks]
    assert values[0] == 0 and values[-1] >= highest and 2 <= len(values) <= MOST_TICKS + 1
    step = values[1]
    assert values == list(range(0, values[-1] + 1, step))
    assert re.fullmatch("[125]0*", str(step))
    assert highest > values[-2] or not highest
    assert [tick.y for tick in chart(told).ticks][::-1] == sorted(tick.y for tick in chart(told).ticks)
    assert chart(told).ticks[-1].y == 0 and chart(told).ticks[0].y == TALL


@pytest.mark.parametrize("days", [1, 2, 7, 14, 30, 31, 60, 92, 93, 200, 365, 731, 732, 2000, 3600])
def test_words_below_the_bars_have_room(days: int) -> None:
    drawing = chart(figures([], MONDAY, MONDAY + timedelta(days=days - 1)))
    percents = [word.percent for word in drawing.words]
    assert 1 <= len(percents) <= 10 and all(0 < percent < 100 for percent in percents)
    assert all(one - other > 9.5 for one, other in itertools.pairwise(percents))
    wide = [word.percent for word in drawing.words if not word.is_spare]
    assert all(one - other > 19 for one, other in itertools.pairwise(wide))
    assert not drawing.words[0].is_spare


# As it is shown


@pytest.fixture(scope="module")
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(PACKAGE / "portal" / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    i18n.install(made)
    return made


def shown(environment: Environment, picture: Picture, language: str = "sv") -> ElementTree.Element:
    """The picture as it stands in a page, which must be well formed."""
    page = environment.from_string(
        '{% from "admin/logs_picture.jinja2" import picture with context %}{{ picture(it) }}'
    ).render(it=picture, speech=speech(language))
    return ElementTree.fromstring(page)


def some(days: int) -> Figures:
    """Something of each kind on each day but some."""
    counts = [
        Count(MONDAY + timedelta(days=n), Direction.IN if status is Status.INCOMING else Direction.OUT, status, n % 9 + 1, n % 5)
        for n in range(days)
        for status in (Status.DELIVERED, Status.SENT, Status.UNSENT, Status.BLOCKED, Status.INCOMING)
        if n % 6
    ]  # fmt: skip
    return figures(counts, MONDAY, MONDAY + timedelta(days=days - 1))


def cells(row: ElementTree.Element) -> list[str]:
    return ["".join(cell.itertext()) for cell in row]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("days", [1, 30, 92, 500, 1000])
def test_the_table_says_what_the_bars_do(environment: Environment, language: str, days: int) -> None:
    told = some(days)
    said = speech(language)
    page = shown(environment, drawn(said, told), language)
    if not told.messages:
        assert page.find(".//svg") is None
        return
    rows = [cells(row) for row in page.findall(".//tbody/tr")]
    for bar, row in zip(told.bars, rows[:-1], strict=True):
        assert row[1:] == [said.number(n) for n in (*bar.messages, bar.total, bar.parts)]
    assert rows[-1][1:] == [said.number(n) for n in (*told.messages_of, told.messages, told.parts)]
    assert len({row[0] for row in rows}) == len(rows)
    legend = ["".join(item.itertext()).strip() for item in page.findall("./ul/li")]
    words = [said.gettext(KIND_WORDS[kind]) for kind in Kind]
    numbers = map(said.number, told.messages_of)
    assert legend == [f"{word} {n}" for word, n in zip(words, numbers, strict=True)]
    assert cells(page.findall(".//thead/tr")[0])[1:6] == words


def test_who_does_not_see_it_is_told_in_a_sentence(environment: Environment) -> None:
    counts = [out(MONDAY, Status.DELIVERED, 1200, 1300), came_in(MONDAY + timedelta(days=1), 3)]
    told = figures(counts, MONDAY, MONDAY + timedelta(days=29))
    drawing = shown(environment, drawn(speech("en"), told), "en").find("svg")
    assert drawing is not None and drawing.attrib["role"] == "img"
    assert drawing.attrib["aria-label"] == (
        "Messages a day, 1–30 Jun 2026: 1,203 in all. Arrived 1,200, Incoming 3. The most were 1,200: 1 Jun."
    )
    assert drawn(speech("en"), figures([], MONDAY, MONDAY)).says == "Messages a day, 1 Jun 2026: none."


def test_nothing_in_it_needs_the_policy_to_be_loosened(environment: Environment) -> None:
    page = shown(environment, drawn(speech("sv"), some(92)))
    for element in page.iter():
        assert element.tag != "style" and not {"style", "onclick", "href"} & element.attrib.keys()


def test_every_kind_has_a_ground_of_its_own_in_colours_of_ours(environment: Environment) -> None:
    page = shown(environment, drawn(speech("sv"), some(30)))
    ruled = {}
    for pattern in page.iter("pattern"):
        lines = [path.attrib for path in pattern]
        for line in lines:
            [token] = re.findall(r"var\(--([\w-]+)\)", line["fill"])
            assert f"--{token}:" in CSS
        ruled[pattern.attrib["id"]] = (pattern.attrib["height"], lines[1]["d"])
    assert len(ruled) == len(Kind) == len(set(ruled.values()))
    filled = {
        match for path in page.iter("path") for match in re.findall(r"url\(#([\w-]+)\)", path.attrib["fill"])
    }
    assert filled == ruled.keys()


def test_the_spoken_order_is_the_order_of_the_bars(environment: Environment) -> None:
    kinds: Sequence[Kind] = [kind for kind, _ in chart(some(30)).paths]
    assert kinds == list(Kind)
    bottoms = {
        kind: max(top + high for k, _, top, _, high in rectangles(chart(some(2))) if k is kind)
        for kind in Kind
    }
    assert sorted(bottoms, key=lambda kind: -bottoms[kind]) == list(Kind)


def test_three_months_of_bars_weigh_little(environment: Environment) -> None:
    page = shown(environment, drawn(speech("sv"), some(MOST_DAYS)))
    assert len(ElementTree.tostring(page)) < 30_000
