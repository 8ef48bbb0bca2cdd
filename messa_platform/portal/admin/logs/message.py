"""`@@log-message` of a group: one of its messages, what happened to it and when, and the rule that stopped it (spec L1, L4, S6, S7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from messa_platform.core.i18n import Speech
from messa_platform.messaging.failover import MOVED
from messa_platform.messaging.log.asked import scope_of
from messa_platform.messaging.log.one import Happening, Logged, one
from messa_platform.messaging.statuses import NAMES_GROUP, Status, status_word
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.logs.words import ADVICE, DIRECTIONS, DOORS, MEANINGS, OUR_CODES
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import asked
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.messages.resources import wanted_id
from messa_platform.portal.messages.words import STATUSES
from messa_platform.portal.way_words import Told, tell
from messa_platform.providers.codes import code_words
from messa_platform.providers.routing.told import channels_for
from messa_platform.tenants.places import Place, Way, places_of, ways


@dataclass(frozen=True, slots=True)
class Station:
    """A line of what happened. `said` is the provider's code in words, "" if nobody knows them; `changed` False: it moved nothing."""

    moment: str
    word: str
    tone: str
    code: str
    said: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What stopped a message. `group` is the name of the group whose rule it was, "" if that is not for who asks; `address` the rule's page."""

    advice: str
    is_of_group: bool
    group: str
    address: str


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The message."""
    message = _asked_for(context, request)
    speech = request.speech
    known = _Groups(context, {message.group_id, *([message.rule_group_id] if message.rule_group_id else [])})
    word = status_word(message.status, message.rule_group)
    return page(
        context,
        "logs",
        message=message,
        moment=_moment(speech, message.at),
        chosen=_moment(speech, message.send_at) if message.send_at else "",
        group=known.name(message.group_id) or message.group,
        number=nice(message.remote),
        local=nice(message.local),
        direction=DIRECTIONS[message.direction],
        door=DOORS[message.door],
        word=word,
        tone=STATUSES[message.status].tone,
        meaning=MEANINGS[message.status],
        rule=_rule(message, known),
        stations=_stations(request, message),
        told=_way(request, message),
    )


def _asked_for(context: GroupResource, request: Request) -> Logged:
    identifier = wanted_id(asked(request, "id"))
    message = one(request.db, scope_of(request.db, context.place), identifier)
    if message is None:  # or of a group that is not theirs, which is the same to them
        raise HTTPNotFound
    return message


def _moment(speech: Speech, at: Any) -> str:
    return f"{at.astimezone(speech.zone):%Y-%m-%d %H:%M:%S}"


def _way(request: Request, message: Logged) -> Told | None:
    """Why it went by its channel; a tenant's session sees neither channels nor routes."""
    if message.way is None:
        return None
    tenant_id, sees_all = request.context.organisation.id, request.identity.is_operator
    return tell(request.platform_db, request.speech, tenant_id, message.channel_id, message.way, sees_all)


# What happened


def _stations(request: Request, message: Logged) -> list[Station]:
    """The events of a message, in words."""
    codes = dict(OUR_CODES)
    if message.channel_id and any(event.code for event in message.happenings):
        runtime, tenant_id = request.registry["messa.runtime"], request.context.organisation.id
        # a tenant's session sees no channels
        codes |= code_words(request.platform_db, runtime.providers, tenant_id, message.channel_id)
    shown = _names_shown(request, message)
    return [_station(request.speech, message, event, codes, shown) for event in message.happenings]


def _names_shown(request: Request, message: Logged) -> frozenset[str] | None:
    """The names of channels that may stand in an event: the tenant's own; None: any, to the operator."""
    if request.identity.is_operator:
        return None
    if not any(event.code.startswith(MOVED) for event in message.happenings):
        return frozenset()
    found = channels_for(request.platform_db, request.context.organisation.id)
    return frozenset(channel.name for channel in found if channel.is_own)


def _code(code: str, names: frozenset[str] | None) -> str:
    word, _, name = code.partition(" ")
    return code if word != MOVED or names is None or name in names else word


def _station(
    speech: Speech,
    message: Logged,
    event: Happening,
    codes: Mapping[str, str],
    names: frozenset[str] | None,
) -> Station:
    group = message.rule_group if event.status in NAMES_GROUP else None
    said = codes.get(event.code) or codes.get(event.code.partition(" ")[0], "")
    return Station(
        _moment(speech, event.at),
        status_word(event.status, group),
        STATUSES[event.status].tone if event.changed else "",
        _code(event.code, names),
        speech.gettext(said) if said else "",
        event.changed,
    )


# What stopped it


class _Groups:
    """Groups that a message names, as far as the admin sees them."""

    def __init__(self, context: GroupResource, ids: set[UUID]) -> None:
        tenant_id, top = context.organisation.id, context.authority.id
        self._context = context
        self._ways: dict[UUID, Way] = {
            i: way for i, way in ways(context.request.db, tenant_id, ids).items() if top in way.ids
        }
        self._living: dict[UUID, Place] = places_of(context.request.db, tenant_id, self._ways)

    def name(self, group_id: UUID) -> str:
        """Its way from the topmost group that the admin sees; "" if they do not see it."""
        way = self._ways.get(group_id)
        if way is None:
            return ""
        return " › ".join(way.names[way.ids.index(self._context.authority.id) :])

    def address(self, group_id: UUID, view: str) -> str:
        """One of its pages; "" if they do not see it, or it is no longer there."""
        way = self._ways.get(group_id)
        return self._context.address_of(way.slugs[1:], view) if way and group_id in self._living else ""


_PAGES = {Status.TOO_MANY_PARTS: "@@settings", Status.SENDER_NOT_VERIFIED: "@@domains"}
"""Where that is decided, in the message's own group, which stops a message and names no group."""


def _rule(message: Logged, known: _Groups) -> Rule | None:
    status = message.status
    if status not in ADVICE:
        return None
    if status in NAMES_GROUP and message.rule_group_id:
        group_id = message.rule_group_id
        return Rule(ADVICE[status], True, known.name(group_id), known.address(group_id, "@@settings"))
    view = _PAGES.get(status)
    return Rule(ADVICE[status], False, "", known.address(message.group_id, view) if view else "")


def includeme(config: Configurator) -> None:
    """Mount the page."""
    config.add_group_view(show, "log-message", "log_message")
