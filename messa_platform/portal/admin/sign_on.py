"""`@@sign-on?domain=<id>` of a domain's group: by which identity provider its people sign in (spec I3)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import Speech, msgid
from messa_platform.core.outbound import SENTENCES as NO_ANSWERS
from messa_platform.core.outbound import Fault
from messa_platform.portal.admin.audit import reader_of, row_of
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.pages import public_url
from messa_platform.tenants.access import sign_on_setup
from messa_platform.tenants.access.oidc_trial import Finding, Problem, clean_issuer, try_out
from messa_platform.tenants.access.sign_on_setup import (
    MAX_CLIENT_ID,
    MAX_ISSUER,
    MAX_NAME,
    MAX_SECRET,
    Outcome,
    Provider,
    SetUp,
)
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import latest

AT_ONCE = 2
"""Trials of a process at the same time: a slow provider must not hold every thread of the web."""
_TURNS = "messa.sign_on_trials"

PROBLEMS: Mapping[Problem, str] = {
    Problem.NO_ANSWER: msgid("The provider gives no answer. %(detail)s"),
    Problem.STATUS: msgid(
        "The provider has no document at the issuer's address; it answers with the status %(detail)s."
    ),
    Problem.NO_DOCUMENT: msgid("What is at the issuer's address is no document of an OpenID provider."),
    Problem.OTHER_ISSUER: msgid(
        "The provider calls itself “%(detail)s”. The issuer has to be written exactly so."
    ),
    Problem.NO_ENDPOINT: msgid("The provider's document has no usable address as %(detail)s."),
    Problem.NO_CODE: msgid("The provider does not offer the authorisation code flow (response type “code”)."),
    Problem.NO_ALGORITHM: msgid(
        "The provider signs in a way that we do not accept (%(detail)s). It has to be RS256, PS256 or ES256."
    ),
    Problem.KEYS_AWAY: msgid("The provider's keys cannot be read. %(detail)s"),
    Problem.NO_KEYS: msgid(
        "Among the provider's keys there is none that we can use: RSA of 2048 bits or P-256."
    ),
}
"""What to tell of each problem."""

SENTENCES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.CONFLICT: (
        "",
        msgid(
            "Somebody else has changed the sign-in meanwhile, and nothing of yours was saved. Look at what is different. If you save"
            " again, yours holds."
        ),
    ),
    Outcome.NOT_VERIFIED: (
        "",
        msgid("The domain has to be verified first. Nothing was saved."),
    ),
    Outcome.NO_SECRET: (
        "secret",
        msgid("Enter the client secret. A new issuer needs a secret of its own."),
    ),
}


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """How the domain's people sign in."""
    return _page(context, request, _held(context, request), Form())


def change(context: GroupResource, request: Request) -> Any:
    """Save what was written, remove the provider, or try it."""
    held = _held(context, request)
    form = Form(values=written(request.POST))
    match form.values.get("do"):
        case "test":
            return _test(context, request, held)
        case "remove":
            return _remove(context, request, held, form)
    return _save(context, request, held, form)


def _held(context: GroupResource, request: Request) -> SetUp:
    """The domain that the address names, if it is one of this very group."""
    try:
        domain_id = UUID(asked(request, "domain"))
    except ValueError:
        raise HTTPNotFound from None
    found = sign_on_setup.set_up(request.db, context.place, domain_id)
    if found is None:
        raise HTTPNotFound
    return found


def _save(context: GroupResource, request: Request, held: SetUp, form: Form) -> Any:
    wanted, secret = _read(request, form)
    if not form.ok:
        return _page(context, request, held, form, 422)
    runtime = request.registry["messa.runtime"]
    outcome = sign_on_setup.save(
        request.platform_db,
        runtime.clock.now(),
        runtime.keys,
        context.author,
        context.place,
        held.domain_id,
        wanted,
        secret,
        form.values.get("version", ""),
    )
    return _answer(context, request, held, form, outcome, "sign-on-saved")


def _remove(context: GroupResource, request: Request, held: SetUp, form: Form) -> Any:
    now, mark = request.registry["messa.runtime"].clock.now(), form.values.get("version", "")
    outcome = sign_on_setup.remove(
        request.platform_db, now, context.author, context.place, held.domain_id, mark
    )
    form.values = {}  # of a form without fields there is nothing to show again
    return _answer(context, request, held, form, outcome, "sign-on-removed")


def _answer(
    context: GroupResource, request: Request, held: SetUp, form: Form, outcome: Outcome, said: str
) -> Any:
    match outcome:
        case Outcome.SAVED:
            return HTTPSeeOther(context.address("@@sign-on", domain=held.domain_id, said=said))
        case Outcome.GONE:
            return HTTPSeeOther(context.address("@@sign-on", domain=held.domain_id))
    name, sentence = SENTENCES[outcome]
    form.fail(name, request.speech.gettext(sentence))
    status = 409 if outcome is Outcome.CONFLICT else 422
    return _page(context, request, _held(context, request), form, status)


def _read(request: Request, form: Form) -> tuple[Provider, str]:
    """The provider as it was written, and its secret; what is wrong stands in the form."""
    _, values = request.speech.gettext, form.values
    name = " ".join(values.get("name", "").split())
    issuer, client_id = clean_issuer(values.get("issuer", "")), values.get("client_id", "").strip()
    secret = values.get("secret", "").strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        form.fail("name", _("Write a name of %(max)s characters at the most.", max=MAX_NAME))
    fits = len(issuer) <= MAX_ISSUER and not set("?#") & set(issuer) and issuer.isascii()
    if not fits or not request.registry["messa.runtime"].outbound.allows(issuer):
        form.fail(
            "issuer", _("Write the issuer's address, which begins with https://, as the provider gives it.")
        )
    if not client_id or len(client_id) > MAX_CLIENT_ID or not client_id.isprintable():
        form.fail("client_id", _("Write the client ID that the provider has given you."))
    if len(secret) > MAX_SECRET or not secret.isprintable():
        form.fail("secret", _("That is no client secret. Copy it from the provider once more."))
    return Provider(name, issuer, client_id, "enabled" in values), secret


def _test(context: GroupResource, request: Request, held: SetUp) -> Any:
    """Ask the provider what a sign-in would ask; nothing is changed."""
    form = Form()
    if held.provider is None:
        return HTTPSeeOther(context.address("@@sign-on", domain=held.domain_id))
    turns: threading.BoundedSemaphore = request.registry[_TURNS]
    if not turns.acquire(blocking=False):
        form.fail("", request.speech.gettext("Others are testing just now. Try again in a moment."))
        return _page(context, request, held, form, 429)
    # no transaction is held while a stranger's server takes its time
    request.tm.abort()
    try:
        findings = try_out(request.registry["messa.runtime"].outbound, held.provider.issuer)
    finally:
        turns.release()
        request.tm.begin()
    problems = [_problem(request.speech, finding) for finding in findings]
    return _page(context, request, held, form, tested=True, problems=problems)


def _problem(speech: Speech, finding: Finding) -> str:
    detail = finding.detail
    if finding.problem in (Problem.NO_ANSWER, Problem.KEYS_AWAY):
        # a status stands as it is
        detail = speech.gettext(NO_ANSWERS[Fault(detail)]) if detail in set(Fault) else detail
    return speech.gettext(PROBLEMS[finding.problem], detail=detail or "–")


def _page(
    context: GroupResource, request: Request, held: SetUp, form: Form, status: int = 200, **values: Any
) -> Mapping[str, Any]:
    conflict = status == 409
    actions = {Action.SIGN_ON_SET, Action.SIGN_ON_REMOVED}
    found = latest(request.db, reader_of(context), context.place, actions, held.domain) if conflict else []
    return page(
        context,
        "domains",
        form,
        status,
        held=held,
        provider=held.provider or Provider("", "", "", enabled=False),
        # after an error of the form's own the mark stays that of what it was made from
        version=form.values.get("version", held.mark) if status == 422 else held.mark,
        callback=public_url(request, "sso", "callback"),
        limits={"name": MAX_NAME, "issuer": MAX_ISSUER, "client_id": MAX_CLIENT_ID},
        changes=[row_of(request.speech, entry) for entry in found],
        differing=_differing(request.speech, form, held) if conflict else [],
        **{"tested": False, "problems": [], **values},
    )


def _differing(speech: Speech, form: Form, held: SetUp) -> list[tuple[str, str, str]]:
    """Each field in which what was written differs from what holds: its label, what was written, what holds."""
    _ = speech.gettext
    if not form.values:
        return []
    values, switch = form.values, {True: _("yes"), False: _("no")}
    now = held.provider or Provider("", "", "", enabled=False)
    pairs = (
        (_("Name on the button"), values.get("name", ""), now.name),
        (_("Issuer"), values.get("issuer", ""), now.issuer),
        (_("Client ID"), values.get("client_id", ""), now.client_id),
        (_("Switched on"), switch["enabled" in values], switch[now.enabled]),
    )
    return [(label, yours, theirs) for label, yours, theirs in pairs if yours != theirs]


def includeme(config: Configurator) -> None:
    """Mount the page and its form."""
    config.registry[_TURNS] = threading.BoundedSemaphore(AT_ONCE)
    config.add_group_view(show, "sign-on", "sign_on")
    config.add_group_view(change, "sign-on", "sign_on", request_method="POST")
    config.add_saying("sign-on-saved", msgid("Saved. Test it before your people use it."))
    config.add_saying("sign-on-removed", msgid("Removed. People sign in with their passwords from now on."))
