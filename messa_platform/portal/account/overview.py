"""`/account`: what is left, what texts are sent as, and what the owner may change (spec U1, U4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.i18n import LANGUAGES, Speech, msgid, spoken
from messa_platform.core.segments import GSM_PART, GSM_SINGLE, UCS2_PART, UCS2_SINGLE, Encoding
from messa_platform.messaging.drafts import Final, final_text, sender_id
from messa_platform.messaging.recipients import Impossible, normalise
from messa_platform.messaging.statuses import Status
from messa_platform.portal.account.resources import PERMISSION, AccountResource
from messa_platform.portal.account.try_out import PAUSE, Blocked, TooSoon, Tried, send_test
from messa_platform.portal.forms import Form, read
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.messages.words import FAULTS, words_of
from messa_platform.portal.pages import url
from messa_platform.tenants.profile import MAX_NAME, MAX_SIGNATURE, Fault, Profile, Wish, profile, save

LANGUAGE_NAMES = {"sv": "Svenska", "en": "English"}
"""Each language by its own name, which who knows it finds."""

_SCHEMA = {
    "mobile": {"type": "string", "maxlength": 40},
    "display_name": {"type": "string"},
    "language": {"type": "string", "allowed": ["", *LANGUAGES]},
}

_NO_MOBILE = msgid("Enter a mobile number, such as 070-123 45 67, or leave the field empty.")
_NO_LANGUAGE = msgid("Choose one of the languages.")
_LOCKED = msgid(
    "Your signature was locked meanwhile by whoever manages your group. Save again to keep the rest."
)
_TOO_LONG = {
    "display_name": (msgid("Shorten your name to %(max)s characters at the most."), MAX_NAME),
    "signature": (msgid("Shorten your signature to %(max)s characters at the most."), MAX_SIGNATURE),
}


@dataclass(frozen=True, slots=True)
class Example:
    """How a text of the account's looks: as it leaves, and the room in septets or code units that so many SMS have."""

    final: Final
    room: int


def example(speech: Speech, held: Profile) -> Example:
    """A text such as people send, treated as one that is sent."""
    written = speech.gettext("Hi! The parents' meeting is on Tuesday at 18:00 in the dining hall. Welcome!")
    final = final_text(written, held.sender)
    single, part = (GSM_SINGLE, GSM_PART) if final.encoding is Encoding.GSM else (UCS2_SINGLE, UCS2_PART)
    return Example(final, single if final.parts == 1 else part * final.parts)


def _profile(request: Request) -> Profile:
    now = request.registry["messa.runtime"].clock.now()
    return profile(request.db, now, request.identity.account_id)


def _page(request: Request, held: Profile, form: Form, status: int = 200) -> Mapping[str, Any]:
    _ = request.speech.gettext
    request.response.status_int = status
    usual = LANGUAGE_NAMES[spoken(held.tenant_language)]
    inherited = (
        _("The organisation's (%(language)s)", language=usual)
        if held.organisation
        else _("The usual (%(language)s)", language=usual)
    )
    return {
        "form": form,
        "profile": held,
        "settings": held.sender.settings,
        "languages": [("", inherited), *LANGUAGE_NAMES.items()],
        "mobile": nice(held.mobile, held.sender.settings.country_code) if held.mobile else "",
        "sender_id": nice(sender_id(held.sender)),
        "example": example(request.speech, held),
        "max_name": MAX_NAME,
        "max_signature": MAX_SIGNATURE,
    }


def show(request: Request) -> Any:
    """The account, for its owner."""
    return _page(request, _profile(request), Form())


def change(request: Request) -> Any:
    """Save what the owner has changed."""
    _ = request.speech.gettext
    held = _profile(request)
    form = read(_SCHEMA, request.POST, {"mobile": _(_NO_MOBILE), "language": _(_NO_LANGUAGE)})
    mobile = _mobile(request, held, form)
    if form.ok:
        wish = Wish(
            display_name=form.read["display_name"],
            language=form.read["language"] or None,
            mobile=mobile,
            signature=form.values.get("signature"),
        )
        for name, fault in save(request.db, held, wish).items():
            _complain(request, form, name, fault)
    if not form.ok:
        return _page(request, held, form, 422)
    return HTTPSeeOther(url(request, "account", said="account-saved"))


def _mobile(request: Request, held: Profile, form: Form) -> str | None:
    """The owner's number as E.164, if there is one; what is no number is said in the form."""
    written = form.read.get("mobile", "").strip()
    if not written:
        return None
    number = normalise(written, held.sender.settings.country_code)
    if isinstance(number, Impossible):
        _ = request.speech.gettext
        fault = _(FAULTS[number.fault])
        form.fail("mobile", f"{written} {fault}. {_(_NO_MOBILE)}")
        return None
    return number


def _complain(request: Request, form: Form, name: str, fault: Fault) -> None:
    _ = request.speech.gettext
    if fault is Fault.LOCKED:  # the page that comes now has no field for it any more
        form.fail("", _(_LOCKED))
    else:
        sentence, most = _TOO_LONG[name]
        form.fail(name, _(sentence, max=most))


def try_out(request: Request) -> Any:
    """Send a test SMS to the owner's own mobile."""
    _ = request.speech.gettext
    held, form, runtime = _profile(request), Form(), request.registry["messa.runtime"]
    if held.mobile is None:
        form.fail("mobile", _("Save your mobile number first."))
        return _page(request, held, form, 422)
    words = _("Test message from messa. This is how your texts arrive.")
    outcome = send_test(
        request.platform_db,
        runtime.clock,
        runtime.announcements,
        request.identity.account_id,
        held.mobile,
        words,
    )
    match outcome:
        case Tried(entry) if entry.status is Status.QUEUED:
            return HTTPSeeOther(url(request, "account", said="test-sent"))
        case Tried(entry):
            form.fail("", _(words_of(entry.word).sentence))
        case Blocked():
            form.fail("", _("Your account may not send just now. Ask whoever manages your group."))
        case TooSoon():
            request.response.headers["Retry-After"] = str(int(PAUSE.total_seconds()))
            form.fail("", _("A test message went out just now. Wait a minute before the next one."))
            return _page(request, held, form, 429)
    return _page(request, _profile(request), form, 422)


def back(request: Request) -> Response:
    """Who asks once more for the address of the form, after it has said what was wrong, comes to its page."""
    return HTTPSeeOther(url(request, "account"))


def includeme(config: Configurator) -> None:
    """Mount the page, its form, and the test SMS."""
    page = {"context": AccountResource, "permission": PERMISSION, "renderer": "account/overview.jinja2"}
    config.add_view(show, request_method="GET", **page)
    config.add_view(change, request_method="POST", **page)
    config.add_view(try_out, name="test-sms", request_method="POST", **page)
    config.add_view(
        back, context=AccountResource, name="test-sms", request_method="GET", permission=PERMISSION
    )
    config.add_saying("account-saved", msgid("Saved."))
    config.add_saying(
        "test-sent", msgid("The test message is on its way. It is in your messages, too, with its status.")
    )
