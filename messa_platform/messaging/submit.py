"""The one way in: what a door hands over becomes messages, or is refused with a status that is stored all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.logs import logger
from messa_platform.core.pipeline import Pipeline
from messa_platform.messaging import guard, store
from messa_platform.messaging.drafts import (
    Draft,
    NotAllowed,
    NotItsSender,
    Receipted,
    Repeated,
    Result,
    Submission,
    draw_up,
    entry,
    is_its_own,
    sender_id,
    sender_ids,
)
from messa_platform.messaging.grounds import Grounds, read
from messa_platform.messaging.lead import lead
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.store import ThreadKey, Touched
from messa_platform.tenants import numbers
from messa_platform.tenants.quota import Demand, Granted, Reservation
from messa_platform.tenants.senders import Sender

log = logger(__name__)


class Announcer(Protocol):
    """Tells others what a submission brought about, after its transaction is committed."""

    def waiting(self, session: Session, channel_id: UUID) -> None:
        """Something waits to leave by a channel."""

    def pool_empty(self, session: Session, now: datetime) -> None:
        """There was no number left to lend (spec R6)."""


def submit(
    session: Session,
    clock: Clock,
    announcer: Announcer,
    submissions: Sequence[Submission],
    grounds: Grounds | None = None,
) -> list[Result]:
    """Take in submissions, all in the session's transaction; gives what became of each, in order.

    The number of statements does not depend on how many submissions and recipients there are. Where nothing is out of the ordinary they
    take three round trips: one reads the grounds, unless they were read before and are given; one claims and locks; and one stores, with
    the commit. What is out of the ordinary: a reference, a number that must be lent, the first text of a day, more than a few recipients.
    """
    now = clock.now()
    if grounds is None or not grounds.hold_for(s.account_id for s in submissions):
        grounds = read(session, (s.account_id for s in submissions))
    allowed, drafted = examine(session, now, submissions, grounds)
    repeated = guard.recognise_repeats(session, now, submissions, drafted)
    drafts = [d for index, of_one in drafted.items() if index not in repeated for d in of_one]
    in_thread = _claim(session, now, drafts)
    guard.note_unguarded(session, now, drafts)
    if not _lend_sender_ids(session, now, drafts):
        announcer.pool_empty(session, now)
    store.messages(session, now, drafts, in_thread)
    log.info(
        "messages_stored",
        messages={str(d.id): str(d.submission.mail_id or d.submission.door) for d in drafts},
    )
    leaving = (d for d in drafts if d.outcome is Status.QUEUED)
    for channel_id in sorted({d.channel_id for d in leaving if d.channel_id}):
        announcer.waiting(session, channel_id)
    return [
        _result(submission, now, allowed.get(index), drafted.get(index), repeated.get(index))
        for index, submission in enumerate(submissions)
    ]


def examine(
    session: Session, now: datetime, submissions: Sequence[Submission], grounds: Grounds
) -> tuple[dict[int, Sender], dict[int, list[Draft]]]:
    """Who sends, and the drafts, by the submission's index: refused are those of which the grounds alone tell that they must not go.

    A submission whose account may not send is in neither, and one whose sender id is not its account's has no drafts. `rehearse` begins the
    same way.
    """
    found = ((index, grounds.senders.get(s.account_id)) for index, s in enumerate(submissions))
    allowed = {index: sender for index, sender in found if sender is not None and not sender.blocked}
    drafted = {
        index: draw_up(submissions[index], sender, grounds.own, now)
        for index, sender in allowed.items()
        if is_its_own(sender, submissions[index].sender_id)
    }
    lead(session, now, (d for of_one in drafted.values() for d in of_one if d.open), grounds.ways)
    return allowed, drafted


def _claim(session: Session, now: datetime, drafts: Sequence[Draft]) -> Mapping[ThreadKey, Touched]:
    """Refuse the drafts that must not be sent, and reserve what the others cost; gives the threads of all. One round trip: of what will
    turn out to be refused the quota is locked, too, which harms nobody."""
    pipeline = Pipeline(session)
    claims = guard.Claims(pipeline, now, drafts)
    reservation = Reservation(pipeline, now, _demands(drafts))
    in_thread = store.ask_threads(pipeline, now, store.touches(drafts))
    pipeline.send()
    claims.settle()
    _grant(session, reservation, drafts)
    guard.settle_twins(claims.twins)
    return in_thread()


def _demands(drafts: Iterable[Draft]) -> list[Demand]:
    return [
        Demand(d.sender.account_id, d.sender.tenant_since, d.sender.settings, d.parts)
        for d in drafts
        if d.open
    ]


def _grant(session: Session, reservation: Reservation, drafts: Sequence[Draft]) -> None:
    waiting = [d for d in drafts if d.open]
    refused = []
    for draft, answer in zip(waiting, reservation.grant(_demands(waiting)), strict=True):
        if isinstance(answer, Granted):
            draft.buckets = list(answer.buckets)
        else:
            draft.strike(answer)
            refused.append(draft.id)
    guard.release(session, refused)


def _lend_sender_ids(session: Session, now: datetime, drafts: Sequence[Draft]) -> bool:
    """Set each open draft's sender id: what was chosen, else the account's own number where it may receive, else the sender name.

    False: no number was left.
    """
    waiting = [d for d in drafts if d.open]
    without = {
        d.sender.account_id: d.sender
        for d in waiting
        if d.sender.settings.may_receive and not d.sender.number and d.submission.sender_id is None
    }
    lent = numbers.lend(session, now, list(without.values()))
    for draft in waiting:
        lent_to_it = lent.get(draft.sender.account_id)
        draft.local = sender_id(draft.sender, lent_to_it, draft.submission.sender_id)
    return len(lent) == len(without)


def _result(
    submission: Submission,
    now: datetime,
    sender: Sender | None,
    drafts: Sequence[Draft] | None,
    repeated: Repeated | None,
) -> Result:
    if sender is None:
        return NotAllowed(submission)
    if drafts is None:
        return NotItsSender(submission, sender_ids(sender))
    return repeated or Receipted(submission, sender, now, tuple(entry(d) for d in drafts))
