"""`/consent/<word>`: who was asked by mail whether the address wants to belong to an organisation answers here (spec G11).

Looking answers nothing: mail filters look, too. Who reads the mail answers for the address, signed in or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.security import NO_PERMISSION_REQUIRED

from messa_platform.core.i18n import msgid
from messa_platform.core.resources import Resource
from messa_platform.portal.forms import Form, written
from messa_platform.portal.pages import url
from messa_platform.tenants.people import consent
from messa_platform.tenants.people.consent import (
    Accepted,
    Declined,
    NoQuestion,
    Question,
    QuestionAnswered,
    QuestionOld,
    QuestionVoid,
)


class ConsentsResource(Resource):
    """`/consent`: what follows is the secret word of a mailed link."""

    def __getitem__(self, word: str) -> ConsentResource:
        return ConsentResource(self.request, word, self)


class ConsentResource(Resource):
    """A question that was mailed."""


def show(context: ConsentResource, request: Request) -> Mapping[str, Any]:
    """Who asks, and what a yes means; or what became of the question."""
    now = request.registry["messa.runtime"].clock.now()
    return _page(request, consent.open_question(request.platform_db, now, context.__name__), Form())


def answer(context: ConsentResource, request: Request) -> Any:
    """Yes, or no thanks."""
    form, now = Form(values=written(request.POST)), request.registry["messa.runtime"].clock.now()
    choice = form.values.get("answer")
    if choice not in ("yes", "no"):
        form.fail("", request.speech.gettext("Choose one of the two answers."))
        return _page(request, consent.open_question(request.platform_db, now, context.__name__), form, 422)
    outcome = consent.answer(request.platform_db, now, context.__name__, accepted=choice == "yes")
    match outcome:
        case Accepted():
            return HTTPSeeOther(url(request, "consent", context.__name__, said="consent-given"))
        case Declined():
            return HTTPSeeOther(url(request, "consent", context.__name__, said="consent-refused"))
    return _page(request, outcome, form)


def _page(request: Request, found: Question | NoQuestion, form: Form, status: int = 200) -> Mapping[str, Any]:
    match found:
        case Question():
            state = "open"
        case QuestionAnswered(accepted):
            state = "accepted" if accepted else "declined"
        case QuestionOld():
            state, status = "old", 410
        case QuestionVoid():
            state, status = "void", 410
        case _:
            state, status = "unknown", 404
    request.response.status_int = status
    return {"form": form, "state": state, "question": found if isinstance(found, Question) else None}


def includeme(config: Configurator) -> None:
    """Mount the page."""
    config.add_child("consent", lambda request, parent: ConsentsResource(request, "consent", parent))
    page: dict[str, Any] = {
        "context": ConsentResource,
        "permission": NO_PERMISSION_REQUIRED,
        "renderer": "public/consent.jinja2",
    }
    config.add_view(show, request_method="GET", **page)
    config.add_view(answer, request_method="POST", **page)
    config.add_saying("consent-given", msgid("Thank you. Your address belongs to the organisation now."))
    config.add_saying("consent-refused", msgid("Thank you. Everything stays as it was."), tone="info")
