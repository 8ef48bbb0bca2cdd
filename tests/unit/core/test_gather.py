"""What many ask for at once is done in few goes, each gets the own answer, and what fails fails where it was asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from messa_platform.core.gather import Gathering
from tests.support.observe import together


class Slow:
    """Doubles numbers, a hundredth of a second a go; negative ones it cannot."""

    def __init__(self) -> None:
        self.goes: list[int] = []

    def __call__(self, asked: Sequence[int]) -> list[int | Exception]:
        self.goes.append(len(asked))
        time.sleep(0.01)
        return [ValueError(str(n)) if n < 0 else 2 * n for n in asked]


def test_many_at_once_are_done_in_few_goes_and_each_gets_its_own() -> None:
    slow = Slow()
    desk = Gathering(slow)
    answers = together([lambda n=n: [desk.ask(n * 100 + m) for m in range(5)] for n in range(20)])  # type: ignore[misc]
    assert answers == [[2 * (n * 100 + m) for m in range(5)] for n in range(20)]
    assert sum(slow.goes) == 100
    assert len(slow.goes) < 30


def test_one_alone_waits_for_nobody() -> None:
    slow = Slow()
    assert Gathering(slow).ask(21) == 42
    assert slow.goes == [1]


def test_no_go_takes_more_than_it_may() -> None:
    slow = Slow()
    desk = Gathering(slow, most=3)
    assert sorted(together([lambda n=n: desk.ask(n) for n in range(20)])) == [2 * n for n in range(20)]  # type: ignore[misc]
    assert max(slow.goes) <= 3


def test_what_fails_fails_for_who_asked_and_for_nobody_else() -> None:
    desk = Gathering(Slow())
    outcomes: list[object] = []

    def ask(number: int) -> None:
        try:
            outcomes.append(desk.ask(number))
        except ValueError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=ask, args=(n,)) for n in (1, -1, 2, -2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["-1", "-2", "2", "4", "6"]


def test_what_the_work_itself_raises_is_raised_for_all_and_the_next_go_works() -> None:
    broken = [True]

    def do(asked: Sequence[int]) -> list[int]:
        if broken[0]:
            raise ZeroDivisionError
        return list(asked)

    desk = Gathering(do)
    with pytest.raises(ZeroDivisionError):
        desk.ask(1)
    broken[0] = False
    assert desk.ask(2) == 2
