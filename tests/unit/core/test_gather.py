"""What many ask for at once is done in few goes, each gets the own answer, and what fails fails where it was asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from messa_platform.core.gather import Gathering, TurnedAway
from tests.support.observe import together
from tests.support.processes import wait_for


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


class Held:
    """Work that is held up until it is let go; each go is written down."""

    def __init__(self) -> None:
        self.goes: list[list[int]] = []
        self.may_go = threading.Event()

    def __call__(self, asked: Sequence[int]) -> list[int]:
        self.goes.append(list(asked))
        assert self.may_go.wait(10)
        return list(asked)


class Askers:
    """People who ask, each in a thread of its own; what came of it."""

    def __init__(self, desk: Gathering[int, int]) -> None:
        self.desk = desk
        self.got: dict[int, object] = {}
        self.threads: list[threading.Thread] = []

    def send(self, number: int) -> None:
        """Let somebody ask."""
        thread = threading.Thread(target=self._ask, args=(number,))
        self.threads.append(thread)
        thread.start()

    def _ask(self, number: int) -> None:
        try:
            self.got[number] = self.desk.ask(number)
        except TurnedAway:
            self.got[number] = "turned away"

    def home(self) -> None:
        """Wait until everybody has gone."""
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()


def test_more_than_there_is_room_for_are_turned_away_at_once() -> None:
    held = Held()
    desk = Gathering(held, room=2)
    askers = Askers(desk)
    askers.send(1)
    wait_for(lambda: held.goes)
    for number in (2, 3):
        askers.send(number)
        wait_for(lambda number=number: len(desk._waiting) == number - 1)  # type: ignore[misc]
    with pytest.raises(TurnedAway):
        desk.ask(4)
    held.may_go.set()
    askers.home()
    assert askers.got == {1: 1, 2: 2, 3: 3}
    assert held.goes == [[1], [2, 3]]


def test_who_has_waited_too_long_leaves_and_what_was_asked_is_not_done() -> None:
    held = Held()
    askers = Askers(Gathering(held, patience=0.2))
    askers.send(1)
    wait_for(lambda: held.goes)
    askers.send(2)
    wait_for(lambda: 2 in askers.got)
    held.may_go.set()
    askers.home()
    assert askers.got == {1: 1, 2: "turned away"}
    assert held.goes == [[1]]
    assert askers.desk.ask(3) == 3


def test_who_comes_while_the_work_takes_too_long_does_not_even_wait() -> None:
    held = Held()
    desk = Gathering(held, patience=0.2)
    askers = Askers(desk)
    askers.send(1)
    wait_for(lambda: held.goes)
    time.sleep(0.25)
    begun = time.monotonic()
    with pytest.raises(TurnedAway):
        desk.ask(2)
    assert time.monotonic() - begun < 0.1
    held.may_go.set()
    askers.home()
    assert desk.ask(3) == 3


def test_however_many_leave_while_they_are_called_nobody_is_forgotten() -> None:
    def slow(asked: Sequence[int]) -> list[int]:
        time.sleep(0.003)
        return list(asked)

    askers = Askers(Gathering(slow, most=2, patience=0.004))
    for number in range(300):
        askers.send(number)
    askers.home()
    assert len(askers.got) == 300
    assert all(said in (number, "turned away") for number, said in askers.got.items())
    assert askers.desk.ask(1000) == 1000


class Teller:
    """Who is told of what was put, with the thread that told it."""

    def __init__(self) -> None:
        self.told: list[tuple[object, str]] = []

    def __call__(self, answer: object) -> None:
        self.told.append((answer, threading.current_thread().name))


def putting(desk: Gathering[int, int], number: int, teller: Teller) -> threading.Thread:
    """Somebody who puts a number first, and so does the work."""
    thread = threading.Thread(target=desk.put, args=(number, teller), name=f"who put {number}")
    thread.start()
    return thread


def test_who_puts_does_not_wait_and_who_works_goes_on_with_what_was_put() -> None:
    held, teller = Held(), Teller()
    desk = Gathering(held, most=2)
    first = putting(desk, 1, teller)
    wait_for(lambda: held.goes)
    for number in (2, 3, 4):
        desk.put(number, teller)
    assert teller.told == []
    held.may_go.set()
    first.join(10)
    assert held.goes == [[1], [2, 3], [4]]
    assert teller.told == [(number, "who put 1") for number in (1, 2, 3, 4)]
    assert desk.ask(5) == 5


def test_who_asks_and_who_puts_have_their_turns_in_the_order_in_which_they_came() -> None:
    held, teller = Held(), Teller()
    desk = Gathering(held, most=1)
    askers = Askers(desk)
    first = putting(desk, 1, teller)
    wait_for(lambda: held.goes)
    askers.send(2)
    wait_for(lambda: len(desk._waiting) == 1)
    desk.put(3, teller)
    held.may_go.set()
    first.join(10)
    askers.home()
    assert held.goes == [[1], [2], [3]]
    assert askers.got == {2: 2}
    assert [answer for answer, _ in teller.told] == [1, 3]
    assert teller.told[0][1] == "who put 1"


def test_who_puts_is_told_what_failed_and_the_next_go_works() -> None:
    def do(asked: Sequence[int]) -> list[int | Exception]:
        if 13 in asked:
            raise OSError("no luck")
        return [ValueError(n) if n == 3 else n for n in asked]

    teller = Teller()
    desk = Gathering(do)
    for number in (13, 3, 1):
        desk.put(number, teller)
    failed, wrong, right = (answer for answer, _ in teller.told)
    assert isinstance(failed, OSError) and isinstance(wrong, ValueError) and right == 1


def test_one_that_cannot_be_told_harms_nobody_else() -> None:
    held, teller = Held(), Teller()
    desk = Gathering(held)

    def deaf(answer: object) -> None:
        raise OSError("it has hung up")

    first = threading.Thread(target=desk.put, args=(1, deaf))
    first.start()
    wait_for(lambda: held.goes)
    for number, tell in ((2, deaf), (3, teller)):
        desk.put(number, tell)
    held.may_go.set()
    first.join(10)
    assert [answer for answer, _ in teller.told] == [3]
    assert desk.ask(4) == 4


def test_what_was_put_too_long_ago_is_not_done_and_what_finds_no_room_is_turned_away() -> None:
    held, teller = Held(), Teller()
    desk = Gathering(held, room=2, patience=0.2)
    first = putting(desk, 1, teller)
    wait_for(lambda: held.goes)
    desk.put(2, teller)
    desk.put(3, teller)
    with pytest.raises(TurnedAway):
        desk.put(4, teller)
    time.sleep(0.25)
    with pytest.raises(TurnedAway):
        desk.put(5, teller)
    held.may_go.set()
    first.join(10)
    assert held.goes == [[1]]
    assert teller.told[0][0] == 1
    assert [type(answer) for answer, _ in teller.told[1:]] == [TurnedAway, TurnedAway]
    assert desk.ask(6) == 6


def test_between_two_goes_of_what_was_put_more_comes_together_and_one_alone_does_not_wait() -> None:
    held, teller = Held(), Teller()
    desk = Gathering(held, pause=0.5)
    held.may_go.set()
    begun = time.monotonic()
    desk.put(1, teller)
    assert time.monotonic() - begun < 0.4 and teller.told
    held.may_go.clear()
    worker = putting(desk, 2, teller)
    wait_for(lambda: len(held.goes) == 2)
    desk.put(3, teller)
    held.may_go.set()
    wait_for(lambda: len(teller.told) == 2)
    desk.put(4, teller)  # in the pause
    worker.join(10)
    assert held.goes == [[1], [2], [3, 4]]
