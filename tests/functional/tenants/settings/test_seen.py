"""What admins see of the settings of groups (spec G2-G9)."""

from __future__ import annotations

from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.held_settings import MOST_BELOW, Origin, Source, held
from messa_platform.tenants.models import Lock
from tests.support.desk import Desk
from tests.support.observe import statements


def test_a_setting_is_set_here_or_inherited_from_a_group_or_the_platforms_default(desk: Desk) -> None:
    desk.world.set(desk.master, Key.SENDER_NAME, "Kommunen")
    desk.world.set(desk.school, Key.COUNTRY_CODE, "47")
    seen = desk.held(desk.class_, desk.master)
    assert (seen[Key.SENDER_NAME].value, seen[Key.SENDER_NAME].source) == (
        "Kommunen", Source(Origin.GROUP, "Master", desk.master.id),
    )  # fmt: skip
    assert (seen[Key.COUNTRY_CODE].value, seen[Key.COUNTRY_CODE].source) == (
        "47", Source(Origin.GROUP, "Skolan", desk.school.id),
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
