"""The simulator's SMPP door, at the other end of the plugin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from messa_platform.core.async_outbound import AsyncOutbound
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.providers.base import (
    Accepted,
    IncomingText,
    Outcome,
    Receipt,
    ReceiptStatus,
    Rejected,
    State,
    Surroundings,
    Unknown,
)
from messa_platform.providers.kit.desk import a_text
from messa_platform.providers.registry import checked_settings
from messa_platform.providers.simulator.config import DEFAULT_SMPP_PASSWORD
from messa_platform.providers.simulator.launch import Running
from messa_platform.providers.smpp.plugin import SmppProvider

LONG = "Lång text med åäö och € som fyller mer än en del. " * 10
PHONE = "+46701740605"


class Phone:
    """The plugin at a simulator; what came by its sessions is in `events`."""

    def __init__(self, simulator: Running) -> None:
        self.simulator = simulator
        self.events: list[Any] = []

    def using(self, work: Callable[[SmppProvider], Awaitable[Any]], **settings: Any) -> Any:
        async def take(events: Sequence[Receipt | IncomingText]) -> None:
            self.events += events

        async def run() -> Any:
            http = AsyncOutbound(Outbound(OutboundSettings(allow_private=True)))
            given = {
                "host": "127.0.0.1",
                "port": self.simulator.addresses.smpp_port,
                "system_id": "messa",
                "password": DEFAULT_SMPP_PASSWORD,
                "answer_seconds": 1,
                **settings,
            }
            around = Surroundings("simulated", http, "https://messa.example/x", http.dial)
            provider = SmppProvider(checked_settings(SmppProvider, given), around)
            try:
                await provider.open(take)
                return await work(provider)
            finally:
                await provider.close()
                await http.close()

        return asyncio.run(run())

    def send(self, text: str = "Hej", recipient: str = PHONE, **settings: Any) -> Outcome:
        async def work(provider: SmppProvider) -> Outcome:
            return await provider.send(a_text(text, recipient=recipient))

        outcome: Outcome = self.using(work, **settings)
        return outcome

    def hear(self, condition: Callable[[], bool]) -> None:
        """Hold sessions until it has come to that."""

        async def work(_provider: SmppProvider) -> None:
            async with asyncio.timeout(10):
                while not condition():
                    await asyncio.sleep(0.02)

        self.using(work)

    def shown(self, number: str = PHONE) -> list[str]:
        return [each["text"] for each in self.simulator.ask("GET", f"/simulator/phones/{quote(number)}")]


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    phone = Phone(Running.start(tmp_path, "--delivery-ms", "50"))
    try:
        yield phone
    finally:
        phone.simulator.kill()


@pytest.mark.parametrize("long_texts", ["udh", "udh16", "sar", "payload"])
def test_a_long_text_is_one_on_the_phone_and_each_part_has_a_receipt(phone: Phone, long_texts: str) -> None:
    outcome = phone.send(LONG, long_texts=long_texts)
    assert isinstance(outcome, Accepted), outcome
    assert phone.shown() == [LONG]
    parts = (outcome.reference, *outcome.more)
    assert len(parts) == (1 if long_texts == "payload" else 4)
    phone.hear(lambda: len(phone.events) >= len(parts))
    assert {e.reference for e in phone.events} == set(parts)
    assert {e.status for e in phone.events} == {ReceiptStatus.DELIVERED}


@pytest.mark.parametrize("alphabet", ["gsm", "latin-1 (3)"])
def test_every_letter_arrives(phone: Phone, alphabet: str) -> None:
    for text in ("Åsa åt älg @$_ {€}", "Привет", "\U0001f600 hej"):
        assert isinstance(phone.send(text, alphabet=alphabet), Accepted)
    assert phone.shown() == ["Åsa åt älg @$_ {€}", "Привет", "\U0001f600 hej"]


def test_numbers_with_faults_have_them_here_too(phone: Phone) -> None:
    assert phone.send(recipient="+46700000004") == Rejected(permanent=True, code="ESME_RINVDSTADR")
    assert phone.send(recipient="+46700000005") == Rejected(permanent=False, code="ESME_RX_T_APPN")
    assert phone.send(recipient="+46700000007") == Unknown("timeout")
    assert phone.send(recipient="+46700000008") == Unknown("timeout")
    assert phone.send(recipient="+46700000009") == Unknown("connection_lost")
    assert phone.send(recipient="+46700000010") == Unknown("malformed_answer")
    shown = {number: phone.shown(f"+467000000{number}") for number in ("04", "07", "08", "09", "10")}
    assert shown == {"04": [], "07": ["Hej"], "08": [], "09": ["Hej"], "10": ["Hej"]}


def test_a_phone_s_answer_comes_by_the_way_by_which_its_text_came(phone: Phone) -> None:
    phone.send(recipient="+46700000017")
    phone.simulator.ask(
        "POST", "/simulator/phones/+46700000017/replies", {"to": "+46701740600", "text": LONG}
    )
    phone.hear(lambda: len([e for e in phone.events if isinstance(e, IncomingText)]) >= 5)
    texts = [e for e in phone.events if isinstance(e, IncomingText)]
    assert {(e.sender, e.recipient) for e in texts} == {("+46700000017", "+46701740600")}
    assert "OK" in [e.text for e in texts if e.piece is None]
    pieces = sorted((e.piece.number, e.text) for e in texts if e.piece)
    assert "".join(text for _, text in pieces) == LONG


def test_what_nobody_heard_is_told_after_a_restart(phone: Phone, tmp_path: Path) -> None:
    outcome = phone.send()
    phone.simulator.kill()
    phone.simulator = Running.start(tmp_path)
    phone.hear(lambda: bool(phone.events))
    assert isinstance(outcome, Accepted)
    assert [e.reference for e in phone.events] == [outcome.reference]


def test_a_wrong_password_is_let_in_by_nobody(phone: Phone) -> None:
    async def check(provider: SmppProvider) -> State:
        return (await provider.check()).state

    assert phone.using(check, password="wrong") is State.WRONG_KEY
    assert phone.using(check) is State.WELL
