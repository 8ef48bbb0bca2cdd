"""Reading the audit log: everything that is one's own, nothing from above or beside, however much there is (spec G2, G12, G13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants import audit_view, move_groups
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import SYSTEM, Action, Author, Change, record
from messa_platform.tenants.audit_view import Asked, Entry, Named, Reader, Standing, Who
from messa_platform.tenants.models import Group
from messa_platform.tenants.move_groups import Moved
from messa_platform.tenants.places import Place, place_of
from tests.support.observe import statements
from tests.support.world import World

ME = new_id()


class Log:
    """A municipality: Master, below it Skolor with Norra and Södra, and Omsorgen; and another organisation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.master = world.tenant()
        self.schools = world.group(self.master, "Skolor")
        self.north = world.group(self.schools, "Norra")
        self.south = world.group(self.schools, "Södra")
        self.care = world.group(self.master, "Omsorgen")
        self.elsewhere = world.tenant("annan", "Annan kommun")

    def author(self, group: Group, address: str = "", account_id: UUID | None = None) -> Author:
        return Author(Actor.ADMIN, account_id or new_id(), address or f"admin@{group.slug}.example", group.id)

    def wrote(
        self,
        group: Group,
        subject: str,
        author: Author = SYSTEM,
        action: Action = Action.ACCOUNT_ADDED,
        **change: Any,
    ) -> None:
        with self.world.database.unit_of_work() as session:
            entry = Change(group.tenant_id, group.id, action, subject, **change)
            record(session, self.world.clock.now(), author, [entry])

    @contextmanager
    def confined(self, group: Group) -> Iterator[Session]:
        """A session as a request of the group's organisation has it."""
        with self.world.database.sessions() as session:
            confine(session, Confinement(group.tenant_id, ME))
            with session.begin():
                yield session

    def read(
        self,
        at: Group,
        authority: Group | None = None,
        before: UUID | None = None,
        most: int = 50,
        **asked: Any,
    ) -> tuple[list[Entry], UUID | None]:
        """What an admin of `authority` reads in the log of `at`."""
        with self.confined(at) as session:
            reader = Reader(place(session, authority or at), ME)
            return audit_view.entries(session, reader, Asked(place(session, at), **asked), before, most)

    def subjects(self, at: Group, authority: Group | None = None, **asked: Any) -> list[str | Named]:
        return [entry.subject for entry in self.read(at, authority, **asked)[0]]

    def only(self, at: Group, authority: Group | None = None) -> Entry:
        (entry,), _ = self.read(at, authority)
        return entry


def place(session: Session, group: Group) -> Place:
    found = place_of(session, group.tenant_id, group.id)
    assert found is not None
    return found


@pytest.fixture
def log(world: World) -> Log:
    return Log(world)


# Which entries


def test_the_log_of_a_group_has_the_entries_of_those_below_it_the_newest_first(log: Log) -> None:
    for number, group in enumerate((log.master, log.schools, log.north, log.care, log.south, log.elsewhere)):
        log.wrote(group, f"{number}@x.example")
    assert log.subjects(log.schools) == ["4@x.example", "2@x.example", "1@x.example"]
    assert log.subjects(log.north) == ["2@x.example"]
    assert log.subjects(log.master) == [f"{n}@x.example" for n in (4, 3, 2, 1, 0)]


def test_without_subgroups_it_has_the_groups_own_entries_only(log: Log) -> None:
    for group in (log.master, log.schools, log.north):
        log.wrote(group, group.name)
    assert log.subjects(log.schools, with_subgroups=False) == ["Skolor"]
    assert log.subjects(log.master, with_subgroups=False) == ["Master"]


@pytest.mark.parametrize("recent", [5, 3000])
def test_page_after_page_has_every_entry_once(log: Log, recent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_view, "RECENT", recent)
    for number in range(23):
        log.wrote((log.schools, log.north, log.care)[number % 3], f"{number:02}")
    for at, numbers in ((log.schools, [n for n in range(23) if n % 3 != 2]), (log.master, list(range(23)))):
        read: list[str] = []
        before = None
        for _ in range(10):
            found, before = log.read(at, before=before, most=4)
            read += [entry.subject for entry in found]
            if before is None:
                break
        assert read == [f"{n:02}" for n in reversed(numbers)]


def test_a_page_that_ends_with_the_last_entry_promises_no_other(log: Log) -> None:
    for number in range(4):
        log.wrote(log.schools, str(number))
    found, older = log.read(log.schools, most=4)
    assert (len(found), older) == (4, None)
    assert log.read(log.schools, most=3)[1] == log.read(log.schools, most=3)[0][-1].id


def test_entries_far_behind_many_of_others_are_found(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_view, "RECENT", 3)
    log.wrote(log.north, "old")
    for number in range(12):
        log.wrote(log.care, str(number))
    log.wrote(log.south, "new")
    assert log.subjects(log.schools, most=2) == ["new", "old"]


def test_the_log_of_a_removed_group_stays_with_those_above_it(log: Log) -> None:
    log.wrote(log.north, "kept")
    log.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=log.north.id)
    assert log.subjects(log.schools) == ["kept"]
    assert log.only(log.schools).group == Named(Standing.SEEN, "Norra", is_gone=True)


def test_every_entry_is_read_in_chunks(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_view, "CHUNK", 4)
    for number in range(11):
        log.wrote(log.north, f"{number:02}")
    with log.confined(log.schools) as session:
        reader, asked = Reader(place(session, log.schools), ME), Asked(place(session, log.schools))
    opened = 0

    @contextmanager
    def open_one() -> Iterator[Session]:
        nonlocal opened
        opened += 1
        with log.confined(log.schools) as session:
            yield session

    found = [entry.subject for entry in audit_view.all_entries(open_one, reader, asked)]
    assert found == [f"{n:02}" for n in reversed(range(11))]
    assert opened == 3


def test_another_organisation_reads_nothing_of_ours_even_where_the_role_lets_it(log: Log) -> None:
    log.wrote(log.master, "ours")
    with log.world.database.unit_of_work() as session:
        theirs = place(session, log.elsewhere)
        assert audit_view.entries(session, Reader(theirs, ME), Asked(theirs))[0] == []
        own = Asked(theirs, with_subgroups=False)
        assert audit_view.entries(session, Reader(theirs, ME), own)[0] == []


# Who did it


def test_an_admin_of_a_group_that_one_may_see_is_named(log: Log) -> None:
    log.wrote(log.north, "x", log.author(log.schools))
    entry = log.only(log.north, log.schools)
    assert (entry.who, entry.address) == (Who.ADMIN, "admin@skolor.example")


@pytest.mark.parametrize("group", ["master", "care"])
def test_an_admin_of_a_group_above_or_beside_has_no_name(log: Log, group: str) -> None:
    log.wrote(log.north, "x", log.author(getattr(log, group)))
    entry = log.only(log.north, log.schools)
    assert (entry.who, entry.address) == (Who.OVERLYING, "")


def test_one_reads_ones_own_name_though_one_acted_from_further_up_then(log: Log) -> None:
    log.wrote(log.north, "x", log.author(log.master, "me@x.example", ME))
    entry = log.only(log.north)
    assert (entry.who, entry.address) == (Who.ADMIN, "me@x.example")


def test_an_admin_of_another_organisation_has_no_name_even_for_master(log: Log) -> None:
    log.wrote(log.master, "x", log.author(log.elsewhere))
    entry = log.only(log.master)
    assert (entry.who, entry.address) == (Who.ELSEWHERE, "")


@pytest.mark.parametrize("actor", [Actor.OPERATOR, Actor.SYSTEM, Actor.OWNER])
def test_who_is_no_admin_is_told_as_what_they_are(log: Log, actor: Actor) -> None:
    log.wrote(log.north, "x", Author(actor, new_id(), "somebody@x.example", log.north.id))
    entry = log.only(log.north)
    assert (entry.who.value, entry.address) == (actor.value, "")


# Which groups


def test_groups_are_named_only_to_who_may_see_them(log: Log) -> None:
    groups = {name: str(group.id) for name, group in vars(log).items() if isinstance(group, Group)}
    log.wrote(log.north, "x", before={"from": list(groups.values())}, after=groups)
    log.world.run(
        """UPDATE "group" SET name = 'Nya Södra', removed_at = now() WHERE id = :id""", id=log.south.id
    )
    entry = log.only(log.north, log.schools)
    seen = {
        "master": Named(Standing.OVERLYING),
        "schools": Named(Standing.SEEN, "Skolor"),
        "north": Named(Standing.SEEN, "Norra"),
        "south": Named(Standing.SEEN, "Nya Södra", is_gone=True),
        "care": Named(Standing.OTHER),
        "elsewhere": Named(Standing.ELSEWHERE),
    }
    assert entry.after == seen
    assert entry.before == {"from": list(seen.values())}


def test_a_lower_admin_sees_less_of_the_same_entry(log: Log) -> None:
    log.wrote(log.north, "x", after={"schools": str(log.schools.id), "south": str(log.south.id)})
    assert log.only(log.north).after == {"schools": Named(Standing.OVERLYING), "south": Named(Standing.OTHER)}


def test_a_group_that_one_may_not_see_has_no_name_where_it_is_what_was_changed_either(log: Log) -> None:
    for action in (Action.GROUP_ADDED, Action.GROUP_RENAMED, Action.GROUP_MOVED, Action.GROUP_REMOVED):
        for group in (log.care, log.master, log.south):
            names = {"before": {"name": "Förr"}, "after": {"name": group.name, "parent": str(log.south.id)}}
            log.wrote(log.north, group.name, action=action, subject_id=group.id, **names)
    log.world.run(
        'UPDATE "group" SET removed_at = now() WHERE id = ANY(:ids)', ids=[log.care.id, log.south.id]
    )
    south = Named(Standing.SEEN, "Södra", is_gone=True)
    shown = [(e.subject, e.before, e.after) for e in log.read(log.north, log.schools)[0]]
    for of_south, of_master, of_care in zip(shown[::3], shown[1::3], shown[2::3], strict=True):
        assert of_south == ("Södra", {"name": "Förr"}, {"name": "Södra", "parent": south})
        for standing, told in ((Standing.OVERLYING, of_master), (Standing.OTHER, of_care)):
            hidden = Named(standing)
            assert told == (hidden, {"name": hidden}, {"name": hidden, "parent": south})


def test_the_log_of_who_takes_a_neighbours_people_does_not_name_the_neighbour(log: Log) -> None:
    boss = log.world.author(log.master)
    log.world.group(log.care, "Hemlig enhet")
    with log.confined(log.master) as session:
        care, north = place(session, log.care), place(session, log.north)
        now = log.world.clock.now()
        assert isinstance(move_groups.remove(session, now, boss, care, north, north, 1), Moved)
    found, _ = log.read(log.north)
    moved = {"parent": Named(Standing.SEEN, "Norra")}
    told = [(e.action, e.subject, e.after) for e in found if e.action != "group_moved"]
    assert told == [
        (
            "group_removed",
            Named(Standing.OTHER),
            {"people": moved["parent"], "groups": moved["parent"], "moved": 0},
        )
    ]
    # the unit itself is the reader's by now
    assert {(e.subject, e.before["parent"]) for e in found if e.action == "group_moved"} == {
        ("Hemlig enhet", Named(Standing.OTHER))
    }
    assert "Omsorgen" not in repr(found)
    assert "Omsorgen" in [e.subject for e in log.read(log.north, log.master)[0]]


# Narrowing


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
