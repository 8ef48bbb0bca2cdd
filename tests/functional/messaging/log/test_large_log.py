"""A log of two years, three thousand groups and two hundred thousand messages; `make bench` has ten millions (issue 5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.row_security import Confinement, confine
from messa_platform.messaging.log.asked import Asked, Column, Scope
from messa_platform.messaging.log.pages import page
from messa_platform.messaging.partitions import months, partition_name
from messa_platform.messaging.statuses import Status
from tests.bench import log_book
from tests.bench.logs import Log, a_log, measure, questions
from tests.support.observe import plan, scanned, statements

MESSAGES, ACCOUNTS = 200_000, 3_000


@pytest.fixture(scope="module")
def log(server: str) -> Iterator[Log]:
    with a_log(server, MESSAGES, accounts=ACCOUNTS) as made:
        yield made


@pytest.fixture
def session(log: Log) -> Iterator[Session]:
    with log.database.sessions() as opened:
        confine(opened, Confinement(log.tenant_id, None))
        yield opened
        opened.rollback()


def test_every_question_is_answered_soon(log: Log) -> None:
    costs = measure(log, rounds=3)
    # a loaded machine is slow; what would scan the log takes seconds on any
    assert {name: cost.median for name, cost in costs.items() if cost.median > 2} == {}


def test_no_plan_looks_into_months_outside_the_dates(log: Log) -> None:
    since = log_book.END - timedelta(days=80)
    within = {partition_name("message", start) for start in months(since, log_book.END - timedelta(days=1))}
    url = log.database.engine.url.render_as_string(hide_password=False)
    looked: set[str] = set()
    for group_ids in ((log.leaf,), log.middle, None):
        plain = Asked(Scope(log.tenant_id, group_ids), since, log_book.END)
        narrowed = (plain, plain.within(status=Status.BUFFERED), plain.within(remote=log.remote))
        for asked in (*narrowed, *(plain.within(sort=column) for column in Column)):
            with log.database.sessions() as session, statements(log.database.engine) as executed:
                page(session, asked)
            for statement in executed:
                tables = scanned(plan(url, statement))
                looked |= {table for table in tables if table.startswith("message_2")}
    assert looked == within


@pytest.mark.parametrize("many", [True, False])
def test_a_page_costs_a_few_statements_whatever_it_shows(
    log: Log, session: Session, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if many:  # as among millions
        for module in ("pages", "by_date"):
            monkeypatch.setattr(f"messa_platform.messaging.log.{module}.FEW", 500)
    for name, question in questions(log).items():
        with statements(log.database.engine) as executed:
            question(session)
        # a column's values are gone through one after the other: statuses are a dozen, of groups one may have a page's row each
        most = 60 if "by group" in name else 40 if "by status" in name else 20 if "by " in name else 10
        assert len(executed) <= most, name
