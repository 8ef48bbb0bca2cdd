"""A tenant's own channel carries its texts and nobody else's, and what comes in by it reaches nobody else (issue 7, line 6)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.core.work import WorkState
from messa_platform.messaging import removed_channels
from messa_platform.messaging.dispatch import due_channels
from messa_platform.providers.callback_channels import FRESH
from messa_platform.providers.elks.fake import ElksFake
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.secrets import divide
from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.functional.portal.tenants_channels.conftest import Office
from tests.support.visitors import Visitor
from tests.support.world import World

OWNERS = ("kommun", "annan", "plattformen")


class Network:
    """Two organisations with channels of their own, and the platform's; each leads to a fake of its own, which shows what came by it."""

    def __init__(self, world: World, runtime: Runtime, groups: dict[str, Group], stack: ExitStack) -> None:
        self.world, self.runtime, self.groups = world, runtime, groups
        self.accounts = {name: world.account(group, f"anna@{name}.example") for name, group in groups.items()}
        self.fakes: dict[UUID, tuple[str, ElksFake]] = {}
        for owner in OWNERS:
            for number in range(2):
                fake = ElksFake()
                stack.enter_context(fake.running())
                kept = divide(runtime.keys, ElksProvider, fake.settings())
                tenant = groups[owner].tenant_id if owner in groups else None
                channel = world.channel(
                    f"väg {number}", plugin="elks", settings=kept.plain, sealed=kept.sealed, tenant_id=tenant
                )
                self.fakes[channel] = owner, fake
        self.count = 0

    def channels(self, owner: str) -> list[UUID]:
        return [channel for channel, (whose, _) in self.fakes.items() if whose == owner]

    def submit(self, tenant: str) -> None:
        self.count += 1
        self.world.submit(self.accounts[tenant], [f"+4670174{self.count:04d}"], f"från {tenant}")

    def work(self) -> None:
        """As the sweeper does it: whatever is due, by every channel."""
        for _ in range(3):
            with self.world.database.unit_of_work() as session:
                due = due_channels(session, self.world.clock.now())
            for channel in due:
                self.runtime.dispatcher.run(channel, lambda: False)

    def carried(self) -> dict[str, set[str]]:
        """Whose texts each owner's channels have carried."""
        found: dict[str, set[str]] = {owner: set() for owner in OWNERS}
        for owner, fake in self.fakes.values():
            found[owner] |= {taken.text.removeprefix("från ") for taken in fake.taken}
        return found

    def is_apart(self) -> None:
        carried = self.carried()
        assert carried["kommun"] <= {"kommun"} and carried["annan"] <= {"annan"}, carried
        by_channel = self.world.rows(
            "SELECT count(*) AS n FROM message m JOIN channel c ON c.id = m.channel_id"
            " WHERE c.tenant_id IS NOT NULL AND c.tenant_id <> m.tenant_id"
        )
        assert by_channel[0].n == 0


@pytest.fixture
def network(world: World, runtime: Runtime, office: Office, neighbour: Office) -> Iterator[Network]:
    with ExitStack() as stack:
        yield Network(world, runtime, {"kommun": office.master, "annan": neighbour.master}, stack)


def test_each_ones_texts_leave_by_its_own_and_by_the_platforms_if_need_be(network: Network) -> None:
    network.submit("kommun")
    network.submit("annan")
    network.work()
    assert network.carried() == {"kommun": {"kommun"}, "annan": {"annan"}, "plattformen": set()}
    network.world.run("UPDATE channel SET enabled = false WHERE tenant_id IS NOT NULL")
    network.submit("kommun")
    network.submit("annan")
    network.work()
    assert network.carried()["plattformen"] == {"kommun", "annan"}
    network.is_apart()


def test_without_any_way_of_its_own_or_the_platforms_a_text_waits_beside_others_open_channels(
    network: Network,
) -> None:
    mine = network.groups["kommun"].tenant_id
    network.submit("kommun")
    network.world.run(
        "UPDATE channel SET enabled = false WHERE tenant_id IS NULL OR tenant_id = :mine", mine=mine
    )
    network.work()
    assert network.carried() == {owner: set() for owner in OWNERS}
    assert network.world.value("SELECT count(*) FROM dispatch_queue") == 1


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_to_channels_nobodys_texts_leave_by_anothers(
    network: Network, office: Office, neighbour: Office, seed: int
) -> None:
    chance, world = random.Random(seed), network.world
    offices = {"kommun": office, "annan": neighbour}
    for _ in range(40):
        owner = chance.choice(OWNERS)
        channel = chance.choice(network.channels(owner))
        match chance.randrange(8):
            case 0 | 1 | 2:
                network.submit(chance.choice(("kommun", "annan")))
            case 3:
                world.run(
                    "UPDATE channel SET enabled = removed_at IS NULL AND NOT enabled WHERE id = :id",
                    id=channel,
                )
            case 4:
                probe = world.clock.now() + timedelta(hours=1)
                world.run(
                    "UPDATE channel SET breaker = 'open', probe_at = :at WHERE id = :id", at=probe, id=channel
                )
            case 5:
                world.run("UPDATE channel SET breaker = 'closed' WHERE id = :id", id=channel)
            case 6 if owner in offices and chance.random() < 0.4:
                offices[owner].visitor.send(
                    offices[owner].base, {}, f"{offices[owner].base}/{channel}/remove"
                )
            case _:
                network.work()
    world.run("UPDATE channel SET enabled = true, breaker = 'closed' WHERE removed_at IS NULL")
    network.work()
    network.is_apart()
    sent = sum(len(fake.taken) for _, fake in network.fakes.values())
    assert sent == network.count  # each left, once
    assert world.value("SELECT count(*) FROM dispatch_queue") == 0


# What comes in


def called(office: Office, channel: UUID, path: str, key: str, **fields: str) -> TestResponse:
    """The provider, or whoever has its key, calls us."""
    address = f"/providers/{channel}/{path}?{urlencode({'key': key})}"
    return Visitor(office.runtime).post(address, fields)


def test_texts_by_a_tenants_channel_reach_that_tenants_numbers_alone(
    world: World, office: Office, neighbour: Office, fake: ElksFake
) -> None:
    world.numbers()
    numbers = {}
    theirs = neighbour.connect(fake, "deras")
    mine = office.connect(fake, "min")
    for whose in (office, neighbour):
        world.set(whose.master, Key.MAY_RECEIVE, True)
        account = world.account(whose.master, f"anna@{whose.slug}.example")
        world.submit(account, ["+46701740605"], "Hej")
        numbers[whose.slug] = world.value("SELECT msisdn FROM number WHERE account_id = :id", id=account)
    key = office.kept("min")["callback_key"]
    text = {"direction": "incoming", "from": "+46701740605", "created": "2026-11-27T10:11:12.000000"}
    for number, (slug, word) in enumerate((("kommun", "Tack"), ("annan", "STOP"))):
        answer = called(
            office, mine, "incoming", key, id=f"i{number}", to=numbers[slug], message=word, **text
        )
        assert answer.status_int == 200
    rows = world.rows("SELECT tenant_id, text, thread_id FROM message WHERE direction = 'in' ORDER BY id")
    assert (rows[0].tenant_id, rows[0].text) == (office.master.tenant_id, "Tack")
    assert rows[1].tenant_id not in (office.master.tenant_id, neighbour.master.tenant_id)
    assert rows[1].thread_id is None
    assert world.value("SELECT count(*) FROM opt_out") == 0  # nobody blocks another's numbers
    assert called(office, theirs, "incoming", key, id="i9", to="+1", message="x", **text).status_int == 403


def test_receipts_by_a_tenants_channel_change_nothing_of_anothers(
    world: World, office: Office, neighbour: Office, fake: ElksFake
) -> None:
    theirs, mine = neighbour.connect(fake, "deras"), office.connect(fake, "min")
    world.submit(world.account(neighbour.master, "anna@annan.example"), ["+46701740605"], "Hej")
    office.runtime.dispatcher.run(theirs, lambda: False)
    reference = fake.taken[0].references[0]
    told = {"id": reference, "status": "delivered", "delivered": "2026-11-27T10:11:12.000000"}
    called(office, mine, "receipts", office.kept("min")["callback_key"], **told)
    assert world.value("SELECT status FROM message") == "SENT"
    called(office, theirs, "receipts", neighbour.kept("deras")["callback_key"], **told)
    assert world.value("SELECT status FROM message") == "DELIVERED"


def test_receipts_of_a_removed_channel_are_taken_for_thirty_days(
    world: World, office: Office, fake: ElksFake
) -> None:
    channel = office.connect(fake)
    key = office.kept("46elks")["callback_key"]
    for number in range(2):
        world.submit(world.account(office.master, f"p{number}@kommun.example"), ["+46701740605"], "Hej")
    office.runtime.dispatcher.run(channel, lambda: False)
    office.press(channel, "remove")
    statuses = []
    for days, taken in zip((29, 2), fake.taken, strict=True):
        world.clock.move(timedelta(days=days))
        time.sleep(FRESH)  # a process knows its channels for so long
        told = {"id": taken.references[0], "status": "delivered", "delivered": "2026-11-27T10:11:12.000000"}
        statuses.append(called(office, channel, "receipts", key, **told).status_int)
    assert statuses == [200, 404]
    assert sorted(row.status for row in world.rows("SELECT status FROM message")) == ["DELIVERED", "SENT"]


def test_what_waits_for_a_removed_channel_moves_and_what_is_in_doubt_stays_unconfirmed(
    world: World, office: Office, fake: ElksFake, runtime: Runtime
) -> None:
    channel, spare = office.connect(fake), world.channel()
    anna = world.account(office.master, "anna@kommun.example")
    for number in range(2):
        world.submit(anna, [f"+4670174060{number}"], "Hej")
    now = world.clock.now()
    world.run(
        "UPDATE dispatch_queue SET state = :leased, next_attempt_at = :until WHERE id = (SELECT min(id::text)::uuid FROM dispatch_queue)",
        leased=WorkState.LEASED.value,
        until=now + timedelta(minutes=1),
    )
    office.press(channel, "remove")
    runtime.dispatcher.run(channel, lambda: False)
    assert fake.taken == []
    ways = world.rows("SELECT channel_id, state FROM dispatch_queue ORDER BY id")
    assert [(row.channel_id, row.state) for row in ways] == [(channel, "leased"), (spare, "ready")]
    for minutes, settled in ((0, 0), (2, 1), (0, 0)):
        world.clock.move(timedelta(minutes=minutes))
        with world.database.unit_of_work() as session:
            assert removed_channels.settle(session, world.clock.now()) == settled
    assert world.rows("SELECT status FROM message ORDER BY id")[0].status == "UNCONFIRMED"
    assert [row.channel_id for row in world.rows("SELECT channel_id FROM dispatch_queue")] == [spare]
