"""A channel's connection is tested: its provider is asked whether it can be reached and knows us. The address takes the verdict to the page."""

from __future__ import annotations

import threading
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther

from messa_platform.core.logs import logger
from messa_platform.portal.channels.desk import Desk
from messa_platform.portal.channels.words import BUSY, UNUSABLE, Tested, in_address, tested
from messa_platform.portal.forms import asked
from messa_platform.providers import channels
from messa_platform.providers.pool import Line
from messa_platform.providers.registry import NoProvider, Plugin

log = logger(__name__)

AT_ONCE = 2
"""Tests of a process at the same time, of the platform's channels and of tenants' each: a slow provider must not hold every thread of the web,
and tenants must not keep the operator from testing."""
TURNS = {True: "messa.channel_tests", False: "messa.tenants_channel_tests"}


def tested_of(desk: Desk, channel_id: UUID, plugin: Plugin | None) -> Tested | None:
    """What the address says that a test of the channel has found."""
    if asked(desk.request, "tested") != str(channel_id):
        return None
    given = {name: asked(desk.request, name) for name in ("state", "code", "balance", "currency")}
    return tested(desk.request.speech, given, plugin)


def test(desk: Desk, channel_id: UUID) -> HTTPSeeOther:
    """Ask the provider; nothing is sent, and nothing changed."""
    request = desk.request
    line = channels.line_of(desk.session, channel_id, desk.owner)
    if line is None:
        raise HTTPNotFound
    turns: threading.BoundedSemaphore = request.registry[TURNS[desk.is_platform]]
    if not turns.acquire(blocking=False):
        return to_list(desk, channel_id, tested=channel_id, state=BUSY)
    # no transaction is held while the provider takes its time
    request.tm.abort()
    try:
        found = _ask(desk, line)
    finally:
        turns.release()
        request.tm.begin()
    return to_list(desk, channel_id, tested=channel_id, **found)


def _ask(desk: Desk, line: Line) -> dict[str, str]:
    try:
        return in_address(desk.providers.check(line))
    except NoProvider as error:
        log.warning("channel_unusable", channel=line.name, why=str(error))
        return {"state": UNUSABLE}


def to_list(desk: Desk, channel_id: UUID, **query: object) -> HTTPSeeOther:
    """To the list, where the channel is in sight."""
    return HTTPSeeOther(f"{desk.at(**query)}#channel-{channel_id}")


def includeme(config: Configurator) -> None:
    """Make the turns."""
    for name in TURNS.values():
        config.registry[name] = threading.BoundedSemaphore(AT_ONCE)
