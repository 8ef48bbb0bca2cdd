"""What Sinch's callbacks hold: receipts of both kinds, incoming texts, and what is neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from messa_platform.providers.base import (
    CallbackRefused,
    CallbackResult,
    IncomingText,
    Receipt,
    ReceiptStatus,
)
from messa_platform.providers.kit.fake import CALLBACKS
from messa_platform.providers.registry import checked_settings
from messa_platform.providers.sinch.codes import CODES
from messa_platform.providers.sinch.fake import SECRET, SinchFake, signed, signed_headers
from messa_platform.providers.sinch.plugin import TOLERANCE, SinchProvider

REPORT = {
    "type": "recipient_delivery_report_sms",
    "batch_id": "01FC66621",
    "recipient": "46701740605",
    "code": 407,
    "status": "Cancelled",
    "at": "2026-11-27T10:11:12.123Z",
    "operator_status_at": "2026-11-27T10:11:00Z",
    "client_reference": "0195a0c0-0000-7000-8000-000000000001",
    "number_of_message_parts": 2,
}
SUMMARY = {
    "type": "delivery_report_sms",
    "batch_id": "01FC66621",
    "total_message_count": 1,
    "statuses": [{"code": 0, "status": "Delivered", "count": 1, "recipients": ["46701740605"]}],
}
INCOMING = {
    "type": "mo_text",
    "id": "01FC7",
    "from": "46701740605",
    "to": "46701740600",
    "body": "Jag kommer",
    "received_at": "2026-11-27T10:11:12.123Z",
}
AT = datetime(2026, 11, 27, 10, 11, 12, 123000, tzinfo=UTC)
NONE: Any = object()
"""In the place of a field's value: the field is not there."""


def read(told: Any, path: str = "receipts", **settings: Any) -> CallbackResult:
    given = checked_settings(SinchProvider, {**SinchFake().settings(), **settings})
    return SinchProvider.read_callback(given, signed(told, f"{CALLBACKS}/{path}"))


def changed(told: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {name: value for name, value in {**told, **fields}.items() if value is not NONE}


def receipt_of(**fields: Any) -> Receipt:
    [event] = read(changed(REPORT, **fields)).events
    assert isinstance(event, Receipt)
    return event


def refusal(told: Any, path: str = "receipts") -> CallbackRefused:
    with pytest.raises(CallbackRefused) as caught:
        read(told, path)
    return caught.value


def test_a_receipt_tells_the_status_with_its_code_and_the_time() -> None:
    assert read(REPORT) == CallbackResult(
        (Receipt("01FC66621", ReceiptStatus.UNDELIVERED, "Cancelled 407", AT),)
    )


@pytest.mark.parametrize(
    ("code", "told"),
    [(0, "Delivered 0"), ("0", "Delivered 0"), (NONE, "Delivered"), (None, "Delivered")],
)
def test_the_code_stands_by_the_status_if_there_is_one(code: Any, told: str) -> None:
    assert receipt_of(status="Delivered", code=code).code == told


def test_the_codes_that_are_put_into_words_are_written_as_receipts_write_them() -> None:
    for status, code in (("Aborted", 402), ("Cancelled", 407), ("Aborted", 413)):
        assert receipt_of(status=status, code=code).code in CODES


@pytest.mark.parametrize(
    ("at", "operator_at", "told"),
    [
        ("2026-11-27T10:11:12.123Z", NONE, AT),
        ("2026-11-27T11:11:12.123+01:00", NONE, AT),
        ("2026-11-27T10:11:12.123", NONE, AT),
        (NONE, "2026-11-27T10:11Z", datetime(2026, 11, 27, 10, 11, tzinfo=UTC)),
        ("yesterday", NONE, None),
        (1_772_442_900, NONE, None),
        (NONE, NONE, None),
    ],
)
def test_a_time_is_read_in_every_form_and_one_that_is_none_is_left_out(
    at: Any, operator_at: Any, told: datetime | None
) -> None:
    assert receipt_of(at=at, operator_status_at=operator_at).at == told


def test_a_summary_of_a_batch_is_read_as_the_receipt_of_its_text() -> None:
    assert read(SUMMARY).events == (Receipt("01FC66621", ReceiptStatus.DELIVERED, "Delivered 0"),)


def test_a_summary_without_a_status_says_nothing_and_is_taken() -> None:
    assert read(changed(SUMMARY, statuses=[])) == CallbackResult()


def test_an_incoming_text_is_read_with_numbers_in_e164_and_when_it_was_received() -> None:
    assert read(INCOMING, "incoming").events == (
        IncomingText("01FC7", "+46701740605", "+46701740600", "Jag kommer", AT),
    )


@pytest.mark.parametrize(("to", "told"), [("71234", "71234"), ("+46701740600", "+46701740600")])
def test_a_short_code_stays_as_it_is(to: str, told: str) -> None:
    [event] = read(changed(INCOMING, to=to), "incoming").events
    assert isinstance(event, IncomingText)
    assert event.recipient == told


def test_an_empty_text_is_a_text() -> None:
    [event] = read(changed(INCOMING, body=""), "incoming").events
    assert isinstance(event, IncomingText)
    assert event.text == ""


def test_both_paths_take_both_as_a_service_plan_has_one_address() -> None:
    assert read(INCOMING, "receipts") == read(INCOMING, "incoming")
    assert read(REPORT, "incoming") == read(REPORT, "receipts")


def test_another_path_is_refused() -> None:
    assert refusal(REPORT, "elsewhere").status == 404


@pytest.mark.parametrize(
    "told",
    [
        [],
        None,
        "text",
        7,
        {},
        changed(REPORT, type="weather"),
        changed(REPORT, type=["mo_text"]),
        changed(REPORT, type="recipient_delivery_report_mms"),
        changed(REPORT, batch_id=NONE),
        changed(REPORT, status=NONE),
        changed(REPORT, status=""),
        changed(REPORT, status=["Delivered"]),
        changed(REPORT, code={"a": 1}),
        changed(REPORT, batch_id="x" * 1000),
        changed(SUMMARY, statuses=NONE),
        changed(SUMMARY, statuses={"code": 0}),
        changed(SUMMARY, statuses=["Delivered"]),
        changed(SUMMARY, statuses=[{"code": 0}]),
        changed(SUMMARY, batch_id=NONE),
        changed(INCOMING, type="mo_binary", body="AQID"),
        changed(INCOMING, id=NONE),
        changed(INCOMING, body=NONE),
        changed(INCOMING, body=7),
        changed(INCOMING, to=None),
        {"type": "mo_text", "id": "01FC7", "to": "46701740600", "body": "Hej"},
    ],
)
def test_what_is_signed_but_makes_no_sense_is_refused(told: Any) -> None:
    assert refusal(told).status == 400


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"a=b", b"[" * 100_000])
def test_what_is_signed_but_no_json_is_refused(body: bytes) -> None:
    one = signed(REPORT, f"{CALLBACKS}/receipts")
    one = replace(one, body=body, headers=signed_headers(body, int(one.at.timestamp())))
    with pytest.raises(CallbackRefused) as caught:
        SinchProvider.read_callback(checked_settings(SinchProvider, SinchFake().settings()), one)
    assert caught.value.status == 400


def test_a_callback_is_tried_for_two_days_without_being_signed_anew_and_is_taken() -> None:
    settings = checked_settings(SinchProvider, SinchFake().settings())
    assert settings["tolerance"] == TOLERANCE
    one = signed(REPORT, f"{CALLBACKS}/receipts")
    # the last of the tries comes when all pauses, of 5 seconds and doubling to 81920, have passed
    late = replace(one, at=one.at + timedelta(seconds=sum(5 * 2**n for n in range(15))))
    assert SinchProvider.read_callback(settings, late).events
    with pytest.raises(CallbackRefused, match="too long ago"):
        SinchProvider.read_callback(settings, replace(one, at=one.at + timedelta(days=2, minutes=1)))


def test_the_tolerance_is_a_setting() -> None:
    settings = checked_settings(SinchProvider, {**SinchFake().settings(), "tolerance": "60"})
    one = signed(REPORT, f"{CALLBACKS}/receipts")
    with pytest.raises(CallbackRefused, match="too long ago"):
        SinchProvider.read_callback(settings, replace(one, at=one.at + timedelta(minutes=2)))


@pytest.mark.parametrize("tolerance", [0, 59, 604_801, "ever"])
def test_a_tolerance_without_sense_is_refused(tolerance: Any) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        checked_settings(SinchProvider, {**SinchFake().settings(), "tolerance": tolerance})


def test_a_refusal_tells_nothing_of_the_secret_or_of_what_came() -> None:
    said = str(refusal(changed(REPORT, type="46701740605")))
    assert SECRET not in said
    assert "46701740605" not in said
