"""The second lock on the portal's own queries: with their tenant filters taken out, they still show nothing of another tenant.

Every page that can be reached is opened; every query that was asked on the way is then asked again, its filters gone and another
organisation's ids in the place of one's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from messa_platform.core.row_security import Confinement, confine
from messa_platform.runtime import Runtime
from tests.support.organisations import Organised, organise
from tests.support.town_log import of_its_kind, the_same_log
from tests.support.visitors import Visitor, signed_in
from tests.support.world import World

PHONE = "+46701740605"
_GIVEN = r"(?:CAST\(%\(\w+\)s AS \w+(?:\[\])?\)|%\(\w+\)s(?:::\w+(?:\[\])?)?)"
_FILTER = re.compile(rf'(?:"?\w+"?\.)?\b(?:tenant_id|account_id)\s*=\s*(?:ANY\s*\({_GIVEN}\)|{_GIVEN})')
_LINK = re.compile(r'(?:href|action|data-live)="(/[^"#]*)')


@dataclass(frozen=True)
class Asked:
    """A query as the driver got it, asked by a confined session."""

    sql: str
    parameters: Mapping[str, Any]


@pytest.fixture
def two(world: World, runtime: Runtime) -> tuple[Organised, Organised]:
    world.numbers()
    world.channel()
    return organise(world, runtime, "alvik", PHONE), organise(world, runtime, "borum", PHONE)


@contextmanager
def confined_queries(runtime: Runtime) -> Iterator[dict[str, Asked]]:
    """The distinct queries that confined sessions ask within the block."""
    found: dict[str, Asked] = {}
    confined: list[Any] = []  # kept, so that no later transaction has the identity of one of them

    def note(connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        here = connection.get_transaction()
        if "messa_tenant_role()" in sql:
            confined.append(here)
        elif (
            any(here is one for one in confined)
            and re.match(r"\s*(SELECT|WITH)", sql)
            and isinstance(parameters, Mapping)
        ):
            found.setdefault(sql, Asked(sql, dict(parameters)))

    engine = runtime.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def crawl(visitor: Visitor, *starts: str) -> set[str]:
    """Open every page that can be reached by links from these; gives their paths without what is asked."""
    waiting, opened = list(starts), set()
    while waiting:
        path = waiting.pop(0).replace("&amp;", "&")
        kind = of_its_kind(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", path))
        if kind in opened or path.startswith(("/static", "/sign-out", "/language", "/guide")):
            continue
        opened.add(kind)
        answer = visitor.get(path)
        if 300 <= answer.status_int < 400:
            waiting.append(answer.location.replace("http://localhost", ""))
        elif answer.content_type == "text/html":
            waiting += [link for link in _LINK.findall(answer.text) if not the_same_log(path, link)]
    return opened


def swapped(value: Any, other: Mapping[Any, Any]) -> Any:
    """A parameter with the other organisation's ids and words in place of one's own."""
    if isinstance(value, list | tuple):
        return [swapped(each, other) for each in value]
    if isinstance(value, str):
        for mine, its in other.items():
            value = value.replace(str(mine), str(its))
            if isinstance(mine, UUID):
                value = value.replace(mine.hex, its.hex)
        return value
    return other.get(value, value)


def rows(runtime: Runtime, whose: Organised | None, asked: Asked, parameters: Mapping[str, Any]) -> list[Any]:
    with runtime.database.sessions() as session:
        if whose is not None:
            confine(session, Confinement(whose.master.tenant_id, whose.user_id))
        with session.begin():
            sql = _FILTER.sub("true", asked.sql)
            raw = session.connection().connection.cursor()
            raw.execute(sql, {name: parameters[name] for name in parameters if f"%({name})s" in sql})
            found = raw.fetchall() if raw.description else []
            session.rollback()
    return [str(row) for row in found]


def test_with_its_filters_taken_out_no_query_shows_another_tenants_rows(
    runtime: Runtime, world: World, two: tuple[Organised, Organised]
) -> None:
    ours, theirs = two
    with confined_queries(runtime) as queries:
        for address in (ours.admin, ours.sub, ours.user):
            visitor = signed_in(runtime, address)
            crawl(visitor, "/messages", "/messages/sendings", "/account", "/t")
    marks = marks_of(runtime, theirs)
    other = dict(zip(ids_of(runtime, ours), ids_of(runtime, theirs), strict=True)) | {ours.mark: theirs.mark}
    would_show, filtered = 0, 0
    for asked in queries.values():
        filtered += bool(_FILTER.search(asked.sql))
        for parameters in (asked.parameters, {n: swapped(v, other) for n, v in asked.parameters.items()}):
            telling = [m for m in marks if m not in str(parameters)]  # what was handed in may come back
            shown = rows(runtime, ours, asked, parameters)
            assert not [m for m in telling if any(m in row for row in shown)], asked.sql
            would_show += any(m in row for row in rows(runtime, None, asked, parameters) for m in telling)
    assert len(queries) > 15
    assert filtered > 8
    assert (
        would_show > 20
    )  # the owner of the tables would have seen them: so the lock is what keeps them away


_IDS = (
    'SELECT id FROM account WHERE tenant_id = :t UNION ALL SELECT id FROM "group" WHERE tenant_id = :t'
    " UNION ALL SELECT id FROM thread WHERE tenant_id = :t UNION ALL SELECT id FROM recipient_list WHERE tenant_id = :t"
    " UNION ALL SELECT id FROM sending WHERE tenant_id = :t UNION ALL SELECT id FROM task WHERE tenant_id = :t"
    " UNION ALL SELECT id FROM domain WHERE tenant_id = :t UNION ALL SELECT :t"
)


def ids_of(runtime: Runtime, organised: Organised) -> list[UUID]:
    """Ids of what an organisation has, in the order in which it was made: so those of two of the same shape stand beside each other."""
    made: list[UUID] = []
    with runtime.database.unit_of_work() as session:
        for part in _IDS.replace(":t", "CAST(:t AS uuid)").split(" UNION ALL "):
            ids = session.execute(text(part), {"t": organised.master.tenant_id}).scalars()
            made += sorted(ids)
    return made


def marks_of(runtime: Runtime, organised: Organised) -> list[str]:
    """By what the rows of an organisation are known: its word, and its ids."""
    return [organised.mark, *(str(identifier) for identifier in ids_of(runtime, organised))]
