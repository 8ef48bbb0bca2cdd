"""Statuses and times in words; the time of a date field as Stockholm's clock shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from messa_platform.messaging.lists import LineFault
from messa_platform.messaging.recipients import Fault
from messa_platform.messaging.schedule import FURTHEST
from messa_platform.messaging.sending_rows import RowFault
from messa_platform.messaging.statuses import NAMES_GROUP, Status, status_word
from messa_platform.portal.messages.moments import Moment, MomentFault, read_moment
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.messages.panes import marked
from messa_platform.portal.messages.words import (
    FAULTS,
    LINE_FAULTS,
    MOMENT_FAULTS,
    ROW_FAULTS,
    STATUSES,
    Tone,
    status_of,
    words_of,
)

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def test_each_status_has_words_and_each_of_them_says_something_of_its_own() -> None:
    assert STATUSES.keys() == set(Status)
    sentences = [words.sentence for words in STATUSES.values()]
    assert len(set(sentences)) == len(sentences)


def test_only_what_failed_looks_as_if_it_had() -> None:
    fine = {s for s in Status if STATUSES[s].tone is not Tone.BAD}
    assert fine == {
        Status.SCHEDULED,
        Status.CANCELLED,
        Status.QUEUED,
        Status.UNCONFIRMED,
        Status.SENT,
        Status.BUFFERED,
        Status.DELIVERED,
        Status.INCOMING,
    }


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("group", ["Skolan", "Group:Personal", ""])
def test_a_status_is_known_by_its_word(status: Status, group: str) -> None:
    assert status_of(status_word(status, group)) is status
    assert words_of(status_word(status, group)) is STATUSES[status]
    assert status in NAMES_GROUP or status_of(status.value) is status


def test_a_word_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="PERHAPS"):
        words_of("PERHAPS")


def test_every_fault_has_words() -> None:
    assert FAULTS.keys() == set(Fault)
    assert LINE_FAULTS.keys() == {*Fault, *LineFault}
    assert ROW_FAULTS.keys() == {*Fault, *LineFault, *RowFault}
    assert MOMENT_FAULTS.keys() == set(MomentFault)
    assert all(words_of(word).tone is Tone.BAD for word in (*ROW_FAULTS, "account_blocked"))


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-07-01T14:30", datetime(2026, 7, 1, 12, 30, tzinfo=UTC)),
        ("2026-12-01T14:30:00", datetime(2026, 12, 1, 13, 30, tzinfo=UTC)),
        (" 2026-07-01 14.30 ", datetime(2026, 7, 1, 12, 30, tzinfo=UTC)),
        ("2026-06-01T14:01", NOW + timedelta(minutes=1)),
    ],
)
def test_a_time_is_read_as_stockholms_clock_shows_it(written: str, at: datetime) -> None:
    assert read_moment(written, NOW) == Moment(at)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("", MomentFault.NO_TIME),
        ("2026-07-01", MomentFault.NO_TIME),
        ("2026-02-30T10:00", MomentFault.NO_TIME),
        ("2026-07-01T14:30+02:00", MomentFault.NO_TIME),
        ("2026-07-01T25:00", MomentFault.NO_TIME),
        ("0001-01-01T00:00", MomentFault.NO_TIME),
        ("9999-12-31T23:59", MomentFault.NO_TIME),
        ("２０２６-07-01T14:30", MomentFault.NO_TIME),
        ("2026-06-01T14:00", MomentFault.PAST),
        ("2025-07-01T14:30", MomentFault.PAST),
        ("2027-07-01T14:30", MomentFault.TOO_FAR),
        ("2027-03-28T02:30", MomentFault.SKIPPED),
    ],
)
def test_a_text_that_is_no_time_to_send_at_is_told_from_one(written: str, fault: MomentFault) -> None:
    assert read_moment(written, NOW) is fault


def test_of_two_times_that_the_clock_shows_alike_the_first_is_meant_while_it_lies_ahead() -> None:
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert read_moment("2026-10-25T02:30", NOW) == Moment(first, twice=True)
    assert read_moment("2026-10-25T02:30", first) == Moment(second)
    assert read_moment("2026-10-25T02:30", second) is MomentFault.PAST
    assert read_moment("2026-10-25T03:30", NOW) == Moment(datetime(2026, 10, 25, 2, 30, tzinfo=UTC))


def test_the_furthest_time_is_the_schedules() -> None:
    assert datetime(2027, 6, 2, 12, 0, tzinfo=UTC) == NOW + FURTHEST
    assert read_moment("2027-06-02T14:00", NOW) == Moment(NOW + FURTHEST)
    assert read_moment("2027-06-02T14:01", NOW) is MomentFault.TOO_FAR


@pytest.mark.parametrize(
    ("number", "country_code", "shown"),
    [
        ("+46701740605", "46", "070-174 06 05"),
        ("+46701740605", "47", "+46 70 174 06 05"),
        ("+4741234567", "46", "+47 41 23 45 67"),
        ("+467301214060004", "46", "+467301214060004"),
        ("Telia", "46", "Telia"),
    ],
)
def test_numbers_are_shown_as_people_write_them(number: str, country_code: str, shown: str) -> None:
    assert nice(number, country_code) == shown


@pytest.mark.parametrize(
    ("text", "searched", "shown"),
    [
        ("Friluftsdag", "", "Friluftsdag"),
        ("Friluftsdag & <b>", "LUFT", "Fri<mark>luft</mark>sdag &amp; &lt;b&gt;"),
        ("a<b>a", "<b>", "a<mark>&lt;b&gt;</mark>a"),
        ("1+1", "1+", "<mark>1+</mark>1"),
        ("två  ord", "ord", "två  <mark>ord</mark>"),
    ],
)
def test_what_was_found_is_marked_and_all_is_escaped(text: str, searched: str, shown: str) -> None:
    assert str(marked(text, searched)) == shown
