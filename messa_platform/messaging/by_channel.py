"""How channels fare: what waits for each, and what became of what was sent by it lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.ids import time_of
from messa_platform.core.work import OPEN_SQL
from messa_platform.messaging.statuses import Status

MOST_COUNTED = 10_000
"""Waiting texts of a channel that are counted at the most."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a channel, what is just being sent and what is tried again among it: so many texts, `MOST_COUNTED` meaning so many or
    more. `since` is when the first that came of those counted was to leave, None if there are none."""

    texts: int
    since: datetime | None


_WAITING = text(
    "SELECT c.id, w.texts, w.oldest, m.send_at FROM unnest(CAST(:ids AS uuid[])) AS c (id) CROSS JOIN LATERAL ("
    "SELECT count(*) AS texts, CAST(min(CAST(q.id AS text)) AS uuid) AS oldest FROM ("
    f"SELECT d.id FROM dispatch_queue d WHERE d.channel_id = c.id AND d.{OPEN_SQL} ORDER BY d.next_attempt_at LIMIT :most) q"
    ") w LEFT JOIN message m ON m.id = w.oldest"
)


def waiting(session: Session, channel_ids: Sequence[UUID], most: int = MOST_COUNTED) -> dict[UUID, Waiting]:
    """What waits for each of these channels; one statement."""
    rows = session.execute(_WAITING, {"ids": list(channel_ids), "most": most})
    return {row.id: Waiting(row.texts, _since(row.oldest, row.send_at)) for row in rows}


def _since(oldest: UUID | None, send_at: datetime | None) -> datetime | None:
    """A text waits since it came, or since the time that was chosen for it."""
    if oldest is None:
        return None
    return max(time_of(oldest), send_at) if send_at else time_of(oldest)


# By tenant and day, so that of each tenant's index only the last days are looked at.
_COUNTS = text(
    "SELECT channel_id, status, sum(messages) AS messages FROM ("
    "SELECT d.channel_id, d.status, d.messages FROM tenant t CROSS JOIN LATERAL (SELECT channel_id, status, messages FROM tenant_day"
    " WHERE tenant_id = t.id AND day >= :first AND direction = 'out') d"
    " UNION ALL SELECT channel_id, status, messages FROM message_delta WHERE day >= :first AND direction = 'out') k"
    " WHERE channel_id = ANY(CAST(:ids AS uuid[])) GROUP BY channel_id, status HAVING sum(messages) > 0"
)


def counts(session: Session, channel_ids: Sequence[UUID], first: date) -> dict[UUID, Mapping[Status, int]]:
    """How many texts of each status there are that were sent by these channels since the day `first`, by the log's summaries; one
    statement. In the order of `Status`."""
    found: dict[UUID, dict[Status, int]] = {channel_id: {} for channel_id in channel_ids}
    for row in session.execute(_COUNTS, {"ids": list(channel_ids), "first": first}):
        found[row.channel_id][Status(row.status)] = int(row.messages)
    return {
        channel_id: {status: of_channel[status] for status in Status if status in of_channel}
        for channel_id, of_channel in found.items()
    }
