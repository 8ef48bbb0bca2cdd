"""The monthly partitions of the big tables: made ahead, by ranges of UUIDv7."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from messa_platform.core.ids import id_at
from messa_platform.core.logs import logger

log = logger(__name__)

PARTITIONED = ("message", "message_event")


# A message changes twice or thrice in its first seconds. With room beside it on its page the change leaves the indexes alone (HOT); without,
# each change makes an entry in all four of them, which costs more space than the room does.
STORAGE = {"message": "fillfactor = 55", "message_event": "fillfactor = 100"}


def month_start(at: datetime) -> datetime:
    """The first instant, in UTC, of the month of `at`."""
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def next_month(start: datetime) -> datetime:
    """The month after the one that begins at `start`."""
    return datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)


def months(first: datetime, last: datetime) -> Iterator[datetime]:
    """The starts of the months from that of `first` to that of `last`."""
    start = month_start(first)
    while start <= last:
        yield start
        start = next_month(start)


def partition_name(table: str, start: datetime) -> str:
    """The name of a month's partition: `message_2026_11`."""
    return f"{table}_{start:%Y_%m}"


_ATTACHED = text(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = CAST(:table AS regclass) ORDER BY 1"
)


def attached(connection: Connection, table: str) -> list[datetime]:
    """The starts of the months of which a table has a partition, the oldest first."""
    names = connection.execute(_ATTACHED, {"table": table}).scalars()
    months = (name.removeprefix(f"{table}_") for name in names if name != f"{table}_default")
    return [datetime.strptime(month, "%Y_%m").replace(tzinfo=UTC) for month in months]


def ensure_partitions(connection: Connection, first: datetime, last: datetime) -> list[str]:
    """Make the partitions that are missing for the months from `first` to `last`; gives the names of the new ones."""
    made = []
    # two processes that start at once would both find one missing
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('messa.partitions'))"))
    for start in months(first, last):
        for table in PARTITIONED:
            name = partition_name(table, start)
            if connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar() is None:
                _make(connection, table, name, id_at(start), id_at(next_month(start)))
                made.append(name)
    return made


def _make(connection: Connection, table: str, name: str, low: UUID, high: UUID) -> None:
    """Make one partition. What the DEFAULT partition holds of its month moves there: PostgreSQL refuses to make it otherwise.

    Attached rather than made as a part, which would keep everybody from reading the whole table meanwhile.
    """
    month = f"id >= '{low}' AND id < '{high}'"
    for statement in (
        # behind a long report this would wait, and everybody else behind this: rather try again the next time round
        "SET LOCAL lock_timeout = '2s'",
        f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE",
        f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH ({STORAGE[table]})",
        f"WITH early AS (DELETE FROM {table}_default WHERE {month} RETURNING *) INSERT INTO {name} SELECT * FROM early",
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')",
    ):
        connection.exec_driver_sql(statement)


AHEAD = timedelta(days=93)
"""How far ahead partitions are made: three months are left to notice that they no longer are."""


def ahead(connection: Connection, now: datetime) -> None:
    """Make the partitions from this month on that will be needed soon."""
    ensure_partitions(connection, now, now + AHEAD)


MOST_STRAYS = 1000
"""Up to so many rows that lie outside of every month are counted."""
_STRAYS = "SELECT count(*) FROM (SELECT FROM {}_default LIMIT :most) s"


def faults(connection: Connection, now: datetime) -> list[str]:
    """What a person must see to: months without a partition, this one and the next, and rows that are in none.

    Rows come to the DEFAULT partition when a month has none of its own, or from a machine whose clock is far off; they are found, but
    each search reads them, wherever it looks.
    """
    found = []
    for table in PARTITIONED:
        there = attached(connection, table)
        missing = [m for m in (month_start(now), next_month(month_start(now))) if m not in there]
        found += [f"{table} has no partition for {month:%Y-%m}" for month in missing]
        strays: int = connection.execute(text(_STRAYS.format(table)), {"most": MOST_STRAYS}).scalar_one()
        if strays:
            many = f"{strays} or more" if strays == MOST_STRAYS else f"{strays}"
            found.append(f"{table}_default holds rows of no month: {many}")
    return found


def look_after(connection: Connection, now: datetime) -> None:
    """Make partitions ahead, and warn of what is not as it should be."""
    ahead(connection, now)
    for fault in faults(connection, now):
        log.warning("partitions_fault", fault=fault)
