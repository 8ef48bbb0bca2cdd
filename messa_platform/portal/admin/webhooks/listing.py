"""The group's webhooks as `@@api` lists them: what each is told of, how it stands, and when it last failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyramid.request import Request

from messa_platform.core.i18n import Speech
from messa_platform.messaging.outward import deliveries, endpoints
from messa_platform.messaging.outward.endpoints import EndpointRow
from messa_platform.messaging.outward.models import DisabledWhy
from messa_platform.messaging.outward.told import shown
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.webhooks.asked import NEW, page_of
from messa_platform.portal.admin.webhooks.words import called, events_in_words, state_of


@dataclass(frozen=True, slots=True)
class Row:
    """A webhook in the list. `url` "": it is called by its address already."""

    address: str
    called: str
    url: str
    events: str
    tone: str
    state: str
    failed_at: datetime | None


def section(context: GroupResource, request: Request) -> dict[str, Any]:
    """What the page shows of them. Two statements."""
    found = endpoints.of_group(request.db, context.place)
    failed = deliveries.last_failed(request.db, context.place)
    rows = [_row(context, request.speech, one, _failed_at(one, failed.get(one.id))) for one in found]
    new = context.address("@@api", NEW)
    return {"webhooks": rows, "most_webhooks": endpoints.MOST, "new_webhook": new}


def _row(context: GroupResource, speech: Speech, webhook: EndpointRow, failed_at: datetime | None) -> Row:
    tone, state = state_of(speech, webhook)
    url = shown(webhook.url) if webhook.description else ""
    events = events_in_words(speech, webhook.event_types)
    return Row(page_of(context, webhook.id), called(webhook), url, events, tone, state, failed_at)


def _failed_at(webhook: EndpointRow, found: datetime | None) -> datetime | None:
    """When it last failed. One that was given up failed then at the latest, one that fails did so when that began at the earliest."""
    is_given_up = webhook.disabled_why not in (None, DisabledWhy.ADMIN)
    known = (found, webhook.failing_since, webhook.disabled_at if is_given_up else None)
    return max((at for at in known if at), default=None)
