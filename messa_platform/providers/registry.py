"""The plugins that are installed, found by their entry points in the group `messa.providers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any

from cerberus import Validator

from messa_platform.core.logs import logger
from messa_platform.providers.base import CONTRACT_VERSION, Provider

log = logger(__name__)

ENTRY_POINT_GROUP = "messa.providers"


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that cannot be used, and why; it stops nobody else."""

    name: str
    why: str


Plugin = type[Provider]


class NoProvider(Exception):
    """The channel's plugin is not installed, broken, or its settings are wrong; its texts wait."""


class WrongChannelSettings(ValueError):
    """A channel's settings do not fit its plugin's schema; the text names each fault, and says nothing of what a secret is."""


@cache
def _installed() -> EntryPoints:
    """Where they say that they are: every package's own list has to be read for it, so once a process."""
    return entry_points(group=ENTRY_POINT_GROUP)


def load_plugins() -> dict[str, Plugin | Broken]:
    """Every installed plugin by its name."""
    found = {point.name: _load(point) for point in _installed()}
    for plugin in found.values():
        if isinstance(plugin, Broken):
            log.error("plugin_broken", plugin=plugin.name, why=plugin.why)
    return found


def _load(point: EntryPoint) -> Plugin | Broken:
    try:
        plugin = point.load()
    except Exception as error:  # a stranger's code may fail in any way at import
        return Broken(point.name, f"{type(error).__name__}: {error}")
    version = getattr(plugin, "contract", None)
    if version != CONTRACT_VERSION:
        return Broken(point.name, f"written for contract {version}, this is contract {CONTRACT_VERSION}")
    if missing := [name for name in _NEEDED if not hasattr(plugin, name)]:
        return Broken(point.name, f"it has no {', '.join(missing)}")
    loaded: Plugin = plugin
    return loaded


_NEEDED = ("name", "about", "capabilities", "settings_schema", "send", "check", "close")
"""What the contract asks of every plugin."""


def holds_sessions(plugin: Plugin) -> bool:
    """Whether a plugin's instances are of `HoldsSessions`, whose properties keep issubclass from telling."""
    return all(hasattr(plugin, name) for name in ("open", "bound", "room"))


def checked_settings(plugin: Plugin, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with the schema's defaults. Raises `WrongChannelSettings`."""
    validator = Validator(plugin.settings_schema, allow_unknown=False)
    if not validator.validate(dict(settings)):
        faults = {
            name: ["is wrong"]
            if plugin.settings_schema.get(name, {}).get("meta", {}).get("secret")
            else found
            for name, found in validator.errors.items()
        }
        raise WrongChannelSettings(f"{plugin.name}: {faults}")
    document: dict[str, Any] = validator.document
    return document
