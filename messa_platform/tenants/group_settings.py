"""The settings of groups: which there are, what they may hold, and the value in force by inheritance.

A group either has a setting *set here* (a row) or inherits it from the nearest group above that has it; Master is the last fallback and the
platform's default lies under it (spec G2). The group quota is the exception: it is not inherited but adds up, every group of the path
that has one limits what is sent below (spec G6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from messa_platform.tenants.models import Lock

MAX_PARTS = 9
"""Parts in one message at the most (spec S2, G6)."""

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
    """What holds for accounts of one group. `group_quotas` go from the group itself up to Master."""

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


def in_force(tenant_id: UUID, path: Sequence[GroupNode]) -> InForce:
    """The settings in force for the last group of `path`, which goes from Master down to it."""
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
    )


def signature_for(settings: InForce, own: str | None) -> str:
    """The signature of an account: its own where the group lets all change it (an empty one removes it), else the group's (spec G8, U4)."""
    return settings.signature if own is None or settings.signature_lock is not Lock.ALL else own
