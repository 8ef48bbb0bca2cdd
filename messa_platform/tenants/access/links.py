"""Choosing a password: by a mailed link (spec I1), or by the one in use (U2). Either ends every other session and every other link.

Rows are locked in one order: throttle, account, links, sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.core.post import Mail, Post
from messa_platform.core.work import Claim, WorkQueue, pauses, work_off
from messa_platform.tenants.access import sessions, throttle
from messa_platform.tenants.access.models import LinkRequest
from messa_platform.tenants.access.passwords import Passwords, Weakness, weakness
from messa_platform.tenants.access.sign_in import Wait, WrongPassword, as_address, check_again
from messa_platform.tenants.access.throttle import Attempt, What
from messa_platform.tenants.accounts import digest, issue_token
from messa_platform.tenants.models import TokenKind

REQUESTS = cast(Table, LinkRequest.__table__)
QUEUE = WorkQueue("link_request", REQUESTS, timedelta(minutes=1), pauses(5, 30, 120, 600))
SEND_ACTOR = "send_links"

RESET_LIFE = timedelta(hours=1)
"""How long the link of a forgotten password works."""
ONE_MAIL = timedelta(minutes=5)
"""However often somebody asks within this time, one mail is sent."""
KEPT = timedelta(days=90)
"""How long a link that works no longer is told so; after that it is unknown."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that works, and whose it is."""

    account_id: UUID
    address: str
    language: str
    kind: TokenKind


@dataclass(frozen=True, slots=True)
class LinkUsed:
    """A link works once."""


@dataclass(frozen=True, slots=True)
class LinkOld:
    """Its time is over, or a password was chosen in another way since."""


@dataclass(frozen=True, slots=True)
class LinkUnknown:
    """There is no such link, or no such account any more, or its organisation is closed."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The password is in force; every session of the account has ended."""

    account_id: UUID


@dataclass(frozen=True, slots=True)
class Changed:
    """The new password is in force; every other session of the account has ended."""


class LinkLetters(Protocol):
    """Writes the mails."""

    def reset(
        self,
        *,
        address: str,
        language: str,
        time_zone: str,
        word: str,
        until: datetime,
        tenant_id: UUID,
        key: str,
    ) -> Mail:
        """The link with the secret `word`, which works until `until`; that is told in `time_zone`."""

    def password_changed(
        self, *, address: str, language: str, time_zone: str, at: datetime, tenant_id: UUID, key: str
    ) -> Mail:
        """Word to the owner, in case it was somebody else."""


@dataclass(frozen=True, slots=True)
class LinkMails:
    """How the mails are written, and how they leave."""

    letters: LinkLetters
    post: Post


_OPEN = text(
    "SELECT k.account_id, k.used_at, k.expires_at, a.address, coalesce(a.language, t.language) AS language"
    " FROM account_token k JOIN account a ON a.id = k.account_id JOIN tenant t ON t.id = a.tenant_id"
    " WHERE k.digest = :digest AND k.kind = :kind AND NOT a.blocked AND a.removed_at IS NULL AND t.state <> 'closed'"
)


def open_link(
    session: Session, now: datetime, word: str, kind: TokenKind
) -> Link | LinkUsed | LinkOld | LinkUnknown:
    """What a mailed link's secret word is good for. Looking uses nothing up."""
    if not word.isascii():
        return LinkUnknown()
    row = session.execute(_OPEN, {"digest": digest(word), "kind": kind.value}).first()
    if row is None:
        return LinkUnknown()
    if row.used_at is not None:
        return LinkUsed()
    return LinkOld() if row.expires_at <= now else Link(row.account_id, row.address, row.language, kind)


_LOCK_ACCOUNT = text("SELECT password_hash FROM account WHERE id = :account_id FOR NO KEY UPDATE")
_USE_LINK = text(
    "UPDATE account_token SET used_at = :now WHERE digest = :digest AND kind = :kind AND used_at IS NULL AND expires_at > :now"
)


def choose_password(
    session: Session,
    now: datetime,
    passwords: Passwords,
    word: str,
    kind: TokenKind,
    password: str,
    mails: LinkMails,
) -> Chosen | Weakness | LinkUsed | LinkOld | LinkUnknown:
    """Use a link up to choose a password; of two who do at once one is too late. A second factor stays, and is still to be asked for."""
    link = open_link(session, now, word, kind)
    if not isinstance(link, Link):
        return link
    if fault := weakness(password, link.address):
        return fault
    stored = passwords.hash(password)  # takes its time, and must not keep anybody waiting at a lock
    former = session.execute(_LOCK_ACCOUNT, {"account_id": link.account_id}).scalar_one()
    used = session.execute(_USE_LINK, {"digest": digest(word), "kind": kind.value, "now": now})
    if not used.rowcount:  # type: ignore[attr-defined]
        late = open_link(session, now, word, kind)
        return LinkUsed() if isinstance(late, Link) else late
    _put_in_force(session, now, link.account_id, stored)
    sessions.end_all(session, link.account_id)
    if former is not None:  # nobody needs to be told of the first one
        _tell(session, now, mails, link.account_id)
    return Chosen(link.account_id)


_ADDRESS = text("SELECT address FROM account WHERE id = :account_id")


def change_password(
    session: Session,
    now: datetime,
    passwords: Passwords,
    account_id: UUID,
    *,
    current: str,
    new: str,
    keep_session: UUID,
    network: str,
    mails: LinkMails,
) -> Changed | WrongPassword | Wait | Weakness:
    """Put `new` in the place of `current`, which a stranger at an open screen does not know; the session `keep_session` goes on."""
    address = session.execute(_ADDRESS, {"account_id": account_id}).scalar_one()
    if fault := weakness(new, address):
        return fault
    stored = passwords.hash(new)  # takes its time, and must not keep anybody waiting at a lock
    outcome = check_again(session, now, passwords, account_id, current, network)
    if isinstance(outcome, WrongPassword | Wait):
        return outcome
    _put_in_force(session, now, account_id, stored)
    sessions.end_others(session, account_id, keep_session)
    _tell(session, now, mails, account_id)
    return Changed()


_SET = text("UPDATE account SET password_hash = :stored WHERE id = :account_id")
_VOID = text(
    "UPDATE account_token SET expires_at = :now WHERE account_id = :account_id AND used_at IS NULL AND expires_at > :now"
)


def _put_in_force(session: Session, now: datetime, account_id: UUID, stored: str) -> None:
    session.execute(_SET, {"account_id": account_id, "stored": stored})
    session.execute(_VOID, {"account_id": account_id, "now": now})


_OWNER = text(
    "SELECT a.address, a.tenant_id, coalesce(a.language, t.language) AS language, t.time_zone"
    " FROM account a JOIN tenant t ON t.id = a.tenant_id"
    " WHERE a.id = :account_id"
)


def _tell(session: Session, now: datetime, mails: LinkMails, account_id: UUID) -> None:
    owner = session.execute(_OWNER, {"account_id": account_id}).one()
    mail = mails.letters.password_changed(
        address=owner.address,
        language=owner.language,
        time_zone=owner.time_zone,
        at=now,
        tenant_id=owner.tenant_id,
        key=f"password_changed:{new_id()}",
    )
    mails.post.put(session, now, [mail])


_REQUEST = text(
    "INSERT INTO link_request (id, address, requested_at, next_attempt_at) VALUES (:id, :address, :now, :now)"
)


def request_link(
    session: Session, now: datetime, address: str, network: str, wake: Callable[..., None]
) -> None:
    """Note that somebody asks for a link to a new password; `wake(session, actor)` wakes `send_links` after commit.

    Nothing here depends on whether the address has an account. Who asks too often, for an address or from a network, is not heard.
    """
    written = as_address(address)
    if throttle.failed(session, now, Attempt(What.LINK, written, network)) is None:
        session.execute(_REQUEST, {"id": new_id(), "address": written, "now": now})
        wake(session, SEND_ACTOR)


def send_links(database: Database, clock: Clock, mails: LinkMails, *, batch: int = 50) -> bool:
    """Work the requests off; True if more may wait. Runs as an actor; several may run at once."""
    return work_off(
        database,
        QUEUE,
        clock,
        lambda session, claims: _answer(session, clock.now(), mails, claims),
        batch=batch,
    )


# Whoever works off another request for the same address waits here, and then sees the link that was just mailed.
_WHO = text(
    "SELECT a.id, a.address, a.tenant_id, coalesce(a.language, t.language) AS language, t.time_zone"
    " FROM account a JOIN tenant t ON t.id = a.tenant_id"
    " WHERE a.address = ANY(CAST(:addresses AS text[])) AND NOT a.blocked AND a.removed_at IS NULL AND t.state <> 'closed'"
    " ORDER BY a.id FOR NO KEY UPDATE OF a"
)
_JUST_MAILED = text(
    "SELECT DISTINCT account_id FROM account_token WHERE account_id = ANY(CAST(:ids AS uuid[])) AND kind = 'reset'"
    " AND used_at IS NULL AND expires_at > :recent"
)


def _answer(session: Session, now: datetime, mails: LinkMails, claims: Sequence[Claim]) -> None:
    requests = {claim.row.address: claim.id for claim in claims}
    owners = session.execute(_WHO, {"addresses": sorted(requests)}).all()
    recent = {"ids": [owner.id for owner in owners], "recent": now + RESET_LIFE - ONE_MAIL}
    just_mailed = {row.account_id for row in session.execute(_JUST_MAILED, recent)}
    letters = [
        mails.letters.reset(
            address=owner.address,
            language=owner.language,
            time_zone=owner.time_zone,
            word=issue_token(session, now, owner.id, TokenKind.RESET, RESET_LIFE),
            until=now + RESET_LIFE,
            tenant_id=owner.tenant_id,
            key=f"reset:{requests[owner.address]}",
        )
        for owner in owners
        if owner.id not in just_mailed
    ]
    mails.post.put(session, now, letters)
    # who was asked for, and may be a stranger to us, is nobody's business any more
    QUEUE.finish(session, claims, [{"address": ""} for _ in claims])


_FORGET_LINKS = text("DELETE FROM account_token WHERE expires_at < :before")
_FORGET_REQUESTS = text("DELETE FROM link_request WHERE state = 'done' AND requested_at < :before")


def forget_old(session: Session, now: datetime) -> None:
    """Drop links of long ago, and requests that were answered."""
    session.execute(_FORGET_LINKS, {"before": now - KEPT})
    session.execute(_FORGET_REQUESTS, {"before": now - timedelta(days=1)})
