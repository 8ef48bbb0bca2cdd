"""Numbers lent to accounts on their first send, and what becomes of them (spec R1, R5, R6, B3)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import numbers
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.numbers import REST, Holder, OwnRange, own_ranges
from tests.support.held_numbers import holders
from tests.support.observe import statements, together
from tests.support.world import World

FIRST = 467301214000000


@pytest.fixture
def master(world: World) -> Group:
    """A group whose accounts may receive, on a platform that has a channel."""
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    world.channel()
    return group


def people(world: World, group: Group, count: int) -> list[UUID]:
    return [world.account(group, f"person{i}@kommun.example") for i in range(count)]


def sent_from(world: World, account_id: UUID, recipient: str) -> str:
    """The sender id of a message that is handed in now."""
    assert world.words(account_id, [recipient]) == ["QUEUED"]
    local: str = world.value("SELECT local FROM message ORDER BY id DESC LIMIT 1")
    return local


def test_an_account_that_may_receive_gets_a_number_with_its_first_text_and_keeps_it(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers()
    anna, bo = people(world, master, 2)
    assert world.sender(anna).number is None
    assert sent_from(world, anna, "0701740605") == f"+{FIRST}"
    assert world.sender(anna).number == f"+{FIRST}"
    clock.move(timedelta(days=200))
    assert sent_from(world, anna, "0701740606") == f"+{FIRST}"
    assert sent_from(world, bo, "0701740606") == f"+{FIRST + 1}"
    assert world.value("SELECT local FROM dispatch_queue ORDER BY id LIMIT 1") == f"+{FIRST}"


def test_an_account_that_may_not_receive_sends_under_the_groups_name(world: World, master: Group) -> None:
    world.numbers()
    care = world.group(master, "Omsorgen")
    world.set(care, Key.MAY_RECEIVE, False)
    world.set(care, Key.SENDER_NAME, "Omsorgen")
    assert sent_from(world, world.account(care, "cia@kommun.example"), "0701740605") == "Omsorgen"
    assert world.value("SELECT count(*) FROM number") == 0


def test_an_account_that_may_no_longer_receive_keeps_its_number_and_sends_under_the_groups_name(
    world: World, master: Group
) -> None:
    world.numbers()
    [anna] = people(world, master, 1)
    assert sent_from(world, anna, "0701740605") == f"+{FIRST}"
    world.set(master, Key.MAY_RECEIVE, False)
    assert sent_from(world, anna, "0701740606") == "messa"
    world.set(master, Key.MAY_RECEIVE, True)
    assert sent_from(world, anna, "0701740607") == f"+{FIRST}"


def test_a_text_that_is_refused_lends_no_number(world: World, master: Group) -> None:
    world.numbers()
    world.group_quota(master, 0)
    [anna] = people(world, master, 1)
    assert world.words(anna, ["0701740605", "anna"]) == ["Group:Master", "invalid_number"]
    assert world.value("SELECT count(*) FROM number") == 0


def test_many_texts_of_one_submission_have_one_number(world: World, master: Group) -> None:
    world.numbers()
    [anna] = people(world, master, 1)
    world.words(anna, [f"07017406{i:02}" for i in range(50)])
    assert world.value("SELECT count(DISTINCT local) FROM message") == 1
    assert world.value("SELECT count(*) FROM number") == 1


@pytest.mark.parametrize("attempt", range(3))
def test_first_texts_of_one_account_at_the_same_time_lend_it_one_number(
    world: World, master: Group, attempt: int
) -> None:
    world.numbers()
    [anna] = people(world, master, 1)
    together([lambda i=i: world.words(anna, [f"070174060{i}"]) for i in range(6)])  # type: ignore[misc]
    assert world.value("SELECT count(*) FROM number") == 1
    assert world.value("SELECT count(*) FROM number_lending") == 1
    assert {row.local for row in world.rows("SELECT local FROM message")} == {f"+{FIRST}"}


def test_accounts_that_borrow_at_the_same_time_get_a_number_each(world: World, master: Group) -> None:
    world.numbers(FIRST, FIRST + 5)
    world.numbers(FIRST + 100, FIRST + 199)
    accounts = people(world, master, 12)
    pairs = [accounts[i : i + 2] for i in range(0, 12, 2)]
    lent = together([lambda p=pair: world.lend(*p) for pair in pairs + pairs[::-1]])  # type: ignore[misc]
    held = {row.account_id: row.msisdn for row in world.rows("SELECT account_id, msisdn FROM number")}
    assert held.keys() == set(accounts)
    assert len(set(held.values())) == 12
    assert all(held[a] == msisdn for answer in lent for a, msisdn in answer.items())


def test_ranges_are_emptied_one_after_the_other(world: World, master: Group) -> None:
    world.numbers(FIRST + 100, FIRST + 199)
    world.numbers(FIRST, FIRST + 1)
    accounts = people(world, master, 4)
    lent = world.lend(*accounts)
    assert [lent[a] for a in accounts] == [f"+{FIRST + n}" for n in (0, 1, 100, 101)]


def test_where_the_pool_is_empty_the_groups_name_is_used_and_the_operator_is_told(
    world: World, master: Group
) -> None:
    world.numbers(FIRST, FIRST)
    world.set(master, Key.SENDER_NAME, "Kommunen")
    anna, bo = people(world, master, 2)
    assert sent_from(world, anna, "0701740605") == f"+{FIRST}"
    assert world.heard.empty_pools == 0
    assert sent_from(world, bo, "0701740605") == "Kommunen"
    assert world.heard.empty_pools == 1
    assert sent_from(world, anna, "0701740606") == f"+{FIRST}"
    assert world.heard.empty_pools == 1


def test_those_for_whom_there_is_a_number_get_it_though_there_are_not_enough(
    world: World, master: Group
) -> None:
    world.numbers(FIRST, FIRST)
    accounts = people(world, master, 3)
    assert world.lend(*accounts) == {accounts[0]: f"+{FIRST}"}


def test_a_number_taken_back_rests_for_90_days(world: World, clock: FixedClock, master: Group) -> None:
    world.numbers(FIRST, FIRST)
    anna, bo = people(world, master, 2)
    world.lend(anna)
    assert world.take_back_number(anna)
    assert not world.take_back_number(anna)
    assert world.sender(anna).number is None
    assert timedelta(days=90) == REST
    clock.move(REST - timedelta(seconds=1))
    assert world.lend(bo) == {}
    clock.move(timedelta(seconds=1))
    assert world.lend(bo) == {bo: f"+{FIRST}"}
    assert world.lend(anna) == {}


def test_a_number_that_was_never_lent_goes_before_one_that_has_rested(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers(FIRST, FIRST + 1)
    anna, bo, cia = people(world, master, 3)
    world.lend(anna)
    world.take_back_number(anna)
    clock.move(REST)
    assert world.lend(bo) == {bo: f"+{FIRST + 1}"}
    assert world.lend(cia) == {cia: f"+{FIRST}"}


def test_rested_numbers_are_lent_to_one_account_each_when_many_want_them(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers(FIRST, FIRST + 3)
    accounts = people(world, master, 10)
    world.lend(*accounts[:4])
    for account in accounts[:4]:
        world.take_back_number(account)
    clock.move(REST)
    lent = together([lambda a=account: world.lend(a) for account in accounts[4:]])  # type: ignore[misc]
    got = [msisdn for answer in lent for msisdn in answer.values()]
    assert len(got) == len(set(got)) == 4
    assert world.value("SELECT count(*) FROM number WHERE account_id IS NOT NULL") == 4


def test_the_history_tells_who_held_a_number_and_when(world: World, clock: FixedClock, master: Group) -> None:
    world.numbers(FIRST, FIRST)
    school = world.group(master, "Skolan")
    anna, bo = world.account(master, "anna@kommun.example"), world.account(school, "bo@kommun.example")
    start = clock.now()
    world.lend(anna)
    clock.move(timedelta(days=1))
    world.take_back_number(anna)
    clock.move(REST)
    world.lend(bo)
    rows = world.rows("SELECT * FROM number_lending ORDER BY lent_at")
    assert [(r.account_id, r.group_id, r.tenant_id, r.msisdn) for r in rows] == [
        (anna, master.id, master.tenant_id, f"+{FIRST}"),
        (bo, school.id, master.tenant_id, f"+{FIRST}"),
    ]
    day = timedelta(days=1)
    assert [(r.lent_at, r.returned_at) for r in rows] == [(start, start + day), (start + day + REST, None)]


def test_it_is_known_who_holds_a_number_or_held_it_last(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers(FIRST, FIRST + 1)
    anna, bo, cia = people(world, master, 3)
    world.lend(anna, bo)
    world.take_back_number(anna)
    numbers_ = [f"+{FIRST}", f"+{FIRST + 1}", f"+{FIRST + 2}"]
    with world.database.unit_of_work() as session:
        assert holders(session, numbers_) == {numbers_[0]: Holder(anna, True), numbers_[1]: Holder(bo, False)}
    clock.move(REST)
    world.lend(cia)
    world.take_back_number(cia)
    with world.database.unit_of_work() as session:
        assert holders(session, numbers_)[numbers_[0]] == Holder(cia, True)


def test_lending_to_many_takes_as_many_statements_as_to_one(world: World, master: Group) -> None:
    world.numbers()
    accounts = people(world, master, 31)
    borrowers = [world.sender(account) for account in accounts]

    def count(first: int, last: int) -> int:
        with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
            numbers.lend(session, world.clock.now(), borrowers[first:last])
        return len(seen)

    assert count(0, 1) == count(1, 31)


def test_a_number_of_our_own_is_a_recipient_though_it_has_15_digits(world: World, master: Group) -> None:
    world.numbers()
    [anna] = people(world, master, 1)
    with world.database.unit_of_work() as session:
        assert own_ranges(session) == (OwnRange(FIRST, FIRST + 999_999),)
    assert world.words(anna, ["467301214000017", "+467301215000000"]) == ["QUEUED", "invalid_number"]
    assert world.value("SELECT remote FROM dispatch_queue") == "+467301214000017"
