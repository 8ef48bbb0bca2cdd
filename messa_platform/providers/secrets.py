"""A channel's secrets, such as its account's password at the provider: sealed where they are kept, opened where a plugin is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.core.logs import logger
from messa_platform.providers.models import Channel
from messa_platform.providers.registry import NoProvider, Plugin

log = logger(__name__)


class Plugins(Protocol):
    """Who knows the plugins by their names."""

    def plugin(self, name: str) -> Plugin:
        """The plugin of that name. Raises `NoProvider`."""


@dataclass(frozen=True, slots=True)
class Divided:
    """Settings as they are kept: `plain` may be read by whoever reads the database, `sealed` by us."""

    plain: dict[str, Any]
    sealed: bytes | None


def divide(keys: Keys, plugin: Plugin, settings: Mapping[str, Any]) -> Divided:
    """Settings, with what their schema says to be a secret apart and sealed."""
    names = secret_names(plugin)
    secrets = {name: value for name, value in settings.items() if name in names}
    sealed = keys.seal(json.dumps(secrets).encode()) if secrets else None
    return Divided({name: value for name, value in settings.items() if name not in names}, sealed)


def secret_names(plugin: Plugin) -> frozenset[str]:
    """The settings of a plugin that are secrets."""
    schema = plugin.settings_schema
    return frozenset(name for name, rules in schema.items() if rules.get("meta", {}).get("secret"))


# As with unsealed settings, what was put there by hand is taken as it is until `seal_all` comes by.
def whole(keys: Keys, plain: Mapping[str, Any], sealed: bytes | None) -> dict[str, Any]:
    """Settings with their secrets, as a plugin takes them. Raises `NoProvider` if they were sealed with a key that we do not have."""
    if sealed is None:
        return dict(plain)
    opened = keys.unseal(sealed)
    if opened is None:
        raise NoProvider("its secrets were sealed with a key that security.keys does not name")
    return {**plain, **json.loads(opened)}


_KEEP = text("UPDATE channel SET settings = CAST(:plain AS jsonb), sealed = :sealed WHERE id = :id")


def seal_all(session: Session, plugins: Plugins, keys: Keys) -> int:
    """Seal the secrets that stand in channels in the clear, as one that is made by hand or by an earlier version has them; gives of how many
    channels. For the sweeper."""
    ids = [channel.id for channel in session.scalars(select(Channel)) if _in_the_clear(plugins, channel)]
    # dispatch waits for who holds a channel's row, so only those are held that are to be changed
    held = (
        select(Channel)
        .where(Channel.id.in_(ids))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return sum(_seal(session, plugins, keys, channel) for channel in session.scalars(held)) if ids else 0


def _in_the_clear(plugins: Plugins, channel: Channel) -> bool:
    try:
        return bool(secret_names(plugins.plugin(channel.plugin)) & set(channel.settings))
    except NoProvider:  # nobody knows what is secret in it
        return False


def _seal(session: Session, plugins: Plugins, keys: Keys, channel: Channel) -> bool:
    try:
        divided = divide(keys, plugins.plugin(channel.plugin), whole(keys, channel.settings, channel.sealed))
    except NoProvider:  # sealed with a key that we do not have
        return False
    session.execute(_KEEP, {"plain": json.dumps(divided.plain), "sealed": divided.sealed, "id": channel.id})
    log.info("channel_sealed", channel=channel.name)
    return True
