"""The contract between messa and a provider plugin. A plugin imports this module and `messa_platform.core`, nothing else.

A plugin sees no database and no request: it gets plain values and gives plain values back. Expected outcomes are values, never
exceptions; an exception that escapes `send` is treated as `Unknown`, since bytes may have left.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable
from urllib.parse import parse_qsl
from uuid import UUID

from messa_platform.core.outbound import Answer, NoAnswer

CONTRACT_VERSION = 2
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
    """The provider has it. `reference` is its id, by which receipts find the message; `parts` and `price` (SEK) if it told.

    A provider that gives each part of a long text an id of its own, and a receipt, names those of the others in `more`.
    """

    reference: str
    parts: int | None = None
    price: Decimal | None = None
    more: tuple[str, ...] = ()


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
class Piece:
    """Which piece of a long text it is: `number` from 1 to `total`; pieces of one text from one phone have one `group`."""

    group: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class IncomingText:
    """A text from a phone to one of our numbers, both E.164 with `+` (a short code as it is). `reference` is the provider's id, by which
    repeats are known. `piece`: the provider hands a long text over in pieces, and this is one."""

    reference: str
    sender: str
    recipient: str
    text: str
    at: datetime | None = None
    piece: Piece | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """An HTTP request that a provider made to `/providers/<channel>/…`. Header names are lower case; `path` is what follows the channel.

    `url` is the whole address as the provider was given it, by the public name that we are configured with, not the one that a proxy shows;
    signatures are over that. `at` is when the request came.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    url: str
    at: datetime

    @property
    def form(self) -> list[tuple[str, str]]:
        """The fields of a body that is a form, in their order; of one that is none, nothing sensible. Raises `CallbackRefused`."""
        try:
            return parse_qsl(self.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
        except ValueError as error:
            raise CallbackRefused(400, "the body is no form") from error

    @property
    def json(self) -> Any:
        """The body as JSON. Raises `CallbackRefused`."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise CallbackRefused(400, "the body is no JSON") from error


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
class About:
    """What the marketplace shows of a plugin: the provider's name and home, who made the plugin, and a sentence in English, which is the id
    of its translations."""

    title: str
    home: str
    maker: str
    sentence: str


class State(StrEnum):
    """What a test of a channel found."""

    WELL = "well"
    WRONG_KEY = "wrong_key"
    """The provider does not know the name or key."""
    UNREACHABLE = "unreachable"
    """There was no answer."""
    STRANGE = "strange"
    """There was an answer, but none that tells."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a test of a channel found. `code` is the fault or the provider's own word; `balance` is what the account holds, if it told."""

    state: State
    code: str = ""
    balance: Decimal | None = None
    currency: str = ""


class Http(Protocol):
    """The way out for plugins: guarded, with limits of time and size, without redirects; connections are kept for the next request."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        user: tuple[str, str] | None = None,
    ) -> Answer | NoAnswer:
        """Ask, with a form or with JSON as the body; `user` is a name and password (RFC 7617). Never raises for what the network does."""


class Dial(Protocol):
    """The way out for plugins that hold connections: addresses are checked and pinned as those of `Http` are."""

    async def __call__(
        self, protocol: Callable[[], asyncio.BaseProtocol], host: str, port: int, *, secure: bool
    ) -> NoAnswer | None:
        """Connect `protocol` to a port, `secure` with TLS for the host's name; `NoAnswer` where that fails."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a plugin is given beside its settings: its channel's name, the way out, the public address below which the channel takes
    callbacks, without a slash at its end, and the way out for connections that are held."""

    channel: str
    http: Http
    callbacks: str
    dial: Dial | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a plugin can do. `max_rate` is texts a second (None: no limit of its own); `countries` are ISO 3166 codes, none named means all."""

    alphanumeric_sender: bool
    own_numbers: bool
    receipts: bool
    incoming: bool
    unicode: bool
    idempotent_submit: bool
    max_rate: float | None = None
    countries: frozenset[str] = field(default_factory=frozenset)


class Provider(Protocol):
    """A plugin's class. Made as `cls(settings, surroundings)` where `settings` is valid by `settings_schema`.

    One instance lives for a process's life in one event loop; many `send`s are in flight at once on it. In the schema, which is Cerberus's,
    each key's `meta` has a `label` and may have a `help`, both English and ids of translations, and `"secret": True` for what is to be
    encrypted and never shown again, `"made": True` for a key of ours, and `"rare": True` for what few need.

    A plugin that opens connections by itself, past what it is given in `Surroundings`, may say so by `opens_connections = True`; one that
    asks for a host and holds no sessions is taken for one unless it says `False`. Tenants may not connect it: nobody would check where it
    leads.
    """

    name: ClassVar[str]
    contract: ClassVar[int]
    about: ClassVar[About]
    capabilities: ClassVar[Capabilities]
    settings_schema: ClassVar[dict[str, Any]]

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None: ...

    async def check(self) -> Verdict:
        """Whether the provider can be reached and knows us; nothing is sent."""

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over; ends within the plugin's own time limit, since the caller's lease is finite."""

    async def close(self) -> None:
        """Let go of connections; what is in flight is drained or becomes `Unknown`."""


@runtime_checkable
class Reconciles(Protocol):
    """A provider that can be asked by our id whether it has a text."""

    async def find(self, message_id: UUID) -> Found: ...


@runtime_checkable
class Polls(Protocol):
    """A provider that can be asked what became of texts, by its references."""

    async def poll(self, references: Sequence[str]) -> Sequence[Receipt]: ...


@runtime_checkable
class TakesCallbacks(Protocol):
    """A provider that calls us over HTTP with receipts or incoming texts. Runs in a web thread; must not block."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Authenticate and read one callback. Raises `CallbackRefused`."""


Inbox = Callable[[Sequence["Receipt | IncomingText"]], Awaitable[None]]
"""Takes what came by sessions. Once it has returned all of it is stored, and may be acknowledged; if it raises, nothing of it is."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How a provider's sessions stand: `up` of `wanted` are there; `fault` is the last one's that is not."""

    up: int
    wanted: int
    fault: str = ""


@runtime_checkable
class HoldsSessions(Protocol):
    """A provider that is reached by sessions, which stay open, in one process at a time, and by which receipts and incoming texts come.

    What is not opened can be checked all the same, by a session of its own that ends at once; it sends nothing.
    """

    async def open(self, inbox: Inbox) -> None:
        """Begin to hold sessions, now and again where one ends, until `close`. Does not wait for them."""

    @property
    def bound(self) -> Bound:
        """How the sessions stand."""

    @property
    def room(self) -> int:
        """How many texts may be on their way at once."""


@runtime_checkable
class ExplainsCodes(Protocol):
    """A provider whose codes, of refusals and receipts, can be put into words; `codes` has them in English, as ids of a catalogue."""

    codes: ClassVar[Mapping[str, str]]
