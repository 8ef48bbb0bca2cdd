"""Routes in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.channels.words import CAN
from messa_platform.providers.routing.own import By, Held, OwnChannel
from messa_platform.providers.routing.rules import Route, SenderKind


@dataclass(frozen=True, slots=True)
class Line:
    """A route as its line shows it; `prefix` "": to all numbers. `whose` says for whom it is, or who keeps it; `may_change`: who looks at it
    may."""

    id: UUID
    whose: str
    prefix: str
    sender: str
    channels: tuple[str, ...]
    needs: tuple[str, ...]
    is_cheapest: bool
    may_change: bool = True


_SENDERS: Mapping[SenderKind | None, str] = {
    None: msgid("Any"),
    SenderKind.NUMBER: msgid("A number"),
    SenderKind.NAME: msgid("A sender name"),
}


def line_of(
    speech: Speech, route: Route, whose: str, channels: Sequence[str], *, may_change: bool = True
) -> Line:
    """A route in words."""
    return Line(
        route.id,
        whose,
        route.prefix,
        speech.gettext(_SENDERS[route.sender_kind]),
        tuple(channels),
        tuple(speech.gettext(CAN[name]) for name in route.needs if name in CAN),
        route.is_cheapest,
        may_change,
    )


_KEEPERS: Mapping[By, str] = {
    By.ORGANISATION: msgid("Your organisation"),
    By.OPERATOR: msgid("The operator, for you"),
    By.PLATFORM: msgid("The operator, for all"),
}


def line_for_admin(speech: Speech, held: Held) -> Line:
    """A route in words for a tenant's admins: of the platform's channels they are told that there are some."""
    channels = [_channel(speech, channel) for channel in held.channels]
    may_change = held.by is By.ORGANISATION
    return line_of(speech, held.route, speech.gettext(_KEEPERS[held.by]), channels, may_change=may_change)


def _channel(speech: Speech, channel: OwnChannel | None) -> str:
    if channel is None:
        return speech.gettext("the platform's channels")
    return speech.gettext("%(name)s (removed)", name=channel.name) if channel.is_removed else channel.name
