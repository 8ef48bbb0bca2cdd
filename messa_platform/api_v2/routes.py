"""`/v2/routes`: by which channels the organisation's texts leave, for a key of Master (spec V5, X4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2 import route_shapes as shapes
from messa_platform.api_v2.moments import now
from messa_platform.api_v2.once import once
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds, by_id
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, topmost
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.providers.capabilities import NAMES
from messa_platform.providers.routing import own
from messa_platform.providers.routing.own import By, Held, OwnChannel, Theirs, Undone, Unfit, Wish
from messa_platform.providers.routing.routes import MOST_OWN
from messa_platform.providers.routing.routes import Fault as RouteFault
from messa_platform.providers.routing.rules import SenderKind
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.authority import NotAdmin


class OneRoute(Item):
    """`/v2/routes/<id>`."""


class OwnRoutes(Collection):
    """`/v2/routes`."""

    item = OneRoute


def listed(_context: OwnRoutes, request: Request, _asked: Asked) -> Answer:
    """All that hold for the organisation."""
    found = own.held(request.platform_db, topmost(request))
    return Answer({"items": [_told(each) for each in found], "next": None})


def create(_context: OwnRoutes, request: Request, asked: Asked) -> Answer:
    """A new route of its own."""
    return once(request, asked, lambda session: _create(session, request, asked))


def _create(session: Session, request: Request, asked: Asked) -> Answer:
    wish = _wish(Wish("", None, (), (), False), asked.body)
    made = _done(own.add(session, now(request), author(request), topmost(request), wish))
    return Answer(_told(made), 201, {"Location": f"/v2/routes/{made.route.id}"})


def read(context: OneRoute, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    found = own.one(request.platform_db, context.id, topmost(request))
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return Answer(_told(found))


def change(context: OneRoute, request: Request, asked: Asked) -> Answer:
    """Other texts, or other channels."""
    done = own.change(
        request.platform_db,
        now(request),
        author(request),
        topmost(request),
        context.id,
        lambda was: _wish(was, asked.body),
    )
    return Answer(_told(_done(done)))


def remove(context: OneRoute, request: Request, _asked: Asked) -> Answer:
    """Take it away."""
    undone = own.remove(request.platform_db, now(request), author(request), topmost(request), context.id)
    if undone is not None:
        raise _why(undone)
    return Answer({}, 204)


def _wish(was: Wish, body: Mapping[str, Any]) -> Wish:
    """What a body makes of a route."""
    sender = body.get("sender", was.sender_kind)
    needs = frozenset(body.get("needs", was.needs))
    return Wish(
        body.get("prefix", was.prefix),
        None if sender is None else SenderKind(sender),
        tuple(name for name in NAMES if name in needs),
        tuple(map(UUID, body["channels"])) if "channels" in body else was.channel_ids,
        body.get("cheapest", was.is_cheapest),
    )


def _done(done: Held | Undone) -> Held:
    """Raises `Wrong` with the reason if nothing was done."""
    if isinstance(done, Held):
        return done
    raise _why(done)


_EXISTS = "There is a route of yours for these numbers and senders already."
_FULL = f"There are {MOST_OWN} routes of your own, and no more can be."
_FAULTS: Mapping[RouteFault, tuple[Problem, str, str]] = {
    RouteFault.NOT_A_PREFIX: (Problem.CHANGE_REFUSED, "/prefix", "is no beginning of numbers"),
    RouteFault.UNKNOWN_NEED: (Problem.CHANGE_REFUSED, "/needs", "names what no channel can do"),
    RouteFault.NO_CHANNEL: (Problem.CHANGE_REFUSED, "/channels", "names none that is there still"),
    RouteFault.STRANGE_CHANNEL: (
        Problem.CHANGE_REFUSED,
        "/channels",
        "names one that is gone or not yours, one twice, or too many",
    ),
    RouteFault.EXISTS: (Problem.CONFLICT, "/prefix", "has a route for such senders"),
    RouteFault.TOO_MANY: (Problem.CONFLICT, "", f"would be one more than {MOST_OWN}"),
}
_THEIRS: Mapping[By, str] = {
    By.OPERATOR: "The platform's operator has made that route for you. One of your own for a longer prefix comes before it.",
    By.PLATFORM: "That route holds for all organisations. One of your own comes before it.",
}
_DETAILS: Mapping[RouteFault, str] = {RouteFault.EXISTS: _EXISTS, RouteFault.TOO_MANY: _FULL}


def _why(undone: Undone) -> Wrong:
    match undone:
        case Unfit(strange, repeated):
            said = "is no channel of yours that is there"
            faults = [Fault(f"/channels/{n}", "strange_channel", said) for n in strange]
            faults += [Fault(f"/channels/{n}", "repeated", "stands there already") for n in repeated]
            return Wrong(Problem.CHANGE_REFUSED, faults=faults)
        case Theirs(by):
            fault = Fault("", "not_yours", "is kept by the platform's operator")
            return Wrong(Problem.CHANGE_REFUSED, _THEIRS[by], faults=[fault])
        case NotAdmin() | RouteFault.GONE | RouteFault.NO_TENANT:
            return Wrong(Problem.NOT_FOUND)
        case _:
            problem, pointer, said = _FAULTS[undone]
            return Wrong(problem, _DETAILS.get(undone, ""), faults=[Fault(pointer, undone.value, said)])


def _told(held: Held) -> dict[str, Any]:
    route = held.route
    return {
        "id": str(route.id),
        "by": held.by.value,
        "prefix": route.prefix,
        "sender": route.sender_kind.value if route.sender_kind else None,
        "needs": list(route.needs),
        "cheapest": route.is_cheapest,
        "channels": [_channel(channel) for channel in held.channels],
    }


def _channel(channel: OwnChannel | None) -> dict[str, Any]:
    if channel is None:
        return {"is_own": False, "id": None, "name": None, "is_removed": False}
    return {
        "is_own": True,
        "id": str(channel.id),
        "name": channel.name,
        "is_removed": channel.is_removed,
    }


_TAG = "Routes"
_READ, _WRITE = Scope.CHANNELS_READ, Scope.CHANNELS_WRITE
_GONE = (Problem.NOT_FOUND,)
_REFUSED = (Problem.CHANGE_REFUSED, Problem.CONFLICT, *_GONE)
_ITS = by_id("getRoute", "changeRoute", "removeRoute")
LIST = Operation(
    "listRoutes", "GET", "/v2/routes", "List routes",
    "All that hold for the organisation's texts, its own and those for all, in the order in which they decide: the first that fits does. A text"
    " that none fits goes by the order of the channels. Only for keys of its topmost group, as all of these.",
    _TAG, _READ, (Succeeds(200, "All of them.", shapes.ROUTES),), problems=_GONE,
)  # fmt: skip
CREATE = Operation(
    "createRoute", "POST", "/v2/routes", "Make a route",
    f"It leads over channels of the organisation's own, and holds for texts from then on. There are {MOST_OWN} at the most, and one for the same"
    " numbers and senders.",
    _TAG, _WRITE, (Succeeds(201, "The route.", shapes.ROUTE, _ITS, ("Location",)),), body=shapes.CREATE, problems=_REFUSED,
    is_idempotent=True,
)  # fmt: skip
READ = Operation(
    "getRoute", "GET", "/v2/routes/{id}", "Read a route", "One that holds for the organisation's texts.",
    _TAG, _READ, (Succeeds(200, "The route.", shapes.ROUTE),), problems=_GONE,
)  # fmt: skip
CHANGE = Operation(
    "changeRoute", "PATCH", "/v2/routes/{id}", "Change a route",
    "One of the organisation's own. What is left out stays as it is, but channels that are removed by now are let go.",
    _TAG, _WRITE, (Succeeds(200, "The route.", shapes.ROUTE),), body=shapes.CHANGE, problems=_REFUSED,
)  # fmt: skip
REMOVE = Operation(
    "removeRoute", "DELETE", "/v2/routes/{id}", "Remove a route",
    "One of the organisation's own. Its texts go by the next route that fits, or by the order of the channels.",
    _TAG, _WRITE, (Succeeds(204, "It is removed.", None),), problems=(Problem.CHANGE_REFUSED, *_GONE),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("routes", OwnRoutes)
    for operation, view, context in (
        (LIST, listed, OwnRoutes),
        (CREATE, create, OwnRoutes),
        (READ, read, OneRoute),
        (CHANGE, change, OneRoute),
        (REMOVE, remove, OneRoute),
    ):
        config.add_operation(operation, view, context)
