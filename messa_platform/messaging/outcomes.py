"""What came of sends, written back: statuses, references for receipts, receipts that came before, quota given back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.work import Claim, WorkQueue
from messa_platform.messaging import guard, receipts
from messa_platform.messaging.changes import Word, apply
from messa_platform.messaging.models import ProviderReference
from messa_platform.messaging.statuses import Status
from messa_platform.providers.base import Accepted, Rejected
from messa_platform.tenants import quota

REFERENCE = cast(Table, ProviderReference.__table__)

Settled = Sequence[tuple[Claim, Accepted | Rejected]]

DOUBT = (
    timedelta(seconds=2),
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
)
"""Pauses between questions about a doubtful text that the provider could not answer; after the last it stays UNCONFIRMED."""


def write(session: Session, now: datetime, queue: WorkQueue, channel_id: UUID, settled: Settled) -> None:
    """Write the outcomes of a batch: accepted ones are SENT, refused ones UNSENT or tried again."""
    accepted = [(c, a) for c, a in settled if isinstance(a, Accepted)]
    refused = [(c, a) for c, a in settled if isinstance(a, Rejected) and (a.permanent or _spent(queue, c))]
    again = [(c, a) for c, a in settled if isinstance(a, Rejected) and not (a.permanent or _spent(queue, c))]
    # Our own record of an acceptance is true whoever holds the lease by now; so no lease is asked for here.
    _remove(session, [c.id for c, _ in accepted + refused])
    _reference(session, channel_id, accepted)
    early = receipts.early_words(session, channel_id, [a.reference for _, a in accepted])
    words = [Word(c.id, Status.SENT, "", now) for c, _ in accepted]
    words += early
    words += [Word(c.id, Status.UNSENT, a.code, now) for c, a in refused]
    unsent = [m for m in apply(session, words) if m.status is Status.UNSENT]
    quota.give_back(session, [(m.buckets, m.parts) for m in unsent])
    guard.release(session, [m.message_id for m in unsent])
    for claim, answer in again:
        queue.put_back(session, claim, now, answer.code)


def _spent(queue: WorkQueue, claim: Claim) -> bool:
    return bool(claim.row.attempts > len(queue.pauses))


_REMOVE = text("DELETE FROM dispatch_queue WHERE id = ANY(CAST(:ids AS uuid[]))")


def _remove(session: Session, ids: Sequence[UUID]) -> None:
    if ids:
        session.execute(_REMOVE, {"ids": list(ids)})


def _reference(session: Session, channel_id: UUID, accepted: Sequence[tuple[Claim, Accepted]]) -> None:
    rows = [{"channel_id": channel_id, "reference": a.reference, "message_id": c.id} for c, a in accepted]
    insert_rows(session, REFERENCE, sorted(rows, key=lambda r: str(r["reference"])), "ON CONFLICT DO NOTHING")


def try_again(session: Session, now: datetime, queue: WorkQueue, claims: Sequence[Claim]) -> None:
    """The provider never got these: they go back into the queue."""
    for claim in claims:
        if queue.put_back(session, claim, now, "absent"):
            _give_up(session, now, [claim], Status.UNSENT)


def ask_again(session: Session, now: datetime, queue: WorkQueue, claims: Sequence[Claim]) -> None:
    """The provider could not tell now: the lease is prolonged, so that the row is asked for again and not sent."""
    for claim in claims:
        tries = claim.row.attempts - 1
        if tries >= len(DOUBT):
            _give_up(session, now, [claim], Status.UNCONFIRMED)
        else:
            queue.prolong(session, claim, now + DOUBT[tries])


def leave_unconfirmed(session: Session, now: datetime, queue: WorkQueue, claims: Sequence[Claim]) -> None:
    """Nobody can say whether these left, and the provider cannot be asked: they stay UNCONFIRMED until a receipt comes."""
    _give_up(session, now, claims, Status.UNCONFIRMED)


def _give_up(session: Session, now: datetime, claims: Sequence[Claim], status: Status) -> None:
    _remove(session, [c.id for c in claims])
    moved = apply(session, [Word(c.id, status, "", now) for c in claims])
    unsent = [m for m in moved if m.status is Status.UNSENT]
    quota.give_back(session, [(m.buckets, m.parts) for m in unsent])
    guard.release(session, [m.message_id for m in unsent])
