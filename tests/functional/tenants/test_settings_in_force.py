"""The settings in force as they are read from the database, for any number of accounts at once (spec G2-G9)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.tenants.group_settings import InForce, Key, TooLong
from messa_platform.tenants.models import Group, Lock, TenantState
from messa_platform.tenants.senders import senders, settings_of
from messa_platform.tenants.tree import FREE_QUOTA
from tests.support.observe import statements
from tests.support.world import World


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def school(world: World, master: Group) -> Group:
    return world.group(master, "Skolan")


def in_force(world: World, group: Group) -> InForce:
    with world.database.unit_of_work() as session:
        return settings_of(session, [group.id])[group.id]


def test_a_new_tenant_has_the_platforms_defaults(world: World, master: Group) -> None:
    found = in_force(world, master)
    assert (found.country_code, found.may_receive, found.sender_name) == ("46", False, "messa")
    assert (found.smart_characters, found.too_long, found.signature) == (True, TooLong.REFUSE, "")
    assert (found.group_quotas, found.account_quota, found.max_parts) == ((), None, 9)


def test_a_setting_is_inherited_until_it_is_set_here(world: World, master: Group, school: Group) -> None:
    class_ = world.group(school, "4B")
    world.set(master, Key.COUNTRY_CODE, "47")
    world.set(master, Key.MAY_RECEIVE, True)
    world.set(school, Key.SENDER_NAME, "Skolan")
    world.set(class_, Key.MAY_RECEIVE, False)
    found = in_force(world, class_)
    assert (found.country_code, found.sender_name, found.may_receive) == ("47", "Skolan", False)
    assert in_force(world, school).may_receive
    assert in_force(world, master).sender_name == "messa"


def test_a_group_that_was_moved_under_a_younger_one_inherits_from_it(
    world: World, master: Group, school: Group
) -> None:
    younger = world.group(master, "Barn och utbildning")
    move = 'UPDATE "group" SET parent_id = :parent, path = CAST(:path AS ltree) WHERE id = :id'
    world.run(move, parent=younger.id, path=f"{younger.path}.{school.id.hex}", id=school.id)
    world.set(master, Key.SENDER_NAME, "Kommunen")
    world.set(younger, Key.SENDER_NAME, "BoU")
    assert in_force(world, school).path == (master.id, younger.id, school.id)
    assert in_force(world, school).sender_name == "BoU"


def test_a_setting_can_be_set_again(world: World, school: Group) -> None:
    world.set(school, Key.TOO_LONG, TooLong.CUT.value)
    assert in_force(world, school).too_long is TooLong.CUT
    world.set(school, Key.TOO_LONG, TooLong.REFUSE.value)
    assert in_force(world, school).too_long is TooLong.REFUSE


def test_a_limit_is_known_with_the_group_and_the_time_that_set_it(
    world: World, clock: FixedClock, master: Group, school: Group
) -> None:
    world.group_quota(master, 100, window_days=30, max_parts=4)
    clock.move(timedelta(hours=1))
    world.group_quota(school, 10)
    world.account_quota(master, 5, max_parts=2)
    found = in_force(world, school)
    assert [(q.group_name, q.sms, q.window_days, q.max_parts) for q in found.group_quotas] == [
        ("Skolan", 10, None, 9),
        ("Master", 100, 30, 4),
    ]
    assert [clock.now() - q.since for q in found.group_quotas] == [timedelta(), timedelta(hours=1)]
    assert found.account_quota is not None
    assert (found.account_quota.sms, found.account_quota.group_id) == (5, master.id)
    assert found.max_parts == 2


def test_a_limit_lifted_here_is_not_the_same_as_one_inherited(
    world: World, master: Group, school: Group
) -> None:
    world.account_quota(master, 5)
    assert in_force(world, school).account_quota is not None
    world.set(school, Key.ACCOUNT_QUOTA, None)
    assert in_force(world, school).account_quota is None
    assert in_force(world, master).account_quota is not None


def test_siblings_and_other_tenants_have_nothing_to_do_with_each_other(
    world: World, master: Group, school: Group
) -> None:
    care, stranger = world.group(master, "Omsorgen"), world.tenant("annan", "Annan kommun")
    world.set(school, Key.SENDER_NAME, "Skolan")
    world.group_quota(school, 1)
    world.set(stranger, Key.COUNTRY_CODE, "47")
    assert in_force(world, care).sender_name == "messa"
    assert in_force(world, care).group_quotas == ()
    assert in_force(world, school).country_code == "46"
    assert in_force(world, stranger).path == (stranger.id,)


def test_an_own_signature_counts_where_the_groups_lock_lets_it(
    world: World, master: Group, school: Group
) -> None:
    anna = world.account(school, "anna@kommun.example", signature="/Anna")
    bo = world.account(school, "bo@kommun.example")
    assert (world.sender(anna).signature, world.sender(bo).signature) == ("/Anna", "")
    world.set(master, Key.SIGNATURE, "/Kommunen", Lock.LOCKED)
    assert (world.sender(anna).signature, world.sender(bo).signature) == ("/Kommunen", "/Kommunen")
    world.set(master, Key.SIGNATURE, "/Kommunen", Lock.SUBADMIN)
    assert world.sender(anna).signature == "/Kommunen"
    world.set(school, Key.SIGNATURE, "/Skolan", Lock.ALL)
    assert (world.sender(anna).signature, world.sender(bo).signature) == ("/Anna", "/Skolan")


def test_accounts_of_many_groups_are_read_in_two_statements(
    world: World, master: Group, school: Group
) -> None:
    groups = [master, school, world.group(school, "4A"), world.group(school, "4B"), world.tenant("annan")]
    world.set(school, Key.SENDER_NAME, "Skolan")
    accounts = [world.account(group, f"konto{i}@kommun.example") for i, group in enumerate(groups)]
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        found = senders(session, [*accounts, accounts[0], new_id()])
    assert len(seen) == 2
    assert found.keys() == set(accounts)
    assert [found[a].settings.group_id for a in accounts] == [group.id for group in groups]
    assert [found[a].settings.sender_name for a in accounts] == [
        "messa",
        "Skolan",
        "Skolan",
        "Skolan",
        "messa",
    ]


def test_a_sender_is_what_its_account_and_its_tenant_are(world: World, master: Group) -> None:
    anna = world.account(master, "anna@kommun.example", display_name="Anna Ek", language="en")
    bo = world.account(master, "bo@kommun.example")
    world.run("UPDATE tenant SET state = 'suspended' WHERE id = :id", id=master.tenant_id)
    found = world.sender(anna)
    assert (found.address, found.display_name, found.language) == ("anna@kommun.example", "Anna Ek", "en")
    assert (found.tenant_state, found.blocked, found.number) == (TenantState.SUSPENDED, False, None)
    assert world.sender(bo).language == "sv"


@pytest.mark.parametrize("change", ["blocked = true", "removed_at = now()"])
def test_who_is_blocked_or_removed_is_a_blocked_sender(world: World, master: Group, change: str) -> None:
    anna = world.account(master, "anna@kommun.example")
    world.run(f"UPDATE account SET {change} WHERE id = :id", id=anna)
    assert world.sender(anna).blocked


def test_the_platforms_own_tenant_lets_each_account_receive_and_send_a_few(world: World) -> None:
    [free] = world.rows('SELECT g.id FROM "group" g JOIN tenant t ON t.id = g.tenant_id WHERE t.is_free')
    with world.database.unit_of_work() as session:
        found = settings_of(session, [UUID(str(free.id))])[free.id]
    assert found.may_receive
    assert found.account_quota is not None
    assert (found.account_quota.sms, found.account_quota.window_days) == (FREE_QUOTA, None)
