"""What must not be sent: a submission handed in again (spec M9, V3), the same text within 24 hours (M9), a text to one who said STOP (R4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, ask_insert, given, insert_rows
from messa_platform.core.pipeline import Pipeline, Reply, at_commit
from messa_platform.messaging.drafts import Draft, Repeated, Submission
from messa_platform.messaging.models import ClientReference, RecentText
from messa_platform.messaging.statuses import Status

REFERENCES = cast(Table, ClientReference.__table__)
RECENT = cast(Table, RecentText.__table__)

WINDOW = timedelta(hours=24)

_FORMER = text(
    "SELECT r.account_id, r.reference, r.message_id FROM client_reference r"
    " JOIN unnest(CAST(:accounts AS uuid[]), CAST(:references AS text[])) AS given (account_id, reference)"
    " USING (account_id, reference)"
)


def recognise_repeats(
    session: Session, now: datetime, submissions: Sequence[Submission], drafts: Mapping[int, Sequence[Draft]]
) -> dict[int, Repeated]:
    """Note each submission's reference; gives, by index, those that were handed in before."""
    named = [
        (s.account_id, s.reference, i) for i, s in enumerate(submissions) if s.reference and drafts.get(i)
    ]
    rows = [
        {"account_id": account, "reference": reference, "message_id": drafts[i][0].id, "at": now}
        for account, reference, i in sorted(named)
    ]
    noted = insert_rows(session, REFERENCES, rows, "ON CONFLICT DO NOTHING RETURNING message_id")
    new = {row.message_id for row in noted}
    repeats = [(account, reference, i) for account, reference, i in named if drafts[i][0].id not in new]
    if not repeats:
        return {}
    parameters = {"accounts": [r[0] for r in repeats], "references": [r[1] for r in repeats]}
    former = {(row.account_id, row.reference): row.message_id for row in session.execute(_FORMER, parameters)}
    return {i: Repeated(submissions[i], former[account, reference]) for account, reference, i in repeats}


_OPTED_OUT = text(
    "SELECT o.account_id, o.remote FROM opt_out o"
    " JOIN unnest(CAST(:accounts AS uuid[]), CAST(:remotes AS text[])) AS given (account_id, remote) USING (account_id, remote)"
)


def opted_out(session: Session, pairs: Iterable[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Of the pairs of an account and a remote number those where the number has said STOP."""
    asked = sorted(set(pairs))
    if not asked:
        return set()
    parameters = {"accounts": [a for a, _ in asked], "remotes": [r for _, r in asked]}
    return {(row.account_id, row.remote) for row in session.execute(_OPTED_OUT, parameters)}


def refuse_opted_out(session: Session, drafts: Sequence[Draft]) -> None:
    """Refuse the open drafts to numbers that have said STOP to their sender (spec R4), as `Claims` would."""
    asked = [d for d in drafts if d.open and not d.submission.despite_stop]
    stopped = opted_out(session, ((d.sender.account_id, d.recipient) for d in asked))
    for draft in asked:
        if (draft.sender.account_id, draft.recipient) in stopped:
            draft.refuse(Status.BLOCKED)


# A text sent longer ago than the window is forgotten. A row that stays as it is gets locked all the same, so that all who send
# the same text come one after the other; in one order, so that none who send several wait for each other in a ring.
_CLAIM = text(
    "WITH given AS MATERIALIZED (SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS given"
    " (account_id uuid, remote text, digest bytea, message_id uuid, at timestamptz, despite_stop boolean)),"
    " stopped AS (SELECT g.message_id FROM given g JOIN opt_out o USING (account_id, remote)),"
    " claimed AS (INSERT INTO recent_text (account_id, remote, digest, message_id, at) SELECT account_id, remote, digest, message_id, at"
    " FROM given g WHERE despite_stop OR NOT EXISTS (SELECT FROM stopped s WHERE s.message_id = g.message_id)"
    ' ORDER BY account_id, remote COLLATE "C", digest ON CONFLICT (account_id, remote, digest) DO UPDATE'
    " SET message_id = EXCLUDED.message_id, at = EXCLUDED.at WHERE recent_text.at <= EXCLUDED.at - interval '24 hours' RETURNING message_id)"
    " SELECT message_id, true AS stopped FROM stopped UNION ALL SELECT message_id, false FROM claimed"
)
_TAKE = "ON CONFLICT (account_id, remote, digest) DO UPDATE SET message_id = EXCLUDED.message_id, at = EXCLUDED.at"


GuardKey = tuple[UUID, str, bytes]
Twins = list[tuple[Draft, Draft]]


class Claims:
    """The texts of open drafts on their way to being noted as sent, with what else a pipeline sends.

    `twins` are the pairs (later, first) of drafts in this very batch with the same text: the later one's fate hangs on the first's, which
    `settle_twins` tells once the quota has spoken.
    """

    def __init__(self, pipeline: Pipeline, now: datetime, drafts: Sequence[Draft]) -> None:
        self._drafts = [d for d in drafts if d.open]
        first, self.twins = _pair(drafts)
        self._claimed = list(first.values())
        rows = [
            {**row, "despite_stop": d.submission.despite_stop}
            for row, d in zip(_rows(self._claimed, now), self._claimed, strict=True)
        ]
        self._reply = pipeline.ask(_CLAIM, {"rows": as_parameter(rows)}) if rows else Reply([])

    def settle(self) -> None:
        """Refuse the drafts to numbers that have said STOP (spec R4), and those whose text was sent within the window."""
        stopped = {row.message_id for row in self._reply.rows if row.stopped}
        noted = {row.message_id for row in self._reply.rows if not row.stopped}
        numbers = {(d.sender.account_id, d.recipient) for d in self._claimed if d.id in stopped}
        for draft in self._drafts:  # those, too, that ask no guard and have the text of another
            if (draft.sender.account_id, draft.recipient) in numbers and not draft.submission.despite_stop:
                draft.refuse(Status.BLOCKED)
        _refuse((d for d in self._claimed if d.open and d.id not in noted), self.twins)


_SENT_LATELY = text(
    "SELECT account_id, remote, digest, at FROM recent_text"
    f" JOIN {given(RECENT, ('account_id', 'remote', 'digest'))} USING (account_id, remote, digest) WHERE at > :since"
)


def foresee_texts(
    session: Session, now: datetime, drafts: Sequence[Draft]
) -> tuple[dict[GuardKey, datetime], Twins]:
    """What `Claims` would do to the open drafts, done to them with nothing noted.

    Gives also when each text was last sent within the window, guarded or not.
    """
    first, twins = _pair(drafts)
    asked = [{"account_id": a, "remote": r, "digest": d} for a, r, d in first]
    parameters = {"rows": as_parameter(asked), "since": now - WINDOW}
    rows = session.execute(_SENT_LATELY, parameters)
    sent = {(row.account_id, row.remote, bytes(row.digest)): row.at for row in rows}
    _refuse((d for key, d in first.items() if key in sent), twins)
    return sent, twins


def _pair(drafts: Sequence[Draft]) -> tuple[dict[GuardKey, Draft], Twins]:
    """Of the open drafts the first with each text, and the later guarded ones with theirs."""
    first: dict[GuardKey, Draft] = {}
    twins: Twins = []
    for draft in (d for d in drafts if d.open):
        former = first.setdefault(draft.guard_key, draft)
        if former is not draft and draft.submission.guard:
            twins.append((draft, former))
    return first, twins


def _refuse(sent: Iterable[Draft], twins: Twins) -> None:
    for draft in sent:
        if draft.submission.guard:
            draft.refuse(Status.ALREADY_SENT)
    for later, _ in twins:
        later.refuse(Status.ALREADY_SENT)


def note_unguarded(session: Session, now: datetime, drafts: Sequence[Draft]) -> None:
    """Note the open drafts that asked for no guard, once the quota has spoken: one that was refused must not put a sent one out of mind."""
    last = {d.guard_key: d for d in drafts if d.open and not d.submission.guard}
    ask_insert(at_commit(session), RECENT, _rows([last[k] for k in sorted(last)], now), _TAKE)


def _rows(drafts: Iterable[Draft], now: datetime) -> list[dict[str, object]]:
    rows = []
    for draft in drafts:
        account_id, remote, digest = draft.guard_key
        rows.append(
            {"account_id": account_id, "remote": remote, "digest": digest, "message_id": draft.id, "at": now}
        )
    return rows


def settle_twins(twins: Iterable[tuple[Draft, Draft]]) -> None:
    """A later twin of a draft that was refused after all is refused for the same reason, since only sent texts count."""
    for later, first in twins:
        if not first.open:
            later.status = first.status
            later.rule_group_id, later.rule_group_name = first.rule_group_id, first.rule_group_name


# The rows are locked in the order in which `Claims` takes them, else the two could wait for each other in a ring.
_RELEASE = text(
    "DELETE FROM recent_text r USING (SELECT account_id, remote, digest FROM recent_text WHERE message_id = ANY(CAST(:ids AS uuid[]))"
    ' ORDER BY account_id, remote COLLATE "C", digest FOR UPDATE) AS freed'
    " WHERE (r.account_id, r.remote, r.digest) = (freed.account_id, freed.remote, freed.digest)"
)


def release(session: Session, message_ids: Sequence[UUID]) -> None:
    """These messages were not sent after all: their texts may be tried again, once the session's transaction is committed."""
    if message_ids:
        at_commit(session).ask(_RELEASE, {"ids": list(message_ids)})


_FORGET_TEXTS = text("DELETE FROM recent_text WHERE at < :before")
_FORGET_REFERENCES = text("DELETE FROM client_reference WHERE at < :before")


def forget_old(session: Session, now: datetime) -> None:
    """Drop what guards nothing any more: texts after their window, references after 30 days."""
    session.execute(_FORGET_TEXTS, {"before": now - WINDOW})
    session.execute(_FORGET_REFERENCES, {"before": now - timedelta(days=30)})
