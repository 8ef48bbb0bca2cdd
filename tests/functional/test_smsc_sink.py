"""The SMSC at which the gateways' texts end in tests: what it says of them must be true."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import pdus
from tests.support.pdus import ShortMessage
from tests.support.processes import wait_for
from tests.support.sink import Sink, running_sink
from tests.support.sink_receipts import IdForm, Options, ReceiptForm
from tests.support.smpp_client import SmppClient, bound

TEXT = ShortMessage("Messa", "46701740605", "Hej".encode("utf-16-be"), data_coding=8, registered_delivery=1)

FORMS = Options(receipts=ReceiptForm.BOTH, ids=IdForm.UPPER_HEX, receipt_ids=IdForm.DECIMAL)


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with running_sink(tmp_path_factory.mktemp("sink"), FORMS) as running:
        yield running


def test_what_is_submitted_stands_in_the_journal_as_it_came(sink: Sink) -> None:
    part = ShortMessage("1234", "4670", b"\x05\x00\x03\x07\x02\x01Hej", 0x40, 3, source_kind=(3, 0))
    whole = ShortMessage("Messa", "4671", b"", tlvs={pdus.MESSAGE_PAYLOAD: b"x" * 1000, 0x020C: b"\0\7"})
    with bound(sink.port, "journal", "secret") as client:
        names = [client.submit(each) for each in (part, whole, part)]
    taken = [each for each in sink.journal() if each.system_id == "journal"]
    assert [each.id for each in taken] == names
    assert len(set(names)) == 3
    assert [each.message.octets for each in taken] == [part.octets, b"", part.octets]
    assert [each.message.esm_class for each in taken] == [0x40, 0, 0x40]
    assert [each.message.data_coding for each in taken] == [3, 0, 3]
    assert taken[1].message.tlvs == whole.tlvs
    assert taken[1].message.content == b"x" * 1000


def test_a_receipt_names_its_text_in_the_form_of_receipts(sink: Sink) -> None:
    with bound(sink.port, "forms", "secret") as client:
        name = client.submit(TEXT)
        (receipt,) = client.until_delivered()
    number = str(int(name, 16))
    assert receipt.is_receipt
    assert (receipt.source, receipt.destination) == (TEXT.destination, TEXT.source)
    assert receipt.octets.startswith(f"id:{number} sub:001 dlvrd:001 submit date:".encode())
    assert b" stat:DELIVRD err:000 text:" in receipt.octets
    assert receipt.tlvs == {
        pdus.RECEIPTED_MESSAGE_ID: number.encode() + b"\0",
        pdus.MESSAGE_STATE: b"\x02",
    }


def test_receipts_that_nobody_acknowledged_come_again_to_whoever_binds_next(sink: Sink) -> None:
    before = sink.statistics()["receipts_acknowledged"]
    with SmppClient(sink.port) as deaf:
        deaf.bind("again", "secret")
        names = [deaf.submit(TEXT) for _ in range(5)]
        wait_for(lambda: sink.statistics()["receipts_sent"] >= 5, says="receipts are sent")
    with bound(sink.port, "again", "secret", pdus.BIND_RECEIVER) as other:
        receipts = other.until_delivered(5)
    told = [each.tlvs[pdus.RECEIPTED_MESSAGE_ID].rstrip(b"\0") for each in receipts]
    assert sorted(told) == sorted(str(int(name, 16)).encode() for name in names)
    assert wait_for(lambda: sink.statistics()["receipts_acknowledged"] == before + 5)
    assert sink.statistics()["receipts_waiting"] == 0


def test_a_receipt_that_is_refused_for_now_comes_again_and_one_refused_for_good_does_not(sink: Sink) -> None:
    before = sink.statistics()
    with bound(sink.port, "later", "secret") as client:
        client.deliver_status = 0x64  # ESME_RX_T_APPN
        client.submit(TEXT)
        (first,) = client.until_delivered(1)
        client.deliver_status = 0x65  # ESME_RX_P_APPN
        assert client.until_delivered(2) == [first, first]
    wait_for(lambda: sink.statistics()["receipts_refused"] == before["receipts_refused"] + 1)
    told = sink.statistics()
    assert told["receipts_acknowledged"] == before["receipts_acknowledged"]
    assert told["receipts_waiting"] == 0


def test_answers_come_after_the_latency_and_texts_wait_for_it_together(tmp_path: Path) -> None:
    with (
        running_sink(tmp_path, Options(latency=0.3, receipts=ReceiptForm.NONE)) as slow,
        bound(slow.port, "slow", "secret") as client,
    ):
        begun = time.monotonic()
        assert client.submit_all([TEXT] * 50, window=50) == 50
        assert 0.3 <= time.monotonic() - begun < 0.9
        assert slow.statistics()["receipts_made"] == 0


def test_many_receipts_wait_for_a_session_that_can_receive_and_all_come(sink: Sink) -> None:
    texts = [ShortMessage("Messa", f"4670174{i:04d}", b"Hej", registered_delivery=1) for i in range(2000)]
    with bound(sink.port, "many", "secret", pdus.BIND_TRANSMITTER) as sender:
        assert sender.submit_all(texts, window=50) == 2000
        wait_for(lambda: sink.statistics()["receipts_waiting"] == 2000, says="receipts wait")
        assert sender.peek() == 0
    with bound(sink.port, "many", "secret", pdus.BIND_RECEIVER) as receiver:
        receipts = receiver.until_delivered(2000)
    assert {each.source for each in receipts} == {each.destination for each in texts}
    taken = [each.message.destination for each in sink.journal() if each.system_id == "many"]
    assert taken == [each.destination for each in texts]


def test_a_connection_that_is_cut_is_seen_by_the_client(sink: Sink) -> None:
    with SmppClient(sink.port) as client:
        client.bind("cut", "secret")
        sink.cut()
        with pytest.raises(ConnectionError):
            client.submit(TEXT)


def test_what_is_no_smpp_is_answered_and_let_go(sink: Sink) -> None:
    before = sink.statistics()["malformed"]
    with SmppClient(sink.port) as client, pytest.raises(ConnectionError):
        client.send_raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.until_delivered()
    assert sink.statistics()["malformed"] == before + 1
