"""A channel's connection is tested: its provider is asked whether it can be reached and knows us. The address takes the verdict to the page."""

from __future__ import annotations

from uuid import UUID

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther

from messa_platform.core.logs import logger
from messa_platform.portal.channels.desk import Desk
from messa_platform.portal.channels.words import BUSY, UNUSABLE, Tested, in_address, tested
from messa_platform.portal.forms import asked
from messa_platform.providers import channels
from messa_platform.providers.pool import Line
from messa_platform.providers.registry import NoProvider, Plugin

log = logger(__name__)


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
    # no transaction is held while the provider takes its time
    request.tm.abort()
    try:
        found = _ask(desk, line)
    finally:
        request.tm.begin()
    return to_list(desk, channel_id, tested=channel_id, **found)


def _ask(desk: Desk, line: Line) -> dict[str, str]:
    try:
        verdict = desk.providers.check_in_turn(line)
    except NoProvider as error:
        log.warning("channel_unusable", channel=line.name, why=str(error))
        return {"state": UNUSABLE}
    return {"state": BUSY} if verdict is None else in_address(verdict)


def to_list(desk: Desk, channel_id: UUID, **query: object) -> HTTPSeeOther:
    """To the list, where the channel is in sight."""
    return HTTPSeeOther(f"{desk.at(**query)}#channel-{channel_id}")
