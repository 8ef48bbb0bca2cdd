"""The callbacks that the plugin takes, and those that it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from messa_platform.providers.base import (
    Callback,
    CallbackRefused,
    IncomingText,
    Receipt,
    ReceiptStatus,
)
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.plugin import SimulatorProvider
from messa_platform.providers.simulator.reading import read_signed

SECRET = "hemligt-i-testet"
NOW = 1_772_442_900.0


def callback(body: bytes, at: float = NOW, secret: str = SECRET, **changes: Any) -> Callback:
    timestamp = str(int(at))
    headers = {
        wire.TIMESTAMP_HEADER: timestamp,
        wire.SIGNATURE_HEADER: wire.sign(secret, timestamp, body),
    }
    fields: dict[str, Any] = {
        "method": "POST",
        "path": "events",
        "query": {},
        "headers": headers,
        "body": body,
        "url": "https://messa.example/providers/simulator/events",
        "at": datetime.now(UTC),
    }
    return Callback(**(fields | changes))


def events(*values: dict[str, Any]) -> bytes:
    return wire.encode({"events": list(values)})


RECEIPT = {
    "type": "receipt",
    "reference": "sim-1",
    "status": "DELIVERED",
    "code": "000",
    "at": "2026-03-02T09:15:00+00:00",
}
INCOMING = {
    "type": "incoming",
    "reference": "sim-2",
    "from": "+46701740605",
    "to": "+46730000001",
    "text": "Jag kommer på möte",
}


def test_a_signed_callback_is_read_in_order() -> None:
    result = read_signed(SECRET, callback(events(RECEIPT, INCOMING)), NOW)
    assert result.events == (
        Receipt("sim-1", ReceiptStatus.DELIVERED, "000", datetime(2026, 3, 2, 9, 15, tzinfo=UTC)),
        IncomingText("sim-2", "+46701740605", "+46730000001", "Jag kommer på möte", None),
    )
    assert 200 <= result.status < 300


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("delivered", ReceiptStatus.DELIVERED),
        ("Buffered", ReceiptStatus.BUFFERED),
        ("TELEPORTED", None),
        ("", None),
    ],
)
def test_a_status_is_read_in_any_case_and_an_unknown_one_is_none(
    word: str, status: ReceiptStatus | None
) -> None:
    (event,) = read_signed(SECRET, callback(events(RECEIPT | {"status": word})), NOW).events
    assert isinstance(event, Receipt)
    assert event.status is status


@pytest.mark.parametrize(
    ("word", "code", "kept"),
    [
        ("DELIVERED", "000", "000"),
        ("delivered", "", "delivered"),
        ("TELEPORTED", "999", "TELEPORTED 999"),
        ("TELEPORTED", "", "TELEPORTED"),
    ],
)
def test_a_word_that_nobody_knows_is_kept_in_the_code(word: str, code: str, kept: str) -> None:
    body = events(RECEIPT | {"status": word, "code": code})
    (event,) = read_signed(SECRET, callback(body), NOW).events
    assert isinstance(event, Receipt)
    assert event.code == kept


@pytest.mark.parametrize("at", [None, 5, "yesterday", "2026-03-02T09:15:00"])
def test_a_time_that_is_none_is_left_out(at: object) -> None:
    (event,) = read_signed(SECRET, callback(events(RECEIPT | {"at": at})), NOW).events
    assert event.at is None


def test_a_callback_is_taken_five_minutes_off_and_not_a_second_more() -> None:
    for at in (NOW - 300, NOW + 300):
        assert read_signed(SECRET, callback(events(RECEIPT), at), NOW).events
    for at in (NOW - 301, NOW + 301):
        with pytest.raises(CallbackRefused) as refused:
            read_signed(SECRET, callback(events(RECEIPT), at), NOW)
        assert refused.value.status == 401


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (callback(events(RECEIPT), secret="en annan"), 401),
        (callback(events(RECEIPT), headers={}), 401),
        (callback(events(RECEIPT), headers={wire.TIMESTAMP_HEADER: "å", wire.SIGNATURE_HEADER: "ö"}), 401),
        (callback(events(RECEIPT), headers=callback(events(INCOMING)).headers), 401),
        (callback(events(RECEIPT), method="GET"), 405),
        (callback(events(RECEIPT), path="other"), 404),
        (callback(b"not json"), 400),
        (callback(b"[]"), 400),
        (callback(b'{"events":{}}'), 400),
        (callback(events(*[RECEIPT] * 501)), 400),
        (callback(events({"type": "weather"})), 400),
        (callback(events(RECEIPT | {"code": 7})), 400),
    ],
)
def test_a_callback_that_is_not_genuine_or_not_readable_is_refused(wrong: Callback, status: int) -> None:
    with pytest.raises(CallbackRefused) as refused:
        read_signed(SECRET, wrong, NOW)
    assert refused.value.status == status


def test_the_contract_s_own_door_uses_the_secret_of_the_settings_and_the_time_of_day() -> None:
    with pytest.raises(CallbackRefused):
        SimulatorProvider.read_callback({"secret": SECRET}, callback(events(RECEIPT), at=NOW - 10**8))
