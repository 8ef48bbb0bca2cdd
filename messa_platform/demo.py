"""The demo's data: two municipalities, their people, and some months of messages. Loaded once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from messa_platform.core.bulk import copy_rows
from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.segments import segment
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import EVENT, MESSAGE, THREAD
from messa_platform.providers.models import Channel
from messa_platform.providers.simulator.config import DEFAULT_SECRET
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Account, Domain, DomainState, Group, NumberRange, Tenant
from messa_platform.tenants.tree import add_group, create_tenant, ensure_free_tenant, set_here

FIRST_NUMBER, LAST_NUMBER = 467301214000000, 467301214999999
HISTORY_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Person:
    """A demo account and what it writes."""

    address: str
    name: str
    group: str
    texts: Sequence[str]


PEOPLE = (
    Person("admin@demo.example", "Anna Lindqvist", "Master", ("Driftinformation: e-posten startas om kl 18.00 i kväll.",)),
    Person(
        "user@demo.example", "Ulf Bergström", "Master",
        ("Kallelse: möte i kommunhuset torsdag kl 13.15, sal Eken.", "Glöm inte att lämna in tidrapporten före fredag."),
    ),
    Person(
        "sub@demo.example", "Sofia Åkesson", "Skolan",
        ("Elias är anmäld sjuk i dag. Stämmer det? /Skolexpeditionen", "Friluftsdag i morgon: ta med matsäck och oömma kläder.",
         "Föräldramöte för 4B onsdag kl 18.30 i matsalen. Välkomna!"),
    ),
    Person(
        "vikarie@demo.example", "Vikariepoolen", "Skolan",
        ("Kan du vikariera på Björkskolan i dag kl 8-14? Svara JA eller NEJ.",),
    ),
    Person(
        "jour@demo.example", "Jourhavande Omsorgen", "Omsorgen",
        ("LARM 14:07: trygghetslarm Storgatan 4 B. Kvittera.", "Nattpasset saknar en person. Kan du ta 21-07?"),
    ),
)  # fmt: skip

_ANSWERS = (
    "Ja, det stämmer. Tack!",
    "JA",
    "Nej tyvärr",
    "Tack för påminnelsen, vi kommer.",
    "Kvitterat, är där om 10 min",
)
_ENDS = (*[Status.DELIVERED] * 17, Status.UNDELIVERED, Status.BUFFERED, Status.ALREADY_SENT)


def load(session: Session, now: datetime) -> bool:
    """Load the demo into a database that has none; False if it was there. The caller commits."""
    ensure_free_tenant(session, now)
    if session.execute(select(Tenant.id).where(Tenant.slug == "demo")).first():
        return False
    _platform(session, now)
    groups = _demo_tenant(session, now)
    _, master = create_tenant(session, "other", "Annan kommun")
    _verified(session, now, master, "other.example")
    _account(session, now, master, "admin@other.example", "Olle Norén")
    accounts = {p.address: _account(session, now, groups[p.group], p.address, p.name) for p in PEOPLE}
    session.flush()
    _history(session, now, accounts)
    return True


def _platform(session: Session, now: datetime) -> None:
    session.add(NumberRange(first=FIRST_NUMBER, last=LAST_NUMBER, next_number=FIRST_NUMBER))
    settings = {"host": "127.0.0.1", "port": 6545, "secret": DEFAULT_SECRET}
    session.add(Channel(name="simulator", plugin="simulator", settings=settings, refilled_at=now))


def _demo_tenant(session: Session, now: datetime) -> dict[str, Group]:
    _, master = create_tenant(session, "demo", "Demo kommun")
    _verified(session, now, master, "demo.example")
    set_here(session, now, master, Key.MAY_RECEIVE, True)
    set_here(session, now, master, Key.SENDER_NAME, "Demo kommun")
    school = add_group(session, master, "Skolan")
    care = add_group(session, master, "Omsorgen")
    set_here(session, now, school, Key.GROUP_QUOTA, {"sms": 5000, "window_days": 30, "max_parts": 9})
    set_here(session, now, school, Key.SENDER_NAME, "Skolan")
    set_here(session, now, care, Key.MAY_RECEIVE, False)
    set_here(session, now, care, Key.SENDER_NAME, "Omsorgen")
    return {"Master": master, "Skolan": school, "Omsorgen": care}


def _verified(session: Session, now: datetime, group: Group, name: str) -> None:
    session.add(
        Domain(
            tenant_id=group.tenant_id,
            group_id=group.id,
            name=name,
            state=DomainState.VERIFIED,
            verified_at=now,
        )
    )


def _account(session: Session, now: datetime, group: Group, address: str, name: str) -> Account:
    account = Account(
        id=new_id(),
        tenant_id=group.tenant_id,
        group_id=group.id,
        group_since=now,
        address=address,
        display_name=name,
        created_at=now,
    )
    session.add(account)
    return account


def _history(session: Session, now: datetime, accounts: dict[str, Account]) -> None:
    """Some months of messages, the same at every load but for their dates."""
    chance = random.Random(20261)  # noqa: S311 -- sample data
    start = now - timedelta(days=30 * HISTORY_MONTHS)
    ensure_partitions(session.connection(), start, now)
    threads: dict[tuple[UUID, str], dict[str, object]] = {}
    messages: list[dict[str, object]] = []
    day = start
    while day < now - timedelta(hours=20):
        for person in PEOPLE:
            for _ in range(
                chance.choice((0, 0, 1, 2, 3)) if day.weekday() < 5 else chance.choice((0, 0, 0, 1))
            ):
                minute = timedelta(minutes=chance.randrange(7 * 60, 17 * 60))
                at = start_of_stockholm_day(stockholm_day(day)) + minute
                _exchange(chance, at, accounts[person.address], person, threads, messages)
        day += timedelta(days=1)
    copy_rows(session, THREAD, list(threads.values()))
    copy_rows(session, MESSAGE, messages)
    copy_rows(session, EVENT, [_event(m) for m in messages])


def _exchange(
    chance: random.Random,
    at: datetime,
    account: Account,
    person: Person,
    threads: dict[tuple[UUID, str], dict[str, object]],
    messages: list[dict[str, object]],
) -> None:
    remote = f"+467017406{chance.randrange(10, 40):02d}"
    thread = threads.setdefault(
        (account.id, remote),
        {
            "id": new_id_at(at),
            "tenant_id": account.tenant_id,
            "account_id": account.id,
            "remote": remote,
            "last_message_at": at,
        },
    )
    status = chance.choice(_ENDS)
    messages.append(_message(account, thread, at, Direction.OUT, status, chance.choice(person.texts)))
    thread["last_message_at"] = at
    if status is Status.DELIVERED and person.group != "Omsorgen" and chance.random() < 0.35:
        answered = at + timedelta(minutes=chance.randrange(1, 50))
        messages.append(
            _message(account, thread, answered, Direction.IN, Status.INCOMING, chance.choice(_ANSWERS))
        )
        thread["last_message_at"] = answered


def _message(
    account: Account,
    thread: dict[str, object],
    at: datetime,
    direction: Direction,
    status: Status,
    written: str,
) -> dict[str, object]:
    segments = segment(written)
    charged = direction is Direction.OUT and status is not Status.ALREADY_SENT
    return {
        "id": new_id_at(at),
        "tenant_id": account.tenant_id,
        "group_id": account.group_id,
        "account_id": account.id,
        "thread_id": thread["id"],
        "direction": direction,
        "door": Door.MAIL if direction is Direction.OUT else Door.PROVIDER,
        "status": status,
        "status_at": at,
        "remote": thread["remote"],
        "local": "Demo kommun",
        "text": written,
        "encoding": segments.encoding,
        "parts": segments.count if charged else 0,
        "created_at": at,
    }


def _event(message: dict[str, object]) -> dict[str, object]:
    return {
        "id": new_id_at(message["created_at"]),  # type: ignore[arg-type]
        "message_id": message["id"],
        "tenant_id": message["tenant_id"],
        "status": message["status"],
        "changed": True,
        "code": "",
        "at": message["created_at"],
    }
