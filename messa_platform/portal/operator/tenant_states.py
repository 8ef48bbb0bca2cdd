"""`/operator/tenants/<slug>/@@suspend`, `@@close` and `@@resume`: asked once more what it means, and done (spec O1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.forms import Form, written
from messa_platform.portal.operator.audit import last_change
from messa_platform.portal.operator.frame import now_of, page
from messa_platform.portal.operator.resources import TenantResource, author_of
from messa_platform.portal.pages import url
from messa_platform.tenants import tenant_states, tenants
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.numbers_settings import NumberSettings
from messa_platform.tenants.tenant_states import Refusal, Turned, reachable
from messa_platform.tenants.tenants import Overview


@dataclass(frozen=True, slots=True)
class StateWords:
    """A state of an organisation in a word, and the tone of its badge."""

    word: str
    tone: str


STATE_WORDS: Mapping[TenantState, StateWords] = {
    TenantState.ACTIVE: StateWords(msgid("Active"), "ok"),
    TenantState.SUSPENDED: StateWords(msgid("Suspended"), "warn"),
    TenantState.CLOSED: StateWords(msgid("Closed"), "bad"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """A way into a state: the view that leads there, and what is said on it. `summary` says what it does, before one goes there; `effects`
    are what follows, a sentence each. `asks_name`: who goes it writes the organisation's name, since there is no simple way back."""

    view: str
    to: TenantState
    heading: str
    summary: str
    effects: tuple[str, ...]
    label: str
    kind: str
    asks_name: bool = False


SUSPEND = Way(
    "suspend",
    TenantState.SUSPENDED,
    msgid("Suspend %(organisation)s?"),
    msgid(
        "Stops all that it sends, for as long as you like. Its people still sign in and read, and nothing is lost."
    ),
    (
        msgid("Nobody of the organisation can send, in whatever way, until it is resumed."),
        msgid("Its people still sign in and read what they have, and answers still come to them."),
        msgid("Texts that wait for their time are not sent if it comes meanwhile."),
    ),
    msgid("Suspend the organisation"),
    "primary",
)
CLOSE = Way(
    "close",
    TenantState.CLOSED,
    msgid("Close %(organisation)s?"),
    msgid(
        "For an organisation that leaves: nobody can sign in or send any more, and its numbers and domains are given up."
    ),
    (
        msgid("Nobody of the organisation can sign in or send. Who is signed in is signed out at once."),
        msgid("Its numbers are taken back, and rest before others get them."),
        msgid("Its domains are released: another organisation may prove that they are its own."),
        msgid(
            "Groups, people and messages stay. The organisation can be resumed; its domains are then to be proven anew."
        ),
    ),
    msgid("Close the organisation"),
    "danger",
    asks_name=True,
)
RESUME = Way(
    "resume",
    TenantState.ACTIVE,
    msgid("Resume %(organisation)s?"),
    msgid("Its people can sign in and send again."),
    (msgid("Its people can sign in and send again."),),
    msgid("Resume the organisation"),
    "primary",
)
AFTER_CLOSING = msgid(
    "Its domains wait to be proven anew, and its people get other numbers than those they had."
)
_NOT_ITS_NAME = msgid("That is not its name. Write “%(organisation)s”.")
WAYS = (RESUME, SUSPEND, CLOSE)
_BY_VIEW = {way.view: way for way in WAYS}


def ways_on(organisation: Overview) -> list[Way]:
    """What can be done with an organisation as it is."""
    possible = reachable(organisation.state, is_free=organisation.is_free)
    return [way for way in WAYS if way.to in possible]


def ask(context: TenantResource, request: Request) -> Any:
    """Say what it means, and ask for a yes."""
    way = _BY_VIEW[request.view_name]
    if way not in ways_on(context.organisation):
        return _to_organisation(request, context.organisation, "")
    return _page(request, way, context.organisation, Form())


def _page(
    request: Request, way: Way, organisation: Overview, form: Form, status: int = 200, **values: Any
) -> Mapping[str, Any]:
    from_closed = organisation.state is TenantState.CLOSED
    return page(
        request,
        "tenants",
        form,
        status,
        organisation=organisation,
        way=way,
        effects=(*way.effects, AFTER_CLOSING) if from_closed else way.effects,
        is_possible=way in ways_on(organisation),
        states=STATE_WORDS,
        **values,
    )


def _to_organisation(request: Request, organisation: Overview, said: str) -> HTTPSeeOther:
    return HTTPSeeOther(url(request, "operator", "tenants", organisation.slug, said=said))


def _is_named(organisation: Overview, name: str) -> bool:
    """Whether somebody has written its name, be it in small letters."""
    return " ".join(name.split()).casefold() == " ".join(organisation.name.split()).casefold()


def do(context: TenantResource, request: Request) -> Any:
    """Do it, unless the organisation has changed since it was looked at: then that is said, and asked again."""
    way = _BY_VIEW[request.view_name]
    organisation, form = context.organisation, Form(values=written(request.POST))
    if (
        way.asks_name
        and way in ways_on(organisation)
        and not _is_named(organisation, form.values.get("name", ""))
    ):
        form.fail("name", request.speech.gettext(_NOT_ITS_NAME, organisation=organisation.name))
        return _page(request, way, organisation, form, 422)
    version = int(form.values["version"]) if form.values.get("version", "").isdecimal() else 0
    turn: Callable[..., Turned | Refusal] = _SERVICES[way.to]
    more = {}
    if way is CLOSE:
        more["rest"] = request.registry["messa.runtime"].settings[NumberSettings].rest
    session = request.platform_db
    match turn(session, now_of(request), author_of(request), organisation.id, version, **more):
        case Turned():
            return _to_organisation(request, organisation, f"tenant-{way.to.value}")
        case Refusal.STALE:
            now_there = tenants.overview(session, organisation.slug) or organisation
            changed = last_change(request, organisation.id)
            return _page(request, way, now_there, form, 409, is_stale=True, changed=changed)
        case Refusal.IMPOSSIBLE:
            return _to_organisation(request, organisation, "")


_SERVICES: Mapping[TenantState, Callable[..., Turned | Refusal]] = {
    TenantState.SUSPENDED: tenant_states.suspend,
    TenantState.CLOSED: tenant_states.close,
    TenantState.ACTIVE: tenant_states.resume,
}


def includeme(config: Configurator) -> None:
    """Mount the three."""
    for way in WAYS:
        config.add_operator_view(ask, TenantResource, way.view, "turn")
        config.add_operator_view(do, TenantResource, way.view, "turn", request_method="POST")
    config.add_saying("tenant-suspended", msgid("The organisation is suspended."))
    config.add_saying("tenant-closed", msgid("The organisation is closed."))
    config.add_saying("tenant-active", msgid("The organisation is active again."))
