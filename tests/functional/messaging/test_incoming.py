"""Texts that come in: into the thread, the log, and to whom they are for (spec R2, R3, R5)."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.incoming import NOBODY
from messa_platform.providers.base import IncomingText
from messa_platform.tenants.models import Group
from messa_platform.tenants.numbers import REST
from tests.support.network import Network
from tests.support.observe import together
from tests.support.world import World

FIRST = 467301214000000
OURS = f"+{FIRST}"
PHONE = "+46701740605"

_references = count()


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    """An account that has sent a text to the phone, and so holds our first number."""
    account = world.account(master, "anna@kommun.example")
    world.words(account, [PHONE], "Kommer du?", mail_reference="<1@kommun.example>")
    return account


def text(
    words: str = "Ja", sender: str = PHONE, to: str = OURS, reference: str | None = None
) -> IncomingText:
    return IncomingText(reference or f"in-{next(_references)}", sender, to, words)


def came_in(world: World) -> list[Any]:
    return world.rows("SELECT * FROM message WHERE direction = 'in' ORDER BY id")


def test_a_reply_reaches_the_account_that_holds_the_number(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    network.brings(text("Ja, det gör jag"))
    [message] = came_in(world)
    assert (message.status, message.parts, message.door) == ("INCOMING", 0, "provider")
    assert (message.account_id, message.group_id, message.tenant_id) == (anna, master.id, master.tenant_id)
    assert (message.remote, message.local, message.text) == (PHONE, OURS, "Ja, det gör jag")
    assert (message.encoding, message.channel_id, message.created_at) == (
        "GSM",
        network.channel_id,
        world.clock.now(),
    )
    assert network.history(message.id) == ["INCOMING"]
    [arrival] = network.arrived
    assert (arrival.message_id, arrival.holder.account_id, arrival.text) == (
        message.id,
        anna,
        "Ja, det gör jag",
    )
    assert (arrival.remote, arrival.local, arrival.thread.id) == (PHONE, OURS, message.thread_id)


def test_a_reply_stands_in_the_thread_of_what_it_answers(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    clock.move(timedelta(minutes=5))
    network.brings(text())
    [thread] = world.rows("SELECT * FROM thread")
    assert world.value("SELECT count(*) FROM message WHERE thread_id = :id", id=thread.id) == 2
    assert (thread.last_message_at, thread.mail_reference) == (clock.now(), "<1@kommun.example>")


def test_a_stranger_who_writes_first_begins_a_thread(world: World, network: Network, anna: UUID) -> None:
    network.brings(text("Hej, är det skolan?", sender="+4740123456"))
    threads = world.rows("SELECT remote FROM thread WHERE account_id = :id ORDER BY remote", id=anna)
    assert [thread.remote for thread in threads] == [PHONE, "+4740123456"]
    assert len(network.arrived) == 1


def test_a_repeated_text_is_ignored(world: World, network: Network, anna: UUID) -> None:
    network.brings(text(reference="r-1"), text(reference="r-1"))
    network.brings(text(reference="r-1"), text("Eller nej", reference="r-2"))
    assert [message.text for message in came_in(world)] == ["Ja", "Eller nej"]
    assert [arrival.text for arrival in network.arrived] == ["Ja", "Eller nej"]


def test_the_same_words_sent_twice_are_two_texts(world: World, network: Network, anna: UUID) -> None:
    network.brings(text("Ja"), text("Ja"))
    assert len(came_in(world)) == len(network.arrived) == 2


def test_another_channel_may_use_the_same_reference(world: World, network: Network, anna: UUID) -> None:
    network.brings(text(reference="r-1"))
    network.channel_id = world.channel("the other")
    network.brings(text("Nej", reference="r-1"))
    assert [message.text for message in came_in(world)] == ["Ja", "Nej"]


def test_a_reference_of_a_text_that_left_is_another_than_one_of_a_text_that_came(
    world: World, network: Network, anna: UUID
) -> None:
    [sent] = network.accept()
    network.brings(text(reference=f"ref-{sent}"))
    network.says((sent, "DELIVERED"))
    assert network.status(sent) == "DELIVERED"
    assert len(came_in(world)) == 1


def test_a_text_to_a_resting_number_is_logged_and_reaches_nobody(
    world: World, clock: FixedClock, network: Network, master: Group, anna: UUID
) -> None:
    world.take_back_number(anna)
    clock.move(REST / 2)
    network.brings(text("Hemligheter till Anna"))
    [message] = came_in(world)
    assert (message.status, message.account_id, message.group_id) == ("INCOMING", anna, master.id)
    assert message.thread_id is None
    assert network.arrived == []
    assert network.history(message.id) == ["INCOMING"]


def test_the_next_holder_of_a_number_gets_what_comes_from_then_on(
    world: World, clock: FixedClock, network: Network, master: Group, anna: UUID
) -> None:
    world.run("UPDATE number_range SET next_number = last + 1")
    world.take_back_number(anna)
    clock.move(REST / 2)
    network.brings(text("Till Anna"))
    clock.move(REST / 2)
    bo = world.account(master, "bo@kommun.example")
    world.words(bo, ["0701740607"])
    network.brings(text("Till Bo"))
    assert [(m.text, m.account_id) for m in came_in(world)] == [("Till Anna", anna), ("Till Bo", bo)]
    assert [(a.text, a.holder.account_id) for a in network.arrived] == [("Till Bo", bo)]


def test_a_text_to_a_number_that_nobody_has_held_is_logged_in_the_platforms_own_tenant(
    world: World, network: Network, anna: UUID
) -> None:
    network.brings(text("Hallå?", to=f"+{FIRST + 77}"))
    [message] = came_in(world)
    assert (message.account_id, message.thread_id) == (NOBODY, None)
    slug = world.value("SELECT slug FROM tenant WHERE id = :id", id=message.tenant_id)
    master = world.value('SELECT parent_id IS NULL FROM "group" WHERE id = :id', id=message.group_id)
    assert (slug, master) == ("free", True)
    assert network.arrived == []


def test_texts_to_many_and_to_nobody_come_in_one_callback(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    world.words(bo, [PHONE])
    network.brings(
        text("ett"),
        text("två", to=f"+{FIRST + 1}"),
        text("tre", to="+46000"),
        text("fyra"),
        text("fem", sender="Telia"),
    )
    assert [m.account_id for m in came_in(world)] == [anna, bo, NOBODY, anna, anna]
    assert [(a.holder.account_id, a.text) for a in network.arrived] == [
        (anna, "ett"), (bo, "två"), (anna, "fyra"), (anna, "fem"),
    ]  # fmt: skip
    assert len({a.thread.id for a in network.arrived}) == 3


@pytest.mark.parametrize("words", ["", "a\x00b", "\ud83d", "Привет \U0001f600", "x" * 5000])
def test_whatever_a_phone_can_send_comes_in(world: World, network: Network, anna: UUID, words: str) -> None:
    network.brings(text(words))
    [message] = came_in(world)
    assert message.text == words.replace("\x00", "").replace("\ud83d", "\ufffd")
    assert [arrival.text for arrival in network.arrived] == [message.text]


@pytest.mark.parametrize("attempt", range(3))
def test_one_text_that_is_brought_by_many_callbacks_at_once_is_one(
    world: World, network: Network, anna: UUID, attempt: int
) -> None:
    texts = [text(f"nummer {i:03}", reference=f"r-{i:03}") for i in range(100)]
    orders = [texts, texts[::-1]] * 4
    together([lambda o=order: network.brings(*o) for order in orders])  # type: ignore[misc]
    assert sorted(message.text for message in came_in(world)) == [f"nummer {i:03}" for i in range(100)]
    assert len(network.arrived) == 100


def test_an_incoming_text_uses_no_quota(world: World, network: Network, master: Group, anna: UUID) -> None:
    world.group_quota(master, 0)
    network.brings(text())
    assert len(network.arrived) == 1
    assert world.value("SELECT sum(parts) FROM message WHERE direction = 'in'") == 0
