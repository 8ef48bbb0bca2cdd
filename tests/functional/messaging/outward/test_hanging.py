"""Who hangs holds up nobody else: measured with real sockets, threads and commits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

from messa_platform.core.clock import SystemClock
from messa_platform.messaging.changes import Word, apply
from messa_platform.messaging.outward.push import Pusher
from messa_platform.messaging.outward.settings import PushSettings
from messa_platform.messaging.statuses import Status
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.outside import Outside
from tests.support.receiver import Receiver, a_receiver
from tests.support.world import World

RATE, SECONDS, ENDPOINTS = 200, 5, 50


@contextmanager
def receivers(count: int) -> Iterator[list[Receiver]]:
    with ExitStack() as stack:
        yield [stack.enter_context(a_receiver()) for _ in range(count)]


def feed(world: World, pusher: Pusher, of_account: list[list[UUID]]) -> dict[str, float]:
    """Move messages, one of each account in turn, at `RATE` a second; gives when each was committed."""
    moved: dict[str, float] = {}
    begun = time.monotonic()
    turns = [message for turn in zip(*of_account, strict=True) for message in turn]
    for start in range(0, len(turns), 10):
        time.sleep(max(0.0, begun + start / RATE - time.monotonic()))
        batch = turns[start : start + 10]
        woken: list[str] = []
        with world.database.unit_of_work() as session:
            words = [Word(m, Status.DELIVERED, "", SystemClock().now()) for m in batch]
            apply(session, words, lambda _session, *key, to=woken: to.append(key[-1]))
        moved |= dict.fromkeys(map(str, batch), time.monotonic())
        for endpoint_id in woken:
            pusher.wake(UUID(endpoint_id))
    return moved


def test_one_of_fifty_hangs_and_the_others_are_told_within_seconds(
    world: World, network: Network, outside: Outside
) -> None:
    master: Group = world.tenant()
    each = RATE * SECONDS // ENDPOINTS
    numbers = [f"+4670174{n:04d}" for n in range(each)]
    outside.world.clock.at = SystemClock().now()
    with receivers(ENDPOINTS) as listening:
        listening[0].hang()
        accounts = []
        for n, receiver in enumerate(listening):
            group = world.group(master, f"Grupp {n}")
            accounts.append(world.account(group, f"anna{n}@kommun.example"))
            world.words(accounts[-1], numbers)
            outside.webhook(group, receiver.url())
        waiting = {
            a: [r.id for r in world.rows("SELECT id FROM message WHERE account_id = :a ORDER BY id", a=a)]
            for a in accounts
        }
        pusher = outside.pusher(settings=PushSettings(timeout=3.0))
        pusher._clock = SystemClock()  # type: ignore[misc]
        moved = feed(world, pusher, list(waiting.values()))
        for receiver in listening[1:]:
            receiver.wait_for(each, 10)
        late = [r.at - moved[r.event["data"]["id"]] for receiver in listening[1:] for r in receiver.received]
        listening[0].released.set()
    late.sort()
    print(
        f"\n{len(late)} events at {RATE}/s: median {late[len(late) // 2]:.3f} s, 99 % {late[int(len(late) * 0.99)]:.3f} s,"
        f" worst {late[-1]:.3f} s; the hanging one was asked {len(listening[0].received)} times"
    )
    assert len(late) == (ENDPOINTS - 1) * each
    assert late[-1] < 5
    assert 1 <= len(listening[0].received) <= 5


def test_many_that_hang_leave_threads_for_the_others(
    world: World, network: Network, outside: Outside
) -> None:
    """Half of the threads are kept for those that answer, however many do not."""
    master = world.tenant()
    groups = [world.group(master, f"Grupp {n}") for n in range(20)]
    with receivers(2) as [deaf, well]:
        deaf.hang()
        for group in groups[1:]:
            outside.webhook(group, deaf.url())
        outside.webhook(groups[0], well.url())
        accounts = [world.account(group, f"anna{n}@kommun.example") for n, group in enumerate(groups)]
        pusher = outside.pusher(settings=PushSettings(threads=8, timeout=3.0))
        world.words(accounts[0], ["+46701740100"])
        network.accept()
        outside.tell(pusher)  # it is known to be well
        for account_id in accounts:
            world.words(account_id, [f"+4670174{n:04d}" for n in range(5)])
        network.accept()
        begun = time.monotonic()
        for endpoint_id in outside.due():
            pusher.wake(endpoint_id)
        well.wait_for(6, 3)
        assert time.monotonic() - begun < 2
        assert len(deaf.received) <= 4
        deaf.released.set()
