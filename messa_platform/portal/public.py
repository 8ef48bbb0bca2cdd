"""The pages for everybody: the front page, the user guide, the choice of language, and the page for what is not there (spec W1, W3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from messa_platform.core.i18n import LANGUAGES, keep, wished
from messa_platform.core.logs import logger
from messa_platform.core.resources import Root
from messa_platform.core.site import SiteSettings
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.words import STATUSES, words_of
from messa_platform.portal.pages import own_path

log = logger(__name__)


def front(request: Request) -> Mapping[str, Any]:
    """What the service is, how it works, what it costs."""
    site = request.registry["messa.runtime"].settings[SiteSettings]
    return {"contact": site.contact_mail or site.operator_mail}


def guide(request: Request) -> Response:
    """The user guide; each language has a text of its own."""
    return render_to_response(f"public/guide.{request.locale_name}.jinja2", {"statuses": STATUSES}, request)


def choose_language(request: Request) -> Response:
    """Keep the language that a visitor chose, and go back."""
    fields = written(request.POST)
    response = HTTPSeeOther(
        request.script_name + own_path(fields.get("to") or asked(request, "to", 2000), "/")
    )
    language = fields.get("lang") or asked(request, "lang")
    if language in LANGUAGES:
        keep(response, request, language)
    return response


def _wants_a_page(request: Request) -> bool:
    """Whether a browser asks, or somebody to whom anything is welcome; programs that say what they take get a line of text."""
    offers = request.accept.acceptable_offers(["text/html", "text/plain"])
    return bool(offers) and offers[0][0] == "text/html"


def missing(request: Request) -> Any:
    """There is no such page."""
    if not _wants_a_page(request):
        return Response("there is nothing here\n", status=404, content_type="text/plain")
    request.response.status_int = 404
    return {"problem": "missing"}


def broken(error: Exception, request: Request) -> Any:
    """Something has failed that nothing foresaw. Its transaction is over: nothing here may ask the database."""
    log.exception("request_failed", method=request.method, exc_info=error)
    request.locale_name = wished(request)
    if not _wants_a_page(request):
        return Response("something went wrong\n", status=500, content_type="text/plain")
    request.response.status_int = 500
    return {"problem": "broken"}


_SAMPLES = (
    ("Kan du vikariera på Björkskolan i dag kl 8-14? Svara JA eller NEJ.", "DELIVERED", "out", -400),
    ("JA", "", "in", -396),
    ("Var finns nycklarna till slöjdsalen? Jag hittar bara dem till gymnastiksalen.", "", "in", -30),
    ("De hänger i skåpet innanför dörren.", "SENT", "out", -12),
    ("Kan du ta onsdag också?", "QUEUED", "out", -2),
    ("Glöm inte att lämna in tidrapporten.", "no_sms_left:Group:Skolan", "out failed", -1),
    ("God morgon! Klassen börjar 8.40 i dag.", "SCHEDULED", "out later", 0),
)


def _said(word: str) -> dict[str, str]:
    words = words_of(word)
    return {"sentence": words.sentence, "tone": words.tone, "icon": words.icon, "word": word}


def styleguide(request: Request) -> Mapping[str, Any]:
    """The parts of the design on one page; only the demo has it."""
    runtime = request.registry["messa.runtime"]
    if not runtime.settings[SiteSettings].demo:
        raise HTTPNotFound
    now = runtime.clock.now()
    pictures = files("messa_platform").joinpath("static", "icons.svg").read_text("utf-8")
    talk = [
        {
            "text": text,
            "dress": dress,
            "word": word,
            "at": now + timedelta(minutes=minutes),
            "status": _said(word) if word else None,
        }
        for text, word, dress, minutes in _SAMPLES
    ]
    errors = {
        "number": "Skriv ett mobilnummer, till exempel 070-174 06 05.",
        "text": "Skriv en text.",
        "again": "Välj vad som ska hända.",
    }
    return {
        "form": Form(values={"number": "12"}, errors=errors),
        "talk": talk,
        "statuses": [_said(word) for word in ("QUEUED", "DELIVERED", "UNSENT")],
        "pictures": re.findall(r'<symbol id="([^"]+)"', pictures),
    }


def includeme(config: Configurator) -> None:
    """Mount the public pages."""
    page: dict[str, Any] = {"context": Root, "permission": NO_PERMISSION_REQUIRED}
    config.add_view(front, name="", renderer="public/front.jinja2", **page)
    config.add_view(guide, name="guide", **page)
    # A stranger's page that posts here can at worst change the language.
    config.add_view(choose_language, name="language", require_csrf=False, **page)
    config.add_notfound_view(missing, renderer="public/error.jinja2")
    config.add_exception_view(broken, context=Exception, renderer="public/error.jinja2")
    config.add_view(styleguide, name="styleguide", renderer="public/styleguide.jinja2", **page)
