"""Incoming texts: into the thread and the log, and on to the account as a mail (spec R2, R3, R5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import ask_insert, store_rows
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.core.pipeline import Pipeline, Reply, at_commit
from messa_platform.core.segments import segment
from messa_platform.messaging import feed, opt_out, pieces
from messa_platform.messaging.models import Door
from messa_platform.messaging.outcomes import REFERENCE
from messa_platform.messaging.outward.note import Happening, Push, ask_listening, note_heard
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import EVENT, MESSAGE, ThreadKey, Touch, Touched, ask_threads, event_row
from messa_platform.providers.base import IncomingText
from messa_platform.tenants.accounts import FREE_MASTER
from messa_platform.tenants.numbers import AskedHolders, Holder, ask_holders
from messa_platform.tenants.senders import Sender

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An incoming text that reached the account `holder`."""

    message_id: UUID
    holder: Sender
    thread: Touched
    remote: str
    local: str
    text: str


class Listener(Protocol):
    """Told of incoming texts that reached an account, in the transaction that stores them."""

    def came_in(self, session: Session, now: datetime, arrivals: Sequence[Arrival]) -> None:
        """Queue what is to follow, such as the mail to the account."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of texts that came in: `listener` of those that reached an account, `wake` of what follows a STOP (see `opt_out.hear`), and
    `push` wakes who tells endpoints (see `outward.note`)."""

    listener: Listener
    wake: opt_out.Wake | None = None
    push: Push | None = None


def take(
    session: Session, now: datetime, channel_id: UUID, texts: Sequence[IncomingText], told: Told
) -> None:
    """Store texts that came in by a channel. Repeats are known by their reference."""
    if not texts:
        return
    pipeline = Pipeline(session)
    unseen = _ask_unseen(pipeline, channel_id, texts)
    whose = _ask_whose(pipeline, channel_id, texts)
    pipeline.send()
    new, partial = pieces.join(session, now, channel_id, unseen())
    _store(session, now, channel_id, new, partial, whose, told)


def give_up(session: Session, now: datetime, told: Told) -> None:
    """Let through what waits for its other pieces for too long. For the sweeper, every minute or so."""
    for channel_id, new in pieces.give_up(session, now).items():
        pipeline = Pipeline(session)
        whose = _ask_whose(pipeline, channel_id, [t for _, t in new])
        pipeline.send()
        _store(session, now, channel_id, new, {i for i, _ in new}, whose, told)


_Reached = tuple[UUID, IncomingText, Sender]
"""A text with its id and whom it reached."""


def _store(
    session: Session,
    now: datetime,
    channel_id: UUID,
    new: Sequence[pieces.New],
    partial: AbstractSet[UUID],
    whose: _Whose,
    told: Told,
) -> None:
    if not new:
        return
    held, known = whose.found(session)
    reached = [(i, t, known[held[t.recipient].account_id]) for i, t in new if _reaches(held.get(t.recipient))]
    in_thread, is_heard = _into_threads(session, now, reached)
    nobody = _nobody(session) if any(t.recipient not in held for _, t in new) else None
    rows = []
    for identifier, incoming in new:
        holder = held.get(incoming.recipient)
        place = _place(known[holder.account_id]) if holder else nobody
        assert place is not None
        thread = in_thread.get((place[2], incoming.sender)) if _reaches(holder) else None
        rows.append(_row(now, channel_id, identifier, incoming, place, thread.id if thread else None))
        if thread is None:
            log.warning("incoming_to_nobody", message=str(identifier), resting=holder is not None)
    last = at_commit(session)
    store_rows(last, MESSAGE, rows)
    store_rows(last, EVENT, [_event(r, now, r["id"] in partial) for r in rows])
    opt_out.hear(session, now, [_said(i, t, s) for i, t, s in reached], told.wake)
    feed.tell(session, {s.account_id for _, _, s in reached})
    if is_heard:
        note_heard(session, [_happening(i, s, now) for i, _, s in reached], told.push)
    told.listener.came_in(session, now, [_arrival(one, in_thread) for one in reached])


def _into_threads(
    session: Session, now: datetime, reached: Sequence[_Reached]
) -> tuple[Mapping[ThreadKey, Touched], bool]:
    """The threads that these belong into, made where missing; and whether any of their tenants has an endpoint."""
    touches = [Touch(s.settings.tenant_id, s.account_id, t.sender, i, unread=True) for i, t, s in reached]
    pipeline = Pipeline(session)
    threads = ask_threads(pipeline, now, touches)
    heard = ask_listening(pipeline, sorted({s.settings.tenant_id for _, _, s in reached}))
    pipeline.send()
    return threads(), heard()


def _arrival(reached: _Reached, in_thread: Mapping[ThreadKey, Touched]) -> Arrival:
    identifier, incoming, holder = reached
    thread = in_thread[holder.account_id, incoming.sender]
    return Arrival(identifier, holder, thread, incoming.sender, incoming.recipient, incoming.text)


_OWNER = text("SELECT tenant_id FROM channel WHERE id = :id")


@dataclass(frozen=True, slots=True)
class _Whose:
    """Who holds the numbers that texts of a channel came to, and whose that is, asked for in a pipeline."""

    holders: AskedHolders
    owner: Reply

    def found(self, session: Session) -> tuple[dict[str, Holder], Mapping[UUID, Sender]]:
        """The holders that texts of the channel may reach, by number, and all holders as senders. By a channel of a tenant's own, whose
        callbacks are proven by a key that the tenant knows, nobody else's numbers are reached: it could bring whatever it likes to them."""
        held, known = self.holders.found(session)
        owner = next((row.tenant_id for row in self.owner.rows), None)
        if owner is None:
            return held, known
        return {n: h for n, h in held.items() if known[h.account_id].settings.tenant_id == owner}, known


def _ask_whose(pipeline: Pipeline, channel_id: UUID, texts: Sequence[IncomingText]) -> _Whose:
    holders = ask_holders(pipeline, sorted({t.recipient for t in texts}))
    return _Whose(holders, pipeline.ask(_OWNER, {"id": channel_id}))


def _said(identifier: UUID, incoming: IncomingText, holder: Sender) -> opt_out.Said:
    return opt_out.Said(
        holder.settings.tenant_id, holder.account_id, incoming.sender, identifier, incoming.text
    )


def _happening(identifier: UUID, holder: Sender, now: datetime) -> Happening:
    own = holder.settings
    return Happening(own.tenant_id, own.group_id, holder.account_id, identifier, Status.INCOMING, "", now)


def _event(row: dict[str, Any], now: datetime, partial: bool) -> dict[str, object]:
    return event_row(row["id"], row["tenant_id"], Status.INCOMING, now, pieces.PARTIAL if partial else "")


def _reaches(holder: Holder | None) -> bool:
    # a number that rests is nobody's: its last holder's log has the text, its next holder never sees it (spec R5)
    return holder is not None and not holder.resting


def _ask_unseen(
    pipeline: Pipeline, channel_id: UUID, texts: Sequence[IncomingText]
) -> Callable[[], list[tuple[UUID, IncomingText]]]:
    """Note the references of texts; those that were not known before, with the ids that they get, once the pipeline was sent."""
    given = [(new_id(), t) for t in texts]
    rows = [{"channel_id": channel_id, "reference": f"in:{t.reference}", "message_id": i} for i, t in given]
    in_order = sorted(rows, key=lambda r: str(r["reference"]))
    noted = ask_insert(pipeline, REFERENCE, in_order, "ON CONFLICT DO NOTHING RETURNING message_id")

    def unseen() -> list[tuple[UUID, IncomingText]]:
        new = {row.message_id for row in noted.rows}
        return [(i, t) for i, t in given if i in new]

    return unseen


NOBODY = UUID(int=0)
"""The account of a text to a number that nobody has ever held; it is logged in *free*, the platform's own tenant."""

_Place = tuple[UUID, UUID, UUID]
"""Tenant, group and account."""


def _place(owner: Sender) -> _Place:
    return owner.settings.tenant_id, owner.settings.group_id, owner.account_id


def _nobody(session: Session) -> _Place:
    free = session.execute(FREE_MASTER).one()
    return free.tenant_id, free.group_id, NOBODY


def _row(
    now: datetime,
    channel_id: UUID,
    identifier: UUID,
    incoming: IncomingText,
    place: _Place,
    thread_id: UUID | None,
) -> dict[str, object]:
    tenant_id, group_id, account_id = place
    return {
        "id": identifier,
        "tenant_id": tenant_id,
        "group_id": group_id,
        "account_id": account_id,
        "thread_id": thread_id,
        "direction": Direction.IN,
        "door": Door.PROVIDER,
        "status": Status.INCOMING,
        "status_at": now,
        "remote": incoming.sender,
        "local": incoming.recipient,
        "text": incoming.text,
        "encoding": segment(incoming.text).encoding,
        "parts": 0,
        "channel_id": channel_id,
        "created_at": now,
    }
