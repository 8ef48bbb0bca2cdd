"""What pages of the log cost with ten million messages, and with a tenth of them (issue 5)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.core.migrations import upgrade
from messa_platform.core.row_security import Confinement, confine
from messa_platform.messaging.log import summary
from messa_platform.messaging.log.asked import Asked, Column, Page, Scope
from messa_platform.messaging.log.pages import page
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.tenants.tree import ensure_free_tenant
from tests.bench import log_book, organisations
from tests.support.platform import database_of

MESSAGES, TENTH = 10_000_000, 1_000_000
GROUPS, ACCOUNTS = 3_000, 30_000
MEDIAN_AIM, LATE_AIM, GROWTH_AIM = 0.300, 0.800, 1.5
MAKING_AIM = 480.0
ROUNDS = 20


@dataclass(frozen=True)
class Log:
    """A log to search in: a tenant, its Master group, a group far below, and one in between with some hundreds of others."""

    database: Database
    tenant_id: UUID
    leaf: UUID
    middle: tuple[UUID, ...]
    remote: str
    account_id: UUID


_PLACES = text(
    "SELECT (SELECT m.group_id FROM message_month m WHERE m.tenant_id = :t GROUP BY 1 ORDER BY sum(messages) OFFSET 300 LIMIT 1) AS leaf,"
    ' (SELECT g.path::text FROM "group" g JOIN "group" c ON c.path <@ g.path WHERE g.tenant_id = :t AND g.parent_id IS NOT NULL'
    " GROUP BY g.id ORDER BY count(*) DESC LIMIT 1) AS middle,"
    " (SELECT m.remote FROM message m WHERE m.tenant_id = :t ORDER BY m.id OFFSET 777 LIMIT 1) AS remote,"
    " (SELECT s.account_id FROM message_sender s WHERE s.tenant_id = :t ORDER BY s.address OFFSET 77 LIMIT 1) AS account_id"
)


@contextmanager
def a_log(server_url: str, messages: int, groups: int = GROUPS, accounts: int = ACCOUNTS) -> Iterator[Log]:
    """Make one, in a database of its own; says how long that took."""
    with database_of(server_url, "template1") as url:
        upgrade(url)
        database = Database(make_engine(url, pool_size=2))
        begin = time.perf_counter()
        with database.unit_of_work() as session:
            ensure_free_tenant(session, SystemClock().now())
        organisations.organisation(database, "stor", groups, accounts)
        tenant_id = _value(database, "SELECT id FROM tenant WHERE slug = 'stor'")
        log_book.write(database, url, log_book.senders_of(database, tenant_id, accounts), messages)
        print(
            f"  {time.perf_counter() - begin:8.1f} s for making {messages} messages with an event each, {groups} groups"
        )
        with database.unit_of_work() as session:
            found = session.execute(_PLACES, {"t": tenant_id}).one()
            below = text('SELECT id FROM "group" WHERE path <@ CAST(:path AS ltree)')
            middle = tuple(session.execute(below, {"path": found.middle}).scalars())
        yield Log(database, tenant_id, found.leaf, middle, found.remote, found.account_id)
        database.close()


def _value(database: Database, statement: str) -> UUID:
    with database.unit_of_work() as session:
        return UUID(str(session.execute(text(statement)).scalar_one()))


Question = Callable[[Session], object]

DOWN = tuple(column for column in Column if column is not Column.DATE)


def questions(log: Log) -> dict[str, Question]:
    """What admins ask: each of a group far below, of one in the middle, and of Master."""
    asked: dict[str, Question] = {}
    for name, group_ids in (("leaf", (log.leaf,)), ("middle", log.middle), ("Master", None)):
        scope = Scope(log.tenant_id, group_ids)
        for span, days in (("a month", 31), ("two years", 730)):
            plain = Asked(scope, log_book.END - timedelta(days=days), log_book.END)
            for search, wanted in _searches(log, plain).items():
                asked[f"{name}, {span}, {search}"] = partial(page, asked=wanted)
        asked[f"{name}, chart of a year"] = partial(
            summary.counts,
            tenant_id=log.tenant_id,
            group_ids=group_ids,
            first=(log_book.END - timedelta(days=365)).date(),
            last=log_book.END.date(),
            by_month=True,
        )
    return asked


def _searches(log: Log, plain: Asked) -> dict[str, Asked]:
    return {
        "newest": plain,
        "of a number": plain.within(remote=log.remote),
        "of an address": plain.within(account_id=log.account_id),
        "in": plain.within(direction=Direction.IN),
        "DELIVERED": plain.within(status=Status.DELIVERED),
        "too_many_parts": plain.within(status=Status.TOO_MANY_PARTS),
        **{f"by {c}": plain.within(sort=c, descending=False) for c in Column},
        **{f"by {c}, down": plain.within(sort=c) for c in DOWN},
    }


@dataclass(frozen=True)
class Cost:
    """Seconds: the median, and what one in twenty takes; and how many rows the page had."""

    median: float
    late: float
    rows: int


def measure(log: Log, rounds: int = ROUNDS) -> dict[str, Cost]:
    """Ask each question so often, as a page does: in a session that is confined to the tenant."""
    costs = {}
    for name, question in questions(log).items():
        took, rows = [], 0
        for n in range(rounds + 1):
            begin = time.perf_counter()
            with log.database.sessions() as session:
                confine(session, Confinement(log.tenant_id, None))
                rows = _rows(question(session))
                session.rollback()
            if n:
                took.append(time.perf_counter() - begin)
        took.sort()
        costs[name] = Cost(statistics.median(took), took[int(len(took) * 0.95)], rows)
    return costs


def _rows(answer: object) -> int:
    return len(answer.rows) if isinstance(answer, Page) else 0


def report(server_url: str, messages: int = MESSAGES, tenth: int = TENTH, rounds: int = ROUNDS) -> None:
    """Measure and print, the dearest first. Growth is that of one page: where a tenth does not fill it, there is none to be compared."""
    with a_log(server_url, tenth) as log:
        small = measure(log, rounds)
    with a_log(server_url, messages) as log:
        large = measure(log, rounds)
    for name, cost in sorted(large.items(), key=lambda item: -item[1].median):
        before = small[name]
        growth = f"{cost.median / before.median:5.2f} of {tenth} messages (aim {GROWTH_AIM})"
        if before.rows != cost.rows:
            growth += f" for {cost.rows} rows instead of {before.rows}"
        print(
            f"  {cost.median * 1e3:8.1f} ms median (aim {MEDIAN_AIM * 1e3:.0f}), {cost.late * 1e3:8.1f} ms late (aim {LATE_AIM * 1e3:.0f}),"
            f" {growth}  {name}"
        )
