"""The list of an owner's channels, in the order in which routing takes them, with how each fares; and the plugins (spec X3, X4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from messa_platform.core.clock import stockholm_day
from messa_platform.core.i18n import msgid
from messa_platform.messaging import by_channel
from messa_platform.messaging.by_channel import MOST_COUNTED, Hour, Waiting
from messa_platform.messaging.statuses import Status
from messa_platform.portal.channels.desk import Desk
from messa_platform.portal.channels.health import Health, health
from messa_platform.portal.channels.testing import tested_of
from messa_platform.portal.channels.words import Card, Tested, cards, rate_words
from messa_platform.portal.forms import Form
from messa_platform.portal.messages.words import STATUSES
from messa_platform.portal.pages import public_url
from messa_platform.providers import channels, leases
from messa_platform.providers.base import TakesCallbacks
from messa_platform.providers.breaker import Breaker
from messa_platform.providers.channels import OwnChannel
from messa_platform.providers.prices.lists import priced_plugins


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel stands, in words; `tone` is its badge's, `more` a sentence below it, "" if none is needed."""

    label: str
    tone: str
    more: str = ""


IN_USE = Standing(msgid("In use"), "ok")
PAUSED = Standing(msgid("Paused"), "warn")
_BREAKERS: Mapping[Breaker, Standing] = {
    Breaker.CLOSED: IN_USE,
    Breaker.OPEN: Standing(
        msgid("Does not work just now"),
        "bad",
        msgid("Several texts in a row got no answer. It is tested by itself every minute or so, and texts take another channel meanwhile."),
    ),
    Breaker.TRIAL: Standing(
        msgid("On trial"),
        "accent",
        msgid("It answers again. A few texts leave by it; once one is taken, all do."),
    ),
}  # fmt: skip


def standing(channel: OwnChannel) -> Standing:
    """How a channel stands."""
    return _BREAKERS[channel.breaker] if channel.enabled else PAUSED


@dataclass(frozen=True, slots=True)
class Shown:
    """A channel as the list shows it. `title` is its plugin's, "" if that cannot be used; `callbacks` the address at which its provider
    calls us, "" if it does not; `sessions` how its sessions stand, "" if it has none; `lately` how many texts of each status there are from
    yesterday on."""

    channel: OwnChannel
    title: str
    rate: str
    waiting: Waiting
    lately: Mapping[Status, int]
    callbacks: str
    standing: Standing
    health: Health
    tested: Tested | None
    sessions: str


def shown(desk: Desk, found: Sequence[OwnChannel]) -> list[Shown]:
    """The owner's channels with what is known of them; three statements, and one more where some hold sessions."""
    ids = [channel.id for channel in found]
    waiting = by_channel.waiting(desk.session, ids)
    lately = by_channel.counts(desk.session, ids, stockholm_day(desk.now) - timedelta(days=1))
    hours = by_channel.by_hour(desk.session, desk.now, ids, desk.owner.tenant_id)
    sessions = _sessions(desk, found)
    return [_shown(desk, c, waiting[c.id], lately[c.id], hours[c.id], sessions.get(c.id, "")) for c in found]


def _sessions(desk: Desk, found: Sequence[OwnChannel]) -> dict[UUID, str]:
    """How the sessions of those channels stand that have such, in words."""
    speech, plugins = desk.request.speech, desk.providers.session_plugins
    ids = [channel.id for channel in found if channel.plugin in plugins]
    known = leases.standing(desk.session, desk.now, ids) if ids else {}
    words = dict.fromkeys(ids, speech.gettext("No process of ours holds any."))
    for channel_id, bound in known.items():
        words[channel_id] = speech.gettext("%(up)s of %(wanted)s", up=bound.up, wanted=bound.wanted)
        if bound.fault:
            words[channel_id] += f" ({bound.fault})"
    return words


def _shown(
    desk: Desk,
    channel: OwnChannel,
    waiting: Waiting,
    lately: Mapping[Status, int],
    hours: Sequence[Hour],
    sessions: str,
) -> Shown:
    speech, plugin = desk.request.speech, desk.plugin(channel.plugin)
    calls = plugin is not None and issubclass(plugin, TakesCallbacks)
    return Shown(
        channel,
        plugin.about.title if plugin else "",
        rate_words(speech, channel.rate) if channel.rate else "",
        waiting,
        lately,
        public_url(desk.request, "providers", channel.id) if calls else "",
        standing(channel),
        health(speech, desk.now, hours),
        tested_of(desk, channel.id, plugin),
        sessions,
    )


def cards_of(desk: Desk) -> list[Card]:
    """The plugins, with whether they may be connected here. Why one is broken is the platform's own affair."""
    office, owner = desk.office, desk.owner
    found = cards(
        desk.request.speech,
        desk.providers.plugins,
        lambda plugin: office.is_offered(owner, plugin),
        priced_plugins(desk.session),
    )
    return [replace(card, reason=card.reason if desk.sees_faults else "") for card in found]


def marketplace(desk: Desk) -> Any:
    """The page with the plugins alone."""
    return desk.answer("marketplace", Form(), 200, {"cards": cards_of(desk), "list_at": desk.at()})


def listed(desk: Desk, **more: Any) -> Any:
    """The page with the list."""
    found = channels.own(desk.session, desk.owner)
    values = {
        "channels": shown(desk, found),
        "none_in_use": bool(found) and not any(channel.enabled for channel in found),
        "cards": cards_of(desk) if desk.is_platform else [],
        "most": MOST_COUNTED,
        "statuses": STATUSES,
        "list_at": desk.at(),
        "marketplace": desk.marketplace,
        "is_platform": desk.is_platform,
        **more,
    }
    return desk.answer("list", Form(), 200, values)


@dataclass(frozen=True, slots=True)
class Theirs:
    """A channel of a tenant's as the operator sees it: nothing of its settings."""

    id: UUID
    name: str
    title: str
    organisation: str
    slug: str
    standing: Standing
    health: Health


MOST_THEIRS = 200
"""Channels of tenants that the operator's page shows."""


def tenants_channels(desk: Desk) -> list[Theirs]:
    """All tenants' channels, for the operator; two statements."""
    found = channels.of_tenants(desk.session, MOST_THEIRS)
    hours = by_channel.by_hour(desk.session, desk.now, [each.channel.id for each in found])
    return [_theirs(desk, each, hours[each.channel.id]) for each in found]


def _theirs(desk: Desk, each: channels.TenantsChannel, hours: Sequence[Hour]) -> Theirs:
    channel, plugin = each.channel, desk.plugin(each.channel.plugin)
    return Theirs(
        channel.id,
        channel.name,
        plugin.about.title if plugin else channel.plugin,
        each.tenant_name,
        each.tenant_slug,
        standing(channel),
        health(desk.request.speech, desk.now, hours),
    )
