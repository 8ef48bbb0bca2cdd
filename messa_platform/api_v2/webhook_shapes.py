"""The shapes of webhooks and of what they were told."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.message_shapes import a_list, a_time, an_id
from messa_platform.api_v2.operations import Shape
from messa_platform.core.work import WorkState
from messa_platform.messaging.outward.endpoints import LONGEST_DESCRIPTION
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import DisabledWhy, EndpointState

LONGEST_URL = 1_000
LONGEST_OVERLAP_HOURS = 90 * 24

CHOICES = [kind.value for kind in EventType if kind is not EventType.TEST]

_URL = {
    "type": "string",
    "maxlength": LONGEST_URL,
    "regex": r"https://[!-~]+",
    "meta": {
        "description": "Where events are posted: a public server, by https.",
        "example": "https://drift.example/messa",
    },
}
_DESCRIPTION = {
    "type": "string",
    "maxlength": LONGEST_DESCRIPTION,
    "check_with": "storable",
    "meta": {"description": "For people.", "example": "Driftens larmserver"},
}
_TYPES = {
    "type": "list",
    "maxlength": len(CHOICES),
    "schema": {"type": "string", "allowed": CHOICES},
    "meta": {
        "description": "What it is told of; empty: everything.",
        "example": ["message.delivered", "message.incoming"],
    },
}

CREATE = Shape(
    "CreateWebhook",
    {
        "url": {**_URL, "required": True},
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
        "enabled": {
            "type": "boolean",
            "meta": {"description": "False: it is told nothing until this is true again."},
        },
    },
    "What is to be different; what is left out stays.",
    {"event_types": ["message.incoming"]},
)
ROTATE = Shape(
    "RotateWebhookSecret",
    {
        "overlap_hours": {
            "type": "integer",
            "min": 0,
            "max": LONGEST_OVERLAP_HOURS,
            "default": 24,
            "meta": {"description": "For how long the old secret signs as well.", "example": 24},
        }
    },
    "How a secret is rotated.",
    {"overlap_hours": 24},
)
_WEBHOOK: dict[str, Any] = {
    "id": an_id("Its id.", required=True),
    "group_id": an_id("The group that it hears of, with all below it.", required=True),
    "url": {**_URL, "required": True},
    "description": {**_DESCRIPTION, "required": True},
    "event_types": {**_TYPES, "required": True},
    "state": {
        "type": "string",
        "required": True,
        "allowed": [s.value for s in EndpointState],
        "meta": {"description": "Whether it is told at all."},
    },
    "disabled_why": {
        "type": "string",
        "required": True,
        "nullable": True,
        "allowed": [w.value for w in DisabledWhy],
        "meta": {
            "description": "`gone`: it answered 410; `failing`: it took nothing for days; `admin`: somebody turned it off."
        },
    },
    "failing_since": a_time("Since when it has taken nothing.", required=True, nullable=True),
    "old_secret_until": a_time("Until then two secrets sign.", required=True, nullable=True),
    "created_at": a_time("When it was made.", required=True),
}
WEBHOOK = Shape("Webhook", _WEBHOOK, "A webhook, told by the Standard Webhooks convention.")
WITH_SECRET = Shape(
    "WebhookWithSecret",
    {
        **_WEBHOOK,
        "secret": {
            "type": "string",
            "required": True,
            "meta": {
                "description": "What signs its events; told this once.",
                "example": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            },
        },
    },
    "A webhook and its new secret.",
)
WEBHOOKS = a_list("Webhooks", _WEBHOOK, "The webhooks right in a group, oldest first.")
_DELIVERY: dict[str, Any] = {
    "id": an_id("Its id, and the `webhook-id` of each try.", required=True),
    "webhook_id": an_id("The webhook that it is for.", required=True),
    "type": {
        "type": "string",
        "required": True,
        "allowed": [k.value for k in EventType],
        "meta": {"description": "What has happened."},
    },
    "message_id": an_id("Of which message; null for a test.", required=True, nullable=True),
    "at": a_time("When it happened.", required=True),
    "state": {
        "type": "string",
        "required": True,
        "allowed": [s.value for s in WorkState],
        "meta": {"description": "`ready`: waits; `leased`: on its way; `done`: taken; `parked`: given up."},
    },
    "attempts": {
        "type": "integer",
        "required": True,
        "meta": {"description": "How often it was tried.", "example": 1},
    },
    "last_attempt_at": a_time("When it was tried last.", required=True, nullable=True),
    "last_http_status": {
        "type": "integer",
        "required": True,
        "nullable": True,
        "meta": {"description": "What the webhook answered then.", "example": 204},
    },
    "last_fault": {
        "type": "string",
        "required": True,
        "nullable": True,
        "meta": {"description": "Why there was no answer.", "example": "too_slow"},
    },
}
DELIVERY = Shape("Delivery", _DELIVERY, "An event on its way to a webhook, or there.")
DELIVERIES = a_list("Deliveries", _DELIVERY, "What a webhook was told, the newest first.")
