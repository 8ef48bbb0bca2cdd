"""Accounts by address: found, or made in the group whose verified domain matches, else in *free* (spec M5, D3).

A removed account comes back in the same way by its next mail, unless an admin has blocked it (spec G11).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given, insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Account, AccountToken, TokenKind

WELCOME_LIFE = timedelta(days=30)
"""How long the link in a welcome mail works."""

ACCOUNT = cast(Table, Account.__table__)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a first mail tells of its sender: the display name ("" if none) and the language (None: the tenant's)."""

    display_name: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """An account that an address has; `is_new`: this look-up made it, or brought it back."""

    id: UUID
    is_new: bool


_BY_ADDRESS = text(
    "SELECT address, id, removed_at IS NOT NULL AND NOT blocked AS may_return FROM account WHERE address = ANY(CAST(:addresses AS text[]))"
)

# The longest verified domain that equals an address's domain or is a parent of it (D3).
_HOMES = text(
    "SELECT DISTINCT ON (w.address) w.address, d.tenant_id, d.group_id"
    " FROM unnest(CAST(:addresses AS text[]), CAST(:names AS text[])) AS w (address, name)"
    " JOIN domain d ON d.name = w.name AND d.state = 'verified' ORDER BY w.address, length(d.name) DESC"
)
FREE_MASTER = text(
    'SELECT t.id AS tenant_id, g.id AS group_id FROM tenant t JOIN "group" g ON g.tenant_id = t.id AND g.parent_id IS NULL WHERE t.is_free'
)


def parents(domain: str) -> list[str]:
    """A domain and every domain above it, longest first: `a.b.se` -> `a.b.se`, `b.se`, `se`."""
    labels = domain.split(".")
    return [".".join(labels[i:]) for i in range(len(labels))]


def find(session: Session, addresses: Iterable[str]) -> dict[str, UUID]:
    """The accounts that these addresses have (lower case), by address."""
    rows = session.execute(_BY_ADDRESS, {"addresses": sorted(set(addresses))})
    return {row.address: row.id for row in rows}


_TIME_ZONES = text(
    "SELECT a.address, t.time_zone FROM account a JOIN tenant t ON t.id = a.tenant_id WHERE a.address = ANY(CAST(:addresses AS text[]))"
)


def time_zones(session: Session, addresses: Iterable[str]) -> dict[str, str]:
    """The IANA time zones of the tenants of those accounts that there are, by address: for telling their owners a time (spec W1)."""
    wanted = sorted(set(addresses))
    if not wanted:
        return {}
    return {row.address: row.time_zone for row in session.execute(_TIME_ZONES, {"addresses": wanted})}


def find_or_create(
    session: Session, now: datetime, newcomers: Mapping[str, Newcomer], *, bring_back: bool = False
) -> dict[str, Known]:
    """The accounts of the addresses that are the keys of `newcomers`; the unknown ones are made, from its values.

    `bring_back`: so are the removed ones, as if they had never been, unless they are blocked; otherwise those are known and stay removed. The
    same few statements for any number of addresses.
    """
    found = session.execute(_BY_ADDRESS, {"addresses": sorted(newcomers)}).all()
    known = {row.address: Known(row.id, False) for row in found}
    gone = {row.address: row.id for row in found if row.may_return and bring_back}
    missing = sorted(newcomers.keys() - known.keys())
    if not missing and not gone:
        return known
    homes = _homes(session, [*missing, *gone])
    if gone:
        known |= {a: Known(i, True) for a, i in _bring_back(session, now, newcomers, gone, homes).items()}
    if missing:
        made = _create(session, now, {address: newcomers[address] for address in missing}, homes)
        # an address that another worker made meanwhile is known by now, and not new
        raced = find(session, [a for a in missing if a not in made])
        known |= {a: Known(i, True) for a, i in made.items()} | {a: Known(i, False) for a, i in raced.items()}
    return known


def _homes(session: Session, addresses: Iterable[str]) -> dict[str, dict[str, UUID]]:
    """Where each address belongs that is nobody's yet: its tenant and group."""
    free = session.execute(FREE_MASTER).one()
    homes = {address: {"tenant_id": free.tenant_id, "group_id": free.group_id} for address in addresses}
    pairs = [(address, name) for address in homes for name in parents(address.rpartition("@")[2])]
    parameters = {"addresses": [p[0] for p in pairs], "names": [p[1] for p in pairs]}
    for row in session.execute(_HOMES, parameters):
        homes[row.address] = {"tenant_id": row.tenant_id, "group_id": row.group_id}
    return homes


def _create(
    session: Session,
    now: datetime,
    newcomers: Mapping[str, Newcomer],
    homes: Mapping[str, Mapping[str, UUID]],
) -> dict[str, UUID]:
    rows = [
        {
            "id": new_id(),
            **homes[address],
            "group_since": now,
            "tenant_since": now,
            "address": address,
            "display_name": newcomer.display_name[:200],
            "language": newcomer.language,
            "created_at": now,
        }
        for address, newcomer in newcomers.items()
    ]
    made = insert_rows(session, ACCOUNT, rows, "ON CONFLICT (address) DO NOTHING RETURNING address, id")
    return {row.address: row.id for row in made}


# Locked in the order in which all lock accounts. Whoever waited here for another that brought one back finds it back, and not new.
_COLUMNS = ("id", "tenant_id", "group_id", "display_name", "language")
_BRING_BACK = text(
    "UPDATE account AS a SET tenant_id = given.tenant_id, group_id = given.group_id, group_since = :now, removed_at = NULL,"
    " tenant_since = CASE WHEN a.tenant_id = given.tenant_id THEN a.tenant_since ELSE CAST(:now AS timestamptz) END,"
    " placed_by_hand = false, display_name = coalesce(NULLIF(given.display_name, ''), a.display_name),"
    f" language = coalesce(given.language, a.language), version = a.version + 1 FROM {given(ACCOUNT, _COLUMNS)},"
    " (SELECT id FROM account WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE) held"
    " WHERE held.id = given.id AND a.id = given.id AND a.removed_at IS NOT NULL AND NOT a.blocked RETURNING a.address, a.id"
)


def _bring_back(
    session: Session,
    now: datetime,
    newcomers: Mapping[str, Newcomer],
    gone: Mapping[str, UUID],
    homes: Mapping[str, Mapping[str, UUID]],
) -> dict[str, UUID]:
    """Let removed accounts be again, where their addresses belong by now; gives those that this has brought back."""
    rows = [
        {
            "id": identifier,
            **homes[address],
            "display_name": newcomers[address].display_name[:200],
            "language": newcomers[address].language,
        }
        for address, identifier in gone.items()
    ]
    parameters = {"rows": as_parameter(rows), "ids": list(gone.values()), "now": now}
    return {row.address: row.id for row in session.execute(_BRING_BACK, parameters)}


def issue_token(session: Session, now: datetime, account_id: UUID, kind: TokenKind, life: timedelta) -> str:
    """A new secret word for a mailed link; only its digest is stored."""
    word = secrets.token_urlsafe(32)
    session.add(AccountToken(digest=digest(word), account_id=account_id, kind=kind, expires_at=now + life))
    return word


def digest(word: str) -> bytes:
    """What is stored of a secret word that is random itself: its SHA-256."""
    return hashlib.sha256(word.encode()).digest()
