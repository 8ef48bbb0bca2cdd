"""Messages of the log, stored as if they had been sent at their times; the database's triggers note who sent them, and how many there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from messa_platform.core.bulk import copy_rows
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.core.segments import Encoding
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import MESSAGE
from messa_platform.tenants.models import Group
from tests.support.world import World


@dataclass(frozen=True)
class Sent:
    """A message to be stored."""

    at: datetime
    group: Group
    account_id: UUID
    remote: str = "+46701740605"
    direction: Direction = Direction.OUT
    status: Status = Status.DELIVERED
    parts: int = 1
    rule_group: Group | None = None


def store(world: World, messages: Sequence[Sent]) -> None:
    """Store them, in one transaction."""
    rows = [_row(message) for message in messages]
    with world.database.unit_of_work() as session:
        times = [message.at for message in messages]
        ensure_partitions(session.connection(), min(times), max(times))
        copy_rows(session, MESSAGE, rows)


def _row(message: Sent) -> dict[str, object]:
    return {
        "id": new_id_at(message.at), "tenant_id": message.group.tenant_id, "group_id": message.group.id,
        "account_id": message.account_id, "thread_id": None, "direction": message.direction, "door": Door.MAIL,
        "status": message.status, "status_at": message.at, "rule_group_id": message.rule_group.id if message.rule_group else None,
        "remote": message.remote, "local": "Kommunen", "text": "hemligt", "encoding": Encoding.GSM, "parts": message.parts,
        "created_at": message.at,
    }  # fmt: skip


SEARCH = json.dumps(
    {
        "since": "2026-02-28T23:00:00+00:00", "until": "2026-04-30T22:00:00+00:00", "subgroups": True, "group": None, "account": None,
        "remote": None, "direction": None, "status": None, "parts": None, "sort": "date", "descending": True,
    }
)  # fmt: skip
"""Everything of March and April, as it is kept with an export."""


def an_export(world: World, group: Group, by: Group | None = None, address: str = "") -> UUID:
    """An export of a group that waits, asked for by an admin of `by`, or of the group itself."""
    identifier = new_id()
    world.run(
        "INSERT INTO export (id, tenant_id, group_id, actor, actor_address, actor_group_id, asked, format, language, time_zone, created_at)"
        " VALUES (:id, :tenant, :group, 'admin', :address, :by, CAST(:asked AS jsonb), 'text', 'sv', 'Europe/Stockholm', :now)",
        id=identifier, tenant=group.tenant_id, group=group.id, address=address, by=(by or group).id, asked=SEARCH,
        now=world.clock.now(),
    )  # fmt: skip
    return identifier
