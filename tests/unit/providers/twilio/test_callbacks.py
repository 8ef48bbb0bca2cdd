"""What a genuine callback of Twilio's says: statuses with their error codes, times, texts from phones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from messa_platform.providers.base import (
    Callback,
    CallbackRefused,
    CallbackResult,
    IncomingText,
    Receipt,
    ReceiptStatus,
)
from messa_platform.providers.kit.fake import CALLBACKS
from messa_platform.providers.registry import checked_settings
from messa_platform.providers.twilio.fake import SID, TOKEN, form_callback, json_callback
from messa_platform.providers.twilio.plugin import TwilioProvider

SETTINGS = checked_settings(TwilioProvider, {"account_sid": SID, "auth_token": TOKEN})
RECEIPTS, INCOMING = f"{CALLBACKS}/receipts", f"{CALLBACKS}/incoming"
PHONE = {"MessageSid": "SM1", "From": "+46701740605", "To": "+46701740600", "Body": "Hej"}


def read(callback: Callback) -> CallbackResult:
    return TwilioProvider.read_callback(SETTINGS, callback)


def receipt(**fields: str) -> Any:
    [event] = read(form_callback(RECEIPTS, [("MessageSid", "SM1"), *fields.items()])).events
    return event


def incoming(**changed: str) -> Any:
    [event] = read(form_callback(INCOMING, list((PHONE | changed).items()))).events
    return event


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"MessageStatus": "delivered"}, ReceiptStatus.DELIVERED, "delivered"),
        ({"MessageStatus": "sent", "ErrorCode": ""}, ReceiptStatus.SENT, "sent"),
        (
            {"MessageStatus": "undelivered", "ErrorCode": "30003"},
            ReceiptStatus.UNDELIVERED,
            "undelivered 30003",
        ),
        ({"MessageStatus": "failed", "ErrorCode": "30008"}, ReceiptStatus.UNDELIVERED, "failed 30008"),
        ({"MessageStatus": "FAILED", "ErrorCode": "99999"}, ReceiptStatus.UNDELIVERED, "FAILED 99999"),
        ({"MessageStatus": "partially_delivered"}, None, "partially_delivered"),
        ({"MessageStatus": "received"}, None, "received"),
    ],
)
def test_a_receipt_has_the_status_and_the_error_code_as_they_came(
    fields: dict[str, str], status: ReceiptStatus | None, code: str
) -> None:
    assert receipt(**fields) == Receipt("SM1", status, code)


def test_a_time_by_a_clock_whose_zone_nobody_tells_is_none() -> None:
    assert receipt(MessageStatus="delivered", RawDlrDoneDate="2611271011").at is None


def test_fields_that_twilio_adds_some_day_disturb_nobody() -> None:
    fields = [("MessageStatus", "sent"), ("MessageSid", "SM1"), ("New", "å"), ("New", ""), ("New", "å")]
    assert read(form_callback(RECEIPTS, fields)).events == (Receipt("SM1", ReceiptStatus.SENT, "sent"),)


def test_a_receipt_may_be_json() -> None:
    body = json.dumps({"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": 30005}).encode()
    expected = Receipt("SM1", ReceiptStatus.UNDELIVERED, "undelivered 30005")
    assert read(json_callback(RECEIPTS, body)).events == (expected,)
    with pytest.raises(CallbackRefused):
        read(replace(json_callback(RECEIPTS, body), body=body.replace(b"SM1", b"SM2")))


@pytest.mark.parametrize(
    ("signed", "public"),
    [
        (RECEIPTS.replace(".example", ".example:443"), RECEIPTS),
        (RECEIPTS, RECEIPTS.replace(".example", ".example:8443")),
    ],
)
def test_a_port_in_the_address_that_was_signed_or_not_disturbs_nobody(signed: str, public: str) -> None:
    fields = [("MessageSid", "SM1"), ("MessageStatus", "read")]
    [event] = read(form_callback(public, fields, signed)).events
    assert event == Receipt("SM1", ReceiptStatus.DELIVERED, "read")


def test_a_text_from_a_phone_is_read_and_answered_with_nothing_to_be_done() -> None:
    assert incoming() == IncomingText("SM1", "+46701740605", "+46701740600", "Hej")
    result = read(form_callback(INCOMING, list(PHONE.items())))
    assert (result.status, result.content_type, result.body) == (200, "text/xml", b"<Response/>")


def test_a_text_from_a_phone_may_be_empty_and_come_from_a_short_code_or_a_name() -> None:
    assert incoming(Body="").text == ""
    assert incoming(From="71456").sender == "71456"
    assert incoming(From="Banken").sender == "Banken"


@pytest.mark.parametrize("missing", ["MessageSid", "From", "To", "Body"])
def test_a_text_from_a_phone_without_one_of_its_fields_is_refused(missing: str) -> None:
    fields = [(name, value) for name, value in PHONE.items() if name != missing]
    with pytest.raises(CallbackRefused, match=missing) as refused:
        read(form_callback(INCOMING, fields))
    assert refused.value.status == 400


@pytest.mark.parametrize("missing", ["MessageSid", "MessageStatus"])
def test_a_receipt_without_one_of_its_fields_is_refused(missing: str) -> None:
    fields = [(n, "sent") for n in ("MessageSid", "MessageStatus") if n != missing]
    with pytest.raises(CallbackRefused, match=missing):
        read(form_callback(RECEIPTS, fields))


def test_another_address_is_not_found_even_with_a_signature() -> None:
    with pytest.raises(CallbackRefused) as refused:
        read(form_callback(f"{CALLBACKS}/voice", list(PHONE.items())))
    assert refused.value.status == 404
