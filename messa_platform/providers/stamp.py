"""The stamp of the routes and price lists: another one after each change (see `routing.models.RoutingStamp`)."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

_STAMP = text(
    "INSERT INTO routing_stamp (id, stamp) VALUES (1, :stamp) ON CONFLICT (id) DO UPDATE SET stamp = EXCLUDED.stamp"
)


def changing(session: Session) -> None:
    """Say that routes or price lists are about to be changed: from the commit on all processes read them anew. Until then nobody else
    changes any of them, since all changes take this one row first."""
    session.execute(_STAMP, {"stamp": uuid4()})
