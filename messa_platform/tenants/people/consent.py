"""An address is asked whether it wants to belong to an organisation, since it is another's, or nobody's, so far (spec G11).

Who reads the mail answers for the address: the link in it works once, for two weeks. One yes ends all other questions to the address.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants.accounts import digest
from messa_platform.tenants.admin_models import Actor, ConsentRequest
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.people import moving
from messa_platform.tenants.people.mails import PeoplePost
from messa_platform.tenants.people.moving import Comer
from messa_platform.tenants.people.plan import Held, find_held
from messa_platform.tenants.places import Place, place_of

CONSENT = cast(Table, ConsentRequest.__table__)

LIFE = timedelta(days=14)
"""How long the link of a question works."""


# Of two tasks that ask for one organisation the second counts what the first has asked.
_TAKE_TURN = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('messa.consent:' || CAST(:tenant_id AS text), 0))"
)


def take_turn(session: Session, tenant_id: UUID) -> None:
    """Be the only one that asks for the organisation, until the transaction ends; before any account is locked."""
    session.execute(_TAKE_TURN, {"tenant_id": tenant_id})


_ORGANISATION = text("SELECT name, language FROM tenant WHERE id = :id")
_LANGUAGES = text(
    "SELECT a.id, a.address, coalesce(a.language, t.language) AS language FROM account a JOIN tenant t ON t.id = a.tenant_id"
    " WHERE a.address = ANY(CAST(:addresses AS text[]))"
)


def ask(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    addresses: Sequence[str],
    post: PeoplePost,
) -> None:
    """Ask each of these addresses by mail whether it wants to come to the group. Who was asked of late, and who would be too many
    today, is for `plan` to leave out."""
    if not addresses:
        return
    organisation = session.execute(_ORGANISATION, {"id": place.tenant_id}).one()
    known = {row.address: row for row in session.execute(_LANGUAGES, {"addresses": list(addresses)})}
    asked = [(new_id(), address, secrets.token_urlsafe(32)) for address in addresses]
    accounts = {address: row.id for address, row in known.items()}
    _keep(session, now, author, place, accounts, asked)
    mails = [
        post.mails.consent(
            address=address,
            language=known[address].language if address in known else organisation.language,
            organisation=organisation.name,
            asked_by=author.address if author.actor is Actor.ADMIN else "",
            word=word,
            until=now + LIFE,
            tenant_id=place.tenant_id,
            key=f"consent:{identifier}",
        )
        for identifier, address, word in asked
    ]
    post.post.put(session, now, mails)


def _keep(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    accounts: Mapping[str, UUID],
    asked: Sequence[tuple[UUID, str, str]],
) -> None:
    """Store questions: each with its address and the secret word of its link, of which only the digest is kept."""
    rows = [
        {
            "id": identifier,
            "tenant_id": place.tenant_id,
            "group_id": place.id,
            "address": address,
            "account_id": accounts.get(address),
            "digest": digest(word),
            "asked_by": author.account_id,
            "asked_at": now,
            "expires_at": now + LIFE,
        }
        for identifier, address, word in asked
    ]
    insert_rows(session, CONSENT, rows)
    changes = [
        Change(place.tenant_id, place.id, Action.CONSENT_ASKED, address, identifier)
        for identifier, address, _ in asked
    ]
    record(session, now, author, changes)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that waits for its answer. `has_account`: the address would move; otherwise an account is made for it."""

    id: UUID
    address: str
    organisation: str
    language: str
    has_account: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """It was answered before, as `accepted` says."""

    accepted: bool


@dataclass(frozen=True, slots=True)
class QuestionOld:
    """Its time is over, or it was settled by the answer to another one."""


@dataclass(frozen=True, slots=True)
class QuestionUnknown:
    """There is no such question."""


@dataclass(frozen=True, slots=True)
class QuestionVoid:
    """Nothing can come of it any more: the organisation or its group is gone, or the address is one of the platform's own."""


NoQuestion = QuestionAnswered | QuestionOld | QuestionUnknown | QuestionVoid

_OPEN = text(
    "SELECT q.id, q.tenant_id, q.group_id, q.address, q.expires_at, q.answered_at, q.accepted, t.name AS organisation, t.state,"
    " coalesce(a.language, own.language, t.language) AS language, a.id AS account_id, a.is_operator,"
    " a.id IS NOT NULL AND a.removed_at IS NULL AS has_account FROM consent_request q JOIN tenant t ON t.id = q.tenant_id"
    " LEFT JOIN account a ON a.address = q.address LEFT JOIN tenant own ON own.id = a.tenant_id WHERE q.digest = :digest"
)


def open_question(session: Session, now: datetime, word: str) -> Question | NoQuestion:
    """What a mailed link's secret word asks. Looking answers nothing. `session` sees every tenant."""
    row = _row_of(session, word)
    if row is None:
        return QuestionUnknown()
    fault = _fault(session, now, row)
    return fault or Question(
        row.id, row.address, row.organisation, row.language, row.has_account, row.expires_at
    )


def _row_of(session: Session, word: str) -> Row[Any] | None:
    return session.execute(_OPEN, {"digest": digest(word)}).first() if word.isascii() else None


def _fault(session: Session, now: datetime, row: Row[Any]) -> NoQuestion | None:
    if row.answered_at is not None:
        return QuestionAnswered(row.accepted) if row.accepted is not None else QuestionOld()
    if row.expires_at <= now:
        return QuestionOld()
    is_there = row.state != TenantState.CLOSED and place_of(session, row.tenant_id, row.group_id) is not None
    return None if is_there and not row.is_operator else QuestionVoid()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The address belongs to the organisation now."""

    organisation: str


@dataclass(frozen=True, slots=True)
class Declined:
    """Everything stays as it was."""

    organisation: str


# All of the address, in one order, so that answers to two of them at once do not wait for each other in a ring.
_LOCK = text("SELECT id FROM consent_request WHERE address = :address ORDER BY id FOR UPDATE")
_ANSWER = text("UPDATE consent_request SET answered_at = :now, accepted = :accepted WHERE id = :id")
# They are settled without having been answered.
_SETTLE = text(
    "UPDATE consent_request SET answered_at = :now WHERE address = :address AND answered_at IS NULL AND id <> :id"
)


def answer(
    session: Session, now: datetime, word: str, *, accepted: bool, rest: timedelta = REST
) -> Accepted | Declined | NoQuestion:
    """Answer a question, once: of two answers at once the second is told what the first one was. `session` sees every tenant.

    An account that comes to another tenant is signed out; the organisation that it leaves finds that in its audit log.
    """
    asked = _row_of(session, word)
    if asked is None:
        return QuestionUnknown()
    moving.hold(session, asked.tenant_id)
    moving.lock(session, [asked.address])
    session.execute(_LOCK, {"address": asked.address}).all()
    row = _row_of(session, word)
    assert row is not None
    fault = _fault(session, now, row)
    if fault is not None:
        return fault
    session.execute(_ANSWER, {"id": row.id, "now": now, "accepted": accepted})
    author = Author(Actor.OWNER, row.account_id, row.address)
    action = Action.CONSENT_GIVEN if accepted else Action.CONSENT_REFUSED
    record(session, now, author, [Change(row.tenant_id, row.group_id, action, row.address, row.id)])
    if not accepted:
        return Declined(row.organisation)
    session.execute(_SETTLE, {"now": now, "address": row.address, "id": row.id})
    place = place_of(session, row.tenant_id, row.group_id)
    assert place is not None
    _come(session, now, author, place, row.address, rest)
    return Accepted(row.organisation)


def _come(
    session: Session, now: datetime, author: Author, place: Place, address: str, rest: timedelta
) -> None:
    held = find_held(session, [address]).get(address)
    if held is None and not moving.make(session, now, author, place, {address: ""}):
        moving.lock(session, [address])  # its first mail was quicker
        held = find_held(session, [address])[address]
    if held is not None and not _is_here(held, place):
        moving.bring(session, now, author, place, [Comer(address, held)], rest)


def _is_here(held: Held, place: Place) -> bool:
    """In the organisation already, by another way: then it stays where it is."""
    return held.tenant_id == place.tenant_id and not held.is_removed
