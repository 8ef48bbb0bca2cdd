"""An endpoint for which very much waits costs the others nothing."""

from __future__ import annotations

import time

from messa_platform.messaging.outward import queue
from tests.support.network import Network
from tests.support.outside import Outside
from tests.support.receiver import Receiver
from tests.support.world import World

WAITING = 100_000
_WAIT = (
    "INSERT INTO event_delivery (id, tenant_id, endpoint_id, type, message_id, at, next_attempt_at)"
    " SELECT gen_random_uuid(), :tenant, :endpoint, 'message.sent', gen_random_uuid(), :now, :now FROM generate_series(1, :many)"
)


def test_a_claim_takes_no_longer_when_a_hundred_thousand_events_wait(
    world: World, network: Network, outside: Outside, receiver: Receiver
) -> None:
    master = world.tenant()
    ids = [outside.webhook(master, receiver.url()).endpoint.id for _ in range(10)]
    for n, endpoint_id in enumerate(ids):
        parameters = {"tenant": master.tenant_id, "endpoint": endpoint_id, "now": world.clock.now()}
        world.run(_WAIT, **parameters, many=10 if n else WAITING)
    for statistics in ("none", "fresh"):
        if statistics == "fresh":
            world.run("ANALYZE event_delivery")
        took = []
        for _ in range(5):
            with world.database.unit_of_work() as session:
                session.connection()
                begun = time.perf_counter()
                assert len(queue.due_endpoints(session, world.clock.now())) == 10
                assert len(queue.claim(session, world.clock.now(), dict.fromkeys(ids, 1))) == 10
                took.append(time.perf_counter() - begun)
        print(f"\nwith {statistics} statistics: due and claim in {min(took) * 1000:.1f} ms")
        assert min(took) < 0.1
