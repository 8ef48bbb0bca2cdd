"""What is known of deliveries is forgotten after a while, and endpoints go with whom they belonged to."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.ids import id_at
from messa_platform.core.work import OPEN_SQL
from messa_platform.messaging.outward.queue import WAITING

KEEP = timedelta(days=30)
"""For how long the log of deliveries goes back, and one can be sent again."""
BATCH = 5000

_LEFT = text(
    'DELETE FROM event_endpoint e WHERE EXISTS (SELECT FROM "group" g WHERE g.id = e.group_id AND g.removed_at IS NOT NULL)'
    " OR EXISTS (SELECT FROM account a WHERE a.id = e.account_id AND a.removed_at IS NOT NULL)"
)
# Those of endpoints that are gone: found as the endpoints are for which something is due.
_STRAYED = text(
    f"{WAITING},"
    " gone AS (SELECT w.endpoint_id FROM waiting w WHERE w.endpoint_id IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM event_endpoint e WHERE e.id = w.endpoint_id))"
    " DELETE FROM event_delivery WHERE id IN (SELECT d.id FROM gone JOIN event_delivery d ON d.endpoint_id = gone.endpoint_id"
    f" AND d.{OPEN_SQL} LIMIT :most)"
)
_OLD = "DELETE FROM {table} WHERE id IN (SELECT o.id FROM {table} o WHERE o.id < :before ORDER BY o.id LIMIT :most)"
_OLD_DELIVERIES = text(_OLD.format(table="event_delivery"))
_OLD_ATTEMPTS = text(_OLD.format(table="delivery_attempt"))


def forget(session: Session, now: datetime) -> None:
    """Drop a batch of each; to be done every minute or so."""
    session.execute(_LEFT)
    session.execute(_STRAYED, {"most": BATCH})
    before = {"before": id_at(now - KEEP), "most": BATCH}
    session.execute(_OLD_DELIVERIES, before)
    session.execute(_OLD_ATTEMPTS, before)
