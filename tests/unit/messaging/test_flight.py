"""Texts on their way: when several of them have been without an answer for too long."""

from __future__ import annotations

from messa_platform.messaging.flight import Flight
from messa_platform.providers.breaker import FAILURES, STALLED


class Monotonic:
    """A clock that a test turns."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_stall_is_told_once_until_something_is_heard() -> None:
    flight = Flight(clock := Monotonic())
    flight.begun(2 * FAILURES)
    clock.at += STALLED
    assert not flight.stalled()
    clock.at += 0.1
    assert flight.stalled()
    assert not flight.stalled()


def test_a_few_texts_without_an_answer_are_no_stall() -> None:
    flight = Flight(clock := Monotonic())
    flight.begun(FAILURES - 1)
    clock.at += 10 * STALLED
    assert not flight.stalled()


def test_texts_of_which_a_stall_was_told_are_no_stall_of_those_that_begin_later() -> None:
    flight = Flight(clock := Monotonic())
    flight.begun(FAILURES)
    clock.at += STALLED + 1
    assert flight.stalled()
    flight.begun(1)
    flight.answered(1)  # a new one, which went well
    clock.at += STALLED + 1
    assert not flight.stalled()
    flight.begun(FAILURES)
    assert not flight.stalled()
    clock.at += STALLED + 1
    assert flight.stalled()
