"""What GatewayAPI calls us with: receipts and incoming texts, and the proofs that they are its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from messa_platform.providers.base import Callback, CallbackRefused, IncomingText, Receipt, ReceiptStatus
from messa_platform.providers.gatewayapi.fake import signed
from messa_platform.providers.gatewayapi.plugin import GatewayApiProvider

KEY, SECRET = "nyckeln-i-adressen", "webbkrokarnas-hemlighet"
WITH_KEY = {"callback_key": KEY}
WITH_BOTH = {**WITH_KEY, "jwt_secret": SECRET}

RECEIPT = {
    "id": 1000001,
    "msisdn": 4587654321,
    "time": 1450000000,
    "status": "DELIVERED",
    "userref": "foobar",
    "charge_status": "CAPTURED",
    "country_code": "DK",
    "country_prefix": 45,
}
INCOMING = {
    "id": 1000001,
    "msisdn": 4587654321,
    "receiver": 451204,
    "message": "foo Hello World",
    "senttime": 1450000000,
    "webhook_label": "test",
    "country_code": "DK",
    "country_prefix": 45,
}
"""The two examples of the documentation."""
AT = datetime(2015, 12, 13, 9, 46, 40, tzinfo=UTC)


def callback(path: str, body: Any, token: str = "", key: str | None = KEY) -> Callback:
    return Callback(
        "POST",
        path,
        {} if key is None else {"key": key},
        {"x-gwapi-signature": token} if token else {},
        body if isinstance(body, bytes) else json.dumps(body).encode(),
        f"https://messa.example/providers/gw/{path}",
        datetime.now(UTC),
    )


def read(asked: Callback, settings: Mapping[str, Any] = WITH_KEY) -> Any:
    result = GatewayApiProvider.read_callback(settings, asked)
    assert (result.status, result.body) == (200, b"")
    [event] = result.events
    return event


def refusal(asked: Callback, settings: Mapping[str, Any] = WITH_KEY) -> int:
    with pytest.raises(CallbackRefused) as refused:
        GatewayApiProvider.read_callback(settings, asked)
    assert KEY not in str(refused.value)
    assert SECRET not in str(refused.value)
    return refused.value.status


def receipt(**changed: Any) -> Receipt:
    found: Receipt = read(callback("receipts", {**RECEIPT, **changed}))
    return found


def incoming(**changed: Any) -> IncomingText:
    found: IncomingText = read(callback("incoming", {**INCOMING, **changed}))
    return found


# Receipts


def test_the_documentation_s_receipt_is_read() -> None:
    assert receipt() == Receipt("1000001", ReceiptStatus.DELIVERED, "DELIVERED", AT)


def test_an_error_code_stands_beside_the_status() -> None:
    found = receipt(status="UNDELIVERABLE", error="Unknown subscriber", code="0x1010")
    assert (found.status, found.code) == (ReceiptStatus.UNDELIVERED, "UNDELIVERABLE 0x1010")
    assert receipt(status="UNDELIVERABLE", error=None, code=None).code == "UNDELIVERABLE"
    assert receipt(status="UNDELIVERABLE", error="", code="").code == "UNDELIVERABLE"


def test_the_network_s_acceptance_is_a_delivery_and_gatewayapi_s_own_queue_is_none_of_the_network_s() -> None:
    assert receipt(status="ACCEPTED").status is ReceiptStatus.DELIVERED
    assert receipt(status="BUFFERED").status is ReceiptStatus.SENT
    assert receipt(status="ENROUTE").status is ReceiptStatus.BUFFERED


def test_an_unknown_status_keeps_its_word_and_its_code() -> None:
    found = receipt(status="TELEPORTED", code="0x1999")
    assert (found.status, found.code) == (None, "TELEPORTED 0x1999")


@pytest.mark.parametrize("status", GatewayApiProvider.codes)
def test_words_are_only_for_codes_that_a_receipt_or_a_refusal_can_have(status: str) -> None:
    word, _, code = status.partition(" ")
    if word.startswith(("0x", "http_")):
        return
    assert receipt(status=word, code=code).code == status


@pytest.mark.parametrize("time", [1450000000, 1450000000.0, "1450000000", "1450000000.0"])
def test_a_time_is_seconds_however_they_are_written(time: Any) -> None:
    assert receipt(time=time).at == AT
    assert incoming(senttime=time).at == AT


@pytest.mark.parametrize(
    "time", [None, "", 0, -1, 1e300, 10**400, float("nan"), float("inf"), 1450000000000, "2015-12-13", []]
)
def test_a_time_that_is_none_costs_no_receipt(time: Any) -> None:
    assert receipt(time=time) == Receipt("1000001", ReceiptStatus.DELIVERED, "DELIVERED", None)


@pytest.mark.parametrize(
    "changed", [{"id": None}, {"id": True}, {"id": 1.5}, {"status": None}, {"status": ""}, {"code": ["x"]}]
)
def test_a_receipt_without_what_makes_it_one_is_refused(changed: dict[str, Any]) -> None:
    assert refusal(callback("receipts", {**RECEIPT, **changed})) == 400


# Incoming texts


def test_the_documentation_s_incoming_text_is_read() -> None:
    assert incoming() == IncomingText("1000001", "+4587654321", "451204", "foo Hello World", AT)


def test_a_long_number_that_received_it_is_e164() -> None:
    assert incoming(receiver=4560575797).recipient == "+4560575797"


def test_a_text_that_was_sent_by_a_name_keeps_the_name() -> None:
    assert incoming(sender="Skolan").sender == "Skolan"
    assert incoming(sender=None).sender == "+4587654321"


def test_an_empty_text_is_one_and_a_binary_one_is_none() -> None:
    assert incoming(message="").text == ""
    assert refusal(callback("incoming", {**INCOMING, "message": None, "payload": "cGF5bG9hZA=="})) == 400


def test_a_receipt_is_no_incoming_text_and_nothing_else_is_taken() -> None:
    assert refusal(callback("incoming", RECEIPT)) == 400
    assert refusal(callback("receipts", INCOMING)) == 400
    assert refusal(callback("elsewhere", RECEIPT)) == 404


# Proofs


@pytest.mark.parametrize("path", ["receipts", "incoming"])
def test_the_key_in_the_address_is_demanded_whether_there_is_a_secret_or_not(path: str) -> None:
    body = RECEIPT if path == "receipts" else INCOMING
    token = signed(body, SECRET)
    for settings in (WITH_KEY, WITH_BOTH):
        assert refusal(callback(path, body, token, key=None), settings) == 403
        assert refusal(callback(path, body, token, key="nyckeln-i-adresser"), settings) == 403
        assert read(callback(path, body, token), settings).reference == "1000001"


@pytest.mark.parametrize("path", ["receipts", "incoming"])
def test_where_there_is_a_secret_the_key_alone_is_not_enough(path: str) -> None:
    body = RECEIPT if path == "receipts" else INCOMING
    assert read(callback(path, body)).reference == "1000001"
    assert refusal(callback(path, body), WITH_BOTH) == 403
    assert refusal(callback(path, body, signed(body, "en-annans-hemlighet")), WITH_BOTH) == 403


def test_a_body_that_says_anything_else_than_what_was_signed_is_refused() -> None:
    token = signed(RECEIPT, SECRET)
    for changed in ({"status": "REJECTED"}, {"id": 1000002}, {"code": "0x1010"}, {"userref": "other"}):
        assert refusal(callback("receipts", {**RECEIPT, **changed}, token), WITH_BOTH) == 403


def test_what_was_signed_counts_where_the_body_says_less() -> None:
    claims = {**RECEIPT, "status": "REJECTED", "code": "0x1034", "error": None, "api": 4}
    body = {"id": 1000001, "error": None, "charge_status": "CAPTURED"}
    found = read(callback("receipts", body, signed(claims, SECRET)), WITH_BOTH)
    assert (found.status, found.code) == (ReceiptStatus.UNDELIVERED, "REJECTED 0x1034")


def test_a_field_that_is_null_is_as_good_as_none() -> None:
    body = {**RECEIPT, "error": None, "code": None}
    assert read(callback("receipts", body, signed(RECEIPT, SECRET)), WITH_BOTH) == receipt()


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"DELIVERED"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused_though_it_has_the_proofs(body: bytes) -> None:
    assert refusal(callback("receipts", body)) == 400
    assert refusal(callback("receipts", body, signed(RECEIPT, SECRET)), WITH_BOTH) == 400
