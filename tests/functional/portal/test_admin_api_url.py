"""An API user's address for events: set, refused, taken away; its latest events, and one sent again (spec A3)."""

from __future__ import annotations

from typing import Any

import pytest

from messa_platform.tenants.api_users.users import ApiUser
from tests.support.api_users import Keyring
from tests.support.network import Network
from tests.support.portal import seen
from tests.support.town import Town, build_town
from tests.support.world import World

NOBODY = "00000000-0000-7000-8000-000000000000"
URL = "https://93.184.216.34/data/functions.php?token=hemligt"
# an address, so that nothing has to be looked up


@pytest.fixture
def town(world: World, runtime: Any) -> Town:
    return build_town(world, runtime)


@pytest.fixture
def alarm(town: Town) -> ApiUser:
    """An API user of the school."""
    return Keyring(town.world).user(town.school)


def at(user: ApiUser) -> str:
    return f"/t/kommun/skolan/@@api/{user.id}"


def saved(town: Town, user: ApiUser, url: str = URL) -> str:
    return seen(town.head.sent(at(user), do="callback", api_url=url))


def state_of(town: Town) -> tuple[str, int]:
    row = town.world.rows("SELECT state, attempts FROM event_delivery")[0]
    return row.state, row.attempts


def test_an_address_is_saved_shown_and_taken_away(town: Town, alarm: ApiUser) -> None:
    words = saved(town, alarm)
    assert "Nothing has happened since the address was saved." in words
    page = town.head.get(at(alarm))
    assert page.html.find(id="api_url")["value"] == URL
    saved(town, alarm, "")
    assert town.world.value("SELECT count(*) FROM event_endpoint") == 0
    entries = town.world.rows(
        "SELECT action, after::text FROM audit_entry WHERE action LIKE 'api_url%' ORDER BY id"
    )
    assert [e.action for e in entries] == ["api_url_set", "api_url_removed"]
    assert "hemligt" not in str(entries)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://93.184.216.34/x", "The address does not begin with https."),
        ("https://127.0.0.1/x", "The address leads into an internal network."),
        ("https://2130706433/", "The address leads into an internal network."),
        ("https://[fec0::1]/", "The address leads into an internal network."),
        ("https://169.254.169.254/latest/meta-data", "The address leads into an internal network."),
        ("https://93.184.216.34:22/x", "The address names a port that is not for web servers."),
        ("ftp://ett.se", "The address is not a web address."),
        ("hej", "The address is not a web address."),
        ("https://93.184.216.34/" + "x" * 1000, "Shorten the address to 1000 characters at the most."),
    ],
)
def test_an_address_that_cannot_be_told_stays_in_its_form_with_the_reason(
    town: Town, alarm: ApiUser, url: str, sentence: str
) -> None:
    answer = town.head.send(at(alarm), do="callback", api_url=url)
    assert answer.status_int == 422
    assert sentence in seen(answer)
    assert answer.html.find(id="api_url")["value"] == url
    assert town.world.value("SELECT count(*) FROM event_endpoint") == 0


def test_the_latest_events_are_shown_and_can_be_sent_again(town: Town, alarm: ApiUser) -> None:
    network = Network(town.world)
    saved(town, alarm)
    town.world.words(alarm.id, ["+46701740605"])
    network.accept()
    words = seen(town.head.get(at(alarm)))
    assert "Sent" in words and "Waiting" in words
    town.world.run("UPDATE event_delivery SET state = 'parked', attempts = 9, next_attempt_at = '2999-01-01'")
    town.world.run(
        "INSERT INTO delivery_attempt (id, delivery_id, endpoint_id, tenant_id, at, status, fault, milliseconds)"
        " SELECT gen_random_uuid(), id, endpoint_id, tenant_id, now(), NULL, 'too_slow', 10000 FROM event_delivery"
    )
    page = town.head.get(at(alarm))
    assert "Given up" in seen(page) and "The server did not answer in time." in seen(page)
    delivery = page.html.find("input", attrs={"name": "delivery"})["value"]
    assert "It is sent again." in seen(town.head.sent(at(alarm), do="again", delivery=delivery))
    assert state_of(town) == ("ready", 0)


def test_one_that_was_turned_off_says_why_and_is_turned_on_again(town: Town, alarm: ApiUser) -> None:
    saved(town, alarm)
    town.world.run(
        "UPDATE event_endpoint SET state = 'disabled', disabled_why = 'failing', disabled_at = now()"
    )
    page = town.head.get(at(alarm))
    assert "The address has taken nothing for days." in seen(page)
    assert "It is told of events again" in seen(town.head.sent(at(alarm), do="enable"))
    assert town.world.value("SELECT state FROM event_endpoint") == "active"


@pytest.mark.parametrize(
    "fields",
    [{"do": "again", "delivery": NOBODY}, {"do": "again", "delivery": "x"}, {"do": "enable"}, {"do": "else"}],
)
def test_what_is_not_there_is_not_found(town: Town, alarm: ApiUser, fields: dict[str, str]) -> None:
    assert town.head.send(at(alarm), **fields).status_int == 404


def test_an_event_of_another_groups_api_user_is_nobodys_here(town: Town, alarm: ApiUser) -> None:
    network = Network(town.world)
    ring = Keyring(town.world)
    other = ring.user(town.care, "Journalen")
    town.chief.sent(f"/t/kommun/omsorgen/@@api/{other.id}", do="callback", api_url=URL)
    town.world.words(other.id, ["+46701740605"])
    network.accept()
    delivery = str(town.world.value("SELECT id FROM event_delivery"))
    assert town.head.send(at(alarm), do="again", delivery=delivery).status_int == 404
    assert (
        town.head.send(
            at(alarm), f"/t/kommun/omsorgen/@@api/{other.id}", do="callback", api_url=""
        ).status_int
        == 404
    )
    assert town.world.value("SELECT count(*) FROM event_endpoint") == 1
