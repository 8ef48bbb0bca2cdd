"""Arrived mails are read and submitted, many in one transaction; their senders are told what failed (spec M2-M5, M8-M10)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.ids import id_at
from messa_platform.core.logs import logger
from messa_platform.core.post import Post
from messa_platform.core.work import Claim, WorkQueue, pauses, work_off
from messa_platform.mail import causes
from messa_platform.mail.failures import failed_entries, not_told_lately
from messa_platform.mail.gatekeeper import local_part
from messa_platform.mail.letters import Failed, Letters, Report
from messa_platform.mail.models import InboundMail, MailOutcome
from messa_platform.mail.reading import DropReason, Reading, Unreadable, read
from messa_platform.messaging.drafts import Receipted, Repeated, Result, Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.smart import smart
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.submit import Announcer, submit
from messa_platform.tenants import accounts
from messa_platform.tenants.accounts import Known, Newcomer
from messa_platform.tenants.models import TokenKind

log = logger(__name__)

READ_ACTOR = "read_mail"
BATCH = 100
RAW_AT_ONCE = 16 * 2**20
"""Bytes of mails in memory at once, one larger mail aside."""

TABLE = cast(Table, InboundMail.__table__)
QUEUE = WorkQueue("inbound_mail", TABLE, timedelta(seconds=30), pauses(1, 5, 30, 300, 1800), heavy=("raw",))


@dataclass(slots=True)
class _Mail:
    """A claimed mail on its way. `sender` is whose account it is, or, where that cannot be told, whom to tell; "" if nobody."""

    claim: Claim
    reading: Reading | Unreadable
    sender: str
    outcome: MailOutcome | None = None
    reason: str | None = None
    failed: list[Failed] = field(default_factory=list)
    sent: int = 0
    account_id: UUID | None = None
    tenant_id: UUID | None = None
    language: str | None = None

    def refuse(self, cause: causes.Cause) -> None:
        """Nothing of it can be sent, for a cause that the sender is told."""
        self.outcome, self.reason = MailOutcome.REFUSED, cause
        self.failed = [Failed(cause, self.claim.row.recipients)]

    def drop(self, reason: DropReason) -> None:
        """It is not for sending, and nobody is told."""
        self.outcome, self.reason = MailOutcome.DROPPED, reason


@dataclass(frozen=True, slots=True)
class Intake:
    """What reading mails needs of its process."""

    database: Database
    clock: Clock
    announcer: Announcer
    letters: Letters
    post: Post

    def run(self) -> bool:
        """Read what has arrived; True if more may wait."""
        return work_off(self.database, QUEUE, self.clock, self.handle, batch=BATCH, on_parked=self.parked)

    def handle(self, session: Session, claims: Sequence[Claim]) -> None:
        """Read a batch of mails and submit what they say, all in one transaction."""
        now = self.clock.now()
        mails = _read_all(session, claims, self.letters.domain)
        known = _accounts(session, now, mails)
        waiting = [m for m in mails if m.outcome is None]
        submissions = [_submission(m, known[m.sender].id) for m in waiting]
        results = submit(session, self.clock, self.announcer, submissions)
        for mail, result in zip(waiting, results, strict=True):
            _note(mail, result)
        self._welcome(session, now, waiting, results, known)
        self._report(session, now, mails)
        _finish(session, mails)
        for mail in mails:
            log.info(
                "mail_read", mail=str(mail.claim.id), outcome=mail.outcome, reason=mail.reason, sent=mail.sent
            )

    def parked(self, session: Session, claim: Claim, reason: str) -> None:
        """A mail that fails us again and again is kept for a person; its sender is told, as of any other cause."""
        log.error("mail_parked", mail=str(claim.id), error=reason)
        row, now = claim.row, self.clock.now()
        if row.envelope_sender and not_told_lately(session, now, [(row.envelope_sender, causes.FAILED)]):
            failed = [Failed(causes.FAILED, row.recipients)]
            zone = _zone_of(session, row.envelope_sender)
            report = Report(
                claim.id, row.envelope_sender, None, "", None, row.received_at, 0, failed, time_zone=zone
            )
            self.post.put(session, now, [self.letters.failure(report)])

    def _welcome(
        self,
        session: Session,
        now: datetime,
        mails: Sequence[_Mail],
        results: Sequence[Result],
        known: Mapping[str, Known],
    ) -> None:
        welcomed = set()
        letters = []
        for mail, result in zip(mails, results, strict=True):
            new = known[mail.sender].is_new and mail.sender not in welcomed
            if new and isinstance(result, Receipted) and not mail.reading.automatic:
                welcomed.add(mail.sender)
                life = accounts.WELCOME_LIFE
                word = accounts.issue_token(session, now, result.sender.account_id, TokenKind.WELCOME, life)
                letters.append(self.letters.welcome(result.sender, word, now + life))
        self.post.put(session, now, letters)

    def _report(self, session: Session, now: datetime, mails: Sequence[_Mail]) -> None:
        wanted = [m for m in mails if m.failed and m.sender and not m.reading.automatic]
        if not wanted:
            return
        may_tell = not_told_lately(session, now, [(m.sender, f.cause) for m in wanted for f in m.failed])
        zones = accounts.time_zones(session, [m.sender.lower() for m in wanted])
        letters = []
        for mail in wanted:
            told = [f for f in mail.failed if (mail.sender, f.cause) in may_tell]
            # the next mail of this batch has had its cause told by this one
            may_tell -= {(mail.sender, f.cause) for f in told}
            if told:
                letters.append(
                    self.letters.failure(_to_report(mail, told, zones.get(mail.sender.lower(), "")))
                )
        self.post.put(session, now, letters)


def _zone_of(session: Session, envelope_sender: str) -> str:
    address = envelope_sender.lower()
    return accounts.time_zones(session, [address]).get(address, "")


_RAW = text("SELECT id, raw FROM inbound_mail WHERE id = ANY(CAST(:ids AS uuid[]))")


def _read_all(session: Session, claims: Sequence[Claim], domain: str) -> list[_Mail]:
    """Read the claimed mails, of which no more than `RAW_AT_ONCE` bytes are in memory at a time."""
    mails = []
    for some in _by_size(claims):
        raw = {row.id: row.raw for row in session.execute(_RAW, {"ids": [c.id for c in some]})}
        mails += [_open(claim, raw.pop(claim.id), domain) for claim in some]
    return mails


def _by_size(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    some: list[Claim] = []
    for claim in claims:
        if some and sum(c.row.size for c in some) + claim.row.size > RAW_AT_ONCE:
            yield some
            some = []
        some.append(claim)
    if some:
        yield some


def _open(claim: Claim, raw: bytes, domain: str) -> _Mail:
    row = claim.row
    reading = read(raw, envelope_sender=row.envelope_sender, our_domain=domain)
    sender = reading.senders[0] if len(reading.senders) == 1 else row.envelope_sender
    mail = _Mail(claim, reading, sender, language=reading.language)
    if isinstance(reading, Unreadable):
        mail.refuse(reading.reason)
    elif reading.drop is not None:
        mail.drop(reading.drop)
    elif not sender:
        mail.drop(DropReason.BOUNCE)
    elif len(reading.senders) > 1:
        mail.refuse(causes.SEVERAL_SENDERS)
    elif not smart(reading.sms_text).strip():  # what cannot be seen is nothing
        mail.refuse(causes.EMPTY)
    return mail


def _accounts(session: Session, now: datetime, mails: Sequence[_Mail]) -> dict[str, Known]:
    """The accounts of those who send, made where missing, and brought back where removed; what is dropped or refused makes none.

    It is noted on one that exists.
    """
    newcomers = {}
    for mail in mails:
        if mail.outcome is None and isinstance(mail.reading, Reading):
            newcomers[mail.sender] = Newcomer(mail.reading.sender_name, mail.reading.language)
    known = accounts.find_or_create(session, now, newcomers, bring_back=True)
    others = accounts.find(
        session, {m.sender for m in mails if m.outcome is not None and m.sender not in known}
    )
    for mail in mails:
        mail.account_id = known[mail.sender].id if mail.sender in known else others.get(mail.sender)
    return known


def _submission(mail: _Mail, account_id: UUID) -> Submission:
    assert isinstance(mail.reading, Reading)
    row = mail.claim.row
    return Submission(
        account_id=account_id,
        door=Door.MAIL,
        text=mail.reading.sms_text,
        recipients=[local_part(address.rpartition("@")[0]) for address in row.recipients],
        reference=_reference(mail.reading.message_id, row),
        mail_id=row.id,
        mail_reference=mail.reading.message_id,
    )


def _reference(message_id: str | None, row: Any) -> str | None:
    """By which a mail that SMTP delivers twice is known: Message-ID and envelope (spec M9).

    A mail without a Message-ID has only the 24-hour guard.
    """
    if not message_id:
        return None
    envelope = "\n".join([message_id, row.envelope_sender, *sorted(a.lower() for a in row.recipients)])
    return f"mail:{hashlib.sha256(envelope.encode()).hexdigest()}"


def _note(mail: _Mail, result: Result) -> None:
    if isinstance(result, Receipted):
        mail.outcome = MailOutcome.SUBMITTED
        mail.sent = sum(1 for e in result.entries if e.status is Status.QUEUED)
        mail.failed = failed_entries(result)
        mail.tenant_id, mail.language = result.sender.settings.tenant_id, result.sender.language
    elif isinstance(result, Repeated):
        mail.outcome, mail.reason = MailOutcome.REPEATED, str(result.message_id)
    else:
        mail.refuse(causes.ACCOUNT_BLOCKED)


def _to_report(mail: _Mail, told: Sequence[Failed], time_zone: str) -> Report:
    return Report(
        mail_id=mail.claim.id,
        address=mail.sender,
        language=mail.language,
        subject=mail.reading.subject,
        message_id=mail.reading.message_id,
        received_at=mail.claim.row.received_at,
        sent=mail.sent,
        failed=told,
        tenant_id=mail.tenant_id,
        time_zone=time_zone,
    )


def _finish(session: Session, mails: Sequence[_Mail]) -> None:
    QUEUE.finish(
        session,
        [m.claim for m in mails],
        [
            {
                "outcome": m.outcome,
                "reason": m.reason,
                "account_id": m.account_id,
                "tenant_id": m.tenant_id,
                "left_out": min(m.reading.left_out, 32767) if isinstance(m.reading, Reading) else 0,
            }
            for m in mails
        ],
    )
    # what cannot be read waits for a person, who may see why
    unread = [m.claim.id for m in mails if isinstance(m.reading, Unreadable)]
    if unread:
        session.execute(_PARK_UNREAD, {"ids": unread})


_PARK_UNREAD = text(
    "UPDATE inbound_mail SET state = 'parked', last_error = reason WHERE id = ANY(CAST(:ids AS uuid[]))"
)
_EMPTY_RAW = text(
    "UPDATE inbound_mail SET raw = NULL WHERE id IN (SELECT id FROM inbound_mail WHERE id < :before AND state = 'done'"
    " AND raw IS NOT NULL LIMIT 10000)"
)


def empty_old(session: Session, before: datetime) -> None:
    """Empty the raw bytes of the mails that came before `before` and were read; twenty thousand at a time at the most."""
    for _ in range(20):
        if session.execute(_EMPTY_RAW, {"before": id_at(before)}).rowcount < 1000:  # type: ignore[attr-defined]
            return
