"""Putting a sending together from what a form says; what is wrong is told beside the field."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.messaging import sendings
from messa_platform.messaging.sending_rows import NotPrepared, Reason, Row
from messa_platform.messaging.sendings import MOST
from messa_platform.portal.forms import Form
from messa_platform.portal.messages.panes import now_of


def prepare(request: Request, form: Form, template: str, rows: Sequence[Row], field: str) -> UUID | None:
    """Put a sending together; None: the form says why not. The recipients came in `field`."""
    account_id = request.identity.account_id
    made = sendings.prepare(request.db, now_of(request), account_id, template, rows)
    if isinstance(made, NotPrepared):
        tell(request, form, made, field)
        return None
    return made


_SENTENCES = {
    Reason.EMPTY_TEXT: msgid("Write the text that is to be sent."),
    Reason.NO_RECIPIENTS: msgid("There is no number among them that can be reached."),
    Reason.NOT_ALLOWED: msgid("You are not allowed to send texts. Talk to your administrator."),
    Reason.GONE: msgid("What you had put together is gone, or has been sent. Begin anew."),
}


def tell(request: Request, form: Form, fault: NotPrepared, field: str) -> None:
    """Say in the form why a sending is not put together."""
    speech = request.speech
    match fault.reason:
        case Reason.UNKNOWN_FIELD if fault.known:
            columns = ", ".join(f"{{{name}}}" for name in fault.known)
            sentence = speech.gettext(
                "There is no column {%(name)s}. There are: %(columns)s.", name=fault.name, columns=columns
            )
        case Reason.UNKNOWN_FIELD:
            sentence = speech.gettext(
                "{%(name)s} can only be filled in from a file with columns. Write {{ and }} for braces that are to stay.",
                name=fault.name,
            )
        case Reason.TOO_MANY:
            sentence = speech.gettext(
                "%(num)s recipients at most, at a time. Divide them.", num=speech.number(MOST)
            )
        case _:
            sentence = speech.gettext(_SENTENCES[fault.reason])
    of_text = fault.reason in (Reason.UNKNOWN_FIELD, Reason.EMPTY_TEXT)
    general = fault.reason in (Reason.NOT_ALLOWED, Reason.GONE)
    form.fail("text" if of_text else "" if general else field, sentence)
