"""Keys of API users: made and shown once, rotated with an overlap, removed, recognised (spec A4, V2)."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.core.pipeline import Pipeline
from messa_platform.tenants.accounts import digest
from messa_platform.tenants.api_users.models import ApiKey, KeyKind, Scope
from messa_platform.tenants.api_users.users import (
    LONGEST_NAME,
    ApiUser,
    Conflict,
    held,
    one_line,
)
from messa_platform.tenants.api_users.users import Refusal as UserRefusal
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.places import Place
from messa_platform.tenants.senders import Whose

MOST = 20
"""Keys that an API user may have."""
LONGEST_OVERLAP = timedelta(days=90)
HINT = 4
"""Last letters of a key that are kept, for telling keys apart."""

_LEGACY_LETTERS = string.ascii_uppercase + string.digits
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Key:
    """A key as its list shows it. `scopes` are those of v2; a session key has none, and may send and ask as its API user."""

    id: UUID
    account_id: UUID
    kind: KeyKind
    name: str
    hint: str
    scopes: frozenset[Scope]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Made:
    """A new key; `word` is what opens the door, and is told this once."""

    id: UUID
    word: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is known by a key: an API user, in the group where it is now. `path` are the ids of the groups from Master down to that one."""

    key_id: UUID
    account_id: UUID
    tenant_id: UUID
    group_id: UUID
    path: tuple[UUID, ...]
    name: str
    scopes: frozenset[Scope]


class Refusal(StrEnum):
    """Why there is no new key, or none was changed."""

    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    """The API user has `MOST` already."""
    NO_SCOPE = "no_scope"
    """A key of v2 that may be used for nothing."""
    PAST = "past"
    """It would have expired already."""
    TOO_FAR = "too_far"
    """The overlap is longer than `LONGEST_OVERLAP`."""
    UNKNOWN = "unknown"
    """There is no such key."""
    SCOPED = "scoped"
    """A session key takes no scopes."""
    BEYOND = "beyond"
    """It could do what the key by which it is asked for cannot."""
    OUTLIVES = "outlives"
    """It would work for longer than the key by which it is asked for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A key that is wanted. `expires_at` None: it works until it is removed."""

    kind: KeyKind
    name: str = ""
    scopes: frozenset[Scope] = frozenset()
    expires_at: datetime | None = None


Undone = Refusal | UserRefusal | Conflict | NotAdmin

_OF_USERS = text(
    "SELECT id, account_id, kind, name, hint, scopes, created_by, created_at, expires_at, last_used_at FROM api_key"
    " WHERE tenant_id = :tenant_id AND account_id = ANY(CAST(:ids AS uuid[])) ORDER BY account_id, id"
)


def of_users(session: Session, tenant_id: UUID, user_ids: Iterable[UUID]) -> Mapping[UUID, Sequence[Key]]:
    """The keys of API users, oldest first, those that have expired too; by API user. One statement."""
    rows = session.execute(_OF_USERS, {"tenant_id": tenant_id, "ids": list(user_ids)})
    return {user_id: [_key(row) for row in own] for user_id, own in groupby(rows, lambda r: r.account_id)}


def _key(row: Row[Any]) -> Key:
    scopes = frozenset(Scope(scope) for scope in row.scopes)
    return Key(
        row.id, row.account_id, KeyKind(row.kind), row.name, row.hint, scopes,
        row.created_by, row.created_at, row.expires_at, row.last_used_at,
    )  # fmt: skip


_OWNER = text(
    "SELECT k.account_id, a.group_id FROM api_key k JOIN account a ON a.id = k.account_id AND a.tenant_id = k.tenant_id"
    " WHERE k.id = :id AND k.tenant_id = :tenant_id AND a.removed_at IS NULL"
)


def owner_of(session: Session, tenant_id: UUID, key_id: UUID) -> tuple[UUID, UUID] | None:
    """The API user whose key it is, and the group where that is; None if the tenant has no key of that id."""
    row = session.execute(_OWNER, {"id": key_id, "tenant_id": tenant_id}).first()
    return None if row is None else (row.account_id, row.group_id)


def make(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    user_id: UUID,
    wish: Wish,
    by: UUID | None = None,
) -> Made | Undone:
    """A new key beside those that there are. `by`: the key by which it is asked for, which gives out no more than it has; None: an admin
    asks, who may give all."""
    user = held(session, author, place, user_id)
    if not isinstance(user, ApiUser):
        return user
    wanted = _given_out(session, now, user.tenant_id, by, wish)
    if not isinstance(wanted, Wish):
        return wanted
    if refusal := _refusal(session, now, user, wanted):
        return refusal
    return _add(session, now, author, user, wanted)


_GIVER = text(
    "SELECT scopes, expires_at FROM api_key WHERE id = :id AND tenant_id = :tenant_id AND kind = 'v2'"
    " AND (expires_at IS NULL OR expires_at > :now)"
)


def _given_out(
    session: Session, now: datetime, tenant_id: UUID, by: UUID | None, wish: Wish
) -> Wish | Refusal | NotAdmin:
    """What is wanted, as the key `by` can give it out: with no scope that it lacks itself, and for no longer than it works itself. Else whoever
    got hold of a key that is narrow, or ends soon, would have one that is not (spec V2)."""
    if by is None:
        return wish
    row = session.execute(_GIVER, {"id": by, "tenant_id": tenant_id, "now": now}).first()
    if row is None:  # removed meanwhile, or it has expired
        return NotAdmin()
    needed = wish.scopes if wish.kind is KeyKind.V2 else {Scope.MESSAGES_SEND}
    if not {scope.value for scope in needed} <= set(row.scopes):
        return Refusal.BEYOND
    if row.expires_at is None or (wish.expires_at is not None and wish.expires_at <= row.expires_at):
        return wish
    return Refusal.OUTLIVES if wish.expires_at is not None else replace(wish, expires_at=row.expires_at)


def _refusal(session: Session, now: datetime, user: ApiUser, wish: Wish) -> Refusal | None:
    if len(one_line(wish.name)) > LONGEST_NAME:
        return Refusal.TOO_LONG
    if wish.kind is KeyKind.V2 and not wish.scopes:
        return Refusal.NO_SCOPE
    if wish.kind is KeyKind.SESSION and wish.scopes:
        return Refusal.SCOPED
    if wish.expires_at is not None and wish.expires_at <= now:
        return Refusal.PAST
    own = of_users(session, user.tenant_id, [user.id]).get(user.id, ())
    return Refusal.TOO_MANY if len(own) >= MOST else None


def new_word(kind: KeyKind) -> str:
    """A word that nobody guesses: over 200 bits, in the letters that the manual's examples have, or with v2's prefix."""
    if kind is KeyKind.SESSION:
        return "".join(secrets.choice(_LEGACY_LETTERS) for _ in range(40))
    return "msk_live_" + "".join(secrets.choice(_LETTERS) for _ in range(40))


def _add(session: Session, now: datetime, author: Author, user: ApiUser, wish: Wish) -> Made:
    word = new_word(wish.kind)
    key = stored(now, author, user, wish, word)
    session.add(key)
    session.flush()
    after = {"kind": wish.kind.value, "hint": key.hint, "scopes": sorted(wish.scopes)}
    record(session, now, author, [_change(user, Action.API_KEY_ADDED, after=after)])
    return Made(key.id, word)


def stored(now: datetime, author: Author, user: ApiUser, wish: Wish, word: str) -> ApiKey:
    """What is kept of a key."""
    return ApiKey(
        id=new_id(),
        tenant_id=user.tenant_id,
        account_id=user.id,
        kind=wish.kind,
        name=one_line(wish.name),
        digest=digest(word),
        hint=word[-HINT:],
        scopes=sorted(scope.value for scope in wish.scopes) if wish.kind is KeyKind.V2 else [],
        created_by=author.address,
        created_at=now,
        expires_at=wish.expires_at,
    )


def _change(user: ApiUser, action: Action, before: Any = None, after: Any = None) -> Change:
    return Change(user.tenant_id, user.group_id, action, user.name, user.id, before, after)


_END = text(
    "UPDATE api_key SET expires_at = least(coalesce(expires_at, 'infinity'), :until)"
    " WHERE id = :id AND tenant_id = :tenant_id AND account_id = :user_id"
)


def rotate(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    user_id: UUID,
    key_id: UUID,
    overlap: timedelta,
    by: UUID | None = None,
) -> Made | Undone:
    """A new key in the place of an old one, which works on for `overlap`; zero: it ends at once. `by` as in `make`."""
    found = _held_key(session, author, place, user_id, key_id)
    if not isinstance(found, tuple):
        return found
    user, old = found
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        return Refusal.TOO_FAR
    wish = _given_out(session, now, user.tenant_id, by, Wish(old.kind, old.name, old.scopes))
    if not isinstance(wish, Wish):
        return wish
    if refusal := _refusal(session, now, user, wish):
        return refusal
    until = now + overlap
    session.execute(_END, {"id": key_id, "tenant_id": user.tenant_id, "user_id": user.id, "until": until})
    after = {"kind": old.kind.value, "hint": old.hint, "until": until.isoformat()}
    record(session, now, author, [_change(user, Action.API_KEY_ROTATED, after=after)])
    return _add(session, now, author, user, wish)


def _held_key(
    session: Session, author: Author, place: Place, user_id: UUID, key_id: UUID
) -> tuple[ApiUser, Key] | Undone:
    """An API user, locked, and one of its keys."""
    user = held(session, author, place, user_id)
    if not isinstance(user, ApiUser):
        return user
    own = of_users(session, user.tenant_id, [user.id]).get(user.id, ())
    key = next((key for key in own if key.id == key_id), None)
    return Refusal.UNKNOWN if key is None else (user, key)


_REMOVE = text("DELETE FROM api_key WHERE id = :id AND tenant_id = :tenant_id AND account_id = :user_id")


def remove(
    session: Session, now: datetime, author: Author, place: Place, user_id: UUID, key_id: UUID
) -> Key | Undone:
    """Remove a key, which works no more; gives it as it was."""
    found = _held_key(session, author, place, user_id, key_id)
    if not isinstance(found, tuple):
        return found
    user, key = found
    session.execute(_REMOVE, {"id": key_id, "tenant_id": user.tenant_id, "user_id": user.id})
    before = {"kind": key.kind.value, "hint": key.hint}
    record(session, now, author, [_change(user, Action.API_KEY_REMOVED, before)])
    return key


# One statement. When they were used last is noted once a minute, and nobody waits for who is doing that.
_RECOGNISE = text(
    "WITH used AS (UPDATE api_key k SET last_used_at = :now FROM (SELECT id FROM api_key"
    " WHERE digest = ANY(CAST(:digests AS bytea[])) AND kind = :kind AND (expires_at IS NULL OR expires_at > :now)"
    " AND (last_used_at IS NULL OR last_used_at <= CAST(:now AS timestamptz) - interval '1 minute')"
    " FOR NO KEY UPDATE SKIP LOCKED) due WHERE k.id = due.id)"
    " SELECT k.digest, k.id, a.id AS account_id, a.tenant_id, a.group_id, g.path::text AS path, a.display_name AS name, k.scopes"
    ' FROM api_key k JOIN account a ON a.id = k.account_id JOIN "group" g ON g.id = a.group_id JOIN tenant t ON t.id = a.tenant_id'
    " WHERE k.digest = ANY(CAST(:digests AS bytea[])) AND k.kind = :kind AND (k.expires_at IS NULL OR k.expires_at > :now)"
    " AND a.removed_at IS NULL AND NOT a.blocked AND t.state <> 'closed'"
)


def recognise(session: Session, now: datetime, kind: KeyKind, word: str) -> Holder | None:
    """Who is known by a key; None if it is none, or works no more. The session sees every tenant."""
    return recognise_many(session, now, kind, [word])[0]


def recognise_many(
    session: Session, now: datetime, kind: KeyKind, words: Sequence[str]
) -> list[Holder | None]:
    """The same for several, in order; one statement."""
    pipeline = Pipeline(session)
    asked = ask_recognised(pipeline, now, kind, words)
    pipeline.send()
    return asked()


def ask_recognised(
    pipeline: Pipeline, now: datetime, kind: KeyKind, words: Sequence[str]
) -> Callable[[], list[Holder | None]]:
    """The same, once the pipeline was sent."""
    digests = [digest(word) for word in words]
    parameters = {"now": now, "digests": list(set(digests)), "kind": kind.value}
    reply = pipeline.ask(_RECOGNISE, parameters)

    def recognised() -> list[Holder | None]:
        known = {bytes(row.digest): _holder(row) for row in reply.rows}
        return [known.get(each) for each in digests]

    return recognised


def whose(words: Iterable[str]) -> Whose:
    """The API users who have these keys, known or not."""
    condition = "a.id = ANY(ARRAY(SELECT k.account_id FROM api_key k WHERE k.digest = ANY(CAST(:digests AS bytea[]))))"
    return Whose(condition, {"digests": [digest(word) for word in words]})


def _holder(row: Row[Any]) -> Holder:
    path = tuple(UUID(label) for label in row.path.split("."))
    scopes = frozenset(Scope(scope) for scope in row.scopes)
    return Holder(row.id, row.account_id, row.tenant_id, row.group_id, path, row.name, scopes)
