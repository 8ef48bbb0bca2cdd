"""Identifiers: UUID version 7, whose order is the order of time (RFC 9562, 5.7)."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """A new UUIDv7; later calls in one process give larger ids (RFC 9562, 6.2, method 3: the sub-millisecond part fills `rand_a`)."""
    global _last
    with _lock:
        ticks = time.time_ns() * 4096 // 1_000_000
        _last = ticks = max(ticks, _last + 1)
    milliseconds, fraction = divmod(ticks, 4096)
    tail = int.from_bytes(os.urandom(8), "big") & 0x3FFFFFFFFFFFFFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail)


def id_at(at: datetime) -> UUID:
    """The smallest id of the millisecond `at`: turns a time into a bound for ids, so that plans prune partitions."""
    return UUID(
        int=(at - _EPOCH) // timedelta(milliseconds=1) << 80
    )  # in whole numbers: a float is off by one now and then


def new_id_at(at: datetime) -> UUID:
    """An id as it would have been made at `at`; for demo data and imports of what happened before."""
    tail = int.from_bytes(os.urandom(10), "big")
    value = id_at(at).int | tail & ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=value | 0x7 << 76 | 0b10 << 62)


def time_of(identifier: UUID) -> datetime:
    """When an id of ours was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
