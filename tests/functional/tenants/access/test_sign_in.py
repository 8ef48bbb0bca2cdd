"""Signing in with a password and a second factor (spec I1, I3)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest
from argon2.profiles import CHEAPEST

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.core.ids import new_id
from messa_platform.tenants.access import second_factor, sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.passwords import Passwords, Verdict
from messa_platform.tenants.access.sign_in import (
    SignedIn,
    Wait,
    WantsCode,
    WrongCode,
    WrongPassword,
    check_again,
    check_code,
    check_password,
)
from messa_platform.tenants.models import Group
from tests.support.observe import dawdling, statements, together
from tests.support.world import World

ANNA, RIGHT, WRONG = "anna@kommun.example", "regn över Umeå", "sol över Umeå"
HOME, CAFE = "192.0.2.0/24", "198.51.100.0/24"

Answer = SignedIn | WantsCode | WrongPassword | Wait


@pytest.fixture
def door(world: World, passwords: Passwords, anna: UUID) -> Callable[..., Answer]:
    """Tries a password at Anna's account, or at another address."""

    def try_(password: str, address: str = ANNA, network: str = CAFE, by: Passwords = passwords) -> Answer:
        with world.database.unit_of_work() as session:
            return check_password(session, world.clock.now(), by, address, password, network)

    return try_


@pytest.fixture
def totp(world: World, clock: FixedClock, keys: Keys, anna: UUID) -> pyotp.TOTP:
    """Anna's second factor, put in force an hour ago."""
    with world.database.unit_of_work() as session:
        enrolment = second_factor.begin(session, keys, anna)
        assert enrolment is not None
        totp = pyotp.TOTP(enrolment.secret)
        assert second_factor.confirm(session, clock.now(), keys, anna, totp.at(clock.now()))
    clock.move(timedelta(hours=1))
    return totp


def try_code(world: World, keys: Keys, account_id: UUID, code: str, network: str = CAFE) -> object:
    with world.database.unit_of_work() as session:
        return check_code(session, world.clock.now(), keys, account_id, code, network)


@pytest.mark.parametrize("address", [ANNA, " Anna@Kommun.Example ", "ANNA@KOMMUN.EXAMPLE\r\n"])
def test_the_right_password_signs_in_however_the_address_is_written(
    door: Callable[..., Answer], anna: UUID, address: str
) -> None:
    assert door(RIGHT, address) == SignedIn(anna)


@pytest.mark.parametrize(
    "address",
    ["", "anna", "bo@kommun.example", "anna@kommun.example\x00", "\udcff@x.example", "a" * 5000 + "@x.example", "%", "' OR 1=1 --"],
)  # fmt: skip
def test_no_password_is_right_for_an_address_that_nobody_has(
    door: Callable[..., Answer], address: str
) -> None:
    assert door(RIGHT, address) == WrongPassword()


@pytest.mark.parametrize("state", ["blocked = true", "removed_at = now()", "password_hash = NULL"])
def test_a_blocked_or_removed_account_and_one_without_a_password_answer_as_a_wrong_password_does(
    door: Callable[..., Answer], world: World, state: str
) -> None:
    world.run(f"UPDATE account SET {state}")
    assert door(RIGHT) == door(WRONG) == WrongPassword()


def test_with_a_second_factor_the_password_alone_signs_nobody_in(
    door: Callable[..., Answer], totp: pyotp.TOTP, anna: UUID
) -> None:
    assert door(RIGHT) == WantsCode(anna)
    assert door(WRONG) == WrongPassword()


def test_a_second_factor_that_was_never_confirmed_is_not_asked_for(
    door: Callable[..., Answer], world: World, keys: Keys, anna: UUID
) -> None:
    with world.database.unit_of_work() as session:
        second_factor.begin(session, keys, anna)
    assert door(RIGHT) == SignedIn(anna)


def test_a_hash_of_former_parameters_is_replaced_at_the_next_sign_in(
    door: Callable[..., Answer], world: World, anna: UUID
) -> None:
    before = world.value("SELECT password_hash FROM account")
    dearer = Passwords(1, replace(CHEAPEST, time_cost=2))
    assert door(WRONG, by=dearer) == WrongPassword()
    assert world.value("SELECT password_hash FROM account") == before
    assert door(RIGHT, by=dearer) == SignedIn(anna)
    after = world.value("SELECT password_hash FROM account")
    assert "t=2" in after
    assert door(RIGHT, by=dearer) == SignedIn(anna)
    assert world.value("SELECT password_hash FROM account") == after


class Meanwhile(Passwords):
    """Something happens while a password is being checked."""

    def __init__(self, event: Callable[[], None]) -> None:
        super().__init__(1, replace(CHEAPEST, time_cost=2))
        self._event = event

    def verify(self, stored: str | None, password: str) -> Verdict:
        verdict = super().verify(stored, password)
        self._event()
        return verdict


@pytest.mark.parametrize("rehashed", [False, True])
def test_who_signs_in_with_the_old_password_while_it_is_changed_does_not_get_in(
    door: Callable[..., Answer], world: World, passwords: Passwords, rehashed: bool
) -> None:
    new = passwords.hash("ett helt nytt lösen")
    if not rehashed:
        old = Passwords(1, replace(CHEAPEST, time_cost=2)).hash(RIGHT)
        world.run("UPDATE account SET password_hash = :old", old=old)
    change = Meanwhile(lambda: world.run("UPDATE account SET password_hash = :new", new=new))
    assert door(RIGHT, by=change) == WrongPassword()
    assert world.value("SELECT password_hash FROM account") == new


def test_who_is_blocked_while_signing_in_does_not_get_in(door: Callable[..., Answer], world: World) -> None:
    assert (
        door(RIGHT, by=Meanwhile(lambda: world.run("UPDATE account SET blocked = true"))) == WrongPassword()
    )


def spoken(world: World, action: Callable[[], object]) -> list[str]:
    """The texts of the statements of an action."""
    with statements(world.database.engine) as seen:
        action()
    return [statement.text for statement in seen]


def test_the_statements_do_not_tell_whether_an_address_has_an_account(
    door: Callable[..., Answer], world: World, master: Group
) -> None:
    world.account(master, "utan@kommun.example")
    blocked = Passwords(1, CHEAPEST).hash(RIGHT)
    world.account(master, "avstangd@kommun.example", blocked=True, password_hash=blocked)
    addresses = [ANNA, "ingen@kommun.example", "utan@kommun.example", "avstangd@kommun.example"]
    for _ in range(7):  # the last two must wait
        said = [spoken(world, lambda a=address: door(WRONG, a)) for address in addresses]  # type: ignore[misc]
        assert said == [said[0]] * 4
    assert len(said[0]) == 2


def test_the_right_password_takes_four_statements_and_the_wrong_one_as_many(
    door: Callable[..., Answer], world: World
) -> None:
    assert len(spoken(world, lambda: door(RIGHT))) == 4
    assert len(spoken(world, lambda: door(WRONG))) == 4


MOST_APART = 0.25
"""By which part the times for addresses of different kinds may differ; without the check of a password it would be more than half."""


def test_the_time_does_not_tell_whether_an_address_has_an_account(
    door: Callable[..., Answer], world: World, master: Group
) -> None:
    # about as long as all the rest, so that an answer without it would take half the time
    dear = Passwords(2, replace(CHEAPEST, memory_cost=8192, time_cost=2))
    world.run("UPDATE account SET password_hash = :stored", stored=dear.hash(RIGHT))
    world.account(master, "utan@kommun.example")
    times: dict[str, list[float]] = {ANNA: [], "ingen@kommun.example": [], "utan@kommun.example": []}
    for _ in range(40):
        for address, taken in times.items():
            world.run("DELETE FROM sign_in_throttle")
            begun = time.perf_counter()
            answer = door(WRONG, address, by=dear)
            taken.append(time.perf_counter() - begun)
            assert answer == WrongPassword()
    medians = [statistics.median(taken) for taken in times.values()]
    assert max(medians) - min(medians) < MOST_APART * max(medians), medians


def again(
    world: World, passwords: Passwords, account_id: UUID, password: str
) -> SignedIn | WrongPassword | Wait:
    with world.database.unit_of_work() as session:
        return check_again(session, world.clock.now(), passwords, account_id, password, HOME)


def test_who_is_signed_in_is_asked_again_and_may_not_guess_either(
    door: Callable[..., Answer], world: World, passwords: Passwords, anna: UUID, clock: FixedClock
) -> None:
    assert again(world, passwords, anna, RIGHT) == SignedIn(anna)
    answers = [again(world, passwords, anna, WRONG) for _ in range(6)]
    assert answers == [WrongPassword()] * 5 + [Wait(clock.now() + timedelta(seconds=2))]
    # which slows nobody who signs in, from wherever
    assert door(RIGHT, network=HOME) == SignedIn(anna)


def test_asked_again_an_account_that_is_blocked_or_unknown_does_not_know(
    world: World, passwords: Passwords, anna: UUID
) -> None:
    world.run("UPDATE account SET blocked = true")
    assert again(world, passwords, anna, RIGHT) == WrongPassword()
    assert again(world, passwords, new_id(), RIGHT) == WrongPassword()


def test_a_code_signs_in(world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID, clock: FixedClock) -> None:
    assert try_code(world, keys, anna, totp.at(clock.now())) == SignedIn(anna)


def test_a_code_that_has_signed_in_does_so_no_more(
    world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID, clock: FixedClock
) -> None:
    code = totp.at(clock.now())
    assert [try_code(world, keys, anna, code) for _ in range(2)] == [SignedIn(anna), WrongCode()]


@pytest.mark.parametrize("attempt", [1, 2])
def test_of_those_who_race_with_one_code_one_signs_in(
    world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID, clock: FixedClock, attempt: int
) -> None:
    code = totp.at(clock.now())
    with dawdling(world.database.engine, 0.02):
        answers = together([lambda: try_code(world, keys, anna, code)] * 8)
    assert answers.count(SignedIn(anna)) == 1
    assert all(isinstance(answer, SignedIn | WrongCode | Wait) for answer in answers)


def test_wrong_codes_are_slowed_down_as_wrong_passwords_are(
    door: Callable[..., Answer], world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID, clock: FixedClock
) -> None:
    until = clock.now() + timedelta(seconds=2)
    answers = [try_code(world, keys, anna, "000000x") for _ in range(6)]
    assert answers == [WrongCode()] * 5 + [Wait(until)]
    assert try_code(world, keys, anna, totp.at(clock.now())) == Wait(until)
    assert door(RIGHT) == WantsCode(anna)
    clock.move(timedelta(seconds=2))
    assert try_code(world, keys, anna, totp.at(clock.now())) == SignedIn(anna)
    assert try_code(world, keys, anna, "000000x") == WrongCode()


def test_codes_guessed_elsewhere_do_not_slow_the_owner_at_home(
    world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID, clock: FixedClock
) -> None:
    with world.database.unit_of_work() as session:
        sessions.begin(session, clock.now(), anna, SessionKind.BROWSER, "Firefox", "192.0.2.7")
    assert [try_code(world, keys, anna, "000000x") for _ in range(5)] == [WrongCode()] * 5
    assert isinstance(try_code(world, keys, anna, "000000x"), Wait)
    assert try_code(world, keys, anna, totp.at(clock.now()), HOME) == SignedIn(anna)


def test_codes_that_are_guessed_at_once_are_counted_exactly(
    world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID
) -> None:
    with dawdling(world.database.engine, 0.01):
        answers = together([lambda: try_code(world, keys, anna, "000000x")] * 16)
    assert answers.count(WrongCode()) == 5
    assert sum(isinstance(answer, Wait) for answer in answers) == 11


@pytest.mark.parametrize("state", ["blocked = true", "removed_at = now()"])
def test_the_code_of_a_blocked_or_removed_account_is_wrong(
    world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID, clock: FixedClock, state: str
) -> None:
    world.run(f"UPDATE account SET {state}")
    assert try_code(world, keys, anna, totp.at(clock.now())) == WrongCode()


def test_no_code_signs_in_where_there_is_no_second_factor(world: World, keys: Keys, anna: UUID) -> None:
    for code in ("", "000000", "123456", "0000-0000-0000-0000"):
        assert try_code(world, keys, anna, code) == WrongCode()
    assert try_code(world, keys, new_id(), "000000") == WrongCode()


def test_a_recovery_code_signs_in_once(
    world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID, clock: FixedClock
) -> None:
    with world.database.unit_of_work() as session:
        renewed = second_factor.renew_codes(session, keys, anna)
    assert renewed is not None
    first, second = renewed.codes[:2]
    assert try_code(world, keys, anna, first) == SignedIn(anna)
    assert try_code(world, keys, anna, first) == WrongCode()
    assert try_code(world, keys, anna, second) == SignedIn(anna)


def test_passwords_and_codes_that_come_at_once_never_wait_in_a_ring(
    door: Callable[..., Answer], world: World, keys: Keys, totp: pyotp.TOTP, anna: UUID, clock: FixedClock
) -> None:
    def with_code(step: int) -> object:
        return try_code(world, keys, anna, totp.at(clock.now() + timedelta(seconds=30 * step)))

    for _ in range(4):
        clock.move(timedelta(minutes=5))
        assert door(RIGHT) == WantsCode(
            anna
        )  # the failures of the round before are forgotten, whoever came last in it
        answers = together(
            [lambda: door(RIGHT)] * 4
            + [lambda: door(WRONG)] * 3
            + [lambda s=s: with_code(s) for s in (-1, 0, 1)]  # type: ignore[misc]
        )
        assert answers.count(WantsCode(anna)) == 4
        assert answers[4:7] == [WrongPassword()] * 3
        assert any(answer == SignedIn(anna) for answer in answers[7:])
