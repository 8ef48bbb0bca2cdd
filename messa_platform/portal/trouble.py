"""Forms that came too late or from elsewhere, and pages that are not the asker's: said kindly, and what was written is not lost."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.exceptions import BadCSRFToken
from pyramid.httpexceptions import HTTPForbidden, HTTPRequestEntityTooLarge, HTTPSeeOther
from pyramid.location import lineage
from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.i18n import msgid
from messa_platform.core.resources import Hidden
from messa_platform.portal.forms import written
from messa_platform.portal.pages import address
from messa_platform.portal.public import missing


def too_late(request: Request) -> Response:
    """The page for a form that nobody took: nothing was done, and what was written is there to be copied."""
    values = {"text": written(request.POST).get("text", "")}
    response = render_to_response("sign_in/not_this_form.jinja2", values, request)
    response.status_int = 400
    return response


def not_this_browsers_form(request: Request) -> Response:
    """The form's token is not this browser's: the session has ended meanwhile, or a stranger's page has sent it."""
    return too_late(request)


def forbidden(request: Request) -> Any:
    """Who is not signed in is asked to; who is, is told that this page is not theirs."""
    if request.identity is None and request.method not in ("GET", "HEAD"):
        return too_late(request)
    if request.identity is None:
        onward = request.path_info + (f"?{request.query_string}" if request.query_string else "")
        return HTTPSeeOther(address("sign-in", next=onward, said="sign-in-first"))
    if _is_hidden(request):  # that there is something is not theirs to know either
        return missing(request)
    request.response.status_int = 403
    return {"problem": "forbidden"}


def _is_hidden(request: Request) -> bool:
    return any(isinstance(place, Hidden) for place in lineage(request.context)) if request.context else False


def too_large(request: Request) -> Any:
    """More was sent than a form can hold; it was not looked at."""
    request.response.status_int = 413
    return {"problem": "large"}


def includeme(config: Configurator) -> None:
    """Answer forms without a good token, and pages that are not the asker's."""
    config.add_exception_view(not_this_browsers_form, context=BadCSRFToken)
    config.add_exception_view(forbidden, context=HTTPForbidden, renderer="public/error.jinja2")
    config.add_exception_view(too_large, context=HTTPRequestEntityTooLarge, renderer="public/error.jinja2")
    config.add_saying("sign-in-first", msgid("Sign in to see that page."), tone="info")
