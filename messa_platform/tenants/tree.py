"""Making tenants and groups, and setting what a group sets itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from datetime import datetime
from itertools import count
from typing import Any, Protocol, cast
from uuid import UUID

from sqlalchemy import Table, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import SETTING_VERSION, Group, GroupSetting, Lock, Tenant

SETTING = cast(Table, GroupSetting.__table__)

RESERVED_SLUGS = frozenset(
    (
        "add-domain", "add-users", "admins", "api", "audit", "billing", "channels", "check-domain", "domain", "domain-live",
        "domains", "export", "export-file", "export-live", "exports", "find-group", "group", "invoices", "log-message", "logs",
        "logs-choices", "marketplace", "move-domain", "move-users", "new-group", "organisation", "overview",
        "remove-domain", "remove-users", "routes", "sender-name", "settings", "sign-on", "signature", "signature-count",
        "take-along", "task", "task-live", "undo-take", "user", "users",
    )
)  # fmt: skip
"""Names of the pages of a group, which are no group's segment: `/t/demo/users` is not to be a group beside `/t/demo/@@users`."""
LONGEST_SLUG = 30

# Å, Ä, Ö come after Z, in this order; other accents sort as their letter. A stored key, since not every server has ICU.
_LAST = str.maketrans({"å": "{a", "ä": "{b", "ö": "{c", "æ": "{b", "ø": "{c"})


def swedish_sort_key(name: str) -> str:
    """By which names are put in Swedish order with a plain comparison."""
    kept = unicodedata.normalize("NFC", name.casefold()).translate(_LAST)
    return "".join(c for c in unicodedata.normalize("NFD", kept) if not unicodedata.combining(c))


def slug_of(name: str) -> str:
    """A name as a path segment: `Särskolan 2` -> `sarskolan-2`."""
    plain = unicodedata.normalize("NFD", name.casefold().replace("æ", "ae").replace("ø", "o"))
    words = re.sub(r"[^a-z0-9]+", "-", "".join(c for c in plain if c.isascii())).strip("-")
    return words[:LONGEST_SLUG].rstrip("-") or "grupp"


def free_slug(slug: str, taken: Container[str]) -> str:
    """The segment itself, or with the first number behind it that makes it unlike those taken and those reserved: `klass-2`."""
    numbered = (f"{slug}-{n}" for n in count(2))
    free = slug not in taken and slug not in RESERVED_SLUGS
    return slug if free else next(name for name in numbered if name not in taken)


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
    return tenant, _add(session, tenant.id, None, master, slug_of(master))


def kept_slug(slug: str, name: str, taken: Container[str]) -> str:
    """The segment of a group that comes to stand elsewhere: its own where it is free, else one after its name."""
    return slug if slug not in taken else free_slug(slug_of(name), taken)


class Above(Protocol):
    """The group under which another is made: a `Group`, or a `Place`."""

    @property
    def id(self) -> UUID: ...
    @property
    def tenant_id(self) -> UUID: ...
    @property
    def path(self) -> str: ...


_SLUGS_BELOW = text(
    'SELECT g.slug FROM "group" g WHERE g.tenant_id = :tenant_id AND g.parent_id = :parent_id AND g.removed_at IS NULL'
)


def slugs_below(session: Session, tenant_id: UUID, parent_id: UUID) -> set[str]:
    """The segments that the living groups right below one have."""
    return set(session.execute(_SLUGS_BELOW, {"tenant_id": tenant_id, "parent_id": parent_id}).scalars())


def add_group(session: Session, parent: Above, name: str) -> Group:
    """A new group under `parent`, with a segment of its own among the groups there. Takes no turn: `move_groups.add` does."""
    taken = slugs_below(session, parent.tenant_id, parent.id)
    return _add(session, parent.tenant_id, parent, name, free_slug(slug_of(name), taken))


def _add(session: Session, tenant_id: UUID, parent: Above | None, name: str, slug: str) -> Group:
    identifier = new_id()
    group = Group(
        id=identifier,
        tenant_id=tenant_id,
        parent_id=parent.id if parent else None,
        # hyphens are no part of a label before PostgreSQL 16
        path=f"{parent.path}.{identifier.hex}" if parent else identifier.hex,
        slug=slug,
        name=name,
        sort_key=swedish_sort_key(name),
    )
    session.add(group)
    session.flush()
    return group


def set_here(
    session: Session,
    now: datetime,
    group: Group,
    key: Key,
    value: Any,
    lock: Lock = Lock.SUBADMIN,
    authority_id: UUID | None = None,
) -> None:
    """Set a setting on a group itself; a limit without a window counts from `now`.

    `authority_id`: the group by whose adminship it is set, by default the group itself.
    """
    row = {
        "group_id": group.id,
        "key": key.value,
        "tenant_id": group.tenant_id,
        "value": value,
        "lock": lock,
        "authority_id": authority_id or group.id,
        "set_at": now,
    }
    statement = insert(SETTING).values(row)
    changed: dict[str, Any] = {c: statement.excluded[c] for c in ("value", "lock", "authority_id", "set_at")}
    changed["version"] = SETTING_VERSION.next_value()
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
