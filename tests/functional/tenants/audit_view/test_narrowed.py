"""The audit log, narrowed and searched, however much there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.tenants import audit_view
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Action, Author
from messa_platform.tenants.audit_view import Asked, Reader, Who
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import place_of
from tests.support.observe import statements
from tests.support.read_log import ME, Log, place
from tests.support.world import World


@pytest.mark.parametrize("with_subgroups", [True, False])
def test_a_search_for_the_name_of_a_group_that_one_may_not_see_finds_nothing(
    log: Log, with_subgroups: bool
) -> None:
    for group in (log.care, log.south):
        log.wrote(log.schools, group.name, action=Action.GROUP_REMOVED, subject_id=group.id)
    assert log.subjects(log.schools, words="omsorg", with_subgroups=with_subgroups) == []
    assert log.subjects(log.schools, words="södra", with_subgroups=with_subgroups) == ["Södra"]
    assert log.subjects(log.schools, log.master, words="omsorg", with_subgroups=with_subgroups) == [
        "Omsorgen"
    ]


def test_a_search_finds_by_parts_of_addresses_domains_and_names(log: Log) -> None:
    log.wrote(log.north, "Anna@skolan.example")
    log.wrote(log.north, "skolan.example", action=Action.DOMAIN_ADDED)
    log.wrote(log.north, "Klass 7", action=Action.GROUP_ADDED)
    log.wrote(log.north, "signature", action=Action.SETTING_SET)
    assert log.subjects(log.schools, words="anna@") == ["Anna@skolan.example"]
    assert log.subjects(log.schools, words="SKOLAN.ex") == ["skolan.example", "Anna@skolan.example"]
    assert log.subjects(log.schools, words="klass") == ["Klass 7"]
    assert log.subjects(log.schools, words="signature") == []
    assert log.subjects(log.schools, words="%") == []
    assert log.subjects(log.schools, words="\\") == []


def test_a_search_finds_by_who_did_it(log: Log) -> None:
    log.wrote(log.north, "x", log.author(log.schools, "rektor@skolan.example"))
    log.wrote(log.north, "y", log.author(log.north, "annan@skolan.example"))
    assert log.subjects(log.schools, words="rektor@") == ["x"]
    assert log.subjects(log.schools, words="skolan.example") == ["y", "x"]


@pytest.mark.parametrize("with_subgroups", [True, False])
def test_a_search_for_an_author_whom_one_may_not_see_finds_nothing(log: Log, with_subgroups: bool) -> None:
    log.wrote(log.schools, "a", log.author(log.master, "chefen@x.example"))
    log.wrote(log.schools, "b", log.author(log.care, "granne@x.example"))
    log.wrote(log.schools, "c", log.author(log.elsewhere, "borta@x.example"))
    log.wrote(log.schools, "d", Author(Actor.OPERATOR, new_id(), "driften@x.example", log.master.id))
    for words in ("chefen", "granne", "borta", "driften", "x.example"):
        assert log.subjects(log.schools, words=words, with_subgroups=with_subgroups) == []
    assert log.subjects(log.master, words="x.example") == ["b", "a"]
    assert log.subjects(log.schools, log.master, words="chefen", with_subgroups=with_subgroups) == ["a"]


def test_a_search_finds_what_one_did_oneself(log: Log) -> None:
    log.wrote(log.north, "x", log.author(log.master, "me@x.example", ME))
    assert log.subjects(log.north, words="me@") == ["x"]


def test_it_is_narrowed_to_kinds_of_actions(log: Log) -> None:
    for action in (Action.DOMAIN_ADDED, Action.ADMIN_ADDED, Action.DOMAIN_REMOVED):
        log.wrote(log.north, action.value, action=action)
    chosen = frozenset({Action.DOMAIN_ADDED, Action.DOMAIN_REMOVED})
    assert log.subjects(log.schools, actions=chosen) == ["domain_removed", "domain_added"]


def test_it_is_narrowed_to_days(log: Log, clock: FixedClock) -> None:
    first = clock.now()
    for number in range(3):
        log.wrote(log.north, str(number))
        clock.move(timedelta(days=1))
    assert log.subjects(log.schools, since=first + timedelta(days=1)) == ["2", "1"]
    assert log.subjects(log.schools, until=first + timedelta(days=1)) == ["0"]
    assert log.subjects(log.schools, since=first, until=first + timedelta(days=2)) == ["1", "0"]


def test_the_last_changes_of_one_thing_are_told(log: Log) -> None:
    log.wrote(log.north, "a.example", action=Action.DOMAIN_ADDED)
    log.wrote(log.north, "b.example", action=Action.DOMAIN_ADDED)
    log.wrote(log.north, "a.example", log.author(log.master), action=Action.DOMAIN_VERIFIED)
    log.wrote(log.schools, "a.example", action=Action.DOMAIN_ADDED)
    with log.confined(log.north) as session:
        at = place(session, log.north)
        wanted = {Action.DOMAIN_ADDED, Action.DOMAIN_VERIFIED}
        found = audit_view.latest(session, Reader(at, ME), at, wanted, "a.example")
        some = audit_view.latest(session, Reader(at, ME), at, wanted, most=2)
    assert [(entry.action, entry.who) for entry in found] == [
        ("domain_verified", Who.OVERLYING),
        ("domain_added", Who.SYSTEM),
    ]
    assert [entry.subject for entry in some] == ["a.example", "b.example"]


# Much of it


_GROUPS = """
WITH m AS (SELECT id, tenant_id, path FROM "group" WHERE id = :master),
school AS (INSERT INTO "group" (id, tenant_id, parent_id, path, slug, name, sort_key)
  SELECT n.id, m.tenant_id, m.id, m.path || replace(n.id::text, '-', ''), 's' || n.n, 'Skola', 'skola'
  FROM m, (SELECT n, gen_random_uuid() AS id FROM generate_series(1, :schools) n) n RETURNING id, tenant_id, path)
INSERT INTO "group" (id, tenant_id, parent_id, path, slug, name, sort_key)
  SELECT n.id, s.tenant_id, s.id, s.path || replace(n.id::text, '-', ''), 'k' || n.n, 'Klass', 'klass'
  FROM school s CROSS JOIN LATERAL (SELECT n, gen_random_uuid() AS id, s.id AS below FROM generate_series(1, :classes) n) n
"""
_ENTRIES = """
INSERT INTO audit_entry (id, tenant_id, group_id, at, actor, actor_address, actor_group_id, action, subject, after)
  SELECT (lpad(to_hex(1700000000000 + n * 1000), 12, '0') || '70008' || substr(md5(n::text || g.ids[1]::text), 1, 15))::uuid, :tenant,
    g.ids[1 + (n * 7919) % cardinality(g.ids)], timestamptz '2026-01-01' + n * interval '1 minute', 'admin', 'admin@x.example',
    g.ids[1 + (n * 31) % cardinality(g.ids)], 'account_moved', 'p' || n || '@x.example',
    jsonb_build_object('group', g.ids[1 + (n * 17) % cardinality(g.ids)])
  FROM generate_series(1, :entries) n, (SELECT array_agg(id ORDER BY id) AS ids FROM "group" WHERE tenant_id = :tenant) g
"""


def _fill(world: World, slug: str, schools: int, classes: int, entries: int) -> Group:
    master = world.tenant(slug)
    world.run(_GROUPS, master=master.id, schools=schools, classes=classes)
    world.run(_ENTRIES, tenant=master.tenant_id, entries=entries)
    return master


def _entries_read(session: Session, read: Callable[[], object]) -> int:
    """How many entries the database looks at for a page, by the plan of a statement that was prepared long ago for whichever tenant."""
    session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    seen = text(
        "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'audit_entry'"
    )
    before = 0
    for _ in range(8):  # psycopg prepares after five
        before = session.execute(seen).scalar() or 0
        read()
    return int(session.execute(seen).scalar_one()) - before


def test_a_page_costs_as_little_among_200000_entries_of_5000_groups(world: World, database: Database) -> None:
    trees = {
        "large": _fill(world, "large", schools=10, classes=499, entries=200_000),
        "small": _fill(world, "small", schools=2, classes=4, entries=100),
    }
    world.run("ANALYZE")
    log = Log(world)
    for name, master in trees.items():
        tops = {
            "master": master.id,
            "school": world.value(
                "SELECT id FROM \"group\" WHERE tenant_id = :t AND slug = 's1'", t=master.tenant_id
            ),
            "class": world.value(
                "SELECT id FROM \"group\" WHERE tenant_id = :t AND slug = 'k1' LIMIT 1", t=master.tenant_id
            ),
        }
        for kind, group_id in tops.items():
            with log.confined(master) as session, statements(database.engine) as seen:
                at = place_of(session, master.tenant_id, group_id)
                assert at is not None
                reader = Reader(at, ME)
                seen.clear()
                audit_view.entries(session, reader, Asked(at, words="p1", since=world.clock.now()))
                audit_view.entries(session, reader, Asked(at))
                assert len(seen) == 3  # nothing was found to be named the first time
                for with_subgroups in (True, False):
                    asked = Asked(at, with_subgroups)
                    looked_at = _entries_read(session, partial(audit_view.entries, session, reader, asked))
                    assert looked_at <= audit_view.RECENT + 100, (name, kind, with_subgroups)
