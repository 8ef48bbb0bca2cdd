"""The second factor: enrolment, codes by time, recovery codes (spec I3, U2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pyotp
import pytest
import structlog
from cryptography.fernet import Fernet

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.core.ids import new_id
from messa_platform.tenants.access import second_factor
from messa_platform.tenants.access.second_factor import Enrolment, RecoveryCodes, State
from messa_platform.tenants.models import Group
from tests.support.observe import dawdling, together
from tests.support.world import World

STEP = timedelta(seconds=30)


class Owner:
    """Anna, and the app on her phone."""

    def __init__(self, world: World, keys: Keys, account_id: UUID) -> None:
        self.world, self.keys, self.id = world, keys, account_id
        self.app = pyotp.TOTP(pyotp.random_base32())  # until there is one

    def begin(self) -> Enrolment:
        with self.world.database.unit_of_work() as session:
            enrolment = second_factor.begin(session, self.keys, self.id)
        assert enrolment is not None
        self.app = pyotp.TOTP(enrolment.secret)
        return enrolment

    def confirm(self, code: str | None = None) -> RecoveryCodes | None:
        now = self.world.clock.now()
        with self.world.database.unit_of_work() as session:
            return second_factor.confirm(
                session, now, self.keys, self.id, self.app.at(now) if code is None else code
            )

    def enrol(self) -> tuple[str, ...]:
        """Put a second factor in force, an hour ago; gives the recovery codes."""
        self.begin()
        codes = self.confirm()
        assert codes is not None
        self.world.clock.move(timedelta(hours=1))
        return codes.codes

    def verify(self, code: str, keys: Keys | None = None) -> bool:
        with self.world.database.unit_of_work() as session:
            return second_factor.verify(session, self.world.clock.now(), keys or self.keys, self.id, code)

    def code(self, steps: int = 0) -> str:
        """What the app shows so many steps from now."""
        return self.app.at(self.world.clock.now() + steps * STEP)

    def state(self) -> State:
        with self.world.database.unit_of_work() as session:
            return second_factor.state(session, self.id)


@pytest.fixture
def owner(world: World, keys: Keys, anna: UUID) -> Owner:
    """Anna, who has no second factor yet."""
    return Owner(world, keys, anna)


def test_enrolment_gives_a_secret_for_the_owners_app_and_stores_it_sealed(owner: Owner, keys: Keys) -> None:
    enrolment = owner.begin()
    assert re.fullmatch("[A-Z2-7]{32}", enrolment.secret)  # 160 bits (RFC 4226, 4)
    uri = urlsplit(enrolment.uri)
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/messa:anna@kommun.example")
    query = parse_qs(uri.query)
    assert (query["secret"], query["issuer"]) == ([enrolment.secret], ["messa"])
    sealed = owner.world.value("SELECT totp_secret FROM account")
    assert enrolment.secret.encode() not in sealed
    assert keys.unseal(sealed) == enrolment.secret.encode()
    assert owner.state() == State(False, 0)


def test_a_second_factor_is_in_force_once_a_code_of_it_was_seen(owner: Owner, clock: FixedClock) -> None:
    owner.begin()
    assert not owner.verify(owner.code())
    assert owner.confirm(owner.code(5)) is None
    assert owner.confirm("") is None
    assert owner.state() == State(False, 0)
    codes = owner.confirm()
    assert codes is not None
    assert owner.state() == State(True, 10)
    assert owner.world.value("SELECT totp_since FROM account") == clock.now()


def test_the_code_that_confirmed_signs_nobody_in(owner: Owner) -> None:
    owner.begin()
    code = owner.code()
    assert owner.confirm(code) is not None
    assert not owner.verify(code)
    assert owner.verify(owner.code(1))


def test_each_enrolment_has_a_secret_of_its_own_and_the_last_one_counts(owner: Owner) -> None:
    owner.begin()
    stale = owner.code()
    owner.begin()
    assert owner.confirm(stale) is None
    assert owner.confirm() is not None


def test_a_secret_that_waits_can_be_shown_again(owner: Owner, keys: Keys) -> None:
    def pending() -> Enrolment | None:
        with owner.world.database.unit_of_work() as session:
            return second_factor.pending(session, keys, owner.id)

    assert pending() is None
    assert owner.begin() == pending()
    owner.confirm()
    assert pending() is None


def test_a_second_factor_in_force_is_not_replaced_by_beginning_anew(owner: Owner, keys: Keys) -> None:
    owner.enrol()
    with owner.world.database.unit_of_work() as session:
        assert second_factor.begin(session, keys, owner.id) is None
    assert owner.confirm() is None
    assert owner.verify(owner.code())


def test_of_two_pages_that_confirm_at_once_one_gets_the_recovery_codes(owner: Owner) -> None:
    owner.begin()
    code = owner.code()
    with dawdling(owner.world.database.engine, 0.02):
        got = together([lambda: owner.confirm(code)] * 6)
    [codes] = [codes for codes in got if codes is not None]
    assert owner.state() == State(True, 10)
    assert owner.verify(codes.codes[0])


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_taken_within_a_step_of_its_time(owner: Owner, steps: int, taken: bool) -> None:
    owner.enrol()
    assert owner.verify(owner.code(steps)) is taken


def test_no_step_is_taken_twice_nor_one_before_it(owner: Owner, clock: FixedClock) -> None:
    owner.enrol()
    assert [owner.verify(owner.code(steps)) for steps in (0, 0, -1, 1, 1, 0)] == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    clock.move(STEP)
    assert [owner.verify(owner.code(steps)) for steps in (0, 1)] == [False, True]


@pytest.mark.parametrize("attempt", range(3))
def test_of_those_who_race_with_one_code_one_gets_through(owner: Owner, attempt: int) -> None:
    [recovery, *_] = owner.enrol()
    for code in (owner.code(), recovery):
        with dawdling(owner.world.database.engine, 0.02):
            raced = [lambda c=code: owner.verify(c)] * 8
            assert together(raced).count(True) == 1
    assert owner.state() == State(True, 9)


def test_a_code_is_taken_as_people_type_it(owner: Owner, clock: FixedClock) -> None:
    owner.enrol()
    ways = ["{0}{1}", " {0} {1} ", "{0}-{1}", "{0}\u00a0{1}\n"]
    for way in ways:
        clock.move(timedelta(minutes=5))
        code = owner.code()
        assert owner.verify(way.format(code[:3], code[3:]))
    clock.move(timedelta(minutes=5))
    wide = owner.code().translate({ord(str(i)): ord("０") + i for i in range(10)})  # from a Japanese keyboard
    assert owner.verify(wide)


@pytest.mark.parametrize(
    "code", ["", "1", "12345", "1234567", "abcdef", "\udcff", "\x00", "0" * 10_000, "-" * 16, "０" * 16]
)
def test_what_is_no_code_is_refused(owner: Owner, code: str) -> None:
    owner.enrol()
    assert not owner.verify(code)


def test_there_are_ten_recovery_codes_of_80_bits_kept_as_digests(owner: Owner) -> None:
    codes = owner.enrol()
    assert len(set(codes)) == 10
    for code in codes:
        assert re.fullmatch("(?:[0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}", code)
    stored = owner.world.rows("SELECT digest FROM recovery_code")
    assert {len(row.digest) for row in stored} == {32}
    assert not any(code.replace("-", "").encode() in row.digest for code in codes for row in stored)


def test_each_recovery_code_works_once(owner: Owner) -> None:
    codes = owner.enrol()
    assert [owner.verify(code) for code in (*codes, *codes)] == [True] * 10 + [False] * 10
    assert owner.state() == State(True, 0)


def test_a_recovery_code_is_taken_as_people_type_it(owner: Owner) -> None:
    codes = owner.enrol()
    ways: tuple[Callable[[str], str], ...] = (
        str.upper,
        lambda c: c.replace("-", ""),
        lambda c: c.replace("-", " "),
        lambda c: c.replace("-", "–"),
        lambda c: f" {c}\n",
        lambda c: c.replace("0", "O").replace("1", "l"),
        lambda c: c.upper().replace("0", "o").replace("1", "I"),
    )
    assert [owner.verify(way(code)) for way, code in zip(ways, codes, strict=False)] == [True] * len(ways)


def test_a_recovery_code_works_for_its_own_account_alone(
    owner: Owner, world: World, keys: Keys, master: Group
) -> None:
    bo = Owner(world, keys, world.account(master, "bo@kommun.example"))
    [code, *_] = owner.enrol()
    bo.enrol()
    assert not bo.verify(code)
    assert owner.verify(code)


def test_new_recovery_codes_replace_the_former_ones(owner: Owner, keys: Keys) -> None:
    former = owner.enrol()
    owner.verify(former[0])
    with owner.world.database.unit_of_work() as session:
        renewed = second_factor.renew_codes(session, keys, owner.id)
    assert renewed is not None
    assert owner.state() == State(True, 10)
    assert [owner.verify(code) for code in (former[1], renewed.codes[0])] == [False, True]


def test_pages_that_renew_the_codes_at_once_leave_the_ten_of_one_of_them(owner: Owner, keys: Keys) -> None:
    owner.enrol()

    def renew() -> RecoveryCodes:
        with owner.world.database.unit_of_work() as session:
            renewed = second_factor.renew_codes(session, keys, owner.id)
        assert renewed is not None
        return renewed

    with dawdling(owner.world.database.engine, 0.02):
        renewals = together([renew] * 6)
    assert owner.state() == State(True, 10)
    assert [owner.verify(renewed.codes[0]) for renewed in renewals].count(True) == 1


def test_without_a_second_factor_there_are_no_recovery_codes(owner: Owner, keys: Keys) -> None:
    owner.begin()
    with owner.world.database.unit_of_work() as session:
        assert second_factor.renew_codes(session, keys, owner.id) is None
        assert second_factor.renew_codes(session, keys, new_id()) is None


def test_a_removed_second_factor_leaves_nothing_behind(owner: Owner) -> None:
    [recovery, *_] = owner.enrol()
    with owner.world.database.unit_of_work() as session:
        second_factor.remove(session, owner.id)
    assert owner.state() == State(False, 0)
    assert not owner.verify(owner.code())
    assert not owner.verify(recovery)
    assert owner.world.rows("SELECT totp_secret, totp_since, totp_step FROM account") == [(None, None, None)]
    owner.enrol()
    assert owner.verify(owner.code())


def test_after_the_keys_are_rotated_codes_of_both_kinds_work_still(owner: Owner, clock: FixedClock) -> None:
    first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    owner.keys = Keys([first], clock)
    codes = owner.enrol()
    rotated = Keys([second, first], clock)
    assert owner.verify(owner.code(), rotated)
    assert owner.verify(codes[0], rotated)


def test_a_secret_whose_key_is_lost_lets_nobody_in_and_the_operator_know(
    owner: Owner, clock: FixedClock
) -> None:
    owner.enrol()
    others = Keys([Fernet.generate_key().decode()], clock)
    with structlog.testing.capture_logs() as logs:
        assert not owner.verify(owner.code(), others)
    assert [(line["event"], line["account"]) for line in logs] == [
        ("second_factor_unreadable", str(owner.id))
    ]
