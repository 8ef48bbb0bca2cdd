"""The live counter: characters, parts and encoding of a text as it would leave, and the SMS that are left (spec S1, S2, P2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.gsm import fits_gsm
from messa_platform.core.segments import GSM_SINGLE, UCS2_SINGLE, Encoding
from messa_platform.messaging import lists
from messa_platform.messaging.rehearse import Count, count
from messa_platform.portal.forms import written
from messa_platform.portal.messages.resources import PERMISSION, MessagesResource
from messa_platform.tenants import numbers
from messa_platform.tenants.profile import Profile, profile

MOST_STRANGERS = 5
"""How many of the characters that call for UCS-2 are named."""


@dataclass(frozen=True, slots=True)
class Counter:
    """What the counter shows. `held` says what is left, as far as the account may see that (spec G2).

    `recipients` is how many numbers it would go to, as far as that is known.
    """

    count: Count
    held: Profile
    recipients: int = 1

    @property
    def remaining(self) -> int:
        """Characters that still fit into the last part; of an empty text, into the first."""
        return max(0, self.count.room - self.count.units)

    @property
    def needed(self) -> int:
        """Parts in all."""
        return self.count.parts * self.recipients

    @property
    def strangers(self) -> tuple[str, ...]:
        """The first characters that GSM 03.38 lacks, so that fewer of all have room."""
        if self.count.encoding is not Encoding.UCS2:
            return ()
        seen = dict.fromkeys(c for c in self.count.text if not fits_gsm(c) and _is_seen(c))
        return tuple(seen)[:MOST_STRANGERS]

    @property
    def sizes(self) -> tuple[int, int]:
        """Characters in one SMS in this text's encoding, and in the roomier one."""
        return UCS2_SINGLE, GSM_SINGLE


def _is_seen(character: str) -> bool:
    # marks, joiners and selectors have no shape without the character before them
    return unicodedata.category(character)[0] not in "MC"


def counter_for(held: Profile, text: str, recipients: int = 1) -> Counter:
    """The counter of a text as the account would send it."""
    return Counter(count(text.strip(), held.sender), held, max(1, recipients))


def held_by(request: Request) -> Profile:
    """What the signed-in account may send, and as whom."""
    now = request.registry["messa.runtime"].clock.now()
    return profile(request.db, now, request.identity.account_id)


def show_count(request: Request) -> Mapping[str, Any]:
    """The counter of a form as it stands, for the page that it stands on."""
    values = written(request.POST)
    held = held_by(request)
    to = values.get("to", "")
    recipients = 1
    if to.strip():
        own = numbers.own_ranges(request.db)
        recipients = len(lists.parse(to, held.sender.settings.country_code, own).entries)
    return {"counter": counter_for(held, values.get("text", ""), recipients)}


def includeme(config: Configurator) -> None:
    """Mount the counter."""
    config.add_view(
        show_count,
        context=MessagesResource,
        name="count",
        request_method="POST",
        permission=PERMISSION,
        renderer="messages/counter.jinja2",
    )
