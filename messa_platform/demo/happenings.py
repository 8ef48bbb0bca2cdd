"""What happened to the demo's messages before they came to where they are: their events, with what the network said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from messa_platform.core.ids import new_id_at
from messa_platform.messaging.statuses import Status

_NO_CODE = ""
_ON_ITS_WAY = ((0, Status.QUEUED, _NO_CODE), (1, Status.SENT, _NO_CODE))
_PASSED: Mapping[Status, Sequence[tuple[int, Status, str]]] = {
    Status.SENT: _ON_ITS_WAY,
    Status.DELIVERED: (*_ON_ITS_WAY, (4, Status.DELIVERED, "000")),
    Status.BUFFERED: (*_ON_ITS_WAY, (5, Status.BUFFERED, "phone_off")),
    Status.UNDELIVERED: (
        *_ON_ITS_WAY,
        (6, Status.BUFFERED, "phone_off"),
        (2400, Status.UNDELIVERED, "unreachable"),
    ),
    Status.UNSENT: ((0, Status.QUEUED, _NO_CODE), (2, Status.UNSENT, "invalid_destination")),
}
"""Seconds after the message, the status, and the network's code."""
LATE = (7, Status.BUFFERED, "phone_off")
"""A word that comes too late, and changes nothing."""


def events_of(message: Mapping[str, Any], *, late: bool = False) -> Iterator[dict[str, object]]:
    """The events of a message, up to the status that it has; `late`: with one more behind that, which changed nothing."""
    status = message["status"]
    for seconds, passed, code in _PASSED.get(status, ((0, status, _NO_CODE),)):
        yield _event(message, seconds, passed, code)
    if late:
        yield {**_event(message, *LATE), "changed": False}


def _event(message: Mapping[str, Any], seconds: int, status: Status, code: str) -> dict[str, object]:
    at: datetime = message["created_at"] + timedelta(seconds=seconds)
    return {
        "id": new_id_at(at),
        "message_id": message["id"],
        "tenant_id": message["tenant_id"],
        "status": status,
        "changed": True,
        "code": code,
        "at": at,
    }
