"""What is done with a channel by a button: pausing and resuming it, putting it at another place, and taking it away."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther

from messa_platform.core.i18n import msgid
from messa_platform.portal.channels import testing
from messa_platform.portal.channels.desk import Desk
from messa_platform.portal.channels.testing import to_list
from messa_platform.portal.forms import written
from messa_platform.providers import channels
from messa_platform.providers.channels import Changed, Outcome
from messa_platform.tenants.authority import NotAdmin


def pause(desk: Desk, channel_id: UUID) -> HTTPSeeOther:
    """Pause the channel. One that stands so already, since somebody was quicker, is left."""
    return _turn(desk, channel_id, channels.pause, "channel-paused")


def resume(desk: Desk, channel_id: UUID) -> HTTPSeeOther:
    """Put the channel to use again."""
    return _turn(desk, channel_id, channels.resume, "channel-resumed")


def remove(desk: Desk, channel_id: UUID) -> HTTPSeeOther:
    """Take the channel away."""
    return _turn(desk, channel_id, channels.remove, "channel-removed")


def _turn(desk: Desk, channel_id: UUID, do: Callable[..., Changed], said: str) -> HTTPSeeOther:
    _demand(do(desk.session, desk.now, desk.author, channel_id, desk.owner))
    desk.wake(channel_id)
    return HTTPSeeOther(desk.at(said=said))


def move(desk: Desk, channel_id: UUID) -> HTTPSeeOther:
    """Put the channel at another place in the order."""
    place = written(desk.request.POST).get("place", "")
    if not (place.isascii() and place.isdecimal() and len(place) < 6):
        raise HTTPNotFound
    _demand(channels.move(desk.session, desk.now, desk.author, channel_id, int(place), desk.owner))
    return to_list(desk, channel_id, said="channel-moved")


def _demand(changed: Changed) -> None:
    """Raises HTTPNotFound where there was nothing to change, or nobody who may."""
    if isinstance(changed, NotAdmin) or changed is Outcome.GONE:
        raise HTTPNotFound


ACTS: dict[str, Callable[[Desk, UUID], HTTPSeeOther]] = {
    "test": testing.test,
    "pause": pause,
    "resume": resume,
    "move": move,
    "remove": remove,
}
"""What a form of a channel does, by the last step of its address."""


def includeme(config: Configurator) -> None:
    """What the pages say of it."""
    config.add_saying("channel-connected", msgid("The channel is connected. Test it before you rely on it."))
    config.add_saying("channel-saved", msgid("Saved. It holds for texts from now on."))
    config.add_saying(
        "channel-removed",
        msgid("The channel is removed. What waits for it goes another way where there is one."),
    )
    config.add_saying(
        "channel-paused",
        msgid("The channel is paused. Texts take the next channel in use."),
    )
    config.add_saying("channel-resumed", msgid("The channel is in use again."))
    config.add_saying("channel-moved", msgid("The order is changed. It holds for texts from now on."))
