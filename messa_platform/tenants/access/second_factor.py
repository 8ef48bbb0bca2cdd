"""The second factor: codes by time (TOTP, RFC 6238), and recovery codes for who has lost what shows them (spec I3, U2)."""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import pyotp
from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.crypto import Keys
from messa_platform.core.logs import logger
from messa_platform.tenants.access.models import RecoveryCode

log = logger(__name__)

CODES = cast(Table, RecoveryCode.__table__)

ISSUER = "messa"
"""Under this name the account stands in its owner's app."""
HOW_MANY = 10
"""Recovery codes of an account."""
WINDOW = (-1, 0, 1)
"""Time steps, of 30 seconds, whose code is taken: clocks differ, and typing takes its time."""

_PURPOSE = "recovery code"
# Crockford's base 32: no letter that looks like a figure
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_LOOKS_LIKE = str.maketrans("oil", "011")
_CODE_LENGTH = 16  # of 5 bits each


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret that waits for its first code: base 32 for typing, and as an `otpauth:` address for a picture to scan."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """New codes, to be shown this once: `xxxx-xxxx-xxxx-xxxx`."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """Whether an account has a second factor, and how many recovery codes it has left."""

    on: bool
    codes_left: int


@dataclass(frozen=True, slots=True)
class TimeStep:
    """A code by time fits: that of this step."""

    step: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """A recovery code fits: that of this digest."""

    digest: bytes


Fit = TimeStep | Recovery

_PENDING = text(
    "UPDATE account SET totp_secret = :sealed WHERE id = :account_id AND totp_since IS NULL RETURNING address"
)
_ACCOUNT = text(
    "SELECT id, address, totp_secret, totp_since IS NOT NULL AS is_on, totp_step FROM account WHERE id = :account_id"
)


def begin(session: Session, keys: Keys, account_id: UUID) -> Enrolment | None:
    """A new secret, in force once `confirm` has seen a code of it; None if a second factor is in force.

    Always a new one: who looked at a page that was left open must not know what is confirmed later.
    """
    secret = pyotp.random_base32()
    parameters = {"sealed": keys.seal(secret.encode()), "account_id": account_id}
    row = session.execute(_PENDING, parameters).first()
    return _enrolment(secret, row.address) if row else None


def pending(session: Session, keys: Keys, account_id: UUID) -> Enrolment | None:
    """The secret that `begin` made and nobody has confirmed, to be shown once more after a wrong code."""
    row = session.execute(_ACCOUNT, {"account_id": account_id}).one()
    secret = None if row.is_on else _secret(keys, row)
    return _enrolment(secret, row.address) if secret else None


def _enrolment(secret: str, address: str) -> Enrolment:
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=address, issuer_name=ISSUER))


def _secret(keys: Keys, row: Any) -> str | None:
    if row.totp_secret is None:
        return None
    opened = keys.unseal(row.totp_secret)
    if opened is None:
        log.error("second_factor_unreadable", account=str(row.id), hint="is a key missing in security.keys?")
    return opened.decode() if opened is not None else None


_CONFIRM = text(
    "UPDATE account SET totp_since = :now, totp_step = :step"
    " WHERE id = :account_id AND totp_since IS NULL AND totp_secret = :sealed"
)


def confirm(session: Session, now: datetime, keys: Keys, account_id: UUID, code: str) -> RecoveryCodes | None:
    """Put the second factor in force, if `code` is one of the secret that waits; gives its recovery codes."""
    row = session.execute(_ACCOUNT, {"account_id": account_id}).one()
    secret = None if row.is_on else _secret(keys, row)
    step = _fitting_step(secret, now, _typed(code), None) if secret else None
    if step is None:
        return None
    parameters = {"account_id": account_id, "now": now, "step": step, "sealed": row.totp_secret}
    if not session.execute(_CONFIRM, parameters).rowcount:  # type: ignore[attr-defined]
        return None  # another page was quicker, or has begun anew
    return renew_codes(session, keys, account_id)


def _typed(code: str) -> str:
    """A code as it was meant: without what people put between its groups, in small letters, and plain figures."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", code[:100])).lower()


def _fitting_step(secret: str, now: datetime, typed: str, used: int | None) -> int | None:
    totp = pyotp.TOTP(secret)
    present = totp.timecode(now)
    given = typed.encode("utf-8", "surrogatepass")
    # all are tried, whichever fits, so that the time tells nothing
    fits = [
        present + offset
        for offset in WINDOW
        if hmac.compare_digest(totp.generate_otp(present + offset).encode(), given)
    ]
    return max((step for step in fits if used is None or step > used), default=None)


_UNUSED = text(
    "SELECT digest FROM recovery_code WHERE account_id = :account_id AND used_at IS NULL AND digest = ANY(CAST(:digests AS bytea[]))"
)


def find(session: Session, now: datetime, keys: Keys, account_id: UUID, code: str) -> Fit | None:
    """What a typed code fits, if anything: the step of its time, or a recovery code. It is not used by this (`use`)."""
    row = session.execute(_ACCOUNT, {"account_id": account_id}).first()
    if row is None or not row.is_on:
        return None
    typed = _typed(code)
    if len(typed) != _CODE_LENGTH:
        secret = _secret(keys, row)
        step = _fitting_step(secret, now, typed, row.totp_step) if secret else None
        return None if step is None else TimeStep(step)
    digests = keys.macs(_PURPOSE, _recovery_data(account_id, typed))
    found = session.execute(_UNUSED, {"account_id": account_id, "digests": digests}).first()
    return Recovery(found.digest) if found else None


# A step is never taken twice (RFC 6238, 5.2), nor a recovery code: whoever comes second changes no row.
_USE_STEP = text(
    "UPDATE account SET totp_step = :step WHERE id = :account_id AND totp_since IS NOT NULL AND (totp_step IS NULL OR totp_step < :step)"
)
_USE_CODE = text(
    "UPDATE recovery_code SET used_at = :now WHERE account_id = :account_id AND digest = :digest AND used_at IS NULL"
)


def use(session: Session, now: datetime, account_id: UUID, fit: Fit) -> bool:
    """Use up what fitted; False if another was quicker with it."""
    match fit:
        case TimeStep(step):
            done = session.execute(_USE_STEP, {"account_id": account_id, "step": step})
        case Recovery(digest):
            done = session.execute(_USE_CODE, {"account_id": account_id, "digest": digest, "now": now})
    return bool(done.rowcount)  # type: ignore[attr-defined]


def verify(session: Session, now: datetime, keys: Keys, account_id: UUID, code: str) -> bool:
    """Whether `code` is right, and used up by this. Counts no failures: `sign_in.check_code` does."""
    fit = find(session, now, keys, account_id, code)
    return fit is not None and use(session, now, account_id, fit)


_REMOVE = text(
    "UPDATE account SET totp_secret = NULL, totp_since = NULL, totp_step = NULL WHERE id = :account_id"
)
_DROP_CODES = text("DELETE FROM recovery_code WHERE account_id = :account_id")


def remove(session: Session, account_id: UUID) -> None:
    """Do without a second factor from now on. Who asks for it must have shown who they are just now."""
    session.execute(_REMOVE, {"account_id": account_id})
    session.execute(_DROP_CODES, {"account_id": account_id})


_LOCK_ON = text("SELECT id FROM account WHERE id = :account_id AND totp_since IS NOT NULL FOR NO KEY UPDATE")


def renew_codes(session: Session, keys: Keys, account_id: UUID) -> RecoveryCodes | None:
    """New recovery codes in place of all former ones; None if the account has no second factor."""
    if session.execute(_LOCK_ON, {"account_id": account_id}).first() is None:
        return None
    session.execute(_DROP_CODES, {"account_id": account_id})
    made = ["".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH)) for _ in range(HOW_MANY)]
    rows = [
        {"account_id": account_id, "digest": keys.mac(_PURPOSE, _recovery_data(account_id, code))}
        for code in made
    ]
    insert_rows(session, CODES, rows)
    return RecoveryCodes(tuple(_in_groups(code) for code in made))


def _recovery_data(account_id: UUID, typed: str) -> bytes:
    return account_id.bytes + typed.translate(_LOOKS_LIKE).encode("utf-8", "surrogatepass")


def _in_groups(code: str) -> str:
    groups: Sequence[str] = [code[i : i + 4] for i in range(0, len(code), 4)]
    return "-".join(groups)


_STATE = text(
    "SELECT a.totp_since IS NOT NULL AS is_on,"
    " (SELECT count(*) FROM recovery_code c WHERE c.account_id = a.id AND c.used_at IS NULL) AS codes_left"
    " FROM account a WHERE a.id = :account_id"
)


def state(session: Session, account_id: UUID) -> State:
    """Whether the account has a second factor, and how many recovery codes are left."""
    row = session.execute(_STATE, {"account_id": account_id}).one()
    return State(row.is_on, row.codes_left)
