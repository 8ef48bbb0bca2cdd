"""Reads the simulator's callbacks: whether they are genuine, and what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from messa_platform.providers.base import (
    Callback,
    CallbackRefused,
    CallbackResult,
    IncomingText,
    Receipt,
    ReceiptStatus,
)
from messa_platform.providers.simulator import wire


def read_signed(secret: str, callback: Callback, now: float) -> CallbackResult:
    """Authenticate and read a callback that came at `now` (seconds since 1970). Raises `CallbackRefused`."""
    if callback.path.strip("/") != wire.EVENTS_PATH:
        raise CallbackRefused(404, "the simulator posts to events")
    if callback.method != "POST":
        raise CallbackRefused(405, "the simulator posts")
    _authenticate(secret, callback, now)
    body = wire.decode(callback.body)
    events = body.get("events") if body is not None else None
    if not isinstance(events, list) or len(events) > wire.MAX_EVENTS:
        raise CallbackRefused(400, f"not a list of at most {wire.MAX_EVENTS} events")
    return CallbackResult(events=tuple(_event(event) for event in events))


def _authenticate(secret: str, callback: Callback, now: float) -> None:
    timestamp = callback.headers.get(wire.TIMESTAMP_HEADER, "")
    signature = callback.headers.get(wire.SIGNATURE_HEADER, "")
    if not wire.is_signed(secret, timestamp, callback.body, signature):
        raise CallbackRefused(401, "wrong signature")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > wire.TOLERANCE_SECONDS:
        raise CallbackRefused(401, "signed too long ago, or in the future")


def _event(event: Any) -> Receipt | IncomingText:
    match event:
        case {"type": "receipt", "reference": str(reference), "status": str(status), "code": str(code)}:
            return _receipt(reference, status, code, _time(event.get("at")))
        case {
            "type": "incoming",
            "reference": str(reference),
            "from": str(sender),
            "to": str(recipient),
            "text": str(text),
        }:
            return IncomingText(reference, sender, recipient, text, _time(event.get("at")))
    raise CallbackRefused(400, "an event that is neither a receipt nor an incoming text")


def _receipt(reference: str, word: str, code: str, at: datetime | None) -> Receipt:
    status = _status(word)
    # What the word was, the code says where nothing else does.
    return Receipt(reference, status, code if status is not None and code else f"{word} {code}".strip(), at)


def _status(word: str) -> ReceiptStatus | None:
    try:
        return ReceiptStatus(word.upper())
    except ValueError:
        return None


def _time(at: object) -> datetime | None:
    try:
        time_of_event = datetime.fromisoformat(at) if isinstance(at, str) else None
    except ValueError:
        return None
    return time_of_event if time_of_event is not None and time_of_event.tzinfo is not None else None
