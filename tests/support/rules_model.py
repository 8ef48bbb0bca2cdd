"""The rules of settings, locks and quotas (spec G2, G3, G6), written down once more as plainly as they can be said: nothing is quick, nothing is
stored twice, and every text that was ever sent is counted anew. What the platform answers has to equal what this answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from messa_platform.core.clock import STOCKHOLM
from messa_platform.tenants.group_settings import DEFAULTS, Key
from messa_platform.tenants.models import Lock
from messa_platform.tenants.quota import Kind


@dataclass(frozen=True)
class Row:
    """What a group has set itself: by an admin of the group `authority`, at `at`."""

    value: Any
    lock: Lock
    authority: UUID
    at: datetime


@dataclass
class Sent:
    """A text that went: from whom, the groups that it counted for, its parts, and when."""

    account: UUID
    groups: list[UUID]
    parts: int
    at: datetime


Blow = tuple[Kind, bool, UUID]
"""What strikes: which kind of limit, whether it is used up (or else forbids), and the group that has set it."""


@dataclass
class Rules:
    """A tree (each group's parent), what its groups have set, where each account is, since when it is in the tenant, and all that was sent.

    Who moves in the tree, or is removed and comes back, has been in the tenant all the while.
    """

    parent: dict[UUID, UUID | None] = field(default_factory=dict)
    own: dict[tuple[UUID, Key], Row] = field(default_factory=dict)
    home: dict[UUID, UUID] = field(default_factory=dict)
    came: dict[UUID, datetime] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def way_up(self, group: UUID) -> list[UUID]:
        """The group, its parent, and so on to Master."""
        above = self.parent[group]
        return [group] if above is None else [group, *self.way_up(above)]

    def rows(self, group: UUID, key: Key) -> list[tuple[UUID, Row]]:
        """The groups on the way up that have set it themselves, nearest first."""
        return [(g, self.own[g, key]) for g in self.way_up(group) if (g, key) in self.own]

    def value(self, group: UUID, key: Key) -> Any:
        """G2: the nearest one's; the platform's default if nobody has set it."""
        return next((row.value for _, row in self.rows(group, key)), DEFAULTS[key])

    def may_change(self, admin_of: UUID, group: UUID, key: Key) -> bool:
        """G3, G10: what stands at or below the own group, unless an admin of a group above that has locked it here or higher up."""
        above_the_admin = self.way_up(admin_of)[1:]
        locks = [row for _, row in self.rows(group, key) if row.lock is Lock.LOCKED]
        return admin_of in self.way_up(group) and not any(r.authority in above_the_admin for r in locks)

    def limits(self, group: UUID) -> list[tuple[Kind, UUID, Row]]:
        """G6: the nearest limit on each account, then every group's own on the way up."""
        personal = [(Kind.PERSONAL, *found) for found in self.rows(group, Key.ACCOUNT_QUOTA)[:1]]
        groups = [(Kind.GROUP, *found) for found in self.rows(group, Key.GROUP_QUOTA)]
        return [(kind, g, row) for kind, g, row in personal + groups if row.value is not None]

    def max_parts(self, group: UUID) -> int:
        """G6: parts in one message: the least of all the limits; 9 at most."""
        parts: list[int] = [row.value["max_parts"] for _, _, row in self.limits(group)]
        return min([9, *parts])

    def used(self, account: UUID, limit: tuple[Kind, UUID, Row], now: datetime) -> int:
        """G6: a window is today and the days before, by Stockholm's calendar; without one it counts since the limit was set.

        What an account sent in another tenant, before it came, is nothing to a limit of this one.
        """
        kind, group, row = limit
        days = row.value["window_days"]
        since = max(row.at, self.came[account]) if kind is Kind.PERSONAL else row.at
        theirs = [
            s for s in self.sent if (s.account == account if kind is Kind.PERSONAL else group in s.groups)
        ]
        counted = [s for s in theirs if (s.at >= since if days is None else _days_ago(s.at, now) < days)]
        return sum(s.parts for s in counted)

    def send(self, account: UUID, parts: int, now: datetime) -> Blow | None:
        """G6, G7: all parts or none; the first limit that strikes decides. None: it went."""
        group = self.home[account]
        for kind, of_group, row in self.limits(group):
            sms = row.value["sms"]
            if sms == 0:
                return kind, False, of_group
            if sms is not None and self.used(account, (kind, of_group, row), now) + parts > sms:
                return kind, True, of_group
        self.sent.append(Sent(account, self.way_up(group), parts, now))
        return None


def _days_ago(at: datetime, now: datetime) -> int:
    return (now.astimezone(STOCKHOLM).date() - at.astimezone(STOCKHOLM).date()).days
