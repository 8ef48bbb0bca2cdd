"""Choosing a password, by a mailed link or by the one in use (spec I1, U2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.core.ids import new_id
from messa_platform.tenants.access import second_factor, sessions
from messa_platform.tenants.access.links import Changed, Chosen, Link, LinkOld, LinkUnknown, LinkUsed
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.passwords import Weakness
from messa_platform.tenants.access.sign_in import SignedIn, Wait, WantsCode, WrongPassword, check_password
from messa_platform.tenants.accounts import WELCOME_LIFE
from messa_platform.tenants.models import Group, TokenKind
from tests.functional.tenants.access.links.conftest import ANNA, CAFE, HOME, NEW, RESET, RIGHT, WELCOME, Desk
from tests.support.observe import together
from tests.support.world import World


@pytest.mark.parametrize(("kind", "life"), [(RESET, timedelta(hours=1)), (WELCOME, WELCOME_LIFE)])
def test_a_link_works_until_its_time_is_over(
    desk: Desk, clock: FixedClock, anna: UUID, kind: TokenKind, life: timedelta
) -> None:
    word = desk.issue(anna, kind, life)
    assert desk.open(word, kind) == Link(anna, ANNA, "sv", kind)
    clock.move(life - timedelta(seconds=1))
    assert desk.open(word, kind) == Link(anna, ANNA, "sv", kind)
    clock.move(timedelta(seconds=1))
    assert desk.open(word, kind) == desk.choose(word, kind=kind) == LinkOld()
    assert desk.sign_in(RIGHT) == SignedIn(anna)


def test_looking_at_a_link_uses_nothing_up(desk: Desk, anna: UUID) -> None:
    word = desk.issue(anna)
    assert [desk.open(word) for _ in range(3)] == [Link(anna, ANNA, "sv", RESET)] * 3
    assert desk.choose(word) == Chosen(anna)


def test_a_link_works_once(desk: Desk, anna: UUID) -> None:
    word = desk.issue(anna)
    assert desk.choose(word) == Chosen(anna)
    assert desk.open(word) == desk.choose(word, RIGHT) == LinkUsed()
    assert desk.sign_in(NEW) == SignedIn(anna)
    assert desk.sign_in(RIGHT) == WrongPassword()


def test_a_link_is_good_for_what_it_was_mailed_for(desk: Desk, anna: UUID) -> None:
    word = desk.issue(anna, WELCOME)
    assert desk.open(word, RESET) == desk.choose(word, kind=RESET) == LinkUnknown()
    assert desk.choose(word, kind=WELCOME) == Chosen(anna)


@pytest.mark.parametrize("word", ["", "x" * 43, "åäö", "\udcff", "\x00", "%", "' OR true --"])
def test_a_word_that_was_never_mailed_is_unknown(desk: Desk, anna: UUID, word: str) -> None:
    desk.issue(anna)
    assert desk.open(word) == desk.choose(word) == LinkUnknown()


@pytest.mark.parametrize("state", ["blocked = true", "removed_at = now()"])
def test_the_link_of_a_blocked_or_removed_account_is_unknown(
    desk: Desk, world: World, anna: UUID, state: str
) -> None:
    word = desk.issue(anna)
    world.run(f"UPDATE account SET {state}")
    assert desk.open(word) == desk.choose(word) == LinkUnknown()


def test_a_weak_password_is_refused_and_the_link_stays_good(desk: Desk, anna: UUID) -> None:
    word = desk.issue(anna)
    assert desk.choose(word, "kort") is Weakness.TOO_SHORT
    assert desk.choose(word, "anna@kommun.example") is Weakness.LIKE_ADDRESS
    assert desk.choose(word) == Chosen(anna)


@pytest.mark.parametrize("attempt", range(3))
def test_of_those_who_race_with_one_link_one_chooses(desk: Desk, anna: UUID, attempt: int) -> None:
    word = desk.issue(anna)
    wishes = [f"elefant nummer {i} i Umeå" for i in range(8)]
    got = together([lambda w=wish: desk.choose(word, w) for wish in wishes])  # type: ignore[misc]
    assert (got.count(Chosen(anna)), got.count(LinkUsed())) == (1, 7)
    assert desk.sign_in(wishes[got.index(Chosen(anna))]) == SignedIn(anna)


@pytest.mark.parametrize("attempt", range(3))
def test_of_those_who_race_with_several_links_one_chooses_and_none_waits_in_a_ring(
    desk: Desk, anna: UUID, attempt: int
) -> None:
    words = [desk.issue(anna) for _ in range(6)]
    got = together([lambda w=word: desk.choose(w) for word in words])  # type: ignore[misc]
    assert (got.count(Chosen(anna)), got.count(LinkOld())) == (1, 5)


def test_choosing_ends_every_session_and_every_other_link(
    desk: Desk, world: World, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    tokens, bos = [desk.session(anna) for _ in range(3)], desk.session(bo)
    word, other, welcome, bos_word = (
        desk.issue(anna),
        desk.issue(anna),
        desk.issue(anna, WELCOME),
        desk.issue(bo),
    )
    assert desk.choose(word) == Chosen(anna)
    assert [desk.session_id(token) for token in tokens] == [None] * 3
    assert desk.open(other) == desk.open(welcome, WELCOME) == LinkOld()
    assert desk.session_id(bos) is not None
    assert desk.open(bos_word) == Link(bo, "bo@kommun.example", "sv", RESET)


def test_the_owner_is_told_of_a_changed_password_and_not_of_the_first_one(
    desk: Desk, world: World, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    assert desk.choose(desk.issue(bo, WELCOME), kind=WELCOME) == Chosen(bo)
    assert desk.mailed() == []
    world.run("UPDATE account SET language = 'en' WHERE id = :id", id=anna)
    desk.choose(desk.issue(anna))
    desk.choose(desk.issue(anna), RIGHT)
    assert desk.mailed() == [(ANNA, "changed en")] * 2
    assert "deliver_mail" in desk.woken


def test_mails_tell_times_in_the_zone_of_the_owners_organisation(desk: Desk, anna: UUID) -> None:
    desk.world.run(
        "UPDATE tenant SET time_zone = 'Europe/Helsinki' FROM account a WHERE a.tenant_id = tenant.id"
    )
    desk.ask(ANNA)
    desk.send()
    desk.choose(desk.issue(anna))
    assert desk.writer.zones == ["Europe/Helsinki"] * 2


def test_a_chosen_password_leaves_the_second_factor_as_it_is(
    desk: Desk, world: World, clock: FixedClock, keys: Keys, anna: UUID
) -> None:
    with world.database.unit_of_work() as session:
        enrolment = second_factor.begin(session, keys, anna)
        assert enrolment is not None
        code = pyotp.TOTP(enrolment.secret).at(clock.now())
        assert second_factor.confirm(session, clock.now(), keys, anna, code)
    desk.choose(desk.issue(anna))
    assert desk.sign_in(NEW) == WantsCode(anna)


def test_changing_the_password_ends_the_other_sessions_and_every_link(
    desk: Desk, world: World, master: Group, anna: UUID
) -> None:
    bos = desk.session(world.account(master, "bo@kommun.example"))
    mine, *others = [desk.session(anna) for _ in range(3)]
    word, keep = desk.issue(anna), desk.session_id(mine)
    assert keep is not None
    assert desk.change(anna, RIGHT, NEW, keep) == Changed()
    assert [desk.session_id(token) for token in (mine, *others)] == [keep, None, None]
    assert desk.session_id(bos) is not None
    assert desk.open(word) == LinkOld()
    assert (desk.sign_in(RIGHT), desk.sign_in(NEW)) == (WrongPassword(), SignedIn(anna))
    assert desk.mailed() == [(ANNA, "changed sv")]


def test_a_refused_change_changes_nothing(desk: Desk, anna: UUID) -> None:
    token, other = desk.session(anna), desk.session(anna)
    keep = desk.session_id(token)
    assert keep is not None
    assert desk.change(anna, "sol över Umeå", NEW, keep) == WrongPassword()
    assert desk.change(anna, RIGHT, "Sommar2026", keep) is Weakness.TOO_COMMON
    assert desk.change(anna, RIGHT, "anna@kommun", keep) is Weakness.LIKE_ADDRESS
    assert desk.session_id(other) is not None
    assert desk.sign_in(RIGHT) == SignedIn(anna)
    assert desk.mailed() == []


def test_whoever_sits_down_at_an_open_screen_may_not_guess_the_password(
    desk: Desk, clock: FixedClock, anna: UUID
) -> None:
    answers = [desk.change(anna, f"gissning nummer {i}", NEW, new_id()) for i in range(7)]
    until = Wait(clock.now() + timedelta(seconds=2))
    assert answers == [WrongPassword()] * 5 + [until] * 2
    assert desk.change(anna, RIGHT, NEW, new_id(), CAFE) == until
    assert desk.sign_in(RIGHT) == SignedIn(anna)


def test_of_two_pages_that_change_the_password_at_once_one_does(desk: Desk, anna: UUID) -> None:
    wishes = [f"elefant nummer {i} i Umeå" for i in range(4)]
    keep = new_id()
    got = together([lambda w=wish: desk.change(anna, RIGHT, w, keep) for wish in wishes])  # type: ignore[misc]
    assert (got.count(Changed()), got.count(WrongPassword())) == (1, 3)
    assert desk.sign_in(wishes[got.index(Changed())]) == SignedIn(anna)


@pytest.mark.parametrize("attempt", range(3))
def test_no_session_of_the_old_password_outlives_a_change_that_races_with_signing_in(
    desk: Desk, world: World, clock: FixedClock, anna: UUID, attempt: int
) -> None:
    def sign_in() -> object:
        with world.database.unit_of_work() as session:
            outcome = check_password(session, clock.now(), desk.passwords, ANNA, RIGHT, HOME)
            if isinstance(outcome, SignedIn):
                sessions.begin(session, clock.now(), anna, SessionKind.BROWSER, "", "192.0.2.7")
            return outcome

    word = desk.issue(anna)
    wanted: list[Callable[[], object]] = [sign_in] * 6 + [lambda: desk.choose(word)]
    got = together(wanted)
    assert got[-1] == Chosen(anna)
    assert all(isinstance(outcome, SignedIn | WrongPassword | Wait) for outcome in got[:-1])
    assert world.value("SELECT count(*) FROM web_session") == 0
