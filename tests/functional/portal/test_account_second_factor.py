"""The account's second factor: how it comes into force, what it asks for, and how it goes (spec U2, I3)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from tests.support.portal import seen
from tests.support.visitors import KARIN, PASSWORD, Visitor, path_of, signed_in, token_of
from tests.support.world import World

PAGE = "/account/second-factor"


@pytest.fixture
def visitor(runtime: Runtime, karin: UUID) -> Visitor:
    """Karin, signed in."""
    return signed_in(runtime, KARIN)


def begin(visitor: Visitor, password: str = PASSWORD) -> TestResponse:
    return visitor.send(PAGE, {"do": "begin", "password": password})


def secret_of(page: TestResponse) -> str:
    return str(page.html.find(id="secret").text).replace(" ", "")


def code_of(secret: str, clock: FixedClock) -> str:
    """What the app shows at this moment."""
    return pyotp.TOTP(secret).at(clock.now())


def on(visitor: Visitor, clock: FixedClock) -> tuple[str, list[str]]:
    """Put the second factor in force; its secret and its recovery codes."""
    page = begin(visitor)
    secret = secret_of(page)
    done = visitor.post(PAGE, {"csrf_token": token_of(page), "do": "confirm", "code": code_of(secret, clock)})
    assert done.status_int == 200
    clock.move(timedelta(seconds=30))  # no code is taken twice
    return secret, [item.text for item in done.html.find(id="recovery-codes").find_all("li")]


def kept(world: World) -> tuple[bool, int]:
    """Whether it is in force, and how many recovery codes are unused."""
    row = world.rows(
        "SELECT totp_since IS NOT NULL AS is_on, (SELECT count(*) FROM recovery_code WHERE used_at IS NULL) AS codes FROM account"
        " WHERE address = :address", address=KARIN,
    )[0]  # fmt: skip
    return row.is_on, row.codes


def test_it_begins_with_a_picture_and_the_key_in_letters(visitor: Visitor, world: World) -> None:
    assert "Begin" in seen(visitor.get(PAGE))
    page = begin(visitor)
    assert page.status_int == 200
    assert page.html.find(class_="qr").svg is not None
    assert re.fullmatch(r"[A-Z2-7]{32}", secret_of(page))
    assert " style=" not in page.text and page.headers["Cache-Control"] == "no-store"
    assert kept(world) == (False, 0), "not in force until a code was right"


def test_the_first_code_puts_it_in_force_and_shows_the_recovery_codes_once(
    visitor: Visitor, world: World, clock: FixedClock
) -> None:
    _, codes = on(visitor, clock)
    assert len(set(codes)) == 10
    assert kept(world) == (True, 10)
    page = visitor.get(PAGE)
    assert "It is on." in seen(page) and "You have 10 recovery codes left." in seen(page)
    assert not any(code in page.text for code in codes)


def test_from_then_on_signing_in_asks_for_a_code(
    visitor: Visitor, runtime: Runtime, clock: FixedClock
) -> None:
    on(visitor, clock)
    assert path_of(Visitor(runtime).sign_in(KARIN)).startswith("/sign-in-code?")


def test_after_a_wrong_code_the_same_picture_is_there(
    visitor: Visitor, world: World, clock: FixedClock
) -> None:
    page = begin(visitor)
    again = visitor.post(PAGE, {"csrf_token": token_of(page), "do": "confirm", "code": "000000"})
    assert again.status_int == 422
    assert again.html.find(id="code-error") is not None
    assert secret_of(again) == secret_of(page)
    assert kept(world) == (False, 0)
    code = code_of(secret_of(page), clock)
    assert visitor.post(PAGE, {"csrf_token": token_of(page), "do": "confirm", "code": code}).status_int == 200


def test_a_code_with_nothing_begun_leads_back(visitor: Visitor) -> None:
    answer = visitor.send(PAGE, {"do": "confirm", "code": "123456"})
    assert (answer.status_int, path_of(answer)) == (303, PAGE)


def test_a_stranger_at_a_screen_left_open_cannot_begin(visitor: Visitor, world: World) -> None:
    for password in ("", "inte mitt lösenord"):
        page = begin(visitor, password)
        assert page.status_int == 422 and page.html.find(id="password-error") is not None
    assert world.value("SELECT totp_secret FROM account WHERE address = :a", a=KARIN) is None


def test_what_is_in_force_cannot_be_begun_anew(visitor: Visitor, world: World, clock: FixedClock) -> None:
    on(visitor, clock)
    before = world.value("SELECT totp_secret FROM account WHERE address = :a", a=KARIN)
    answer = begin(visitor)
    assert (answer.status_int, path_of(answer)) == (303, PAGE)
    assert world.value("SELECT totp_secret FROM account WHERE address = :a", a=KARIN) == before


def test_new_recovery_codes_take_the_place_of_the_old_ones(
    visitor: Visitor, world: World, clock: FixedClock
) -> None:
    secret, former = on(visitor, clock)
    page = visitor.send(PAGE, {"do": "renew", "code": code_of(secret, clock)})
    codes = [item.text for item in page.html.find(id="recovery-codes").find_all("li")]
    assert len(codes) == 10 and not set(codes) & set(former)
    assert kept(world) == (True, 10)
    refused = visitor.send(PAGE, {"do": "renew", "code": former[0]})
    assert refused.status_int == 422 and refused.html.find(id="code-error") is not None


@pytest.mark.parametrize("code", ["", "000000", "abcd-efgh-abcd-efgh"])
def test_without_a_code_there_are_no_new_ones(
    visitor: Visitor, world: World, clock: FixedClock, code: str
) -> None:
    on(visitor, clock)
    page = visitor.send(PAGE, {"do": "renew", "code": code})
    assert page.status_int == 422 and page.html.find(id="recovery-codes") is None
    assert kept(world) == (True, 10)


def test_password_and_code_turn_it_off(
    visitor: Visitor, runtime: Runtime, world: World, clock: FixedClock
) -> None:
    secret, _ = on(visitor, clock)
    answer = visitor.send(PAGE, {"do": "off", "password": PASSWORD, "off-code": code_of(secret, clock)})
    assert path_of(answer) == f"{PAGE}?said=second-factor-off"
    assert kept(world) == (False, 0)
    assert path_of(Visitor(runtime).sign_in(KARIN)) == "/messages"


@pytest.mark.parametrize("wrong", ["password", "off-code"])
def test_one_of_the_two_is_not_enough(visitor: Visitor, world: World, clock: FixedClock, wrong: str) -> None:
    secret, _ = on(visitor, clock)
    fields = {"do": "off", "password": PASSWORD, "off-code": code_of(secret, clock), wrong: "helt fel"}
    page = visitor.send(PAGE, fields)
    assert page.status_int == 422 and page.html.find(id=f"{wrong}-error") is not None
    assert kept(world) == (True, 10)


def test_a_recovery_code_stands_in_for_a_lost_phone(
    visitor: Visitor, world: World, clock: FixedClock
) -> None:
    _, codes = on(visitor, clock)
    answer = visitor.send(PAGE, {"do": "off", "password": PASSWORD, "off-code": codes[3]})
    assert answer.status_int == 303
    assert kept(world) == (False, 0)


def test_guessing_codes_is_slowed(visitor: Visitor, clock: FixedClock) -> None:
    secret, _ = on(visitor, clock)
    for n in range(6):
        page = visitor.send(PAGE, {"do": "renew", "code": f"00000{n}"})
    assert "Too many tries." in page.html.find(id="code-error").text
    page = visitor.send(PAGE, {"do": "renew", "code": code_of(secret, clock)})
    assert page.status_int == 422


def test_who_has_no_password_is_asked_for_none(
    visitor: Visitor, world: World, clock: FixedClock, karin: UUID
) -> None:
    world.run("UPDATE account SET password_hash = NULL WHERE id = :id", id=karin)
    page = visitor.get(PAGE)
    assert page.html.find(id="password") is None
    page = visitor.send(PAGE, {"do": "begin"})
    code = code_of(secret_of(page), clock)
    assert visitor.post(PAGE, {"csrf_token": token_of(page), "do": "confirm", "code": code}).status_int == 200
    assert kept(world) == (True, 10)
