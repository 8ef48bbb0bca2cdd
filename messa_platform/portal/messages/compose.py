"""A text on its way from a form to `submit`: rehearsed first, so that what would not be sent is told beside its field (spec P2, M9)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pyramid.request import Request
from sqlalchemy import Row
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from messa_platform.core.i18n import Speech
from messa_platform.messaging.drafts import Receipted, Repeated, Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.rehearse import Rehearsal, rehearse
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.submit import submit
from messa_platform.portal.forms import Form, written
from messa_platform.portal.messages.moments import Moment, MomentFault, read_moment
from messa_platform.portal.messages.words import MOMENT_FAULTS, STATUSES
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.profile import Profile

AT_ONCE = timedelta(minutes=1)
"""A form that comes a second time within this is a double click; after it, somebody wonders whether the text was sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The text was taken in (what became of it stands in its thread). `said` is what the next page says of it, if anything."""

    said: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The 24-hour guard asks: the same text went to the number at `at`."""

    at: datetime


def new_nonce() -> str:
    """What a shown form calls its submission, so that one sent twice is one."""
    return secrets.token_urlsafe(12)


def read_compose(request: Request) -> Form:
    """The form as written; an empty text is told."""
    form = Form(values=written(request.POST))
    if not form.values.get("text", "").strip():
        form.fail("text", request.speech.gettext("Write the text that is to be sent."))
    return form


def chosen_moment(request: Request, form: Form, field: str = "send_at") -> Moment | None:
    """The time that was chosen for sending; None: at once, or the form says what is wrong with it."""
    chosen = form.values.get(field, "").strip()
    if not chosen:
        return None
    now = request.registry["messa.runtime"].clock.now()
    moment = read_moment(chosen, now, request.speech.zone)
    if isinstance(moment, MomentFault):
        form.fail(field, request.speech.gettext(MOMENT_FAULTS[moment]))
        return None
    return moment


def send_one(
    request: Request, form: Form, number: str, held: Profile, field: str = ""
) -> Sent | Asked | None:
    """Send the form's text to one number, which was written in `field`; None: the form says why that cannot be, or it is not to be."""
    moment = chosen_moment(request, form)
    # keep: the answer "do not send" to the question of the 24-hour guard
    if not form.ok or "keep" in form.values:
        return None
    runtime, account_id = request.registry["messa.runtime"], request.identity.account_id
    again = "again" in form.values
    submission = Submission(
        account_id=account_id,
        door=Door.PORTAL,
        text=form.values["text"].strip(),
        recipients=[number],
        reference=_reference(form, number, again),
        guard=not again,
        send_at=moment.at if moment else None,
    )
    if former := _sent_before(request.platform_db, submission):
        late = runtime.clock.now() - former.at > AT_ONCE
        return Sent("sent-before" if late else "")
    rehearsal = rehearse(request.platform_db, runtime.clock, submission)
    status = rehearsal.entries[0].status if rehearsal.entries else Status.NOT_ALLOWED_PERSONAL
    if status is Status.ALREADY_SENT:
        return Asked(min(rehearsal.already_sent.values()))
    if status not in (Status.QUEUED, Status.SCHEDULED):
        wrong = {Status.TOO_MANY_PARTS: "text", Status.INVALID_NUMBER: field, Status.BLOCKED: field}
        form.fail(wrong.get(status, ""), in_words(request, status, rehearsal, held))
        return None
    [result] = submit(request.platform_db, runtime.clock, runtime.announcements, [submission])
    match result:
        case Receipted(entries=[entry]):
            return Sent(_said(entry.status, moment))
        case Repeated():
            return Sent()
    form.fail("", request.speech.gettext(STATUSES[Status.NOT_ALLOWED_PERSONAL].sentence))
    return None


def in_words(request: Request, status: Status, rehearsal: Rehearsal, held: Profile) -> str:
    """Why a text would not be sent, with the figures that its sender may see."""
    speech: Speech = request.speech
    if status is Status.TOO_MANY_PARTS:
        return speech.ngettext(
            "The text takes %(parts)s SMS, and a message may have %(num)s at most. Shorten it.",
            "The text takes %(parts)s SMS, and a message may have %(num)s at most. Shorten it.",
            rehearsal.max_parts,
            parts=speech.number(rehearsal.parts),
        )
    if status in (Status.USED_UP_PERSONAL, Status.USED_UP_GROUP) and held.sms_left and not held.is_held_back:
        return speech.ngettext(
            "The text takes %(parts)s SMS, and you have %(num)s left. Shorten it, or ask your administrator for more.",
            "The text takes %(parts)s SMS, and you have %(num)s left. Shorten it, or ask your administrator for more.",
            held.sms_left,
            parts=speech.number(rehearsal.parts),
        )
    return speech.gettext(STATUSES[status].sentence)


def _said(status: Status, moment: Moment | None) -> str:
    if status is not Status.SCHEDULED or moment is None:
        return ""
    return "scheduled-twice" if moment.twice else "scheduled"


def _reference(form: Form, number: str, again: bool) -> str:
    """What this form calls its submission. Its content is in it: whoever goes back and writes something else sends that, too."""
    content = "\0".join((number, form.values["text"].strip(), form.values.get("send_at", ""), str(again)))
    return f"portal:{form.values.get('nonce', '')[:40]}:{hashlib.sha256(content.encode()).hexdigest()[:32]}"


_KNOWN = sql("SELECT at FROM client_reference WHERE account_id = :account_id AND reference = :reference")


def _sent_before(session: Session, submission: Submission) -> Row[Any] | None:
    """When this very submission was taken in: a second click must not be asked whether it repeats the first."""
    given = {"account_id": submission.account_id, "reference": submission.reference}
    return session.execute(_KNOWN, given).first()


def hindrance(request: Request, held: Profile) -> str:
    """Why the account can send nothing at all just now, whatever it writes; "" if it can."""
    speech: Speech = request.speech
    if held.sender.blocked:
        return speech.gettext("Your account is blocked from sending. Talk to your administrator.")
    if held.sender.tenant_state is not TenantState.ACTIVE:
        return speech.gettext("Your organisation is suspended from sending. Talk to your administrator.")
    empty = next((limit for limit in held.limits if limit.is_empty), None)
    if empty is None:
        return ""
    if empty.allowed == 0:
        return speech.gettext("You are not allowed to send texts. Talk to your administrator.")
    if empty.renews_at is not None:
        return speech.gettext(
            "Your SMS are used up. There are more from %(day)s, or by your administrator.",
            day=speech.date(empty.renews_at),
        )
    return speech.gettext("Your SMS are used up. Your administrator can give you more.")
