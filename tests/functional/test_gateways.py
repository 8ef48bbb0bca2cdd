"""Gateways of others, as tests and benches use them: what goes in comes out at the sink, and its receipt comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from tests.support import jasmin as jasmin_support
from tests.support.jasmin import Jasmin, running_jasmin
from tests.support.kannel import Kannel, running_kannel
from tests.support.pdus import ShortMessage
from tests.support.processes import Answer, ask, wait_for
from tests.support.receiver import a_receiver
from tests.support.sink import Sink, running_sink
from tests.support.smpp_client import Refused, SmppClient, bound

PHONE = "46701740605"


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with running_sink(tmp_path_factory.mktemp("sink")) as running:
        yield running


@pytest.fixture(scope="module")
def jasmin(sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jasmin]:
    with running_jasmin(sink.port, tmp_path_factory.mktemp("jasmin")) as running:
        yield running


def until_taken(sink: Sink, mark: bytes, count: int = 1) -> list[ShortMessage]:
    """Wait until the sink has so many texts that begin with `mark`; every one."""

    def taken() -> list[ShortMessage]:
        return [each.message for each in sink.journal() if each.message.content.startswith(mark)]

    wait_for(lambda: len(taken()) >= count, says=f"{mark!r} at the sink")
    return taken()


def send(gateway: Jasmin | Kannel, path: str, **values: object) -> Answer:
    """Send a text by a gateway's HTTP."""
    query = urlencode({"username": gateway.user, "password": gateway.password, "to": PHONE, **values})
    return ask(gateway.http_port, "GET", f"{path}?{query}", None)


def test_a_text_submitted_to_jasmin_reaches_the_sink_and_its_receipt_comes_back(
    sink: Sink, jasmin: Jasmin
) -> None:
    text = ShortMessage(
        "Messa", PHONE, "Åter".encode("utf-16-be"), data_coding=8, registered_delivery=1, source_kind=(5, 0)
    )
    with bound(jasmin.smpp_port, jasmin.user, jasmin.password) as client:
        name = client.submit(text)
        (receipt,) = client.until_delivered()
    (taken,) = until_taken(sink, text.octets)
    assert (taken.source, taken.destination, taken.data_coding) == ("Messa", PHONE, 8)
    assert receipt.is_receipt
    assert receipt.octets.startswith(f"id:{name} ".encode())
    assert b" stat:DELIVRD " in receipt.octets
    assert (receipt.source, receipt.destination) == (PHONE, "Messa")


def test_jasmin_takes_several_sessions_and_passes_on_more_than_one_text_a_second(
    sink: Sink, jasmin: Jasmin
) -> None:
    begun = time.monotonic()
    with (
        bound(jasmin.smpp_port, jasmin.user, jasmin.password) as one,
        bound(jasmin.smpp_port, jasmin.user, jasmin.password) as other,
    ):
        for client, mark in ((one, b"first"), (other, b"second")):
            texts = [ShortMessage("Messa", PHONE, mark, registered_delivery=1) for _ in range(80)]
            assert client.submit_all(texts, window=20) == 80
        # receipts go to either of the sessions
        wait_for(lambda: one.peek() + other.peek() >= 160 or None, 30, "160 receipts")
    assert time.monotonic() - begun < 30  # by itself its four sessions behind take 40 seconds
    assert len(until_taken(sink, b"first", 80)) == 80
    assert len(until_taken(sink, b"second", 80)) == 80


def test_jasmin_refuses_a_wrong_password(jasmin: Jasmin) -> None:
    with SmppClient(jasmin.smpp_port) as client, pytest.raises(Refused):
        client.bind(jasmin.user, "wrong")


def test_a_text_sent_by_jasmins_http_reaches_the_sink(sink: Sink, jasmin: Jasmin) -> None:
    answer = send(jasmin, "/send", **{"from": "Messa", "content": "By HTTP"})
    assert answer.status == 200
    assert answer.body.startswith(b'Success "')
    (taken,) = until_taken(sink, b"By HTTP")
    assert (taken.source, taken.destination) == ("Messa", PHONE)


@pytest.mark.parametrize("spool", [True, False], ids=["spool", "no-store"])
def test_a_text_sent_by_kannels_http_reaches_the_sink_and_its_receipt_comes_back(
    sink: Sink, tmp_path: Path, spool: bool
) -> None:
    mark = f"By Kannel, {spool}"
    with running_kannel(sink.port, tmp_path, spool=spool) as kannel, a_receiver() as receiver:
        answer = send(
            kannel,
            "/cgi-bin/sendsms",
            **{"from": "Messa", "text": mark, "dlr-mask": 31, "dlr-url": receiver.url("/dlr?bit=%d")},
        )
        assert answer.status == 202
        receiver.wait_for(2)
        assert [each.path for each in receiver.received] == ["/dlr?bit=8", "/dlr?bit=1"]
        (taken,) = until_taken(sink, mark.encode())
        assert (taken.source, taken.destination) == ("Messa", PHONE)
        assert any((tmp_path / "spool").iterdir()) == spool  # its folders, which stay


def test_a_missing_jasmin_is_told_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jasmin_support, "PYTHON", tmp_path / "python")
    with pytest.raises(AssertionError, match=r"sh scripts/set-up\.sh jasmin"), running_jasmin(9, tmp_path):
        pass


def at_work(directory: Path) -> list[str]:
    """Processes that have a folder in their command or are in it, on the whole machine; those whose parent has gone are among them."""
    told = [
        (each.info["cwd"], *(each.info["cmdline"] or ())) for each in psutil.process_iter(["cwd", "cmdline"])
    ]
    return [" ".join(words[1:]) for words in told if str(directory) in " ".join(map(str, words))]


def test_a_jasmin_that_does_not_start_says_so_and_leaves_no_broker_behind(
    sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jasmin_support, "PYTHON", Path("/bin/false"))
    started = jasmin_support.Jasmin.start

    def start(self: Jasmin, daemon: str, ready: str) -> None:
        assert [broker in " ".join(at_work(tmp_path)) for broker in ("redis", "rabbit")] == [True, True]
        started(self, daemon, ready)

    monkeypatch.setattr(jasmin_support.Jasmin, "start", start)
    with pytest.raises(AssertionError, match="ended with 1"), running_jasmin(sink.port, tmp_path):
        pass
    assert at_work(tmp_path) == []


def test_a_kannel_whose_test_fails_is_ended(sink: Sink, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), running_kannel(sink.port, tmp_path, spool=True):
        assert len(at_work(tmp_path)) == 2
        raise ZeroDivisionError
    assert at_work(tmp_path) == []
