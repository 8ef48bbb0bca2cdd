"""What the simulator's codes mean, in words for whoever looks at a message."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from messa_platform.core.i18n import msgid

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "000": msgid("The phone has it."),
        "phone_off": msgid("The phone is switched off or out of reach; the network keeps the text."),
        "unreachable": msgid("The network could not reach the phone."),
        "invalid_destination": msgid("The network knows no such number."),
        "bad_request": msgid("The network could not make out what was sent."),
        "temporarily_unavailable": msgid("The network could not take the text just then."),
        "throttled": msgid("The network takes no more texts just then."),
        "wrong_key": msgid("The network does not know the channel's secret."),
        "refused_connection": msgid("There was no connection to the network."),
    }
)
