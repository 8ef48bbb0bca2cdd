"""The demo's webhooks: programs of the schools that listen in the simulator. One takes what it is told, one fails, one wants nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from messa_platform.demo.organisation import SUB
from messa_platform.messaging.outward import deliveries, note
from messa_platform.messaging.outward.endpoints import Made, Wish
from messa_platform.messaging.outward.events import TYPES, EventType
from messa_platform.messaging.outward.note import Happening
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.messaging.statuses import Status
from messa_platform.tenants.admin_models import Actor, AuditEntry
from messa_platform.tenants.audit import Action, Author
from messa_platform.tenants.models import Account, Group, Tenant
from messa_platform.tenants.people.moving import hold
from messa_platform.tenants.places import Place, place_of

SCHOOL = "Skolan"
SINCE = timedelta(days=12)
LATELY = 12
"""Things that have happened lately of which they are told at first."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A program that listens: by which of the simulator's answers, and for what; nothing named: everything."""

    answer: str
    description: str
    event_types: frozenset[EventType] = frozenset()


LISTENERS = (
    Listener("taken", "Frånvarosystemet"),
    Listener("busy", "Larmservern", frozenset({EventType.UNDELIVERED, EventType.UNSENT})),
    Listener("gone", "Gamla frånvarosystemet", frozenset({EventType.INCOMING})),
)


def bring_up_to_date(session: Session, now: datetime, office: Endpoints, simulator_url: str) -> None:
    """Make them once, towards the simulator; what a visitor has changed or removed since stays so.

    None are made where there is no simulator, or where it may not be spoken to.
    """
    tenant_id = session.execute(select(Tenant.id).where(Tenant.slug == "demo")).scalar_one()
    hold(session, tenant_id)  # processes that start at once take turns
    school = _school(session, tenant_id)
    author = _author(session, school) if school else None
    if not simulator_url or school is None or author is None or _were_made(session, school):
        return
    wishes = [_wish(listener, simulator_url) for listener in LISTENERS]
    outcomes = [office.create(session, now - SINCE, author, school, wish) for wish in wishes]
    note.note_heard(session, list(_lately(session, school)))
    for made in outcomes:
        if isinstance(made, Made):
            deliveries.send_test(session, now, author, school, made.endpoint.id)


def _wish(listener: Listener, simulator_url: str) -> Wish:
    url = f"{simulator_url.rstrip('/')}/simulator/webhooks/{listener.answer}"
    return Wish(url, listener.description, listener.event_types)


def _school(session: Session, tenant_id: object) -> Place | None:
    wanted = select(Group).where(
        Group.tenant_id == tenant_id, Group.name == SCHOOL, Group.removed_at.is_(None)
    )
    group = session.execute(wanted).scalars().first()
    return place_of(session, group.tenant_id, group.id) if group else None


def _author(session: Session, school: Place) -> Author | None:
    wanted = select(Account.id).where(Account.tenant_id == school.tenant_id, Account.address == SUB)
    found = session.execute(wanted).scalar()
    return Author(Actor.ADMIN, found, SUB, school.id) if found else None


def _were_made(session: Session, school: Place) -> bool:
    before = select(AuditEntry.id).where(
        AuditEntry.tenant_id == school.tenant_id, AuditEntry.action == Action.WEBHOOK_ADDED
    )
    return session.execute(before.limit(1)).first() is not None


_LATELY = text(
    "SELECT m.tenant_id, m.group_id, m.account_id, e.message_id, e.status, e.code, e.at FROM message_event e"
    " JOIN message m ON m.id = e.message_id WHERE m.tenant_id = :tenant_id AND m.group_id = :group_id AND e.changed"
    " AND e.status = ANY(CAST(:statuses AS text[])) ORDER BY e.at DESC, e.id DESC LIMIT :most"
)


def _lately(session: Session, school: Place) -> Iterator[Happening]:
    """The last things that happened to the school's messages, in order."""
    asked = {"tenant_id": school.tenant_id, "group_id": school.id, "most": LATELY}
    statuses = [status.value for status in TYPES]
    rows = session.execute(_LATELY, {**asked, "statuses": statuses}).all()
    yield from (_happening(row) for row in reversed(rows))


def _happening(row: Row[tuple[object, ...]]) -> Happening:
    return Happening(**{**row._mapping, "status": Status(row.status)})
