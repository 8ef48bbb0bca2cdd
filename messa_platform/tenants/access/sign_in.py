"""Signing in: the password, and after it the second factor's code where there is one (spec I1, I3).

What is answered, and how long it takes, does not tell whether an address has an account: without one the same statements are executed and a
password is checked all the same. Everything happens in the caller's transaction, which must be committed whatever the answer, since failures are
counted in it; a session that follows is to be begun in it, too.

Rows are locked in one order: throttle, account, the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.core.logs import logger
from messa_platform.tenants.access import second_factor, throttle
from messa_platform.tenants.access.passwords import Passwords
from messa_platform.tenants.access.throttle import Attempt, What

log = logger(__name__)

LONGEST_ADDRESS = 320
"""Characters of an address (RFC 5321, 4.5.3.1: 64, the @, and 255)."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """It is the account's owner."""

    account_id: UUID


@dataclass(frozen=True, slots=True)
class WantsCode:
    """The password is right; the account has a second factor."""

    account_id: UUID


@dataclass(frozen=True, slots=True)
class WrongPassword:
    """It is not, or there is no such account, or it is blocked, its organisation closed, or it has no password: nobody is told which."""


@dataclass(frozen=True, slots=True)
class WrongCode:
    """The code is wrong, or was used before."""


@dataclass(frozen=True, slots=True)
class Wait:
    """There were too many failures: the password or code was not looked at. Come back at `until`."""

    until: datetime


def as_address(typed: str) -> str:
    """An address as accounts have it, from what somebody typed; "" if it can be nobody's."""
    address = typed.strip().lower()
    return address if len(address) <= LONGEST_ADDRESS and address.isprintable() else ""


_COLUMNS = (
    "SELECT a.id, a.password_hash, a.totp_since IS NOT NULL AS wants_code,"
    " EXISTS (SELECT FROM known_network k WHERE k.account_id = a.id AND k.network = :network) AS is_known"
    " FROM account a JOIN tenant t ON t.id = a.tenant_id WHERE NOT a.blocked AND a.removed_at IS NULL AND t.state <> 'closed' AND "
)
_BY_ADDRESS = text(_COLUMNS + "a.address = :address")
_BY_ID = text(_COLUMNS + "a.id = :account_id")


def check_password(
    session: Session, now: datetime, passwords: Passwords, address: str, password: str, network: str
) -> SignedIn | WantsCode | WrongPassword | Wait:
    """Whether `password` is that of `address`; `network` is where it was typed."""
    written = as_address(address)
    account = session.execute(_BY_ADDRESS, {"address": written, "network": network}).first()
    attempt = Attempt(What.SIGN_IN, written, network, account is not None and account.is_known)
    refusal = _refusal(session, now, passwords, attempt, account, password)
    if refusal is not None:
        return refusal
    assert account is not None
    return WantsCode(account.id) if account.wants_code else SignedIn(account.id)


def check_again(
    session: Session, now: datetime, passwords: Passwords, account_id: UUID, password: str, network: str
) -> SignedIn | WrongPassword | Wait:
    """Whether somebody who is signed in knows the password: asked before what a stranger at an open screen must not do.

    Its failures are counted by themselves, and slow no signing in.
    """
    account = session.execute(_BY_ID, {"account_id": account_id, "network": network}).first()
    attempt = Attempt(What.AGAIN, str(account_id), network)
    refusal = _refusal(session, now, passwords, attempt, account, password)
    return refusal if refusal is not None else SignedIn(account_id)


def _refusal(
    session: Session, now: datetime, passwords: Passwords, attempt: Attempt, account: Any, password: str
) -> WrongPassword | Wait | None:
    """Why the password lets nobody in; None if it does. The account is then locked until the transaction ends."""
    if until := throttle.allowed(session, now, attempt):
        return Wait(until)
    stored: str | None = account.password_hash if account is not None else None
    verdict = passwords.verify(stored, password)
    if not verdict.ok or stored is None:
        until = throttle.failed(session, now, attempt)
        return Wait(until) if until else WrongPassword()
    if until := throttle.succeeded(session, now, attempt):
        return Wait(until)
    return None if _still(session, account.id, stored, verdict.rehashed or stored) else WrongPassword()


# A password that is changed while it is checked ends every session: without this one begun with the old one could come after that.
_SAME = (
    "WHERE id = :account_id AND password_hash = :stored AND NOT blocked AND removed_at IS NULL"
    " AND EXISTS (SELECT FROM tenant t WHERE t.id = account.tenant_id AND t.state <> 'closed')"
)
_LOCK = text(f"SELECT id FROM account {_SAME} FOR NO KEY UPDATE")
_REHASH = text(f"UPDATE account SET password_hash = :kept {_SAME} RETURNING id")


def _still(session: Session, account_id: UUID, stored: str, kept: str) -> bool:
    """Lock the account, if it has the same password still, and keep `kept` in its place."""
    parameters = {"account_id": account_id, "stored": stored}
    if kept == stored:
        return session.execute(_LOCK, parameters).first() is not None
    return session.execute(_REHASH, {**parameters, "kept": kept}).first() is not None


def check_code(
    session: Session, now: datetime, keys: Keys, account_id: UUID, code: str, network: str
) -> SignedIn | WrongCode | Wait:
    """Whether `code` is the account's: by time, or one of its recovery codes. The password was right just before."""
    account = session.execute(_BY_ID, {"account_id": account_id, "network": network}).first()
    if account is None:
        return WrongCode()
    attempt = Attempt(What.CODE, str(account_id), network, account.is_known)
    if until := throttle.allowed(session, now, attempt):
        return Wait(until)
    fit = second_factor.find(session, now, keys, account_id, code)
    if fit is None:
        until = throttle.failed(session, now, attempt)
        return Wait(until) if until else WrongCode()
    if until := throttle.succeeded(session, now, attempt):
        return Wait(until)
    if not second_factor.use(session, now, account_id, fit):
        return WrongCode()
    if isinstance(fit, second_factor.Recovery):
        log.info("recovery_code_used", account=str(account_id))
    return SignedIn(account_id)
