"""What a sender wants sent, on its way to being messages: a *submission* is one text to some numbers, a *draft* one of its messages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from messa_platform.core.ids import new_id
from messa_platform.core.segments import Encoding, segment
from messa_platform.messaging.models import Door
from messa_platform.messaging.recipients import Fault, Impossible, normalise
from messa_platform.messaging.smart import cut, sign, smart
from messa_platform.messaging.statuses import Status, status_word
from messa_platform.tenants.group_settings import TooLong
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.numbers import OwnRange
from messa_platform.tenants.quota import Kind, Struck
from messa_platform.tenants.senders import Sender

SOON = timedelta(minutes=1)
"""A chosen time that is no further ahead than this means now."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One text from an account to some numbers, as a door hands it in.

    `recipients` are as written, in the order in which quota is given out. `reference` is what the client calls the submission: handed in
    twice, it is one. `guard` asks the 24-hour guard (spec M9). `mail_reference` is the Message-ID of the mail that it came in.
    `send_at` is when it is to be sent (spec P2); None, a time that has passed or one within `SOON` is now. `despite_stop` lets it through
    to a number that has said STOP: for the confirmation of that, and nothing else (spec R4). `client_ref` is the client's own word for it,
    kept with each message. `sender_id` is the one of `sender_ids` that it is to go out as; None leaves that to the rules (spec R1, V3).
    """

    account_id: UUID
    door: Door
    text: str
    recipients: Sequence[str]
    reference: str | None = None
    guard: bool = True
    mail_id: UUID | None = None
    mail_reference: str | None = None
    send_at: datetime | None = None
    despite_stop: bool = False
    client_ref: str | None = None
    sender_id: str | None = None


@dataclass(slots=True)
class Draft:
    """One message to be: what is known of it so far. `status` stays None while nothing speaks against sending it.

    `send_at` is its time if that is later. `fault` says why `recipient` is no number. `way` says why it is to leave by its channel.
    """

    submission: Submission
    sender: Sender
    id: UUID
    recipient: str
    text: str
    parts: int
    encoding: Encoding
    status: Status | None = None
    send_at: datetime | None = None
    fault: Fault | None = None
    rule_group_id: UUID | None = None
    rule_group_name: str | None = None
    channel_id: UUID | None = None
    way: str | None = None
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
    def outcome(self) -> Status:
        """The status with which it is stored, as things stand."""
        return self.status or (Status.SCHEDULED if self.send_at else Status.QUEUED)

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
    """What became of one recipient: `word` is the status as shown. `recipient` is E.164, or as written if that is impossible. `local`, `text`
    and so on are the message's, as it was stored; what was refused has no `parts`."""

    message_id: UUID
    recipient: str
    status: Status
    word: str
    rule_group_name: str | None
    local: str
    text: str
    parts: int
    encoding: Encoding
    send_at: datetime | None


@dataclass(frozen=True, slots=True)
class Receipted:
    """A submission was taken in `at` that time: an entry for each recipient, in order."""

    submission: Submission
    sender: Sender
    at: datetime
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


@dataclass(frozen=True, slots=True)
class NotItsSender:
    """The sender id that was chosen is none of those open to the account, which are `allowed`; nothing was stored."""

    submission: Submission
    allowed: tuple[str, ...]


Result = Receipted | Repeated | NotAllowed | NotItsSender


def draw_up(submission: Submission, sender: Sender, own: Sequence[OwnRange], now: datetime) -> list[Draft]:
    """The drafts of a submission, one a number (a number named twice gets one), their text final and divided."""
    final = final_text(submission.text, sender)
    status = final.status if sender.tenant_state is TenantState.ACTIVE else Status.TENANT_SUSPENDED
    later = submission.send_at is not None and submission.send_at > now + SOON
    drafts = []
    seen = set()
    for written in submission.recipients:
        number = normalise(written, sender.settings.country_code, own)
        fault = number.fault if isinstance(number, Impossible) else None
        recipient = _as_written(written) if isinstance(number, Impossible) else number
        if recipient in seen:
            continue
        seen.add(recipient)
        draft = Draft(submission, sender, new_id(), recipient, final.text, final.parts, final.encoding)
        draft.status = Status.INVALID_NUMBER if fault else status
        draft.send_at = submission.send_at if later else None
        draft.fault = fault
        drafts.append(draft)
    return drafts


def _as_written(recipient: str) -> str:
    """What is no number, as the log shows it; a door may hand in what no database takes."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in recipient.strip()[:100])


@dataclass(frozen=True, slots=True)
class Final:
    """A text as it leaves. `units` are septets or UTF-16 code units; `cut`: some of it had to go. `status` says why it may not leave."""

    text: str
    parts: int
    units: int
    encoding: Encoding
    cut: bool
    status: Status | None


def final_text(written: str, sender: Sender) -> Final:
    """What becomes of `written`: signed, its typographic characters made plain, and cut, as the settings of `sender` say (spec S3-S5)."""
    settings = sender.settings
    text = sign(written, sender.signature)
    if settings.smart_characters:
        text = smart(text)
    segments = segment(text)
    too_long = segments.count > settings.max_parts
    refused = too_long and settings.too_long is TooLong.REFUSE
    if too_long and not refused:
        prepare = smart if settings.smart_characters else str
        segments = segment(cut(prepare(written), settings.max_parts, prepare(sender.signature)))
    return Final(
        text="".join(segments.parts),
        parts=segments.count,
        units=segments.units,
        encoding=segments.encoding,
        cut=too_long and not refused,
        status=Status.TOO_MANY_PARTS if refused else None,
    )


def sender_id(sender: Sender, lent: str | None = None, chosen: str | None = None) -> str:
    """What a text of `sender` goes out as: what was chosen while that is open to it, otherwise its own number where it may receive, else
    the group's sender name (spec R1). `lent` is the number that it has just got."""
    own, name = sender.number or lent, sender.settings.sender_name
    if chosen in sender_ids(sender):
        return str(chosen)
    return own if sender.settings.may_receive and own else name


def sender_ids(sender: Sender) -> tuple[str, ...]:
    """Those among which an account may choose: its own number, where its group may receive and it has one, and the group's sender name."""
    own = (sender.number,) if sender.number and sender.settings.may_receive else ()
    return (*own, sender.settings.sender_name)


def is_its_own(sender: Sender, chosen: str | None) -> bool:
    """Whether a text of `sender` may go out as what was chosen; None leaves it to the rules."""
    return chosen is None or chosen in sender_ids(sender)


def entry(draft: Draft) -> Entry:
    """What a door is told of a draft, once it is stored."""
    status = draft.outcome
    return Entry(
        draft.id,
        draft.recipient,
        status,
        status_word(status, draft.rule_group_name),
        draft.rule_group_name,
        draft.local,
        draft.text,
        draft.parts if draft.open else 0,
        draft.encoding,
        draft.send_at if draft.open else None,
    )
