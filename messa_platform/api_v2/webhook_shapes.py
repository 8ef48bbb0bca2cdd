"""The shapes of webhooks and of what they were told."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, a_time, an_id, field, one_of
from messa_platform.core.work import WorkState
from messa_platform.messaging.outward.endpoints import LONGEST_DESCRIPTION, LONGEST_URL
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import DisabledWhy, EndpointState

LONGEST_OVERLAP_HOURS = 90 * 24

CHOICES = [kind.value for kind in EventType if kind is not EventType.TEST]

_URL = field(
    "string",
    "Where events are posted: a public server, by https.",
    "https://drift.example/messa",
    maxlength=LONGEST_URL,
    regex=r"https://[!-~]+",
)
_DESCRIPTION = field(
    "string", "For people.", "Driftens larmserver", maxlength=LONGEST_DESCRIPTION, check_with="storable"
)
_TYPES = field(
    "list",
    "What it is told of; empty: everything.",
    ["message.delivered", "message.incoming"],
    maxlength=len(CHOICES),
    schema={"type": "string", "allowed": CHOICES},
)

CREATE = Shape(
    "CreateWebhook",
    {
        "url": {**_URL, **MUST},
        "description": _DESCRIPTION,
        "event_types": _TYPES,
        "group_id": an_id("The group that it hears of, with all below it; without, the key's own."),
    },
    "A webhook that is wanted.",
    {"url": "https://drift.example/messa", "event_types": ["message.delivered", "message.incoming"]},
)
CHANGE = Shape(
    "ChangeWebhook",
    {
        "url": _URL,
        "description": _DESCRIPTION,
        "event_types": _TYPES,
        "enabled": field("boolean", "False: it is told nothing until this is true again."),
    },
    "What is to be different; what is left out stays.",
    {"event_types": ["message.incoming"]},
)
ROTATE = Shape(
    "RotateWebhookSecret",
    {
        "overlap_hours": field(
            "integer",
            "For how long the old secret signs as well.",
            24,
            min=0,
            max=LONGEST_OVERLAP_HOURS,
            default=24,
        )
    },
    "How a secret is rotated.",
    {"overlap_hours": 24},
)
_WEBHOOK: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "group_id": an_id("The group that it hears of, with all below it.", **MUST),
    "url": {**_URL, **MUST},
    "description": {**_DESCRIPTION, **MUST},
    "event_types": {**_TYPES, **MUST},
    "state": one_of(EndpointState, "Whether it is told at all.", **MUST),
    "disabled_why": one_of(
        DisabledWhy,
        "`gone`: it answered 410; `failing`: it took nothing for days; `admin`: somebody turned it off.",
        **MAYBE,
    ),
    "failing_since": a_time("Since when it has taken nothing.", **MAYBE),
    "old_secret_until": a_time("Until then two secrets sign.", **MAYBE),
    "created_at": a_time("When it was made.", **MUST),
}
WEBHOOK = Shape("Webhook", _WEBHOOK, "A webhook, told by the Standard Webhooks convention.")
WITH_SECRET = Shape(
    "WebhookWithSecret",
    {
        **_WEBHOOK,
        "secret": field(
            "string",
            "What signs its events; told this once.",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            **MUST,
        ),
    },
    "A webhook and its new secret.",
)
WEBHOOKS = a_list("Webhooks", _WEBHOOK, "The webhooks right in a group, oldest first.")
_DELIVERY: dict[str, Any] = {
    "id": an_id("Its id, and the `webhook-id` of each try.", **MUST),
    "webhook_id": an_id("The webhook that it is for.", **MUST),
    "type": one_of(EventType, "What has happened.", **MUST),
    "message_id": an_id("Of which message; null for a test.", **MAYBE),
    "at": a_time("When it happened.", **MUST),
    "state": one_of(
        WorkState, "`ready`: waits; `leased`: on its way; `done`: taken; `parked`: given up.", **MUST
    ),
    "attempts": field("integer", "How often it was tried.", 1, **MUST),
    "last_attempt_at": a_time("When it was tried last.", **MAYBE),
    "last_http_status": field("integer", "What the webhook answered then.", 204, **MAYBE),
    "last_fault": field("string", "Why there was no answer.", "too_slow", **MAYBE),
}
DELIVERY = Shape("Delivery", _DELIVERY, "An event on its way to a webhook, or there.")
DELIVERIES = a_list("Deliveries", _DELIVERY, "What a webhook was told, the newest first.")
