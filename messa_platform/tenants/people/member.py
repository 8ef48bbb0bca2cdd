"""One member of an organisation, as its admins see and change it (spec G11).

`read` serves any session. What changes something takes sessions that see every tenant, since numbers are no tenant's to change, and finds
only accounts in the group of the author's authority or below it. Whoever comes second to a form is told (`Conflict`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.core.i18n import LANGUAGES
from messa_platform.tenants import numbers, quota
from messa_platform.tenants.admins import are_last, beyond
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.group_settings import in_force
from messa_platform.tenants.held_settings import on_path
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.people import moving
from messa_platform.tenants.people.moving import Comer
from messa_platform.tenants.people.plan import Held
from messa_platform.tenants.places import Place, places_of
from messa_platform.tenants.profile import MAX_NAME
from messa_platform.tenants.quota import Kind


@dataclass(frozen=True, slots=True)
class Use:
    """What a limit on each account leaves this one, in parts. `allowed` and `window_days` as in `group_settings.Quota`.

    `group_id` is the group that has set it; None where the admin does not see it, and then no figure is told either (spec G2).
    """

    left: int | None
    allowed: int | None
    window_days: int | None
    group_id: UUID | None


@dataclass(frozen=True, slots=True)
class Member:
    """An account as an admin sees it. `language` None: the tenant's. `number`: the one lent to it.

    `last_sent` is the day, in Stockholm, on which it last sent a text since it came to its group; None if it did not. `admin_of` are the
    groups that it administers and the admin sees. `use` None: no limit on each account holds here.
    """

    id: UUID
    address: str
    display_name: str
    language: str | None
    is_blocked: bool
    group_id: UUID
    group_since: datetime
    placed_by_hand: bool
    has_password: bool
    has_second_factor: bool
    created_at: datetime
    number: str | None
    last_sent: date | None
    admin_of: tuple[UUID, ...]
    use: Use | None
    version: int


# `:authority` is the topmost group of the admin's, as a label of the tree's paths.
_SEEN = ":authority = ANY(string_to_array(g.path::text, '.'))"
_READ = text(
    "SELECT a.id, a.address, a.display_name, a.language, a.blocked, a.group_id, a.group_since, a.tenant_since, a.placed_by_hand,"
    " a.password_hash IS NOT NULL AS has_password, a.totp_since IS NOT NULL AS has_second_factor, a.created_at, n.msisdn, a.version,"
    " g.path::text AS path,"
    " (SELECT max(u.bucket) FROM quota_usage u WHERE u.scope_id = a.id AND u.parts > 0) AS last_bucket,"
    ' ARRAY(SELECT ga.group_id FROM group_admin ga JOIN "group" g ON g.id = ga.group_id'
    f" WHERE ga.account_id = a.id AND ga.tenant_id = :tenant_id AND {_SEEN} ORDER BY g.path) AS admin_of"
    ' FROM account a JOIN "group" g ON g.id = a.group_id LEFT JOIN number n ON n.account_id = a.id'
    f" WHERE a.id = :id AND a.tenant_id = :tenant_id AND a.removed_at IS NULL AND a.kind = 'person' AND {_SEEN}"
)


def read(
    session: Session, now: datetime, tenant_id: UUID, authority_id: UUID, account_id: UUID
) -> Member | None:
    """A member in the group `authority_id` or below it; None if there is none of that id there. The same few statements for every member."""
    parameters = {"id": account_id, "tenant_id": tenant_id, "authority": authority_id.hex}
    row = session.execute(_READ, parameters).first()
    if row is None:
        return None
    return Member(
        id=row.id,
        address=row.address,
        display_name=row.display_name,
        language=row.language,
        is_blocked=row.blocked,
        group_id=row.group_id,
        group_since=row.group_since,
        placed_by_hand=row.placed_by_hand,
        has_password=row.has_password,
        has_second_factor=row.has_second_factor,
        created_at=row.created_at,
        number=row.msisdn,
        last_sent=_last_sent(row),
        admin_of=tuple(row.admin_of),
        use=_use(session, now, tenant_id, authority_id, row),
        version=row.version,
    )


def _last_sent(row: Row[Any]) -> date | None:
    """What it did before it came here is its former group's to know."""
    came = start_of_stockholm_day(stockholm_day(row.group_since))
    return stockholm_day(row.last_bucket) if row.last_bucket and row.last_bucket >= came else None


def _use(session: Session, now: datetime, tenant_id: UUID, authority_id: UUID, row: Row[Any]) -> Use | None:
    ids = [UUID(label) for label in row.path.split(".")]
    places = places_of(session, tenant_id, ids)
    settings = in_force(tenant_id, on_path(session, [places[i] for i in ids]).nodes())
    limit = settings.account_quota
    if limit is None:
        return None
    if limit.group_id not in ids[ids.index(authority_id) :]:
        return Use(None, None, None, None)
    held = quota.left(session, now, row.id, row.tenant_since, settings)
    left = next((each.sms for each in held if each.kind is Kind.PERSONAL), None)
    return Use(left, limit.sms, limit.window_days, limit.group_id)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an admin wants a member to be. `language` None: the tenant's."""

    display_name: str
    language: str | None
    is_blocked: bool


class Refusal(StrEnum):
    """Why nothing was changed."""

    UNKNOWN = "unknown"
    """There is no such member where the author administers."""
    TOO_LONG = "too_long"
    """The display name has more than `profile.MAX_NAME` characters."""
    UNKNOWN_LANGUAGE = "unknown_language"
    YOURSELF = "yourself"
    """Nobody blocks or removes themselves."""
    OPERATOR = "operator"
    """One of the platform's own."""
    HIGHER_ADMIN = "higher_admin"
    """Who administers a group that the author does not."""
    LAST_ADMIN = "last_admin"
    """Nobody else administers Master: the organisation could not run itself any more."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody has changed the member since the form was made, whose version is now this one. `audit_view.latest` tells who, and what."""

    version: int


@dataclass(frozen=True, slots=True)
class Done:
    """It is so."""


Outcome = Done | Conflict | Refusal | NotAdmin

_HELD = text(
    "SELECT a.id, a.address, a.display_name, a.language, a.blocked, a.is_operator, a.version, a.tenant_id, a.group_id,"
    ' g.path::text AS path FROM account a JOIN "group" g ON g.id = a.group_id'
    f" WHERE a.id = :id AND a.tenant_id = :tenant_id AND a.removed_at IS NULL AND a.kind = 'person' AND {_SEEN} FOR NO KEY UPDATE OF a"
)


def _hold(
    session: Session, author: Author, tenant_id: UUID, account_id: UUID, version: int
) -> Row[Any] | Conflict | Refusal | NotAdmin:
    """The member, locked, if it is the author's to change and as the author has seen it."""
    assert author.group_id is not None, "members are changed by somebody's adminship"
    moving.hold(session, tenant_id)
    parameters = {"id": account_id, "tenant_id": tenant_id, "authority": author.group_id.hex}
    row = session.execute(_HELD, parameters).first()
    if not administers(session, author, tenant_id, author.group_id):
        return NotAdmin()
    if row is None:
        return Refusal.UNKNOWN
    return row if row.version == version else Conflict(row.version)


_CHANGE = text(
    "UPDATE account SET display_name = :display_name, language = :language, blocked = :blocked, version = version + 1 WHERE id = :id"
)


def change(
    session: Session,
    now: datetime,
    author: Author,
    tenant_id: UUID,
    account_id: UUID,
    version: int,
    wish: Wish,
    rest: timedelta = REST,
) -> Outcome:
    """Make a member what an admin wants it to be; `version` is the one that its form was made of.

    Who is blocked is signed out everywhere, and gives the number back.
    """
    row = _hold(session, author, tenant_id, account_id, version)
    if isinstance(row, Conflict | Refusal | NotAdmin):
        return row
    wanted = {
        "display_name": _one_line(wish.display_name),
        "language": wish.language,
        "blocked": wish.is_blocked,
    }
    refusal = _refusal(session, author, row, wanted)
    if refusal is not None:
        return refusal
    before = {name: getattr(row, name) for name in wanted if getattr(row, name) != wanted[name]}
    if not before:
        return Done()
    session.execute(_CHANGE, {"id": account_id, **wanted})
    if before.get("blocked") is False:
        moving.end_sessions(session, [account_id])
        numbers.take_back_many(session, now, [account_id], rest)
    record(session, now, author, _changes(row, before, wanted))
    return Done()


def _one_line(written: str) -> str:
    return "".join(c for c in " ".join(written.split()) if c.isprintable())


def _refusal(session: Session, author: Author, row: Row[Any], wanted: Mapping[str, Any]) -> Refusal | None:
    if len(wanted["display_name"]) > MAX_NAME:
        return Refusal.TOO_LONG
    if wanted["language"] is not None and wanted["language"] not in LANGUAGES:
        return Refusal.UNKNOWN_LANGUAGE
    return _shut_out(session, author, row) if wanted["blocked"] and not row.blocked else None


def _shut_out(session: Session, author: Author, row: Row[Any]) -> Refusal | None:
    """Why the member may not be blocked or removed."""
    if row.is_operator:
        return Refusal.OPERATOR
    if row.id == author.account_id:
        return Refusal.YOURSELF
    if beyond(session, row.tenant_id, author.group_id, [row.id]):
        return Refusal.HIGHER_ADMIN
    return Refusal.LAST_ADMIN if are_last(session, row.tenant_id, [row.id]) else None


def _changes(row: Row[Any], before: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """What stands in the log: to block somebody is a change of its own kind."""
    plain = {name: value for name, value in before.items() if name != "blocked"}
    changes = []
    if plain:
        after = {name: wanted[name] for name in plain}
        changes.append(_entry(row, Action.ACCOUNT_CHANGED, plain, after))
    if "blocked" in before:
        changes.append(_entry(row, Action.ACCOUNT_BLOCKED if wanted["blocked"] else Action.ACCOUNT_UNBLOCKED))
    return changes


def _entry(row: Row[Any], action: Action, before: Any = None, after: Any = None) -> Change:
    return Change(row.tenant_id, row.group_id, action, row.address, row.id, before, after)


def move(
    session: Session,
    now: datetime,
    author: Author,
    tenant_id: UUID,
    account_id: UUID,
    version: int,
    to: Place,
    rest: timedelta = REST,
) -> Outcome:
    """Put a member into another group of the tenant; whether that one is the author's to see is for the caller to ask.

    From then on a verified domain leaves it there (spec D4).
    """
    row = _hold(session, author, tenant_id, account_id, version)
    if isinstance(row, Conflict | Refusal | NotAdmin):
        return row
    if to.tenant_id != tenant_id or not _is_there(session, to):
        return Refusal.UNKNOWN
    if row.is_operator:
        return Refusal.OPERATOR
    if row.group_id != to.id:
        held = Held(row.id, row.tenant_id, row.group_id, row.path, False, row.blocked, False)
        moving.bring(session, now, author, to, [Comer(row.address, held)], rest)
    return Done()


_IS_THERE = text('SELECT FROM "group" WHERE id = :id AND removed_at IS NULL')


def _is_there(session: Session, place: Place) -> bool:
    return session.execute(_IS_THERE, {"id": place.id}).first() is not None


def remove(
    session: Session,
    now: datetime,
    author: Author,
    tenant_id: UUID,
    account_id: UUID,
    version: int,
    *,
    block: bool,
    rest: timedelta = REST,
) -> Outcome:
    """Remove a member; unless `block`, it comes back by its next mail (spec G11), as somebody new. Its messages stay.

    Texts that wait for their time are cancelled then, by `messaging.schedule`, which asks whether their sender may send.
    """
    row = _hold(session, author, tenant_id, account_id, version)
    if isinstance(row, Conflict | Refusal | NotAdmin):
        return row
    refusal = _shut_out(session, author, row)
    if refusal is not None:
        return refusal
    moving.part(session, now, author, [account_id], block=block, rest=rest)
    after = {"blocked": True} if block else None
    record(session, now, author, [_entry(row, Action.ACCOUNT_REMOVED, after=after)])
    return Done()
