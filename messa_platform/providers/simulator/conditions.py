"""How the network is behaving just now: its times, and the faults that a test asks for while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from messa_platform.providers.simulator.behaviour import After

_MAX_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Conditions:
    """Times in milliseconds, and shares from 0 (never) to 1 (always) of the texts, or questions, that a fault strikes.

    A text is struck by one of the submit's faults at most, in the order in which they stand here.
    """

    latency_ms: int = 0
    delivery_ms: int = 400
    buffered_ms: int = 3_000
    late_ms: int = 60_000
    drop_submits: float = 0.0
    refuse: float = 0.0
    cut_connections: float = 0.0
    drop_answers: float = 0.0
    malformed_answers: float = 0.0
    drop_questions: float = 0.0
    drop_receipts: float = 0.0
    repeat_receipts: float = 0.0
    undelivered: float = 0.0

    @property
    def submits_fail(self) -> bool:
        """Whether any fault of the submit is on."""
        return bool(
            self.drop_submits
            or self.refuse
            or self.cut_connections
            or self.drop_answers
            or self.malformed_answers
        )

    @property
    def receipts_fail(self) -> bool:
        """Whether any fault of the receipts is on."""
        return bool(self.drop_receipts or self.repeat_receipts or self.undelivered)

    def wait_ms(self, after: After) -> int:
        """Milliseconds from a submit to the moment that `after` names."""
        match after:
            case After.NOW:
                return 0
            case After.DELIVERY:
                return self.delivery_ms
            case After.BUFFERED:
                return self.delivery_ms + self.buffered_ms
            case After.LATE:
                return self.late_ms

    def as_json(self) -> dict[str, Any]:
        """All fields, by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class BadConditions:
    """What was asked for cannot be; `error` says what to write instead."""

    error: str


def changed(conditions: Conditions, wanted: object) -> Conditions | BadConditions:
    """`conditions` with the fields that the JSON object `wanted` names."""
    known = [entry.name for entry in fields(Conditions)]
    if not isinstance(wanted, Mapping):
        return BadConditions(f"send a JSON object with any of: {', '.join(known)}")
    for name, value in wanted.items():
        if name not in known:
            return BadConditions(f"{name!r} is no fault; use any of: {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            return BadConditions(f"{name} must be a number")
        if name.endswith("_ms") and not (isinstance(value, int) and 0 <= value <= _MAX_MS):
            return BadConditions(f"{name} must be whole milliseconds from 0 to {_MAX_MS}")
        if not name.endswith("_ms") and not 0 <= value <= 1:
            return BadConditions(f"{name} must be a share from 0 to 1")
    return replace(conditions, **wanted)
