"""The connection of a channel is tested with what is really at its other end (spec X3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from messa_platform.providers import pool as pools
from messa_platform.providers.base import State, Verdict
from messa_platform.providers.elks.fake import ElksFake
from messa_platform.providers.kit.fake import Trouble
from messa_platform.providers.pool import CHECKS_AT_ONCE, Line, ProviderPool
from tests.functional.portal.operator_channels.conftest import Desk
from tests.support.operators import at_the_pages
from tests.support.portal import seen
from tests.support.providers import KEYS, OUR_URL, WAY_OUT, a_pool, obedient


def notice_of(desk: Desk, channel: Any) -> str:
    """What is said of a channel after its test."""
    found = desk.press(channel, "test").html.find(id=f"channel-{channel}").find(attrs={"role": "status"})
    return " ".join(found.get_text(" ").split())


def test_one_that_works_says_so_with_what_the_account_holds(desk: Desk, fake: ElksFake) -> None:
    elks = desk.elks(fake)
    desk.world.channel("simulator")
    said = notice_of(desk, elks)
    assert said.startswith("The connection works: the provider knows the channel. The account holds SEK")
    assert said.endswith("123.45.")
    assert fake.taken == [] and fake.wrong == [] and desk.audited() == []


def test_a_wrong_key_is_told_in_the_words_of_the_plugin(desk: Desk, fake: ElksFake) -> None:
    elks = desk.elks(fake)
    fake.trouble = Trouble.WRONG_KEY
    assert notice_of(desk, elks) == (
        "The provider can be reached, but it does not know the channel's name or key."
        " 46elks does not know the channel's name or password."
    )


def test_who_is_not_there_gives_no_answer(desk: Desk) -> None:
    away = ElksFake()
    with away.running():
        elks = desk.elks(away)
    assert notice_of(desk, elks) == "The provider gives no answer. The server cannot be reached."


def test_settings_that_the_plugin_does_not_take_are_told_without_them(desk: Desk) -> None:
    channel = desk.world.channel("elks", plugin="elks", settings={"password": "9A0F1E2D-geheim"})
    answer = desk.press(channel, "test")
    assert "The channel cannot be used" in seen(answer) and "geheim" not in answer.text


def a_desk_with(desk: Desk, check: Callable[[Any], Any]) -> tuple[Desk, ProviderPool]:
    """The operator where the plugin `odd` is tested so."""
    plugin = type("Odd", (obedient(),), {"check": check})
    pool = ProviderPool({"odd": plugin}, 20, (WAY_OUT, WAY_OUT), OUR_URL, KEYS)
    runtime = replace(desk.runtime, providers=pool)
    operator = desk.world.value("SELECT id FROM account WHERE is_operator")
    return Desk(desk.world, runtime, at_the_pages(runtime, operator)), pool


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict(State.WELL, "", Decimal("-12.5"), "EUR"), "The account holds -12.5 EUR."),
        (Verdict(State.WELL, "", Decimal("NaN"), "EUR"), "knows the channel."),
        (Verdict(State.WELL, "", Decimal("1E+40"), "EUR"), "knows the channel."),
        (Verdict(State.WELL, "", Decimal(7), "<b>"), "knows the channel."),
        (Verdict(State.STRANGE, "http_418"), "Its code is http_418."),
        (Verdict(State.STRANGE, "<b>what"), "whether all is well."),
    ],
)
def test_whatever_a_plugin_answers_is_told_in_words(desk: Desk, verdict: Verdict, said: str) -> None:
    async def check(_self: Any) -> Verdict:
        return verdict

    odd, pool = a_desk_with(desk, check)
    assert notice_of(odd, desk.world.channel("odd", plugin="odd", settings={})).endswith(said)
    pool.close()


def test_no_transaction_is_held_while_a_provider_takes_its_time(desk: Desk) -> None:
    held = []
    engine: Any = desk.runtime.database.engine

    async def check(_self: Any) -> Verdict:
        held.append(engine.pool.checkedout())
        return Verdict(State.WELL)

    odd, pool = a_desk_with(desk, check)
    notice_of(odd, desk.world.channel("odd", plugin="odd", settings={}))
    pool.close()
    assert held == [0]


def test_only_so_many_are_tested_at_once(desk: Desk) -> None:
    channel = desk.world.channel("elks", plugin="elks")
    turns = desk.runtime.providers.turns[True]
    taken = [turns.acquire(blocking=False) for _ in range(CHECKS_AT_ONCE + 1)]
    try:
        said = notice_of(desk, channel)
    finally:
        turns.release(CHECKS_AT_ONCE)
    assert taken == [True] * CHECKS_AT_ONCE + [False]
    assert said == "Others are testing just now. Try again in a moment."


# Of the pool itself


def test_a_test_that_hangs_or_breaks_is_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_self: Any) -> Verdict:
        await asyncio.sleep(60)
        raise AssertionError

    async def fall(_self: Any) -> Verdict:
        raise KeyError("of the plugin")

    monkeypatch.setattr(pools, "CHECK_LIMIT", 0.2)
    for check, verdict in (
        (hang, Verdict(State.UNREACHABLE, "timeout")),
        (fall, Verdict(State.STRANGE, "KeyError")),
    ):
        pool = a_pool({"odd": type("Odd", (obedient(),), {"check": check})}, 20)
        assert pool.check(Line(UUID(int=1), "odd", "odd", {}, None, None)) == verdict
        pool.close()
