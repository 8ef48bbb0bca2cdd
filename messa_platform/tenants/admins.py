"""Who administers a group and everything below it; a member of that very tree (spec G10)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.core.post import Mail, Post
from messa_platform.tenants.admin_models import GroupAdmin
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.places import Place

GROUP_ADMIN = cast(Table, GroupAdmin.__table__)

LONGEST_ADDRESS = 320
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")


class Word(StrEnum):
    """What became of an address that was to be an admin's."""

    ADDED = "added"
    ALREADY = "already"
    NOT_IN_TREE = "not_in_tree"
    """Nobody in this group or below it has it; whether anybody elsewhere does is not told."""
    BLOCKED = "blocked"
    """The account is here, but may not sign in."""
    BAD = "bad"
    """It is no address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One address, as it was written, and what became of it."""

    address: str
    word: Word


@dataclass(frozen=True, slots=True)
class Admin:
    """An admin of a group. `is_blocked`: the account may not sign in just now."""

    account_id: UUID
    address: str
    display_name: str
    since: datetime
    is_blocked: bool


class AdminMails(Protocol):
    """Writes the mail to who becomes an admin."""

    def admin_added(
        self, *, address: str, language: str, group: str, organisation: str, tenant_id: UUID, key: str
    ) -> Mail:
        """Word that the account administers the group from now on. Who decided it may be above what it sees, and is not named."""


_OF_GROUP = text(
    "SELECT ga.account_id, a.address, a.display_name, ga.since, a.blocked AS is_blocked FROM group_admin ga"
    " JOIN account a ON a.id = ga.account_id"
    " WHERE ga.tenant_id = :tenant_id AND ga.group_id = :group_id AND a.address > :after ORDER BY a.address LIMIT :most"
)


def of_group(
    session: Session, tenant_id: UUID, group_id: UUID, after: str = "", most: int = 1000
) -> list[Admin]:
    """The admins of this very group, by address; `most` of those behind the address `after`."""
    parameters = {"tenant_id": tenant_id, "group_id": group_id, "after": after, "most": most}
    return [Admin(*row) for row in session.execute(_OF_GROUP, parameters)]


_ONE = text(
    "SELECT ga.account_id, a.address, a.display_name, ga.since, a.blocked AS is_blocked FROM group_admin ga"
    " JOIN account a ON a.id = ga.account_id"
    " WHERE ga.tenant_id = :tenant_id AND ga.group_id = :group_id AND a.address = :address"
)


def read(session: Session, place: Place, address: str) -> Admin | None:
    """The admin of this very group who has the address; None if nobody is."""
    parameters = {"tenant_id": place.tenant_id, "group_id": place.id, "address": address}
    row = session.execute(_ONE, parameters).first()
    return None if row is None else Admin(*row)


_AMONG = text(
    "SELECT DISTINCT a.address FROM group_admin ga JOIN account a ON a.id = ga.account_id WHERE ga.tenant_id = :tenant_id"
    " AND ga.group_id = ANY(CAST(:group_ids AS uuid[])) AND a.address = ANY(CAST(:addresses AS text[]))"
)


def among(
    session: Session, tenant_id: UUID, group_ids: Collection[UUID], addresses: Collection[str]
) -> set[str]:
    """Those of the addresses that are admins of one of these very groups."""
    parameters = {"tenant_id": tenant_id, "group_ids": list(group_ids), "addresses": sorted(addresses)}
    return set(session.execute(_AMONG, parameters).scalars())


# As `people.moving.hold`: the tree stays as it is until the transaction ends.
_HOLD = text("SELECT FROM tenant WHERE id = :tenant_id FOR SHARE")
# Locked, so that an account which is moved away at this moment is not made an admin of what it leaves: the other one waits, and drops it.
_IN_TREE = text(
    "SELECT a.id, a.address, a.blocked, EXISTS (SELECT FROM group_admin ga WHERE ga.group_id = :group_id AND ga.account_id = a.id"
    ' AND ga.tenant_id = :tenant_id) AS is_admin FROM account a JOIN "group" g ON g.id = a.group_id'
    ' JOIN "group" top ON top.id = :group_id AND top.tenant_id = :tenant_id AND top.removed_at IS NULL AND g.path <@ top.path'
    " WHERE a.address = ANY(CAST(:addresses AS text[])) AND a.tenant_id = :tenant_id AND a.removed_at IS NULL"
    " ORDER BY a.id FOR NO KEY UPDATE OF a"
)


def as_address(written: str) -> str | None:
    """The address that a line holds, as accounts have it; None if it holds none."""
    address = written.strip().lower()
    fits = len(address) <= LONGEST_ADDRESS and address.isprintable()
    return address if fits and _ADDRESS.fullmatch(address) else None


def add(
    session: Session, now: datetime, author: Author, place: Place, addresses: Sequence[str]
) -> list[Answer] | NotAdmin:
    """Make the accounts of these addresses admins of the group; gives an answer for each line, the first one for one that comes twice.

    All that can be are. `tell_added` tells them.
    """
    lines = {as_address(line) or line.strip(): as_address(line) for line in addresses if line.strip()}
    wanted = sorted(address for address in lines.values() if address)
    session.execute(_HOLD, {"tenant_id": place.tenant_id})
    parameters = {"addresses": wanted, "tenant_id": place.tenant_id, "group_id": place.id}
    found = {row.address: row for row in session.execute(_IN_TREE, parameters)}
    if not administers(session, author, place.tenant_id, place.id):
        return NotAdmin()
    answers = [Answer(line, _word(address, found)) for line, address in lines.items()]
    made = [found[answer.address] for answer in answers if answer.word is Word.ADDED]
    rows = [
        {"group_id": place.id, "account_id": row.id, "tenant_id": place.tenant_id, "since": now}
        for row in made
    ]
    insert_rows(session, GROUP_ADMIN, rows, "ON CONFLICT (group_id, account_id) DO NOTHING")
    changes = [Change(place.tenant_id, place.id, Action.ADMIN_ADDED, row.address, row.id) for row in made]
    record(session, now, author, changes)
    return answers


def _word(address: str | None, found: dict[str, Row[tuple[object, ...]]]) -> Word:
    if address is None:
        return Word.BAD
    row = found.get(address)
    if row is None:
        return Word.NOT_IN_TREE
    if row.is_admin:
        return Word.ALREADY
    return Word.BLOCKED if row.blocked else Word.ADDED


_TO_TELL = text(
    "SELECT a.address, coalesce(a.language, t.language) AS language, t.name AS organisation FROM account a"
    " JOIN tenant t ON t.id = a.tenant_id WHERE a.address = ANY(CAST(:addresses AS text[])) AND a.tenant_id = :tenant_id"
    " ORDER BY a.address"
)


def tell_added(
    session: Session, now: datetime, place: Place, answers: Sequence[Answer], mails: AdminMails, post: Post
) -> None:
    """Write to those whom `add` has made admins. The session is one that may put mails into the queue."""
    added = [answer.address for answer in answers if answer.word is Word.ADDED]
    if not added:
        return
    rows = session.execute(_TO_TELL, {"addresses": added, "tenant_id": place.tenant_id})
    letters = [
        mails.admin_added(
            address=row.address,
            language=row.language,
            group=place.name,
            organisation=row.organisation,
            tenant_id=place.tenant_id,
            key=f"admin_added:{new_id()}",
        )
        for row in rows
    ]
    post.put(session, now, letters)


class Removal(StrEnum):
    """What became of the wish that somebody be an admin no longer."""

    REMOVED = "removed"
    NO_ADMIN = "no_admin"
    """The account is none of this group."""
    LAST = "last"
    """Nobody else administers Master: the organisation could not run itself any more."""


_REMOVE = text(
    "DELETE FROM group_admin ga USING account a WHERE a.id = ga.account_id AND ga.tenant_id = :tenant_id"
    " AND ga.group_id = :group_id AND ga.account_id = :account_id RETURNING a.address"
)


def remove(
    session: Session, now: datetime, author: Author, place: Place, account_id: UUID
) -> Removal | NotAdmin:
    """Let an account be an admin of this very group no longer."""
    is_last = place.parent_id is None and are_last(session, place.tenant_id, [account_id])
    if not administers(session, author, place.tenant_id, place.id):
        return NotAdmin()
    if is_last:
        return Removal.LAST
    parameters = {"tenant_id": place.tenant_id, "group_id": place.id, "account_id": account_id}
    row = session.execute(_REMOVE, parameters).first()
    if row is None:
        return Removal.NO_ADMIN
    change = Change(place.tenant_id, place.id, Action.ADMIN_REMOVED, row.address, account_id)
    record(session, now, author, [change])
    return Removal.REMOVED


# Locked, so that of two who let each other go the second is told that there would be nobody.
_OF_MASTER = text(
    'SELECT ga.account_id FROM group_admin ga JOIN "group" g ON g.id = ga.group_id JOIN account a ON a.id = ga.account_id'
    " WHERE ga.tenant_id = :tenant_id AND g.tenant_id = :tenant_id AND g.parent_id IS NULL AND NOT a.blocked"
    " AND a.removed_at IS NULL ORDER BY ga.account_id FOR UPDATE OF ga"
)


def of_master(session: Session, tenant_id: UUID) -> set[UUID]:
    """Who administers the tenant's Master group and may sign in, kept so until the transaction ends."""
    return set(session.execute(_OF_MASTER, {"tenant_id": tenant_id}).scalars())


def are_last(session: Session, tenant_id: UUID, account_ids: Iterable[UUID]) -> bool:
    """Whether nobody would administer the tenant's Master group if these accounts no longer did; for who removes or blocks accounts, too."""
    found = of_master(session, tenant_id)
    return bool(found) and found <= set(account_ids)


# An account may have come to another tenant: whose row it is stands in the row itself.
_STRAYED = text(
    'DELETE FROM group_admin ga USING account a, "group" g WHERE ga.account_id = ANY(CAST(:ids AS uuid[])) AND a.id = ga.account_id'
    " AND g.id = ga.group_id AND NOT (a.removed_at IS NULL AND g.removed_at IS NULL AND a.tenant_id = ga.tenant_id"
    ' AND EXISTS (SELECT FROM "group" own WHERE own.id = a.group_id AND own.tenant_id = ga.tenant_id AND own.path <@ g.path))'
    " RETURNING ga.tenant_id, ga.group_id, ga.account_id, a.address"
)


_BEYOND = text(
    'SELECT DISTINCT ga.account_id FROM group_admin ga JOIN "group" g ON g.id = ga.group_id WHERE ga.tenant_id = :tenant_id'
    " AND ga.account_id = ANY(CAST(:ids AS uuid[])) AND NOT CAST(:authority AS text) = ANY(string_to_array(g.path::text, '.'))"
)


def beyond(
    session: Session, tenant_id: UUID, authority_id: UUID | None, account_ids: Iterable[UUID]
) -> set[UUID]:
    """Those of the accounts that administer a group above or beside `authority_id`: not its admins' to block or to remove."""
    authority = "" if authority_id is None else authority_id.hex
    parameters = {"tenant_id": tenant_id, "ids": list(account_ids), "authority": authority}
    return set(session.execute(_BEYOND, parameters).scalars())


def drop_strayed(session: Session, now: datetime, author: Author, account_ids: Sequence[UUID]) -> None:
    """After accounts were moved or removed: let them no longer administer groups in whose tree they are not; at most two statements."""
    if not account_ids:
        return
    rows = session.execute(_STRAYED, {"ids": list(account_ids)}).all()
    moved = {"why": "moved"}
    changes = [
        Change(row.tenant_id, row.group_id, Action.ADMIN_REMOVED, row.address, row.account_id, after=moved)
        for row in sorted(rows, key=lambda row: (row.address, row.group_id))
    ]
    record(session, now, author, changes)
