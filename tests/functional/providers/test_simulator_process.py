"""The simulator's process: what outlives a kill, how it ends, the mails it takes, and how fast it is."""

from __future__ import annotations

import asyncio
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from messa_platform.providers.base import Absent, Accepted, Found, Outcome, OutgoingText
from messa_platform.providers.simulator.launch import DidNotStart, Running, running
from messa_platform.providers.simulator.plugin import SimulatorProvider
from messa_platform.providers.simulator.process import ADDRESSES_FILE
from tests.support.providers import around

ANNA = "+46701740605"
# Nothing ever listens on the discard port of a test machine: receipts wait.
SECRET = "hemligt-i-testet"
NOBODY = ("--callback-url", "http://127.0.0.1:9/providers/simulator", "--secret", SECRET)

T = TypeVar("T")


def with_provider(simulator: Running, work: Callable[[SimulatorProvider], Coroutine[Any, Any, T]]) -> T:
    port = simulator.addresses.gateway_port

    async def run() -> T:
        provider = SimulatorProvider({"port": port, "secret": SECRET, "timeout": 5.0}, around("simulator"))
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(run())


def send(simulator: Running, *texts: OutgoingText) -> list[Accepted]:
    """Send texts that the network must accept."""

    async def work(provider: SimulatorProvider) -> list[Outcome]:
        return await asyncio.gather(*map(provider.send, texts))

    outcomes = with_provider(simulator, work)
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(accepted) == len(texts), outcomes
    return accepted


def find(simulator: Running, message_id: UUID) -> Found:
    return with_provider(simulator, lambda provider: provider.find(message_id))


def text(content: str = "Hej", to: str = ANNA) -> OutgoingText:
    return OutgoingText(uuid4(), to, "+46730000001", content, 1)


def said(simulator: Running) -> list[str]:
    return [entry["text"] for entry in simulator.ask("GET", f"/simulator/phones/{ANNA}")]


def mail(to: str, subject: str = "Sms från +46701740605") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Görans jobbmobil <46701740605@messa.example>"
    message["To"] = to
    message["Subject"] = subject
    message["Auto-Submitted"] = "auto-replied"
    message.set_content("Jag kommer på mötet\n")
    return message


def deliver(simulator: Running, message: EmailMessage, *recipients: str) -> None:
    addresses = simulator.addresses
    with smtplib.SMTP(addresses.host, addresses.smtp_port, timeout=10) as smtp:
        smtp.send_message(message, None, recipients or None)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("journal"), *NOBODY) as started:
        yield started


def test_a_mail_is_kept_for_each_of_its_recipients(simulator: Running) -> None:
    deliver(simulator, mail("anna@demo.example"), "anna@demo.example", "bo@demo.example")
    for to in ("anna@demo.example", "bo@demo.example"):
        (kept,) = simulator.ask("GET", f"/simulator/mails?to={to.upper()}")
        assert (kept["from"], kept["to"]) == ("46701740605@messa.example", to)
        assert (kept["subject"], kept["text"]) == ("Sms från +46701740605", "Jag kommer på mötet")
        assert kept["headers"]["Auto-Submitted"] == "auto-replied"


def test_a_mail_to_an_address_in_utf8_is_kept(simulator: Running) -> None:
    deliver(simulator, mail("göran@demo.example", "Påminnelse"))
    (kept,) = simulator.ask("GET", "/simulator/mails?to=g%C3%B6ran@demo.example")
    assert (kept["subject"], kept["headers"]["To"]) == ("Påminnelse", "göran@demo.example")


def test_after_a_kill_phones_mails_and_references_are_as_before(tmp_path: Path) -> None:
    kept = text("före")
    with running(tmp_path, *NOBODY) as before:
        (outcome,) = send(before, kept)
        deliver(before, mail("anna@demo.example"))
        phone = before.ask("GET", f"/simulator/phones/{ANNA}")
        mails = before.ask("GET", "/simulator/mails")
        before.kill()
    with running(tmp_path, *NOBODY) as after:
        assert after.ask("GET", f"/simulator/phones/{ANNA}") == phone
        assert after.ask("GET", "/simulator/mails") == mails
        assert find(after, kept.message_id) == Accepted(outcome.reference)
        (later,) = send(after, text("efter"))
        assert later.reference != outcome.reference
        assert said(after) == ["före", "efter"]


def test_a_text_that_was_answered_survives_a_kill_in_the_midst_of_thousands(tmp_path: Path) -> None:
    async def flood(provider: SimulatorProvider) -> list[tuple[UUID, Outcome]]:
        texts = [text(str(i)) for i in range(4_000)]
        sending = [asyncio.ensure_future(provider.send(one)) for one in texts]
        while sum(task.done() for task in sending) < 500:
            await asyncio.sleep(0)
        before.kill()
        outcomes = await asyncio.gather(*sending)
        return [(one.message_id, outcome) for one, outcome in zip(texts, outcomes, strict=True)]

    with running(tmp_path, *NOBODY) as before:
        outcomes = with_provider(before, flood)
    taken = {str(message_id) for message_id, outcome in outcomes if isinstance(outcome, Accepted)}
    with running(tmp_path, *NOBODY) as after:
        known = [entry["id"] for entry in after.ask("GET", "/simulator/submits")["submits"]]
    assert len(taken) >= 500
    assert taken <= set(known)
    assert len(known) == len(set(known))


def test_a_small_memory_still_finds_every_text_in_the_journal(tmp_path: Path) -> None:
    with running(tmp_path, *NOBODY, "--keep-texts", "10") as simulator:
        texts = [text(str(i)) for i in range(30)]
        outcomes = send(simulator, *texts)
        assert said(simulator) == [str(i) for i in range(20, 30)]
        assert find(simulator, texts[0].message_id) == Accepted(outcomes[0].reference)
        assert find(simulator, uuid4()) == Absent()
        assert len(simulator.ask("GET", "/simulator/submits")["submits"]) == 30


def test_it_ends_in_peace_and_takes_its_addresses_along(tmp_path: Path) -> None:
    with running(tmp_path, *NOBODY) as simulator:
        send(simulator, text())
        assert (tmp_path / ADDRESSES_FILE).exists()
        assert simulator.stop() == 0
        assert not (tmp_path / ADDRESSES_FILE).exists()


def test_the_command_says_where_it_listens_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    ports = ("--http-port", "0", "--gateway-port", "0", "--smtp-port", "0")
    command = [sys.executable, "-m", "messa_platform.providers.simulator", "--journal", str(tmp_path), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("simulator: http://127.0.0.1:")
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_a_second_one_on_the_same_port_does_not_start_and_harms_nothing(
    simulator: Running, tmp_path: Path
) -> None:
    with pytest.raises(DidNotStart, match="code 1"):
        Running.start(tmp_path, "--gateway-port", str(simulator.addresses.gateway_port))
    assert not list(tmp_path.iterdir())
    send(simulator, text())


def test_it_takes_thousands_of_texts_a_second(simulator: Running) -> None:
    count, in_flight = 10_000, 500

    async def flood(provider: SimulatorProvider) -> float:
        texts = [text(to=f"+467017{i:05}") for i in range(count)]
        begun = time.perf_counter()
        for start in range(0, count, in_flight):
            outcomes = await asyncio.gather(*map(provider.send, texts[start : start + in_flight]))
            assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        return count / (time.perf_counter() - begun)

    rate = with_provider(simulator, flood)
    print(f"{rate:.0f} submits a second with {in_flight} in flight")
    assert rate > 1_500
