"""The contract between messa and a provider plugin. A plugin imports this module and `messa_platform.core`, nothing else.

A plugin sees no database and no request: it gets plain values and gives plain values back. Expected outcomes are values, never
exceptions; an exception that escapes `send` is treated as `Unknown`, since bytes may have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable
from uuid import UUID

CONTRACT_VERSION = 1
"""Raised when a plugin written for the former version would misbehave; the registry refuses other versions."""


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """One text to one recipient, ready to leave.

    `message_id` is our id, the same at every attempt: a provider that deduplicates should get it. `recipient` is E.164 with `+`.
    `sender` is either E.164 with `+` or a sender name (1-11 characters). `text` is final: signature on, smart characters done.
    `parts` is what segmentation counted.
    """

    message_id: UUID
    recipient: str
    sender: str
    text: str
    parts: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it. `reference` is its id, by which receipts find the message; `parts` and `price` (SEK) if it told."""

    reference: str
    parts: int | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider does not have it, surely. `permanent`: another try will not help. `code` is the provider's own."""

    permanent: bool
    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes may have left: nobody knows whether the provider has it. Never resent blindly."""

    reason: str


Outcome = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class Absent:
    """Asked by our id, the provider answers that it never got the text."""


Found = Accepted | Rejected | Absent | Unknown
"""Answer of `Reconciles.find`: `Accepted`/`Rejected` as the send would have said, `Absent`, or `Unknown` if it could not tell now."""


class ReceiptStatus(StrEnum):
    """What a receipt can say, in the words of spec S6."""

    SENT = "SENT"
    BUFFERED = "BUFFERED"
    DELIVERED = "DELIVERED"
    UNDELIVERED = "UNDELIVERED"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery receipt. `status` is None where the provider's word is unknown to the plugin: the state stays, the event is kept."""

    reference: str
    status: ReceiptStatus | None
    code: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IncomingText:
    """A text from a phone to one of our numbers. `reference` is the provider's id, by which repeats are known."""

    reference: str
    sender: str
    recipient: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """An HTTP request that a provider made to `/providers/<channel>/…`. Header names are lower case; `path` is what follows the channel."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """What a callback held, and the answer that the provider wants to see once all of it is stored."""

    events: tuple[Receipt | IncomingText, ...] = ()
    status: int = 200
    content_type: str = "text/plain"
    body: bytes = b""


class CallbackRefused(Exception):
    """The callback is not genuine or cannot be read; answered with `status` and stored nowhere."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a plugin can do. `max_rate` is texts a second (None: no limit of its own)."""

    alphanumeric_sender: bool
    own_numbers: bool
    receipts: bool
    incoming: bool
    unicode: bool
    idempotent_submit: bool
    max_rate: float | None = None
    countries: frozenset[str] = field(default_factory=frozenset)


class Provider(Protocol):
    """A plugin's class. Made as `cls(settings, channel)` where `settings` is valid by `settings_schema` and `channel` is the channel's name.

    One instance lives for a process's life in one event loop; many `send`s are in flight at once on it.
    """

    name: ClassVar[str]
    contract: ClassVar[int]
    capabilities: ClassVar[Capabilities]
    settings_schema: ClassVar[dict[str, Any]]

    def __init__(self, settings: Mapping[str, Any], channel: str) -> None: ...

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over; ends within the plugin's own time limit, since the caller's lease is finite."""

    async def close(self) -> None:
        """Let go of connections; what is in flight is drained or becomes `Unknown`."""


@runtime_checkable
class Reconciles(Protocol):
    """A provider that can be asked by our id whether it has a text."""

    async def find(self, message_id: UUID) -> Found: ...


@runtime_checkable
class TakesCallbacks(Protocol):
    """A provider that calls us over HTTP with receipts or incoming texts. Runs in a web thread; must not block."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Authenticate and read one callback. Raises `CallbackRefused`."""


@runtime_checkable
class ExplainsCodes(Protocol):
    """A provider whose codes, of refusals and receipts, can be put into words; `codes` has them in English, as ids of a catalogue."""

    codes: ClassVar[Mapping[str, str]]
