"""What a fake of a provider is to the kit: a real server on this machine that behaves as the provider documents, and misbehaves on command.

A plugin's author writes one for the provider. For one that is asked over HTTP most is done in `HttpFake`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from messa_platform.providers.base import Callback, ReceiptStatus

CALLBACKS = "https://sms.kommun.example/providers/018f0000-0000-7000-8000-000000000001"
"""The public address of the channel's callbacks, as plugins are told it by the kit."""


TIME_LIMIT = 1.0
"""Seconds for which plugins wait for an answer in the kit; the platform gives them more."""


class Trouble(StrEnum):
    """How a fake can be told to misbehave."""

    THROTTLED = "throttled"
    """It takes no more just now. To be answered as documented, and nothing taken."""
    DOWN = "down"
    """It is out of order for a while, and says so. Nothing taken."""
    REFUSED = "refused"
    """It never takes this text: the recipient is none. Nothing taken."""
    WRONG_KEY = "wrong_key"
    """It does not know who asks. Nothing taken."""
    SILENT = "silent"
    """It takes the text, and never answers."""
    CUT = "cut"
    """It takes the text, and hangs up in the middle of its answer."""
    MALFORMED = "malformed"
    """It takes the text, and answers 200 with what makes no sense."""
    ENDLESS = "endless"
    """It takes the text, and its answer has no end."""
    REDIRECT = "redirect"
    """It sends whoever asks on to another address."""


ANSWERED = (Trouble.THROTTLED, Trouble.DOWN, Trouble.REFUSED, Trouble.WRONG_KEY)
"""Those to which a provider has an answer of its own, which its fake gives."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A text that the fake has taken: as the phone will show it, whatever it travelled as. `references` are the ids that it gave it, one, or
    one a part. `message_id` is ours, if the provider can be given it; `callback_url` where receipts are to go, if that came with the text."""

    references: tuple[str, ...]
    sender: str
    recipient: str
    text: str
    message_id: UUID | None = None
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a provider brings by a session, as the fake writes it."""

    octets: bytes


class WrongRequest(Exception):
    """The request is not as the provider documents it. The fake answers 400, and the kit shows why."""


class Undeclared(AssertionError):
    """The plugin says that it can do what its fake says nothing of: that case fails."""


class Fake(ABC):
    """A fake of a provider. One instance is one provider; `taken` is its journal, `asked` counts the texts that it was asked to take, whatever
    came of them, `trapped` those who followed a redirect; `wrong` says what it was asked otherwise than is documented."""

    words: ClassVar[Mapping[str, ReceiptStatus]]
    """Every status that the provider documents for a receipt, and what it means (spec S6)."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.asked = 0
        self.trapped = 0
        self.wrong: list[str] = []
        self.trouble: Trouble | None = None

    @abstractmethod
    def running(self) -> AbstractContextManager[None]:
        """There on this machine within the block, and nobody there after it."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """A channel's settings that lead here, with secrets of at least eight letters that occur nowhere else."""

    @abstractmethod
    def refusal_code(self) -> str:
        """The provider's own code in its answer to `Trouble.REFUSED`, as it is to stand in the log."""

    def receipts(self, taken: Taken, word: str) -> Sequence[Callback | Delivery]:
        """The callbacks, or what comes by a session, by which the provider tells that a text came to a status, for each of its references
        one."""
        raise Undeclared(f"{type(self).__name__}.receipts: the plugin says that it has receipts")

    def incoming(
        self, reference: str, sender: str, recipient: str, text: str
    ) -> Sequence[Callback | Delivery]:
        """The callbacks, or what comes by a session, by which the provider hands over a text from a phone, one, or one a piece."""
        raise Undeclared(f"{type(self).__name__}.incoming: the plugin says that it takes incoming texts")

    def deliver(self, deliveries: Sequence[Delivery]) -> Sequence[bool]:
        """Bring these by sessions that are there, or come within two seconds; whether each was acknowledged well. Blocks until all are
        answered."""
        raise Undeclared(f"{type(self).__name__}.deliver: the plugin holds sessions")

    def nonsense(self) -> Sequence[Delivery]:
        """What no provider in its right mind brings by a session; three at least."""
        raise Undeclared(f"{type(self).__name__}.nonsense: the plugin holds sessions")

    def cut(self) -> None:
        """Hang up on every session."""
        raise Undeclared(f"{type(self).__name__}.cut: the plugin holds sessions")

    def forged(self, callback: Callback) -> list[Callback]:
        """What somebody else could send in the provider's name: at least one without what proves it, and one that was changed on its way or
        has a wrong proof."""
        raise Undeclared(f"{type(self).__name__}.forged: the plugin takes callbacks")

    def wants(self) -> tuple[int, bytes]:
        """Status and body of the answer that the provider wants to a callback."""
        return 200, b""
