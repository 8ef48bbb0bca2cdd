"""One channel: connected, looked at, changed, and removed, by the forms that its plugin's schema draws (spec X1, X3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther

from messa_platform.core.i18n import msgid
from messa_platform.messaging import by_channel
from messa_platform.messaging.by_channel import MOST_COUNTED
from messa_platform.portal.channels.desk import Desk
from messa_platform.portal.channels.fields import complain, fields_of, label_of, wish_in
from messa_platform.portal.channels.overview import shown
from messa_platform.portal.forms import Form, written
from messa_platform.portal.pages import public_url
from messa_platform.providers import channels
from messa_platform.providers.base import TakesCallbacks
from messa_platform.providers.channels import RECEIPTS_FOR, OwnChannel
from messa_platform.providers.connect import LONGEST_NAME, MOST, Connected, Refused, TooMany
from messa_platform.providers.given_settings import made_names
from messa_platform.providers.registry import Plugin
from messa_platform.providers.routing.naming import naming
from messa_platform.tenants.api_users.users import Conflict

_CONFLICT = msgid(
    "Somebody else has changed this channel meanwhile, and nothing of yours was saved. What stands here now is what holds."
)
_TOO_MANY = msgid("There are %(most)s channels already, and no more can be. Remove one first.")


@dataclass(frozen=True, slots=True)
class Address:
    """An address of ours that is to be put into the provider's own pages; `id` is its place on the page."""

    id: str
    label: str
    url: str


_ADDRESSES = {
    "incoming": msgid("For texts from phones"),
    "receipts": msgid("For delivery receipts, if the provider's pages ask for an address"),
}


def addresses(desk: Desk, channel_id: UUID, plugin: Plugin, key: str = "") -> list[Address]:
    """Where the provider calls us. `key`: what proves it, where it stands in the address."""
    if not issubclass(plugin, TakesCallbacks):
        return []
    query = f"?{urlencode({'key': key})}" if key else ""
    return [
        Address(f"address-{name}", desk.request.speech.gettext(label), f"{public_url(desk.request, 'providers', channel_id, name)}{query}")
        for name, label in _ADDRESSES.items()
        if getattr(plugin.capabilities, name)
    ]  # fmt: skip


def _offered(desk: Desk, name: str) -> Plugin:
    """A plugin that may be connected here. Raises HTTPNotFound."""
    plugin = desk.office.offered(desk.owner, name)
    if plugin is None:
        raise HTTPNotFound
    return plugin


def _known(desk: Desk, channel_id: UUID) -> OwnChannel:
    """A channel of the owner's. Raises HTTPNotFound."""
    channel = channels.one(desk.session, channel_id, desk.owner)
    if channel is None:
        raise HTTPNotFound
    return channel


# Connecting


def show_new(desk: Desk, name: str) -> Any:
    """The form for a channel of a plugin."""
    return _new(desk, name, _offered(desk, name), Form())


def _new(desk: Desk, name: str, plugin: Plugin, form: Form, status: int = 200) -> Any:
    values = {
        "about": plugin.about,
        "sentence": desk.request.speech.gettext(plugin.about.sentence),
        "fields": fields_of(desk.request.speech, plugin, {}, frozenset()),
        "action": desk.at("new", name),
        **_drawn(desk),
    }
    return desk.answer("new", form, status, values)


def _drawn(desk: Desk) -> dict[str, Any]:
    return {"longest_name": LONGEST_NAME, "list_at": desk.at(), "is_platform": desk.is_platform}


def connect(desk: Desk, name: str) -> Any:
    """Connect the channel, and show the addresses that its provider is to be told."""
    plugin, form = _offered(desk, name), Form(values=written(desk.request.POST))
    done = desk.office.connect(desk.session, desk.now, desk.author, desk.owner, name, wish_in(form, plugin))
    match done:
        case Connected():
            return _told(desk, plugin, done, "channel-connected")
        case Refused():
            complain(desk.request.speech, form, plugin, done)
        case TooMany():
            form.fail("", desk.request.speech.gettext(_TOO_MANY, most=MOST))
        case _:
            raise HTTPNotFound
    return _new(desk, name, plugin, form, 422)


def _told(desk: Desk, plugin: Plugin, done: Connected, said: str) -> Any:
    """What follows a change: the page with the keys that were made with it, if there are any. It is the answer itself and no other address,
    so nothing has to keep them, the browser neither."""
    if not done.made:
        return HTTPSeeOther(desk.at(str(done.channel.id), said=said))
    desk.request.response.cache_control = "no-store"
    key = done.made.get("callback_key", "")
    others = [
        (f"key-{name}", label_of(desk.request.speech, plugin, name), value)
        for name, value in done.made.items()
        if name != "callback_key"
    ]
    values = {
        "channel": done.channel,
        "about": plugin.about,
        "addresses": addresses(desk, done.channel.id, plugin, key),
        "keys": others,
        "own": desk.at(str(done.channel.id)),
        **_drawn(desk),
    }
    return desk.answer("told_once", Form(), 200, values)


# One that there is


def show_one(desk: Desk, channel_id: UUID) -> Any:
    """The channel as it stands, with its settings but for its secrets."""
    return _one(desk, _known(desk, channel_id), Form())


def _one(desk: Desk, channel: OwnChannel, form: Form, status: int = 200) -> Any:
    plugin = desk.office.offered(desk.owner, channel.plugin)
    held = desk.office.settings_of(desk.session, channel.id, desk.owner)
    plain, kept = held or ({}, frozenset())
    values = {
        "one": shown(desk, [channel])[0],
        "channel": channel,
        "most": MOST_COUNTED,
        "can_change": plugin is not None,
        "fields": fields_of(desk.request.speech, plugin, plain, kept) if plugin else None,
        "addresses": addresses(desk, channel.id, plugin) if plugin else [],
        "is_keyed": bool(plugin and made_names(plugin)),
        "own": desk.at(str(channel.id)),
        # after an error of the form's own the version stays that which it was made from
        "version": form.values.get("version", "") if status == 422 else channel.version,
        **_drawn(desk),
    }
    return desk.answer("one", form, status, values)


def change(desk: Desk, channel_id: UUID) -> Any:
    """Save what was changed."""
    channel, form = _known(desk, channel_id), Form(values=written(desk.request.POST))
    plugin = _offered(desk, channel.plugin)
    wish = wish_in(form, plugin)
    done = desk.office.change(
        desk.session,
        desk.now,
        desk.author,
        desk.owner,
        channel_id,
        _version(form.values),
        lambda _channel: wish,
    )
    match done:
        case Connected():
            desk.wake(channel_id)
            return _told(desk, plugin, done, "channel-saved")
        case Refused():
            complain(desk.request.speech, form, plugin, done)
            return _one(desk, channel, form, 422)
        case Conflict():
            again = Form()
            again.fail("", desk.request.speech.gettext(_CONFLICT))
            return _one(desk, _known(desk, channel_id), again, 409)
    raise HTTPNotFound


def _version(values: Mapping[str, str]) -> int:
    """The version that a form was made from; 0, which nothing has, where it says none."""
    given = values.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


# Taking one away


def show_remove(desk: Desk, channel_id: UUID) -> Any:
    """Is it to go? What becomes of what waits for it is told before."""
    channel = _known(desk, channel_id)
    values = {
        "channel": channel,
        "waiting": by_channel.waiting(desk.session, [channel_id])[channel_id],
        "has_way": channels.has_another_way(desk.session, channel_id, desk.owner),
        "named": naming(desk.session, channel_id, desk.owner),
        "is_last": len(channels.own(desk.session, desk.owner)) == 1,
        "most": MOST_COUNTED,
        "days": RECEIPTS_FOR.days,
        "own": desk.at(str(channel_id)),
        **_drawn(desk),
    }
    return desk.answer("remove", Form(), 200, values)
