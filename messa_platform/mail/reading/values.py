"""What reading a mail gives: the values, and the closed sets in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DropReason(StrEnum):
    """Why a mail that could be read sends nothing and gets no answer (spec M8). Stored, and shown to the account."""

    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    MAILING_LIST = "mailing_list"
    LOOP = "loop"


class UnreadableReason(StrEnum):
    """Why a mail has no text that we can read. Stored, and told to the sender."""

    NOT_A_MAIL = "not_a_mail"
    """Not one header field in it."""
    NOT_TEXT = "not_text"
    """What calls itself text is binary."""
    ENCRYPTED = "encrypted"
    """S/MIME or PGP."""
    OPAQUE_SIGNED = "opaque_signed"
    """S/MIME where the text lies inside the signature."""
    TOO_MANY_PARTS = "too_many_parts"
    TOO_DEEP = "too_deep"
    """Multiparts within multiparts."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A mail that was read. No text in it has a NUL, a lone surrogate or another control character than the newline.

    `senders`: the addresses of the From fields, lower case, in order; `()` if there is none that can be read. More than one
    means that the mail names several, which is for the caller to refuse.
    `sender_name`: the first sender's display name, `""` if none.
    `subject`: as the sender wrote it, prefixes (`SV:`) still on, on one line.
    `body`: the sender's own words: quote and signature gone. `""` if `drop` is set, since nobody needs it then.
    `sms_text`: what the SMS says (spec M3): subject without prefixes, newline, body; the body alone if `answers_ours`.
    `""` if the mail says nothing.
    `message_id`, `in_reply_to`: ids without the angle brackets; the latter from In-Reply-To and References.
    `answers_ours`: one of `in_reply_to` is from our domain, and the mail is not a forward: that answers nobody.
    `automatic`: a program wrote it: it sends, but gets no automatic answer (spec M8).
    `left_out`: attachments and inline images that no SMS can carry (spec M4).
    `language`: `"sv"` or `"en"` if the sender's mail program says which, else None.
    """

    senders: tuple[str, ...]
    sender_name: str
    subject: str
    body: str
    sms_text: str
    message_id: str | None
    in_reply_to: tuple[str, ...]
    answers_ours: bool
    automatic: bool
    drop: DropReason | None
    left_out: int
    language: str | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A mail without a text that we can read. The other fields, which mean what `Reading`'s do, are for the failure report.

    It is never an automatic reply, a bounce, list mail or a loop: those come as a `Reading` with `drop`, readable or not.
    """

    reason: UnreadableReason
    senders: tuple[str, ...] = ()
    subject: str = ""
    message_id: str | None = None
    automatic: bool = False
    language: str | None = None
