"""Channels are connected, changed and removed, each owner's apart from all others' (providers/connect.py, providers/channels.py)."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core import outbound
from messa_platform.core.destinations import PRIVATE
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.providers import channels
from messa_platform.providers.channels import PLATFORM, Outcome, Owner
from messa_platform.providers.connect import MOST, ChannelOffice, Connected, NoSuch, Refused, TooMany, Wish
from messa_platform.providers.elks.fake import KEY, PASSWORD, USER
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.given_settings import Fault, Given, Wrong
from messa_platform.providers.jasmin.plugin import JasminProvider
from messa_platform.providers.kannel.plugin import KannelProvider
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import Broken, Plugin
from messa_platform.providers.secrets import whole
from messa_platform.providers.simulator.plugin import SimulatorProvider
from messa_platform.providers.smpp.plugin import SmppProvider
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.api_users.users import Conflict
from messa_platform.tenants.audit import Author
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import place_of
from tests.support.providers import KEYS, OUR_URL
from tests.support.world import World

OPERATOR = Author(Actor.OPERATOR)
PLUGINS: dict[str, Plugin | Broken] = {
    "elks": ElksProvider,
    "kannel": KannelProvider,
    "jasmin": JasminProvider,
    "simulator": SimulatorProvider,
    "smpp": SmppProvider,
}
PUBLIC = "https://api.46elks.com"
ELSEWHERE = {"api.46elks.com": "8.8.8.8", "inside.example": "10.0.0.7", "gateway.internal": "192.168.7.7"}


def look_up(host: str, _port: int) -> list[str]:
    """A DNS that knows three names, and addresses."""
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    if host not in ELSEWHERE:
        raise OSError(host)
    return [ELSEWHERE[host]]


@pytest.fixture
def channel_office() -> Iterator[ChannelOffice]:
    """As in production: tenants' channels reach public addresses by https, the platform's a gateway of its own, too."""
    settings = OutboundSettings(channels=PRIVATE[3:4])
    ways = (
        Outbound(settings, resolve=look_up, admitted=settings.channels),
        Outbound(settings, resolve=look_up),
    )
    pool = ProviderPool(PLUGINS, 5, ways, OUR_URL, KEYS)
    turns = itertools.count(1)
    yield ChannelOffice(pool, KEYS, ways, lambda: f"a-key-that-was-made-{next(turns)}")
    pool.close()


def owner_of(world: World, master: Group) -> Owner:
    with world.database.unit_of_work() as session:
        return Owner(place_of(session, master.tenant_id, master.id))


def elks(name: str = "46elks", **changes: Any) -> Wish:
    return Wish(name, Given({"username": USER, "password": PASSWORD, **changes}))


class Office:
    """Somebody who looks after an owner's channels."""

    def __init__(self, world: World, channel_office: ChannelOffice, owner: Owner, author: Author) -> None:
        self.world, self.channel_office, self.owner, self.author = world, channel_office, owner, author

    def connect(self, wish: Wish, plugin: str = "elks") -> Any:
        with self.world.database.unit_of_work() as session:
            now = self.world.clock.now()
            return self.channel_office.connect(session, now, self.author, self.owner, plugin, wish)

    def connected(self, name: str = "46elks") -> UUID:
        done = self.connect(elks(name))
        assert isinstance(done, Connected), done
        return done.channel.id

    def change(self, channel: UUID, version: int | None, wish: Wish) -> Any:
        with self.world.database.unit_of_work() as session:
            now = self.world.clock.now()
            return self.channel_office.change(
                session, now, self.author, self.owner, channel, version, lambda _: wish
            )

    def do(self, what: Any, channel: UUID, *more: Any) -> Any:
        with self.world.database.unit_of_work() as session:
            return what(session, self.world.clock.now(), self.author, channel, *more, self.owner)

    def names(self) -> list[str]:
        with self.world.database.unit_of_work() as session:
            return [channel.name for channel in channels.own(session, self.owner)]

    def kept(self, channel: UUID) -> dict[str, Any]:
        row = self.world.rows("SELECT settings, sealed FROM channel WHERE id = :id", id=channel)[0]
        return whole(KEYS, row.settings, bytes(row.sealed))


@pytest.fixture
def tenant(world: World, channel_office: ChannelOffice) -> Office:
    master = world.tenant()
    return Office(world, channel_office, owner_of(world, master), world.author(master))


@pytest.fixture
def other(world: World, channel_office: ChannelOffice) -> Office:
    master = world.tenant("annan", "Annan kommun")
    return Office(world, channel_office, owner_of(world, master), world.author(master))


@pytest.fixture
def platform(world: World, channel_office: ChannelOffice) -> Office:
    return Office(world, channel_office, PLATFORM, OPERATOR)


def audited(world: World) -> list[tuple[Any, ...]]:
    rows = world.rows(
        "SELECT tenant_id, group_id, action, subject, before, after FROM audit_entry WHERE action LIKE 'channel%' ORDER BY id"
    )
    return [tuple(row) for row in rows]


def test_a_channel_is_connected_last_with_a_key_of_ours_and_its_secrets_sealed(
    world: World, tenant: Office
) -> None:
    tenant.connected("den första")
    done = tenant.connect(elks("  den   andra "))
    assert isinstance(done, Connected)
    assert done.made == {"callback_key": "a-key-that-was-made-2"}
    assert tenant.names() == ["den första", "den andra"]
    row = world.rows("SELECT * FROM channel WHERE id = :id", id=done.channel.id)[0]
    assert row.settings == {"username": USER} and PASSWORD.encode() not in bytes(row.sealed)
    assert tenant.kept(done.channel.id)["password"] == PASSWORD
    assert "alphanumeric_sender" in row.capabilities and row.countries == []
    master = tenant.owner.master
    assert master is not None
    assert audited(world)[-1] == (
        master.tenant_id, master.id, "channel_added", "den andra", None,
        {"plugin": "elks", "settings": ["callback_key", "password", "username"]},
    )  # fmt: skip


def test_names_are_apart_for_each_owner_and_taken_within_one(
    tenant: Office, other: Office, platform: Office
) -> None:
    for office in (tenant, other, platform):
        office.connected("46elks")
        again = office.connect(elks("46elks"))
        assert again == Refused({"name": Fault(Wrong.TAKEN)})
    second = tenant.connected("reserv")
    assert tenant.change(second, 1, elks("46elks")) == Refused({"name": Fault(Wrong.TAKEN)})
    assert tenant.do(channels.remove, second) is Outcome.DONE
    tenant.connected("reserv")


def test_nobody_sees_or_changes_what_is_anothers(tenant: Office, other: Office, platform: Office) -> None:
    theirs, ours, the_platforms = other.connected(), tenant.connected(), platform.connected()
    for office, strange in ((tenant, theirs), (tenant, the_platforms), (platform, ours), (other, ours)):
        assert office.do(channels.pause, strange) is Outcome.GONE
        assert office.do(channels.move, strange, 1) is Outcome.GONE
        assert office.do(channels.remove, strange) is Outcome.GONE
        assert office.change(strange, None, elks("min")) == NoSuch()
        with office.world.database.unit_of_work() as session:
            assert channels.line_of(session, strange, office.owner) is None
            assert office.channel_office.settings_of(session, strange, office.owner) is None
    assert [office.names() for office in (tenant, other, platform)] == [["46elks"]] * 3


def test_who_is_no_admin_any_more_changes_nothing(world: World, tenant: Office) -> None:
    channel = tenant.connected()
    world.dismiss(tenant.author)
    assert tenant.connect(elks("en till")) == NotAdmin()
    assert tenant.change(channel, 1, elks("annat namn")) == NotAdmin()
    for what in (channels.pause, channels.remove):
        assert tenant.do(what, channel) == NotAdmin()
    assert tenant.names() == ["46elks"]


@pytest.mark.parametrize(
    ("plugin", "given", "faults"),
    [
        ("elks", {}, {"password": Fault(Wrong.MISSING), "username": Fault(Wrong.MISSING)}),
        ("elks", {"username": " ", "password": PASSWORD}, {"username": Fault(Wrong.MISSING)}),
        ("elks", {"username": USER, "password": "rad\nbryt"}, {"password": Fault(Wrong.PATTERN)}),
        ("elks", {"username": "x" * 3000, "password": "p"}, {"username": Fault(Wrong.TOO_LONG, 2000)}),
        ("elks", {"username": USER, "password": PASSWORD, "passwrod": "x"}, {"passwrod": Fault(Wrong.UNKNOWN)}),
        ("elks", {"username": USER, "password": PASSWORD, "callback_key": "kort"}, {"callback_key": Fault(Wrong.TOO_SHORT, 16)}),
        ("jasmin", {"username": USER, "password": PASSWORD, "url": PUBLIC, "alphabet": "klingon"}, {"alphabet"}),
        ("kannel", {"username": USER, "password": PASSWORD, "url": PUBLIC, "priority": "9"}, {"priority": Fault(Wrong.TOO_LARGE, 3)}),
        ("kannel", {"username": USER, "password": PASSWORD, "url": PUBLIC, "priority": "hög"}, {"priority": Fault(Wrong.NO_NUMBER)}),
    ],
)  # fmt: skip
def test_each_fault_is_told_at_its_setting_and_nothing_is_stored(
    world: World, tenant: Office, plugin: str, given: dict[str, str], faults: Any
) -> None:
    done = tenant.connect(Wish("kanalen", Given(given)), plugin)
    assert isinstance(done, Refused) and not done.own
    assert done.settings == faults or done.settings.keys() == faults
    assert PASSWORD not in repr(done)
    assert world.rows("SELECT FROM channel") == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.46elks.com", outbound.Fault.NOT_HTTPS),
        ("https://inside.example", outbound.Fault.INTERNAL),
        ("https://gateway.internal", outbound.Fault.INTERNAL),
        ("https://127.0.0.1:8443", outbound.Fault.INTERNAL),
        ("https://[::ffff:10.0.0.1]/", outbound.Fault.INTERNAL),
        ("https://169.254.169.254/latest", outbound.Fault.INTERNAL),
        ("https://api.46elks.com:5432", outbound.Fault.PORT),
        ("https://nobody.example", outbound.Fault.UNKNOWN_HOST),
        ("api.46elks.com", outbound.Fault.BAD_URL),
        ("ftp://api.46elks.com", outbound.Fault.BAD_URL),
    ],
)
def test_a_tenants_channel_leads_to_public_servers_by_https_alone(
    tenant: Office, url: str, reason: outbound.Fault
) -> None:
    assert tenant.connect(elks(url=url)).settings == {"url": Fault(Wrong.ADDRESS, reason=reason)}
    channel = tenant.connected()
    changed = tenant.change(channel, 1, elks(url=url))
    assert changed.settings == {"url": Fault(Wrong.ADDRESS, reason=reason)}
    assert isinstance(tenant.connect(elks("rätt", url="https://api.46elks.com/")), Connected)


def test_the_platforms_channel_may_lead_to_its_own_gateway(platform: Office) -> None:
    gateway = Wish(
        "kannel", Given({"url": "http://gateway.internal:13013", "username": "m", "password": "p"})
    )
    assert isinstance(platform.connect(gateway, "kannel"), Connected)
    inside = Wish("inne", Given({"url": "http://inside.example:1", "username": "m", "password": "p"}))
    assert platform.connect(inside, "kannel").settings.keys() == {"url"}


def test_a_plugin_that_opens_connections_by_itself_is_not_for_tenants(
    tenant: Office, platform: Office
) -> None:
    wish = Wish("simulatorn", Given({"host": "10.0.0.1", "secret": "hemligt nog"}))
    assert tenant.connect(wish, "simulator") == NoSuch()
    assert tenant.connect(wish, "no-such") == NoSuch()
    assert isinstance(platform.connect(wish, "simulator"), Connected)


@pytest.mark.parametrize(
    ("host", "port", "faults"),
    [
        ("inside.example", 2775, {"host": outbound.Fault.INTERNAL}),
        ("127.0.0.1", 2775, {"host": outbound.Fault.INTERNAL}),
        ("nobody.example", 2775, {"host": outbound.Fault.UNKNOWN_HOST}),
        ("api.46elks.com", 5432, {"port": outbound.Fault.PORT}),
        ("api.46elks.com", 3550, {}),
    ],
)
def test_a_tenants_sessions_are_held_with_public_servers_at_their_ports_alone(
    tenant: Office, host: str, port: int, faults: dict[str, outbound.Fault]
) -> None:
    given = Given({"host": host, "port": str(port), "system_id": "messa", "password": "hemligt"})
    done = tenant.connect(Wish("smpp", given), "smpp")
    found = {name: fault.reason for name, fault in done.settings.items()} if isinstance(done, Refused) else {}
    assert found == faults and isinstance(done, Refused) == bool(faults)


def test_a_secret_that_is_left_empty_stays_and_a_key_is_made_anew_when_asked(
    world: World, tenant: Office
) -> None:
    channel = tenant.connected()
    world.run("UPDATE channel SET breaker = 'open', failing = 9, openings = 2, probe_at = now()")
    wish = Wish("nytt namn", Given({"username": "u2", "password": "", "url": ""}), 2.5)
    done = tenant.change(channel, 1, wish)
    assert done.made == {} and (done.channel.version, done.channel.rate) == (2, 2.5)
    assert tenant.kept(channel) == {
        "username": "u2", "password": PASSWORD, "callback_key": "a-key-that-was-made-1",
    }  # fmt: skip
    row = world.rows("SELECT breaker, failing, openings, probe_at FROM channel")[0]
    assert tuple(row) == ("closed", 0, 0, None)  # what it knew was of the settings before
    assert audited(world)[-1][2:] == (
        "channel_changed", "nytt namn", {"name": "46elks", "rate": None},
        {"name": "nytt namn", "rate": 2.5, "settings": ["username"]},
    )  # fmt: skip
    renewed = tenant.change(
        channel, 2, Wish("nytt namn", Given({"username": "u2"}, renew=frozenset({"callback_key"})), 2.5)
    )
    assert renewed.made == {"callback_key": "a-key-that-was-made-2"}
    assert tenant.kept(channel)["callback_key"] == "a-key-that-was-made-2"


def test_what_was_changed_by_somebody_else_is_not_overwritten(world: World, tenant: Office) -> None:
    channel = tenant.connected()
    assert isinstance(tenant.change(channel, 1, elks("deras")), Connected)
    assert tenant.change(channel, 1, elks("mitt")) == Conflict(2)
    assert tenant.names() == ["deras"]
    entries = len(audited(world))
    assert isinstance(tenant.change(channel, 2, elks("deras")), Connected)
    assert len(audited(world)) == entries  # nothing changed, nothing is told


def test_secrets_sealed_with_a_lost_key_are_given_anew(world: World, tenant: Office) -> None:
    channel = tenant.connected()
    world.run("UPDATE channel SET sealed = 'lost'")
    assert tenant.change(channel, 1, Wish("46elks", Given({"username": USER}))).settings.keys() == {
        "password"
    }
    assert isinstance(tenant.change(channel, 1, elks(callback_key=KEY)), Connected)
    assert tenant.kept(channel)["callback_key"] == KEY


def test_an_owner_has_so_many_channels_and_no_more(tenant: Office, other: Office) -> None:
    for number in range(MOST):
        tenant.connected(f"nummer {number}")
    assert tenant.connect(elks("en till")) == TooMany()
    other.connected()


def test_names_and_rates_that_cannot_be_are_told(tenant: Office) -> None:
    given = Given({"username": USER, "password": PASSWORD})
    assert tenant.connect(Wish(" ", given)).own == {"name": Fault(Wrong.MISSING)}
    assert tenant.connect(Wish("x" * 61, given)).own == {"name": Fault(Wrong.TOO_LONG, 60)}
    assert tenant.connect(Wish("x", given, 0.0)).own == {"rate": Fault(Wrong.NO_NUMBER)}
    assert tenant.connect(Wish("x", given, float("nan"))).own == {"rate": Fault(Wrong.NO_NUMBER)}
    assert tenant.connect(Wish("x", given, 1e9)).own == {"rate": Fault(Wrong.TOO_LARGE, 10_000.0)}


def test_the_order_is_each_owners_own(tenant: Office, other: Office, platform: Office) -> None:
    for office in (tenant, other, platform):
        for name in "abc":
            office.connected(name)
    last = tenant.world.value(
        "SELECT id FROM channel WHERE name = 'c' AND tenant_id = :id", id=tenant.owner.tenant_id
    )
    assert tenant.do(channels.move, last, 1) is Outcome.DONE
    assert tenant.names() == ["c", "a", "b"]
    assert other.names() == platform.names() == ["a", "b", "c"]


def test_what_is_removed_keeps_its_row_and_lets_go_of_its_secrets_after_thirty_days(
    world: World, tenant: Office
) -> None:
    channel = tenant.connected()
    assert tenant.do(channels.remove, channel) is Outcome.DONE
    assert tenant.do(channels.remove, channel) is Outcome.GONE
    assert tenant.do(channels.resume, channel) is Outcome.GONE
    assert tenant.names() == []
    for days, has_secrets in ((29, True), (2, False)):
        world.clock.move(timedelta(days=days))
        with world.database.unit_of_work() as session:
            channels.forget_removed(session, world.clock.now())
        row = world.rows("SELECT enabled, settings, sealed FROM channel")[0]
        assert not row.enabled and (row.sealed is not None, bool(row.settings)) == (has_secrets, has_secrets)
