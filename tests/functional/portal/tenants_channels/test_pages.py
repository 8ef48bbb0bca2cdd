"""An organisation connects a provider of its own, tests it, orders, pauses, changes and removes it in the portal (spec X3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.providers.elks.fake import PASSWORD, USER, ElksFake
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import Broken, load_plugins
from messa_platform.runtime import Runtime
from tests.functional.portal.tenants_channels.conftest import Office, an_office
from tests.support.observe import statements
from tests.support.operators import an_operator, at_the_pages, page
from tests.support.portal import seen
from tests.support.providers import KEYS, OUR_URL, WAY_OUT
from tests.support.visitors import a_runtime
from tests.support.world import World

PHONE = "+46701740605"

NOBODYS = "01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a"


def audited(world: World) -> list[tuple[str, str]]:
    rows = world.rows(
        "SELECT action, subject FROM audit_entry WHERE action LIKE 'channel%' AND tenant_id IS NOT NULL ORDER BY id"
    )
    return [tuple(row) for row in rows]


def test_without_channels_of_its_own_the_page_says_that_the_platforms_are_used(office: Office) -> None:
    text = seen(office.shown())
    assert "No channels of your own" in text and "Your texts leave by the platform's channels" in text
    market = seen(page(office.visitor, "/t/kommun/@@marketplace"))
    assert "Without channels of your own your texts leave by the platform's" in market


def test_a_provider_is_connected_and_its_addresses_are_shown_with_their_key_once(
    world: World, office: Office, fake: ElksFake
) -> None:
    form = page(office.visitor, f"{office.base}/new/elks")
    for label in ("API user name", "API password", "Address of the API", "Texts a second at the most"):
        assert label in seen(form)
    assert "Key in the addresses" not in seen(form)
    told = office.fill_in(name="46elks", s_username=USER, s_password=PASSWORD, s_url=fake.base)
    assert told.status_int == 200 and told.headers["Cache-Control"] == "no-store"
    channel, key = office.id_of("46elks"), office.kept("46elks")["callback_key"]
    assert f"/providers/{channel}/incoming?key={key}" in told.text
    assert f"/providers/{channel}/receipts?key={key}" in told.text
    for later in (office.shown(), page(office.visitor, f"{office.base}/{channel}")):
        assert key not in later.text and PASSWORD not in later.text
    assert f"/providers/{channel}/incoming" in page(office.visitor, f"{office.base}/{channel}").text
    assert office.names() == ["46elks"]
    assert audited(world) == [("channel_added", "46elks")]


def test_what_is_wrong_is_told_at_its_field_and_a_secret_does_not_come_back(
    world: World, office: Office
) -> None:
    answer = office.fill_in(name="", s_username="", s_password="hemligheten", rate="fort")
    assert answer.status_int == 422
    assert "hemligheten" not in answer.text
    errors = {e["id"]: " ".join(e.get_text(" ").split()) for e in answer.html.find_all("p", class_="error")}
    assert errors == {
        "name-error": "Error: Name: fill this in.",
        "rate-error": "Error: Texts a second at the most: write a number.",
        "s-username-error": "Error: API user name: fill this in.",
    }
    answer = office.fill_in(name="46elks", s_username="", s_password="")
    assert {e["id"] for e in answer.html.find_all("p", class_="error")} == {
        "s-username-error",
        "s-password-error",
    }
    assert world.rows("SELECT FROM channel") == []


@pytest.fixture
def strict(database_url: str, tmp_path: Path, clock: FixedClock, world: World) -> Iterator[Office]:
    """An organisation where no private network may be reached, as in production."""
    with a_runtime(database_url, tmp_path / "other-key", clock) as made:
        yield an_office(world, made, "kommun", "Kommunen")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.46elks.com", "The address does not begin with https."),
        ("https://127.0.0.1", "The address leads into an internal network."),
        ("https://192.168.1.1:8443/x", "The address leads into an internal network."),
        ("https://[::1]", "The address leads into an internal network."),
        ("elks", "The address is not a web address."),
    ],
)
def test_an_address_of_our_own_network_is_refused_with_the_reason(
    strict: Office, url: str, reason: str
) -> None:
    answer = strict.fill_in(name="46elks", s_username=USER, s_password=PASSWORD, s_url=url)
    assert answer.status_int == 422
    assert f"Address of the API: {reason}" in seen(answer)
    assert strict.names() == []


def test_a_plugin_that_opens_connections_is_the_platforms_alone(strict: Office) -> None:
    market = seen(page(strict.visitor, "/t/kommun/@@marketplace"))
    assert "For the platform's own channels alone" in market
    assert "/new/simulator" not in page(strict.visitor, "/t/kommun/@@marketplace").text
    page(strict.visitor, f"{strict.base}/new/simulator", 404)
    page(strict.visitor, f"{strict.base}/new/elks")


def test_its_connection_is_tested_with_a_verdict_in_words(office: Office, fake: ElksFake) -> None:
    channel = office.connect(fake)
    said = seen(office.press(channel, "test"))
    assert "The connection works: the provider knows the channel. The account holds" in said
    assert office.change(channel, s_password="fel-lösenord").status_int == 303
    assert "The provider can be reached, but it does not know the channel" in seen(
        office.press(channel, "test")
    )


def test_channels_are_ordered_paused_resumed_and_removed(
    world: World, office: Office, fake: ElksFake
) -> None:
    first, second = office.connect(fake, "den första"), office.connect(fake, "den andra")
    assert office.names() == ["den första", "den andra"]
    office.press(second, "move", place="1")
    assert office.names() == ["den andra", "den första"]
    assert "Texts take the next channel in use" in seen(office.press(second, "pause"))
    assert "Paused" in seen(office.shown())
    office.press(second, "resume")
    question = seen(page(office.visitor, f"{office.base}/{first}/remove"))
    assert "takes the next channel in use" in question and "last of your own" not in question
    office.press(first, "remove")
    assert office.names() == ["den andra"]
    question = seen(page(office.visitor, f"{office.base}/{second}/remove"))
    assert "There is no other channel in use" in question
    world.channel("simulator")
    question = seen(page(office.visitor, f"{office.base}/{second}/remove"))
    assert "It is the last of your own" in question
    office.press(second, "remove")
    assert office.names() == []
    assert [action for action, _ in audited(world)] == [
        "channel_added", "channel_added", "channel_moved", "channel_paused", "channel_resumed", "channel_removed",
        "channel_removed",
    ]  # fmt: skip
    page(office.visitor, f"{office.base}/{second}", 404)
    log = seen(page(office.visitor, "/t/kommun/@@audit"))
    assert "Removed the channel den andra" in log and "Connected the channel den första" in log


def test_a_secret_that_is_left_empty_stays_and_a_new_key_is_shown_once(
    world: World, office: Office, fake: ElksFake
) -> None:
    channel = office.connect(fake)
    was = office.kept("46elks")
    answer = office.change(channel, name="elva", s_username="u2")
    assert answer.status_int == 303
    assert office.kept("elva") == {**was, "username": "u2"}
    page_of = page(office.visitor, f"{office.base}/{channel}")
    form = next(form for form in page_of.forms.values() if "version" in form.fields)
    form["renew-callback_key"] = "1"
    told = form.submit()
    key = office.kept("elva")["callback_key"]
    assert key != was["callback_key"] and f"?key={key}" in told.text
    assert key not in page(office.visitor, f"{office.base}/{channel}").text


def test_two_who_change_it_at_once_do_not_overwrite_each_other(office: Office, fake: ElksFake) -> None:
    channel = office.connect(fake)
    late = page(office.visitor, f"{office.base}/{channel}")
    assert office.change(channel, name="den enas").status_int == 303
    form = next(form for form in late.forms.values() if "version" in form.fields)
    form["name"] = "den andras"
    answer = form.submit(status=409)
    assert "Somebody else has changed this channel meanwhile" in seen(answer)
    assert office.names() == ["den enas"]


def test_one_organisations_channels_are_nothing_to_another(
    office: Office, neighbour: Office, fake: ElksFake
) -> None:
    theirs = neighbour.connect(fake, "deras")
    mine = office.connect(fake, "min")
    for what in ("test", "pause", "resume", "move", "remove"):
        answer = office.visitor.send(office.base, {"place": "1"}, f"{office.base}/{theirs}/{what}")
        assert answer.status_int == 404
    for path in (
        f"{office.base}/{theirs}",
        f"{office.base}/{theirs}/remove",
        neighbour.base,
        f"{neighbour.base}/{theirs}",
    ):
        page(office.visitor, path, 404)
    assert (
        office.visitor.send(f"{office.base}/{mine}", {"name": "tagen"}, f"{office.base}/{theirs}").status_int
        == 404
    )
    assert "deras" not in office.shown().text and neighbour.names() == ["deras"]


def test_only_who_administers_master_sees_them(world: World, office: Office, runtime: Runtime) -> None:
    school = world.group(office.master, "Skolan")
    head = world.account(school, "rektor@kommun.example", language="en")
    world.administer(school, head)
    visitor = at_the_pages(runtime, head)
    for path in (office.base, "/t/kommun/@@marketplace", f"{office.base}/new/elks"):
        page(visitor, path, 404)
    for name in ("@@channels", "@@marketplace"):
        page(visitor, f"/t/kommun/skolan/{name}", 404)
        page(office.visitor, f"/t/kommun/skolan/{name}", 404)
    assert "@@channels" not in page(visitor, "/t/kommun/skolan/@@settings").text
    assert 'href="/t/kommun/@@channels"' in page(office.visitor, "/t/kommun/@@settings").text


@pytest.mark.parametrize(
    "path",
    [
        "x",
        "new",
        "new/no-such",
        "new/elks/more",
        "@@test",
        NOBODYS,
        f"{NOBODYS}/remove",
        f"{NOBODYS}/x/y",
    ],
)
def test_there_is_nothing_at_other_addresses(office: Office, path: str) -> None:
    page(office.visitor, f"{office.base}/{path}", 404)


def test_why_a_plugin_is_broken_is_the_operators_to_know(world: World, office: Office) -> None:
    plugins = {**load_plugins(), "pigeon": Broken("pigeon", "ImportError: no module named feathers")}
    pool = ProviderPool(plugins, 20, (WAY_OUT, WAY_OUT), OUR_URL, KEYS)
    runtime = replace(office.runtime, providers=pool)
    market = page(office.visitor, "/t/kommun/@@marketplace")
    operator = at_the_pages(runtime, an_operator(world))
    for visitor in (office.visitor, operator):
        market = page(visitor, "/t/kommun/@@marketplace")
        assert "pigeon Cannot be used" in seen(market)
        assert ("feathers" in market.text) == (visitor is operator)
    pool.close()


def test_the_operator_acts_in_the_organisations_channels_and_is_named(
    world: World, office: Office, runtime: Runtime, fake: ElksFake
) -> None:
    channel = office.connect(fake)
    operator = at_the_pages(runtime, an_operator(world))
    answer = operator.send(office.base, {}, f"{office.base}/{channel}/pause")
    assert answer.status_int == 303
    assert world.value("SELECT actor FROM audit_entry WHERE action = 'channel_paused'") == "operator"


def test_the_last_day_is_a_picture_with_the_same_in_words(
    world: World, office: Office, fake: ElksFake, clock: FixedClock
) -> None:
    # ids are made by the real clock
    clock.move(SystemClock().now() - clock.now())
    admin = world.value("SELECT id FROM account WHERE address LIKE 'admin@%'")
    office = replace(office, visitor=at_the_pages(office.runtime, admin))
    channel = office.connect(fake)
    assert (
        "The last 24 hours: no texts." in seen(office.shown()) and 'class="health"' not in office.shown().text
    )
    anna = world.account(office.master, "anna@kommun.example")
    for number in range(5):
        world.submit(anna, [f"+4670174060{number}"], "Hej")
    office.runtime.dispatcher.run(channel, lambda: False)
    assert len(fake.taken) == 5
    world.run(
        "UPDATE message SET status = 'UNDELIVERED' WHERE id IN (SELECT id FROM message ORDER BY id LIMIT 1)"
    )
    text = seen(office.shown())
    assert "4 sent, 1 failed. Most of those that failed, 1, were from" in text
    picture = office.shown().html.find("svg", class_="health")
    assert picture["role"] == "img" and len(picture.find_all("path")) == 5
    says = office.shown().html.find(id=picture["aria-labelledby"])
    assert "4 sent, 1 failed" in says.get_text()
    clock.move(timedelta(hours=25))
    office = replace(office, visitor=at_the_pages(office.runtime, admin))
    assert "The last 24 hours: no texts." in seen(office.shown())


def test_the_list_costs_as_many_statements_for_many_channels_as_for_one(
    office: Office, fake: ElksFake
) -> None:
    def cost() -> int:
        with statements(office.runtime.database.engine) as asked:
            office.shown()
        return len(asked)

    office.connect(fake, "en")
    few = cost()
    for number in range(5):
        office.connect(fake, f"nummer {number}")
    assert few == cost() <= 14
