"""A search as it is kept with an export until a worker takes it up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.messaging.log.asked import Asked, Column, scope_of
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.tenants.places import Place


def keep(asked: Asked, place: Place) -> dict[str, Any]:
    """The search in `place` as JSON. Of its scope it is kept whether that has more than the group itself: the tree of the day counts (G13)."""
    return {
        "since": asked.since.isoformat(),
        "until": asked.until.isoformat(),
        "subgroups": asked.scope.group_ids != (place.id,),
        "group": str(asked.group_id) if asked.group_id else None,
        "account": str(asked.account_id) if asked.account_id else None,
        "remote": asked.remote,
        "direction": asked.direction,
        "status": asked.status,
        "parts": asked.parts,
        "sort": asked.sort,
        "descending": asked.descending,
    }


def unkeep(session: Session, place: Place, kept: Mapping[str, Any]) -> Asked:
    """The search again."""
    return Asked(
        scope=scope_of(session, place, subgroups=kept["subgroups"]),
        since=datetime.fromisoformat(kept["since"]),
        until=datetime.fromisoformat(kept["until"]),
        group_id=UUID(kept["group"]) if kept["group"] else None,
        account_id=UUID(kept["account"]) if kept["account"] else None,
        remote=kept["remote"],
        direction=Direction(kept["direction"]) if kept["direction"] else None,
        status=Status(kept["status"]) if kept["status"] else None,
        parts=kept["parts"],
        sort=Column(kept["sort"]),
        descending=kept["descending"],
    )
