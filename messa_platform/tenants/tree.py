"""Making tenants and groups, and setting what a group sets itself."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, GroupSetting, Lock, Tenant

SETTING = cast(Table, GroupSetting.__table__)

# Å, Ä, Ö come after Z, in this order; other accents sort as their letter. A stored key, since not every server has ICU.
_LAST = str.maketrans({"å": "{a", "ä": "{b", "ö": "{c", "æ": "{b", "ø": "{c"})


def swedish_sort_key(name: str) -> str:
    """By which names are put in Swedish order with a plain comparison."""
    kept = unicodedata.normalize("NFC", name.casefold()).translate(_LAST)
    return "".join(c for c in unicodedata.normalize("NFD", kept) if not unicodedata.combining(c))


def slug_of(name: str) -> str:
    """A name as a path segment: `Särskolan 2` -> `sarskolan-2`."""
    plain = unicodedata.normalize("NFD", name.casefold().replace("æ", "ae").replace("ø", "o"))
    return re.sub(r"[^a-z0-9]+", "-", "".join(c for c in plain if c.isascii())).strip("-") or "grupp"


def create_tenant(
    session: Session,
    slug: str,
    name: str,
    *,
    master: str = "Master",
    is_free: bool = False,
    language: str = "sv",
) -> tuple[Tenant, Group]:
    """A new tenant and its Master group."""
    tenant = Tenant(id=new_id(), slug=slug, name=name, is_free=is_free, language=language)
    session.add(tenant)
    session.flush()
    return tenant, _add(session, tenant, None, master)


def add_group(session: Session, parent: Group, name: str) -> Group:
    """A new group under `parent`."""
    tenant = session.get_one(Tenant, parent.tenant_id)
    return _add(session, tenant, parent, name)


def _add(session: Session, tenant: Tenant, parent: Group | None, name: str) -> Group:
    identifier = new_id()
    group = Group(
        id=identifier,
        tenant_id=tenant.id,
        parent_id=parent.id if parent else None,
        # hyphens are no part of a label before PostgreSQL 16
        path=f"{parent.path}.{identifier.hex}" if parent else identifier.hex,
        slug=slug_of(name),
        name=name,
        sort_key=swedish_sort_key(name),
    )
    session.add(group)
    session.flush()
    return group


def set_here(
    session: Session, now: datetime, group: Group, key: Key, value: Any, lock: Lock = Lock.SUBADMIN
) -> None:
    """Set a setting on a group itself; a limit without a window counts from `now`."""
    row = {
        "group_id": group.id,
        "key": key.value,
        "tenant_id": group.tenant_id,
        "value": value,
        "lock": lock,
        "set_at": now,
    }
    statement = insert(SETTING).values(row)
    changed = {c: statement.excluded[c] for c in ("value", "lock", "set_at")}
    session.execute(statement.on_conflict_do_update(index_elements=["group_id", "key"], set_=changed))


FREE_QUOTA = 25
"""Parts that a free account has in all (spec U1)."""


def ensure_free_tenant(session: Session, now: datetime) -> None:
    """The platform's own tenant, where accounts of no organisation live; every deployment has it."""
    if session.execute(select(Tenant.id).where(Tenant.is_free)).first():
        return
    _, master = create_tenant(session, "free", "Privatpersoner", is_free=True)
    set_here(session, now, master, Key.MAY_RECEIVE, True)
    set_here(
        session, now, master, Key.ACCOUNT_QUOTA, {"sms": FREE_QUOTA, "window_days": None, "max_parts": 9}
    )
