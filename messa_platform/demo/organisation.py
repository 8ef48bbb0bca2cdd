"""How the demo's municipality is organised: schools below *Skolan*, who administers what, a quota, a locked signature, domains."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.tenants import admins, move_groups
from messa_platform.tenants.admin_models import Actor, AuditEntry
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.domains import claims
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Account, Group, Lock, Tenant
from messa_platform.tenants.places import Place, place_of
from messa_platform.tenants.tree import set_here

ADMIN, SUB, HEAD = "admin@demo.example", "sub@demo.example", "rektor.bjork@demo.example"
OTHER = "admin@other.example"
LONG_AGO = timedelta(days=40)

SCHOOLS = {"Björkskolan": ("Klass 4A", "Klass 4B", "Fritids Björken"), "Ekskolan": ("Klass 1", "Klass 2")}
STAFF = (
    (HEAD, "Birgitta Holm", "Björkskolan"),
    ("exp.bjork@demo.example", "Expeditionen Björkskolan", "Björkskolan"),
    ("larare.4a@demo.example", "Jonas Wik", "Klass 4A"),
    ("larare.4b@demo.example", "Amina Yusuf", "Klass 4B"),
    ("fritids.bjork@demo.example", "Fritids Björken", "Fritids Björken"),
    ("exp.ek@demo.example", "Expeditionen Ekskolan", "Ekskolan"),
)
AT_THE_NEW_SCHOOL = (
    ("info@friskolan.example", "Friskolan Lärkan"),
    ("bokning@friskolan.example", "Lärkans bokning"),
)
"""Free accounts with the domain of the page's example: when it is proven, they move."""


def bring_up_to_date(session: Session, now: datetime) -> None:
    """Organise it once; what a visitor has changed since stays so."""
    tenant = session.execute(select(Tenant).where(Tenant.slug == "demo")).scalar_one()
    if session.execute(select(AuditEntry.id).where(AuditEntry.tenant_id == tenant.id).limit(1)).first():
        return
    then = now - LONG_AGO
    master, school = _place(session, tenant, "Master"), _place(session, tenant, "Skolan")
    anna, sofia = _author(session, ADMIN, master), _author(session, SUB, school)
    _first_admins(session, then, tenant, master, anna, school)
    places = _schools(session, then + timedelta(days=1), sofia, school)
    _staff(session, then + timedelta(days=2), places)
    admins.add(session, then + timedelta(days=2), sofia, places["Björkskolan"], [HEAD])
    _settings(session, then + timedelta(days=3), anna, school, places)
    _domains(session, now, anna, sofia, school, places)
    _other(session, then)


def _place(session: Session, tenant: Tenant, name: str) -> Place:
    wanted = select(Group.id).where(Group.tenant_id == tenant.id, Group.name == name)
    found = place_of(session, tenant.id, session.execute(wanted).scalars().first() or tenant.id)
    assert found, f"the demo has no group {name}"
    return found


def _author(session: Session, address: str, group: Place) -> Author:
    account_id = session.execute(select(Account.id).where(Account.address == address)).scalar_one()
    return Author(Actor.ADMIN, account_id, address, group.id)


def _first_admins(
    session: Session, then: datetime, tenant: Tenant, master: Place, anna: Author, school: Place
) -> None:
    operator = Author(Actor.OPERATOR, None, "", master.id)
    record(
        session, then, operator, [Change(tenant.id, master.id, Action.TENANT_CREATED, tenant.name, tenant.id)]
    )
    admins.add(session, then, operator, master, [ADMIN])
    admins.add(session, then + timedelta(hours=1), anna, school, [SUB])


def _schools(session: Session, at: datetime, author: Author, school: Place) -> dict[str, Place]:
    made: dict[str, Place] = {}
    for name, below in SCHOOLS.items():
        made[name] = _group(session, at, author, school, name)
        for group in below:
            made[group] = _group(session, at, author, made[name], group)
    return made


def _group(session: Session, at: datetime, author: Author, parent: Place, name: str) -> Place:
    added = move_groups.add(session, at, author, parent, name)
    assert isinstance(added, Place), added
    return added


def _staff(session: Session, at: datetime, places: dict[str, Place]) -> None:
    for address, name, group in STAFF:
        _account(session, at, places[group], address, name)
    session.flush()


def _account(
    session: Session, at: datetime, place: Place, address: str, name: str, *, placed_by_hand: bool = True
) -> None:
    account = Account(
        id=new_id(),
        tenant_id=place.tenant_id,
        group_id=place.id,
        group_since=at,
        tenant_since=at,
        address=address,
        display_name=name,
        placed_by_hand=placed_by_hand,
        created_at=at,
    )
    session.add(account)


def _settings(
    session: Session, at: datetime, author: Author, school: Place, places: dict[str, Place]
) -> None:
    """What a municipality sets: the signature locked for all schools, a week's quota for one of them, what each account may send there."""
    week = {"sms": 1000, "window_days": 7, "max_parts": 6}
    each = {"sms": 200, "window_days": 7, "max_parts": 6}
    for place, key, value, lock in (
        (school, Key.SIGNATURE, "/Demo kommun, skolan", Lock.LOCKED),
        (places["Björkskolan"], Key.GROUP_QUOTA, week, Lock.LOCKED),
        (places["Björkskolan"], Key.ACCOUNT_QUOTA, each, Lock.SUBADMIN),
        (places["Björkskolan"], Key.SENDER_NAME, "Bjorkskolan", Lock.SUBADMIN),
    ):
        _set(session, at, author, place, key, value, lock)


def _set(
    session: Session, at: datetime, author: Author, place: Place, key: Key, value: Any, lock: Lock
) -> None:
    group = session.get_one(Group, place.id)
    set_here(session, at, group, key, value, lock, author.group_id)
    after = {"value": value, "lock": lock.value}
    record(
        session,
        at,
        author,
        [Change(place.tenant_id, place.id, Action.SETTING_SET, key.value, None, None, after)],
    )


def _domains(
    session: Session, now: datetime, anna: Author, sofia: Author, school: Place, places: dict[str, Place]
) -> None:
    """One below the proven domain, taken at once; one that waits for its proof, with free accounts that would move."""
    claims.add(session, session, now - timedelta(days=20), anna, school, "skola.demo.example")
    free = (
        session.execute(select(Group).join(Tenant, Tenant.id == Group.tenant_id).where(Tenant.is_free))
        .scalars()
        .one()
    )
    for address, name in AT_THE_NEW_SCHOOL:
        place = place_of(session, free.tenant_id, free.id)
        assert place
        _account(session, now - timedelta(days=9), place, address, name, placed_by_hand=False)
    session.flush()
    claims.add(session, session, now - timedelta(hours=2), sofia, places["Ekskolan"], "friskolan.example")


def _other(session: Session, then: datetime) -> None:
    tenant = session.execute(select(Tenant).where(Tenant.slug == "other")).scalar_one()
    master = _place(session, tenant, "Master")
    admins.add(session, then, Author(Actor.OPERATOR, None, "", master.id), master, [OTHER])
