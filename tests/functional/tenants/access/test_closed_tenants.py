"""A closed organisation's people are to the sign-in page what nobody is; a suspended one's sign in as ever (spec O1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pyotp
import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.core.post import Post
from messa_platform.tenants import tenant_states
from messa_platform.tenants.access import links, second_factor, sessions
from messa_platform.tenants.access.links import Link, LinkMails, LinkUnknown, open_link
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.oidc_tokens import Person
from messa_platform.tenants.access.passwords import Passwords, Verdict
from messa_platform.tenants.access.sign_in import (
    SignedIn,
    WrongCode,
    WrongPassword,
    check_again,
    check_code,
    check_password,
)
from messa_platform.tenants.access.single_sign_on import Provider, Reason, account_of, configure, provider_for
from messa_platform.tenants.accounts import WELCOME_LIFE, issue_token
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Group, TokenKind
from messa_platform.tenants.tenant_states import Turned
from tests.functional.tenants.access.links.conftest import Writer
from tests.support.observe import statements
from tests.support.world import World

ANNA, RIGHT, NETWORK = "anna@kommun.example", "regn över Umeå", "192.0.2.0/24"
OPERATOR = Author(Actor.OPERATOR, UUID(int=7), "drift@messa.example")

Turn = Callable[[Any], Turned]


@pytest.fixture
def turn(world: World, master: Group) -> Turn:
    """Lets the operator suspend, close or resume Anna's municipality."""

    def turn(how: Any) -> Turned:
        version = world.value("SELECT version FROM tenant WHERE id = :id", id=master.tenant_id)
        with world.database.unit_of_work() as session:
            outcome = how(session, world.clock.now(), OPERATOR, master.tenant_id, version)
        assert isinstance(outcome, Turned), outcome
        return outcome

    return turn


@dataclass
class Door:
    """Where Anna signs in."""

    world: World
    passwords: Passwords
    anna: UUID

    def password(self, address: str = ANNA, password: str = RIGHT) -> Any:
        with self.world.database.unit_of_work() as session:
            return check_password(session, self.world.clock.now(), self.passwords, address, password, NETWORK)

    def begin(self) -> str:
        with self.world.database.unit_of_work() as session:
            return sessions.begin(
                session, self.world.clock.now(), self.anna, SessionKind.BROWSER, "Firefox", "192.0.2.7"
            )

    def is_in(self, token: str) -> bool:
        with self.world.database.unit_of_work() as session:
            return sessions.recognise(session, self.world.clock.now(), token, b"") is not None


@pytest.fixture
def door(world: World, passwords: Passwords, anna: UUID) -> Door:
    return Door(world, passwords, anna)


def test_closing_ends_every_session_at_once_and_resuming_brings_none_back(
    door: Door, turn: Turn, world: World
) -> None:
    tokens = [door.begin(), door.begin()]
    other = world.account(world.tenant("other", "Annan kommun"), "olle@other.example")
    with world.database.unit_of_work() as session:
        elsewhere = sessions.begin(
            session, world.clock.now(), other, SessionKind.BROWSER, "Firefox", "192.0.2.8"
        )
    assert turn(tenant_states.close).sessions == 2
    assert world.value("SELECT count(*) FROM web_session") == 1 and door.is_in(elsewhere)
    turn(tenant_states.resume)
    assert [door.is_in(token) for token in tokens] == [False, False]


def test_a_right_password_is_wrong_while_the_organisation_is_closed(door: Door, turn: Turn) -> None:
    turn(tenant_states.close)
    assert door.password() == WrongPassword()
    turn(tenant_states.resume)
    assert door.password() == SignedIn(door.anna)


def test_as_many_statements_are_asked_for_somebody_of_a_closed_organisation_as_for_nobody(
    door: Door, turn: Turn, world: World
) -> None:
    turn(tenant_states.close)
    counts = []
    for address in (ANNA, "nobody@kommun.example"):
        with statements(world.database.engine) as seen:
            door.password(address)
        counts.append([statement.text for statement in seen])
    assert counts[0] == counts[1]


def test_an_organisation_that_is_closed_while_a_password_is_checked_lets_nobody_in(
    door: Door, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = door.passwords.verify

    def slowly(stored: str | None, password: str) -> Verdict:
        turn(tenant_states.close)
        return verify(stored, password)

    monkeypatch.setattr(door.passwords, "verify", slowly)
    assert door.password() == WrongPassword()


def test_a_suspended_organisations_people_stay_signed_in_and_sign_in(door: Door, turn: Turn) -> None:
    token = door.begin()
    assert turn(tenant_states.suspend).sessions == 0
    assert door.is_in(token)
    assert door.password() == SignedIn(door.anna)


def test_a_code_or_the_password_asked_again_lets_nobody_of_a_closed_organisation_in(
    door: Door, turn: Turn, world: World, keys: Keys, clock: FixedClock
) -> None:
    with world.database.unit_of_work() as session:
        enrolment = second_factor.begin(session, keys, door.anna)
        assert enrolment
        totp = pyotp.TOTP(enrolment.secret)
        second_factor.confirm(session, clock.now(), keys, door.anna, totp.at(clock.now()))
    turn(tenant_states.close)
    clock.move(timedelta(minutes=1))
    with world.database.unit_of_work() as session:
        code = check_code(session, clock.now(), keys, door.anna, totp.at(clock.now()), NETWORK)
        again = check_again(session, clock.now(), door.passwords, door.anna, RIGHT, NETWORK)
    assert (code, again) == (WrongCode(), WrongPassword())


def test_a_mailed_link_is_unknown_while_the_organisation_is_closed(
    door: Door, turn: Turn, world: World, clock: FixedClock
) -> None:
    with world.database.unit_of_work() as session:
        word = issue_token(session, clock.now(), door.anna, TokenKind.WELCOME, WELCOME_LIFE)

    def look() -> Any:
        with world.database.unit_of_work() as session:
            return open_link(session, clock.now(), word, TokenKind.WELCOME)

    turn(tenant_states.close)
    assert look() == LinkUnknown()
    turn(tenant_states.resume)
    assert look() == Link(door.anna, ANNA, "sv", TokenKind.WELCOME)


def test_nobody_of_a_closed_organisation_is_mailed_a_new_link(
    door: Door, turn: Turn, world: World, clock: FixedClock
) -> None:
    writer = Writer()
    mails = LinkMails(writer, Post("messa.example", lambda *_: None))

    def forget() -> None:
        with world.database.unit_of_work() as session:
            links.request_link(session, clock.now(), ANNA, NETWORK, lambda *_: None)
        links.send_links(world.database, clock, mails)

    turn(tenant_states.close)
    forget()
    assert writer.words == [] and world.value("SELECT count(*) FROM outgoing_mail") == 0
    turn(tenant_states.resume)
    forget()
    assert len(writer.words) == 1


def test_an_identity_provider_lets_nobody_into_a_closed_organisation(
    door: Door, turn: Turn, world: World, master: Group, keys: Keys, clock: FixedClock
) -> None:
    world.domain(master, "kommun.example")
    domain = world.value("SELECT id FROM domain")
    with world.database.unit_of_work() as session:
        configure(session, keys, domain, "Kommunen", "https://idp.example", "messa", "secret")

    def provider() -> Provider | None:
        with world.database.unit_of_work() as session:
            return provider_for(session, ANNA)

    def sign_on(by: Provider) -> UUID | Reason:
        person = Person("subject", ANNA, True, "Anna")
        with world.database.unit_of_work() as session:
            return account_of(session, clock.now(), by, person)

    kommun = provider()
    assert kommun and sign_on(kommun) == door.anna
    turn(tenant_states.close)
    assert provider() is None and sign_on(kommun) is Reason.OTHER_ADDRESS
    # the domain is another's by now, whose provider speaks for the address, while the account is on its way there
    other = world.tenant("other", "Annan kommun")
    world.domain(other, "kommun.example")
    theirs = world.value("SELECT id FROM domain WHERE tenant_id = :id", id=other.tenant_id)
    with world.database.unit_of_work() as session:
        configure(session, keys, theirs, "Annan", "https://idp.other.example", "messa", "secret")
    annan = provider()
    assert annan and sign_on(annan) is Reason.NOT_WELCOME
