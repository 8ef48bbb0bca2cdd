"""The demo's data: two municipalities, their people, and some months of messages. Loaded once, and brought up to date at each start."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.demo import (
    api_users,
    channels,
    history,
    inbox,
    log,
    organisation,
    prices,
    sign_ins,
    webhooks,
)
from messa_platform.demo.people import PEOPLE
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.providers.models import Channel
from messa_platform.providers.simulator.config import DEFAULT_SECRET
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Account, Domain, DomainState, Group, NumberRange, Tenant
from messa_platform.tenants.tree import add_group, create_tenant, ensure_free_tenant, set_here

FIRST_NUMBER, LAST_NUMBER = 467301214000000, 467301214999999


def load(session: Session, now: datetime) -> bool:
    """Load the demo into a database that has none; False if it was there, and was brought up to date. The caller commits."""
    ensure_free_tenant(session, now)
    if session.execute(select(Tenant.id).where(Tenant.slug == "demo")).first():
        _bring_up_to_date(session, now)
        return False
    _platform(session, now)
    groups = _demo_tenant(session, now)
    _, master = create_tenant(session, "other", "Annan kommun")
    _verified(session, now, master, "other.example")
    _account(session, now, master, "admin@other.example", "Olle Norén")
    accounts = {p.address: _account(session, now, groups[p.group], p.address, p.name) for p in PEOPLE}
    session.flush()
    history.write(session, now, accounts)
    _bring_up_to_date(session, now)
    return True


def _bring_up_to_date(session: Session, now: datetime) -> None:
    for part in (organisation, api_users, log, channels, sign_ins, inbox, prices):
        part.bring_up_to_date(session, now)


def connect(session: Session, now: datetime, office: Endpoints, simulator_url: str) -> None:
    """What the demo has once a platform runs that can speak to the simulator. The caller commits."""
    webhooks.bring_up_to_date(session, now, office, simulator_url)


def _platform(session: Session, now: datetime) -> None:
    session.add(NumberRange(first=FIRST_NUMBER, last=LAST_NUMBER, next_number=FIRST_NUMBER))
    settings = {"host": "127.0.0.1", "port": 6545, "secret": DEFAULT_SECRET}
    session.add(Channel(name="simulator", plugin="simulator", settings=settings, refilled_at=now))


def _demo_tenant(session: Session, now: datetime) -> dict[str, Group]:
    _, master = create_tenant(session, "demo", "Demo kommun")
    _verified(session, now, master, "demo.example")
    set_here(session, now, master, Key.MAY_RECEIVE, True)
    set_here(session, now, master, Key.SENDER_NAME, "Demo kommun")
    school = add_group(session, master, "Skolan")
    care = add_group(session, master, "Omsorgen")
    set_here(session, now, school, Key.GROUP_QUOTA, {"sms": 5000, "window_days": 30, "max_parts": 9})
    set_here(session, now, school, Key.SENDER_NAME, "Skolan")
    set_here(session, now, care, Key.MAY_RECEIVE, False)
    set_here(session, now, care, Key.SENDER_NAME, "Omsorgen")
    return {"Master": master, "Skolan": school, "Omsorgen": care}


def _verified(session: Session, now: datetime, group: Group, name: str) -> None:
    session.add(
        Domain(
            tenant_id=group.tenant_id,
            group_id=group.id,
            name=name,
            state=DomainState.VERIFIED,
            verified_at=now,
        )
    )


def _account(session: Session, now: datetime, group: Group, address: str, name: str) -> Account:
    account = Account(
        id=new_id(),
        tenant_id=group.tenant_id,
        group_id=group.id,
        group_since=now,
        tenant_since=now,
        address=address,
        display_name=name,
        created_at=now,
    )
    session.add(account)
    return account
