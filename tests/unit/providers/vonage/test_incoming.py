"""Receipts and incoming texts: in every way in which an account can have them, signed in every way, and odd ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from messa_platform.providers.base import (
    Callback,
    CallbackRefused,
    IncomingText,
    Piece,
    Receipt,
    ReceiptStatus,
)
from messa_platform.providers.kit.desk import RECIPIENT, SENDER, Desk
from messa_platform.providers.kit.fake import CALLBACKS, Taken
from messa_platform.providers.vonage.codes import CODES
from messa_platform.providers.vonage.fake import SIGNATURE_SECRET, VonageFake, Way, signature
from messa_platform.providers.vonage.plugin import VonageProvider

RECEIPTS, INCOMING = f"{CALLBACKS}/receipts", f"{CALLBACKS}/incoming"
TAKEN = Taken(("0A01", "0A02"), SENDER, RECIPIENT, "Hej", None, RECEIPTS)
RECEIPT = {"messageId": "0A01", "msisdn": "46701740605", "to": "46701740600", "status": "delivered"}
TEXT = {"messageId": "0B01", "msisdn": "46701740605", "to": "46701740600", "type": "text", "text": "Hej"}
AT = datetime(2026, 11, 27, 10, 11, 12, tzinfo=UTC)


@pytest.fixture
def fake() -> VonageFake:
    return VonageFake()


@pytest.fixture
def desk(fake: VonageFake) -> Desk:
    return Desk(VonageProvider, fake)


def read(fake: VonageFake, url: str, fields: dict[str, str]) -> Any:
    """The only event of a signed callback."""
    [event] = Desk(VonageProvider, fake).read(fake.callback(url, fields)).events
    return event


def refusal(desk: Desk, callback: Callback) -> int:
    with pytest.raises(CallbackRefused) as refused:
        desk.read(callback)
    assert SIGNATURE_SECRET not in str(refused.value)
    return refused.value.status


# Ways and signatures


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("method", ["md5hash", "md5", "sha1", "sha256", "sha512"])
def test_receipts_are_read_in_every_way_and_by_every_method(
    desk: Desk, fake: VonageFake, way: Way, method: str
) -> None:
    fake.way, fake.method = way, method
    events = desk.read_all(fake.receipts(TAKEN, "delivered"))
    at = datetime(2026, 11, 27, 10, 11, tzinfo=UTC)
    assert events == [Receipt(each, ReceiptStatus.DELIVERED, "delivered", at) for each in ("0A01", "0A02")]


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("written", ["Hej & hå = 1_2 + å?", "Привет \U0001f600\n%41", ""])
def test_texts_are_read_in_every_way_as_they_were_written(
    desk: Desk, fake: VonageFake, way: Way, written: str
) -> None:
    fake.way = way
    events = desk.read_all(fake.incoming("0B01", RECIPIENT, SENDER, written))
    assert events == [IncomingText("0B01", RECIPIENT, SENDER, written, AT)]


@pytest.mark.parametrize("way", Way)
def test_what_is_forged_is_refused_in_every_way(desk: Desk, fake: VonageFake, way: Way) -> None:
    fake.way = way
    for callback in (*fake.receipts(TAKEN, "failed"), *fake.incoming("0B01", RECIPIENT, SENDER, "Hej")):
        assert [refusal(desk, each) for each in fake.forged(callback)] == [403] * 6


def test_a_signature_by_another_method_than_was_agreed_on_is_refused(desk: Desk, fake: VonageFake) -> None:
    fake.method = "md5hash"
    callback = fake.callback(RECEIPTS, RECEIPT)
    fake.method = "sha256"
    assert refusal(desk, callback) == 403


def test_a_query_does_not_count_where_there_is_a_body(desk: Desk, fake: VonageFake) -> None:
    genuine = fake.callback(RECEIPTS, RECEIPT)
    spoilt = Callback("POST", "receipts", genuine.json, genuine.headers, b"{}", genuine.url, genuine.at)
    assert refusal(desk, spoilt) == 403


def test_several_fields_cannot_be_passed_off_as_one(desk: Desk, fake: VonageFake) -> None:
    # `a=1&b` = 2 is the same text to the signature as a = 1 and b = 2
    told = {
        **TEXT,
        "concat": "true",
        "concat-part": "1",
        "timestamp": str(int(datetime.now(UTC).timestamp())),
    }
    sig = signature(told, SIGNATURE_SECRET, "sha256")
    joined = {key: value for key, value in told.items() if key not in ("concat", "concat-part")}
    joined["concat=true&concat-part"] = "1"
    assert refusal(desk, fake.carrying(INCOMING, {**joined, "sig": sig}, datetime.now(UTC))) == 400


def test_another_path_is_refused(desk: Desk, fake: VonageFake) -> None:
    assert refusal(desk, fake.callback(f"{CALLBACKS}/elsewhere", RECEIPT)) == 404


def test_a_receipt_is_no_text_and_a_text_is_no_receipt(desk: Desk, fake: VonageFake) -> None:
    assert refusal(desk, fake.callback(INCOMING, RECEIPT)) == 400
    assert refusal(desk, fake.callback(RECEIPTS, TEXT)) == 400


# JSON that is not as expected


def test_numbers_and_truth_in_json_count_as_they_are_written(desk: Desk, fake: VonageFake) -> None:
    now = datetime.now(UTC)
    told = {**RECEIPT, "err-code": "6", "price": "0.5", "final": "true", "empty": ""}
    told |= {"status": "failed", "timestamp": str(int(now.timestamp()))}
    sent: dict[str, Any] = {**told, "sig": signature(told, SIGNATURE_SECRET, "sha256")}
    sent |= {"err-code": 6, "price": 0.5, "final": True, "empty": None, "timestamp": int(now.timestamp())}
    [event] = desk.read(fake.carrying(RECEIPTS, sent, now)).events
    assert event == Receipt("0A01", ReceiptStatus.UNDELIVERED, "failed 6")


@pytest.mark.parametrize("odd", [[], {}, ["x"]])
def test_json_that_is_nested_is_refused(desk: Desk, fake: VonageFake, odd: Any) -> None:
    genuine = fake.callback(RECEIPTS, RECEIPT)
    assert refusal(desk, fake.carrying(RECEIPTS, {**genuine.json, "x": odd}, genuine.at)) == 400


def test_half_a_surrogate_pair_does_no_harm(desk: Desk, fake: VonageFake) -> None:
    told = {**TEXT, "text": "Hej ?", "timestamp": str(int(datetime.now(UTC).timestamp()))}
    sig = signature(told, SIGNATURE_SECRET, "sha256")
    callback = fake.carrying(INCOMING, {**told, "text": "Hej \ud83d", "sig": sig}, datetime.now(UTC))
    assert b"\\ud83d" in callback.body
    [event] = desk.read(callback).events
    assert isinstance(event, IncomingText)
    assert event.text == "Hej ?"


def test_a_content_type_may_name_its_charset(desk: Desk, fake: VonageFake) -> None:
    genuine = fake.callback(RECEIPTS, RECEIPT)
    headers = {"content-type": "application/json; charset=utf-8"}
    callback = Callback("POST", "receipts", {}, headers, genuine.body, genuine.url, genuine.at)
    assert desk.read(callback).events


# Age


@pytest.mark.parametrize("minutes", [-4, 0, 60, 24 * 60 + 30])
def test_what_vonage_sends_again_for_a_day_is_taken(desk: Desk, fake: VonageFake, minutes: int) -> None:
    assert desk.read(fake.callback(RECEIPTS, RECEIPT, timedelta(minutes=minutes))).events


@pytest.mark.parametrize("minutes", [-6, 1501, 100_000])
def test_what_is_older_or_of_the_future_is_refused(desk: Desk, fake: VonageFake, minutes: int) -> None:
    assert refusal(desk, fake.callback(RECEIPTS, RECEIPT, timedelta(minutes=minutes))) == 403


def test_how_old_it_may_be_is_a_setting(desk: Desk, fake: VonageFake) -> None:
    settings = desk.settings(callback_age=5)
    assert VonageProvider.read_callback(settings, fake.callback(RECEIPTS, RECEIPT, timedelta(minutes=4)))
    with pytest.raises(CallbackRefused):
        VonageProvider.read_callback(settings, fake.callback(RECEIPTS, RECEIPT, timedelta(minutes=6)))


@pytest.mark.parametrize("timestamp", [None, "", "now", "-1", "1.5", "²", "9" * 30, "0"])
def test_what_does_not_tell_when_it_was_signed_is_refused(
    desk: Desk, fake: VonageFake, timestamp: str | None
) -> None:
    told = RECEIPT if timestamp is None else {**RECEIPT, "timestamp": timestamp}
    told = {**told, "sig": signature(told, SIGNATURE_SECRET, "sha256")}
    assert refusal(desk, fake.carrying(RECEIPTS, told, datetime.now(UTC))) == 403


# Receipts


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("delivered", "0", "delivered"),
        ("delivered", "", "delivered"),
        ("failed", "6", "failed 6"),
        ("Rejected", "4", "Rejected 4"),
        ("expired", "2", "expired 2"),
    ],
)
def test_the_code_beside_the_status_is_kept(fake: VonageFake, status: str, error: str, code: str) -> None:
    assert read(fake, RECEIPTS, {**RECEIPT, "status": status, "err-code": error}).code == code


def test_every_code_beside_a_failure_has_its_words() -> None:
    for status in ("failed", "expired", "rejected"):
        assert {f"{status} {error}" for error in (2, 3, 4, 6, 9, 15)} | {status} <= CODES.keys()


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ({"scts": "2611271011", "message-timestamp": "2026-11-28 00:00:00"}, AT.replace(second=0)),
        ({"message-timestamp": "2026-11-27 10:11:12"}, AT),
        ({"message-timestamp": "2026-11-27 10:11:12 +0000"}, AT),
        ({"scts": "2613991011", "message-timestamp": "2026-11-27 10:11:12"}, AT),
        ({"scts": "261127101", "message-timestamp": "2026-11-27 10:11:12"}, AT),
        ({"scts": "", "message-timestamp": ""}, None),
        ({"scts": "yesterday", "message-timestamp": "noon"}, None),
        ({}, None),
    ],
)
def test_a_receipt_s_time_is_the_network_s_or_vonage_s_or_none(
    fake: VonageFake, told: dict[str, str], at: datetime | None
) -> None:
    found = read(fake, RECEIPTS, {**RECEIPT, **told}).at
    assert found == at
    assert found is None or found.tzinfo is not None


@pytest.mark.parametrize("missing", ["messageId", "status"])
def test_a_receipt_that_misses_something_is_refused(desk: Desk, fake: VonageFake, missing: str) -> None:
    for told in ({k: v for k, v in RECEIPT.items() if k != missing}, {**RECEIPT, missing: ""}):
        assert refusal(desk, fake.callback(RECEIPTS, told)) == 400


# Incoming texts


def test_a_long_text_comes_in_pieces_that_can_be_put_together(desk: Desk, fake: VonageFake) -> None:
    written = "a" * 152 + "{" + "b" * 152
    events = desk.read_all(fake.incoming("0B01", RECIPIENT, SENDER, written))
    assert [event.piece for event in events] == [Piece("108", n, 3) for n in (1, 2, 3)]
    assert [len(event.text) for event in events] == [152, 152, 1]
    assert "".join(event.text for event in events) == written


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"concat": "false"},
        {"concat-ref": ""},
        {"concat-ref": "x" * 201},
        {"concat-total": ""},
        {"concat-total": "many"},
        {"concat-total": "1"},
        {"concat-total": "²"},
        {"concat-part": ""},
        {"concat-part": "0"},
        {"concat-part": "-1"},
        {"concat-part": "4"},
        {"concat-part": "9" * 5000},
    ],
)
def test_a_piece_that_makes_no_sense_is_a_text_of_its_own(fake: VonageFake, odd: dict[str, str]) -> None:
    piece = {"concat": "true", "concat-ref": "7", "concat-total": "3", "concat-part": "2"} if odd else {}
    event = read(fake, INCOMING, {**TEXT, **piece, **odd})
    assert (event.text, event.piece) == ("Hej", None)


def test_a_piece_is_known_whatever_the_case_of_its_mark(fake: VonageFake) -> None:
    told = {"concat": "TRUE", "concat-ref": "7", "concat-total": "3", "concat-part": "2"}
    assert read(fake, INCOMING, {**TEXT, **told}).piece == Piece("7", 2, 3)


def test_an_empty_text_that_is_left_out_of_the_signature_comes_in_as_empty(
    desk: Desk, fake: VonageFake
) -> None:
    genuine = fake.callback(INCOMING, {key: value for key, value in TEXT.items() if key != "text"})
    body = json.dumps({**genuine.json, "text": ""}).encode()
    callback = Callback("POST", "incoming", {}, genuine.headers, body, genuine.url, genuine.at)
    [event] = desk.read(callback).events
    assert isinstance(event, IncomingText)
    assert event.text == ""


def test_what_is_no_text_is_taken_and_nothing_comes_of_it(desk: Desk, fake: VonageFake) -> None:
    told = {key: value for key, value in TEXT.items() if key != "text"}
    result = desk.read(fake.callback(INCOMING, {**told, "type": "binary", "data": "06050415"}))
    assert (result.status, result.body, result.events) == (200, b"", ())


def test_a_short_code_is_kept_as_it_is(fake: VonageFake) -> None:
    event = read(fake, INCOMING, {**TEXT, "to": "72456"})
    assert (event.sender, event.recipient) == (RECIPIENT, "72456")


@pytest.mark.parametrize("missing", ["messageId", "msisdn", "to", "type"])
def test_a_text_that_misses_something_is_refused(desk: Desk, fake: VonageFake, missing: str) -> None:
    for told in ({k: v for k, v in TEXT.items() if k != missing}, {**TEXT, missing: ""}):
        assert refusal(desk, fake.callback(INCOMING, told)) == 400
