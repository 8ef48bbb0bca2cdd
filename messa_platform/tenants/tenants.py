"""Organisations as a whole: found, listed and made (spec O1). What stops one and starts it again is in `tenant_states`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from messa_platform.core.i18n import LANGUAGES
from messa_platform.core.post import Mail, Post
from messa_platform.tenants import tree
from messa_platform.tenants.accounts import WELCOME_LIFE, Newcomer, find_or_create, issue_token, parents
from messa_platform.tenants.admin_models import GroupAdmin
from messa_platform.tenants.admins import as_address
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.group_settings import DEFAULTS, Key
from messa_platform.tenants.models import Group, Lock, Tenant, TenantState, TokenKind
from messa_platform.tenants.people import moving
from messa_platform.tenants.people.plan import Held
from messa_platform.tenants.places import place_of

LONGEST_NAME = 100
"""Characters of an organisation's name, and of a person's."""
SHORTEST_SLUG, LONGEST_SLUG = 2, 40
LONGEST_SENDER_NAME = 11
"""Characters that phones show of a sender that is no number (3GPP TS 23.040, 9.1.2.5)."""
MOST_COUNTED = 10_000
"""So many accounts, and groups, a list counts of each organisation; to count on would take longer than it tells."""

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NOT_IN_SENDER_NAME = re.compile(r"[^A-Za-z0-9ÄÖÅÜÑÆØÉäöåüñæøéèàìòù ]+")


def id_of(session: Session, slug: str) -> UUID | None:
    """The id of the tenant of this slug."""
    return session.execute(select(Tenant.id).where(Tenant.slug == slug)).scalar()


def slug_of(session: Session, tenant_id: UUID) -> str:
    """How the tenant is called in addresses."""
    return session.execute(select(Tenant.slug).where(Tenant.id == tenant_id)).scalar_one()


# Looking


@dataclass(frozen=True, slots=True)
class Listed:
    """An organisation in the list of all. `groups` and `accounts` are counted as far as `MOST_COUNTED`, which means: so many or more."""

    id: UUID
    slug: str
    name: str
    state: TenantState
    is_free: bool
    created_at: datetime
    groups: int
    accounts: int


def _count(table: str) -> str:
    living = f'SELECT FROM "{table}" c WHERE c.tenant_id = t.id AND c.removed_at IS NULL LIMIT :counted'
    return f"(SELECT count(*) FROM ({living}) AS counted)"


# Only what the page shows is counted. The slug finds names whatever their accents and capitals.
_LISTED = text(
    "WITH shown AS (SELECT t.* FROM tenant t WHERE t.slug > :after AND (CAST(:state AS text) IS NULL OR t.state = :state)"
    " AND (CAST(:words AS text) IS NULL OR t.name ILIKE :words OR t.slug LIKE :slugs"
    " OR EXISTS (SELECT FROM domain d WHERE d.tenant_id = t.id AND d.name LIKE lower(:words))) ORDER BY t.slug LIMIT :most)"
    f" SELECT t.id, t.slug, t.name, t.state, t.is_free, t.created_at, {_count('group')} AS groups, {_count('account')} AS accounts"
    " FROM shown t ORDER BY t.slug"
)


def listed(
    session: Session, words: str = "", state: TenantState | None = None, after: str = "", most: int = 50
) -> list[Listed]:
    """Organisations by slug, `most` of those behind the slug `after`; with `words` in their name, slug or one of their domains."""
    escaped = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # behind a letter, since what has none of its own is given another name
    plain = tree.slug_of(f"x {words}").removeprefix("x").strip("-")
    parameters = {
        "after": after,
        "state": state and state.value,
        "words": f"%{escaped}%" if escaped else None,
        "slugs": f"%{plain}%" if plain else None,
        "most": most,
        "counted": MOST_COUNTED,
    }
    rows = session.execute(_LISTED, parameters)
    return [
        Listed(r.id, r.slug, r.name, TenantState(r.state), r.is_free, r.created_at, r.groups, r.accounts)
        for r in rows
    ]


@dataclass(frozen=True, slots=True)
class Overview:
    """One organisation. `numbers` are held by its accounts now; `domains` are its verified ones, `waiting` of them are not."""

    id: UUID
    slug: str
    name: str
    state: TenantState
    language: str
    is_free: bool
    version: int
    created_at: datetime
    groups: int
    accounts: int
    admins: int
    numbers: int
    domains: int
    waiting: int


_OVERVIEW = text(
    "SELECT t.id, t.slug, t.name, t.state, t.language, t.is_free, t.version, t.created_at,"
    ' (SELECT count(*) FROM "group" g WHERE g.tenant_id = t.id AND g.removed_at IS NULL) AS groups,'
    " (SELECT count(*) FROM account a WHERE a.tenant_id = t.id AND a.removed_at IS NULL) AS accounts,"
    ' (SELECT count(DISTINCT ga.account_id) FROM group_admin ga JOIN "group" g ON g.id = ga.group_id WHERE g.tenant_id = t.id) AS admins,'
    " (SELECT count(*) FROM number n JOIN account a ON a.id = n.account_id WHERE a.tenant_id = t.id) AS numbers,"
    " (SELECT count(*) FROM domain d WHERE d.tenant_id = t.id AND d.state = 'verified') AS domains,"
    " (SELECT count(*) FROM domain d WHERE d.tenant_id = t.id AND d.state <> 'verified') AS waiting"
    " FROM tenant t WHERE t.slug = :slug"
)


def overview(session: Session, slug: str) -> Overview | None:
    """The organisation of this slug, with what it has."""
    if not _SLUG.fullmatch(slug):  # PostgreSQL takes no NUL
        return None
    row = session.execute(_OVERVIEW, {"slug": slug}).mappings().first()
    return None if row is None else Overview(**{**row, "state": TenantState(row["state"])})


# Making


@dataclass(frozen=True, slots=True)
class Wish:
    """An organisation that is to be, as somebody wrote it. `slug` "": made from the name."""

    name: str
    slug: str
    language: str
    admin_address: str
    admin_name: str = ""


class Fault(StrEnum):
    """Why something of a wish cannot be."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    BAD_SLUG = "bad_slug"
    TAKEN = "taken"
    """Another organisation has the slug."""
    UNKNOWN_LANGUAGE = "unknown_language"
    BAD_ADDRESS = "bad_address"
    OF_ANOTHER = "of_another"
    """The address is another organisation's: its account is there, or its domain is theirs."""
    OF_OPERATOR = "of_operator"
    BLOCKED = "blocked"
    """The address's account is blocked."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was made. `faults` by field of the wish; `owner` is the organisation whose the address is."""

    faults: Mapping[str, Fault]
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """The organisation is there, its first admin has been written to."""

    tenant_id: UUID
    slug: str
    master_id: UUID
    admin_id: UUID


class TenantMails(Protocol):
    """Writes the mail to an organisation's first admin."""

    def invitation(
        self,
        *,
        address: str,
        language: str,
        time_zone: str,
        organisation: str,
        slug: str,
        word: str | None,
        until: datetime,
        tenant_id: UUID,
        key: str,
    ) -> Mail:
        """Word that the organisation is there; the link with the secret `word` chooses a password. None: there is one already."""


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('messa.tenant'))")


def create(
    session: Session, now: datetime, author: Author, wish: Wish, mails: TenantMails, post: Post
) -> Created | Refused:
    """Make an organisation with its Master group and first admin, who is told by mail.

    The admin's account is made, or, where it is a free one, or a removed one that nobody has blocked, taken.
    """
    session.execute(_ONE_AT_A_TIME)
    wish = _tidied(wish)
    if faults := _faults(session, wish):
        return Refused(faults)
    account = _account(session, now, wish)
    if isinstance(account, Refused):
        return account
    tenant, master = tree.create_tenant(session, wish.slug, wish.name, language=wish.language)
    author = replace(author, group_id=master.id)
    after = {"slug": wish.slug, "language": wish.language}
    made = [Change(tenant.id, master.id, Action.TENANT_CREATED, wish.name, tenant.id, after=after)]
    if sender_name := sender_name_of(wish.name):
        tree.set_here(session, now, master, Key.SENDER_NAME, sender_name)
        is_set = {"value": sender_name, "lock": Lock.SUBADMIN.value}
        made.append(
            Change(tenant.id, master.id, Action.SETTING_SET, Key.SENDER_NAME, master.id, after=is_set)
        )
    record(session, now, author, made)
    _take(session, now, author, wish, account, master)
    _invite(session, now, wish, account, tenant, mails, post)
    return Created(tenant.id, wish.slug, master.id, account.id)


def _tidied(wish: Wish) -> Wish:
    name = _one_line(wish.name)
    slug = wish.slug.strip().lower() or (tree.slug_of(name)[:LONGEST_SLUG].strip("-") if name else "")
    return replace(wish, name=name, slug=slug, admin_name=_one_line(wish.admin_name))


def _one_line(written: str) -> str:
    return "".join(c for c in " ".join(written.split()) if c.isprintable())


def sender_name_of(name: str) -> str | None:
    """A sender name from an organisation's name: its first words, as many as fit; None if there is none to be had (spec G9)."""
    words = _NOT_IN_SENDER_NAME.sub(" ", name).split()
    made = "" if not words else words[0][:LONGEST_SENDER_NAME]
    for word in words[1:]:
        if len(made) + 1 + len(word) > LONGEST_SENDER_NAME:
            break
        made = f"{made} {word}"
    usable = bool(made) and not made.replace(" ", "").isdigit()
    return made if usable and made != DEFAULTS[Key.SENDER_NAME] else None


def _faults(session: Session, wish: Wish) -> dict[str, Fault]:
    faults = {}
    if not wish.name:
        faults["name"] = Fault.EMPTY
    elif len(wish.name) > LONGEST_NAME:
        faults["name"] = Fault.TOO_LONG
    if wish.name or wish.slug:
        fits = SHORTEST_SLUG <= len(wish.slug) <= LONGEST_SLUG and _SLUG.fullmatch(wish.slug)
        if not fits:
            faults["slug"] = Fault.BAD_SLUG
        elif id_of(session, wish.slug) is not None:
            faults["slug"] = Fault.TAKEN
    if wish.language not in LANGUAGES:
        faults["language"] = Fault.UNKNOWN_LANGUAGE
    if as_address(wish.admin_address) is None:
        faults["admin_address"] = Fault.BAD_ADDRESS
    if len(wish.admin_name) > LONGEST_NAME:
        faults["admin_name"] = Fault.TOO_LONG
    return faults


_OWNER = text(
    "SELECT t.name FROM domain d JOIN tenant t ON t.id = d.tenant_id WHERE d.name = ANY(CAST(:names AS text[])) AND d.state = 'verified'"
    " ORDER BY length(d.name) DESC LIMIT 1"
)
_ACCOUNT = text(
    "SELECT a.id, a.address, a.tenant_id, a.group_id, g.path::text AS path, a.is_operator, a.blocked, a.removed_at IS NOT NULL AS is_removed,"
    " CAST(:is_new AS boolean) AS is_new,"
    " a.password_hash IS NOT NULL AS has_password, coalesce(a.language, :language) AS language, t.is_free, t.name AS owner"
    ' FROM account a JOIN tenant t ON t.id = a.tenant_id JOIN "group" g ON g.id = a.group_id WHERE a.id = :id FOR NO KEY UPDATE OF a'
)


def _account(session: Session, now: datetime, wish: Wish) -> Row[tuple[object, ...]] | Refused:
    """The account that is to be the first admin's, locked; a free one if it is new."""
    address = as_address(wish.admin_address)
    assert address
    owner = session.execute(_OWNER, {"names": parents(address.rpartition("@")[2])}).scalar()
    if owner is not None:
        return Refused({"admin_address": Fault.OF_ANOTHER}, owner)
    known = find_or_create(session, now, {address: Newcomer(wish.admin_name, None)})[address]
    parameters = {"id": known.id, "is_new": known.is_new, "language": wish.language}
    row = session.execute(_ACCOUNT, parameters).one()
    if row.is_operator:
        return Refused({"admin_address": Fault.OF_OPERATOR})
    if not row.is_free and not row.is_removed:
        return Refused({"admin_address": Fault.OF_ANOTHER}, row.owner)
    return Refused({"admin_address": Fault.BLOCKED}) if row.blocked else row


def _take(
    session: Session,
    now: datetime,
    author: Author,
    wish: Wish,
    account: Row[tuple[object, ...]],
    master: Group,
) -> None:
    place = place_of(session, master.tenant_id, master.id)
    assert place
    held = Held(
        account.id,
        account.tenant_id,
        account.group_id,
        account.path,
        # one that was made this moment has been nowhere before
        account.is_removed or account.is_new,
        account.blocked,
        account.is_operator,
    )
    moving.bring(session, now, author, place, [moving.Comer(account.address, held, wish.admin_name)])
    session.add(GroupAdmin(group_id=master.id, account_id=account.id, tenant_id=master.tenant_id, since=now))
    made = Change(master.tenant_id, master.id, Action.ADMIN_ADDED, account.address, account.id)
    record(session, now, author, [made])


def _invite(
    session: Session,
    now: datetime,
    wish: Wish,
    account: Row[tuple[object, ...]],
    tenant: Tenant,
    mails: TenantMails,
    post: Post,
) -> None:
    word = None
    if not account.has_password:
        word = issue_token(session, now, account.id, TokenKind.WELCOME, WELCOME_LIFE)
    letter = mails.invitation(
        address=account.address,
        language=account.language,
        time_zone=tenant.time_zone,
        organisation=wish.name,
        slug=wish.slug,
        word=word,
        until=now + WELCOME_LIFE,
        tenant_id=tenant.id,
        key=f"invitation:{tenant.id}",
    )
    post.put(session, now, [letter])
