"""The test SMS to one's own mobile (spec U1): once a minute, by the way that every text goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.messaging.drafts import Entry, NotAllowed, Receipted, Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.submit import Announcer, submit

PAUSE = timedelta(minutes=1)
"""Between two test texts of an account."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The text was taken in, or refused, as `entry` says."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class TooSoon:
    """There was one just now."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The account may not send at all."""


_LATELY = text(
    "SELECT EXISTS (SELECT FROM client_reference WHERE account_id = :account_id AND reference = ANY(CAST(:references AS text[]))"
    " AND at > :since)"
)


def _reference(at: datetime) -> str:
    return f"test:{int(at.timestamp() // PAUSE.total_seconds())}"


def send_test(
    session: Session, clock: Clock, announcer: Announcer, account_id: UUID, mobile: str, words: str
) -> Tried | TooSoon | Blocked:
    """Send `words` to the owner's own mobile (E.164).

    The submission is called by its minute, so that two at once are one; the minute before is looked up.
    """
    now = clock.now()
    lately = {
        "account_id": account_id,
        "references": [_reference(now), _reference(now - PAUSE)],
        "since": now - PAUSE,
    }
    if session.execute(_LATELY, lately).scalar_one():
        return TooSoon()
    submission = Submission(account_id, Door.PORTAL, words, [mobile], reference=_reference(now), guard=False)
    [result] = submit(session, clock, announcer, [submission])
    if isinstance(result, NotAllowed):
        return Blocked()
    return Tried(result.entries[0]) if isinstance(result, Receipted) else TooSoon()
