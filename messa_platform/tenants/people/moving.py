"""Accounts come to a group, or go, with all that follows: numbers, adminships, sessions, audit logs (spec G11, G13, R5, B3).

The session is one that sees every tenant, and holds the accounts' locks (`lock`). The number of statements does not depend on how many come.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given, insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants import numbers
from messa_platform.tenants.access.sessions import CHANNEL
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.admins import drop_strayed
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.models import Account, TenantState
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.people.plan import Held
from messa_platform.tenants.places import Place
from messa_platform.tenants.senders import settings_of

ACCOUNT = cast(Table, Account.__table__)

# Changes of the tree, and of the organisation's state, lock this row for themselves before they look at anybody's account.
_HOLD = text("SELECT state FROM tenant WHERE id = :id FOR SHARE")


def hold(session: Session, tenant_id: UUID) -> TenantState:
    """Keep the tenant's tree, and its state, as they are until the transaction ends; before any account is locked."""
    return TenantState(session.execute(_HOLD, {"id": tenant_id}).scalar_one())


_LOCK = text(
    "SELECT id FROM account WHERE address = ANY(CAST(:addresses AS text[])) ORDER BY id FOR NO KEY UPDATE"
)


def lock(session: Session, addresses: Collection[str]) -> None:
    """Keep what is decided about the accounts of these addresses true until the transaction ends; in the order in which all lock accounts."""
    session.execute(_LOCK, {"addresses": sorted(addresses)}).all()


def make(
    session: Session, now: datetime, author: Author, place: Place, names: Mapping[str, str]
) -> dict[str, UUID]:
    """New accounts in the group, of the addresses that are the keys of `names`, with these display names; gives their ids.

    An address that another transaction has made an account for meanwhile is left out.
    """
    rows = [
        {
            "id": new_id(),
            "tenant_id": place.tenant_id,
            "group_id": place.id,
            "group_since": now,
            "tenant_since": now,
            "address": address,
            "display_name": names[address],
            "placed_by_hand": True,
            "created_at": now,
        }
        for address in sorted(names)
    ]
    made = insert_rows(session, ACCOUNT, rows, "ON CONFLICT (address) DO NOTHING RETURNING address, id")
    changes = [_added(place, row.address, row.id) for row in made]
    record(session, now, author, changes)
    return {row.address: row.id for row in made}


@dataclass(frozen=True, slots=True)
class Comer:
    """An account that comes to a group. `name` is the display name of one that has none. `unblock`: it is no longer blocked."""

    address: str
    held: Held
    name: str = ""
    unblock: bool = False


_BRING = text(
    "UPDATE account AS a SET tenant_id = :tenant_id, group_id = :group_id, group_since = :now, placed_by_hand = true, removed_at = NULL,"
    " tenant_since = CASE WHEN a.tenant_id = :tenant_id THEN a.tenant_since ELSE CAST(:now AS timestamptz) END,"
    " blocked = a.blocked AND NOT given.blocked, display_name = coalesce(NULLIF(a.display_name, ''), given.display_name),"
    f" version = a.version + 1 FROM {given(ACCOUNT, ('id', 'display_name', 'blocked'))} WHERE a.id = given.id"
)


def bring(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    comers: Sequence[Comer],
    rest: timedelta = REST,
) -> None:
    """Put accounts, removed ones too, into the group; an admin, or the account's owner, has decided it.

    Who comes from another tenant is signed out, and limits without a window count from `now`. A number is kept where the group may receive.
    """
    if not comers:
        return
    rows = [{"id": c.held.id, "display_name": c.name, "blocked": c.unblock} for c in comers]
    home = {"tenant_id": place.tenant_id, "group_id": place.id, "now": now}
    session.execute(_BRING, {"rows": as_parameter(rows), **home})
    ids = [c.held.id for c in comers]
    if settings_of(session, [place.id])[place.id].may_receive:
        numbers.follow(session, now, ids)
    else:
        numbers.take_back_many(session, now, ids, rest)
    strangers = [c.held.id for c in comers if c.held.tenant_id != place.tenant_id]
    end_sessions(session, strangers)
    drop_strayed(session, now, as_told_outside(author), strangers)
    drop_strayed(session, now, author, [i for i in ids if i not in set(strangers)])
    _write_down(session, now, author, place, comers)


def as_told_outside(author: Author) -> Author:
    """The author of a change as it stands in the log of another tenant: who it was is nothing to be kept there, but for the owner itself."""
    return author if author.actor is Actor.OWNER else replace(author, account_id=None, address="")


def _added(place: Place, address: str, account_id: UUID) -> Change:
    after = {"group": str(place.id)}
    return Change(place.tenant_id, place.id, Action.ACCOUNT_ADDED, address, account_id, after=after)


def _write_down(
    session: Session, now: datetime, author: Author, place: Place, comers: Sequence[Comer]
) -> None:
    own: list[Change] = []
    elsewhere: list[Change] = []
    for comer in comers:
        held, subject = comer.held, (comer.address, comer.held.id)
        if comer.unblock and held.is_blocked:
            own.append(Change(place.tenant_id, place.id, Action.ACCOUNT_UNBLOCKED, *subject))
        if held.is_removed:
            own.append(_added(place, *subject))
            continue
        before, after = {"group": str(held.group_id)}, {"group": str(place.id)}
        own.append(Change(place.tenant_id, place.id, Action.ACCOUNT_MOVED, *subject, before, after))
        left = own if held.tenant_id == place.tenant_id else elsewhere
        left.append(Change(held.tenant_id, held.group_id, Action.ACCOUNT_MOVED, *subject, before, after))
    record(session, now, author, own)
    record(session, now, as_told_outside(author), elsewhere)


_END_SESSIONS = text(
    "WITH ended AS (DELETE FROM web_session WHERE account_id = ANY(CAST(:ids AS uuid[])) RETURNING id)"
    f" SELECT pg_notify('{CHANNEL}', id::text) FROM ended"
)


def end_sessions(session: Session, account_ids: Sequence[UUID]) -> None:
    """Sign these accounts out everywhere, in one statement."""
    if account_ids:
        session.execute(_END_SESSIONS, {"ids": list(account_ids)}).all()


# What would open the account again, and whoever had it at its organisation's own sign-in, goes; what it sent and got stays (spec G13).
_PART = text(
    "UPDATE account SET removed_at = :now, blocked = :block, password_hash = NULL, totp_secret = NULL, totp_since = NULL, totp_step = NULL,"
    " placed_by_hand = false, version = version + 1 WHERE id = ANY(CAST(:ids AS uuid[]))"
)
_FORGET = tuple(
    text(f"DELETE FROM {table} WHERE account_id = ANY(CAST(:ids AS uuid[]))")
    for table in ("account_token", "recovery_code", "external_identity", "known_network")
)


def part(
    session: Session,
    now: datetime,
    author: Author,
    account_ids: Sequence[UUID],
    *,
    block: bool,
    rest: timedelta = REST,
) -> None:
    """Remove accounts, with all that follows but the log's own entry; unless `block`, they come back by their next mails (spec G11)."""
    if not account_ids:
        return
    leaving = list(account_ids)
    session.execute(_PART, {"ids": leaving, "now": now, "block": block})
    for statement in _FORGET:
        session.execute(statement, {"ids": leaving})
    end_sessions(session, leaving)
    numbers.take_back_many(session, now, leaving, rest)
    drop_strayed(session, now, author, leaving)
