"""The kit's cases for plugins that hold sessions; to others they say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from messa_platform.providers.base import Accepted, HoldsSessions, IncomingText, Outcome, Provider, Receipt
from messa_platform.providers.kit.desk import NAME, RECIPIENT, SENDER, Desk, a_text
from messa_platform.providers.kit.fake import Fake
from messa_platform.providers.registry import holds_sessions


class Sessions:
    """The cases; `Conformance` has them."""

    plugin: ClassVar[type[Provider]]
    fake: ClassVar[type[Fake]]

    def test_sessions_are_there_soon_and_texts_find_room(self, desk: Desk) -> None:
        if not holds_sessions(self.plugin):
            return

        async def work(provider: Any) -> Any:
            await _until(lambda: provider.bound.up == provider.bound.wanted)
            return provider

        provider = desk.using(work)
        assert isinstance(provider, HoldsSessions)
        assert provider.room >= 1
        assert provider.bound.up == 0, "after close a session is held still"

    def test_a_session_that_is_cut_is_held_again_and_no_text_is_refused_for_it(self, desk: Desk) -> None:
        if not holds_sessions(self.plugin):
            return

        async def work(provider: Any) -> list[Outcome]:
            found = [await provider.send(a_text(sender=self._sender))]
            desk.fake.cut()
            await _until(lambda: provider.bound.up == 0)
            return [*found, await provider.send(a_text(sender=self._sender))]

        assert [type(outcome) for outcome in desk.using(work)] == [Accepted, Accepted]
        assert len(desk.fake.taken) == 2

    def test_what_is_on_its_way_at_the_end_is_answered(self, desk: Desk) -> None:
        if not holds_sessions(self.plugin):
            return

        async def work(provider: Any) -> list[Outcome]:
            await provider.send(a_text(sender=self._sender))
            tasks = [asyncio.ensure_future(provider.send(a_text(sender=self._sender))) for _ in range(5)]
            await asyncio.sleep(0)
            await provider.close()
            return list(await asyncio.gather(*tasks))

        outcomes = desk.using(work)
        accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
        assert len(desk.fake.taken) == 1 + len(accepted), outcomes

    def test_what_is_not_stored_is_not_acknowledged_and_comes_again(self, desk: Desk) -> None:
        if not holds_sessions(self.plugin) or not self.plugin.capabilities.incoming:
            return
        brought = desk.fake.incoming("in-1", RECIPIENT, SENDER, "Hej")
        heard: list[Any] = []

        async def fail_once(events: Sequence[Receipt | IncomingText]) -> None:
            heard.append(events)
            if len(heard) == 1:
                raise RuntimeError("the database is away")

        desk.inbox = fail_once
        _, first = desk.hear(brought)  # type: ignore[arg-type]
        assert not any(first)
        _, second = desk.hear(brought)  # type: ignore[arg-type]
        assert all(second)
        assert [event.text for event in heard[1]] == ["Hej"]

    def test_what_makes_no_sense_stops_nothing(self, desk: Desk) -> None:
        if not holds_sessions(self.plugin) or not self.plugin.capabilities.incoming:
            return
        nonsense = list(desk.fake.nonsense())
        assert len(nonsense) >= 3, "the fake brings less than three kinds of nonsense"
        good = desk.fake.incoming("in-1", RECIPIENT, SENDER, "Hej")
        events, answers = desk.hear([*nonsense, *good])  # type: ignore[list-item]
        assert answers[: len(nonsense)] == [False] * len(nonsense)
        assert all(answers[len(nonsense) :])
        assert [event.text for event in events] == ["Hej"]

    @property
    def _sender(self) -> str:
        return NAME if self.plugin.capabilities.alphanumeric_sender else SENDER


async def _until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
