"""Which process holds the sessions of which channel: a lease that it renews, and that another takes when it has run out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, select, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.providers.base import Bound
from messa_platform.providers.models import Channel, ConnectorLease

TABLE = cast(Table, ConnectorLease.__table__)

LEASE = timedelta(seconds=8)
"""For how long a process holds a channel that is heard of no more."""
HANDED_OVER = timedelta(seconds=5)
"""For how long after an orderly end somebody else is waited for."""
NOBODY = UUID(int=0)
"""The holder of a channel that was let go."""

_COLUMNS = ("channel_id", "up", "wanted", "fault")
_TAKE = text(
    "INSERT INTO connector_lease AS held (channel_id, holder, until, up, wanted, fault)"
    f" SELECT given.channel_id, :holder, :until, given.up, given.wanted, given.fault FROM {given(TABLE, _COLUMNS)}"
    " ON CONFLICT (channel_id) DO UPDATE SET holder = excluded.holder, until = excluded.until, up = excluded.up,"
    " wanted = excluded.wanted, fault = excluded.fault WHERE held.holder = excluded.holder OR held.until <= :now"
    " RETURNING channel_id"
)
_RENEW = text(
    "UPDATE connector_lease SET until = :until WHERE holder = :holder AND channel_id = ANY(CAST(:channels AS uuid[]))"
)
_RELEASE = text(
    "UPDATE connector_lease SET holder = :nobody, until = :now, up = 0"
    " WHERE holder = :holder AND channel_id = ANY(CAST(:channels AS uuid[]))"
)
_IS_HELD = text(
    "SELECT EXISTS (SELECT FROM connector_lease WHERE channel_id = :channel"
    " AND (until > :now OR holder = :nobody AND until > :handed_over))"
)


def channels(session: Session, plugins: Sequence[str]) -> Sequence[Channel]:
    """The channels of plugins that hold sessions. One that was removed has none any more: whoever connects that account anew would find what is
    told by its sessions taken by those."""
    wanted = select(Channel).where(Channel.plugin.in_(plugins), Channel.removed_at.is_(None))
    return session.execute(wanted).scalars().all()


def take(session: Session, now: datetime, holder: UUID, standing: Mapping[UUID, Bound]) -> set[UUID]:
    """Take or renew the leases of these channels, and say how their sessions stand; gives those that `holder` has now."""
    if not standing:
        return set()
    rows = [
        {"channel_id": channel, "up": bound.up, "wanted": bound.wanted, "fault": bound.fault}
        for channel, bound in sorted(standing.items())
    ]
    parameters = {"rows": as_parameter(rows), "holder": holder, "now": now, "until": now + LEASE}
    return {row.channel_id for row in session.execute(_TAKE, parameters)}


def renew(session: Session, now: datetime, holder: UUID, channel_ids: Sequence[UUID]) -> None:
    """Renew the leases of these that are `holder`'s still."""
    session.execute(_RENEW, {"holder": holder, "channels": sorted(channel_ids), "until": now + LEASE})


def release(session: Session, now: datetime, holder: UUID, channel_ids: Sequence[UUID]) -> None:
    """Let others take these at once."""
    asked = {"holder": holder, "channels": list(channel_ids), "now": now, "nobody": NOBODY}
    session.execute(_RELEASE, asked)


def is_held(session: Session, now: datetime, channel_id: UUID) -> bool:
    """Whether some process holds a channel's sessions, or is about to, since the last one has just handed it over."""
    asked = {"channel": channel_id, "now": now, "nobody": NOBODY, "handed_over": now - HANDED_OVER}
    return bool(session.execute(_IS_HELD, asked).scalar_one())


def standing(session: Session, now: datetime, channel_ids: Sequence[UUID]) -> dict[UUID, Bound]:
    """How the sessions of these channels stand; a channel that nobody holds is left out."""
    wanted = select(TABLE).where(TABLE.c.channel_id.in_(channel_ids), TABLE.c.until > now)
    return {row.channel_id: Bound(row.up, row.wanted, row.fault) for row in session.execute(wanted)}
