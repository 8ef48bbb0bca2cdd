"""What the owner of an account sees and changes of it (spec U1, U4): SMS left and until when, sender id, mobile, language, signature.

An account sees the figures of its own limits and of its own group's. What lies above is "an overlying group": that it limits is told, and
that it has nothing left or less than the account's own, but no figure and no name (spec G2).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.core.i18n import LANGUAGES
from messa_platform.tenants import quota
from messa_platform.tenants.models import Lock
from messa_platform.tenants.quota import Kind, Left
from messa_platform.tenants.senders import Sender, senders

MAX_NAME = 100
"""Characters in a display name at the most."""

MAX_SIGNATURE = 120
"""Characters in a signature at the most: even one in UCS-2 leaves room for a text in two parts."""


class Holder(StrEnum):
    """Whose limit it is."""

    ACCOUNT = "account"
    GROUP = "group"
    OVERLYING = "overlying"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit on what the account sends, in parts. `allowed` 0: not allowed to send at all.

    `left` and `allowed` are None where the account may not see them. `window_days` None: in all. `renews_at` is when the window lets go of
    what was sent longest ago; None without a window or where nothing was sent in it. `is_empty`: nothing is left. `is_least`: the first of
    those with the least left, which strikes first.
    """

    holder: Holder
    left: int | None
    allowed: int | None
    window_days: int | None
    renews_at: datetime | None
    is_empty: bool
    is_least: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """The signature in force, and the group's. `may_change`: the lock lets the account have its own (spec G8).

    `group_name` is of the group that has set it: "" if none has, None if it is an overlying one.
    """

    text: str
    of_group: str
    may_change: bool
    group_name: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What the account page shows. `organisation` None: the account belongs to none. `language` None: the tenant's.

    `mobile` is the owner's own, E.164.
    """

    sender: Sender
    organisation: str | None
    tenant_language: str
    language: str | None
    mobile: str | None
    signature: Signature
    limits: tuple[Limit, ...]

    @property
    def sms_left(self) -> int | None:
        """The least that is left under the limits whose figures are shown, 0 where any stops it all; None: none of them limits."""
        if not self.may_send:
            return 0
        return min((limit.left for limit in self.limits if limit.left is not None), default=None)

    @property
    def is_held_back(self) -> bool:
        """Whether a limit whose figures are not shown strikes before those that are."""
        return any(limit.is_least and limit.left is None for limit in self.limits)

    @property
    def may_send(self) -> bool:
        """Whether something is left under every limit."""
        return not any(limit.is_empty for limit in self.limits)


# The account, and the nearest group of its path that has set a signature.
_ACCOUNT = text(
    "SELECT a.language, a.mobile, t.name AS tenant_name, t.is_free,"
    " t.language AS tenant_language, s.id AS signature_group, s.name AS signature_group_name"
    ' FROM account a JOIN tenant t ON t.id = a.tenant_id JOIN "group" g ON g.id = a.group_id'
    ' LEFT JOIN LATERAL (SELECT above.id, above.name FROM "group" above JOIN group_setting w ON w.group_id = above.id'
    " WHERE above.path @> g.path AND w.key = 'signature' ORDER BY nlevel(above.path) DESC LIMIT 1) s ON true"
    " WHERE a.id = :id"
)

_OLDEST = text(
    "SELECT w.scope_id, min(u.bucket) FROM unnest(CAST(:ids AS uuid[]), CAST(:since AS timestamptz[])) AS w (scope_id, since)"
    " JOIN quota_usage u ON u.scope_id = w.scope_id AND u.bucket >= w.since AND u.parts > 0 GROUP BY w.scope_id"
)


def profile(session: Session, now: datetime, account_id: UUID) -> Profile:
    """What an account's own page shows of it, in the same few statements whatever has been sent. Raises KeyError if there is none."""
    sender = senders(session, [account_id])[account_id]
    row = session.execute(_ACCOUNT, {"id": account_id}).one()
    is_own = row.signature_group == sender.settings.group_id
    return Profile(
        sender=sender,
        organisation=None if row.is_free else row.tenant_name,
        tenant_language=row.tenant_language,
        language=row.language,
        mobile=row.mobile,
        signature=Signature(
            text=sender.signature,
            of_group=sender.settings.signature,
            may_change=sender.settings.signature_lock is Lock.ALL,
            group_name="" if row.signature_group is None else row.signature_group_name if is_own else None,
        ),
        limits=_limits(session, now, sender),
    )


_HAS_PASSWORD = text("SELECT password_hash IS NOT NULL FROM account WHERE id = :id")


def has_password(session: Session, account_id: UUID) -> bool:
    """Whether a password was ever chosen; who signs in through an organisation's own sign-in may have none."""
    return bool(session.execute(_HAS_PASSWORD, {"id": account_id}).scalar_one())


def _limits(session: Session, now: datetime, sender: Sender) -> tuple[Limit, ...]:
    held = quota.left(session, now, sender.account_id, sender.tenant_since, sender.settings)
    renews = _renewals(session, now, sender, held)
    least = min(range(len(held)), key=lambda i: held[i].sms, default=None)
    return tuple(
        _limit(sender, left, renews.get(_scope_of(sender, left)), index == least)
        for index, left in enumerate(held)
    )


def _limit(sender: Sender, left: Left, renews_at: datetime | None, is_least: bool) -> Limit:
    holder = _holder(sender, left)
    is_shown = holder is not Holder.OVERLYING
    return Limit(
        holder=holder,
        left=left.sms if is_shown else None,
        allowed=left.quota.sms if is_shown else None,
        window_days=left.quota.window_days if is_shown else None,
        renews_at=renews_at if is_shown else None,
        is_empty=left.sms == 0,
        is_least=is_least,
    )


def _holder(sender: Sender, left: Left) -> Holder:
    # what each account may send is the account's own figure, even where an overlying group has set it
    if left.kind is Kind.PERSONAL:
        return Holder.ACCOUNT
    return Holder.GROUP if left.quota.group_id == sender.settings.group_id else Holder.OVERLYING


def _scope_of(sender: Sender, left: Left) -> UUID:
    return sender.account_id if left.kind is Kind.PERSONAL else left.quota.group_id


def _renewals(session: Session, now: datetime, sender: Sender, held: Sequence[Left]) -> dict[UUID, datetime]:
    """When each window next lets go of something: as many days after the day of the oldest parts in it as it is long (spec G6)."""
    days = {_scope_of(sender, left): left.quota.window_days for left in held}
    windows = {scope: n for scope, n in days.items() if n is not None}
    if not windows:
        return {}
    today = stockholm_day(now)
    since = [start_of_stockholm_day(today - timedelta(days=n - 1)) for n in windows.values()]
    oldest = session.execute(_OLDEST, {"ids": list(windows), "since": since})
    return {
        scope: start_of_stockholm_day(stockholm_day(bucket) + timedelta(days=windows[scope]))
        for scope, bucket in oldest
    }


@dataclass(frozen=True, slots=True)
class Wish:
    """What an owner wants the account to be. `language` None: the tenant's. `signature` None: leave it as it is. `mobile` is E.164."""

    display_name: str
    language: str | None
    mobile: str | None
    signature: str | None


class Fault(StrEnum):
    """Why a value cannot be."""

    TOO_LONG = "too_long"
    UNKNOWN_LANGUAGE = "unknown_language"
    NOT_A_NUMBER = "not_a_number"
    LOCKED = "locked"


_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
_UPDATE = text(
    "UPDATE account SET display_name = :display_name, language = :language, mobile = :mobile, signature = :signature,"
    " version = version + 1 WHERE id = :id"
)


def save(session: Session, held: Profile, wish: Wish) -> dict[str, Fault]:
    """Make the account what its owner wants it to be; gives the fields that cannot be, and then nothing is changed.

    Blanks and line breaks become single spaces, control characters go. A signature that is the group's own text follows the group from
    then on; an empty one, where the group has one, means none at all.
    """
    name, signature = _one_line(wish.display_name), wish.signature
    own = held.sender.own_signature
    faults = {}
    if len(name) > MAX_NAME:
        faults["display_name"] = Fault.TOO_LONG
    if wish.language is not None and wish.language not in LANGUAGES:
        faults["language"] = Fault.UNKNOWN_LANGUAGE
    if wish.mobile is not None and not _E164.fullmatch(wish.mobile):
        faults["mobile"] = Fault.NOT_A_NUMBER
    if signature is not None:
        signature = _one_line(signature)
        own = None if signature == held.signature.of_group else signature
        if not held.signature.may_change:
            faults["signature"] = Fault.LOCKED
        elif len(signature) > MAX_SIGNATURE:
            faults["signature"] = Fault.TOO_LONG
    if not faults:
        values = {
            "display_name": name,
            "language": wish.language,
            "mobile": wish.mobile,
            "signature": own,
            "id": held.sender.account_id,
        }
        session.execute(_UPDATE, values)
    return faults


def _one_line(written: str) -> str:
    # emoji need their joiners, which are no printable characters either; a control character or half a surrogate pair nobody needs
    kept = "".join(c for c in " ".join(written.split()) if unicodedata.category(c) not in ("Cc", "Cs"))
    return kept.strip()
