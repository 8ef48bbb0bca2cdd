"""The demo tenant's own channel: an operator that it has connected by SMPP, tried out for some weeks, and paused; and a route over it. It leads
to the simulator's own door for that, so that texts by it reach the same phones once it is resumed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from messa_platform.core.ids import id_at
from messa_platform.demo.organisation import ADMIN
from messa_platform.providers.models import Channel
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.routes import Wanted
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.config import DEFAULT_SMPP_PASSWORD
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import SYSTEM, Action, Author, Change, record
from messa_platform.tenants.models import Account, Group, Tenant

NAME = "Norrtext AB"
SETTINGS = {
    "host": wire.DEFAULT_HOST,
    "port": wire.DEFAULT_SMPP_PORT,
    "system_id": "norrtext",
    "password": DEFAULT_SMPP_PASSWORD,
}
"""The sweeper seals the secret within a minute, as of any channel that is made by hand."""
TRIED = timedelta(days=21), timedelta(days=2)
"""From when to when it was in use, before the demo was loaded."""

# What the care sends went by it, as long as it was in use.
_CARRIED = text(
    "UPDATE message SET channel_id = :channel WHERE tenant_id = :tenant AND id BETWEEN :first AND :last AND direction = 'out'"
    " AND channel_id IS NOT NULL AND group_id IN (SELECT id FROM \"group\" WHERE tenant_id = :tenant AND name = 'Omsorgen')"
)


def bring_up_to_date(session: Session, now: datetime) -> None:
    """Connect it once; what a visitor has done with it since stays so."""
    tenant = session.execute(select(Tenant).where(Tenant.slug == "demo")).scalar_one()
    if session.execute(select(Channel.id).where(Channel.tenant_id == tenant.id).limit(1)).first():
        return
    channel = Channel(
        tenant_id=tenant.id,
        name=NAME,
        plugin="smpp",
        settings=dict(SETTINGS),
        enabled=False,
        priority=1,
        refilled_at=now,
    )
    session.add(channel)
    session.flush()
    first, last = (now - ago for ago in TRIED)
    carried = {"channel": channel.id, "tenant": tenant.id, "first": id_at(first), "last": id_at(last)}
    session.execute(_CARRIED, carried)
    _write_down(session, tenant, channel, first, last)
    # few write to the Faroes, so that hardly anybody misses a way while it is paused
    routes.add(session, last, SYSTEM, Wanted(tenant.id, "298", None, (), (channel.id,), False))


def _write_down(session: Session, tenant: Tenant, channel: Channel, first: datetime, last: datetime) -> None:
    master = session.execute(
        select(Group.id).where(Group.tenant_id == tenant.id, Group.parent_id.is_(None))
    ).scalar_one()
    anna = session.execute(select(Account.id).where(Account.address == ADMIN)).scalar()
    author = Author(Actor.ADMIN, anna, ADMIN, master)
    for at, action, after in (
        (first, Action.CHANNEL_ADDED, {"plugin": channel.plugin, "settings": sorted(channel.settings)}),
        (last, Action.CHANNEL_PAUSED, None),
    ):
        record(
            session, at, author, [Change(tenant.id, master, action, channel.name, channel.id, None, after)]
        )
