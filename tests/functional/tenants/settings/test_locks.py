"""What is locked for those below, and what those below have set (spec G3)."""

from __future__ import annotations

from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Lock
from messa_platform.tenants.set_settings import (
    INHERIT,
    Changed,
    NotAllowed,
    Wish,
    change,
)
from tests.support.desk import Desk
from tests.support.observe import statements


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
