"""Whole months of messages are dropped once they are older than the operator keeps them.

A month is a partition of each of the big tables, in UTC. The summaries count by Stockholm's days, so with a month go all days before the first
of the next, and of that first day the hour or two that lie in the month. All of it is one transaction: what is counted is what is there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock, start_of_stockholm_day, stockholm_day
from messa_platform.core.db import Database
from messa_platform.core.ids import id_at
from messa_platform.core.logs import logger
from messa_platform.messaging.log.summary import FOLDED
from messa_platform.messaging.partitions import PARTITIONED, attached, next_month, partition_name

log = logger(__name__)

DROP_ACTOR = "drop_months"


def drop(database: Database, clock: Clock, keep_months: int) -> bool:
    """Drop the oldest month that is older than the last `keep_months` whole months, if there is one; True if more may wait. 0 keeps all."""
    if not keep_months:
        return False
    try:
        with database.unit_of_work() as session:
            # behind a long report this would wait, and everybody else behind this: rather try again the next time round
            session.execute(_WAIT_BRIEFLY)
            session.execute(_ONE_AT_A_TIME)
            month = _oldest(session.connection(), _kept_from(clock.now(), keep_months))
            if month is None:
                return False
            _drop(session, month)
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        log.warning("month_not_dropped", why="others hold the messages for longer; it is tried again")
        return False
    log.info("month_dropped", month=f"{month:%Y-%m}")
    with database.unit_of_work() as session:
        session.execute(_NOTHING_UNREAD, {"end": id_at(next_month(month))})
    return True


def _kept_from(now: datetime, keep_months: int) -> datetime:
    """The start of the oldest month that is kept."""
    months = now.year * 12 + now.month - 1 - keep_months
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def _oldest(connection: Connection, kept_from: datetime) -> datetime | None:
    """The oldest month with a partition, if it ends before the kept ones begin."""
    months = [month for table in PARTITIONED for month in attached(connection, table)]
    oldest = min(months, default=kept_from)
    return oldest if oldest < kept_from else None


_WAIT_BRIEFLY = text("SET LOCAL lock_timeout = '2s'")
# with whoever makes partitions
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('messa.partitions'))")
_NO_FOLDING = text("SELECT pg_advisory_xact_lock(hashtext('messa.summary'))")
# nobody writes between the counting and the dropping
_ALONE = text(f"LOCK TABLE {', '.join(PARTITIONED)} IN ACCESS EXCLUSIVE MODE")
# Through the table, so that its triggers count it.
_OF_NEXT_DAY = text("DELETE FROM message WHERE id >= :begin AND id < :end")
_DAYS = (
    text("DELETE FROM message_delta WHERE day < :day"),
    # tenant by tenant, which is how they are indexed
    *(
        text(f"DELETE FROM {table} s USING tenant t WHERE s.tenant_id = t.id AND s.day < :day")
        for table in FOLDED
    ),
)
# Past the triggers: its days are gone already.
_STRAYS = tuple(text(f"DELETE FROM {table}_default WHERE id < :end") for table in PARTITIONED)
_HELD = text("DELETE FROM held_text WHERE message_id < :end")
_NOTHING_UNREAD = text("UPDATE thread SET unread = 0 WHERE unread > 0 AND last_message_id < :end")


def _drop(session: Session, month: datetime) -> None:
    """Drop a month, with what its days count and with what lies in the DEFAULT partition from before its end."""
    end = next_month(month)
    next_day = stockholm_day(end)
    ends: dict[str, UUID] = {"end": id_at(end)}
    session.execute(_NO_FOLDING)
    session.execute(_ALONE)
    session.execute(_OF_NEXT_DAY, {"begin": id_at(start_of_stockholm_day(next_day)), **ends})
    for statement in _DAYS:
        session.execute(statement, {"day": next_day})
    for statement in (*_STRAYS, _HELD):
        session.execute(statement, ends)
    for table in PARTITIONED:
        if month in attached(session.connection(), table):
            name = partition_name(table, month)
            session.execute(text(f"ALTER TABLE {table} DETACH PARTITION {name}"))
            session.execute(text(f"DROP TABLE {name}"))
