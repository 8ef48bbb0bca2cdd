"""`/messages/new`: a text to a number, or to several, which is looked at before it is sent (spec P2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.messaging import conversation
from messa_platform.messaging.lists import BadLine, Parsed, parse_for
from messa_platform.messaging.sending_rows import rows_of_pasted
from messa_platform.portal.forms import Form, asked
from messa_platform.portal.messages.compose import (
    Asked,
    Sent,
    chosen_moment,
    hindrance,
    new_nonce,
    read_compose,
    send_one,
)
from messa_platform.portal.messages.counter import counter_for, held_by
from messa_platform.portal.messages.panes import now_of
from messa_platform.portal.messages.preparing import prepare
from messa_platform.portal.messages.resources import PERMISSION, MessagesResource
from messa_platform.portal.messages.words import LINE_FAULTS
from messa_platform.portal.pages import url
from messa_platform.tenants.profile import Profile


def show_new(request: Request) -> Mapping[str, Any]:
    """The empty form; `?to=` fills in a number."""
    form = Form(values={"to": asked(request, "to")})
    return _page(request, form, held_by(request))


def _page(
    request: Request, form: Form, held: Profile, question: Asked | None = None, to: int = 1
) -> dict[str, Any]:
    return {
        "section": "messages",
        "form": form,
        "question": question,
        "nonce": new_nonce(),
        "counter": counter_for(held, form.values.get("text", ""), to),
        "hindrance": hindrance(request, held),
        "now": now_of(request),
    }


def send_new(request: Request) -> Any:
    """Send to one number at once; to several by way of their preview."""
    form, held = read_compose(request), held_by(request)
    parsed = read_recipients(request, form, "to")
    question: Asked | None = None
    if form.ok and len(parsed.entries) == 1:
        number = parsed.entries[0].number
        match send_one(request, form, number, held, "to"):
            case Sent(said=said):
                thread_id = conversation.find_thread(request.platform_db, request.identity.account_id, number)
                return HTTPSeeOther(url(request, "messages", thread_id, said=said))
            case Asked() as question:
                pass
    elif form.ok:
        chosen_moment(request, form)
        template = form.values["text"].replace("{", "{{").replace("}", "}}")
        made = prepare(request, form, template, rows_of_pasted(parsed), "to") if form.ok else None
        if made is not None:
            send_at = form.values.get("send_at", "")
            return HTTPSeeOther(url(request, "messages", "sendings", made, send_at=send_at))
    if not form.ok:
        request.response.status_int = 422
    return _page(request, form, held, question, len(parsed.entries))


def read_recipients(request: Request, form: Form, field: str) -> Parsed:
    """The numbers that are written in a field; what is wrong with it is told, a line for each line."""
    written = form.values.get(field, "")
    parsed = parse_for(request.db, request.identity.account_id, written)
    if parsed.bad:
        form.fail(field, lines_in_words(request, parsed.bad))
    elif not parsed.entries:
        form.fail(field, request.speech.gettext("Write a mobile number, such as 070-174 06 05."))
    return parsed


MOST_LINES = 20
"""So many bad lines are told one by one."""


def lines_in_words(request: Request, bad: Sequence[BadLine]) -> Markup:
    """What is wrong with the lines of a pasted list, a line for each."""
    speech = request.speech
    told = [
        speech.gettext(
            "Line %(line)s: “%(written)s” %(fault)s.",
            line=speech.number(one.line),
            written=one.written,
            fault=speech.gettext(LINE_FAULTS[one.fault]),
        )
        for one in bad[:MOST_LINES]
    ]
    more = len(bad) - MOST_LINES
    if more > 0:
        told.append(speech.ngettext("And %(num)s line more.", "And %(num)s lines more.", more))
    return Markup("<br>").join(told)


def includeme(config: Configurator) -> None:
    """Mount the form."""
    shared = {
        "context": MessagesResource,
        "name": "new",
        "permission": PERMISSION,
        "renderer": "messages/new.jinja2",
    }
    config.add_view(show_new, request_method="GET", **shared)
    config.add_view(send_new, request_method="POST", **shared)
