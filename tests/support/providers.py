"""A provider that does as a test tells it, in the place of a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from messa_platform.providers.base import (
    CONTRACT_VERSION,
    Absent,
    Accepted,
    Capabilities,
    Found,
    Outcome,
    OutgoingText,
)

CAPABILITIES = Capabilities(
    alphanumeric_sender=True,
    own_numbers=True,
    receipts=True,
    incoming=True,
    unicode=True,
    idempotent_submit=False,
)


class Obedient:
    """Answers each send as `answer` says; keeps what it was sent. Cannot be asked what it has."""

    name: ClassVar[str] = "obedient"
    contract: ClassVar[int] = CONTRACT_VERSION
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    settings_schema: ClassVar[dict[str, Any]] = {"secret": {"type": "string"}}
    sent: ClassVar[list[OutgoingText]]
    answer: ClassVar[Callable[[OutgoingText], Outcome]]
    slow: ClassVar[Mapping[str, float]]

    def __init__(self, settings: Mapping[str, Any], channel: str) -> None:
        self.settings = settings

    async def send(self, message: OutgoingText) -> Outcome:
        type(self).sent.append(message)
        await asyncio.sleep(self.slow.get(message.recipient, 0))
        return type(self).answer(message)

    async def close(self) -> None:
        return


class Asked(Obedient):
    """The same, and says what it has as `found` says."""

    found: ClassVar[Callable[[UUID], Found]]
    asked: ClassVar[list[UUID]]

    async def find(self, message_id: UUID) -> Found:
        type(self).asked.append(message_id)
        return type(self).found(message_id)


def obedient(**changes: Any) -> type[Obedient]:
    """A fresh plugin that cannot be asked."""
    return type("FreshObedient", (Obedient,), _members(changes))


def asked(**changes: Any) -> type[Asked]:
    """A fresh plugin that can be asked."""
    return type(
        "FreshAsked",
        (Asked,),
        {"asked": [], "found": staticmethod(lambda _id: Absent()), **_members(changes)},
    )


def _members(changes: Mapping[str, Any]) -> dict[str, Any]:
    usual = {"sent": [], "slow": {}, "answer": lambda m: Accepted(f"ref-{m.message_id}")}
    members = {**usual, **changes}
    return {k: staticmethod(v) if callable(v) and not isinstance(v, type) else v for k, v in members.items()}
