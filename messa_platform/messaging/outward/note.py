"""Who is to be told of what became of messages, written down in the transaction in which they move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter
from messa_platform.core.ids import new_id
from messa_platform.core.pipeline import Pipeline
from messa_platform.messaging.outward.events import TYPES
from messa_platform.messaging.statuses import Status

PUSH_ACTOR = "push_events"

Push = Callable[[Session, str, str], None]
"""Wakes an actor, named by its name, for an endpoint, once the session's transaction is committed; as `Waker.wake_after_commit` does."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A message of an account has come to a status at a time. `group_id` is the message's own, from which it was sent (spec G13)."""

    tenant_id: UUID
    group_id: UUID
    account_id: UUID
    message_id: UUID
    status: Status
    code: str
    at: datetime


_ANY = text(
    "SELECT EXISTS (SELECT FROM event_endpoint WHERE tenant_id = ANY(CAST(:tenants AS uuid[])) AND state = 'active') AS heard"
)
_ANY_OF_MESSAGES = text(
    "SELECT EXISTS (SELECT FROM event_endpoint WHERE state = 'active' AND tenant_id = ANY(ARRAY("
    "SELECT tenant_id FROM message WHERE id = ANY(CAST(:ids AS uuid[])) AND id BETWEEN :first AND :last))) AS heard"
)
# The first half of the event's own id, which holds its time, and a random second one: so ids are unlike each other, and in order.
_ID = "CAST(encode(overlay(uuid_send(id) PLACING substring(uuid_send(gen_random_uuid()) FROM 9) FROM 9), 'hex') AS uuid)"
_GIVEN = (
    "json_to_recordset(CAST(:rows AS json)) AS rows (id uuid, tenant_id uuid, group_id uuid, account_id uuid, message_id uuid,"
    " type text, status text, code text, at timestamptz)"
)
_HEARS = "e.state = 'active' AND (cardinality(e.event_types) = 0 OR given.type = ANY(e.event_types))"
# A message's group is where it stands in the tree of today; a label of its path is the id of a group above it, or its own, and so is of the
# same tenant: to say that once more would have the planner read all endpoints of the tenant for each event.
_NOTE = text(
    f"WITH given AS (SELECT * FROM {_GIVEN}),"
    ' heard AS (SELECT given.*, e.id AS endpoint_id FROM given JOIN "group" g ON g.id = given.group_id AND g.tenant_id = given.tenant_id'
    " CROSS JOIN LATERAL unnest(CAST(string_to_array(g.path::text, '.') AS uuid[])) AS label (id)"
    f" JOIN event_endpoint e ON e.group_id = label.id AND {_HEARS} UNION ALL SELECT given.*, e.id FROM given"
    f" JOIN event_endpoint e ON e.account_id = given.account_id AND e.tenant_id = given.tenant_id AND {_HEARS})"
    " INSERT INTO event_delivery (id, tenant_id, endpoint_id, type, message_id, status, code, at, next_attempt_at)"
    f" SELECT {_ID}, tenant_id, endpoint_id, type, message_id, status, code, at, at FROM heard RETURNING endpoint_id"
)


def ask_heard(pipeline: Pipeline, message_ids: Sequence[UUID]) -> Callable[[], bool]:
    """Whether any tenant of these messages, whose ids are in order, has an endpoint; once the pipeline was sent."""
    first, last = message_ids[0], message_ids[-1]
    reply = pipeline.ask(_ANY_OF_MESSAGES, {"ids": list(message_ids), "first": first, "last": last})
    return lambda: bool(reply.rows[0].heard)


def ask_listening(pipeline: Pipeline, tenant_ids: Sequence[UUID]) -> Callable[[], bool]:
    """Whether any of these tenants has an endpoint; once the pipeline was sent."""
    reply = pipeline.ask(_ANY, {"tenants": list(tenant_ids)})
    return lambda: bool(reply.rows[0].heard)


def note_heard(session: Session, happenings: Sequence[Happening], push: Push | None = None) -> int:
    """Note for every endpoint concerned what it is to be told, in order; gives how many deliveries there are. In vain where no tenant concerned
    has an endpoint, which whoever is in a hurry asks first. `push` wakes who tells them; without it the sweeper does."""
    if not happenings:
        return 0
    noted = session.execute(_NOTE, {"rows": as_parameter([_row(h) for h in happenings])}).scalars().all()
    if push:
        for endpoint_id in sorted(set(noted)):
            push(session, PUSH_ACTOR, str(endpoint_id))
    return len(noted)


def _row(happening: Happening) -> dict[str, object]:
    return {
        "id": new_id(),
        "tenant_id": happening.tenant_id,
        "group_id": happening.group_id,
        "account_id": happening.account_id,
        "message_id": happening.message_id,
        "type": TYPES[happening.status].value,
        "status": happening.status.value,
        "code": happening.code,
        "at": happening.at,
    }
