"""What was not sent is given back (spec G6)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import quota
from messa_platform.tenants.models import Group
from messa_platform.tenants.quota import Answer, Granted
from tests.support.observe import statements
from tests.support.quotas import left, sends
from tests.support.world import World


def give_back(world: World, granted: Answer, parts: int) -> None:
    assert isinstance(granted, Granted)
    with world.database.unit_of_work() as session:
        quota.give_back(session, [(granted.buckets, parts)])


# Giving back


def test_what_was_not_sent_is_given_back_on_every_level(world: World, master: Group) -> None:
    school = world.group(master, "Skolan")
    teacher = world.account(school, "larare@kommun.example")
    world.group_quota(master, 3)
    world.group_quota(school, 3)
    world.account_quota(school, 3)
    [granted] = world.reserve(teacher, 3)
    assert sends(world, teacher) == 0
    give_back(world, granted, 3)
    assert [entry.sms for entry in left(world, teacher)] == [3, 3, 3]
    assert sends(world, teacher, 4) == 3


def test_what_is_given_back_after_midnight_is_given_to_the_day_that_it_was_taken_from(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 2, window_days=2)
    [granted, _] = world.reserve(anna, 1, 1)
    clock.move(timedelta(days=1))
    give_back(world, granted, 1)
    assert sends(world, anna, 2) == 1
    clock.move(timedelta(days=1))
    assert sends(world, anna, 2) == 1


def test_what_is_given_back_from_before_the_limit_was_set_gives_the_new_limit_nothing(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 2)
    [granted, _] = world.reserve(anna, 1, 1)
    clock.move(timedelta(minutes=1))
    world.group_quota(master, 2)
    assert sends(world, anna) == 1
    give_back(world, granted, 1)
    assert sends(world, anna, 2) == 1


def test_nothing_is_given_back_for_nothing(world: World, anna: UUID) -> None:
    world.reserve(anna, 2)
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        quota.give_back(session, [((), 3)])
        quota.give_back(session, [])
    assert not seen
    assert world.value("SELECT sum(parts) FROM quota_usage WHERE scope_id = :id", id=anna) == 2
