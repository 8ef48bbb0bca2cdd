"""What the network keeps: texts to phones, texts from phones, mails. One line in the journal each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from messa_platform.providers.simulator import wire


class Kind(StrEnum):
    """What a line in the journal is."""

    JOURNAL = "journal"
    SUBMIT = "submit"
    INCOMING = "incoming"
    MAIL = "mail"
    POSTED = "posted"


def iso(at: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class PromisedReceipt:
    """A receipt that a taken text will cause, `ms` after it was taken."""

    ms: int
    status: str
    code: str


@dataclass(frozen=True, slots=True)
class Submit:
    """One attempt of the platform to send.

    `n` counts everything in the journal, `code` says why it was not taken ("" if it was). `references` are the ids of its parts, if it came by
    a session; else it has the network's one.
    """

    n: int
    at: float
    message_id: str
    sender: str
    recipient: str
    text: str
    parts: int
    code: str
    receipts: tuple[PromisedReceipt, ...]
    references: tuple[str, ...] = ()

    @property
    def taken(self) -> bool:
        """Whether the phone got it."""
        return not self.code

    def line(self) -> bytes:
        """Its line in the journal."""
        return wire.encode(
            {
                "kind": Kind.SUBMIT,
                "n": self.n,
                "at": self.at,
                "id": self.message_id,
                "from": self.sender,
                "to": self.recipient,
                "text": self.text,
                "parts": self.parts,
                "code": self.code,
                "receipts": [[receipt.ms, receipt.status, receipt.code] for receipt in self.receipts],
            }
            | ({"references": self.references} if self.references else {})
        )

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Submit:
        """Back from the journal."""
        return cls(
            n=entry["n"],
            at=entry["at"],
            message_id=entry["id"],
            sender=entry["from"],
            recipient=entry["to"],
            text=entry["text"],
            parts=entry["parts"],
            code=entry["code"],
            receipts=tuple(PromisedReceipt(ms, status, code) for ms, status, code in entry["receipts"]),
            references=tuple(entry.get("references", ())),
        )


@dataclass(frozen=True, slots=True)
class Incoming:
    """One text from a phone to a number of the platform's."""

    n: int
    at: float
    sender: str
    recipient: str
    text: str

    def line(self) -> bytes:
        """Its line in the journal."""
        return wire.encode(
            {
                "kind": Kind.INCOMING,
                "n": self.n,
                "at": self.at,
                "from": self.sender,
                "to": self.recipient,
                "text": self.text,
            }
        )

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Incoming:
        """Back from the journal."""
        return cls(entry["n"], entry["at"], entry["from"], entry["to"], entry["text"])


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that the platform sent. `sender` is the address in From, `recipients` those of the envelope."""

    n: int
    at: float
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    headers: Mapping[str, str]

    def line(self) -> bytes:
        """Its line in the journal."""
        return wire.encode(
            {
                "kind": Kind.MAIL,
                "n": self.n,
                "at": self.at,
                "from": self.sender,
                "to": list(self.recipients),
                "subject": self.subject,
                "text": self.text,
                "headers": dict(self.headers),
            }
        )

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Mail:
        """Back from the journal."""
        return cls(
            n=entry["n"],
            at=entry["at"],
            sender=entry["from"],
            recipients=tuple(entry["to"]),
            subject=entry["subject"],
            text=entry["text"],
            headers=entry["headers"],
        )
