"""The admin pages of a large organisation beside those of a small one: what each costs the server, and its statements (spec G1, G11)."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session
from webtest import TestResponse

from messa_platform.core.bulk import copy_rows, insert_rows
from messa_platform.core.clock import SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.core.ids import new_id
from messa_platform.core.migrations import upgrade
from messa_platform.core.segments import Encoding
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import MESSAGE
from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from messa_platform.tenants.tree import create_tenant, ensure_free_tenant
from tests.support.log_rows import SEARCH
from tests.support.observe import statements
from tests.support.operators import at_the_pages
from tests.support.platform import database_of
from tests.support.visitors import Visitor, a_runtime

GROUP = cast(Table, Group.__table__)

LARGE, SMALL = (5000, 200_000), (10, 100)
"""Groups and accounts of the two organisations."""
RATIO_AIM = 2.0
ROUNDS = 15
FAN = 8
"""Groups below each group."""

PAGES = (
    "overview", "settings", "sender-name", "signature", "admins", "users", "users?below=1", "users?below=1&q=person", "users?q=nobody",
    "user?id={person}", "user?id={person}&group_q=grupp", "add-users", "move-users?who={person}", "remove-users?who={person}",
    "domains", "domain?id={domain}", "domain-live?id={domain}", "move-domain?id={domain}", "take-along?id={domain}",
    "remove-domain?id={domain}", "sign-on?domain={domain}", "task?id={task}", "task-live?id={task}", "audit", "audit?below=1",
    "group", "new-group", "find-group?q=grupp", "find-group?q=nothing", "logs", "logs?sort=email",
    "logs-choices?field=email&email=p", "logs-choices?field=number", "log-message?id={message}",
    "exports", "export/{export}", "export-live/{export}",
    "api", "api/{api_user}", "api/{api_user}/{api_key}", "api/{api_user}/remove", "api/{api_user}/new-v2-key",
    "api/new-webhook", "api/webhook/{webhook}", "api/webhook/{webhook}/remove",
)  # fmt: skip
"""The pages of a group."""
TOP_PAGES = ("organisation", "channels", "marketplace", "routes")
"""Those that Master alone has."""


@dataclass(frozen=True)
class Place:
    """A group of an organisation: its address, and somebody, a domain, a task, an export, a message, an API user and a webhook in it."""

    address: str
    person: UUID
    domain: UUID
    task: UUID
    message: UUID
    export: UUID
    api_user: UUID
    api_key: UUID
    webhook: UUID

    def path(self, page: str) -> str:
        """Where a page of it is."""
        return f"{self.address}/@@{page.format(**asdict(self))}"


@dataclass(frozen=True)
class Organisation:
    """A tenant with its topmost group and one at the far end of its tree; `admin` administers all of it."""

    admin: UUID
    top: Place
    leaf: Place


def organisation(database: Database, slug: str, groups: int, accounts: int) -> Organisation:
    """Make a tenant with so many groups and accounts, with settings, admins, domains and a log that grow with them."""
    with database.unit_of_work() as session:
        _, master = create_tenant(session, slug, slug.title())
        rows = _tree(master, groups)
        insert_rows(session, GROUP, rows[1:])
        ids = [UUID(str(row["id"])) for row in rows]
        given = {
            "tenant": master.tenant_id,
            "master": master.id,
            "slug": slug,
            "ids": ids,
            "accounts": accounts,
        }
        for statement in _FILL:
            session.execute(text(statement), given)
        _write(session, master.tenant_id, {ids[0], ids[-1]})
        admin = session.execute(text(_ADMIN), given).scalar_one()
        places = [_place(session, slug, rows, number) for number in (0, len(rows) - 1)]
    return Organisation(admin, *places)


def _tree(master: Group, groups: int) -> list[dict[str, object]]:
    """Rows of groups, Master first: each has `FAN` below it, as long as there are any."""
    row = {
        "tenant_id": master.tenant_id,
        "name": "Master",
        "sort_key": "master",
        "slug": "",
        "parent_id": None,
    }
    rows: list[dict[str, object]] = [{**row, "id": master.id, "path": str(master.path)}]
    for number in range(1, groups):
        parent, identifier = rows[(number - 1) // FAN], new_id()
        name = f"Grupp {number}"
        names = {"name": name, "sort_key": f"grupp {number:06}", "slug": f"grupp-{number}"}
        ids = {"id": identifier, "parent_id": parent["id"], "path": f"{parent['path']}.{identifier.hex}"}
        rows.append({"tenant_id": master.tenant_id, **names, **ids})
    return rows


_GROUP_OF = "(CAST(:ids AS uuid[]))[1 + n % cardinality(CAST(:ids AS uuid[]))]"
# A tenth of them in Master itself, the others all over the tree. Every third group sets something, every group has a domain and a task.
_FILL = (
    "INSERT INTO account (id, tenant_id, group_id, group_since, tenant_since, address, display_name) SELECT gen_random_uuid(), :tenant,"
    f" CASE WHEN n % 10 = 0 THEN CAST(:master AS uuid) ELSE {_GROUP_OF} END, now() - interval '1 day', now() - interval '1 day',"
    " 'person' || n || '@' || :slug || '.example', 'Person ' || n FROM generate_series(1, :accounts) AS n",
    "INSERT INTO group_setting (group_id, key, tenant_id, value, lock, authority_id, set_at)"
    " SELECT g.id, k.key, :tenant, k.value, 'subadmin', :master, now() FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS g (id, n),"
    " (VALUES ('sender_name', CAST('\"Kommunen\"' AS jsonb)), ('signature', CAST('\"/Kommunen\"' AS jsonb)),"
    ' (\'group_quota\', CAST(\'{"sms": 100000, "window_days": 30, "max_parts": 9}\' AS jsonb)),'
    ' (\'account_quota\', CAST(\'{"sms": 100, "window_days": 7, "max_parts": 3}\' AS jsonb))) AS k (key, value) WHERE g.n % 3 = 1',
    "INSERT INTO group_admin (group_id, account_id, tenant_id) SELECT a.group_id, a.id, :tenant FROM account a"
    " WHERE a.tenant_id = :tenant AND hashtext(a.address) % 50 = 0",
    "INSERT INTO domain (id, tenant_id, group_id, name, state, verified_at, proof) SELECT gen_random_uuid(), :tenant, g.id,"
    " 'g' || g.n || '.' || :slug || '.example', 'verified', now(), 'dns' FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS g (id, n)",
    "INSERT INTO task (id, tenant_id, group_id, kind, actor, created_at, finished_at) SELECT gen_random_uuid(), :tenant, g.id,"
    " 'recall_numbers', 'system', now(), now() FROM unnest(CAST(:ids AS uuid[])) AS g (id)",
    "INSERT INTO task_work (id, tenant_id, state) SELECT t.id, :tenant, 'done' FROM task t WHERE t.tenant_id = :tenant",
    "INSERT INTO audit_entry (id, tenant_id, group_id, at, actor, action, subject, subject_id, after) SELECT gen_random_uuid(), :tenant,"
    " a.group_id, now(), 'system', 'account_added', a.address, a.id, jsonb_build_object('group', a.group_id) FROM account a"
    " WHERE a.tenant_id = :tenant",
    "INSERT INTO export (id, tenant_id, group_id, actor, actor_group_id, asked, format, language, time_zone, created_at)"
    f" SELECT gen_random_uuid(), :tenant, g.id, 'admin', g.id, CAST('{SEARCH}' AS jsonb), 'xlsx', 'sv', 'Europe/Stockholm', now()"
    " FROM unnest(CAST(:ids AS uuid[])) AS g (id)",
    "INSERT INTO account (id, kind, tenant_id, group_id, address, display_name) SELECT gen_random_uuid(), 'api', :tenant, g.id,"
    " 'api:' || g.id, 'Larmsystemet' FROM unnest(CAST(:ids AS uuid[])) AS g (id)",
    "INSERT INTO api_key (id, tenant_id, account_id, kind, digest, hint, created_by) SELECT gen_random_uuid(), :tenant, a.id, 'session',"
    " sha256(convert_to(a.address, 'UTF8')), '1234', 'chef@' || :slug || '.example' FROM account a"
    " WHERE a.tenant_id = :tenant AND a.kind = 'api'",
    "INSERT INTO event_endpoint (id, tenant_id, group_id, kind, url, secret) SELECT gen_random_uuid(), :tenant, g.id, 'webhook',"
    " 'https://larm.example/' || g.id, 'sealed' FROM unnest(CAST(:ids AS uuid[])) AS g (id)",
    "INSERT INTO event_delivery (id, tenant_id, endpoint_id, type, at, next_attempt_at, state) SELECT gen_random_uuid(), :tenant, e.id,"
    " 'webhook.test', now(), now(), 'done' FROM event_endpoint e, generate_series(1, 20) WHERE e.tenant_id = :tenant",
    "INSERT INTO quota_usage (scope_id, bucket, parts) SELECT g.id, now(), 5 FROM unnest(CAST(:ids AS uuid[])) AS g (id)",
)
_ADMIN = (
    "WITH made AS (INSERT INTO account (id, tenant_id, group_id, address, display_name, language) VALUES (gen_random_uuid(), :tenant,"
    " :master, 'chef@' || :slug || '.example', 'Chef Ek', 'en') RETURNING id)"
    " INSERT INTO group_admin (group_id, account_id, tenant_id) SELECT :master, id, :tenant FROM made RETURNING account_id"
)
_THINGS = text(
    "SELECT (SELECT a.id FROM account a WHERE a.group_id = :id AND a.kind = 'person' ORDER BY a.address LIMIT 1) AS person,"
    " (SELECT d.id FROM domain d WHERE d.group_id = :id) AS domain, (SELECT t.id FROM task t WHERE t.group_id = :id) AS task,"
    " (SELECT m.id FROM message m WHERE m.group_id = :id ORDER BY m.id LIMIT 1) AS message,"
    " (SELECT e.id FROM export e WHERE e.group_id = :id) AS export, u.id AS api_user, k.id AS api_key,"
    " (SELECT w.id FROM event_endpoint w WHERE w.group_id = :id) AS webhook"
    " FROM account u JOIN api_key k ON k.account_id = u.id WHERE u.group_id = :id AND u.kind = 'api'"
)
_WRITERS = text(
    "SELECT DISTINCT ON (a.group_id) a.group_id, a.id FROM account a WHERE a.tenant_id = :tenant_id"
    " AND a.kind = 'person' ORDER BY a.group_id, a.address"
)
MESSAGES = 60
"""In the log of a place that is looked at: more than a page has; in that of every other group there is one."""


def _write(session: Session, tenant_id: UUID, places: set[UUID]) -> None:
    """Somebody in each group has sent a text, in the places that are looked at many."""
    now = SystemClock().now()
    ensure_partitions(session.connection(), now, now)
    rows = [
        {
            "id": new_id(),
            "tenant_id": tenant_id,
            "group_id": writer.group_id,
            "account_id": writer.id,
            "direction": Direction.OUT,
            "door": Door.MAIL,
            "status": Status.DELIVERED,
            "status_at": now,
            "remote": f"+4670174{number:04}",
            "local": "Kommunen",
            "text": "Hej",
            "encoding": Encoding.GSM,
            "parts": 1,
            "created_at": now,
        }
        for writer in session.execute(_WRITERS, {"tenant_id": tenant_id})
        for number in range(MESSAGES if writer.group_id in places else 1)
    ]
    copy_rows(session, MESSAGE, rows)


def _place(session: Session, slug: str, rows: Sequence[dict[str, object]], number: int) -> Place:
    slugs: list[str] = []
    group = rows[number]
    while number:
        slugs.insert(0, str(rows[number]["slug"]))
        number = (number - 1) // FAN
    return Place("/".join(["/t", slug, *slugs]), *session.execute(_THINGS, {"id": group["id"]}).one())


# What pages cost


@dataclass(frozen=True)
class Cost:
    """A page of both organisations: the medians in seconds, and the statements of each."""

    page: str
    large: float
    small: float
    statements: tuple[int, int]

    @property
    def ratio(self) -> float:
        """How much dearer it is in the large one."""
        return self.large / self.small


def compare(
    runtime: Runtime,
    large: Organisation,
    small: Organisation,
    rounds: int = ROUNDS,
    only: Sequence[str] | None = None,
) -> Iterator[Cost]:
    """Ask for each page of the topmost group, and of one far below, in both organisations in turns; `only` for these of them."""
    visitors = [at_the_pages(runtime, one.admin) for one in (large, small)]
    for place, pages in (("top", (*PAGES, *TOP_PAGES)), ("leaf", PAGES)):
        for page in pages:
            paths = [getattr(one, place).path(page) for one in (large, small)]
            name = f"{page} ({place})"
            if only is None or name in only:
                yield _cost(name, runtime, list(zip(visitors, paths, strict=True)), rounds)


def _cost(page: str, runtime: Runtime, asked: Sequence[tuple[Visitor, str]], rounds: int) -> Cost:
    took: tuple[list[float], ...] = ([], [])
    for n in range(rounds + 3):
        for (visitor, path), times in zip(asked, took, strict=True):
            begin = time.perf_counter()
            answered(visitor, path)
            if n >= 3:  # by then the driver has prepared every statement
                times.append(time.perf_counter() - begin)
    seen = [_statements(runtime, visitor, path) for visitor, path in asked]
    return Cost(page, statistics.median(took[0]), statistics.median(took[1]), (seen[0], seen[1]))


def _statements(runtime: Runtime, visitor: Visitor, path: str) -> int:
    with statements(runtime.database.engine) as executed:
        answered(visitor, path)
    return len(executed)


def answered(visitor: Visitor, path: str) -> TestResponse:
    """A page that is there, and is not large."""
    page = visitor.get(path)
    assert page.status_int == 200, f"{path}: {page.status}"
    assert len(page.body) < 100_000, f"{path}: {len(page.body)} bytes"
    return page


# In `make bench`


@contextmanager
def two_organisations(
    url: str, large: tuple[int, int], small: tuple[int, int]
) -> Iterator[tuple[Runtime, Organisation, Organisation]]:
    """A process on this database, and in it an organisation of each size."""
    with tempfile.TemporaryDirectory() as folder, a_runtime(url, Path(folder) / "key") as runtime:
        made = [organisation(runtime.database, *sized) for sized in (("stor", *large), ("liten", *small))]
        vacuum(runtime.database)
        yield runtime, made[0], made[1]


def vacuum(database: Database) -> None:
    """Let the server know what it holds, as it does by itself after a while."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def report(server_url: str, large: tuple[int, int] = LARGE, small: tuple[int, int] = SMALL) -> None:
    """Measure and print, the dearest first."""
    with database_of(server_url, "template1") as url:
        upgrade(url)
        database = Database(make_engine(url, pool_size=1))
        with database.unit_of_work() as session:
            ensure_free_tenant(session, SystemClock().now())
        database.close()
        begin = time.perf_counter()
        with two_organisations(url, large, small) as (runtime, stor, liten):
            print(
                f"  {time.perf_counter() - begin:8.1f} s for making {large[0]} groups and {large[1]} accounts"
            )
            costs = sorted(compare(runtime, stor, liten), key=lambda cost: -cost.ratio)
    for cost in costs:
        took = f"{cost.large * 1e3:.1f} ms, {cost.small * 1e3:.1f} ms"
        print(
            f"  {cost.ratio:8.2f} times as long in the large organisation (aim {RATIO_AIM}) @@{cost.page}; {took}, ",
            end="",
        )
        print(f"{cost.statements[0]} and {cost.statements[1]} statements")
    assert all(cost.statements[0] == cost.statements[1] for cost in costs)
