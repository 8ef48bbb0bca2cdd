"""By which channel each text is to leave, and why (spec X4): what messages know, handed to `providers.routing`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.gsm import fits_gsm
from messa_platform.core.segments import Encoding
from messa_platform.messaging.drafts import Draft, Submission, draw_up, sender_id
from messa_platform.messaging.grounds import read
from messa_platform.messaging.models import Door
from messa_platform.messaging.recipients import Fault
from messa_platform.messaging.statuses import Status
from messa_platform.providers.routing.ask import NO_WAYS, Ways, router
from messa_platform.providers.routing.choose import Ranking, Router, Text
from messa_platform.providers.routing.rules import SenderKind, kind_of
from messa_platform.tenants.senders import Sender


def lead(session: Session, now: datetime, drafts: Iterable[Draft], ways: Mapping[UUID, Ways]) -> None:
    """Say of each draft by which channel it is to leave; one without any is refused."""
    routers: dict[UUID, Router] = {}
    for draft in drafts:
        tenant_id = draft.sender.settings.tenant_id
        if tenant_id not in routers:
            routers[tenant_id] = router(session, now, tenant_id, ways.get(tenant_id, NO_WAYS))
        decision = routers[tenant_id].decide(_text(draft))
        draft.channel_id, draft.way = decision.channel_id, decision.way.code()
        if draft.channel_id is None:
            draft.refuse(Status.NO_ROUTE)


def _text(draft: Draft) -> Text:
    return Text(draft.recipient, _kind(draft), draft.encoding is Encoding.UCS2)


def _kind(draft: Draft) -> SenderKind:
    """What it will go out as: who may receive and has no number yet is lent one. Where none is left it will be a name after all, and goes
    by the channel of a number, which says so if it cannot."""
    settings, chosen = draft.sender.settings, draft.submission.sender_id
    is_lent = settings.may_receive and not draft.sender.number and chosen is None
    return SenderKind.NUMBER if is_lent else kind_of(sender_id(draft.sender, chosen=chosen))


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How a text would go: `sender_id` is what it would go out as, "" for a number that is still to be lent."""

    sender: Sender
    recipient: str
    sender_id: str
    kind: SenderKind
    parts: int
    ranking: Ranking


def foresee(
    session: Session, now: datetime, account_id: UUID, to: str, words: str
) -> Foreseen | Fault | None:
    """Which way a text of an account would go now, whether or not it may send; nothing is stored. None: there is no such account."""
    grounds = read(session, [account_id])
    sender = grounds.senders.get(account_id)
    if sender is None:
        return None
    draft = draw_up(Submission(account_id, Door.PORTAL, words, [to]), sender, grounds.own, now)[0]
    if draft.fault is not None:
        return draft.fault
    tenant_id = sender.settings.tenant_id
    deciding = router(session, now, tenant_id, grounds.ways.get(tenant_id, NO_WAYS))
    kind = _kind(draft)
    local = "" if kind is SenderKind.NUMBER and not sender.number else sender_id(sender)
    return Foreseen(sender, draft.recipient, local, kind, draft.parts, deciding.rank(_text(draft)))


def as_stored(recipient: str, local: str, text: str) -> Text:
    """A text that is stored already."""
    return Text(recipient, kind_of(local), not fits_gsm(text))
