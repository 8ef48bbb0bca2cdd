"""Which texts from phones came before, though SMPP gives them no id."""

from __future__ import annotations

import pytest

from messa_platform.providers.smpp import repeats
from messa_platform.providers.smpp.repeats import LATE, REMEMBERED, Repeats


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def known(clock: Hand) -> Repeats:
    return Repeats(clock)


def test_the_same_again_after_an_answer_in_time_is_another(known: Repeats) -> None:
    first = known.reference("ja", 1)
    known.answered("ja", is_stored=True)
    assert known.reference("ja", 1) != first


def test_the_same_again_while_the_first_waits_for_its_answer_is_another(known: Repeats) -> None:
    assert known.reference("ja", 1) != known.reference("ja", 1)
    assert known.reference("ja", 2) not in (known.reference("ja", 1), known.reference("nej", 1))


def test_what_was_asked_to_come_again_is_known_when_it_does(known: Repeats) -> None:
    first = known.reference("ja", 1)
    known.answered("ja", is_stored=False)
    assert known.reference("ja", 1) == first


def test_what_was_answered_late_is_known_when_it_comes_again(known: Repeats, clock: Hand) -> None:
    first = known.reference("ja", 1)
    clock.at += LATE
    assert known.reference("ja", 1) == first
    known.answered("ja", is_stored=True)
    assert known.reference("ja", 1) != first


def test_the_time_for_which_it_waited_to_be_read_counts(known: Repeats) -> None:
    first = known.reference("ja", 1, age=LATE)
    known.answered("ja", is_stored=True)
    assert known.reference("ja", 1) == first


def test_after_a_session_s_end_both_of_two_alike_are_known_again(known: Repeats) -> None:
    first, second = known.reference("ja", 1), known.reference("ja", 1)
    known.answered("ja", is_stored=True)
    known.ended(1)
    again = [known.reference("ja", 2), known.reference("ja", 2), known.reference("ja", 2)]
    assert again[:2] == [first, second]
    assert again[2] not in (first, second)


def test_another_session_s_end_says_nothing(known: Repeats) -> None:
    first = known.reference("ja", 1)
    known.answered("ja", is_stored=True)
    known.ended(2)
    assert known.reference("ja", 1) != first


def test_what_was_answered_long_before_its_session_s_end_does_not_come_again(
    known: Repeats, clock: Hand
) -> None:
    first = known.reference("ja", 1)
    known.answered("ja", is_stored=True)
    clock.at += 2 * LATE
    known.ended(1)
    assert known.reference("ja", 2) != first


def test_a_doubt_is_forgotten_after_a_while(known: Repeats, clock: Hand) -> None:
    first = known.reference("ja", 1)
    known.ended(1)
    clock.at += REMEMBERED
    assert known.reference("ja", 2) != first


def test_what_is_remembered_has_an_end(known: Repeats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST", 3)
    monkeypatch.setattr(repeats, "MOST_ALIKE", 2)
    for number in range(20):
        known.reference(f"nummer {number}", 1)
        known.reference("ja", 1)
    assert len(known._came) == 3
    assert sum(map(len, known._alike.values())) == 3
