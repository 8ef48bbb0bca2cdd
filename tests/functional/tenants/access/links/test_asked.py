"""Links asked for, and mailed to those who may have one, while nobody is told who that is (spec I1, U2)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.access import links
from messa_platform.tenants.access.links import Chosen, LinkMails, LinkOld, LinkUnknown
from messa_platform.tenants.models import Group
from tests.functional.tenants.access.links.conftest import ANNA, CAFE, RIGHT, Desk
from tests.support.observe import statements, together
from tests.support.world import World


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
