"""What a sender wants sent, on its way to being messages: a *submission* is one text to some numbers, a *draft* one of its messages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from messa_platform.core.ids import new_id
from messa_platform.messaging.models import Door
from messa_platform.messaging.recipients import Impossible, normalise
from messa_platform.messaging.segments import Encoding, segment
from messa_platform.messaging.smart import cut, sign, smart
from messa_platform.messaging.statuses import Status, status_word
from messa_platform.tenants.group_settings import TooLong
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.numbers import OwnRange
from messa_platform.tenants.quota import Kind, Struck
from messa_platform.tenants.senders import Sender


@dataclass(frozen=True, slots=True)
class Submission:
    """One text from an account to some numbers, as a door hands it in.

    `recipients` are as written, in the order in which quota is given out. `reference` is what the client calls the submission: handed in
    twice, it is one. `guard` asks the 24-hour guard (spec M9). `mail_reference` is the Message-ID of the mail that it came in.
    """

    account_id: UUID
    door: Door
    text: str
    recipients: Sequence[str]
    reference: str | None = None
    guard: bool = True
    mail_id: UUID | None = None
    mail_reference: str | None = None


@dataclass(slots=True)
class Draft:
    """One message to be: what is known of it so far. `status` stays None while nothing speaks against sending it."""

    submission: Submission
    sender: Sender
    id: UUID
    recipient: str
    text: str
    parts: int
    encoding: Encoding
    status: Status | None = None
    rule_group_id: UUID | None = None
    rule_group_name: str | None = None
    channel_id: UUID | None = None
    local: str = ""
    buckets: list[int] | None = None

    def refuse(self, status: Status) -> None:
        """Not to be sent, for the reason that `status` gives."""
        self.status = status

    def strike(self, blow: Struck) -> None:
        """Not to be sent, since a limit struck."""
        self.status = _STRUCK[blow.kind, blow.used_up]
        self.rule_group_id, self.rule_group_name = blow.group_id, blow.group_name

    @property
    def open(self) -> bool:
        """Nothing speaks against sending it so far."""
        return self.status is None

    @property
    def guard_key(self) -> tuple[UUID, str, bytes]:
        """What the 24-hour guard knows it by: sender, number and text."""
        return self.sender.account_id, self.recipient, hashlib.sha256(self.text.encode()).digest()


_STRUCK = {
    (Kind.PERSONAL, False): Status.NOT_ALLOWED_PERSONAL,
    (Kind.PERSONAL, True): Status.USED_UP_PERSONAL,
    (Kind.GROUP, False): Status.NOT_ALLOWED_GROUP,
    (Kind.GROUP, True): Status.USED_UP_GROUP,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one recipient: `word` is the status as shown. `recipient` is E.164, or as written if that is impossible."""

    message_id: UUID
    recipient: str
    status: Status
    word: str
    rule_group_name: str | None


@dataclass(frozen=True, slots=True)
class Receipted:
    """A submission was taken in: an entry for each recipient, in order."""

    submission: Submission
    sender: Sender
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """The client has handed in this submission before; nothing was done. `message_id` is the first message of that time."""

    submission: Submission
    message_id: UUID


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The account may not send at all (blocked or removed); nothing was stored."""

    submission: Submission


Result = Receipted | Repeated | NotAllowed


def draw_up(submission: Submission, sender: Sender, own: Sequence[OwnRange]) -> list[Draft]:
    """The drafts of a submission, one a number (a number named twice gets one), their text final and divided."""
    text, parts, encoding, status = _final_text(submission.text, sender)
    if sender.tenant_state is not TenantState.ACTIVE:
        status = Status.TENANT_SUSPENDED
    drafts = []
    seen = set()
    for written in submission.recipients:
        number = normalise(written, sender.settings.country_code, own)
        impossible = isinstance(number, Impossible)
        recipient = written.strip()[:100] if isinstance(number, Impossible) else number
        if recipient in seen:
            continue
        seen.add(recipient)
        fault = Status.INVALID_NUMBER if impossible else status
        drafts.append(Draft(submission, sender, new_id(), recipient, text, parts, encoding, fault))
    return drafts


def _final_text(written: str, sender: Sender) -> tuple[str, int, Encoding, Status | None]:
    settings = sender.settings
    text = sign(written, sender.signature)
    if settings.smart_characters:
        text = smart(text)
    segments = segment(text)
    if segments.count > settings.max_parts:
        if settings.too_long is TooLong.REFUSE:
            return text, segments.count, segments.encoding, Status.TOO_MANY_PARTS
        prepare = smart if settings.smart_characters else str
        segments = segment(cut(prepare(written), settings.max_parts, prepare(sender.signature)))
    return "".join(segments.parts), segments.count, segments.encoding, None


def entry(draft: Draft) -> Entry:
    """What a door is told of a draft, once it is stored."""
    status = draft.status or Status.QUEUED
    return Entry(
        draft.id, draft.recipient, status, status_word(status, draft.rule_group_name), draft.rule_group_name
    )
