"""What the operator's page of channels shows, and what it never does (spec X3, X4, O1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id_at
from messa_platform.portal.channels.words import CAN
from messa_platform.providers.base import Capabilities
from messa_platform.providers.elks.fake import KEY, PASSWORD, USER, ElksFake
from messa_platform.providers.http import EVERYTHING
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import Broken, load_plugins
from messa_platform.runtime import Runtime
from tests.functional.portal.operator_channels.conftest import CHANNELS, Desk
from tests.support.observe import statements
from tests.support.operators import at_the_pages, page
from tests.support.portal import seen
from tests.support.providers import KEYS, OUR_URL, WAY_OUT, obedient
from tests.support.visitors import Visitor
from tests.support.world import World

PHONE = "+46701740605"


def wait(world: World, channel: UUID, minutes: int) -> None:
    """Let a text wait for a channel that came so many minutes ago."""
    now = world.clock.now()
    identifier = new_id_at(now - timedelta(minutes=minutes))
    world.run(
        "INSERT INTO dispatch_queue (id, tenant_id, channel_id, remote, local, text, parts, next_attempt_at)"
        " VALUES (:id, :tenant, :channel, :remote, 'Skolan', 'Hej', 1, :now)",
        id=identifier,
        tenant=uuid4(),
        channel=channel,
        remote=PHONE,
        now=now,
    )


def test_the_channels_stand_in_the_order_of_routing_with_what_is_known_of_them(
    desk: Desk, fake: ElksFake, clock: FixedClock
) -> None:
    assert "No channels yet" in seen(desk.page())
    slow = desk.elks(fake, "den långsamma", priority=2, rate=2.5)
    desk.world.channel("simulator", priority=1, enabled=False)
    desk.elks(fake, "den första", priority=-1)
    wait(desk.world, slow, 90)
    wait(desk.world, slow, 5)
    assert desk.order() == ["1. den första", "2. simulator", "3. den långsamma"]
    text = seen(desk.page())
    first, rest = text.partition("2. simulator")[::2]
    second, third = rest.partition("3. den långsamma")[::2]
    assert "In use" in first and "46elks" in first and "No limit" in first and "Waiting texts 0" in first
    assert "Paused" in second and "Resume" in second
    assert "2.5 texts a second" in third and "Waiting texts 2 The oldest since" in third
    assert f":{clock.now() - timedelta(minutes=90):%M}" in third.partition("The oldest since")[2][:30]
    assert f"/providers/{slow}" in third


def test_what_became_of_the_texts_since_yesterday_is_told_by_channel(desk: Desk, fake: ElksFake) -> None:
    channel = desk.elks(fake)
    anna = desk.world.account(desk.world.tenant(), "anna@kommun.example")
    for i in range(3):
        desk.world.submit(anna, [PHONE], f"Hej {i}")
    assert "Yesterday and today QUEUED 3" in seen(desk.page())
    desk.runtime.dispatcher.run(channel, lambda: False)
    assert "Yesterday and today SENT 3" in seen(desk.page())
    desk.world.clock.move(timedelta(days=2))
    again = Desk(
        desk.world,
        desk.runtime,
        at_the_pages(desk.runtime, desk.world.value("SELECT id FROM account WHERE is_operator")),
    )
    assert "Yesterday and today No texts" in seen(again.page())


def test_a_tenants_channel_is_not_among_them_is_told_of_without_its_settings_and_cannot_be_reached(
    desk: Desk, fake: ElksFake
) -> None:
    theirs = desk.elks(fake, "kommunens egen", tenant_id=desk.world.tenant().tenant_id)
    ours = desk.world.channel()
    own, others = seen(desk.page()).split("Channels of organisations", 1)
    assert "kommunens egen" not in own and desk.order() == ["1. simulator"]
    assert "Kommunen kommunens egen 46elks In use The last 24 hours: no texts." in others
    for secret in (USER, PASSWORD, KEY, fake.base):
        assert secret not in desk.page().text
    for form in ("", "test", "pause", "resume", "move", "remove"):
        for channel in (theirs, uuid4(), "x"):
            answer = desk.visitor.send(CHANNELS, {"place": "1"}, f"{CHANNELS}/{channel}/{form}")
            assert answer.status_int == 404
    assert desk.world.value("SELECT enabled FROM channel WHERE id = :id", id=theirs)
    assert desk.visitor.send(CHANNELS, {"place": "x"}, f"{CHANNELS}/{ours}/move").status_int == 404


def test_no_secret_and_no_setting_of_a_channel_is_on_the_page(desk: Desk, fake: ElksFake) -> None:
    sealed = desk.elks(fake)
    bare = desk.world.channel("öppen", plugin="elks", settings=fake.settings())
    for answer in (desk.page(), desk.press(sealed, "test"), desk.press(bare, "test")):
        for secret in (PASSWORD, KEY, USER, fake.base):
            assert secret not in answer.text and secret not in str(answer.request.url)


@pytest.fixture
def marketplace(desk: Desk) -> Iterator[Desk]:
    """A process with the plugins that we ship, a modest one, one that cannot be loaded, and one with a strange home."""
    modest = obedient(
        capabilities=Capabilities(
            alphanumeric_sender=False,
            own_numbers=True,
            receipts=False,
            incoming=False,
            unicode=False,
            idempotent_submit=False,
            max_rate=30,
            countries=frozenset({"SE", "NO"}),
        )
    )
    odd = obedient(about=replace(modest.about, title="Odd", home="javascript:alert(1)"))
    broken = Broken("pigeon", "ImportError: no module named <pigeons>")
    plugins = {**load_plugins(), "modest": modest, "odd": odd, "pigeon": broken}
    pool = ProviderPool(plugins, 20, (WAY_OUT, WAY_OUT), OUR_URL, KEYS)
    runtime = replace(desk.runtime, providers=pool)
    yield Desk(
        desk.world,
        runtime,
        at_the_pages(runtime, desk.world.value("SELECT id FROM account WHERE is_operator")),
    )
    pool.close()


def test_the_plugins_stand_below_with_what_they_can_do_and_the_broken_one_last(marketplace: Desk) -> None:
    answer = marketplace.page()
    cards = [" ".join(card.get_text(" ").split()) for card in answer.html.find("ul", class_="grid")("li")]
    shown = [card for card in cards if "Made by" in card or "Cannot be used" in card]
    assert len(shown) == len(marketplace.runtime.providers.plugins)
    elks = next(card for card in shown if card.startswith("46elks"))
    assert "A Swedish provider with numbers of its own and receipts." in elks
    assert (
        "Sender names Our own numbers as senders Delivery receipts Texts from phones All characters" in elks
    )
    assert (
        "All countries · No price list Made by messa · https://46elks.com" in elks
        and "Takes no text twice" not in elks
    )
    modest = next(card for card in shown if card.startswith("Obedient"))
    assert "Our own numbers as senders At most 30 texts a second Norway, Sweden" in modest
    assert shown[-1] == "pigeon Cannot be used ImportError: no module named <pigeons>"
    assert "&lt;pigeons&gt;" in answer.text and "javascript:alert" not in answer.text


def test_a_channel_of_a_broken_plugin_says_so_and_the_page_holds(marketplace: Desk) -> None:
    for plugin in ("pigeon", "never-installed"):
        channel = marketplace.world.channel(plugin, plugin=plugin)
        answer = marketplace.press(channel, "test")
        assert "The channel cannot be used" in seen(answer)
        assert f"Provider {plugin} Cannot be used" in seen(answer)


@pytest.mark.parametrize(
    "query",
    [
        "state=well&balance=1e%2B9&currency=SEK",
        "state=nothing",
        "state=strange&code=%3Cb%3Ecall+me",
        "tested=%ff",
    ],
)
def test_what_an_address_claims_has_none_of_its_words_on_the_page(desk: Desk, query: str) -> None:
    channel = desk.world.channel()
    answer = page(desk.visitor, f"{CHANNELS}?tested={channel}&{query}")
    assert (
        "call me" not in answer.text and "1e+9" not in answer.text and "The account holds" not in answer.text
    )


def test_the_page_costs_as_many_statements_for_many_channels_as_for_one(desk: Desk) -> None:
    def cost() -> int:
        with statements(desk.runtime.database.engine) as asked:
            answer = desk.page()
        assert len(answer.body) < 100_000
        return len(asked)

    desk.world.channel("den första")
    few = cost()
    for i in range(20):
        wait(desk.world, desk.world.channel(f"nummer {i}"), i)
    assert few == cost() <= 7


def test_it_is_the_operators_alone(desk: Desk, world: World, runtime: Runtime, fake: ElksFake) -> None:
    channel = desk.elks(fake)
    group = world.tenant()
    anna = world.account(group, "anna@kommun.example", totp_since=world.clock.now())
    world.administer(group, anna)
    admin, stranger = at_the_pages(runtime, anna), Visitor(runtime)
    page(admin, CHANNELS, 404)
    page(stranger, CHANNELS, 303)
    for form in ("test", "pause", "resume", "move"):
        address = f"{CHANNELS}/{channel}/{form}"
        assert admin.send("/account", {"place": "1"}, address).status_int == 404
        assert stranger.send("/sign-in", {"place": "1"}, address).status_int == 400
        assert desk.visitor.post(address, {"place": "1"}).status_int == 400  # without the form's token
    assert world.value("SELECT enabled FROM channel") and desk.audited() == []


def test_there_are_words_for_whatever_a_plugin_can_say_that_it_can() -> None:
    switches = {name for name in Capabilities.__slots__ if isinstance(getattr(EVERYTHING, name), bool)}
    assert CAN.keys() == switches


def test_the_operators_other_pages_lead_there(desk: Desk) -> None:
    assert f'href="{CHANNELS}"' in page(desk.visitor, "/operator/tenants").text


def test_how_sessions_stand_is_told_where_there_are_such(desk: Desk) -> None:
    channel = desk.world.channel("operatör", plugin="smpp", settings={})
    assert "No process of ours holds any." in seen(desk.page())
    row = {
        "channel": channel,
        "holder": new_id_at(desk.world.clock.now()),
        "until": desk.world.clock.now() + timedelta(seconds=8),
    }
    desk.world.run(
        "INSERT INTO connector_lease (channel_id, holder, until, up, wanted, fault) VALUES (:channel, :holder, :until, 1, 2, 'ESME_RALYBND')",
        **row,
    )
    assert "1 of 2 (ESME_RALYBND)" in seen(desk.page())
