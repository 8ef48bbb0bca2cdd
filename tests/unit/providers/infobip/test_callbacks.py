"""Infobip's callbacks: several results in one, the codes of receipts, times, keywords."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from messa_platform.providers.base import (
    CallbackRefused,
    CallbackResult,
    IncomingText,
    Receipt,
    ReceiptStatus,
)
from messa_platform.providers.infobip.fake import API_KEY, KEY, InfobipFake, a_receipt, callback
from messa_platform.providers.infobip.plugin import InfobipProvider
from messa_platform.providers.kit.fake import CALLBACKS

SETTINGS = {"url": "x.api.infobip.com", "api_key": API_KEY, "callback_key": KEY}
RECEIPTS, INCOMING = (f"{CALLBACKS}/{path}?key={KEY}" for path in ("receipts", "incoming"))
AT = datetime(2026, 11, 27, 10, 11, 12, tzinfo=UTC)

DELIVERED = {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"}
FAILED = {"groupId": 2, "groupName": "UNDELIVERABLE", "id": 9, "name": "UNDELIVERABLE_NOT_DELIVERED"}


def read(url: str, *results: Any) -> CallbackResult:
    return InfobipProvider.read_callback(SETTINGS, callback(url, results))


def receipt(status: Any = DELIVERED, **changed: Any) -> Receipt:
    [event] = read(RECEIPTS, {**a_receipt("m-1", status), **changed}).events
    assert isinstance(event, Receipt)
    return event


def incoming(**changed: Any) -> IncomingText:
    fields = {
        "messageId": "in-1",
        "from": "46701740605",
        "to": "46701740600",
        "text": "QUIZ Svaret är Paris",
        "cleanText": "Svaret är Paris",
        "keyword": "QUIZ",
        "receivedAt": "2026-11-27T10:11:12.000+0000",
        "smsCount": 1,
    }
    [event] = read(INCOMING, {**fields, **changed}).events
    assert isinstance(event, IncomingText)
    return event


def test_every_receipt_in_a_callback_is_taken() -> None:
    events = read(RECEIPTS, a_receipt("m-1", DELIVERED), a_receipt("m-2", FAILED, failed=True)).events
    assert events == (
        Receipt("m-1", ReceiptStatus.DELIVERED, "DELIVERED_TO_HANDSET", AT),
        Receipt("m-2", ReceiptStatus.UNDELIVERED, "UNDELIVERABLE_NOT_DELIVERED EC_ABSENT_SUBSCRIBER", AT),
    )


def test_a_text_that_only_the_operator_has_is_not_delivered() -> None:
    status = {"groupId": 3, "groupName": "DELIVERED", "id": 2, "name": "DELIVERED_TO_OPERATOR"}
    assert receipt(status).status is ReceiptStatus.SENT
    assert receipt({**status, "name": "delivered_to_operator"}).status is ReceiptStatus.SENT


def test_an_intermediate_receipt_says_why_the_phone_is_waited_for() -> None:
    status = {"groupId": 1, "groupName": "PENDING", "id": 7, "name": "PENDING_ENROUTE"}
    event = receipt(status, error={"name": "EC_ABSENT_SUBSCRIBER", "permanent": False}, doneAt=None)
    assert event == Receipt("m-1", ReceiptStatus.BUFFERED, "PENDING_ENROUTE EC_ABSENT_SUBSCRIBER")


@pytest.mark.parametrize("error", [None, {}, {"name": "NO_ERROR"}, {"name": "no_error"}, {"name": None}, "x"])
def test_where_there_is_no_error_the_status_stands_alone(error: Any) -> None:
    assert receipt(error=error).code == "DELIVERED_TO_HANDSET"


def test_a_group_that_nobody_knows_is_told_beside_the_name() -> None:
    event = receipt({"groupName": "PARKED", "name": "WAITS_FOR_RAIN"}, error={"name": "EC_SUN"})
    assert (event.status, event.code) == (None, "PARKED WAITS_FOR_RAIN EC_SUN")


def test_a_status_without_a_name_is_told_by_its_group() -> None:
    assert receipt({"groupName": "DELIVERED"}).code == "DELIVERED"


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-27T10:11:12.000+0000", AT),
        ("2026-11-27T15:11:12.000+0500", AT.astimezone(timezone(timedelta(hours=5)))),
        ("2026-11-27T10:11:12Z", AT),
        ("yesterday", None),
        (1_795_774_272, None),
        (None, None),
    ],
)
def test_times_are_read_though_their_zone_has_no_colon(written: Any, at: datetime | None) -> None:
    assert receipt(doneAt=written).at == at
    assert incoming(receivedAt=written).at == at


def test_an_incoming_text_is_taken_whole_with_what_looks_like_a_keyword() -> None:
    assert incoming() == IncomingText("in-1", "+46701740605", "+46701740600", "QUIZ Svaret är Paris", AT)


def test_an_incoming_text_may_be_empty_and_go_to_a_short_code() -> None:
    event = incoming(text="", to="71700")
    assert (event.text, event.recipient) == ("", "71700")


def test_several_incoming_texts_come_in_one_callback() -> None:
    fake = InfobipFake()
    [first] = fake.incoming("in-1", "+46701740605", "+46701740600", "Ett")
    [second] = fake.incoming("in-2", "+46701740605", "+46701740600", "Två")
    events = read(INCOMING, first.json["results"][0], second.json["results"][0]).events
    assert [(e.reference, e.text) for e in events if isinstance(e, IncomingText)] == [
        ("in-1", "Ett"),
        ("in-2", "Två"),
    ]


@pytest.mark.parametrize(
    "spoilt", [None, {}, {"messageId": "m-0"}, {"messageId": "m-0", "status": "DELIVERED"}]
)
def test_a_result_that_makes_no_sense_does_not_keep_others_out(spoilt: Any) -> None:
    assert len(read(RECEIPTS, spoilt, a_receipt("m-1", DELIVERED)).events) == 1
    with pytest.raises(CallbackRefused) as refused:
        read(RECEIPTS, spoilt)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"{}", b'{"results": {}}', b'{"results": null}', b"\xff"]
)
def test_a_body_without_results_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackRefused) as refused:
        InfobipProvider.read_callback(SETTINGS, replace(callback(RECEIPTS, []), body=body))
    assert refused.value.status == 400


def test_a_callback_with_nothing_in_it_is_answered_well() -> None:
    assert read(RECEIPTS) == CallbackResult()


def test_a_path_that_is_none_of_ours_is_not_found_and_a_wrong_key_comes_first() -> None:
    with pytest.raises(CallbackRefused) as refused:
        read(f"{CALLBACKS}/elsewhere?key={KEY}", a_receipt("m-1", DELIVERED))
    assert refused.value.status == 404
    with pytest.raises(CallbackRefused) as refused:
        read(f"{CALLBACKS}/elsewhere?key=another", a_receipt("m-1", DELIVERED))
    assert refused.value.status == 403
