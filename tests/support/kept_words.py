"""Messages whose words are kept for some days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.retention import words
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import MESSAGE
from messa_platform.runtime.jobs import KEPT_IN
from messa_platform.tenants.models import Group
from tests.support.world import World

DAY = timedelta(days=1)


def keep(world: World, group: Group, days: int | None) -> None:
    """Let a tenant keep its words for so many days."""
    world.run("UPDATE tenant SET keep_text_days = :days WHERE id = :id", days=days, id=group.tenant_id)


def purge(world: World) -> bool:
    return words.purge(world.database, world.clock, KEPT_IN)


def store(
    world: World, group: Group, *moments: datetime, status: Status = Status.DELIVERED, **values: Any
) -> list[UUID]:
    """Messages as of these times; gives their ids."""
    rows = [
        {
            "id": new_id_at(at), "tenant_id": group.tenant_id, "group_id": group.id, "account_id": new_id(),
            "direction": Direction.OUT, "door": "mail", "status": status, "status_at": at, "remote": "+46701740605",
            "local": "messa", "text": "Hemligheten", "encoding": "GSM", "parts": 2, "created_at": at, **values,
        }
        for at in moments
    ]  # fmt: skip
    with world.database.unit_of_work() as session:
        ensure_partitions(session.connection(), min(moments), max(moments))
        insert_rows(session, MESSAGE, rows)
    return [row["id"] for row in rows]


def kept(world: World, ids: Sequence[UUID]) -> list[bool]:
    """Of each message, whether it still has its words."""
    rows = world.rows("SELECT id, text FROM message WHERE id = ANY(:ids)", ids=list(ids))
    assert {row.text for row in rows} <= {None, "Hemligheten"}
    has = {row.id: row.text is not None for row in rows}
    return [has[i] for i in ids]
