"""Signing in with one's organisation (spec I3): the way there, and what it leads to when it comes to nothing."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.core.resources import Resource
from messa_platform.portal.pages import address as path
from messa_platform.tenants.access.single_sign_on import MAX_ADDRESS, Reason, Wish, provider_for

MAX_ONWARD = 500
VIEWS = "messa_platform.portal.single_sign_on_views"
"""By name: they end in a session as the sign-in page does, which in turn shows the link of this module."""

SENTENCES = {
    Reason.NO_PROVIDER: msgid(
        "Your organisation has no sign-in of its own here. Sign in with your password."
    ),
    Reason.TOO_LATE: msgid("That took too long. Sign in again."),
    Reason.OTHER_BROWSER: msgid("That sign-in was begun in another browser. Begin again in this one."),
    Reason.CANCELLED: msgid(
        "Your organisation did not sign you in. Try again, or sign in with your password."
    ),
    Reason.BUSY: msgid("Many people are signing in right now. Try again in a moment."),
    Reason.DOWN: msgid(
        "Your organisation's sign-in does not answer. Try again in a while, or sign in with your password."
    ),
    Reason.WRONG: msgid(
        "Your organisation's sign-in gave an answer that we cannot trust. Sign in with your password, and tell your administrator."
    ),
    Reason.NO_ADDRESS: msgid(
        "Your organisation's sign-in gave no confirmed e-mail address. Sign in with your password, and tell your administrator."
    ),
    Reason.OTHER_ADDRESS: msgid(
        "Your e-mail address there does not belong to your organisation's domain. Sign in with your password, and tell your administrator."
    ),
    Reason.OTHER_PERSON: msgid(
        "Your e-mail address belongs to somebody else at your organisation's sign-in. Tell your administrator."
    ),
    Reason.NOT_WELCOME: msgid("Your account is closed. Ask your administrator if you need it."),
    Reason.PASSWORD_ONLY: msgid(
        "You cannot sign in to that account with your organisation. Use your password."
    ),
}
"""What to tell somebody who was not signed in."""


class SsoResource(Resource):
    """`/sso`: `start` leads to an organisation's identity provider, `callback` is where that sends people back."""


def code_of(reason: Reason) -> str:
    """The word by which the sign-in page knows what to say."""
    return f"sso-{reason.value.replace('_', '-')}"


def start_path(wish: Wish, *, go: bool) -> str:
    """The address that leads to a provider: at once, or by a page that says so.

    A form must lead to that page: browsers hold redirects after a form against `form-action` (CSP 3, 6.4.1), and the provider is elsewhere.
    """
    remember, go_on = "1" if wish.remember else "", "1" if go else ""
    return path("sso", "start", address=wish.address, next=wish.onward, remember=remember, go=go_on)


def sign_on_link(request: Request, address: str) -> str | None:
    """Where the address's organisation signs its people in, by its domain alone; None if it does not. What else was filled in goes along."""
    if provider_for(request.platform_db, address) is None:
        return None
    asked = request.params
    wish = Wish(
        address.strip()[:MAX_ADDRESS], bool(asked.get("remember")), asked.get("next", "")[:MAX_ONWARD]
    )
    return start_path(wish, go=True)


def includeme(config: Configurator) -> None:
    """Mount `/sso`."""

    def make(request: Request, parent: Any) -> SsoResource:
        return SsoResource(request, "sso", parent)

    config.add_child("sso", make)
    for reason, sentence in SENTENCES.items():
        config.add_saying(code_of(reason), sentence, tone="warning")
    config.include(VIEWS)
