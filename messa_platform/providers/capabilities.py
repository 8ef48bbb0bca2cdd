"""What a channel can carry, as routing knows it: kept in the channel's row, so that whoever routes needs the database alone.

Routing happens in every process, also where a stranger's plugin is not installed, and wherever a session is at hand: at each door, at the
release of scheduled texts, at failover. Processes with the plugin note what it can do, and again after it has got a new version.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from messa_platform.providers.base import Capabilities
from messa_platform.providers.models import Channel
from messa_platform.providers.registry import NoProvider
from messa_platform.providers.secrets import Plugins

NAMES = ("alphanumeric_sender", "own_numbers", "receipts", "incoming", "unicode", "idempotent_submit")
"""Those of `base.Capabilities` that a channel has or has not."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What a channel's row has: the names of what its plugin can do, and the countries where it leads, none for all."""

    capabilities: list[str]
    countries: list[str]


def noted(capabilities: Capabilities) -> Noted:
    """What a plugin can do, for a channel's row."""
    return Noted([name for name in NAMES if getattr(capabilities, name)], sorted(capabilities.countries))


_KEEP = text("UPDATE channel SET capabilities = :capabilities, countries = :countries WHERE id = :id")


def note_all(session: Session, plugins: Plugins) -> int:
    """Bring what the channels' rows say of their plugins up to date; gives of how many. For the sweeper. A row that is as it should be is
    not touched, nor one whose plugin is not here."""
    changed = 0
    for channel in session.scalars(select(Channel).order_by(Channel.id)):
        try:
            can = noted(plugins.plugin(channel.plugin).capabilities)
        except NoProvider:
            continue
        if (channel.capabilities, channel.countries) != (can.capabilities, can.countries):
            row = {"id": channel.id, "capabilities": can.capabilities, "countries": can.countries}
            session.execute(_KEEP, row)
            changed += 1
    return changed
