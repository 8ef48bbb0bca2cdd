"""What the platform's books and logs say after a drill: each text's way, and each turn of a channel's breaker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from messa_platform.messaging.failover import MOVED
from tests.support.platform import Platform
from tests.support.steady_load import number_of


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a text. Times are seconds since 1970."""

    at: float
    status: str
    code: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Way:
    """A text as the books have it; `channel` is by which it left in the end."""

    id: str
    number: int
    created: float
    channel: str
    steps: tuple[Step, ...]

    @property
    def statuses(self) -> list[str]:
        """What it came to, in order."""
        return [step.status for step in self.steps if step.changed]

    @property
    def words(self) -> list[str]:
        """What was said of it besides, in order."""
        return [step.code for step in self.steps if not step.changed]

    @property
    def left(self) -> list[str]:
        """The channels by which it did not go, in order."""
        return [word.removeprefix(f"{MOVED} ") for word in self.words if word.startswith(MOVED)]

    def seconds_to(self, status: str) -> float:
        """Seconds from its coming to a status."""
        return next(step.at for step in self.steps if step.status == status and step.changed) - self.created


_MESSAGES = (
    "SELECT m.id, m.text, m.created_at, c.name AS channel FROM message m JOIN channel c ON c.id = m.channel_id"
    " WHERE m.text LIKE :pattern ORDER BY m.id"
)
_EVENTS = (
    "SELECT e.message_id, e.at, e.status, e.code, e.changed FROM message_event e JOIN message m ON m.id = e.message_id"
    " WHERE m.text LIKE :pattern ORDER BY e.id"
)


def ways(platform: Platform, pattern: str) -> list[Way]:
    """The way of each text like the pattern."""
    steps: dict[Any, list[Step]] = {}
    for row in platform.rows(_EVENTS, pattern=pattern):
        step = Step(row.at.timestamp(), row.status, row.code, row.changed)
        steps.setdefault(row.message_id, []).append(step)
    return [
        Way(
            str(row.id),
            number_of(row.text),
            row.created_at.timestamp(),
            row.channel,
            tuple(steps.get(row.id, ())),
        )
        for row in platform.rows(_MESSAGES, pattern=pattern)
    ]


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a channel's breaker, by the platform's log."""

    at: float
    opened: bool


_TURNS = {"channel_opened": True, "channel_works_again": False}


def turns(logs: list[Path], channel: str) -> list[Turn]:
    """When a channel's breaker opened and closed, in order."""
    found = [
        Turn(datetime.fromisoformat(entry["timestamp"]).timestamp(), _TURNS[entry["event"]])
        for log in logs
        for entry in _entries(log)
        if entry.get("event") in _TURNS and entry.get("channel") == channel
    ]
    return sorted(found, key=lambda turn: turn.at)


def _entries(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text("utf-8", "replace").splitlines():
        if line.startswith("{"):
            yield json.loads(line)
