"""Why a text leaves by its channel: what decided, and what was passed over. Kept with each message, in few characters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Hindrance(StrEnum):
    """Why a channel was passed over."""

    PAUSED = "paused"
    OPEN = "open"
    """It does not work just now."""
    NAMES = "names"
    """It cannot carry a name as the sender."""
    NUMBERS = "numbers"
    """It cannot carry a number of ours as the sender."""
    UNICODE = "unicode"
    """It carries GSM 03.38 only."""
    COUNTRY = "country"
    """It does not lead to the recipient's country."""
    NEEDS = "needs"
    """It lacks what the route asks for."""
    DEARER = "dearer"
    NO_PRICE = "no_price"
    """What it costs is not known, and of others it is."""


MOST_NAMED = 10
"""Channels of which it is kept that they were passed over."""


@dataclass(frozen=True, slots=True)
class Way:
    """`route_id` is the route that decided, None where the channels' order did. `micros` is what a part was counted with, in millionths of a
    krona, None if that was not known. `passed` are channels that would have come before, in their order."""

    route_id: UUID | None = None
    micros: int | None = None
    passed: tuple[tuple[UUID, Hindrance], ...] = ()

    def code(self) -> str:
        """As a message keeps it."""
        said: dict[str, object] = {}
        if self.route_id is not None:
            said["route"] = self.route_id.hex
        if self.micros is not None:
            said["cost"] = self.micros
        if self.passed:
            said["over"] = {identifier.hex: why.value for identifier, why in self.passed[:MOST_NAMED]}
        return json.dumps(said, separators=(",", ":"))


def read_way(code: str) -> Way:
    """What a message keeps. Raises `ValueError` if that is none."""
    said = json.loads(code)
    return Way(
        UUID(said["route"]) if "route" in said else None,
        said.get("cost"),
        tuple((UUID(identifier), Hindrance(why)) for identifier, why in said.get("over", {}).items()),
    )
