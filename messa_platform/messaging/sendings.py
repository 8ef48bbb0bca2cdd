"""Sendings: one text to many, put together from pasted numbers, a saved list or a sheet, looked at, and confirmed (spec P2).

`sending_work` then works them off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import Clock
from messa_platform.core.ids import new_id
from messa_platform.core.segments import normalise as clean
from messa_platform.messaging.drafts import Submission, is_its_own, sender_ids
from messa_platform.messaging.models import Door, Sending, SendingWork
from messa_platform.messaging.opt_out import Wake
from messa_platform.messaging.rehearse import Rehearsal, rehearse_all
from messa_platform.messaging.sending_rows import (
    NotPrepared,
    Reason,
    Row,
    Stored,
    arrange,
    fill,
    placeholders,
    stored_row,
)
from messa_platform.messaging.sheets import MOST_ROWS
from messa_platform.messaging.statuses import Status
from messa_platform.tenants import numbers
from messa_platform.tenants.senders import senders

SENDINGS_ACTOR = "work_off_sendings"

MOST = MOST_ROWS
"""Recipients of a sending at the most."""
UNCONFIRMED_LIFE = timedelta(days=2)
"""How long a sending waits to be confirmed."""
ROWS_LIFE = timedelta(days=30)
"""How long what was handed in for a sending is kept once it is finished."""

WORK = cast(Table, SendingWork.__table__)

ACCEPTED = (Status.QUEUED, Status.SCHEDULED)
"""The words of rows that were taken in for sending."""


def prepare(
    session: Session,
    now: datetime,
    account_id: UUID,
    template: str,
    rows: Sequence[Row],
    *,
    door: Door = Door.PORTAL,
    client_ref: str | None = None,
    sender_id: str | None = None,
    most: int = MOST,
) -> UUID | NotPrepared:
    """Put a sending together and keep it, unconfirmed; gives its id. One in which no row gets anything is not put together, nor one with
    more than `most` rows or with a sender id that is not open to the account."""
    sender = senders(session, [account_id]).get(account_id)
    if sender is None or sender.blocked:
        return NotPrepared(Reason.NOT_ALLOWED)
    if len(rows) > most:
        return NotPrepared(Reason.TOO_MANY)
    if not is_its_own(sender, sender_id):
        return NotPrepared(Reason.NOT_ITS_SENDER, known=sender_ids(sender))
    own, country = numbers.own_ranges(session), sender.settings.country_code
    arranged = arrange(clean(template).rstrip(), [stored_row(row, country, own) for row in rows])
    if isinstance(arranged, NotPrepared):
        return arranged
    sending = Sending(
        id=new_id(),
        tenant_id=sender.settings.tenant_id,
        account_id=account_id,
        door=door,
        client_ref=client_ref,
        sender_id=sender_id,
        text=arranged.template,
        rows=arranged.rows,
        total=arranged.total,
        created_at=now,
    )
    session.add(sending)
    session.flush()
    return sending.id


def revise(session: Session, account_id: UUID, sending_id: UUID, template: str) -> NotPrepared | None:
    """Give an unconfirmed sending another text; None if that is done."""
    sending = session.get(Sending, sending_id, with_for_update=True, populate_existing=True)
    if sending is None or sending.account_id != account_id or sending.confirmed_at is not None:
        return NotPrepared(Reason.GONE)
    arranged = arrange(clean(template).rstrip(), sorted(sending.rows, key=lambda row: int(row["line"])))
    if isinstance(arranged, NotPrepared):
        return arranged
    sending.text, sending.rows, sending.total = arranged.template, arranged.rows, arranged.total
    session.flush()
    return None


def discard(session: Session, account_id: UUID, sending_id: UUID) -> bool:
    """Throw away an unconfirmed sending; False if the account has none of that id."""
    return session.execute(_DISCARD, {"id": sending_id, "account": account_id}).first() is not None


_DISCARD = text(
    "DELETE FROM sending WHERE id = :id AND account_id = :account AND confirmed_at IS NULL RETURNING id"
)

# Looking at it


@dataclass(frozen=True, slots=True)
class Sample:
    """What one recipient would get; `word` is the status as things stand."""

    line: int
    number: str
    text: str
    parts: int
    word: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that gets nothing, by its line, and why."""

    line: int
    written: str
    fault: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sending would bring about if it were confirmed now.

    `samples` are the first recipients; `recipients` counts the possible ones. `incomplete` are the lines in which something that the text
    asks for is empty, `repeated` those that say what an earlier one does. `already_sent` says when a number last got its text within 24
    hours. `needed` are the parts that it would cost if there were enough, `left` those that are left, None without a limit. `words`
    counts the possible recipients by the status that each would have.
    """

    id: UUID
    text: str
    columns: tuple[str, ...]
    confirmed: bool
    samples: tuple[Sample, ...]
    recipients: int
    invalid: tuple[BadRow, ...]
    incomplete: tuple[int, ...]
    repeated: tuple[int, ...]
    opted_out: tuple[str, ...]
    already_sent: Mapping[str, datetime]
    needed: int
    left: int | None
    may_send: bool
    words: Mapping[str, int]


def preview(
    session: Session, clock: Clock, account_id: UUID, sending_id: UUID, show: int = 5, guard: bool = True
) -> Preview | None:
    """Look at a sending, with or without the 24-hour guard; None if the account has none of that id.

    The number of statements does not depend on how many rows there are.
    """
    sending = session.get(Sending, sending_id, populate_existing=True)
    if sending is None or sending.account_id != account_id:
        return None
    rows = sending.rows[: sending.total]
    good = [row for row in rows if "fault" not in row]
    texts = [fill(sending.text, row["fields"]) for row in good]
    asked = [_submission(sending, filled, row, guard) for row, filled in zip(good, texts, strict=True)]
    foreseen = rehearse_all(session, clock, account_id, asked)
    wanted = [name.casefold() for name in placeholders(sending.text)]
    return Preview(
        id=sending.id,
        text=sending.text,
        columns=tuple(rows[0]["fields"]) if rows else (),
        confirmed=sending.confirmed_at is not None,
        samples=tuple(_sample(row, seen) for row, seen in list(zip(good, foreseen, strict=True))[:show]),
        recipients=len(good),
        invalid=tuple(BadRow(r["line"], r["number"], r["fault"]) for r in rows if "fault" in r),
        incomplete=tuple(row["line"] for row in good if _lacks(row, wanted)),
        repeated=tuple(row["line"] for row in sending.rows[sending.total :]),
        opted_out=tuple(sorted({number for seen in foreseen for number in seen.opted_out})),
        already_sent={number: at for seen in foreseen for number, at in seen.already_sent.items()},
        needed=sum(seen.needed for seen in foreseen),
        left=foreseen[0].left if foreseen else None,
        may_send=any(seen.may_send for seen in foreseen),
        words=Counter(entry.word for seen in foreseen for entry in seen.entries),
    )


def _submission(sending: Sending, filled: str, row: Stored, guard: bool) -> Submission:
    return Submission(
        sending.account_id,
        sending.door,
        filled,
        [row["number"]],
        guard=guard,
        send_at=sending.send_at,
        sender_id=sending.sender_id,
    )


def _sample(row: Stored, seen: Rehearsal) -> Sample:
    word = seen.entries[0].word if seen.entries else ""
    return Sample(row["line"], row["number"], seen.text, seen.parts, word)


def _lacks(row: Stored, wanted: Sequence[str]) -> bool:
    return any(not value for name, value in row["fields"].items() if name.casefold() in wanted)


# Confirming it


class Confirmation(StrEnum):
    """What became of a confirmation: the first of a sending counts, and the others do nothing."""

    NOW = "now"
    BEFORE = "before"
    GONE = "gone"


_CONFIRM = text(
    "UPDATE sending SET confirmed_at = :now, guard = :guard, send_at = :send_at"
    " WHERE id = :id AND account_id = :account AND confirmed_at IS NULL RETURNING id, tenant_id"
)


def confirm(
    session: Session,
    now: datetime,
    account_id: UUID,
    sending_id: UUID,
    *,
    guard: bool,
    send_at: datetime | None = None,
    wake: Wake | None = None,
) -> Confirmation:
    """Have a sending sent: `guard` asks the 24-hour guard, `send_at` is when (see `schedule.check_time`; None: now)."""
    key = {"id": sending_id, "account": account_id}
    row = session.execute(_CONFIRM, {**key, "now": now, "guard": guard, "send_at": send_at}).first()
    if row is None:
        known = session.execute(_EXISTS, key).first()
        return Confirmation.BEFORE if known else Confirmation.GONE
    insert_rows(session, WORK, [{"id": row.id, "tenant_id": row.tenant_id, "next_attempt_at": now}])
    if wake:
        wake(session, SENDINGS_ACTOR)
    return Confirmation.NOW


_EXISTS = text("SELECT 1 FROM sending WHERE id = :id AND account_id = :account")

# Seeing how far it has come


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sending has come: `done` of `total` rows, `accepted` of them for sending; `words` counts them by their words.

    `stuck`: it failed again and again, and waits for the operator.
    """

    id: UUID
    text: str
    client_ref: str | None
    total: int
    done: int
    accepted: int
    guard: bool
    send_at: datetime | None
    created_at: datetime
    confirmed_at: datetime | None
    finished_at: datetime | None
    stuck: bool
    words: Mapping[str, int]


_PROGRESS = (
    "SELECT s.id, s.text, s.client_ref, s.total, s.done, s.accepted, s.guard, s.send_at, s.created_at, s.confirmed_at, s.finished_at,"
    " coalesce(w.state = 'parked', false) AS stuck, {} AS words FROM sending s LEFT JOIN sending_work w ON w.id = s.id"
    " WHERE s.account_id = :account AND {}"
)
_COUNTED = (
    "(SELECT jsonb_object_agg(c.word, c.count) FROM (SELECT o.word, count(*) AS count FROM sending_outcome o"
    " WHERE o.sending_id = s.id GROUP BY o.word) c)"
)
_ONE = text(_PROGRESS.format(_COUNTED, "s.id = :id"))
_LATEST = text(
    _PROGRESS.format("NULL", "s.confirmed_at IS NOT NULL ORDER BY s.confirmed_at DESC LIMIT :most")
)


def progress(session: Session, account_id: UUID, sending_id: UUID) -> Progress | None:
    """How far one of an account's sendings has come; None if it has none of that id."""
    row = session.execute(_ONE, {"id": sending_id, "account": account_id}).first()
    return None if row is None else Progress(**{**row._mapping, "words": row.words or {}})


def latest(session: Session, account_id: UUID, most: int = 20) -> list[Progress]:
    """An account's confirmed sendings, the newest first, without their words."""
    rows = session.execute(_LATEST, {"account": account_id, "most": most})
    return [Progress(**{**row._mapping, "words": {}}) for row in rows]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row, as things stood then."""

    place: int
    recipient: str
    word: str
    message_id: UUID | None


_OUTCOMES = text(
    "SELECT o.place, o.recipient, o.word, o.message_id FROM sending_outcome o JOIN sending s ON s.id = o.sending_id"
    " WHERE s.id = :id AND s.account_id = :account AND o.place > :after AND (:all OR o.word <> ALL(CAST(:fine AS text[])))"
    " ORDER BY o.place LIMIT :most"
)


def outcomes(
    session: Session,
    account_id: UUID,
    sending_id: UUID,
    *,
    refused_only: bool = False,
    after: int = -1,
    most: int = 100,
) -> list[Outcome]:
    """What became of the rows behind the place `after`, or of those that were refused, in order."""
    parameters = {"id": sending_id, "account": account_id, "after": after, "most": most}
    rows = session.execute(_OUTCOMES, {**parameters, "all": not refused_only, "fine": list(ACCEPTED)})
    return [Outcome(*row) for row in rows]


_FORGET = text("DELETE FROM sending WHERE confirmed_at IS NULL AND created_at < :before")
_EMPTY = text("UPDATE sending SET rows = '[]' WHERE finished_at < :before AND jsonb_array_length(rows) > 0")


def forget_old(session: Session, now: datetime) -> None:
    """Drop what was never confirmed, and empty what was handed in for sendings that were finished long ago."""
    session.execute(_FORGET, {"before": now - UNCONFIRMED_LIFE})
    session.execute(_EMPTY, {"before": now - ROWS_LIFE})
