"""A channel's circuit breaker: after some failures in a row its texts go another way, until a test of it goes well.

    closed   it works
    open     it does not; nothing leaves by it until `probe_at`, when one process tests the connection, with growing pauses
    trial    the test went well; a few texts may leave, the first that is taken closes it, the first that fails opens it again

The state is in the channel's row, so that it holds for all processes together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.logs import logger

log = logger(__name__)


class Breaker(StrEnum):
    """Where a channel's breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    TRIAL = "trial"


FAILURES = 5
"""Failures in a row that open it."""
TRIALS = 3
"""Texts that may be on their way at once while it is on trial."""
FIRST_PAUSE, LONGEST_PAUSE = 5, 60
"""Seconds until it is tested, the first time and at the most; each time that it opens again twice as long."""
STALLED = 3.0
"""Seconds without an answer after which texts count as failures, though their time is not up yet."""
PROBE_LIMIT = timedelta(seconds=30)
"""After this another process may test, if the one that began has died."""

_PAUSE = f"CAST(:now AS timestamptz) + least({LONGEST_PAUSE}, {FIRST_PAUSE} * 2 ^ least(openings, 10)) * interval '1 second'"
# What works needs no row written: the condition is false.
_WELL = text(
    "UPDATE channel SET failing = 0, breaker = CASE WHEN was.breaker = 'trial' THEN 'closed' ELSE was.breaker END,"
    " openings = CASE WHEN was.breaker = 'trial' THEN 0 ELSE openings END"
    " FROM (SELECT id, breaker FROM channel WHERE id = :id AND (failing > 0 OR breaker = 'trial') FOR UPDATE) AS was"
    " WHERE channel.id = was.id RETURNING was.breaker AS was, channel.name"
)
# What left before the last test says nothing of a channel that was found well by it: `probe_at` is then that test's time with its limit.
_NEWS = (
    "FROM unnest(CAST(:{} AS timestamptz[])) AS t (began)"
    f" WHERE probe_at IS NULL OR t.began >= probe_at - {PROBE_LIMIT.total_seconds()} * interval '1 second'"
)
_BAD, _AGAIN = _NEWS.format("bad"), _NEWS.format("again")
_BADLY = text(
    f"UPDATE channel SET failing = least(failing + (SELECT count(*) {_BAD}), 1000) WHERE id = :id"
    f" AND (EXISTS (SELECT {_BAD}) OR breaker = 'trial' AND EXISTS (SELECT {_AGAIN})) RETURNING breaker, failing, name"
)
_OPEN = text(
    f"UPDATE channel SET breaker = 'open', probe_at = {_PAUSE}, openings = openings + 1 WHERE id = :id AND breaker <> 'open'"
)


def note(
    session: Session,
    now: datetime,
    channel_id: UUID,
    good: int,
    bad: Sequence[datetime],
    again: Sequence[datetime] = (),
) -> bool:
    """Note what became of texts that were answered together: `good` well; `bad` are when those began that were not, or were refused for now;
    `again` are those of which that is no news, as they were refused before: one text that is tried again and again must not close the way to
    others. True if that opened it.

    One that was answered is a sign that it works, whatever became of its neighbours. Its row is locked, but not where all is well.
    """
    if good:
        row = session.execute(_WELL, {"id": channel_id}).first()
        if row is not None and row.was == Breaker.TRIAL:
            log.info("channel_works_again", channel=row.name)
        return False
    if not bad and not again:
        return False
    row = session.execute(_BADLY, {"id": channel_id, "bad": list(bad), "again": list(again)}).first()
    if row is None or row.breaker == Breaker.OPEN:
        return False
    if row.breaker == Breaker.CLOSED and row.failing < FAILURES:
        return False
    session.execute(_OPEN, {"id": channel_id, "now": now})
    log.warning("channel_opened", channel=row.name, failures=row.failing)
    return True


def give_up(session: Session, now: datetime, channel_id: UUID) -> None:
    """Note that a channel does not work, of which no answer tells."""
    note(session, now, channel_id, 0, [now] * FAILURES)


_TAKE_PROBE = text(
    "UPDATE channel SET probe_at = :until WHERE id = :id AND breaker = 'open' AND probe_at <= :now RETURNING id"
)


def take_probe(session: Session, now: datetime, channel_id: UUID) -> bool:
    """Whether the caller is the one that is to test the connection now."""
    parameters = {"id": channel_id, "now": now, "until": now + PROBE_LIMIT}
    return session.execute(_TAKE_PROBE, parameters).first() is not None


_PROBED_WELL = text("UPDATE channel SET breaker = 'trial', failing = 0 WHERE id = :id AND breaker = 'open'")
_PROBED_BADLY = text(
    f"UPDATE channel SET probe_at = {_PAUSE}, openings = openings + 1 WHERE id = :id AND breaker = 'open'"
)


def probed(session: Session, now: datetime, channel_id: UUID, well: bool) -> None:
    """What the test found."""
    if well:
        session.execute(_PROBED_WELL, {"id": channel_id})
    else:
        session.execute(_PROBED_BADLY, {"id": channel_id, "now": now})
