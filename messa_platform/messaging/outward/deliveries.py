"""What an endpoint was told: the latest deliveries with their attempts, one sent again, a test (spec A3, V6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.core.work import WorkState
from messa_platform.messaging.outward.endpoints import IN_GROUP, EndpointRow, Refusal, Undone, held
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import EndpointState
from messa_platform.messaging.outward.note import PUSH_ACTOR, Push
from messa_platform.tenants.audit import Author
from messa_platform.tenants.places import Place

MOST = 50
"""Deliveries that a list shows at once."""
LOOKED_THROUGH = 100
"""Deliveries to a webhook, the latest, among which its last failure is looked for."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: the HTTP `status` that came, or the `fault` (see `core.outbound.Fault`) that kept one from coming."""

    at: datetime
    status: int | None
    fault: str | None
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint, or there. `id` is the `webhook-id`. One that is open is tried next at `next_attempt_at`, or
    later if its endpoint is paused; one that is parked was tried as often as it is."""

    id: UUID
    endpoint_id: UUID
    type: EventType
    message_id: UUID | None
    status: str
    code: str
    at: datetime
    state: WorkState
    attempts: int
    next_attempt_at: datetime
    finished_at: datetime | None
    last: Attempt | None


_SELECT = (
    "SELECT d.id, d.endpoint_id, d.type, d.message_id, d.status, d.code, d.at, d.state, d.attempts, d.next_attempt_at, d.finished_at,"
    " l.at AS last_at, l.status AS last_status, l.fault AS last_fault, l.milliseconds FROM event_endpoint e"
    " JOIN event_delivery d ON d.endpoint_id = e.id AND d.tenant_id = e.tenant_id"
    " LEFT JOIN LATERAL (SELECT t.at, t.status, t.fault, t.milliseconds FROM delivery_attempt t WHERE t.delivery_id = d.id"
    f" ORDER BY t.id DESC LIMIT 1) l ON true WHERE e.tenant_id = :tenant_id AND {IN_GROUP}"
)
_LATEST = text(
    f"{_SELECT} AND e.id = :endpoint_id AND (CAST(:before AS uuid) IS NULL OR d.id < :before) ORDER BY d.id DESC LIMIT :most"
)
_ONE = text(f"{_SELECT} AND d.id = :id")
_ATTEMPTS = text(
    "SELECT at, status, fault, milliseconds FROM delivery_attempt WHERE delivery_id = :id AND tenant_id = :tenant_id ORDER BY id"
)


def latest(
    session: Session, place: Place, endpoint_id: UUID, most: int = MOST, before: UUID | None = None
) -> list[Delivery]:
    """Deliveries to an endpoint of the group, the newest first; `before` is the last one of the page before."""
    asked = _where(place, endpoint_id=endpoint_id, most=most, before=before)
    return [_delivery(row) for row in session.execute(_LATEST, asked)]


def read(session: Session, place: Place, delivery_id: UUID) -> Delivery | None:
    """One of them; None if there is none of that id in the group."""
    row = session.execute(_ONE, _where(place, id=delivery_id)).first()
    return None if row is None else _delivery(row)


# Few of each, by its own index: some endpoints are told of a great many events.
_FAILED = text(
    "SELECT e.id, max(t.at) AS at FROM event_endpoint e CROSS JOIN LATERAL (SELECT d.id FROM event_delivery d WHERE d.endpoint_id = e.id"
    f" AND d.tenant_id = e.tenant_id ORDER BY d.id DESC LIMIT {LOOKED_THROUGH}) d JOIN delivery_attempt t ON t.delivery_id = d.id"
    " WHERE e.tenant_id = :tenant_id AND e.group_id = :group_id AND (t.status IS NULL OR t.status NOT BETWEEN 200 AND 299) GROUP BY e.id"
)


def last_failed(session: Session, place: Place) -> dict[UUID, datetime]:
    """When a webhook of the group last failed to take one of its latest events, by webhook; those that took all are not in it."""
    return {row.id: row.at for row in session.execute(_FAILED, _where(place))}


_ENDPOINT = text("SELECT endpoint_id FROM event_delivery WHERE id = :id AND tenant_id = :tenant_id")


def endpoint_of(session: Session, tenant_id: UUID, delivery_id: UUID) -> UUID | None:
    """The endpoint that a delivery is for; None if the tenant has none of that id."""
    found: UUID | None = session.execute(_ENDPOINT, {"id": delivery_id, "tenant_id": tenant_id}).scalar()
    return found


def attempts_of(session: Session, place: Place, delivery_id: UUID) -> list[Attempt]:
    """Every try of a delivery, oldest first."""
    if read(session, place, delivery_id) is None:
        return []
    rows = session.execute(_ATTEMPTS, {"id": delivery_id, "tenant_id": place.tenant_id})
    return [Attempt(*row) for row in rows]


def _where(place: Place, **more: object) -> dict[str, object]:
    return {"tenant_id": place.tenant_id, "group_id": place.id, **more}


def _delivery(row: Row[Any]) -> Delivery:
    last = Attempt(row.last_at, row.last_status, row.last_fault, row.milliseconds) if row.last_at else None
    return Delivery(
        row.id, row.endpoint_id, EventType(row.type), row.message_id, row.status, row.code, row.at,
        WorkState(row.state), row.attempts, row.next_attempt_at, row.finished_at, last,
    )  # fmt: skip


# One that is on its way just now stays so: it is being sent.
_AGAIN = text(
    "UPDATE event_delivery SET state = 'ready', next_attempt_at = :now, attempts = 0, lease_id = NULL, finished_at = NULL"
    " WHERE id = :id AND tenant_id = :tenant_id AND NOT (state = 'leased' AND next_attempt_at > :now)"
)
_UNPAUSE = text("UPDATE event_endpoint SET paused_until = :now WHERE id = :id AND paused_until > :now")
_TEST = text(
    "INSERT INTO event_delivery (id, tenant_id, endpoint_id, type, at, next_attempt_at)"
    " VALUES (:id, :tenant_id, :endpoint_id, :type, :now, :now)"
)


def send_again(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    delivery_id: UUID,
    push: Push | None = None,
) -> Delivery | Undone:
    """Send a delivery now, with the id that it has, also one that was delivered or given up; its tries are counted anew.

    An endpoint that is paused is probed at once, perhaps by another delivery that waits for it.
    """
    found = read(session, place, delivery_id)
    if found is None:
        return Refusal.UNKNOWN
    endpoint = _awake(session, now, author, place, found.endpoint_id, push)
    if not isinstance(endpoint, EndpointRow):
        return endpoint
    session.execute(_AGAIN, {"id": delivery_id, "tenant_id": place.tenant_id, "now": now})
    return read(session, place, delivery_id) or Refusal.UNKNOWN


def send_test(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    endpoint_id: UUID,
    push: Push | None = None,
) -> Delivery | Undone:
    """Send an endpoint an event that tells of nothing, to see whether it hears us."""
    endpoint = _awake(session, now, author, place, endpoint_id, push)
    if not isinstance(endpoint, EndpointRow):
        return endpoint
    own = {"id": new_id(), "tenant_id": place.tenant_id, "endpoint_id": endpoint.id}
    session.execute(_TEST, {**own, "type": EventType.TEST.value, "now": now})
    return read(session, place, own["id"]) or Refusal.UNKNOWN


def _awake(
    session: Session, now: datetime, author: Author, place: Place, endpoint_id: UUID, push: Push | None
) -> EndpointRow | Undone:
    """An endpoint, locked, that is the author's and is to be told something at once."""
    endpoint = held(session, author, place, endpoint_id)
    if not isinstance(endpoint, EndpointRow):
        return endpoint
    if endpoint.state is EndpointState.DISABLED:
        return Refusal.DISABLED
    session.execute(_UNPAUSE, {"id": endpoint.id, "now": now})
    if push:
        push(session, PUSH_ACTOR, str(endpoint.id))
    return endpoint
