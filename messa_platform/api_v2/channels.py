"""`/v2/channels`: the organisation's own connections to providers, for a key of Master (spec V5, X3)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import channel_shapes as shapes
from messa_platform.api_v2.moments import now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds, by_id
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, topmost
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.core.site import SiteSettings
from messa_platform.messaging.dispatch import DISPATCH_ACTOR
from messa_platform.providers import channels
from messa_platform.providers.base import TakesCallbacks, Verdict
from messa_platform.providers.channels import Changed, Outcome, OwnChannel, Owner
from messa_platform.providers.connect import (
    MOST,
    ChannelOffice,
    Connected,
    NoSuch,
    Refused,
    TooMany,
    Undone,
    Wish,
)
from messa_platform.providers.given_settings import Fault as SettingFault
from messa_platform.providers.given_settings import Given, made_names
from messa_platform.providers.given_settings import Wrong as SettingWrong
from messa_platform.providers.registry import NoProvider, Plugin
from messa_platform.providers.secrets import secret_names
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.api_users.users import Conflict
from messa_platform.tenants.authority import NotAdmin


class OneChannel(Item):
    """`/v2/channels/<id>`."""


class OwnChannels(Collection):
    """`/v2/channels`."""

    item = OneChannel


def listed(_context: OwnChannels, request: Request, _asked: Asked) -> Answer:
    """All of them."""
    found = channels.own(request.platform_db, _owner(request))
    return Answer({"items": [_told(request, c, n) for n, c in enumerate(found, 1)], "next": None})


def create(_context: OwnChannels, request: Request, asked: Asked) -> Answer:
    """Connect a provider."""
    body, owner = asked.body, _owner(request)
    plugin = _office(request).offered(owner, body["plugin"])
    if plugin is None:
        fault = Fault("/plugin", "unknown", "is no plugin that you may connect")
        raise Wrong(Problem.CHANGE_REFUSED, faults=[fault])
    wish = Wish(body["name"], _given(plugin, body, frozenset()), body.get("rate"), body.get("resends", False))
    done = _connected(
        _office(request).connect(
            request.platform_db, now(request), author(request), owner, body["plugin"], wish
        )
    )
    answer = {**_found(request, done.channel), "keys": dict(done.made)}
    return Answer(answer, 201, {"Location": f"/v2/channels/{done.channel.id}"})


def read(context: OneChannel, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    return Answer(_found(request, _one(context, request)))


def change(context: OneChannel, request: Request, asked: Asked) -> Answer:
    """Another name, rate, settings or place."""
    channel, body, owner = _one(context, request), asked.body, _owner(request)
    made: Mapping[str, str] = {}
    if {"name", "rate", "resends", "settings", "renew_keys"} & body.keys():
        plugin = _plugin(request, channel.plugin)
        if plugin is None:
            raise Wrong(
                Problem.CONFLICT, "Its plugin cannot be used just now, so its settings cannot be changed."
            )
        renew = made_names(plugin) if body.get("renew_keys") else frozenset()

        def wish(was: OwnChannel) -> Wish:
            return Wish(
                body.get("name", was.name),
                _given(plugin, body, renew),
                body.get("rate", was.rate),
                body.get("resends", was.resends),
            )

        done = _connected(
            _office(request).change(
                request.platform_db, now(request), author(request), owner, channel.id, None, wish
            )
        )
        made = done.made
        _wake(request, channel)
    if "place" in body:
        _demand(
            channels.move(
                request.platform_db, now(request), author(request), channel.id, body["place"], owner
            )
        )
    return Answer({**_found(request, _one(context, request)), "keys": dict(made)})


def remove(context: OneChannel, request: Request, _asked: Asked) -> Answer:
    """Take it away."""
    _turned(context, request, channels.remove)
    return Answer({}, 204)


def pause(context: OneChannel, request: Request, _asked: Asked) -> Answer:
    """Let nothing leave by it."""
    _turned(context, request, channels.pause)
    return Answer(_found(request, _one(context, request)))


def resume(context: OneChannel, request: Request, _asked: Asked) -> Answer:
    """Let texts leave by it again."""
    _turned(context, request, channels.resume)
    return Answer(_found(request, _one(context, request)))


def test(context: OneChannel, request: Request, _asked: Asked) -> Answer:
    """Ask the provider whether it can be reached and knows us."""
    line = channels.line_of(request.platform_db, context.id, _owner(request))
    if line is None:
        raise Wrong(Problem.NOT_FOUND)
    # no transaction is held while the provider takes its time
    request.tm.abort()
    try:
        verdict = request.registry["messa.runtime"].providers.check_in_turn(line)
    except NoProvider:
        said = "It cannot be used: its plugin is missing or broken, or does not take its settings."
        raise Wrong(Problem.CONFLICT, said) from None
    finally:
        request.tm.begin()
    if verdict is None:
        raise Wrong(Problem.RATE, "Others are testing just now.", headers={"Retry-After": "5"})
    return Answer(_verdict(verdict))


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "state": verdict.state.value,
        "code": verdict.code,
        "balance": None if verdict.balance is None else _amount(verdict.balance),
        "currency": verdict.currency,
    }


def _amount(balance: Decimal) -> str | None:
    try:
        return f"{round(balance, 2):f}"
    except (InvalidOperation, ValueError, OverflowError):  # a provider may say anything
        return None


# What they stand on


def _owner(request: Request) -> Owner:
    """The organisation. Raises `Wrong` if the key does not stand for it."""
    return Owner(topmost(request))


def _one(context: OneChannel, request: Request) -> OwnChannel:
    found = channels.one(request.platform_db, context.id, _owner(request))
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return found


def _office(request: Request) -> ChannelOffice:
    office: ChannelOffice = request.registry["messa.runtime"].channel_office
    return office


def _plugin(request: Request, name: str) -> Plugin | None:
    try:
        found: Plugin = request.registry["messa.runtime"].providers.plugin(name)
    except NoProvider:
        return None
    return found


def _given(plugin: Plugin, body: Mapping[str, Any], renew: frozenset[str]) -> Given:
    """The settings of a body: null takes a secret away, and is the plugin's own choice of what is none."""
    settings, schema = body.get("settings", {}), plugin.settings_schema
    values = {
        name: {"true": True, "false": False}.get(value, value)
        if schema.get(name, {}).get("type") == "boolean"
        else value
        for name, value in settings.items()
    }
    gone = frozenset(name for name, value in settings.items() if value is None)
    return Given(values, renew, gone & secret_names(plugin))


def _turned(context: OneChannel, request: Request, do: Any) -> None:
    channel = _one(context, request)
    _demand(do(request.platform_db, now(request), author(request), channel.id, _owner(request)))
    _wake(request, channel)


def _wake(request: Request, channel: OwnChannel) -> None:
    waker = request.registry["messa.runtime"].waker
    waker.wake_after_commit(request.platform_db, DISPATCH_ACTOR, str(channel.id))


def _demand(changed: Changed) -> None:
    if isinstance(changed, NotAdmin) or changed is Outcome.GONE:
        raise Wrong(Problem.NOT_FOUND)


def _connected(done: Connected | Undone) -> Connected:
    """Raises `Wrong` with the reason if nothing was done."""
    match done:
        case Connected():
            return done
        case Refused(own) if any(fault.wrong is SettingWrong.TAKEN for fault in own.values()):
            raise Wrong(Problem.CONFLICT, "Another channel of yours has that name.")
        case Refused():
            faults = [_fault(f"/{name}", fault) for name, fault in done.own.items()]
            faults += [_fault(f"/settings/{name}", fault) for name, fault in done.settings.items()]
            raise Wrong(Problem.CHANGE_REFUSED, faults=faults)
        case TooMany():
            raise Wrong(Problem.CONFLICT, f"There are {MOST} channels, and no more can be.")
        case Conflict():
            raise Wrong(Problem.CONFLICT, "Somebody else has changed it this very moment. Read it again.")
        case NoSuch() | NotAdmin():
            raise Wrong(Problem.NOT_FOUND)


def _fault(pointer: str, fault: SettingFault) -> Fault:
    return Fault(pointer, fault.wrong.value, shapes.said(fault))


def _found(request: Request, channel: OwnChannel) -> dict[str, Any]:
    ids = [each.id for each in channels.own(request.platform_db, _owner(request))]
    return _told(request, channel, ids.index(channel.id) + 1)


def _told(request: Request, channel: OwnChannel, at: int) -> dict[str, Any]:
    held = _office(request).settings_of(request.platform_db, channel.id, _owner(request))
    plain, kept = held or ({}, frozenset())
    plugin = _plugin(request, channel.plugin)
    site = request.registry["messa.runtime"].settings[SiteSettings].public_url.rstrip("/")
    calls = plugin is not None and issubclass(plugin, TakesCallbacks)
    return {
        "id": str(channel.id),
        "name": channel.name,
        "plugin": channel.plugin,
        "place": at,
        "enabled": channel.enabled,
        "breaker": channel.breaker.value,
        "rate": None if channel.rate is None else max(1, round(channel.rate)),
        "resends": channel.resends,
        "settings": {name: _written(value) for name, value in plain.items()},
        "secrets": sorted(kept),
        "callbacks": f"{site}/providers/{channel.id}" if calls else None,
    }


def _written(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


_TAG = "Channels"
_READ, _WRITE = Scope.CHANNELS_READ, Scope.CHANNELS_WRITE
_GONE = (Problem.NOT_FOUND,)
_ITS = by_id("getChannel", "changeChannel", "testChannel", "pauseChannel", "resumeChannel", "removeChannel")
LIST = Operation(
    "listChannels", "GET", "/v2/channels", "List channels",
    "The organisation's own connections to providers, in the order in which texts take them; where there is none in use, texts leave by the"
    " platform's. Only for keys of its topmost group, as all of these.",
    _TAG, _READ, (Succeeds(200, "All of them.", shapes.CHANNELS),), problems=_GONE,
)  # fmt: skip
CREATE = Operation(
    "createChannel", "POST", "/v2/channels", "Connect a provider",
    "It stands last in the order. Secrets are sealed, and told to nobody again; addresses must be public ones, by https. The answer has the"
    " keys of ours that were made with it, this once.",
    _TAG, _WRITE, (Succeeds(201, "The channel.", shapes.WITH_KEYS, _ITS, ("Location",)),), body=shapes.CREATE,
    problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, *_GONE),
)  # fmt: skip
READ = Operation(
    "getChannel", "GET", "/v2/channels/{id}", "Read a channel", "How it stands, with its settings but for its secrets.",
    _TAG, _READ, (Succeeds(200, "The channel.", shapes.CHANNEL),), problems=_GONE,
)  # fmt: skip
CHANGE = Operation(
    "changeChannel", "PATCH", "/v2/channels/{id}", "Change a channel",
    "What is left out stays as it is. Its settings hold for texts from then on.",
    _TAG, _WRITE, (Succeeds(200, "The channel.", shapes.WITH_KEYS),), body=shapes.CHANGE,
    problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, *_GONE),
)  # fmt: skip
TEST = Operation(
    "testChannel", "POST", "/v2/channels/{id}/test", "Test a channel",
    "The provider is asked whether it can be reached and knows us. Nothing is sent.",
    _TAG, _WRITE, (Succeeds(200, "What was found.", shapes.TESTED),), problems=(Problem.CONFLICT, *_GONE),
)  # fmt: skip
PAUSE = Operation(
    "pauseChannel", "POST", "/v2/channels/{id}/pause", "Pause a channel",
    "Nothing leaves by it until it is resumed; what waits for it takes the next one in use.",
    _TAG, _WRITE, (Succeeds(200, "The channel.", shapes.CHANNEL),), problems=_GONE,
)  # fmt: skip
RESUME = Operation(
    "resumeChannel", "POST", "/v2/channels/{id}/resume", "Resume a channel", "Texts may leave by it again.",
    _TAG, _WRITE, (Succeeds(200, "The channel.", shapes.CHANNEL),), problems=_GONE,
)  # fmt: skip
REMOVE = Operation(
    "removeChannel", "DELETE", "/v2/channels/{id}", "Remove a channel",
    "As when it is paused, for good. What its provider tells of texts that it has carried is taken for 30 days more."
    " Routes that name it pass it over; a text whose route has no other left has no way out.",
    _TAG, _WRITE, (Succeeds(204, "It is removed.", None),), problems=_GONE,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("channels", OwnChannels)
    for operation, view, context, name in (
        (LIST, listed, OwnChannels, ""),
        (CREATE, create, OwnChannels, ""),
        (READ, read, OneChannel, ""),
        (CHANGE, change, OneChannel, ""),
        (TEST, test, OneChannel, "test"),
        (PAUSE, pause, OneChannel, "pause"),
        (RESUME, resume, OneChannel, "resume"),
        (REMOVE, remove, OneChannel, ""),
    ):
        config.add_operation(operation, view, context, name)
