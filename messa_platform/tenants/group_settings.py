"""The settings of groups: which there are, what they may hold, and the value in force by inheritance.

A group either has a setting *set here* (a row) or inherits it from the nearest group above that has it; Master is the last fallback and the
platform's default lies under it (spec G2). The group quota is the exception: it is not inherited but adds up, every group of the path
that has one limits what is sent below (spec G6).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from messa_platform.tenants.models import Lock

MAX_PARTS = 9
"""Parts in one message at the most (spec S2, G6)."""
MOST_SMS = 100_000_000
"""The largest number that a quota may have."""
MOST_DAYS = 366
"""The longest window of a quota."""
MAX_SENDER_NAME = 11
"""Characters in a sender name at the most (spec G9; 3GPP TS 23.040 9.1.2.5: ten octets of septets)."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Key(StrEnum):
    """Each setting's name, in the database and in the API."""

    COUNTRY_CODE = "country_code"
    MAY_RECEIVE = "may_receive"
    SENDER_NAME = "sender_name"
    SMART_CHARACTERS = "smart_characters"
    TOO_LONG = "too_long"
    SIGNATURE = "signature"
    GROUP_QUOTA = "group_quota"
    ACCOUNT_QUOTA = "account_quota"


class TooLong(StrEnum):
    """What happens to a text with more parts than allowed (spec S4)."""

    REFUSE = "refuse"
    CUT = "cut"


DEFAULTS: Mapping[Key, Any] = {
    Key.COUNTRY_CODE: "46",
    Key.MAY_RECEIVE: False,
    Key.SENDER_NAME: "messa",
    Key.SMART_CHARACTERS: True,
    Key.TOO_LONG: TooLong.REFUSE.value,
    Key.SIGNATURE: "",
    Key.GROUP_QUOTA: None,
    Key.ACCOUNT_QUOTA: None,
}

QUOTAS = frozenset({Key.GROUP_QUOTA, Key.ACCOUNT_QUOTA})
NO_LIMIT: Mapping[str, int | None] = {"sms": None, "window_days": None, "max_parts": MAX_PARTS}
"""A quota that limits nothing."""

_NON_GEOGRAPHIC = ("001",)
COUNTRY_CODES = frozenset(
    str(code) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions != _NON_GEOGRAPHIC
)
"""What a country code may be."""
# The letters of GSM 03.38's basic table; those of its extension table are none.
_LETTERS = "A-Za-zÅÄÖåäöÆæØøÉéÑñÜüßÇàèìòùΔΦΓΛΩΠΨΣΘΞ"
# Each part is bounded, so that no long text takes long to refuse.
_SOME = f"[{_LETTERS}0-9 ]{{0,{MAX_SENDER_NAME - 2}}}"
SENDER_NAME = f"([{_LETTERS}]|[0-9]{_SOME}[{_LETTERS}])({_SOME}[{_LETTERS}0-9])?"
"""What a sender name is, besides its length: letters, digits and spaces, at least one letter, no space at either end."""
_SENDER_NAME = re.compile(SENDER_NAME)


def fits(key: Key, value: Any) -> bool:
    """Whether a setting may have this value (spec G4-G9). How long a signature may be is said where it is set."""
    match key:
        case Key.COUNTRY_CODE:
            return value in COUNTRY_CODES
        case Key.MAY_RECEIVE | Key.SMART_CHARACTERS:
            return isinstance(value, bool)
        case Key.TOO_LONG:
            return value in set(TooLong)
        case Key.SENDER_NAME:
            return _is_sender_name(value)
        case Key.SIGNATURE:
            return isinstance(value, str) and value == one_line(value)
        case Key.GROUP_QUOTA | Key.ACCOUNT_QUOTA:
            return _is_quota(value)


def _is_sender_name(value: Any) -> bool:
    return (
        isinstance(value, str) and len(value) <= MAX_SENDER_NAME and _SENDER_NAME.fullmatch(value) is not None
    )


def one_line(written: str) -> str:
    """What is written, on one line: blanks and line breaks become single spaces, control characters and halves of surrogate pairs go."""
    kept = (c for c in written if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs"))
    return " ".join("".join(kept).split())


def _is_quota(value: Any) -> bool:
    if not isinstance(value, Mapping) or value.keys() != NO_LIMIT.keys():
        return False
    return (
        _is_number(value["max_parts"], 1, MAX_PARTS)
        and (value["sms"] is None or _is_number(value["sms"], 0, MOST_SMS))
        and (value["window_days"] is None or _is_number(value["window_days"], 1, MOST_DAYS))
    )


def _is_number(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def fits_lock(key: Key, lock: Lock) -> bool:
    """Whether a setting may have this lock: only a signature may be everybody's to change (spec G8)."""
    return lock is not Lock.ALL or key is Key.SIGNATURE


@dataclass(frozen=True, slots=True)
class GroupNode:
    """A group of the path, with what it has set itself: `own[key]` is (value, lock, set at)."""

    id: UUID
    name: str
    own: Mapping[Key, tuple[Any, Lock, datetime]]


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit in force. `sms`: parts allowed (None: unlimited, 0: not allowed to send); `window_days`: None counts since `since`.

    `group_id` and `group_name` are of the group that set it: the one whose rule struck.
    """

    group_id: UUID
    group_name: str
    sms: int | None
    window_days: int | None
    max_parts: int
    since: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds for accounts of one group. `group_quotas` go from the group itself up to Master.

    `accounts_cut` is when a limit on each account was last set that may come to hold here: by a group of the path, or by any of the tenant,
    since groups move. What an account sent before and after it must be told apart for good (`quota`).
    """

    tenant_id: UUID
    group_id: UUID
    group_name: str
    path: tuple[UUID, ...]
    country_code: str
    may_receive: bool
    sender_name: str
    smart_characters: bool
    too_long: TooLong
    signature: str
    signature_lock: Lock
    group_quotas: tuple[Quota, ...]
    account_quota: Quota | None
    accounts_cut: datetime = LONG_AGO

    @property
    def max_parts(self) -> int:
        """Parts allowed in one message: the least of every limit that applies."""
        quotas = [*self.group_quotas, *([self.account_quota] if self.account_quota else [])]
        return min((q.max_parts for q in quotas), default=MAX_PARTS)


T = TypeVar("T")


def _nearest(path: Sequence[GroupNode], key: Key) -> tuple[GroupNode, tuple[Any, Lock, datetime]] | None:
    for node in reversed(path):
        if key in node.own:
            return node, node.own[key]
    return None


def _value(path: Sequence[GroupNode], key: Key) -> Any:
    found = _nearest(path, key)
    return DEFAULTS[key] if found is None else found[1][0]


def _set_at(path: Sequence[GroupNode], key: Key) -> list[datetime]:
    return [node.own[key][2] for node in path if key in node.own]


def _quota(node: GroupNode, held: tuple[Any, Lock, datetime]) -> Quota | None:
    value, _, set_at = held
    if value is None:
        return None
    return Quota(
        group_id=node.id,
        group_name=node.name,
        sms=value.get("sms"),
        window_days=value.get("window_days"),
        max_parts=value.get("max_parts") or MAX_PARTS,
        since=set_at,
    )


def in_force(tenant_id: UUID, path: Sequence[GroupNode], cut: datetime | None = None) -> InForce:
    """The settings in force for the last group of `path`, which goes from Master down to it.

    `cut` is when any group of the tenant last set a limit on each account; None: those of the path are all that matter.
    """
    signature = _nearest(path, Key.SIGNATURE)
    account_quota = _nearest(path, Key.ACCOUNT_QUOTA)
    group_quotas = (_quota(n, n.own[Key.GROUP_QUOTA]) for n in reversed(path) if Key.GROUP_QUOTA in n.own)
    return InForce(
        tenant_id=tenant_id,
        group_id=path[-1].id,
        group_name=path[-1].name,
        path=tuple(node.id for node in path),
        country_code=_value(path, Key.COUNTRY_CODE),
        may_receive=_value(path, Key.MAY_RECEIVE),
        sender_name=_value(path, Key.SENDER_NAME),
        smart_characters=_value(path, Key.SMART_CHARACTERS),
        too_long=TooLong(_value(path, Key.TOO_LONG)),
        signature=signature[1][0] if signature else DEFAULTS[Key.SIGNATURE],
        # nothing set anywhere: the account's own signature is its own affair
        signature_lock=signature[1][1] if signature else Lock.ALL,
        group_quotas=tuple(q for q in group_quotas if q is not None),
        account_quota=_quota(*account_quota) if account_quota else None,
        accounts_cut=max([cut or LONG_AGO, *_set_at(path, Key.ACCOUNT_QUOTA)]),
    )


def signature_for(settings: InForce, own: str | None) -> str:
    """The signature of an account: its own where the group lets all change it (an empty one removes it), else the group's (spec G8, U4)."""
    return settings.signature if own is None or settings.signature_lock is not Lock.ALL else own
