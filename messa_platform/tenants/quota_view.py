"""How far the quotas of a group are used, for its admins: the group's own and those above it that limit it, too (spec G2, G6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.tenants.group_settings import MAX_PARTS, Quota, in_force
from messa_platform.tenants.held_settings import on_path
from messa_platform.tenants.places import Place
from messa_platform.tenants.quota import used_by_groups


@dataclass(frozen=True, slots=True)
class Use:
    """A group quota and the parts that count against it now. `is_here`: it is the very group's that is looked at.

    `used` may be more than is allowed, where a limit was lowered.
    """

    quota: Quota
    allowed: int
    used: int
    is_here: bool

    @property
    def left(self) -> int:
        """Parts that may still be sent."""
        return max(0, self.allowed - self.used)


@dataclass(frozen=True, slots=True)
class QuotaView:
    """What limits a group. `uses` go from the group itself upwards, as far as who asks may see; beyond that is only told that something limits.

    `per_account` is what each account of the very group may send, None: as much as it likes. `max_parts`: in one message, by all that may
    be seen. `stops_all`: the tenant's Master group lets nobody send.
    """

    uses: tuple[Use, ...]
    is_limited_above: bool
    per_account: Quota | None
    max_parts: int
    stops_all: bool


def quota_view(session: Session, now: datetime, path: Sequence[Place], authority: Place) -> QuotaView:
    """The quotas of the last group of `path` for an admin of `authority`, which stands on it; at most two statements."""
    settings = in_force(path[-1].tenant_id, on_path(session, path).nodes())
    seen = {place.id for place in path[path.index(authority) :]}
    shown = [q for q in settings.group_quotas if q.group_id in seen]
    hidden = [q for q in settings.group_quotas if q.group_id not in seen]
    per_account = settings.account_quota
    return QuotaView(
        uses=_uses(session, now, shown, path[-1].id),
        is_limited_above=any(q.sms is not None or q.max_parts < MAX_PARTS for q in hidden),
        per_account=per_account,
        max_parts=min(
            (q.max_parts for q in [*shown, *([per_account] if per_account else [])]), default=MAX_PARTS
        ),
        stops_all=any(q.sms == 0 and q.group_id == path[0].id for q in shown),
    )


def _uses(session: Session, now: datetime, quotas: Sequence[Quota], here: UUID) -> tuple[Use, ...]:
    limited = [(quota, quota.sms) for quota in quotas if quota.sms is not None]
    used = used_by_groups(session, now, [quota for quota, _ in limited])
    return tuple(Use(q, allowed, used[q.group_id], q.group_id == here) for q, allowed in limited)
