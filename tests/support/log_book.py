"""A log to search in: messages of a tenant with a tree of groups, over some months, and beside it what a plain filter finds in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from messa_platform.core.bulk import copy_rows
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id_at, time_of
from messa_platform.core.segments import Encoding
from messa_platform.messaging.log.asked import Asked, Column, Row, Scope
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import NAMES_GROUP, Direction, Status
from messa_platform.messaging.store import MESSAGE
from messa_platform.tenants.models import Group
from messa_platform.tenants.tree import swedish_sort_key
from tests.support.world import World

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
DAYS = 150
CHANNEL = UUID(int=7)

_COMMON = (
    Status.DELIVERED,
    Status.DELIVERED,
    Status.DELIVERED,
    Status.DELIVERED,
    Status.UNDELIVERED,
    Status.SENT,
)
_RARE = (
    Status.TOO_MANY_PARTS,
    Status.ALREADY_SENT,
    Status.USED_UP_GROUP,
    Status.NOT_ALLOWED_PERSONAL,
    Status.BLOCKED,
    Status.UNSENT,
)


@dataclass
class Book:
    """`lines` are the messages as they are stored; `groups` and `accounts` are whom they name."""

    master: Group
    groups: list[Group]
    accounts: dict[UUID, str]
    numbers: list[str]
    lines: list[dict[str, Any]] = field(default_factory=list)

    def below(self, group: Group) -> tuple[UUID, ...]:
        """A group and all below it."""
        return tuple(sorted(g.id for g in self.groups if g.path.startswith(group.path)))

    def found(self, asked: Asked) -> list[UUID]:
        """What a plain filter finds, in order."""
        hits = [line for line in self.lines if _is_asked_for(asked, line)]
        hits.sort(key=self._sorter(asked.sort), reverse=asked.descending)
        return [line["id"] for line in hits]

    def _sorter(self, column: Column) -> Callable[[dict[str, Any]], Any]:
        names = {g.id: swedish_sort_key(g.name) for g in self.groups}
        of: dict[Column, Callable[[dict[str, Any]], Any]] = {
            Column.DATE: lambda m: m["id"],
            Column.GROUP: lambda m: (names[m["group_id"]], m["group_id"], m["id"]),
            Column.EMAIL: lambda m: (self.accounts[m["account_id"]], m["account_id"], m["id"]),
            Column.NUMBER: lambda m: (m["remote"], m["id"]),
            Column.DIRECTION: lambda m: (m["direction"].value, m["id"]),
            Column.STATUS: lambda m: (m["status"].value, m["id"]),
            Column.PARTS: lambda m: (m["parts"], m["id"]),
        }
        return of[column]


def _is_asked_for(asked: Asked, line: dict[str, Any]) -> bool:
    groups = asked.scope.group_ids
    wanted = (
        ("group_id", asked.group_id),
        ("account_id", asked.account_id),
        ("remote", asked.remote),
        ("direction", asked.direction),
        ("status", asked.status),
        ("parts", asked.parts),
    )
    return (
        line["tenant_id"] == asked.scope.tenant_id
        and (groups is None or line["group_id"] in groups)
        and asked.since <= time_of(line["id"]) < asked.until
        and all(value is None or line[name] == value for name, value in wanted)
    )


def write_book(world: World, slug: str, messages: int, seed: int) -> Book:
    """A tenant with a dozen groups, one of them removed, and so many messages in `DAYS` days, some of which have none."""
    chance = random.Random(seed)
    master = world.tenant(slug, slug.title())
    groups = [master]
    for name in (
        "Skolan",
        "Ängsskolan",
        "Åsskolan",
        "Omsorgen",
        "=1+1",
        "Hemtjänsten",
        "Öppenvården",
        "IT",
        "Jour",
        "Borta",
    ):
        parent = chance.choice(groups[:5])
        groups.append(world.group(parent, name))
    home = [chance.choice(groups) for _ in range(14)]
    addresses = [f"{chance.choice('abcdez')}{n}@{slug}.example" for n in range(len(home))]
    accounts = {
        world.account(group, address): address for group, address in zip(home, addresses, strict=True)
    }
    book = Book(master, groups, accounts, [f"+4670174{n:04}" for n in range(25)])
    days = [d for d in range(DAYS) if d % 7 < 5 and chance.random() < 0.9]
    owners = list(zip(accounts, home, strict=True))
    for _ in range(messages):
        account_id, own = chance.choice(owners)
        group = own if chance.random() < 0.85 else chance.choice(groups)
        at = START + timedelta(days=chance.choice(days), milliseconds=chance.randrange(0, 86_400_000))
        book.lines.append(_line(chance, book, group, account_id, at))
    store(world.database, book.lines, START, START + timedelta(days=DAYS))
    world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=groups[-1].id)
    return book


def store(database: Database, lines: Sequence[dict[str, Any]], first: datetime, last: datetime) -> None:
    """Store messages, and the partitions that they lie in."""
    with database.unit_of_work() as session:
        ensure_partitions(session.connection(), first, last)
        copy_rows(session, MESSAGE, lines)


def _line(chance: random.Random, book: Book, group: Group, account_id: UUID, at: datetime) -> dict[str, Any]:
    came = chance.random() < 0.2
    status = Status.INCOMING if came else chance.choice(_RARE if chance.random() < 0.04 else _COMMON)
    charged = not came and status not in _RARE
    return {
        "id": new_id_at(at),
        "tenant_id": group.tenant_id,
        "group_id": group.id,
        "account_id": account_id,
        "thread_id": None,
        "direction": Direction.IN if came else Direction.OUT,
        "door": Door.PROVIDER if came else Door.MAIL,
        "status": status,
        "status_at": at,
        "rule_group_id": book.master.id if status in NAMES_GROUP else None,
        "remote": chance.choice(book.numbers),
        "local": "Kommunen",
        "text": "Hej",
        "encoding": Encoding.GSM,
        "parts": (9 if chance.random() < 0.01 else chance.choice((1, 1, 1, 2))) if charged else 0,
        "channel_id": CHANNEL if charged else None,
        "created_at": at,
    }


def scope(book: Book, group: Group, *, subgroups: bool) -> Scope:
    """As `asked.scope_of`, from the book."""
    if not subgroups:
        return Scope(group.tenant_id, (group.id,))
    return Scope(group.tenant_id, None if group is book.master else book.below(group))


def ids(rows: Sequence[Row]) -> list[UUID]:
    """The messages of some rows."""
    return [row.id for row in rows]
