"""A limit on each account that has no window is not refilled by any way round through the organisation (spec G6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import accounts, move_groups, quota
from messa_platform.tenants.accounts import Newcomer
from messa_platform.tenants.models import Group
from messa_platform.tenants.move_groups import Moved
from messa_platform.tenants.people import member
from messa_platform.tenants.people.member import Done
from messa_platform.tenants.quota import Granted
from tests.support.people import Town

ANNA = "anna@kommun.example"


def left(town: Town, account_id: UUID) -> int:
    """What the one limit leaves an account."""
    sender = town.world.sender(account_id)
    with town.world.database.unit_of_work() as session:
        now = town.world.clock.now()
        [found] = quota.left(session, now, account_id, sender.tenant_since, sender.settings)
        return found.sms


def spend(town: Town, account_id: UUID, parts: int) -> None:
    [answer] = town.world.reserve(account_id, parts)
    assert isinstance(answer, Granted)
    town.world.clock.move(timedelta(minutes=1))


@pytest.fixture
def anna(town: Town, clock: FixedClock) -> UUID:
    """In the school, where each may send ten texts, and eight of hers are gone."""
    town.world.account_quota(town.master, 10)
    account_id = town.world.account(town.school, ANNA)
    clock.move(timedelta(minutes=1))
    spend(town, account_id, 8)
    return account_id


def change(town: Town, what: Callable[..., object], account_id: UUID, *given: object, **more: object) -> None:
    with town.world.database.unit_of_work() as session:
        version = town.account(ANNA).version
        author, tenant_id = town.author(town.master), town.master.tenant_id
        done = what(session, town.world.clock.now(), author, tenant_id, account_id, version, *given, **more)
        assert isinstance(done, Done)
    town.world.clock.move(timedelta(minutes=1))


def move(town: Town, account_id: UUID, group: Group) -> None:
    change(town, member.move, account_id, town.place(group))


def test_by_moving_away_and_back(town: Town, anna: UUID) -> None:
    for group in (town.care, town.form, town.school):
        move(town, anna, group)
        assert left(town, anna) == 2


def test_by_being_removed_and_added_again(town: Town, anna: UUID) -> None:
    change(town, member.remove, anna, block=True)
    assert town.add(town.care, town.master, ANNA) == {ANNA: "return"}
    assert left(town, anna) == 2


def test_by_being_removed_and_writing_again(town: Town, anna: UUID) -> None:
    change(town, member.remove, anna, block=False)
    with town.world.database.unit_of_work() as session:
        known = accounts.find_or_create(
            session, town.world.clock.now(), {ANNA: Newcomer("", None)}, bring_back=True
        )
    assert known[ANNA].is_new and town.account(ANNA).group_id == town.master.id
    assert left(town, anna) == 2


def test_by_the_removal_of_the_group(town: Town, anna: UUID) -> None:
    school, home = town.place(town.school), town.place(town.care)
    with town.world.database.unit_of_work() as session:
        author, now = town.author(town.master), town.world.clock.now()
        done = move_groups.remove(session, now, author, school, home, home, school.version)
        assert isinstance(done, Moved)
    assert town.account(ANNA).group_id == town.care.id
    assert left(town, anna) == 2


def test_but_who_comes_from_another_organisation_begins_anew(
    town: Town, clock: FixedClock, anna: UUID
) -> None:
    town.world.move_account(anna, town.other)
    clock.move(timedelta(minutes=1))
    spend(town, anna, 1)
    assert town.add(town.school, town.master, ANNA) == {ANNA: "take"}
    assert left(town, anna) == 10
    assert town.account(ANNA).tenant_since == clock.now()
