"""What is told when something is not done: `application/problem+json` (RFC 9457), whose `type` leads to a page that says what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pyramid.config import Configurator
from pyramid.exceptions import PredicateMismatch
from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.exc import DBAPIError

from messa_platform.api_v2.identity import Caller, is_api
from messa_platform.core.client import network_of
from messa_platform.core.logs import logger
from messa_platform.core.rates import Rates
from messa_platform.core.site import SiteSettings

log = logger(__name__)

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its name in addresses, its HTTP status, a title, and what whoever gets it can do."""

    slug: str
    status: int
    title: str
    remedy: str


class Problem(Enum):
    """Every kind there is."""

    INVALID_JSON = Kind(
        "invalid-json",
        400,
        "The body is not JSON",
        "Send one JSON object in UTF-8, with nothing before or behind it.",
    )
    INVALID_PARAMETERS = Kind(
        "invalid-parameters",
        400,
        "A parameter cannot be used",
        "Each parameter that is wrong stands under `errors`, with what was expected. Unknown ones are refused, too.",
    )
    UNAUTHORIZED = Kind(
        "unauthorized",
        401,
        "No key that works",
        "Send `Authorization: Bearer` and a key of v2. A key stops to work when it expires, when it is removed, and when its API user is.",
    )
    FORBIDDEN = Kind(
        "scope-missing",
        403,
        "The key may not be used for this",
        "The scope that it takes stands under `scope`. Scopes are chosen when a key is made: make one that has it, under the group's tab API.",
    )
    REFUSED = Kind(
        "message-refused",
        403,
        "The message was not sent",
        "`message_status` says why, in the words of the log: a number that no text could reach, more parts than the group allows, a quota that"
        " is used up, a group or account that may not send, a recipient that has said STOP, an organisation that is suspended. Where a field"
        " is to blame, it stands under `errors`. With a `message_id` the message is in the log. The same request will be refused again until"
        " what it says is changed.",
    )
    ADDRESS = Kind(
        "address-refused",
        403,
        "The address cannot be told anything",
        "Webhooks go to public servers by https: no internal networks, no redirects. `errors` says what is wrong with it.",
    )
    CHANGE_REFUSED = Kind(
        "change-refused",
        403,
        "The change was not made",
        "The request was right, and a rule of the organisation's or of ours stands against it: a group cannot come below itself, the topmost"
        " group of a key stays where it is, the topmost group needs an admin, nobody can have a public domain for themselves, a key gives out no"
        " more than it has. `detail` says which one, or `errors`, with the field to which it"
        " applies; an empty pointer is to the request as a whole. Nothing of it was done.",
    )
    TOO_LONG = Kind(
        "time-too-long",
        403,
        "The time asked for is too long",
        "`detail` says how long it may be. Ask for less of it at once, or for months instead of days.",
    )
    LOCKED = Kind(
        "setting-locked",
        403,
        "A setting is locked by an overlying group",
        "The settings in question stand under `errors`, or `detail` says what would be locked no longer. Ask the admins of the group above"
        " your key's: they can unlock it, or change it themselves.",
    )
    PRECONDITION = Kind(
        "precondition-failed",
        412,
        "Somebody has changed it since you read it",
        "`If-Match` names another version than the one that holds now. Read it again, look at what is different, and send the new `ETag`.",
    )
    NOT_FOUND = Kind(
        "not-found",
        404,
        "There is nothing here",
        "There is no such thing, or it lies outside the group of your key and those below it, of which you are told nothing.",
    )
    METHOD = Kind(
        "method-not-allowed",
        405,
        "That cannot be done here",
        "The methods that can be used stand in the header `Allow`.",
    )
    DUPLICATE = Kind(
        "duplicate-message",
        409,
        "The same text was sent to this number within 24 hours",
        'If it is to be sent again all the same, send `"allow_duplicate": true`. To repeat a request safely, use an `Idempotency-Key` instead.',
    )
    CONFLICT = Kind(
        "conflict",
        409,
        "It is no longer as it has to be for this",
        "`detail` says what it is now. A message can be cancelled only while it waits for its time.",
    )
    TOO_LARGE = Kind(
        "too-large",
        413,
        "The body is too large",
        "Send 8 MB and 10,000 recipients at the most in one request, and the rest in others.",
    )
    MEDIA = Kind(
        "unsupported-media-type",
        415,
        "The body is said to be something else than JSON",
        "Send `Content-Type: application/json`.",
    )
    INVALID = Kind(
        "invalid-request",
        422,
        "A field cannot be used",
        "Every field that is wrong stands under `errors`, with a JSON Pointer (RFC 6901) to it and what was expected.",
    )
    KEY_REUSED = Kind(
        "idempotency-key-reused",
        422,
        "The Idempotency-Key was used for another request",
        "A key stands for one request, for 24 hours. Make a new one, such as a random UUID, for each thing that is to be done.",
    )
    RATE = Kind(
        "rate-limited",
        429,
        "Too many requests",
        "Come back after as many seconds as `Retry-After` says. Each answer tells in `RateLimit` what is left.",
    )
    INTERNAL = Kind(
        "internal-error",
        500,
        "Something went wrong on our side",
        "It has been logged, and nothing was done. Try again in a while; with an `Idempotency-Key` nothing is done twice.",
    )
    UNAVAILABLE = Kind(
        "unavailable",
        503,
        "Not just now",
        "The database is away, or no provider is set up. Try again after as many seconds as `Retry-After` says.",
    )

    @property
    def kind(self) -> Kind:
        """What stands behind the name."""
        found: Kind = self.value
        return found


@dataclass(frozen=True, slots=True)
class Fault:
    """A field that cannot be used: where it is, what rule it breaks, and what was expected."""

    pointer: str
    code: str
    detail: str

    def told(self) -> dict[str, str]:
        """As it stands under `errors`."""
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


@dataclass
class Wrong(Exception):
    """Raised by whatever cannot go on. `more` are members of the answer besides the usual ones."""

    problem: Problem
    detail: str = ""
    faults: Sequence[Fault] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def type_of(request: Request, problem: Problem) -> str:
    """The address of a kind's page."""
    site = request.registry["messa.runtime"].settings[SiteSettings]
    return f"{site.public_url.rstrip('/')}/v2/problems/{problem.kind.slug}"


def document(request: Request, wrong: Wrong) -> dict[str, Any]:
    """The members of the answer."""
    kind = wrong.problem.kind
    told: dict[str, Any] = {
        "type": type_of(request, wrong.problem),
        "title": kind.title,
        "status": kind.status,
    }
    if wrong.detail:
        told["detail"] = wrong.detail
    if wrong.faults:
        told["errors"] = [fault.told() for fault in wrong.faults]
    return {**told, **wrong.more}


def answer(request: Request, wrong: Wrong) -> Response:
    """The answer."""
    return as_response(document(request, wrong), wrong.problem.kind.status, wrong.headers)


def as_response(told: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    """An answer of these members."""
    response = Response(json.dumps(told, ensure_ascii=False).encode(), status=status)
    response.headers["Content-Type"] = MEDIA_TYPE
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers)
    return response


def _raised(wrong: Wrong, request: Request) -> Response:
    return answer(request, wrong)


def _forbidden(error: HTTPForbidden, request: Request) -> Response:
    """Without a key that works one is asked for; with one, the scope is named that it lacks."""
    if isinstance(request.identity, Caller):
        return answer(request, Wrong(Problem.FORBIDDEN, more={"scope": error.result.permission}))
    return answer(request, no_key(request))


def no_key(request: Request) -> Wrong:
    """Nobody is known by the key; who tries many is told to wait."""
    rates: Rates = request.registry["messa.runtime"].rates
    verdict = rates.ask_unknown(network_of(request.client_addr or ""))
    if not verdict.allowed:
        return Wrong(Problem.RATE, headers=verdict.headers())
    return Wrong(Problem.UNAUTHORIZED, headers={"WWW-Authenticate": 'Bearer realm="messa"'})


def _not_found(error: HTTPNotFound, request: Request) -> Response:
    """Whether there is something, only who has a key is told."""
    if not isinstance(request.identity, Caller):
        return answer(request, no_key(request))
    allowed = methods_of(request) if isinstance(error, PredicateMismatch) else ()
    if allowed:
        return answer(request, Wrong(Problem.METHOD, headers={"Allow": ", ".join(allowed)}))
    return answer(request, Wrong(Problem.NOT_FOUND))


def methods_of(request: Request) -> Sequence[str]:
    """The methods by which what is asked for is served."""
    served: Mapping[tuple[type, str], list[str]] = request.registry.get("messa.v2_methods", {})
    return sorted(served.get((type(request.context), request.view_name), ()))


def _away(error: DBAPIError, request: Request) -> Response:
    log.error("api_unavailable", error=type(error).__name__)
    return answer(request, Wrong(Problem.UNAVAILABLE, headers={"Retry-After": "10"}))


def _broken(_error: Exception, request: Request) -> Response:
    log.exception("api_failed", method=request.method)
    return answer(request, Wrong(Problem.INTERNAL))


class UnderApi:
    """View predicate: the request is for the API."""

    def __init__(self, wanted: bool, _config: Configurator) -> None:
        self._wanted = wanted

    def text(self) -> str:
        return f"under_api = {self._wanted}"

    phash = text

    def __call__(self, _context: object, request: Request) -> bool:
        return is_api(request) is self._wanted


def includeme(config: Configurator) -> None:
    """Answer what goes wrong below `/v2`."""
    config.add_view_predicate("under_api", UnderApi)
    for view, context in (
        (_raised, Wrong),
        (_forbidden, HTTPForbidden),
        (_not_found, HTTPNotFound),
        (_away, DBAPIError),
        (_broken, Exception),
    ):
        config.add_exception_view(view, context=context, under_api=True)
