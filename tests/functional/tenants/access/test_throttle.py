"""Guessing is slowed down, and only who guesses (spec I3)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.access import throttle
from messa_platform.tenants.access.passwords import Passwords
from messa_platform.tenants.access.sign_in import SignedIn, Wait, WantsCode, WrongPassword, check_password
from messa_platform.tenants.access.throttle import FREE_TRIES, NETWORK_LIMIT, NETWORK_PACE, Attempt, What
from messa_platform.tenants.models import Group
from tests.support.observe import dawdling, statements, together
from tests.support.world import World

ANNA, RIGHT, WRONG = "anna@kommun.example", "regn över Umeå", "sol över Umeå"
HOME, CAFE = "192.0.2.0/24", "198.51.100.0/24"

Answer = SignedIn | WantsCode | WrongPassword | Wait


class Door:
    """The sign-in of the test's deployment."""

    def __init__(self, world: World, passwords: Passwords) -> None:
        self.world, self.passwords = world, passwords

    def try_(self, password: str = WRONG, network: str = CAFE, address: str = ANNA) -> Answer:
        with self.world.database.unit_of_work() as session:
            return check_password(session, self.world.clock.now(), self.passwords, address, password, network)

    def fail(self, times: int, network: str = CAFE, address: str = ANNA) -> None:
        """So many failures that are told, as soon as each may be."""
        for _ in range(times):
            answer = self.try_(network=network, address=address)
            if isinstance(answer, Wait):
                self.world.clock.move(answer.until - self.world.clock.now())
                answer = self.try_(network=network, address=address)
            assert answer == WrongPassword()

    def wait(self, network: str = CAFE) -> float | None:
        """Seconds that Anna is told to wait; None if she is let in."""
        answer = self.try_(RIGHT, network)
        return (answer.until - self.world.clock.now()).total_seconds() if isinstance(answer, Wait) else None


@pytest.fixture
def door(world: World, passwords: Passwords, anna: UUID) -> Door:
    """The door to Anna's account."""
    return Door(world, passwords)


def knows(world: World, account_id: UUID, network: str = HOME) -> None:
    """The account's owner has signed in from `network` before."""
    with world.database.unit_of_work() as session:
        throttle.remember_network(session, world.clock.now(), account_id, network)


def test_after_five_failures_in_a_row_each_further_try_waits_twice_as_long(door: Door) -> None:
    door.fail(5)
    waits = []
    for _ in range(12):
        waits.append(door.wait())
        door.fail(1)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_who_must_wait_is_not_heard_even_with_the_right_password(door: Door, clock: FixedClock) -> None:
    door.fail(5)
    assert door.try_(RIGHT) == Wait(clock.now() + timedelta(seconds=2))
    clock.move(timedelta(seconds=1.9))
    assert isinstance(door.try_(RIGHT), Wait)
    clock.move(timedelta(seconds=0.1))
    assert isinstance(door.try_(RIGHT), SignedIn)


def test_tries_that_must_wait_make_nobody_wait_longer(door: Door, clock: FixedClock) -> None:
    door.fail(5)
    until = clock.now() + timedelta(seconds=2)
    assert [door.try_() for _ in range(20)] == [Wait(until)] * 20
    clock.move(timedelta(seconds=2))
    assert door.try_() == WrongPassword()


def test_a_success_ends_the_row(door: Door) -> None:
    door.fail(4)
    assert isinstance(door.try_(RIGHT), SignedIn)
    assert [door.try_() for _ in range(5)] == [WrongPassword()] * 5
    assert isinstance(door.try_(), Wait)


def test_failures_of_yesterday_count_no_more(door: Door, clock: FixedClock) -> None:
    door.fail(8)
    clock.move(timedelta(days=1))
    assert [door.try_() for _ in range(5)] == [WrongPassword()] * 5
    assert isinstance(door.try_(), Wait)


def test_ten_wrong_passwords_slow_the_account_and_not_its_owners_other_sign_ins(
    door: Door, world: World, anna: UUID
) -> None:
    knows(world, anna)
    door.fail(10)
    assert door.wait() == 64
    assert isinstance(door.try_(RIGHT, HOME), SignedIn)
    assert door.wait() == 64


def test_failures_at_home_do_not_slow_the_owner_on_the_road(door: Door, world: World, anna: UUID) -> None:
    knows(world, anna)
    door.fail(6, HOME)
    assert door.wait(HOME) == 4
    assert isinstance(door.try_(RIGHT, CAFE), SignedIn)


def test_each_known_network_has_a_count_of_its_own(door: Door, world: World, anna: UUID) -> None:
    knows(world, anna, HOME)
    knows(world, anna, CAFE)
    door.fail(6, HOME)
    assert (door.wait(HOME), door.wait(CAFE)) == (4, None)


def test_many_networks_are_of_no_help(door: Door) -> None:
    answers = [door.try_(network=f"203.0.{i}.0/24") for i in range(50)]
    assert answers[:5] == [WrongPassword()] * 5
    assert all(isinstance(answer, Wait) for answer in answers[5:])


def test_a_network_that_others_signed_in_from_is_not_known_for_the_account(
    door: Door, world: World, master: Group
) -> None:
    knows(world, world.account(master, "bo@kommun.example"), HOME)
    door.fail(5, CAFE)
    assert door.wait(HOME) == 2


def test_an_address_without_an_account_is_slowed_exactly_alike(
    door: Door, clock: FixedClock, world: World, master: Group
) -> None:
    world.account(master, "bo@kommun.example")  # has never chosen a password
    answers = []
    for _ in range(60):
        clock.move(timedelta(seconds=0.7))
        addresses = (ANNA, "ingen@kommun.example", "bo@kommun.example")
        answers.append([door.try_(address=address) for address in addresses])
    assert [row for row in answers if row != [row[0]] * 3] == []
    assert Counter(type(row[0]) for row in answers).keys() == {WrongPassword, Wait}


def test_an_address_is_one_however_it_is_written(door: Door) -> None:
    for address in (ANNA, " Anna@kommun.example", "ANNA@KOMMUN.EXAMPLE ", ANNA, ANNA):
        assert door.try_(address=address) == WrongPassword()
    assert isinstance(door.try_(), Wait)


def test_a_network_that_guesses_at_many_accounts_is_slowed_and_no_other(
    door: Door, world: World, clock: FixedClock, anna: UUID
) -> None:
    for i in range(NETWORK_LIMIT):
        assert door.try_(address=f"person{i}@kommun.example") == WrongPassword()
    assert door.try_(RIGHT) == Wait(clock.now() + NETWORK_PACE)
    assert isinstance(door.try_(RIGHT, "203.0.113.0/24"), SignedIn)
    # from now on it has one try in 36 seconds, a hundred an hour
    for _ in range(3):
        clock.move(NETWORK_PACE)
        assert door.try_(address="en@annan.example") == WrongPassword()
        assert isinstance(door.try_(address="en@annan.example"), Wait)
    clock.move(timedelta(hours=1))
    assert door.try_(address="en@annan.example") == WrongPassword()
    assert door.try_(RIGHT) == SignedIn(anna)


def test_a_success_does_not_wash_off_a_networks_failures(door: Door) -> None:
    for i in range(NETWORK_LIMIT - 1):
        assert door.try_(address=f"person{i}@kommun.example") == WrongPassword()
    assert isinstance(door.try_(RIGHT), SignedIn)
    assert door.try_(address="en@annan.example") == WrongPassword()
    assert isinstance(door.try_(RIGHT), Wait)


def test_a_school_whose_pupils_mistype_once_a_minute_is_never_slowed(door: Door, clock: FixedClock) -> None:
    for i in range(2 * NETWORK_LIMIT):
        clock.move(timedelta(minutes=1))
        assert door.try_(address=f"elev{i}@skolan.example") == WrongPassword()


def failures(world: World, attempt: Attempt) -> tuple[int, int]:
    """The failures that are counted of the account and of the network."""
    rows = world.rows("SELECT key, failures FROM sign_in_throttle")
    counts = {bytes(row.key): row.failures for row in rows}
    return counts.get(attempt.own_key, 0), counts.get(attempt.network_key, 0)


@pytest.mark.parametrize("former", [0, 3])
def test_of_guesses_that_race_exactly_as_many_are_told_as_one_after_the_other(
    door: Door, world: World, former: int
) -> None:
    door.fail(former)
    with dawdling(world.database.engine, 0.01):
        answers = together([door.try_ for _ in range(16)])
    told = Counter(type(answer) for answer in answers)
    assert told == {WrongPassword: FREE_TRIES - former, Wait: 16 - FREE_TRIES + former}
    assert failures(world, Attempt(What.SIGN_IN, ANNA, CAFE)) == (FREE_TRIES, FREE_TRIES)


def test_the_right_guess_among_many_that_race_is_not_told_once_the_others_have_closed_the_door(
    door: Door, world: World
) -> None:
    class Slow(Passwords):
        """Takes long over the right password."""

        def verify(self, stored: str | None, password: str):  # type: ignore[no-untyped-def]
            if password == RIGHT:
                Door(world, door.passwords).fail(5)
            return door.passwords.verify(stored, password)

    assert isinstance(Door(world, Slow(1)).try_(RIGHT), Wait)
    assert failures(world, Attempt(What.SIGN_IN, ANNA, CAFE)) == (5, 5)


def test_guesses_at_many_accounts_from_many_networks_are_counted_exactly_and_never_wait_in_a_ring(
    door: Door, world: World
) -> None:
    networks = [f"203.0.{i}.0/24" for i in range(4)]
    addresses = [f"person{i}@kommun.example" for i in range(4)]
    pairs = [(n, a) for n in networks for a in addresses]
    with dawdling(world.database.engine, 0.002):
        answers = together([lambda n=n, a=a: door.try_(network=n, address=a) for n, a in pairs])  # type: ignore[misc]
    assert answers == [WrongPassword()] * 16
    counted = [failures(world, Attempt(What.SIGN_IN, a, n)) for n, a in pairs]
    assert counted == [(4, 4)] * 16


def test_the_two_counts_of_a_try_are_locked_in_one_order_whoever_tries() -> None:
    for i in range(50):
        attempt = Attempt(What.SIGN_IN, f"person{i}@kommun.example", CAFE)
        assert attempt.keys == sorted({attempt.own_key, attempt.network_key})


def test_a_failure_and_a_success_meet_without_waiting_in_a_ring(door: Door, world: World, anna: UUID) -> None:
    for network in (HOME, CAFE):
        knows(world, anna, network)
    for _ in range(3):
        for network in (HOME, CAFE):
            # what the round before left behind is forgotten, whichever came last in it; then there is something to forget
            assert isinstance(door.try_(RIGHT, network), SignedIn)
            door.fail(1, network)
        with dawdling(world.database.engine, 0.005):
            answers = together(
                [lambda p=p, n=n: door.try_(p, n) for p in (RIGHT, WRONG) for n in (HOME, CAFE)] * 2
            )
        assert Counter(type(answer) for answer in answers) == {SignedIn: 4, WrongPassword: 4}


@pytest.mark.parametrize("what", What)
def test_each_thing_that_is_tried_is_counted_by_itself(world: World, clock: FixedClock, what: What) -> None:
    def fail(attempt: Attempt) -> object:
        with world.database.unit_of_work() as session:
            return throttle.failed(session, clock.now(), attempt)

    for _ in range(5):
        assert fail(Attempt(what, ANNA, CAFE)) is None
    with world.database.unit_of_work() as session:
        blocked = {
            w for w in What if throttle.allowed(session, clock.now(), Attempt(w, ANNA, CAFE)) is not None
        }
    assert blocked == {what}
    assert fail(Attempt(what, ANNA, HOME)) == clock.now() + timedelta(seconds=2)


def test_who_asks_for_many_links_may_still_sign_in(world: World, clock: FixedClock) -> None:
    with world.database.unit_of_work() as session:
        for i in range(NETWORK_LIMIT):
            assert throttle.failed(session, clock.now(), Attempt(What.LINK, f"p{i}@x.example", CAFE)) is None
        assert throttle.allowed(session, clock.now(), Attempt(What.LINK, "q@x.example", CAFE)) is not None
        assert throttle.allowed(session, clock.now(), Attempt(What.SIGN_IN, "q@x.example", CAFE)) is None


def test_a_machine_whose_clock_is_behind_takes_no_failure_back(world: World, clock: FixedClock) -> None:
    attempt = Attempt(What.SIGN_IN, ANNA, CAFE)
    for seconds in (0, -30, -3600, 0):
        with world.database.unit_of_work() as session:
            assert throttle.failed(session, clock.now() + timedelta(seconds=seconds), attempt) is None
    assert failures(world, attempt) == (4, 4)
    assert world.value("SELECT min(last_at) FROM sign_in_throttle") == clock.now()


def test_what_is_counted_does_not_show_whose_it_is(door: Door, world: World) -> None:
    door.fail(3)
    shown = str(world.rows("SELECT * FROM sign_in_throttle"))
    assert "anna" not in shown
    assert CAFE not in shown


def test_counts_and_networks_of_long_ago_are_forgotten(door: Door, world: World, clock: FixedClock) -> None:
    door.fail(2, HOME)
    anna: UUID = world.value("SELECT id FROM account")
    knows(world, anna, "old")
    clock.move(timedelta(days=181))
    knows(world, anna, "new")
    door.fail(1, CAFE)
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        throttle.forget_old(session, clock.now())
    assert len(seen) == 2
    assert [row.network for row in world.rows("SELECT network FROM known_network")] == ["new"]
    # of Anna elsewhere, which was counted anew just now, and of the network of today
    assert world.value("SELECT count(*) FROM sign_in_throttle") == 2
    assert failures(world, Attempt(What.SIGN_IN, ANNA, CAFE)) == (1, 1)


def test_a_known_network_is_written_once_a_day(world: World, clock: FixedClock, anna: UUID) -> None:
    first = clock.now()
    for hours, noted in ((0, first), (23, first), (2, first + timedelta(hours=25))):
        clock.move(timedelta(hours=hours))
        knows(world, anna)
        assert world.rows("SELECT network, last_at FROM known_network") == [(HOME, noted)]
