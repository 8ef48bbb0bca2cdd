"""Some months of messages, the same at every load but for their dates."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from messa_platform.core.bulk import copy_rows
from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.core.ids import new_id_at
from messa_platform.core.segments import segment
from messa_platform.demo.happenings import events_of
from messa_platform.demo.people import PEOPLE, REMOTES, Person
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import EVENT, MESSAGE, THREAD
from messa_platform.providers.models import Channel
from messa_platform.tenants.models import Account

HISTORY_MONTHS = 3
OWN_NUMBER = "+467301214999990"
"""To which the answers came; it is lent to nobody any more."""

_ANSWERS = (
    "Ja, det stämmer. Tack!",
    "JA",
    "Nej tyvärr",
    "Tack för påminnelsen, vi kommer.",
    "Kvitterat, är där om 10 min",
)
_ENDS = (*[Status.DELIVERED] * 17, Status.UNDELIVERED, Status.BUFFERED, Status.ALREADY_SENT)


def write(session: Session, now: datetime, accounts: dict[str, Account]) -> None:
    """Write the months before `now`."""
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
    _name_and_mark(threads, messages, accounts)
    channel_id = session.execute(
        select(Channel.id).where(Channel.name == "simulator", Channel.tenant_id.is_(None))
    ).scalar()
    for message in messages:
        message["channel_id"] = None if message["status"] is Status.ALREADY_SENT else channel_id
    copy_rows(session, THREAD, list(threads.values()))
    copy_rows(session, MESSAGE, messages)
    copy_rows(session, EVENT, [event for m in messages for event in events_of(m)])


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
            "display_name": "",
            "last_message_at": at,
            "last_message_id": None,
            "unread": 0,
        },
    )
    status = chance.choice(_ENDS)
    _say(thread, messages, _message(account, thread, at, Direction.OUT, status, chance.choice(person.texts)))
    if status is Status.DELIVERED and person.group != "Omsorgen" and chance.random() < 0.35:
        answered = at + timedelta(minutes=chance.randrange(1, 50))
        _say(
            thread,
            messages,
            _message(account, thread, answered, Direction.IN, Status.INCOMING, chance.choice(_ANSWERS)),
        )


def _say(thread: dict[str, object], messages: list[dict[str, object]], message: dict[str, object]) -> None:
    messages.append(message)
    thread["last_message_at"], thread["last_message_id"] = message["created_at"], message["id"]


def _name_and_mark(
    threads: dict[tuple[UUID, str], dict[str, object]],
    messages: list[dict[str, object]],
    accounts: dict[str, Account],
) -> None:
    """Display names for the threads that are written to most lately, and some answers that nobody has read yet."""
    answers = {m["id"] for m in messages if m["direction"] is Direction.IN}
    for address, names in REMOTES.items():
        mine = [t for (account_id, _), t in threads.items() if account_id == accounts[address].id]
        mine.sort(key=lambda t: str(t["last_message_at"]), reverse=True)
        for name, thread in zip(names, mine, strict=False):
            thread["display_name"] = name
        for thread in [t for t in mine if t["last_message_id"] in answers][:2]:
            thread["unread"] = 1


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
        "local": "Demo kommun" if direction is Direction.OUT else OWN_NUMBER,
        "text": written,
        "encoding": segments.encoding,
        "parts": segments.count if charged else 0,
        "channel_id": None,
        "created_at": at,
    }
