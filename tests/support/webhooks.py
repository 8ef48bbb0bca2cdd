"""Webhooks of groups, as they stand in the database, and the pages on which they are looked after."""

from __future__ import annotations

import re
from uuid import UUID

from webtest import TestResponse

from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from tests.support.portal import seen
from tests.support.world import World

URL = "https://93.184.216.34/messa?token=hemligt"
"""An address, so that nothing has to be looked up."""
SCHOOL, CARE = "/t/kommun/skolan/@@api", "/t/kommun/omsorgen/@@api"


def a_webhook(world: World, group: Group, url: str = URL, description: str = "Larmservern") -> UUID:
    """A webhook of a group that has been told of one thing."""
    ids = {"id": new_id(), "delivery": new_id(), "tenant": group.tenant_id}
    world.run(
        "INSERT INTO event_endpoint (id, tenant_id, group_id, kind, url, description, secret) VALUES (:id, :tenant, :group, 'webhook', :url,"
        " :description, 'sealed')",
        id=ids["id"],
        tenant=group.tenant_id,
        group=group.id,
        url=url,
        description=description,
    )
    world.run(
        "INSERT INTO event_delivery (id, tenant_id, endpoint_id, type, at, state, next_attempt_at)"
        " VALUES (:delivery, :tenant, :id, 'webhook.test', :now, 'done', :now)",
        now=world.clock.now(),
        **ids,
    )
    return ids["id"]


def at(webhook_id: UUID, *more: str, base: str = SCHOOL) -> str:
    """The page of a webhook of the school, or one below it."""
    return "/".join((base, "webhook", str(webhook_id), *more))


def secret_on(page: TestResponse) -> str:
    """The secret that the page shows."""
    found = re.search(r'<code id="secret">(whsec_[^<]+)</code>', page.text)
    assert found, f"{page.status}\n{seen(page)[:2000]}"
    return found[1]
