"""A log of millions of messages over two years, each with one event, for measuring what its pages cost: made by COPY, indexed afterwards.

The messages of a month go straight into a table of its own, which becomes the month's partition once it is full: to keep indexes up for
every row would take most of the time. The summaries are counted at the end, as after any import past the triggers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from uuid import UUID

import psycopg
from sqlalchemy import text

from messa_platform.core.db import Database
from messa_platform.core.ids import id_at
from messa_platform.messaging.log import summary
from messa_platform.messaging.partitions import STORAGE, months, next_month, partition_name

END = datetime(2026, 11, 1, tzinfo=UTC)
"""The log ends here."""
MONTHS = 24
CHANNEL = "0192d3a0-0000-7000-8000-000000000007"
TEXT = "Hej! Du är kallad till möte torsdag kl 13.15 i sal Eken. Svara JA om du kommer, annars NEJ. Hälsningar expeditionen"

# A status of every 10,000 messages so many, its direction, and what its parts may be.
_STATUSES = (
    ("DELIVERED", "out", 8390, (1, 1, 1, 2, 3)),
    ("INCOMING", "in", 900, (0,)),
    ("UNDELIVERED", "out", 500, (1, 1, 2)),
    ("BUFFERED", "out", 100, (1,)),
    ("no_sms_left:Group", "out", 60, (0,)),
    ("sms_already_sent_24H", "out", 40, (0,)),
    ("UNSENT", "out", 9, (0,)),
    ("too_many_parts", "out", 1, (0,)),
)
_MESSAGE = (
    "id, tenant_id, group_id, account_id, direction, door, status, status_at, remote, local, text, encoding, parts"
    ", channel_id, created_at"
)
_EVENT = "id, message_id, tenant_id, status, changed, code, at"
BUFFER = 2_000
"""Rows handed to the driver at a time."""


@dataclass(frozen=True)
class Senders:
    """Who sends: accounts with their groups, the early ones far more than the late ones, as it is in life."""

    tenant_id: UUID
    accounts: Sequence[tuple[str, str]]
    seed: int = 5

    def drawn(self, chance: random.Random, count: int) -> list[tuple[str, str]]:
        """So many senders, one for each message."""
        weights = list(accumulate(1 / (n + 40) for n in range(len(self.accounts))))
        return chance.choices(self.accounts, cum_weights=weights, k=count)


def senders_of(database: Database, tenant_id: UUID, most: int) -> Senders:
    """The tenant's accounts in an order that mixes its groups."""
    statement = text(
        "SELECT id::text, group_id::text FROM account WHERE tenant_id = :t ORDER BY md5(id::text) LIMIT :most"
    )
    with database.unit_of_work() as session:
        rows = session.execute(statement, {"t": tenant_id, "most": most}).all()
    return Senders(tenant_id, [(row[0], row[1]) for row in rows])


def write(database: Database, url: str, senders: Senders, messages: int) -> None:
    """Store so many messages over the `MONTHS` before `END`, two months at a time."""
    starts = list(months(*_span()))
    share = [messages // len(starts) + (n < messages % len(starts)) for n in range(len(starts))]
    plain = url.replace("postgresql+psycopg", "postgresql")
    with ProcessPoolExecutor(2) as workers:
        list(workers.map(_month, [plain] * len(starts), [senders] * len(starts), starts, share))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE, FREEZE) message")
        connection.exec_driver_sql("VACUUM (ANALYZE, FREEZE) message_event")
    with database.unit_of_work() as session:
        summary.rebuild(session)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _span() -> tuple[datetime, datetime]:
    first = END
    for _ in range(MONTHS):
        first = (first - timedelta(days=1)).replace(day=1)
    return first, END - timedelta(days=1)


def _month(url: str, senders: Senders, start: datetime, messages: int) -> None:
    """One month, in a process of its own."""
    name, event = partition_name("message", start), partition_name("message_event", start)
    low, high = id_at(start), id_at(next_month(start))
    chance = random.Random(f"{senders.seed} {start}")
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '256MB'")
        for table, part in (("message", name), ("message_event", event)):
            made = f"CREATE TABLE {part} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH ({STORAGE[table]})"
            cursor.execute(made.encode())
        lines, events = [], []
        for line, happened in _lines(chance, senders, start, messages):
            lines.append(line)
            events.append(happened)
        for part, columns, rows in ((name, _MESSAGE, lines), (event, _EVENT, events)):
            with cursor.copy(f"COPY {part} ({columns}) FROM STDIN".encode()) as copy:
                for place in range(0, len(rows), BUFFER):
                    copy.write("".join(rows[place : place + BUFFER]))
        for table, part in (("message", name), ("message_event", event)):
            bounds = f"FOR VALUES FROM ('{low}') TO ('{high}')"
            cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {part} {bounds}".encode())


def _lines(
    chance: random.Random, senders: Senders, start: datetime, messages: int
) -> Iterator[tuple[str, str]]:
    """Messages in the order of time, and their events, as lines of COPY's text."""
    of_status = list(accumulate(count for _, _, count, _ in _STATUSES))
    drawn = senders.drawn(chance, messages)
    kinds = chance.choices(_STATUSES, cum_weights=of_status, k=messages)
    begin = int(start.timestamp() * 1000)
    moments = sorted(chance.randrange(*_working(chance, begin, start)) for _ in range(messages))
    tenant = senders.tenant_id.hex
    for at, (account, group), (status, direction, _, parts) in zip(moments, drawn, kinds, strict=True):
        tail = chance.getrandbits(74)
        middle, end = f"{at:012x}7{tail >> 62:03x}", tail & 0x0FFFFFFFFFFFFFFF
        number, event = f"{middle}{0x8000000000000000 | end:016x}", f"{middle}{0x9000000000000000 | end:016x}"
        when = datetime.fromtimestamp(at / 1000, UTC).isoformat()
        remote = f"+467{tail & 0xFFFFF:08d}"
        channel = CHANNEL if parts != (0,) else "\\N"
        door = "mail" if direction == "out" else "provider"
        line = (
            f"{number}\t{tenant}\t{group}\t{account}\t{direction}\t{door}\t{status}\t{when}\t{remote}\tKommunen"
            f"\t{TEXT}\tGSM\t{parts[tail % len(parts)]}\t{channel}\t{when}\n"
        )
        yield line, f"{event}\t{number}\t{tenant}\t{status}\tt\t\t{when}\n"


def _working(chance: random.Random, begin: int, start: datetime) -> tuple[int, int]:
    """The bounds, in milliseconds, of a working day of the month, or now and then of any day."""
    days = (next_month(start) - start).days
    day = chance.randrange(days)
    if (start + timedelta(days=day)).weekday() >= 5 and chance.random() < 0.9:
        day = chance.randrange(days)
    first = begin + day * 86_400_000
    return (first + 6 * 3_600_000, first + 16 * 3_600_000)
