"""A provider that does as a test tells it, in the place of a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from cryptography.fernet import Fernet

from messa_platform.core.async_outbound import AsyncOutbound
from messa_platform.core.crypto import Keys
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Absent,
    Accepted,
    Callback,
    Capabilities,
    Found,
    Outcome,
    OutgoingText,
    State,
    Surroundings,
    Verdict,
)
from messa_platform.providers.http import EVERYTHING
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import Plugin

KEYS = Keys([Fernet.generate_key().decode()])
WAY_OUT = Outbound(OutboundSettings(allow_private=True))
OUR_URL = "https://messa.example"


def around(channel: str) -> Surroundings:
    """What a plugin is given beside its settings, where it asks nothing over HTTP."""
    return Surroundings(channel, AsyncOutbound(WAY_OUT), f"{OUR_URL}/providers/{channel}")


def a_pool(plugins: Mapping[str, Plugin], send_limit: float) -> ProviderPool:
    """The providers of a process."""
    return ProviderPool(plugins, send_limit, (WAY_OUT, WAY_OUT), OUR_URL, KEYS)


def called(path: str, headers: Mapping[str, str], body: bytes) -> Callback:
    """A callback that came just now."""
    return Callback(
        "POST", path, {}, headers, body, f"{OUR_URL}/providers/simulator/{path}", datetime.now(UTC)
    )


class Obedient:
    """Answers each send as `answer` says; keeps what it was sent. Cannot be asked what it has."""

    name: ClassVar[str] = "obedient"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About("Obedient", "https://obedient.example", "messa", "Does as it is told.")
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {"secret": {"type": "string"}}
    sent: ClassVar[list[OutgoingText]]
    answer: ClassVar[Callable[[OutgoingText], Outcome]]
    slow: ClassVar[Mapping[str, float]]
    verdict: ClassVar[State] = State.WELL

    def __init__(self, settings: Mapping[str, Any], _surroundings: Surroundings) -> None:
        self.settings = settings

    async def check(self) -> Verdict:
        return Verdict(type(self).verdict)

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
