"""Choosing a password, by a mailed link or by the one in use (spec I1, U2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.core.ids import new_id
from messa_platform.core.post import Mail, Post
from messa_platform.tenants.access import links, second_factor, sessions
from messa_platform.tenants.access.links import (
    Changed,
    Chosen,
    Link,
    LinkMails,
    LinkOld,
    LinkUnknown,
    LinkUsed,
)
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.passwords import Passwords, Weakness
from messa_platform.tenants.access.sign_in import SignedIn, Wait, WantsCode, WrongPassword, check_password
from messa_platform.tenants.accounts import WELCOME_LIFE, issue_token
from messa_platform.tenants.models import Group, TokenKind
from tests.support.observe import statements, together
from tests.support.world import World

ANNA, RIGHT, NEW = "anna@kommun.example", "regn över Umeå", "tre blå elefanter"
HOME, CAFE = "192.0.2.0/24", "198.51.100.0/24"
WELCOME, RESET = TokenKind.WELCOME, TokenKind.RESET


@dataclass
class Writer:
    """Writes mails of a line, and keeps the words of their links."""

    words: list[str] = field(default_factory=list)
    until: list[datetime] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)

    def reset(
        self,
        *,
        address: str,
        language: str,
        time_zone: str,
        word: str,
        until: datetime,
        tenant_id: UUID,
        key: str,
    ) -> Mail:
        self.words.append(word)
        self.until.append(until)
        self.zones.append(time_zone)
        return Mail(
            key, "no-reply@messa.example", "messa", address, f"reset {language}", word, tenant_id=tenant_id
        )

    def password_changed(
        self, *, address: str, language: str, time_zone: str, at: datetime, tenant_id: UUID, key: str
    ) -> Mail:
        self.zones.append(time_zone)
        subject = f"changed {language}"
        return Mail(
            key, "no-reply@messa.example", "messa", address, subject, at.isoformat(), tenant_id=tenant_id
        )


class Desk:
    """Where passwords are chosen, and links are asked for and mailed."""

    def __init__(self, world: World, passwords: Passwords) -> None:
        self.world, self.passwords, self.writer = world, passwords, Writer()
        self.woken: list[str] = []
        self.mails = LinkMails(
            self.writer, Post("messa.example", lambda _session, actor: self.woken.append(actor))
        )

    def issue(self, account_id: UUID, kind: TokenKind = RESET, life: timedelta = timedelta(hours=1)) -> str:
        with self.world.database.unit_of_work() as session:
            return issue_token(session, self.world.clock.now(), account_id, kind, life)

    def open(self, word: str, kind: TokenKind = RESET) -> object:
        with self.world.database.unit_of_work() as session:
            return links.open_link(session, self.world.clock.now(), word, kind)

    def choose(self, word: str, password: str = NEW, kind: TokenKind = RESET) -> object:
        with self.world.database.unit_of_work() as session:
            now = self.world.clock.now()
            return links.choose_password(session, now, self.passwords, word, kind, password, self.mails)

    def change(self, account_id: UUID, current: str, new: str, keep: UUID, network: str = HOME) -> object:
        with self.world.database.unit_of_work() as session:
            return links.change_password(
                session, self.world.clock.now(), self.passwords, account_id,
                current=current, new=new, keep_session=keep, network=network, mails=self.mails,
            )  # fmt: skip

    def sign_in(self, password: str, network: str = HOME) -> object:
        with self.world.database.unit_of_work() as session:
            return check_password(session, self.world.clock.now(), self.passwords, ANNA, password, network)

    def session(self, account_id: UUID) -> str:
        with self.world.database.unit_of_work() as session:
            return sessions.begin(
                session, self.world.clock.now(), account_id, SessionKind.PERSISTENT, "Firefox", "192.0.2.7"
            )

    def session_id(self, token: str) -> UUID | None:
        with self.world.database.unit_of_work() as session:
            identity = sessions.recognise(session, self.world.clock.now(), token, b"", touch=False)
            return identity.session_id if identity else None

    def ask(self, *addresses: str, network: str = HOME) -> None:
        for address in addresses:
            with self.world.database.unit_of_work() as session:
                links.request_link(
                    session,
                    self.world.clock.now(),
                    address,
                    network,
                    lambda _session, actor: self.woken.append(actor),
                )

    def send(self) -> bool:
        return links.send_links(self.world.database, self.world.clock, self.mails)

    def mailed(self) -> list[tuple[str, str]]:
        """To whom mails have been written, and their subjects, in order."""
        rows = self.world.rows(
            "SELECT recipient, headers->>'Subject' AS subject FROM outgoing_mail ORDER BY id"
        )
        return [(row.recipient, row.subject) for row in rows]


@pytest.fixture
def desk(world: World, passwords: Passwords, anna: UUID) -> Desk:
    """The desk of the test's deployment."""
    return Desk(world, passwords)


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


def test_a_request_is_noted_in_the_same_way_whoever_it_is_for(
    desk: Desk, world: World, master: Group
) -> None:
    world.account(master, "avstangd@kommun.example", blocked=True)
    said = []
    for address in (ANNA, "ingen@kommun.example", "avstangd@kommun.example", "", "\x00\udcff", "x" * 5000):
        with statements(world.database.engine) as seen:
            desk.ask(address)
        said.append([statement.text for statement in seen])
    assert said == [said[0]] * 6
    assert desk.woken == ["send_links"] * 6
    stored = [row.address for row in world.rows("SELECT address FROM link_request ORDER BY id")]
    assert stored == [ANNA, "ingen@kommun.example", "avstangd@kommun.example", "", "", ""]


def test_a_link_that_was_asked_for_is_mailed_and_works_for_an_hour(
    desk: Desk, world: World, clock: FixedClock, anna: UUID
) -> None:
    desk.ask(" Anna@Kommun.Example ")
    assert not desk.send()
    assert desk.mailed() == [(ANNA, "reset sv")]
    [word], [until] = desk.writer.words, desk.writer.until
    assert until == clock.now() + timedelta(hours=1)
    assert "deliver_mail" in desk.woken
    mail = world.rows("SELECT key, tenant_id FROM outgoing_mail")[0]
    request = world.rows("SELECT id, state, address FROM link_request")[0]
    assert mail.key == f"reset:{request.id}"
    assert mail.tenant_id == world.value("SELECT tenant_id FROM account")
    assert (request.state, request.address) == ("done", "")
    clock.move(timedelta(minutes=59))
    assert desk.choose(word) == Chosen(anna)


def test_nobody_else_is_mailed_and_nobody_is_told(desk: Desk, world: World, master: Group) -> None:
    world.account(master, "avstangd@kommun.example", blocked=True)
    world.account(master, "borta@kommun.example", removed_at=world.clock.now())
    desk.ask("ingen@kommun.example", "avstangd@kommun.example", "borta@kommun.example", "")
    desk.send()
    assert desk.mailed() == []
    assert world.rows("SELECT DISTINCT state, address, last_error FROM link_request") == [("done", "", None)]
    assert world.value("SELECT count(*) FROM account_token") == 0


def test_an_account_that_has_never_chosen_a_password_gets_a_link_too(
    desk: Desk, world: World, master: Group
) -> None:
    bo = world.account(master, "bo@kommun.example", language="en")
    desk.ask("bo@kommun.example")
    desk.send()
    assert desk.mailed() == [("bo@kommun.example", "reset en")]
    assert desk.choose(desk.writer.words[0]) == Chosen(bo)


def test_requests_within_five_minutes_give_one_mail(desk: Desk, clock: FixedClock) -> None:
    desk.ask(ANNA, ANNA)
    desk.send()
    clock.move(timedelta(minutes=4, seconds=59))
    desk.ask(ANNA)
    desk.send()
    assert len(desk.mailed()) == 1
    clock.move(timedelta(seconds=1))
    desk.ask(ANNA)
    desk.send()
    assert desk.mailed() == [(ANNA, "reset sv")] * 2
    assert len(set(desk.writer.words)) == 2


def test_whoever_has_used_the_link_may_ask_for_another_at_once(desk: Desk, anna: UUID) -> None:
    desk.ask(ANNA)
    desk.send()
    assert desk.choose(desk.writer.words[0]) == Chosen(anna)
    desk.ask(ANNA)
    desk.send()
    assert desk.choose(desk.writer.words[1], RIGHT) == Chosen(anna)


@pytest.mark.parametrize("attempt", range(2))
def test_workers_that_meet_requests_for_the_same_addresses_mail_each_once(
    desk: Desk, world: World, master: Group, attempt: int
) -> None:
    addresses = [f"person{i}@kommun.example" for i in range(5)]
    for address in addresses:
        world.account(master, address)
    for i in range(5):
        desk.ask(*addresses[i:], *addresses[:i], network=f"203.0.{i}.0/24")
    together([lambda: links.send_links(world.database, world.clock, desk.mails, batch=3)] * 6)
    assert sorted(desk.mailed()) == [(address, "reset sv") for address in addresses]
    assert world.value("SELECT count(*) FROM link_request WHERE state <> 'done'") == 0


def test_fifty_requests_take_as_many_statements_as_two(desk: Desk, world: World, master: Group) -> None:
    for i in range(50):
        world.account(master, f"person{i}@kommun.example")

    def count(addresses: list[str]) -> int:
        for i, address in enumerate(addresses):
            desk.ask(address, network=f"203.0.{i}.0/24")
        with statements(world.database.engine) as seen:
            links.send_links(world.database, world.clock, desk.mails, batch=60)
        return len(seen)

    assert count([f"person{i}@kommun.example" for i in range(48)]) == count(
        ["person48@kommun.example", "person49@kommun.example"]
    )
    assert len(desk.mailed()) == 50


def test_who_asks_too_often_is_not_heard_and_not_told(desk: Desk, world: World, clock: FixedClock) -> None:
    def noted() -> int:
        return int(world.value("SELECT count(*) FROM link_request"))

    desk.ask(*[ANNA] * 9)
    assert noted() == 5
    clock.move(timedelta(seconds=2))
    desk.ask(ANNA)
    assert noted() == 6
    desk.ask(*[f"person{i}@kommun.example" for i in range(120)])
    assert noted() == 100
    desk.ask("person@kommun.example", network=CAFE)
    assert noted() == 101
    assert desk.sign_in(RIGHT, CAFE) == desk.sign_in(RIGHT)


def test_what_was_asked_for_is_mailed_though_a_worker_fails(desk: Desk, clock: FixedClock) -> None:
    desk.ask(ANNA)
    writer = desk.mails
    desk.mails = LinkMails(object(), writer.post)  # type: ignore[arg-type]
    desk.send()
    assert desk.mailed() == []
    desk.mails = writer
    clock.move(timedelta(seconds=5))
    desk.send()
    assert desk.mailed() == [(ANNA, "reset sv")]


def test_links_and_requests_of_long_ago_are_forgotten(
    desk: Desk, world: World, clock: FixedClock, anna: UUID
) -> None:
    word = desk.issue(anna)
    clock.move(timedelta(minutes=5))
    desk.ask(ANNA)
    desk.send()

    def forget() -> tuple[int, int]:
        with world.database.unit_of_work() as session:
            links.forget_old(session, clock.now())
        tables = ("account_token", "link_request")
        return tuple(int(world.value(f"SELECT count(*) FROM {table}")) for table in tables)  # type: ignore[return-value]

    assert forget() == (2, 1)
    clock.move(timedelta(days=1, seconds=1))
    assert forget() == (2, 0)
    assert desk.open(word) == LinkOld()
    clock.move(timedelta(days=90))
    desk.ask(ANNA)
    assert forget() == (0, 1)
    assert desk.open(word) == LinkUnknown()
