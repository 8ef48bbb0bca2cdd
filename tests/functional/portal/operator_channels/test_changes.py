"""Channels are paused, resumed and put into another order (spec X4, O1)."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.db import Database
from messa_platform.providers import channels
from messa_platform.providers.channels import Outcome
from messa_platform.providers.elks.fake import ElksFake
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from tests.functional.portal.operator_channels.conftest import CHANNELS, Desk
from tests.support.operators import page
from tests.support.portal import seen
from tests.support.world import World

PHONE = "+46701740605"
OPERATOR = Author(Actor.OPERATOR, UUID(int=1), "drift@messa.example")


@pytest.fixture
def anna(world: World) -> UUID:
    return world.account(world.tenant(), "anna@kommun.example")


def channel_of(world: World, text: str) -> str:
    name: str = world.value(
        "SELECT c.name FROM message m JOIN channel c ON c.id = m.channel_id WHERE m.text = :text", text=text
    )
    return name


def test_by_a_paused_channel_nothing_leaves_until_it_is_resumed(
    desk: Desk, fake: ElksFake, anna: UUID
) -> None:
    elks = desk.elks(fake)
    desk.world.submit(anna, [PHONE], "Hej")
    paused = desk.press(elks, "pause")
    assert "The channel is paused." in seen(paused, "body")
    assert "Paused" in seen(paused) and "Every channel is paused" in seen(paused)
    desk.runtime.dispatcher.run(elks, lambda: False)
    assert fake.taken == [] and "Waiting texts 1" in seen(desk.page())
    assert desk.world.words(anna, [PHONE], "Nej") == ["no_route"]
    resumed = desk.press(elks, "resume")
    assert "The channel is in use again." in seen(resumed, "body")
    assert "Every channel is paused" not in seen(resumed)
    desk.runtime.dispatcher.run(elks, lambda: False)
    assert [taken.text for taken in fake.taken] == ["Hej"]
    assert "Waiting texts 0" in seen(desk.page())


def test_routing_takes_the_next_channel_while_one_is_paused(desk: Desk, fake: ElksFake, anna: UUID) -> None:
    first = desk.elks(fake, "den första")
    desk.elks(fake, "den andra", priority=1)
    desk.world.submit(anna, [PHONE], "ett")
    desk.press(first, "pause")
    desk.world.submit(anna, [PHONE], "två")
    desk.press(first, "resume")
    desk.world.submit(anna, [PHONE], "tre")
    assert [channel_of(desk.world, text) for text in ("två", "tre")] == ["den andra", "den första"]


def test_what_is_done_stands_in_the_audit_log_once(desk: Desk, fake: ElksFake) -> None:
    elks = desk.elks(fake)
    desk.world.channel("simulator")
    for what in ("pause", "pause", "resume", "resume"):
        desk.press(elks, what)
    desk.press(elks, "move", place="2")
    desk.press(elks, "move", place="2")
    assert desk.audited() == [
        ("operator", "channel_paused", "elks", None, None),
        ("operator", "channel_resumed", "elks", None, None),
        ("operator", "channel_moved", "elks", {"place": 1}, {"place": 2}),
    ]
    told = seen(page(desk.visitor, "/operator/audit"))
    assert "Moved the channel elks Place: from 1 to 2 The platform" in told
    assert "Paused the channel elks" in told and "Resumed the channel elks" in told


def test_channels_are_moved_up_and_down_whatever_their_priorities_were(desk: Desk) -> None:
    a, b, c = (desk.world.channel(name) for name in "abc")  # all of the same priority: by their ids
    desk.world.run("UPDATE channel SET priority = 7 WHERE name IN ('b', 'c')")
    assert desk.order() == ["1. a", "2. b", "3. c"]
    answer = desk.press(c, "move", place="2")
    assert "The order is changed." in seen(answer, "body")
    assert desk.order() == ["1. a", "2. c", "3. b"]
    desk.press(a, "move", place="2")
    assert desk.order() == ["1. c", "2. a", "3. b"]
    desk.press(b, "move", place="0")
    desk.press(c, "move", place="99999")
    assert desk.order() == ["1. b", "2. a", "3. c"]
    rows = desk.world.rows("SELECT name, priority FROM channel ORDER BY priority")
    assert [tuple(row) for row in rows] == [("b", 1), ("a", 2), ("c", 3)]


def test_the_buttons_lead_one_step_up_and_one_down(desk: Desk) -> None:
    for name in "abc":
        desk.world.channel(name)
    first, second, third = desk.page().html.find("ol")("li", recursive=False)

    def places(shown: object) -> list[tuple[str, str]]:
        found = shown("button", attrs={"name": "place"})  # type: ignore[operator]
        return [(button.get_text(), button["value"]) for button in found]

    assert places(first) == [("Move down: a", "2")]
    assert places(second) == [("Move up: b", "1"), ("Move down: b", "3")]
    assert places(third) == [("Move up: c", "2")]


def test_moving_keeps_a_tenants_channel_as_it_is(desk: Desk) -> None:
    tenant = desk.world.tenant()
    theirs = desk.world.channel("egen", tenant_id=tenant.tenant_id, priority=5)
    a = desk.world.channel("a")
    desk.world.channel("b")
    desk.press(a, "move", place="2")
    assert desk.world.value("SELECT priority FROM channel WHERE id = :id", id=theirs) == 5


def test_a_channel_that_has_vanished_is_not_found(desk: Desk, world: World) -> None:
    gone = world.channel()
    desk.page()
    world.run("DELETE FROM channel WHERE id = :id", id=gone)
    world.channel("simulator")
    for form in ("test", "pause", "resume", "move"):
        assert desk.visitor.send(CHANNELS, {"place": "1"}, f"{CHANNELS}/{gone}/{form}").status_int == 404
    with world.database.unit_of_work() as session:
        now = world.clock.now()
        assert channels.pause(session, now, OPERATOR, gone) is Outcome.GONE
        assert channels.move(session, now, OPERATOR, gone, 1) is Outcome.GONE
    assert desk.audited() == []


def test_many_operators_moving_at_once_end_in_one_order(world: World, database: Database) -> None:
    ids = [world.channel(f"nummer {i}") for i in range(5)]
    start = threading.Barrier(4)
    faults: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            start.wait(10)
            for step in range(10):
                with database.unit_of_work() as session:
                    channel, place = ids[(seed + step) % 5], (seed * step) % 5 + 1
                    channels.move(session, world.clock.now(), OPERATOR, channel, place)
                    turn = channels.pause if step % 2 else channels.resume
                    turn(session, world.clock.now(), OPERATOR, channel)
        except BaseException as error:  # told in the test's own thread
            faults.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    rows = world.rows("SELECT id, priority FROM channel ORDER BY priority")
    assert [row.priority for row in rows] == [1, 2, 3, 4, 5] and {row.id for row in rows} == set(ids)
    with database.unit_of_work() as session:
        assert [channel.id for channel in channels.own(session)] == [row.id for row in rows]


def test_a_text_that_was_chosen_for_later_waits_since_its_time(
    desk: Desk, fake: ElksFake, anna: UUID
) -> None:
    elks = desk.elks(fake)
    desk.world.submit(anna, [PHONE], "Hej")
    later = desk.world.value("SELECT messa_time_of(id) FROM message") + timedelta(minutes=42)
    desk.world.run("UPDATE message SET send_at = :at", at=later)
    desk.press(elks, "pause")
    assert f":{later:%M}" in seen(desk.page()).partition("The oldest since")[2][:30]
