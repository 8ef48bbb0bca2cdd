"""The queue of mails that messa writes; every room may put one in.

Delivery is at least once: a worker that dies between the relay's 250 and its own note of it sends the mail again, with the same Message-ID,
by which mail systems know it as one.
"""

from __future__ import annotations

import contextlib
import quopri
import smtplib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import DateTime, Table, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from messa_platform.core.bulk import ask_insert
from messa_platform.core.clock import Clock
from messa_platform.core.db import Base, Database
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.core.pipeline import at_commit
from messa_platform.core.settings import key
from messa_platform.core.work import Claim, LeaseLost, WorkColumns, WorkQueue, due_index, pauses

log = logger(__name__)

POST_ACTOR = "deliver_mail"
MAX_LINE, LONG = 76, 400
"""Characters of a header's line where it can be folded, and of one that is folded nowhere; RFC 5322 allows 78, and 998 at the very most."""


@dataclass(frozen=True)
class RelaySettings:
    """The mail server that takes our outgoing mails on."""

    SECTION: ClassVar[str] = "relay"
    host: str = key("127.0.0.1", "Address of the SMTP server that our outgoing mails are handed to.")
    port: int = key(25, "Its port.")
    starttls: bool = key(False, "Whether to ask it for STARTTLS before anything else.")
    user: str = key("", "The name to sign in there with; empty: no sign-in.")
    password: str = key("", "The password to sign in there with.", secret=True)
    timeout: float = key(20.0, "Seconds to wait for each of its answers.")

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 30:
            raise ValueError(f"relay.timeout: {self.timeout} is not between 0 and 30 seconds")


class OutgoingMail(Base, WorkColumns):
    """A mail of ours and its way out. `key` names the reason it was written: a second one for the same reason is not."""

    __tablename__ = "outgoing_mail"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(unique=True)
    tenant_id: Mapped[UUID | None]
    envelope_sender: Mapped[str]
    recipient: Mapped[str]
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (due_index("outgoing_mail"),)


OUTGOING = cast(Table, OutgoingMail.__table__)
LEASE = timedelta(minutes=2)
# about two days in all, the time that mail systems try
QUEUE = WorkQueue("outgoing_mail", OUTGOING, LEASE, pauses(5, 30, 120, 600, 1800, 3600, *[7200] * 22))


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to write. `sender` is an address of ours; `envelope_sender` "" is the null sender, to which nobody answers."""

    key: str
    sender: str
    sender_name: str
    recipient: str
    subject: str
    text: str
    envelope_sender: str = ""
    message_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    tenant_id: UUID | None = None


def no_reply(domain: str) -> str:
    """The address of ours that nobody reads."""
    return f"no-reply@{domain}"


def own_mail(
    domain: str,
    key: str,
    recipient: str,
    subject: str,
    text: str,
    *,
    tenant_id: UUID | None = None,
    headers: dict[str, str] | None = None,
) -> Mail:
    """A mail that the service writes in its own name, at the mail domain `domain`; no answer is awaited."""
    return Mail(
        key,
        no_reply(domain),
        "messa",
        recipient,
        subject,
        text,
        headers=headers or {},
        tenant_id=tenant_id,
    )


class Post:
    """Puts mails into the queue; `domain` is ours. Waking the deliverer is the caller's `wake`."""

    def __init__(self, domain: str, wake: Any) -> None:
        self.domain = domain
        self._wake = wake

    def put(self, session: Session, now: datetime, mails: Sequence[Mail]) -> None:
        """Queue `mails` in the session's transaction; those whose key was used before are left out."""
        if not mails:
            return
        rows = [self._row(now, mail) for mail in mails]
        # with the commit: whoever writes a mail need not know whether it was the first for its reason
        ask_insert(at_commit(session), OUTGOING, rows, "ON CONFLICT (key) DO NOTHING")
        self._wake(session, POST_ACTOR)

    def _row(self, now: datetime, mail: Mail) -> dict[str, Any]:
        identifier = new_id()
        headers = {
            "From": _mailbox(mail.sender_name, mail.sender),
            "To": _line(mail.recipient),
            "Subject": _words("Subject", mail.subject),
            "Date": format_datetime(now),
            "Message-ID": mail.message_id or f"<mail.{identifier}@{self.domain}>",
            # RFC 3834: so that no robot answers a robot
            "Auto-Submitted": "auto-generated",
            "X-Loop": self.domain,
            **{name: _line(value) for name, value in mail.headers.items() if value.isascii()},
        }
        return {
            "id": identifier,
            "key": mail.key,
            "tenant_id": mail.tenant_id,
            "envelope_sender": mail.envelope_sender,
            "recipient": mail.recipient,
            "headers": headers,
            "text": mail.text,
            "created_at": now,
            "next_attempt_at": now,
        }


# The headers are written here and not by the standard library's EmailMessage: what is set there is parsed first, encoded words and all, and
# before Python 3.11.10 a line break that was encoded in a subject came out as one, with a header of a stranger's behind it (CVE-2024-6923).


def _line(text: str) -> str:
    """One line, without control characters: what came from outside must not begin a header of its own."""
    return "".join(c for c in " ".join(text.split()) if ord(c) > 31 and not 127 <= ord(c) < 160)


def _is_plain(line: str) -> bool:
    return line.isascii() and "=?" not in line and len(line) < LONG


def _words(header: str, text: str) -> str:
    """A text for a header, as encoded words (RFC 2047) if it is more than plain words, or would be taken for such."""
    line = _line(text)
    return Header(line, "us-ascii" if _is_plain(line) else "utf-8", MAX_LINE, header).encode(linesep="\r\n")


def _mailbox(name: str, address: str) -> str:
    """A display name and an address of ours."""
    line = _line(name)
    return formataddr((line, address)) if _is_plain(line) else f"{_words('From', line)} <{address}>"


def compose(row: Any) -> bytes:
    """The mail of a queue row, as it goes to the relay."""
    headers = {
        **row.headers,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "quoted-printable",
    }
    lines = [f"{name}:{_begun(value)}" for name, value in headers.items()]
    body = quopri.encodestring(row.text.encode()).replace(b"\n", b"\r\n")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _begun(value: str) -> str:
    """A header's value after its colon; a long one, such as a Message-ID, begins on a line of its own."""
    return f" {value}" if len(value.partition("\r\n")[0]) < MAX_LINE else f"\r\n {value}"


class Relay:
    """Hands mails to the relay, several on one connection."""

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings

    @contextmanager
    def connection(self) -> Iterator[smtplib.SMTP]:
        """A connection, signed in. Raises OSError or SMTPException if there is none to be had."""
        s = self._settings
        with smtplib.SMTP(s.host, s.port, timeout=s.timeout) as smtp:
            if s.starttls:
                smtp.starttls()
            if s.user:
                smtp.login(s.user, s.password)
            yield smtp


def deliver(database: Database, clock: Clock, relay: Relay, *, batch: int = 50) -> bool:
    """Hand what is due to the relay; True if more may wait. Runs as an actor; several may run at once."""
    with database.unit_of_work() as session:
        claims = QUEUE.claim(session, clock.now(), batch)
    faults = _send_all(relay, claims) if claims else {}
    try:
        with database.unit_of_work() as session:
            _note(session, clock.now(), claims, faults)
    except LeaseLost:  # a relay slower than the lease: note what is still ours
        for claim in claims:
            with contextlib.suppress(LeaseLost), database.unit_of_work() as session:
                _note(session, clock.now(), [claim], faults)
    return len(claims) == batch


class RelayAway(Exception):
    """The relay could not be spoken to, whatever the mail; the text names the fault's class."""


def _send_all(relay: Relay, claims: Sequence[Claim]) -> dict[UUID, Exception]:
    """Send each; gives what went wrong, by row."""
    faults: dict[UUID, Exception] = {}
    waiting = list(claims)
    begun = time.monotonic()
    try:
        with relay.connection() as smtp:
            while waiting:
                if time.monotonic() - begun > LEASE.total_seconds() / 2:
                    raise TimeoutError  # a slow relay: what waits must not outlast its lease, and be sent by two
                row = waiting[0].row
                try:
                    utf8 = () if row.recipient.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
                    smtp.sendmail(row.envelope_sender or "<>", [row.recipient], compose(row), utf8)
                except smtplib.SMTPServerDisconnected:
                    raise
                except (smtplib.SMTPException, ValueError, UnicodeError) as error:
                    faults[row.id] = error
                waiting.pop(0)
    except (OSError, smtplib.SMTPException) as error:
        # of the connection, a wrong password for one: it says nothing against any mail
        faults |= {claim.id: RelayAway(type(error).__name__) for claim in waiting}
    return faults


def _is_permanent(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code >= 500
    # the relay takes no addresses in UTF-8, nor will it in an hour
    return isinstance(error, ValueError | smtplib.SMTPNotSupportedError)


def _note(session: Session, now: datetime, claims: Sequence[Claim], faults: dict[UUID, Exception]) -> None:
    sent = [c for c in claims if c.id not in faults]
    QUEUE.finish(session, sent, [{"sent_at": now, "text": ""} for _ in sent])  # a link in it is a secret
    for claim in claims:
        error = faults.get(claim.id)
        if error is None:
            continue
        reason = str(error) if isinstance(error, RelayAway) else type(error).__name__
        if _is_permanent(error):
            QUEUE.park(session, claim, reason)
            log.warning("mail_refused", mail=str(claim.id), error=reason)
        elif QUEUE.put_back(session, claim, now, reason):
            log.error("mail_parked", mail=str(claim.id), error=reason)
        else:
            log.info("mail_delayed", mail=str(claim.id), error=reason, attempt=claim.row.attempts)
