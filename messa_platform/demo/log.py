"""What else the demo's log has to show: texts that a limit stopped, that were refused or did not arrive, long ones, and a group that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from messa_platform.core.bulk import copy_rows
from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.core.ids import new_id_at
from messa_platform.core.segments import segment
from messa_platform.demo.happenings import events_of
from messa_platform.demo.history import OWN_NUMBER
from messa_platform.demo.organisation import SUB
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import EVENT, MESSAGE, Touch, threads
from messa_platform.providers.models import Channel
from messa_platform.tenants import move_groups
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Account, Group, Tenant
from messa_platform.tenants.places import Place, place_of

GONE = "Aftonskolan"
"""A group that was there for a while; what was sent from it stays in the log."""

_SENT = frozenset({Status.SENT, Status.BUFFERED, Status.DELIVERED, Status.UNDELIVERED})
CALL = "Kan du vikariera på Björkskolan i dag kl 8-14? Svara JA eller NEJ."
TRIP = (
    "Hej! På torsdag åker vi till skogen. Ta med matsäck, regnkläder, stövlar och ett sittunderlag. Vi samlas på skolgården kl 8.15 och är"
    " tillbaka till lunchen kl 12. Barn med fritids går dit direkt efteråt. Hör av er om något är oklart. Hälsningar alla i 4A"
)
ALARM = "LARM 02:11: rörelselarm Ekgården, korridor 2. Ingen har kvitterat. Ring bakjouren om du inte kan gå dit. Kvittera med OK."
EVENING = "Kursen i svenska börjar kl 18.00 i sal 12."


@dataclass(frozen=True, slots=True)
class Line:
    """A message: who, so many days ago at a time of day, to or from which number, what became of it, and whose rule stopped it."""

    address: str
    days: int
    minutes: int
    number: int
    text: str
    status: Status = Status.DELIVERED
    rule: str = ""
    group: str = ""
    late: bool = False


def _lines() -> Iterator[Line]:
    """In the order in which they stand here, whatever the day is."""
    pool, teacher, night = "vikarie@demo.example", "larare.4a@demo.example", "jour@demo.example"
    for number in range(8):  # a call to more than the school's limit had left
        stopped = number >= 5
        status, rule = (Status.USED_UP_GROUP, "Skolan") if stopped else (Status.DELIVERED, "")
        yield Line(pool, 12, 370 + number // 4, 31 + number, CALL, status, rule)
    for number in range(6):  # long ones, until the teacher's own limit was reached
        stopped = number >= 4
        status, rule = (Status.USED_UP_PERSONAL, "Björkskolan") if stopped else (Status.DELIVERED, "")
        yield Line(teacher, 5, 900 + number, 11 + number, TRIP, status, rule)
    yield Line(teacher, 4, 480, 11, "Tack för i går!", Status.INCOMING)
    yield Line("exp.ek@demo.example", 9, 610, 18, TRIP * 8, Status.TOO_MANY_PARTS)
    yield Line("exp.ek@demo.example", 8, 611, 19, TRIP, Status.BUFFERED)
    yield Line("exp.ek@demo.example", 3, 520, 24, "Skolan öppnar kl 9 på måndag.", late=True)
    yield Line(night, 7, 131, 36, ALARM)
    yield Line(night, 7, 133, 36, ALARM, Status.ALREADY_SENT)
    yield Line(night, 6, 700, 38, ALARM, Status.UNDELIVERED)
    yield Line(night, 6, 702, 39, ALARM, Status.UNSENT)
    yield Line(night, 2, 95, 37, ALARM, Status.BLOCKED)
    yield Line(night, 1, 1320, 35, "Kommer 21.30 i stället", Status.INCOMING)
    for number in range(10):
        yield Line(pool, 62 - 4 * number, 1020, 10 + number, EVENING, group=GONE)


def bring_up_to_date(session: Session, now: datetime) -> None:
    """Write it once, as it would stand there by now."""
    tenant = session.execute(select(Tenant).where(Tenant.slug == "demo")).scalar_one()
    if session.execute(select(Group.id).where(Group.tenant_id == tenant.id, Group.name == GONE)).first():
        return
    gone = _gone(session, now, tenant.id)
    if gone is None:  # a visitor has removed the schools, or moved them
        return
    _write(session, now, tenant.id)


def _gone(session: Session, now: datetime, tenant_id: UUID) -> Place | None:
    school = _group(session, tenant_id, "Skolan")
    if school is None:
        return None
    found = select(Account.id).where(Account.tenant_id == tenant_id, Account.address == SUB)
    sofia = Author(Actor.ADMIN, session.execute(found).scalar(), SUB, school.id)
    group = move_groups.add(session, now - timedelta(days=70), sofia, school, GONE)
    if not isinstance(group, Place):
        return None
    move_groups.remove(session, now - timedelta(days=20), sofia, group, school, school, group.version)
    return group


def _group(session: Session, tenant_id: UUID, name: str) -> Place | None:
    wanted = select(Group.id).where(
        Group.tenant_id == tenant_id, Group.name == name, Group.removed_at.is_(None)
    )
    found = session.execute(wanted).scalars().first()
    return place_of(session, tenant_id, found) if found else None


def _write(session: Session, now: datetime, tenant_id: UUID) -> None:
    accounts = {
        a.address: a for a in session.execute(select(Account).where(Account.tenant_id == tenant_id)).scalars()
    }
    groups = {
        g.name: g.id for g in session.execute(select(Group).where(Group.tenant_id == tenant_id)).scalars()
    }
    channel_id = session.execute(
        select(Channel.id).where(Channel.name == "simulator", Channel.tenant_id.is_(None))
    ).scalar()
    messages: list[dict[str, Any]] = []
    events: list[dict[str, object]] = []
    for line in _lines():
        if line.address not in accounts or (line.rule and line.rule not in groups):
            continue
        message = _message(session, now, line, accounts[line.address], groups, channel_id)
        messages.append(message)
        events += events_of(message, late=line.late)
    if messages:
        ensure_partitions(session.connection(), min(m["created_at"] for m in messages), now)
    copy_rows(session, MESSAGE, messages)
    copy_rows(session, EVENT, events)


def _message(
    session: Session,
    now: datetime,
    line: Line,
    account: Account,
    groups: dict[str, UUID],
    channel_id: UUID | None,
) -> dict[str, Any]:
    at = start_of_stockholm_day(stockholm_day(now - timedelta(days=line.days))) + timedelta(
        minutes=line.minutes
    )
    identifier, remote = new_id_at(at), f"+467017406{line.number:02d}"
    segments = segment(line.text)
    touch = Touch(account.tenant_id, account.id, remote, identifier)
    came = line.status is Status.INCOMING
    return {
        "id": identifier,
        "tenant_id": account.tenant_id,
        "group_id": groups[line.group] if line.group else account.group_id,
        "account_id": account.id,
        "thread_id": threads(session, at, [touch])[account.id, remote].id,
        "direction": Direction.IN if came else Direction.OUT,
        "door": Door.PROVIDER if came else Door.MAIL,
        "status": line.status,
        "status_at": at,
        "rule_group_id": groups.get(line.rule),
        "remote": remote,
        "local": OWN_NUMBER if came else "Demo kommun",
        "text": line.text,
        "encoding": segments.encoding,
        "parts": segments.count if line.status in _SENT else 0,
        "channel_id": channel_id if came or line.status in _SENT or line.status is Status.UNSENT else None,
        "created_at": at,
    }
