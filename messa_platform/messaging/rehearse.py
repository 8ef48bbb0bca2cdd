"""What `submit` would do, with nothing stored: for the live counter, and for asking before sending (spec P2, M9).

It takes the same way as `submit` as far as that only reads, and then foresees what the 24-hour guard and the quotas would say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.segments import (
    GSM_PART,
    GSM_SINGLE,
    UCS2_PART,
    UCS2_SINGLE,
    Encoding,
    segment,
)
from messa_platform.messaging import guard
from messa_platform.messaging.drafts import Draft, Submission, entry, final_text, sender_ids
from messa_platform.messaging.grounds import Grounds, read
from messa_platform.messaging.recipients import Fault
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.submit import examine
from messa_platform.providers.prices.amounts import kronor
from messa_platform.providers.routing.ask import NO_WAYS, sale_prices
from messa_platform.tenants import quota
from messa_platform.tenants.group_settings import MAX_PARTS
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.quota import Left, Struck
from messa_platform.tenants.senders import Sender


@dataclass(frozen=True, slots=True)
class Count:
    """How a text would leave: signed, made plain, cut. `units` are septets or UTF-16 code units; `room` is what so many parts hold.

    `too_long`: it would be refused; `cut`: its end would be left out.
    """

    text: str
    encoding: Encoding
    units: int
    room: int
    parts: int
    max_parts: int
    too_long: bool
    cut: bool


def count(written: str, sender: Sender) -> Count:
    """What the live counter shows for `written`."""
    final = final_text(written, sender)
    return Count(
        text=final.text,
        encoding=final.encoding,
        units=final.units,
        room=_room(final.encoding, final.parts),
        parts=final.parts,
        max_parts=sender.settings.max_parts,
        too_long=final.status is Status.TOO_MANY_PARTS,
        cut=final.cut,
    )


def _room(encoding: Encoding, parts: int) -> int:
    single, part = (GSM_SINGLE, GSM_PART) if encoding is Encoding.GSM else (UCS2_SINGLE, UCS2_PART)
    return single if parts < 2 else part * parts


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of one recipient; as `drafts.Entry`, but for the message. `price` is what it would be charged in kronor, by the standard
    sale list; None where that has no price for it."""

    recipient: str
    status: Status
    word: str
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal(Count):
    """What would become of a submission.

    `recipients` counts the possible numbers, each once; `impossible` are the others, as written, with the reason. `already_sent` says when
    a number last got this text within 24 hours, whether or not the submission asks the guard; `opted_out` are the numbers that have said
    STOP. `needed` are the parts that it would cost if there were enough, `left` those that are left by the tightest limit, None without
    one. `may_send`: the account may send at all. `entries` are all recipients, in order. `senders` are the sender ids among which the
    account may choose, if what was chosen is none of them: then nothing else is foreseen.
    """

    recipients: int = 0
    impossible: tuple[tuple[str, Fault], ...] = ()
    already_sent: Mapping[str, datetime] = field(default_factory=dict)
    opted_out: frozenset[str] = frozenset()
    needed: int = 0
    left: int | None = None
    may_send: bool = False
    entries: tuple[Foreseen, ...] = ()
    senders: tuple[str, ...] = ()

    @property
    def price(self) -> Decimal | None:
        """What all entries would be charged, in kronor; None where that of one is not known."""
        prices = [entry.price for entry in self.entries]
        known = [price for price in prices if price is not None]
        return sum(known, kronor(0)) if known and len(known) == len(prices) else None


def rehearse(session: Session, clock: Clock, submission: Submission) -> Rehearsal:
    """What `submit` would do with a submission now. Its reference is not asked for."""
    return rehearse_all(session, clock, submission.account_id, [submission])[0]


def rehearse_all(
    session: Session, clock: Clock, account_id: UUID, submissions: Sequence[Submission]
) -> list[Rehearsal]:
    """What `submit` would do with submissions of one account, handed in together; in order.

    The number of statements does not depend on how many submissions and recipients there are.
    """
    assert all(s.account_id == account_id for s in submissions)
    now = clock.now()
    grounds = read(session, [account_id])
    allowed, drafted = examine(session, now, submissions, grounds)
    sender = next(iter(allowed.values()), None)
    if sender is None:
        return [_of_nobody(s) for s in submissions]
    limits = quota.left(session, now, account_id, sender.tenant_since, sender.settings)
    drafts = [d for of_one in drafted.values() for d in of_one]
    guard.refuse_opted_out(session, drafts)
    sent, twins = guard.foresee_texts(session, now, drafts)
    needed = {d.id for d in drafts if d.open}
    _strike(drafts, limits)
    guard.settle_twins(twins)
    may_send = _may_send(grounds, sender, limits)
    priced = _pricing(session, now, grounds)
    return [
        _of_another_sender(submission, sender)
        if i not in drafted
        else Rehearsal(
            **_fields(count(submission.text, sender)),
            recipients=sum(1 for d in drafted[i] if d.fault is None),
            impossible=tuple((d.recipient, d.fault) for d in drafted[i] if d.fault),
            already_sent={d.recipient: sent[d.guard_key] for d in drafted[i] if d.guard_key in sent},
            opted_out=frozenset(d.recipient for d in drafted[i] if d.status is Status.BLOCKED),
            needed=sum(d.parts for d in drafted[i] if d.id in needed),
            left=min((limit.sms for limit in limits), default=None),
            may_send=may_send,
            entries=tuple(_foreseen(d, priced(d)) for d in drafted[i]),
        )
        for i, submission in enumerate(submissions)
    ]


def _of_another_sender(submission: Submission, sender: Sender) -> Rehearsal:
    return Rehearsal(**_fields(count(submission.text, sender)), senders=sender_ids(sender))


def _fields(shown: Count) -> dict[str, Any]:
    return {f.name: getattr(shown, f.name) for f in fields(shown)}


def _of_nobody(submission: Submission) -> Rehearsal:
    """The account may not send at all: its text is counted as it stands."""
    segments = segment(submission.text)
    room = _room(segments.encoding, segments.count)
    return Rehearsal(
        submission.text, segments.encoding, segments.units, room, segments.count, MAX_PARTS, False, False
    )


def _strike(drafts: Sequence[Draft], limits: Sequence[Left]) -> None:
    """Do to the open drafts, in order, what `quota.Reservation` would; `limits` are in the order in which it asks them."""
    spent = 0
    for draft in (d for d in drafts if d.open):
        struck = next((x for x in limits if not x.quota.sms or draft.parts > x.sms - spent), None)
        if struck is None:
            spent += draft.parts
        else:
            rule = struck.quota
            draft.strike(Struck(struck.kind, bool(rule.sms), rule.group_id, rule.group_name))


def _may_send(grounds: Grounds, sender: Sender, limits: Sequence[Left]) -> bool:
    ways = grounds.ways.get(sender.settings.tenant_id, NO_WAYS)
    active = sender.tenant_state is TenantState.ACTIVE
    return active and all(x.quota.sms for x in limits) and any(channel.enabled for channel in ways.channels)


def _foreseen(draft: Draft, price: Decimal | None) -> Foreseen:
    would = entry(draft)
    return Foreseen(would.recipient, would.status, would.word, price)


def _pricing(session: Session, now: datetime, grounds: Grounds) -> Callable[[Draft], Decimal | None]:
    """Says what drafts would be charged, at the time when they would be sent; nothing of what would be refused."""

    def price(draft: Draft) -> Decimal | None:
        ways = grounds.ways.get(draft.sender.settings.tenant_id, NO_WAYS)
        table = sale_prices(session, draft.send_at or now, ways)
        if table is None or not draft.open:
            return None if table is None else kronor(0)
        found = table.find(draft.recipient)
        return None if found is None else found.amount * draft.parts

    return price
