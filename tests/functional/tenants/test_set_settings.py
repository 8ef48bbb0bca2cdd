"""The settings of groups as admins see and change them (spec G2-G9, G12), by sessions that see their tenant alone, as in the portal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.clock import STOCKHOLM, FixedClock
from messa_platform.core.row_security import Confinement, confine
from messa_platform.messaging import gsm
from messa_platform.tenants import quota_view, tasks
from messa_platform.tenants.audit import Author
from messa_platform.tenants.audit_view import Who
from messa_platform.tenants.group_settings import NO_LIMIT, Key, fits
from messa_platform.tenants.held_settings import MOST_BELOW, Held, Origin, Source, held
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.places import Place, place_of
from messa_platform.tenants.quota import Granted
from messa_platform.tenants.quota_view import QuotaView
from messa_platform.tenants.set_settings import (
    INHERIT,
    Changed,
    Conflict,
    NotAllowed,
    Wish,
    change,
)
from tests.support.observe import statements, together
from tests.support.world import World

Answer = Changed | Conflict | NotAllowed


def quota_of(sms: int | None, window_days: int | None = None, max_parts: int = 9) -> dict[str, Any]:
    return {"sms": sms, "window_days": window_days, "max_parts": max_parts}


@dataclass
class Desk:
    """Where a municipality's settings are changed: Master, a school and a class, each with an admin of its own."""

    world: World
    master: Group
    school: Group
    class_: Group
    woken: list[str] = field(default_factory=list)

    def path(self, session: Session, group: Group) -> list[Place]:
        place = place_of(session, group.tenant_id, group.id)
        assert place is not None
        found = [place_of(session, group.tenant_id, above) for above in place.ancestors]
        return [p for p in found if p is not None]

    def confined(self) -> Session:
        session = self.world.database.sessions()
        confine(session, Confinement(self.master.tenant_id, None))
        return session

    def held(self, group: Group, by: Group) -> dict[Key, Held]:
        """What an admin of `by` sees of a group's settings."""
        with self.confined() as session:
            path = self.path(session, group)
            return dict(held(session, path, next(p for p in path if p.id == by.id)))

    def view(self, group: Group, by: Group) -> QuotaView:
        """What an admin of `by` sees of a group's quotas."""
        with self.confined() as session:
            path = self.path(session, group)
            authority = next(p for p in path if p.id == by.id)
            return quota_view.quota_view(session, self.world.clock.now(), path, authority)

    def author(self, by: Group) -> Author:
        return self.world.author(by, f"admin@{by.slug}.example")

    def change(self, group: Group, by: Group, wishes: dict[Key, Wish]) -> Answer:
        with self.confined() as session, session.begin():
            path = self.path(session, group)
            return change(
                session,
                self.world.clock.now(),
                self.author(by),
                path,
                wishes,
                lambda _, name: self.woken.append(name),
            )

    def wish(
        self, group: Group, by: Group, key: Key, value: Any, lock: Lock | None = None, **more: Any
    ) -> Answer:
        """Open the page of a group, change one thing there, and save."""
        seen = self.held(group, by)[key]
        wish = Wish(value, lock or seen.lock, more.pop("version", seen.version), **more)
        return self.change(group, by, {key: wish})

    def set(
        self, group: Group, by: Group, key: Key, value: Any, lock: Lock | None = None, **more: Any
    ) -> None:
        answer = self.wish(group, by, key, value, lock, **more)
        assert isinstance(answer, Changed), answer

    def log(self, group: Group) -> list[tuple[str, Any, Any]]:
        """What a group's log says, oldest first."""
        rows = self.world.rows(
            "SELECT subject, before, after FROM audit_entry WHERE group_id = :id AND action = 'setting_set' ORDER BY id",
            id=group.id,
        )
        return [tuple(row) for row in rows]

    def set_at(self, group: Group, key: Key) -> Any:
        return self.world.value(
            "SELECT set_at FROM group_setting WHERE group_id = :id AND key = :key", id=group.id, key=key.value
        )

    def sends(self, account_id: UUID, texts: int) -> int:
        return sum(isinstance(answer, Granted) for answer in self.world.reserve(account_id, *[1] * texts))


@pytest.fixture
def desk(world: World) -> Desk:
    master = world.tenant()
    school = world.group(master, "Skolan")
    return Desk(world, master, school, world.group(school, "4B"))


def tasks_of(desk: Desk, group: Group) -> list[Any]:
    return desk.world.rows(
        "SELECT kind FROM task JOIN task_work USING (id) WHERE group_id = :id", id=group.id
    )


# What is seen


def test_a_setting_is_set_here_or_inherited_from_a_group_or_the_platforms_default(desk: Desk) -> None:
    desk.world.set(desk.master, Key.SENDER_NAME, "Kommunen")
    desk.world.set(desk.school, Key.COUNTRY_CODE, "47")
    seen = desk.held(desk.class_, desk.master)
    assert (seen[Key.SENDER_NAME].value, seen[Key.SENDER_NAME].source) == (
        "Kommunen", Source(Origin.GROUP, "Master"),
    )  # fmt: skip
    assert (seen[Key.COUNTRY_CODE].value, seen[Key.COUNTRY_CODE].source) == (
        "47", Source(Origin.GROUP, "Skolan"),
    )  # fmt: skip
    assert seen[Key.TOO_LONG].source == Source(Origin.PLATFORM)
    at_school = desk.held(desk.school, desk.master)[Key.COUNTRY_CODE]
    assert (at_school.is_own, at_school.source) == (True, Source(Origin.HERE))
    assert (at_school.above, at_school.above_source) == ("46", Source(Origin.PLATFORM))


def test_who_may_not_see_a_group_is_told_of_an_overlying_one(desk: Desk) -> None:
    desk.world.set(desk.master, Key.SENDER_NAME, "Kommunen")
    seen = desk.held(desk.class_, desk.school)[Key.SENDER_NAME]
    assert (seen.value, seen.source) == ("Kommunen", Source(Origin.OVERLYING))


def test_a_group_quota_is_the_groups_own_and_is_not_inherited(desk: Desk) -> None:
    desk.world.group_quota(desk.master, 5000)
    seen = desk.held(desk.school, desk.master)[Key.GROUP_QUOTA]
    assert (seen.value, seen.is_own, seen.source) == (None, False, Source(Origin.PLATFORM))


def test_the_groups_below_that_have_set_it_themselves_are_counted_and_those_removed_are_not(
    desk: Desk,
) -> None:
    gone = desk.world.group(desk.school, "Nedlagd")
    for group in (desk.school, desk.class_, gone):
        desk.world.set(group, Key.COUNTRY_CODE, "47")
    desk.world.run(
        'UPDATE "group" SET removed_at = :now WHERE id = :id', now=desk.world.clock.now(), id=gone.id
    )
    assert [
        desk.held(g, desk.master)[Key.COUNTRY_CODE].own_below for g in (desk.master, desk.school, desk.class_)
    ] == [2, 1, 0]
    assert desk.held(desk.master, desk.master)[Key.SENDER_NAME].own_below == 0


def test_in_a_large_tree_groups_that_have_set_it_themselves_are_counted_up_to_a_hundred(desk: Desk) -> None:
    desk.world.run(
        'INSERT INTO "group" (id, tenant_id, parent_id, path, slug, name, sort_key) SELECT i, :t, :p,'
        " CAST(:path || '.' || replace(i::text, '-', '') AS ltree), n, n, n FROM (SELECT gen_random_uuid() AS i, 'k' || s AS n"
        " FROM generate_series(1, 350) s) made",
        t=desk.school.tenant_id, p=desk.school.id, path=desk.school.path,
    )  # fmt: skip
    for key, value, groups in (("country_code", '"47"', 150), ("sender_name", '"Klassen"', 60)):
        desk.world.run(
            "INSERT INTO group_setting (group_id, key, tenant_id, value, lock, authority_id) SELECT id, :key, tenant_id,"
            " CAST(:value AS jsonb), 'subadmin', id FROM \"group\" WHERE parent_id = :p AND slug LIKE 'k%' LIMIT :groups",
            p=desk.school.id, key=key, value=value, groups=groups,
        )  # fmt: skip
    for group in (desk.master, desk.school):
        seen = desk.held(group, desk.master)
        assert (seen[Key.COUNTRY_CODE].own_below, seen[Key.SENDER_NAME].own_below) == (MOST_BELOW + 1, 60)
        assert seen[Key.TOO_LONG].own_below == 0
    assert desk.held(desk.class_, desk.master)[Key.COUNTRY_CODE].own_below == 0


def test_a_quota_that_is_set_anew_is_locked_unless_one_says_otherwise_and_other_settings_are_not(
    desk: Desk,
) -> None:
    seen = desk.held(desk.school, desk.master)
    assert seen[Key.GROUP_QUOTA].lock is seen[Key.ACCOUNT_QUOTA].lock is Lock.LOCKED
    assert seen[Key.COUNTRY_CODE].lock is seen[Key.SENDER_NAME].lock is Lock.SUBADMIN


def test_a_new_signature_leaves_peoples_own_alone_until_one_says_otherwise(desk: Desk) -> None:
    assert desk.held(desk.school, desk.master)[Key.SIGNATURE].lock is Lock.ALL
    desk.world.set(desk.master, Key.SIGNATURE, "/Kommunen", Lock.SUBADMIN)
    assert desk.held(desk.school, desk.master)[Key.SIGNATURE].lock is Lock.SUBADMIN


def test_settings_are_read_in_two_statements_however_much_is_set(desk: Desk) -> None:
    def count() -> int:
        with desk.confined() as session:
            path = desk.path(session, desk.class_)
            with statements(desk.world.database.engine) as seen:
                held(session, path, path[0])
        return len(seen)

    empty = count()
    for group in (desk.master, desk.school, desk.class_):
        for key, value in [(Key.COUNTRY_CODE, "47"), (Key.SENDER_NAME, "Skolan"), (Key.SIGNATURE, "/S")]:
            desk.world.set(group, key, value)
    assert count() == empty == 2


# Changing


def test_a_change_holds_at_once_and_stands_in_the_groups_log(desk: Desk) -> None:
    assert desk.wish(desk.school, desk.master, Key.COUNTRY_CODE, "47", Lock.LOCKED) == Changed(
        (Key.COUNTRY_CODE,), 0, False
    )
    assert desk.held(desk.class_, desk.master)[Key.COUNTRY_CODE].value == "47"
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, INHERIT)
    assert desk.held(desk.class_, desk.master)[Key.COUNTRY_CODE].value == "46"
    set_there = {"value": "47", "lock": "locked"}
    assert desk.log(desk.school) == [("country_code", None, set_there), ("country_code", set_there, None)]
    author = desk.world.rows("SELECT actor_address, actor_group_id FROM audit_entry")
    assert [tuple(row) for row in author] == [("admin@master.example", desk.master.id)] * 2


def test_what_is_so_already_is_neither_written_nor_told(desk: Desk) -> None:
    desk.set(desk.school, desk.school, Key.TOO_LONG, "cut")
    before = desk.held(desk.school, desk.school)[Key.TOO_LONG]
    desk.world.clock.move(timedelta(hours=1))
    wishes = {
        Key.TOO_LONG: Wish("cut", Lock.SUBADMIN, before.version),
        Key.MAY_RECEIVE: Wish(INHERIT, Lock.SUBADMIN, 0),
    }
    assert desk.change(desk.school, desk.school, wishes) == Changed((), 0, False)
    assert desk.held(desk.school, desk.school)[Key.TOO_LONG] == before
    assert len(desk.log(desk.school)) == 1


@pytest.mark.parametrize(
    ("key", "value", "lock"),
    [
        (Key.COUNTRY_CODE, "999", Lock.LOCKED),
        (Key.COUNTRY_CODE, "+46", Lock.LOCKED),
        (Key.MAY_RECEIVE, "yes", Lock.LOCKED),
        (Key.TOO_LONG, "shout", Lock.LOCKED),
        (Key.SENDER_NAME, "Skolan i byn", Lock.LOCKED),
        (Key.SIGNATURE, "/" * 121, Lock.LOCKED),
        (Key.SIGNATURE, "a\nb", Lock.LOCKED),
        (Key.GROUP_QUOTA, {"sms": 5}, Lock.LOCKED),
        (Key.GROUP_QUOTA, quota_of(-1), Lock.LOCKED),
        (Key.ACCOUNT_QUOTA, quota_of(5, 0), Lock.LOCKED),
        (Key.ACCOUNT_QUOTA, quota_of(5, None, 10), Lock.LOCKED),
        (Key.ACCOUNT_QUOTA, quota_of(True), Lock.LOCKED),
        (Key.COUNTRY_CODE, "46", Lock.ALL),
    ],
)
def test_a_value_or_a_lock_that_a_setting_cannot_have_is_refused(
    desk: Desk, key: Key, value: Any, lock: Lock
) -> None:
    with pytest.raises(ValueError, match=key.value):
        desk.change(desk.school, desk.school, {key: Wish(value, lock, 0)})
    assert desk.log(desk.school) == []


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("Skolan", True), ("4B", True), ("Västra skol", True), ("Ä", True), ("a b", True),
        ("", False), ("112", False), ("11 2", False), (" Skolan", False), ("Skolan!", False), ("Škola", False), ("Tolv tecken.", False),
    ],
)  # fmt: skip
def test_a_sender_name_is_up_to_11_letters_digits_and_spaces_and_not_digits_alone(
    name: str, good: bool
) -> None:
    assert fits(Key.SENDER_NAME, name) is good


def test_the_letters_of_a_sender_name_are_those_of_gsm() -> None:
    letters = [c for c in map(chr, range(0x21, 0x500)) if fits(Key.SENDER_NAME, f"a{c}")]
    assert letters == sorted(c for c in gsm.BASIC if c.isalnum())


# Two at once


def test_of_two_who_change_a_setting_the_second_is_told_who_did_what_and_nothing_is_lost(desk: Desk) -> None:
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "47")
    seen = desk.held(desk.school, desk.school)
    desk.world.clock.move(timedelta(minutes=1))
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, "358")
    wishes = {
        Key.COUNTRY_CODE: Wish("45", Lock.SUBADMIN, seen[Key.COUNTRY_CODE].version),
        Key.TOO_LONG: Wish("cut", Lock.SUBADMIN, 0),
    }
    answer = desk.change(desk.school, desk.master, wishes)
    assert isinstance(answer, Conflict) and set(answer.entries) == {Key.COUNTRY_CODE}
    entry = answer.entries[Key.COUNTRY_CODE]
    assert entry is not None
    assert (entry.who, entry.address, entry.at) == (Who.ADMIN, "admin@skolan.example", desk.world.clock.now())
    assert (entry.before["value"], entry.after["value"]) == ("47", "358")
    now = desk.held(desk.school, desk.school)
    assert (now[Key.COUNTRY_CODE].value, now[Key.TOO_LONG].is_own) == ("358", False)
    wishes[Key.COUNTRY_CODE] = Wish("45", Lock.SUBADMIN, now[Key.COUNTRY_CODE].version)
    assert isinstance(desk.change(desk.school, desk.master, wishes), Changed)
    assert desk.held(desk.school, desk.school)[Key.COUNTRY_CODE].value == "45"


def test_who_changed_it_from_above_is_not_named_to_an_admin_below(desk: Desk) -> None:
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "47")
    answer = desk.wish(desk.school, desk.school, Key.COUNTRY_CODE, "45", version=0)
    assert isinstance(answer, Conflict)
    entry = answer.entries[Key.COUNTRY_CODE]
    assert entry is not None
    assert (entry.who, entry.address, entry.after["value"]) == (Who.OVERLYING, "", "47")


def test_it_is_no_conflict_where_both_want_the_same(desk: Desk) -> None:
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "47")
    assert desk.wish(desk.school, desk.school, Key.COUNTRY_CODE, "47", version=0) == Changed((), 0, False)


def test_to_inherit_what_another_has_set_meanwhile_is_a_conflict_too(desk: Desk) -> None:
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, "47")
    old = desk.held(desk.school, desk.school)[Key.COUNTRY_CODE].version
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, "45")
    assert isinstance(desk.wish(desk.school, desk.school, Key.COUNTRY_CODE, INHERIT, version=old), Conflict)
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, INHERIT)
    again = desk.wish(desk.school, desk.school, Key.COUNTRY_CODE, "47", version=old)
    assert isinstance(again, Conflict) and again.entries[Key.COUNTRY_CODE]


def test_of_eight_who_save_at_the_same_moment_one_changes_it_and_the_others_are_told(desk: Desk) -> None:
    codes = ["47", "45", "358", "44", "49", "33", "34", "39"]
    desk.author(desk.school)  # who is one and the same in all windows
    answers = together(
        [
            lambda code=code: desk.change(
                desk.school, desk.school, {Key.COUNTRY_CODE: Wish(code, Lock.SUBADMIN, 0)}
            )  # type: ignore[misc]
            for code in codes
        ]
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Changed"] + ["Conflict"] * 7
    assert len(desk.log(desk.school)) == 1


# Locks


def test_a_subadmin_cannot_change_what_master_has_locked_here_or_further_up(desk: Desk) -> None:
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    for group, by in ((desk.school, desk.school), (desk.class_, desk.school), (desk.class_, desk.class_)):
        assert not desk.held(group, by)[Key.COUNTRY_CODE].may_change
        assert desk.wish(group, by, Key.COUNTRY_CODE, "45") == NotAllowed((Key.COUNTRY_CODE,))
        assert desk.wish(group, by, Key.COUNTRY_CODE, INHERIT) == NotAllowed((Key.COUNTRY_CODE,))
    assert desk.held(desk.class_, desk.class_)[Key.COUNTRY_CODE].value == "47"
    assert isinstance(desk.wish(desk.class_, desk.master, Key.COUNTRY_CODE, "45"), Changed)


def test_one_locked_setting_among_others_stops_them_all(desk: Desk) -> None:
    desk.set(desk.master, desk.master, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    wishes = {Key.COUNTRY_CODE: Wish("45", Lock.SUBADMIN, 0), Key.TOO_LONG: Wish("cut", Lock.SUBADMIN, 0)}
    assert desk.change(desk.school, desk.school, wishes) == NotAllowed((Key.COUNTRY_CODE,))
    assert desk.log(desk.school) == []


def test_what_groups_below_had_set_before_a_lock_stays_in_force(desk: Desk) -> None:
    desk.set(desk.class_, desk.class_, Key.SENDER_NAME, "4B")
    desk.set(desk.master, desk.master, Key.SENDER_NAME, "Kommunen", Lock.LOCKED)
    seen = desk.held(desk.class_, desk.class_)[Key.SENDER_NAME]
    assert (seen.value, seen.may_change) == ("4B", False)
    assert desk.held(desk.master, desk.master)[Key.SENDER_NAME].own_below == 1


def test_the_lock_of_a_school_does_not_bind_master_and_stays_when_master_changes_the_value(
    desk: Desk,
) -> None:
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    seen = desk.held(desk.school, desk.master)[Key.COUNTRY_CODE]
    assert (seen.lock, seen.may_change) == (Lock.SUBADMIN, True)
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "45")
    assert not desk.held(desk.class_, desk.class_)[Key.COUNTRY_CODE].may_change
    at_school = desk.held(desk.school, desk.school)[Key.COUNTRY_CODE]
    assert (at_school.value, at_school.lock, at_school.may_change) == ("45", Lock.LOCKED, True)


def test_master_locks_what_a_school_has_locked_itself_for_the_school_too(desk: Desk) -> None:
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    assert not desk.held(desk.school, desk.school)[Key.COUNTRY_CODE].may_change
    _, before, after = desk.log(desk.school)[-1]
    assert (before["authority"], after["authority"]) == (str(desk.school.id), str(desk.master.id))


def test_the_lock_of_a_group_that_is_not_above_any_more_binds_nobody(desk: Desk) -> None:
    desk.set(desk.class_, desk.school, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    other = desk.world.group(desk.master, "Andra skolan")
    desk.world.run(
        'UPDATE "group" SET parent_id = :parent, path = CAST(:path AS ltree) WHERE id = :id',
        parent=other.id, path=f"{other.path}.{desk.class_.id.hex}", id=desk.class_.id,
    )  # fmt: skip
    seen = desk.held(desk.class_, other)[Key.COUNTRY_CODE]
    assert (seen.may_change, seen.lock) == (True, Lock.SUBADMIN)
    assert isinstance(desk.wish(desk.class_, desk.class_, Key.COUNTRY_CODE, "45"), Changed)


def test_the_groups_below_inherit_again_where_one_says_so_and_their_logs_have_it(desk: Desk) -> None:
    desk.set(desk.school, desk.school, Key.SENDER_NAME, "Skolan")
    desk.set(desk.class_, desk.class_, Key.SENDER_NAME, "4B")
    desk.set(desk.class_, desk.class_, Key.COUNTRY_CODE, "47")
    answer = desk.wish(desk.master, desk.master, Key.SENDER_NAME, "Kommunen", clear_below=True)
    assert answer == Changed((Key.SENDER_NAME,), 2, False)
    seen = desk.held(desk.class_, desk.master)
    assert (seen[Key.SENDER_NAME].value, seen[Key.COUNTRY_CODE].value) == ("Kommunen", "47")
    assert desk.log(desk.class_)[-1] == ("sender_name", {"value": "4B", "lock": "subadmin"}, None)
    assert desk.log(desk.school)[-1] == ("sender_name", {"value": "Skolan", "lock": "subadmin"}, None)


def test_a_subadmin_does_not_clear_what_is_locked_from_above_nor_what_stands_below_that(desk: Desk) -> None:
    desk.set(desk.class_, desk.master, Key.SENDER_NAME, "4B", Lock.LOCKED)
    left, right = desk.world.group(desk.class_, "Vänster"), desk.world.group(desk.school, "5A")
    for group in (left, right):
        desk.world.set(group, Key.SENDER_NAME, group.name[:3])
    answer = desk.wish(desk.school, desk.school, Key.SENDER_NAME, INHERIT, clear_below=True)
    assert answer == Changed((), 1, False)
    values = [desk.held(g, desk.school)[Key.SENDER_NAME].value for g in (desk.class_, left, right)]
    assert values == ["4B", "Vän", "messa"]
    assert desk.wish(desk.school, desk.master, Key.SENDER_NAME, INHERIT, clear_below=True) == Changed(
        (), 2, False
    )


def test_clearing_fifty_groups_takes_as_many_statements_as_clearing_one(desk: Desk) -> None:
    author = desk.author(desk.master)

    def count() -> int:
        seen = desk.held(desk.school, desk.master)[Key.COUNTRY_CODE]
        wish = Wish("47" if seen.value != "47" else "45", Lock.SUBADMIN, seen.version, clear_below=True)
        with desk.confined() as session, session.begin():
            path = desk.path(session, desk.school)
            with statements(desk.world.database.engine) as asked:
                change(
                    session,
                    desk.world.clock.now(),
                    author,
                    path,
                    {Key.COUNTRY_CODE: wish},
                    lambda *_: None,
                )
        return len(asked)

    desk.world.set(desk.class_, Key.COUNTRY_CODE, "358")
    one = count()
    for index in range(50):
        desk.world.set(desk.world.group(desk.school, f"Klass {index}"), Key.COUNTRY_CODE, "358")
    assert count() == one
    assert desk.held(desk.school, desk.master)[Key.COUNTRY_CODE].own_below == 0


# Numbers


def test_where_people_may_receive_no_more_a_task_takes_their_numbers_back(desk: Desk) -> None:
    desk.world.set(desk.school, Key.MAY_RECEIVE, True)
    assert desk.wish(desk.school, desk.school, Key.MAY_RECEIVE, False) == Changed((Key.MAY_RECEIVE,), 0, True)
    assert [row.kind for row in tasks_of(desk, desk.school)] == ["recall_numbers"]
    assert desk.woken == [tasks.ACTOR]


def test_they_are_taken_back_too_where_a_group_comes_to_inherit_that_it_may_not(desk: Desk) -> None:
    desk.world.set(desk.school, Key.MAY_RECEIVE, True)
    assert desk.wish(desk.school, desk.school, Key.MAY_RECEIVE, INHERIT) == Changed(
        (Key.MAY_RECEIVE,), 0, True
    )
    assert len(tasks_of(desk, desk.school)) == 1


def test_they_are_taken_back_where_only_groups_below_could_receive(desk: Desk) -> None:
    desk.world.set(desk.class_, Key.MAY_RECEIVE, True)
    answer = desk.wish(desk.school, desk.school, Key.MAY_RECEIVE, INHERIT, clear_below=True)
    assert answer == Changed((), 1, True)
    assert len(tasks_of(desk, desk.school)) == 1


@pytest.mark.parametrize(
    ("above", "before", "after"),
    [
        (True, True, INHERIT),
        (False, INHERIT, True),
        (True, INHERIT, True),
        (False, False, INHERIT),
        (False, INHERIT, False),
    ],
)
def test_nothing_is_taken_back_where_nobody_loses_the_permission(
    desk: Desk, above: bool, before: Any, after: Any
) -> None:
    desk.world.set(desk.master, Key.MAY_RECEIVE, above)
    if before is not INHERIT:
        desk.world.set(desk.school, Key.MAY_RECEIVE, before)
    answer = desk.wish(desk.school, desk.school, Key.MAY_RECEIVE, after)
    assert answer == Changed((Key.MAY_RECEIVE,), 0, False)
    assert (tasks_of(desk, desk.school), desk.woken) == ([], [])


# What a quota without a window counts from


@pytest.mark.parametrize(
    ("value", "lock"),
    [
        (quota_of(10), Lock.SUBADMIN),
        (quota_of(3), None),
        (quota_of(10, 7), None),
        (quota_of(10, None, 2), None),
        (quota_of(0), None),
    ],
)
@pytest.mark.parametrize("key", [Key.GROUP_QUOTA, Key.ACCOUNT_QUOTA])
def test_another_number_window_or_lock_does_not_begin_a_quota_anew(
    desk: Desk, key: Key, value: dict[str, Any], lock: Lock | None
) -> None:
    desk.set(desk.school, desk.school, key, quota_of(10))
    since = desk.set_at(desk.school, key)
    desk.world.clock.move(timedelta(hours=1))
    desk.set(desk.school, desk.school, key, value, lock)
    assert desk.set_at(desk.school, key) == since


def test_a_quota_begins_anew_where_there_was_no_limit_and_where_one_says_so(desk: Desk) -> None:
    for value in (dict(NO_LIMIT), quota_of(10)):
        desk.set(desk.school, desk.school, Key.GROUP_QUOTA, value)
        assert desk.set_at(desk.school, Key.GROUP_QUOTA) == desk.world.clock.now()
        desk.world.clock.move(timedelta(hours=1))
    desk.set(desk.school, desk.school, Key.GROUP_QUOTA, quota_of(10), count_anew=True)
    assert desk.set_at(desk.school, Key.GROUP_QUOTA) == desk.world.clock.now()
    _, before, after = desk.log(desk.school)[-1]
    assert before["since"] < after["since"]


def test_lowering_a_limit_does_not_refill_it(desk: Desk) -> None:
    anna = desk.world.account(desk.school, "anna@kommun.example")
    desk.set(desk.school, desk.master, Key.ACCOUNT_QUOTA, quota_of(5))
    desk.world.clock.move(timedelta(minutes=1))
    assert desk.sends(anna, 4) == 4
    desk.set(desk.school, desk.master, Key.ACCOUNT_QUOTA, quota_of(4))
    assert desk.sends(anna, 1) == 0
    desk.world.clock.move(timedelta(minutes=1))
    desk.set(desk.school, desk.master, Key.ACCOUNT_QUOTA, quota_of(4), count_anew=True)
    assert desk.sends(anna, 5) == 4


# An account's own limit, on the day on which its groups change theirs


@pytest.fixture
def noon(world: World, clock: FixedClock) -> FixedClock:
    """Noon, so that an hour more or less stays on the same day."""
    clock.at = clock.at.astimezone(STOCKHOLM).replace(hour=12)
    return clock


def test_what_was_sent_under_a_groups_own_limit_counts_under_its_parents_when_it_inherits_again(
    desk: Desk, noon: FixedClock
) -> None:
    anna = desk.world.account(desk.school, "anna@kommun.example")
    steps: Sequence[tuple[Group, Any, int]] = [
        (desk.school, quota_of(50), 2),  # before Master set its own: not counted there
        (desk.master, quota_of(10), 3),
        (desk.school, INHERIT, 1),
    ]
    for group, value, texts in steps:
        noon.move(timedelta(minutes=10))
        desk.set(group, desk.master, Key.ACCOUNT_QUOTA, value)
        noon.move(timedelta(minutes=10))
        assert desk.sends(anna, texts) == texts
    assert desk.sends(anna, 20) == 10 - 3 - 1


def test_a_limit_that_came_and_went_meanwhile_takes_nothing_out_of_the_count(
    desk: Desk, noon: FixedClock
) -> None:
    anna = desk.world.account(desk.class_, "anna@kommun.example")
    steps: Sequence[tuple[Group, Any, int]] = [
        (desk.master, quota_of(10), 1),
        (desk.school, quota_of(9), 1),
        (desk.class_, dict(NO_LIMIT), 1),
        (desk.school, INHERIT, 1),
        (desk.class_, INHERIT, 1),
        (desk.school, quota_of(2), 2),
        (desk.school, INHERIT, 0),
    ]
    for group, value, texts in steps:
        noon.move(timedelta(minutes=10))
        desk.set(group, desk.master, Key.ACCOUNT_QUOTA, value)
        noon.move(timedelta(minutes=10))
        assert desk.sends(anna, texts) == texts
    assert desk.sends(anna, 20) == 10 - 7


def test_a_group_that_moves_under_a_limit_of_the_same_day_brings_what_was_sent_since_it_was_set(
    desk: Desk, noon: FixedClock
) -> None:
    anna = desk.world.account(desk.class_, "anna@kommun.example")
    other = desk.world.group(desk.master, "Andra skolan")
    noon.move(timedelta(minutes=10))
    assert desk.sends(anna, 2) == 2
    noon.move(timedelta(minutes=10))
    desk.set(other, desk.master, Key.ACCOUNT_QUOTA, quota_of(5))
    noon.move(timedelta(minutes=10))
    assert desk.sends(anna, 3) == 3
    desk.world.run(
        'UPDATE "group" SET parent_id = :parent, path = CAST(:path AS ltree) WHERE id = :id',
        parent=other.id, path=f"{other.path}.{desk.class_.id.hex}", id=desk.class_.id,
    )  # fmt: skip
    assert desk.sends(anna, 5) == 2


# How far quotas are used


def test_a_groups_quotas_are_shown_with_what_is_used_as_far_up_as_one_may_see(desk: Desk) -> None:
    desk.world.group_quota(desk.master, 100)
    desk.world.group_quota(desk.school, 10, window_days=7)
    desk.world.group_quota(desk.class_, None)
    anna = desk.world.account(desk.class_, "anna@kommun.example")
    bo = desk.world.account(desk.school, "bo@kommun.example")
    desk.world.clock.move(timedelta(minutes=1))
    assert (desk.sends(anna, 3), desk.sends(bo, 2)) == (3, 2)
    found = desk.view(desk.class_, desk.master)
    assert [(u.quota.group_name, u.allowed, u.used, u.left, u.is_here) for u in found.uses] == [
        ("Skolan", 10, 5, 5, False), ("Master", 100, 5, 95, False),
    ]  # fmt: skip
    assert not found.is_limited_above
    at_school = desk.view(desk.school, desk.school)
    assert [(u.quota.group_name, u.used, u.is_here) for u in at_school.uses] == [("Skolan", 5, True)]
    assert at_school.is_limited_above


def test_of_what_limits_from_above_an_admin_learns_only_that_something_does(desk: Desk) -> None:
    desk.world.group_quota(desk.master, None)
    assert not desk.view(desk.school, desk.school).is_limited_above
    desk.world.group_quota(desk.master, 0)
    found = desk.view(desk.school, desk.school)
    assert (found.uses, found.is_limited_above, found.stops_all) == ((), True, False)
    assert desk.view(desk.school, desk.master).stops_all


def test_a_limit_that_was_lowered_below_what_is_used_has_nothing_left(desk: Desk) -> None:
    desk.set(desk.school, desk.school, Key.GROUP_QUOTA, quota_of(5))
    anna = desk.world.account(desk.school, "anna@kommun.example")
    desk.world.clock.move(timedelta(minutes=1))
    assert desk.sends(anna, 5) == 5
    desk.set(desk.school, desk.school, Key.GROUP_QUOTA, quota_of(3, None, 2))
    [use] = desk.view(desk.school, desk.school).uses
    assert (use.allowed, use.used, use.left) == (3, 5, 0)
    assert desk.view(desk.school, desk.school).max_parts == 2


def test_what_each_account_may_send_is_told_even_where_an_overlying_group_has_set_it(desk: Desk) -> None:
    assert desk.view(desk.school, desk.school).per_account is None
    desk.world.account_quota(desk.master, 25)
    per_account = desk.view(desk.school, desk.school).per_account
    assert per_account is not None and per_account.sms == 25
