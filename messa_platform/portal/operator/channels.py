"""`/operator/channels`: by which channels texts leave and in which order, how they fare, and the plugins that there are (spec X3, X4, O1)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.clock import stockholm_day
from messa_platform.core.i18n import msgid
from messa_platform.core.logs import logger
from messa_platform.messaging import by_channel
from messa_platform.messaging.by_channel import MOST_COUNTED, Waiting
from messa_platform.messaging.statuses import Status
from messa_platform.portal.forms import asked, written
from messa_platform.portal.messages.words import STATUSES
from messa_platform.portal.operator.channel_words import (
    BUSY,
    UNUSABLE,
    Tested,
    cards,
    in_address,
    rate_words,
    tested,
)
from messa_platform.portal.operator.frame import now_of, page
from messa_platform.portal.operator.resources import ChannelResource, ChannelsResource, author_of
from messa_platform.portal.pages import public_url, url
from messa_platform.providers import channels
from messa_platform.providers.base import TakesCallbacks
from messa_platform.providers.channels import Outcome, OwnChannel
from messa_platform.providers.pool import Line
from messa_platform.providers.registry import NoProvider, Plugin

log = logger(__name__)

AT_ONCE = 2
"""Tests of a process at the same time: a slow provider must not hold every thread of the web."""
_TURNS = "messa.channel_tests"


@dataclass(frozen=True, slots=True)
class Shown:
    """A channel as the page shows it. `title` is its plugin's, "" if that cannot be used; `callbacks` the address at which its provider
    calls us, "" if it does not; `lately` how many texts of each status there are from yesterday on."""

    channel: OwnChannel
    title: str
    rate: str
    waiting: Waiting
    lately: Mapping[Status, int]
    callbacks: str
    tested: Tested | None


def show(request: Request) -> Mapping[str, Any]:
    """The platform's channels, and the plugins."""
    session, now = request.platform_db, now_of(request)
    found = channels.own(session)
    ids = [channel.id for channel in found]
    waiting = by_channel.waiting(session, ids)
    lately = by_channel.counts(session, ids, stockholm_day(now) - timedelta(days=1))
    return page(
        request,
        "channels",
        channels=[_shown(request, channel, waiting[channel.id], lately[channel.id]) for channel in found],
        none_in_use=bool(found) and not any(channel.enabled for channel in found),
        cards=cards(request.speech, request.registry["messa.runtime"].providers.plugins),
        most=MOST_COUNTED,
        statuses=STATUSES,
    )


def _shown(request: Request, channel: OwnChannel, waiting: Waiting, lately: Mapping[Status, int]) -> Shown:
    plugin = _plugin(request, channel.plugin)
    calls = plugin is not None and issubclass(plugin, TakesCallbacks)
    return Shown(
        channel,
        plugin.about.title if plugin else "",
        rate_words(request.speech, channel.rate) if channel.rate else "",
        waiting,
        lately,
        public_url(request, "providers", channel.id) if calls else "",
        _tested(request, channel, plugin),
    )


def _plugin(request: Request, name: str) -> Plugin | None:
    try:
        found: Plugin = request.registry["messa.runtime"].providers.plugin(name)
    except NoProvider:
        return None
    return found


def _tested(request: Request, channel: OwnChannel, plugin: Plugin | None) -> Tested | None:
    """What the address says that a test of the channel has found."""
    if asked(request, "tested") != str(channel.id):
        return None
    given = {name: asked(request, name) for name in ("state", "code", "balance", "currency")}
    return tested(request.speech, given, plugin)


def test(context: ChannelResource, request: Request) -> HTTPSeeOther:
    """Ask the provider whether it can be reached and knows us; nothing is sent, and nothing changed."""
    line = channels.line_of(request.platform_db, context.channel_id)
    if line is None:
        raise HTTPNotFound
    turns: threading.BoundedSemaphore = request.registry[_TURNS]
    if not turns.acquire(blocking=False):
        return _to_list(request, line.channel_id, tested=line.channel_id, state=BUSY)
    # no transaction is held while the provider takes its time
    request.tm.abort()
    try:
        found = _ask(request, line)
    finally:
        turns.release()
        request.tm.begin()
    return _to_list(request, line.channel_id, tested=line.channel_id, **found)


def _ask(request: Request, line: Line) -> dict[str, str]:
    try:
        return in_address(request.registry["messa.runtime"].providers.check(line))
    except NoProvider as error:
        log.warning("channel_unusable", channel=line.name, why=str(error))
        return {"state": UNUSABLE}


def _to_list(request: Request, channel_id: UUID, **query: object) -> HTTPSeeOther:
    """To the page, where the channel is in sight."""
    return HTTPSeeOther(f"{url(request, 'operator', 'channels', **query)}#channel-{channel_id}")


def turn(context: ChannelResource, request: Request) -> HTTPSeeOther:
    """Pause the channel, or resume it. One that stands so already, since somebody was quicker, is left."""
    do: Callable[..., Outcome] = channels.pause if request.view_name == "pause" else channels.resume
    outcome = do(request.platform_db, now_of(request), author_of(request), context.channel_id)
    if outcome is Outcome.GONE:
        raise HTTPNotFound
    return HTTPSeeOther(url(request, "operator", "channels", said=f"channel-{request.view_name}d"))


def move(context: ChannelResource, request: Request) -> HTTPSeeOther:
    """Put the channel at another place in the order."""
    place = written(request.POST).get("place", "")
    if not (place.isascii() and place.isdecimal() and len(place) < 6):
        raise HTTPNotFound
    outcome = channels.move(
        request.platform_db, now_of(request), author_of(request), context.channel_id, int(place)
    )
    if outcome is Outcome.GONE:
        raise HTTPNotFound
    return _to_list(request, context.channel_id, said="channel-moved")


def includeme(config: Configurator) -> None:
    """Mount the page, and each channel's forms."""
    config.registry[_TURNS] = threading.BoundedSemaphore(AT_ONCE)
    config.add_operator_view(show, ChannelsResource, "", "channels")
    for name, view in (("test", test), ("pause", turn), ("resume", turn), ("move", move)):
        config.add_operator_view(view, ChannelResource, name, "channels", request_method="POST")
    config.add_saying(
        "channel-paused",
        msgid("The channel is paused. Texts take the next channel in use."),
    )
    config.add_saying("channel-resumed", msgid("The channel is in use again."))
    config.add_saying("channel-moved", msgid("The order is changed. It holds for texts from now on."))
