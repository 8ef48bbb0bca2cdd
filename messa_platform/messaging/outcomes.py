"""What came of sends, written back: statuses, references for receipts, receipts that came before, quota given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import Table, TextClause, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.work import Claim, WorkQueue, pauses
from messa_platform.messaging import guard, receipts
from messa_platform.messaging.changes import Word, apply
from messa_platform.messaging.models import ProviderReference
from messa_platform.messaging.outward.note import Push
from messa_platform.messaging.statuses import Status
from messa_platform.providers.base import Accepted, Rejected, Unknown
from messa_platform.tenants import quota

REFERENCE = cast(Table, ProviderReference.__table__)

Settled = Sequence[tuple[Claim, Accepted | Rejected]]
Doubtful = Sequence[tuple[Claim, Unknown]]

DOUBT = pauses(5, 10, 60, 600, *[3600] * 24)
"""Pauses before each question about a doubtful text; after about a day it stays UNCONFIRMED.

The first is not zero: a text still on its way to the provider must not be taken for one that it never got.
"""


IN_DOUBT, ABSENT, SENT_AGAIN = "in_doubt", "absent", "sent_again"
"""Codes of events: nobody knew whether the provider has a text (why stands behind it); it has not; it may, and is sent the text again since it
knows a repeat."""


class Listener(Protocol):
    """Told of texts that end as UNSENT, in the transaction that says so."""

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        """Queue what is to follow, such as the mail to the sender (spec M10)."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Writes what came of the sends of one queue, and tells `listener`. `push` wakes who tells endpoints."""

    queue: WorkQueue
    listener: Listener
    push: Push | None = None

    def write(
        self,
        session: Session,
        now: datetime,
        channel_id: UUID,
        settled: Settled,
        absent: Sequence[Claim] = (),
        doubtful: Doubtful = (),
    ) -> None:
        """Write the outcomes of a batch: accepted ones are SENT, refused ones UNSENT or tried again, which the log tells.

        `absent` are those that the provider never got: they are tried again as well, as if they had never been in doubt. Whether it has the
        `doubtful` ones nobody can tell now: they stay leased, to be asked for after a pause, not sent. All in one, since messages and quotas
        are locked in one order.
        """
        accepted = [(c, a) for c, a in settled if isinstance(a, Accepted)]
        refused = [(c, a.code, a.permanent) for c, a in settled if isinstance(a, Rejected)]
        refused += [(c, ABSENT, False) for c in absent]
        over = [(c, code) for c, code, permanent in refused if permanent or self._spent(c)]
        given_up = [c for c, _ in doubtful if c.row.doubts >= len(DOUBT)]
        # Our own record of an acceptance is true whoever holds the lease by now; so no lease is asked for here.
        _remove(session, [*(c.id for c, _ in accepted), *(c.id for c, _ in over), *(c.id for c in given_up)])
        _reference(session, channel_id, accepted)
        words = [Word(c.id, Status.SENT, "", now) for c, _ in accepted]
        words += receipts.early_words(
            session, channel_id, [r for _, a in accepted for r in (a.reference, *a.more)]
        )
        words += [Word(c.id, Status.UNSENT, code, now) for c, code in over]
        words += [Word(c.id, Status.UNCONFIRMED, "", now) for c in given_up]
        ended = {c.id for c, _ in over}
        left = [(c, code) for c, code, _ in refused if c.id not in ended]
        self._apply(session, now, [*words, *_said_besides(now, left, doubtful)])
        _run(session, _CLEAR_DOUBT, absent)
        self._put_back(session, now, left)
        _doubt(session, now, [c for c, _ in doubtful if c.row.doubts < len(DOUBT)])

    def _put_back(self, session: Session, now: datetime, left: Sequence[tuple[Claim, str]]) -> None:
        for claim, code in left:
            self.queue.put_back(session, claim, now, code)

    def _spent(self, claim: Claim) -> bool:
        return bool(claim.row.attempts > len(self.queue.pauses))

    def send_again(self, session: Session, now: datetime, claims: Sequence[Claim]) -> None:
        """Put texts back that their provider may have, which knows a repeat by our id: they stay in doubt, and so with that channel."""
        over, left = [c for c in claims if self._spent(c)], [c for c in claims if not self._spent(c)]
        _remove(session, [c.id for c in over])
        words = [Word(c.id, Status.UNCONFIRMED, "", now) for c in over]
        self._apply(session, now, words + [Word(c.id, None, SENT_AGAIN, now) for c in left])
        _run(session, _MARK_DOUBT, left)
        self._put_back(session, now, [(c, SENT_AGAIN) for c in left])

    def leave_unconfirmed(self, session: Session, now: datetime, claims: Sequence[Claim]) -> None:
        """Nobody can say whether these left, and the provider cannot be asked: they stay UNCONFIRMED."""
        _remove(session, [c.id for c in claims])
        self._apply(session, now, [Word(c.id, Status.UNCONFIRMED, "", now) for c in claims])

    def _apply(self, session: Session, now: datetime, words: Sequence[Word]) -> None:
        unsent = [m for m in apply(session, words, self.push) if m.status is Status.UNSENT]
        if unsent:
            ids = [m.message_id for m in unsent]
            # in the order in which `submit` takes them, texts before quotas, so that neither waits for the other in a ring
            guard.release(session, ids)
            quota.give_back(session, [(m.buckets, m.parts) for m in unsent])
            self.listener.unsent(session, now, ids)


def _said_besides(now: datetime, left: Sequence[tuple[Claim, str]], doubtful: Doubtful) -> list[Word]:
    """What the log tells of texts that are to be tried or asked for again; of a doubt once."""
    words = [Word(c.id, None, code, now) for c, code in left]
    return words + [Word(c.id, None, f"{IN_DOUBT} {a.reason}", now) for c, a in doubtful if not c.row.doubts]


def _doubt(session: Session, now: datetime, claims: Sequence[Claim]) -> None:
    for claim in claims:
        until = now + DOUBT[claim.row.doubts]
        session.execute(_DOUBT_ROW, {"id": claim.id, "lease": claim.lease_id, "until": until})


_DOUBT_ROW = text(
    "UPDATE dispatch_queue SET doubts = doubts + 1, next_attempt_at = :until, lease_id = NULL WHERE id = :id AND lease_id = :lease"
)
_REMOVE = text("DELETE FROM dispatch_queue WHERE id = ANY(CAST(:ids AS uuid[]))")


# A row that is `ready` and has a doubt may be with its provider; one without is surely with nobody.
_CLEAR_DOUBT = text("UPDATE dispatch_queue SET doubts = 0 WHERE id = ANY(CAST(:ids AS uuid[]))")
_MARK_DOUBT = text(
    "UPDATE dispatch_queue SET doubts = greatest(doubts, 1) WHERE id = ANY(CAST(:ids AS uuid[]))"
)


def _run(session: Session, statement: TextClause, claims: Sequence[Claim]) -> None:
    if claims:
        session.execute(statement, {"ids": [c.id for c in claims]})


def _remove(session: Session, ids: Sequence[UUID]) -> None:
    if ids:
        session.execute(_REMOVE, {"ids": list(ids)})


def _reference(session: Session, channel_id: UUID, accepted: Sequence[tuple[Claim, Accepted]]) -> None:
    rows = [
        {"channel_id": channel_id, "reference": reference, "message_id": c.id, "siblings": _siblings(a)}
        for c, a in accepted
        for reference in (a.reference, *a.more)
    ]
    insert_rows(session, REFERENCE, sorted(rows, key=lambda r: str(r["reference"])), "ON CONFLICT DO NOTHING")


def _siblings(accepted: Accepted) -> list[str] | None:
    return [accepted.reference, *accepted.more] if accepted.more else None
