"""The demo's webhooks: made once, by the real services, and told by the real pusher; the simulator answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from messa_platform import demo
from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.providers.simulator.launch import Running, running
from tests.support.outside import Outside, an_outside
from tests.support.world import World


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(SystemClock().now())


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "simulator") as started:
        yield started


@pytest.fixture
def outside(world: World) -> Iterator[Outside]:
    with an_outside(world) as made:
        yield made


@pytest.fixture
def loaded(world: World) -> World:
    with world.database.unit_of_work() as session:
        assert demo.load(session, world.clock.now())
    return world


def connect(world: World, office: Endpoints, url: str) -> None:
    with world.database.unit_of_work() as session:
        demo.connect(session, world.clock.now(), office, url)


def count(world: World) -> int:
    found: int = world.value("SELECT count(*) FROM event_endpoint")
    return found


def test_one_takes_what_it_is_told_one_fails_and_one_is_off(
    loaded: World, outside: Outside, simulator: Running
) -> None:
    connect(loaded, outside.services, simulator.addresses.http)
    for _ in range(12):  # what of one message comes behind another waits for that
        outside.tell()
    rows = loaded.rows(
        "SELECT e.description, e.state, e.disabled_why, e.failing_since IS NOT NULL AS fails,"
        " count(*) FILTER (WHERE d.state = 'done') AS done, count(*) FILTER (WHERE d.state <> 'done') AS left"
        " FROM event_endpoint e JOIN event_delivery d ON d.endpoint_id = e.id GROUP BY e.id ORDER BY e.id"
    )
    assert [(r.description, r.state, r.disabled_why, r.fails) for r in rows] == [
        ("Frånvarosystemet", "active", None, False),
        ("Larmservern", "active", None, True),
        ("Gamla frånvarosystemet", "disabled", "gone", True),
    ]
    assert rows[0].done > 3 and rows[0].left == 0
    mails = loaded.rows("SELECT recipient FROM outgoing_mail WHERE key LIKE 'endpoint_disabled%'")
    assert "sub@demo.example" in {mail.recipient for mail in mails}
    with urlopen(f"{simulator.addresses.http}/simulator?lang=en") as page:
        shown = page.read().decode()
    assert "message.delivered" in shown and "webhook-signature" in shown
    assert "to busy, which answered 503" in shown


def test_they_are_made_once_and_what_a_visitor_removed_stays_so(
    loaded: World, outside: Outside, simulator: Running
) -> None:
    for _ in range(2):
        connect(loaded, outside.services, simulator.addresses.http)
        assert count(loaded) == 3
    loaded.run("DELETE FROM event_endpoint")
    connect(loaded, outside.services, simulator.addresses.http)
    assert count(loaded) == 0


def test_where_no_simulator_may_be_spoken_to_there_are_none(loaded: World, outside: Outside) -> None:
    connect(loaded, outside.services, "")
    connect(loaded, Endpoints(Outbound(OutboundSettings()), outside.keys), "http://127.0.0.1:6544")
    assert count(loaded) == 0


def test_who_has_removed_the_school_gets_none(loaded: World, outside: Outside) -> None:
    loaded.run("UPDATE \"group\" SET removed_at = now() WHERE name = 'Skolan'")
    connect(loaded, outside.services, "http://127.0.0.1:6544")
    assert count(loaded) == 0
