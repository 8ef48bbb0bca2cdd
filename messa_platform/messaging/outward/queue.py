"""What waits to be told: which endpoints have something due, and the claiming of it.

A failing endpoint is paused as a whole. When its pause is over one delivery is claimed, the *probe*, and the pause is drawn out until the
probe's lease ends: so it is the only one, whatever number of processes push. The others wait for what becomes of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, func, text
from sqlalchemy.orm import Session

from messa_platform.core.work import OPEN_SQL, Claim, WorkQueue, pauses
from messa_platform.messaging.outward.models import EndpointKind, EventDelivery

DELIVERY = cast(Table, EventDelivery.__table__)

LEASE = timedelta(seconds=60)
"""Longer than any request may take, with the writing of what came of it."""
PAUSES = {
    # three days in all
    EndpointKind.WEBHOOK: pauses(5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 86_400),
    # 24 hours in all (spec A3)
    EndpointKind.API_URL: pauses(5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800),
}
"""Between the tries of a delivery, and between those of an endpoint that fails."""
QUEUES = {kind: WorkQueue("event_delivery", DELIVERY, LEASE, waits) for kind, waits in PAUSES.items()}


@dataclass(frozen=True, slots=True)
class Taken:
    """A claimed delivery and its endpoint's row. `is_probe`: the endpoint was failing."""

    claim: Claim
    endpoint: Row[Any]
    is_probe: bool

    @property
    def kind(self) -> EndpointKind:
        """How the endpoint is told."""
        return EndpointKind(self.endpoint.kind)


_READY = "e.state = 'active' AND (e.paused_until IS NULL OR e.paused_until <= :now)"
# A loose index scan: one step for each endpoint, whatever number of deliveries that is.
WAITING = (
    f"WITH RECURSIVE waiting AS ((SELECT endpoint_id FROM event_delivery WHERE {OPEN_SQL} ORDER BY endpoint_id LIMIT 1) UNION ALL"
    f" SELECT (SELECT d.endpoint_id FROM event_delivery d WHERE d.{OPEN_SQL} AND d.endpoint_id > w.endpoint_id ORDER BY d.endpoint_id LIMIT 1)"
    " FROM waiting w WHERE w.endpoint_id IS NOT NULL)"
)
"""In SQL: the endpoints for which something is open, and NULL behind them, as `waiting (endpoint_id)`."""
_DUE_ENDPOINTS = text(
    f"{WAITING} SELECT e.id FROM waiting w JOIN event_endpoint e ON e.id = w.endpoint_id WHERE {_READY} AND EXISTS (SELECT FROM event_delivery d"
    f" WHERE d.endpoint_id = e.id AND d.{OPEN_SQL} AND d.next_attempt_at <= :now)"
)


def due_endpoints(session: Session, now: datetime) -> list[UUID]:
    """The endpoints for which something is due, and which are to be told now."""
    return list(session.execute(_DUE_ENDPOINTS, {"now": now}).scalars())


# A value and not NOT EXISTS, which would be made a join with all that waits, however little is wanted of it.
_CHOOSE = text(
    "SELECT due.id AS delivery_id, e.id, e.tenant_id, e.kind, e.url, e.secret, e.old_secret, e.old_secret_until, e.failures"
    " FROM unnest(CAST(:endpoints AS uuid[]), CAST(:rooms AS int[])) AS wanted (endpoint_id, room)"
    " JOIN event_endpoint e ON e.id = wanted.endpoint_id CROSS JOIN LATERAL (SELECT q.id FROM event_delivery q"
    f" WHERE q.endpoint_id = e.id AND q.{OPEN_SQL} AND q.next_attempt_at <= :now AND q.id = coalesce((SELECT b.id FROM event_delivery b"
    f" WHERE b.endpoint_id = q.endpoint_id AND b.message_id = q.message_id AND b.{OPEN_SQL} ORDER BY b.id LIMIT 1), q.id)"
    " ORDER BY q.next_attempt_at, q.id LIMIT CASE WHEN e.failures > 0 THEN 1 ELSE wanted.room END) due"
    f" WHERE {_READY}"
)
# Two who want to probe come one after the other, and the second finds it paused.
_PROBE = text(
    f"UPDATE event_endpoint e SET paused_until = :until WHERE e.id = ANY(CAST(:ids AS uuid[])) AND {_READY} RETURNING e.id"
)


def claim(session: Session, now: datetime, rooms: Mapping[UUID, int]) -> list[Taken]:
    """Claim what is due of endpoints, up to so many each. Of one message an endpoint gets the earliest alone."""
    asked = {"endpoints": list(rooms), "rooms": list(rooms.values()), "now": now}
    chosen = {row.delivery_id: row for row in session.execute(_CHOOSE, asked)}
    failing = {row.id for row in chosen.values() if row.failures}
    lost = failing - _probes(session, now, failing) if failing else set()
    ids = [i for i, row in chosen.items() if row.id not in lost]
    if not ids:
        return []
    # which of the two queues does not matter here: they differ in their pauses
    claims = QUEUES[EndpointKind.WEBHOOK].claim(session, now, len(ids), DELIVERY.c.id == func.any(ids))
    return [Taken(c, chosen[c.id], chosen[c.id].failures > 0) for c in claims]


def _probes(session: Session, now: datetime, failing: Collection[UUID]) -> set[UUID]:
    """Those failing endpoints that are ours to probe."""
    parameters = {"ids": sorted(failing), "now": now, "until": now + LEASE}
    return set(session.execute(_PROBE, parameters).scalars())
