"""How often a text that is sent waits for the database (issue 6): counted between the platform and a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.providers.routing.way import read_way
from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from tests.functional.api_v2.conftest import ANNA, KARIN, Api, Program
from tests.support.prices import route, stored
from tests.support.visitors import a_runtime
from tests.support.wire import Wire, tapped


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    with tapped(database_url) as found:
        yield found


@pytest.fixture
def runtime(wire: Wire, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """One that reaches the database by way of the wire."""
    with a_runtime(wire.url, tmp_path / "key", clock) as made:
        yield made


@pytest.fixture
def busy(api: Api, school: Program) -> Program:
    """One that has sent its first text of the day, within a quota, on every level, and may receive."""
    api.world.numbers()
    api.world.set(api.master, Key.MAY_RECEIVE, True)
    for group in (api.master, api.school):
        api.world.group_quota(group, 100, window_days=30)
    for n in range(6):  # until the driver has its statements prepared
        school.send(text=f"Den {n}:a")
        school.post("/v2/messages", {"to": ANNA, "text": f"Nyckel {n}"}, 201, **{"Idempotency-Key": f"k{n}"})
    return school


def test_a_text_takes_three_round_trips(wire: Wire, busy: Program) -> None:
    with wire.counted() as trips:
        sent = busy.send(KARIN, "Pumpen i Björkdalen står still")
    assert trips == [3]
    assert sent["status"] == "QUEUED"


def test_one_that_must_happen_once_takes_four_and_its_repetition_three(wire: Wire, busy: Program) -> None:
    body, key = {"to": KARIN, "text": "Larm"}, {"Idempotency-Key": "larm-1"}
    with wire.counted() as trips:
        first = busy.post("/v2/messages", body, 201, **key)
    with wire.counted() as again:
        assert busy.post("/v2/messages", body, 201, **key) == first
    assert (trips, again) == ([4], [3])


def test_what_is_refused_takes_no_more(wire: Wire, busy: Program) -> None:
    busy.send(KARIN, "Hej")
    with wire.counted() as again:
        busy.post("/v2/messages", {"to": KARIN, "text": "Hej"}, 409)
    with wire.counted() as nowhere:  # there is nothing to claim
        busy.post("/v2/messages", {"to": "12", "text": "Hej"}, 403)
    assert (again, nowhere) == ([3], [2])


def test_what_is_told_of_a_text_is_what_is_stored_of_it(api: Api, busy: Program) -> None:
    later = api.world.clock.now().replace(microsecond=123_456)
    bodies = [
        {"to": KARIN, "text": "Hej " * 60, "client_ref": "a-1"},
        {
            "to": KARIN,
            "text": "Żółć",
            "send_at": (later.replace(year=later.year + 1)).isoformat()[:10] + "T08:00:00Z",
        },
        {"to": KARIN, "text": "Som skolan", "from": "messa"},
    ]
    for body in bodies:
        told = busy.post("/v2/messages", body, 201)
        assert busy.get(f"/v2/messages/{told['id']}") == told


def test_routes_and_prices_take_no_round_trip_of_their_own(api: Api, wire: Wire, busy: Program) -> None:
    channel = api.world.value("SELECT id FROM channel")
    stored(api.world, channel, {"46": 350_000, "4670": 300_000})
    route(api.world, channel, prefix="46", is_cheapest=True)
    busy.send(KARIN, "Så snart de har ändrats läses de")
    with wire.counted() as trips:
        sent = busy.send(KARIN, "Pumpen i Björkdalen går igen")
    assert trips == [3]
    kept = api.world.value("SELECT way FROM message WHERE id = :id", id=sent["id"])
    assert read_way(kept).micros == 300_000


def test_settings_that_changed_hold_for_the_next_text(api: Api, busy: Program) -> None:
    api.world.set(api.school, Key.SIGNATURE, "/Skolan")
    assert busy.send(KARIN, "Hej")["text"] == "Hej\n/Skolan"
    api.world.group_quota(api.school, 0)
    busy.post("/v2/messages", {"to": KARIN, "text": "Hopp"}, 403)
