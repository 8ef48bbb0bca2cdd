"""The providers of a process (providers/pool.py): what a stranger's plugin may do to others, which is nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, ClassVar
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.providers.base import Accepted, Bound, Inbox, Outcome, OutgoingText, Unknown
from messa_platform.providers.kit.desk import a_text
from messa_platform.providers.pool import Line, ProviderPool
from messa_platform.providers.registry import NoProvider
from tests.support.providers import Obedient, a_pool, obedient


class Holding(Obedient):
    """Holds sessions, and says what was done with it; fails where it is told to."""

    settings_schema: ClassVar[dict[str, Any]] = {"name": {"type": "string"}}
    done: ClassVar[list[str]]
    fails: ClassVar[set[str]]
    sent: ClassVar[list[OutgoingText]] = []

    def _do(self, what: str) -> None:
        type(self).done.append(f"{what} {self.settings['name']}")
        if f"{what} {self.settings['name']}" in type(self).fails:
            raise RuntimeError("a stranger's mistake")

    async def open(self, _inbox: Inbox) -> None:
        self._do("open")

    async def close(self) -> None:
        self._do("close")

    @property
    def bound(self) -> Bound:
        return Bound(1, 1)

    @property
    def room(self) -> int:
        return 7


async def nobody(_events: Sequence[Any]) -> None:
    """Stores nothing."""


CHANNEL = new_id()
TAKES: dict[str, Any] = {"slow": {}, "answer": staticmethod(lambda _text: Accepted("1"))}


def line(name: str, plugin: str = "holding", channel_id: UUID = CHANNEL) -> Line:
    return Line(channel_id, "operator", plugin, {"name": name} if plugin == "holding" else {}, None, None)


class Sync(Obedient):
    """Its author forgot that `send` is to be waited for."""

    sent: ClassVar[list[OutgoingText]] = []

    def send(self, message: OutgoingText) -> Any:
        raise RuntimeError("a stranger's mistake")


@pytest.fixture
def holding() -> type[Holding]:
    return type("FreshHolding", (Holding,), {"done": [], "fails": set(), **TAKES})


@pytest.fixture
def pool(holding: type[Holding]) -> Iterator[ProviderPool]:
    found = a_pool({"holding": holding, "sync": Sync, "obedient": obedient()}, 5)
    yield found
    found.close()


def sent(pool: ProviderPool, by: Line) -> Outcome:
    outcomes: list[Outcome] = []
    has_come = threading.Event()

    def answered(_place: int, outcome: Outcome) -> None:
        outcomes.append(outcome)
        has_come.set()

    pool.start_sends(by, [a_text()], answered)
    assert has_come.wait(3), "nobody was told what became of it"
    return outcomes[0]


def test_changed_settings_end_the_former_sessions_before_new_ones_are_opened(
    pool: ProviderPool, holding: type[Holding]
) -> None:
    assert pool.hold(line("a"), nobody) == Bound(1, 1)
    pool.hold(line("a"), nobody)
    pool.hold(line("b"), nobody)
    pool.release(CHANNEL)
    pool.release(CHANNEL)
    assert holding.done == ["open a", "close a", "open b", "close b"]


def test_what_was_released_is_opened_by_nobody_who_only_sends(
    pool: ProviderPool, holding: type[Holding]
) -> None:
    pool.hold(line("a"), nobody)
    pool.release(CHANNEL)
    assert isinstance(sent(pool, line("b")), Accepted)
    assert holding.done == ["open a", "close a"]


def test_sessions_that_cannot_be_opened_are_tried_again(pool: ProviderPool, holding: type[Holding]) -> None:
    holding.fails.add("open a")
    with pytest.raises(NoProvider, match="RuntimeError"):
        pool.hold(line("a"), nobody)
    holding.fails.clear()
    assert pool.hold(line("a"), nobody) == Bound(1, 1)
    assert holding.done == ["open a", "open a"]


def test_a_former_provider_that_cannot_be_closed_keeps_no_new_one_out(
    pool: ProviderPool, holding: type[Holding]
) -> None:
    holding.fails |= {"close a", "close b"}
    pool.hold(line("a"), nobody)
    assert pool.hold(line("b"), nobody) == Bound(1, 1)
    pool.release(CHANNEL)
    assert holding.done == ["open a", "close a", "open b", "close b"]


def test_a_send_that_fails_before_it_can_be_waited_for_has_an_outcome(pool: ProviderPool) -> None:
    assert sent(pool, line("", "sync")) == Unknown("RuntimeError")


def test_only_what_holds_sessions_has_a_limit_of_its_own(pool: ProviderPool) -> None:
    other = new_id()
    pool.hold(line("a"), nobody)
    sent(pool, line("", "obedient", other))
    assert (pool.room(CHANNEL), pool.room(other), pool.room(new_id())) == (7, None, None)


def test_at_the_end_every_provider_is_closed_at_once_though_one_fails(holding: type[Holding]) -> None:
    class Slow(Holding):
        done: ClassVar[list[str]] = []
        fails: ClassVar[set[str]] = set()

        async def close(self) -> None:
            await asyncio.sleep(0.3)
            self._do("close")

    pool = a_pool({"holding": Slow}, 5)
    for number in range(5):
        pool.hold(line(str(number), channel_id=new_id()), nobody)
    Slow.fails.add("close 0")
    ended = threading.Thread(target=pool.close)
    ended.start()
    ended.join(1.2)
    assert not ended.is_alive()
    assert sorted(Slow.done[5:]) == [f"close {number}" for number in range(5)]


@pytest.mark.parametrize("rate", [None, 1000.0])
def test_what_takes_for_ever_is_given_up_and_the_rest_is_not(rate: float | None) -> None:
    slow = {"+46701740601": 60.0}
    made = a_pool({"obedient": obedient(slow=slow)}, 0.3)
    texts = [a_text(recipient=f"+4670174060{n}") for n in range(3)]
    outcomes: dict[int, Outcome] = {}
    told = threading.Event()

    def answered(place: int, outcome: Outcome) -> None:
        outcomes[place] = outcome
        if len(outcomes) == len(texts):
            told.set()

    try:
        made.start_sends(replace(line("", "obedient"), rate=rate), texts, answered)
        assert told.wait(10)
    finally:
        made.close()
    assert [type(outcomes[n]) for n in range(3)] == [Accepted, Unknown, Accepted]
    assert outcomes[1] == Unknown("timeout")


def test_what_a_plugin_cancels_itself_is_no_time_limit() -> None:
    def cancel(_text: OutgoingText) -> Outcome:
        raise asyncio.CancelledError

    made = a_pool({"obedient": obedient(answer=cancel)}, 10)
    told: SimpleQueue[Outcome] = SimpleQueue()
    try:
        made.start_sends(line("", "obedient"), [a_text()], lambda _place, outcome: told.put(outcome))
        assert told.get(timeout=10) == Unknown("cancelled")
    finally:
        made.close()
