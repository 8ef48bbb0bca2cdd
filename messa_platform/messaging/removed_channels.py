"""What becomes of texts whose channel was removed while nobody knew whether its provider had them: nobody can be asked any more, so they stay
UNCONFIRMED, as the provider may yet tell of them (spec X6). What no provider can have moves on (see `failover`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.logs import logger
from messa_platform.messaging.changes import Word, apply
from messa_platform.messaging.outward.note import Push
from messa_platform.messaging.statuses import Status

log = logger(__name__)

BATCH = 500

# Who sends one holds it until its time; what is past that is in doubt.
_DOUBTFUL = text(
    "DELETE FROM dispatch_queue WHERE id IN (SELECT d.id FROM dispatch_queue d JOIN channel c ON c.id = d.channel_id"
    " WHERE c.removed_at IS NOT NULL AND d.state = 'leased' AND d.next_attempt_at <= :now ORDER BY d.id LIMIT :most"
    " FOR UPDATE OF d SKIP LOCKED) RETURNING id"
)


def settle(session: Session, now: datetime, push: Push | None = None) -> int:
    """Let what is in doubt at removed channels stay UNCONFIRMED; gives how many there were, up to `BATCH`. For the sweeper."""
    ids = sorted(session.execute(_DOUBTFUL, {"now": now, "most": BATCH}).scalars())
    if ids:
        apply(session, [Word(identifier, Status.UNCONFIRMED, "", now) for identifier in ids], push)
        log.warning("doubtful_texts_of_removed_channels", texts=len(ids))
    return len(ids)
