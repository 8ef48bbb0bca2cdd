"""Messages as the API tells them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.api_v2.identity import Caller
from messa_platform.api_v2.moments import moment_of
from messa_platform.api_v2.problems import Fault
from messa_platform.core.ids import time_of
from messa_platform.messaging.drafts import Entry, Receipted
from messa_platform.messaging.log.asked import Scope
from messa_platform.messaging.statuses import Direction, Status, status_word

# BETWEEN lets the executor leave out the months that hold none of the ids; ANY alone does not.
_ROWS = (
    "SELECT m.id, m.direction, m.local, m.remote, m.status, g.name AS rule_group, m.parts, m.encoding, m.text, m.group_id, m.account_id,"
    ' m.client_ref, m.send_at, m.status_at FROM message m LEFT JOIN "group" g ON g.id = m.rule_group_id AND g.tenant_id = m.tenant_id'
    " WHERE m.id = ANY(CAST(:ids AS uuid[])) AND m.id BETWEEN :first AND :last"
)
_OF_TENANT = text(f"{_ROWS} AND m.tenant_id = :tenant_id")


class _Row(NamedTuple):
    """What is known of a message, in the order in which `_ROWS` reads it."""

    id: UUID
    direction: str
    local: str
    remote: str
    status: str
    rule_group: str | None
    parts: int
    encoding: str
    text: str | None
    group_id: UUID
    account_id: UUID
    client_ref: str | None
    send_at: datetime | None
    status_at: datetime


def told(session: Session, who: Caller, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Messages that the caller was found to be allowed to see, in the order of `ids`."""
    if not ids:
        return []
    parameters = {"ids": list(ids), "first": min(ids), "last": max(ids), "tenant_id": who.tenant_id}
    rows = {row.id: row for row in session.execute(_OF_TENANT, parameters)}
    return [_told(_Row(*rows[i]), who.account_id) for i in ids if i in rows]


def told_new(taken: Receipted, entry: Entry) -> dict[str, Any]:
    """A message that was just taken in for its sender, as `told` tells it once it is stored."""
    account_id, group_id = taken.sender.account_id, taken.sender.settings.group_id
    row = _Row(
        entry.message_id, Direction.OUT, entry.local, entry.recipient, entry.status, entry.rule_group_name, entry.parts, entry.encoding,
        entry.text, group_id, account_id, taken.submission.client_ref, entry.send_at, taken.at,
    )  # fmt: skip
    return _told(row, account_id)


def told_one(session: Session, who: Caller, scope: Scope, message_id: UUID) -> dict[str, Any] | None:
    """One message of the scope's groups; None if they have none of that id."""
    found = told(session, who, [message_id])
    within = scope.group_ids
    return found[0] if found and (within is None or UUID(found[0]["group_id"]) in within) else None


def not_its_sender(allowed: Sequence[str]) -> Fault:
    """What is wrong with a sender id that is not open to the API user."""
    return Fault("/from", "not_allowed", f"must be one of {', '.join(allowed)}")


def _told(row: _Row, reader: UUID) -> dict[str, Any]:
    incoming = row.direction == Direction.IN
    return {
        "id": str(row.id),
        "direction": row.direction,
        "from": row.remote if incoming else row.local,
        "to": row.local if incoming else row.remote,
        "status": status_word(Status(row.status), row.rule_group),
        "parts": row.parts,
        "encoding": row.encoding,
        # others' texts are theirs alone, whoever administers them (spec L4)
        "text": row.text if row.account_id == reader else None,
        "group_id": str(row.group_id),
        "account_id": str(row.account_id),
        "client_ref": row.client_ref,
        "send_at": moment_of(row.send_at),
        "created_at": moment_of(time_of(row.id)),
        "status_at": moment_of(row.status_at),
    }
