"""The kinds of events, and the status that each tells of."""

from __future__ import annotations

from enum import StrEnum

from messa_platform.messaging.statuses import Status


class EventType(StrEnum):
    """What has happened, as webhooks call it."""

    QUEUED = "message.queued"
    """A text that was to be sent later is on its way."""
    CANCELLED = "message.cancelled"
    UNCONFIRMED = "message.unconfirmed"
    SENT = "message.sent"
    BUFFERED = "message.buffered"
    DELIVERED = "message.delivered"
    UNDELIVERED = "message.undelivered"
    UNSENT = "message.unsent"
    INCOMING = "message.incoming"
    TEST = "webhook.test"
    """Somebody wanted to see whether the endpoint hears us; it is told whatever it wants to hear otherwise."""


TYPES = {
    Status.QUEUED: EventType.QUEUED,
    Status.CANCELLED: EventType.CANCELLED,
    Status.UNCONFIRMED: EventType.UNCONFIRMED,
    Status.SENT: EventType.SENT,
    Status.BUFFERED: EventType.BUFFERED,
    Status.DELIVERED: EventType.DELIVERED,
    Status.UNDELIVERED: EventType.UNDELIVERED,
    Status.UNSENT: EventType.UNSENT,
    Status.INCOMING: EventType.INCOMING,
}
"""The event of each status to which a message can come."""
