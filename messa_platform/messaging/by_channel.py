"""How channels fare: what waits for each, what became of what was sent by it lately, and by the hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.ids import id_at, time_of
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


HOURS = 24
"""Hours that are told of."""
MOST_AN_HOUR = 5_000
"""Texts of an hour that are looked at, at the most: where there are more, these tell how it goes as well."""


@dataclass(frozen=True, slots=True)
class Hour:
    """So many texts of an hour that the provider took, and so many that it or the network refused in the end."""

    sent: int = 0
    failed: int = 0


_BY_HOUR = (
    "SELECT h.n, m.channel_id, count(*) FILTER (WHERE m.status IN ('SENT', 'BUFFERED', 'DELIVERED')) AS sent,"
    " count(*) FILTER (WHERE m.status IN ('UNSENT', 'UNDELIVERED')) AS failed"
    f" FROM generate_series(1, {HOURS}) AS h (n) CROSS JOIN LATERAL (SELECT channel_id, status FROM message"
    " WHERE id >= (CAST(:bounds AS uuid[]))[h.n] AND id < (CAST(:bounds AS uuid[]))[h.n + 1] AND direction = 'out'{of_tenant} LIMIT :most) m"
    " WHERE m.channel_id = ANY(CAST(:ids AS uuid[])) GROUP BY h.n, m.channel_id"
)
_OF_ALL = text(_BY_HOUR.format(of_tenant=""))
_OF_TENANT = text(_BY_HOUR.format(of_tenant=" AND tenant_id = :tenant_id"))


def by_hour(
    session: Session, now: datetime, channel_ids: Sequence[UUID], tenant_id: UUID | None = None
) -> dict[UUID, tuple[Hour, ...]]:
    """The last `HOURS` hours of each of these channels, the oldest first; one statement. `tenant_id`: they carry its texts alone."""
    bounds = [id_at(now - timedelta(hours=HOURS - n)) for n in range(HOURS + 1)]
    # what has come just now is in the last one, too
    bounds[-1] = id_at(now + timedelta(seconds=1))
    found = {channel_id: [Hour()] * HOURS for channel_id in channel_ids}
    if found:
        given = {"bounds": bounds, "ids": list(channel_ids), "most": MOST_AN_HOUR}
        rows = session.execute(_OF_TENANT if tenant_id else _OF_ALL, {**given, "tenant_id": tenant_id})
        for row in rows:
            found[row.channel_id][row.n - 1] = Hour(row.sent, row.failed)
    return {channel_id: tuple(hours) for channel_id, hours in found.items()}
