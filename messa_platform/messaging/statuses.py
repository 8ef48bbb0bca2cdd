"""The states of a message: one list of words (spec S6) and one table of the ways between them (spec S7)."""

from __future__ import annotations

from enum import StrEnum


class Direction(StrEnum):
    """Whether a message left us or came to us."""

    OUT = "out"
    IN = "in"


class Status(StrEnum):
    """The status words, spelt as in logs, APIs and exports. The four last are completed by the name of the group whose rule struck."""

    SCHEDULED = "SCHEDULED"
    CANCELLED = "CANCELLED"
    QUEUED = "QUEUED"
    UNCONFIRMED = "UNCONFIRMED"
    SENT = "SENT"
    BUFFERED = "BUFFERED"
    DELIVERED = "DELIVERED"
    UNDELIVERED = "UNDELIVERED"
    UNSENT = "UNSENT"
    INCOMING = "INCOMING"
    NO_ROUTE = "no_route"
    DESTINATION_NOT_ALLOWED = "destination_not_allowed"
    TENANT_SUSPENDED = "tenant_suspended"
    ALREADY_SENT = "sms_already_sent_24H"
    TOO_MANY_PARTS = "too_many_parts"
    SENDER_NOT_VERIFIED = "sender_not_verified"
    INVALID_NUMBER = "invalid_number"
    BLOCKED = "blocked"
    NOT_ALLOWED_PERSONAL = "Personal"
    NOT_ALLOWED_GROUP = "Group"
    USED_UP_PERSONAL = "no_sms_left:Personal"
    USED_UP_GROUP = "no_sms_left:Group"


NAMES_GROUP = frozenset(
    {Status.NOT_ALLOWED_PERSONAL, Status.NOT_ALLOWED_GROUP, Status.USED_UP_PERSONAL, Status.USED_UP_GROUP}
)

NEXT: dict[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset({Status.QUEUED, Status.CANCELLED}),
    Status.QUEUED: frozenset(
        {
            Status.UNCONFIRMED,
            Status.SENT,
            Status.BUFFERED,
            Status.DELIVERED,
            Status.UNDELIVERED,
            Status.UNSENT,
        }
    ),
    Status.UNCONFIRMED: frozenset({Status.SENT, Status.BUFFERED, Status.DELIVERED, Status.UNDELIVERED}),
    Status.SENT: frozenset({Status.BUFFERED, Status.DELIVERED, Status.UNDELIVERED}),
    Status.BUFFERED: frozenset({Status.DELIVERED, Status.UNDELIVERED}),
}
"""Where a status may go; a status that is no key here is final. What is skipped (a receipt that overtakes another) counts as passed."""

FINAL = frozenset(Status) - NEXT.keys()


def may_follow(old: Status, new: Status) -> bool:
    """Whether a message may go from `old` to `new`; a repeated or late word may not, and changes nothing."""
    return new in NEXT.get(old, frozenset())


def status_word(status: Status, group_name: str | None) -> str:
    """The status as it is shown: `no_sms_left:Group:Skolan`. `group_name` is of the group whose rule struck."""
    return f"{status}:{group_name or ''}" if status in NAMES_GROUP else status.value
