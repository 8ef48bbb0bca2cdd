"""Choosing a password by a mailed link: the first one, or a new one in place of a forgotten one (spec I1)."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.security import NO_PERMISSION_REQUIRED

from messa_platform.core.client import network_of
from messa_platform.core.resources import Resource, Root
from messa_platform.portal.forms import Form, asked, read
from messa_platform.portal.sign_in import Wish, after_first
from messa_platform.portal.words import weakness_in_words
from messa_platform.tenants.access import links
from messa_platform.tenants.access.links import Chosen, Link, LinkOld, LinkUsed
from messa_platform.tenants.access.passwords import Weakness
from messa_platform.tenants.models import TokenKind


class LinksResource(Resource):
    """`/welcome` or `/reset`: what follows is the secret word of a mailed link."""

    def __init__(self, request: Request, name: str, parent: Any, kind: TokenKind) -> None:
        super().__init__(request, name, parent)
        self.kind = kind

    def __getitem__(self, word: str) -> LinkResource:
        return LinkResource(self.request, word, self, self.kind)


class LinkResource(Resource):
    """A mailed link."""

    def __init__(self, request: Request, name: str, parent: LinksResource, kind: TokenKind) -> None:
        super().__init__(request, name, parent)
        self.kind = kind
        self.word = name


def show_forgot(request: Request) -> Any:
    """Where somebody asks for a link to a new password."""
    return {"form": Form(values={"email": asked(request, "email", 320)}), "asked": False}


def forgot(request: Request) -> Any:
    """Take the address; the answer is the same whether it has an account or not."""
    schema = {
        "email": {"type": "string", "empty": False, "maxlength": 320, "regex": r"\s*[^@\s]+@[^@\s]+\s*"}
    }
    wrong = request.speech.gettext("Enter an e-mail address, such as anna@skolan.example.")
    form = read(schema, request.POST, {"email": wrong})
    if not form.ok:
        request.response.status_int = 422
        return {"form": form, "asked": False}
    runtime = request.registry["messa.runtime"]
    links.request_link(
        request.platform_db,
        runtime.clock.now(),
        form.read["email"].strip().lower(),
        network_of(request.client_addr or ""),
        runtime.waker.wake_after_commit,
    )
    return {"form": form, "asked": True}


def _state(link: Any) -> str:
    match link:
        case Link():
            return "open"
        case LinkUsed():
            return "used"
        case LinkOld():
            return "old"
        case _:
            return "unknown"


def show_link(context: LinkResource, request: Request) -> Any:
    """The form for the new password; a used or old link says so, and what to do. Looking at it uses nothing up: mail filters look, too."""
    now = request.registry["messa.runtime"].clock.now()
    link = links.open_link(request.platform_db, now, context.word, context.kind)
    state = _state(link)
    if state != "open":
        request.response.status_int = 410 if state in ("used", "old") else 404
    return {"form": Form(), "state": state, "link": link, "kind": context.kind}


def choose(context: LinkResource, request: Request) -> Any:
    """Take the new password, and sign in with it."""
    _ = request.speech.gettext
    runtime = request.registry["messa.runtime"]
    now = runtime.clock.now()
    link = links.open_link(request.platform_db, now, context.word, context.kind)
    if not isinstance(link, Link):
        return show_link(context, request)
    schema = {"password": {"type": "string", "empty": False}, "repeat": {"type": "string"}}
    form = read(schema, request.POST, {"password": _("Choose a password."), "repeat": ""})
    password = form.values.pop("password", "")
    if form.values.pop("repeat", "") != password:
        form.fail("repeat", _("The two passwords differ. Type the same one twice."))
    if form.ok:
        outcome = links.choose_password(
            request.platform_db,
            now,
            runtime.passwords,
            context.word,
            context.kind,
            password,
            runtime.link_mails,
        )
        if isinstance(outcome, Chosen):
            return after_first(request, outcome.account_id, Wish())
        if not isinstance(outcome, Weakness):  # somebody was quicker with the same link
            return show_link(context, request)
        form.fail("password", weakness_in_words(request.speech, outcome))
    request.response.status_int = 422
    return {"form": form, "state": "open", "link": link, "kind": context.kind}


def includeme(config: Configurator) -> None:
    """Mount `/forgot`, `/welcome/<word>` and `/reset/<word>`; whoever holds a link's word may use it."""
    for name, kind in (("welcome", TokenKind.WELCOME), ("reset", TokenKind.RESET)):
        config.add_child(
            name,
            lambda request, parent, name=name, kind=kind: LinksResource(request, name, parent, kind),
        )
    anybody = NO_PERMISSION_REQUIRED
    page = {"context": Root, "name": "forgot", "permission": anybody, "renderer": "sign_in/forgot.jinja2"}
    config.add_view(show_forgot, request_method="GET", **page)
    config.add_view(forgot, request_method="POST", **page)
    link = {"context": LinkResource, "permission": anybody, "renderer": "sign_in/choose.jinja2"}
    config.add_view(show_link, request_method="GET", **link)
    config.add_view(choose, request_method="POST", **link)
