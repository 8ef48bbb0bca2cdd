"""A channel's settings as somebody gives them, in a form or by the API: read by the plugin's schema, with each fault at its place.

What a fault says holds limits of the schema's and never what was given, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cerberus import Validator, errors

from messa_platform.core import outbound
from messa_platform.providers.registry import Plugin, holds_sessions
from messa_platform.providers.secrets import secret_names

LONGEST = 2000
"""Characters of a setting."""
LOOK_UP = 3.0
"""Seconds that the look-up of an address's name may take."""


class Wrong(StrEnum):
    """What is wrong with what was given."""

    MISSING = "missing"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    NOT_ALLOWED = "not_allowed"
    NO_NUMBER = "no_number"
    PATTERN = "pattern"
    UNKNOWN = "unknown"
    """The plugin has no such setting."""
    ADDRESS = "address"
    """It leads where the channel may not go."""
    TAKEN = "taken"
    """Another channel of the owner's has that name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one thing that was given. `limit` is what the rule asks for, None if it asks for nothing in particular; `reason` why
    an address cannot be used."""

    wrong: Wrong
    limit: Any = None
    reason: outbound.Fault | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """Settings as they were given: those in `values` are wanted so, where nothing ("" or None) means the plugin's own choice, and of a secret
    that it stays as it is. `renew` are keys of ours that are to be made anew, `drop` secrets that are to go."""

    values: Mapping[str, Any]
    renew: frozenset[str] = field(default_factory=frozenset)
    drop: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Read:
    """Settings as they are to be kept, secrets among them; `made` are the keys of ours that were made just now."""

    settings: dict[str, Any]
    made: Mapping[str, str]


def made_names(plugin: Plugin) -> frozenset[str]:
    """The settings of a plugin that are keys of ours, made at random and told once."""
    schema = plugin.settings_schema
    return frozenset(name for name, rules in schema.items() if rules.get("meta", {}).get("made"))


def opens_connections(plugin: Plugin) -> bool:
    """Whether a plugin opens connections of its own, which the guarded way out does not see: to be told by its `opens_connections`, and taken
    for granted where it asks for a host, unless it holds sessions, for which it is given the way."""
    is_likely = "host" in plugin.settings_schema and not holds_sessions(plugin)
    return bool(getattr(plugin, "opens_connections", is_likely))


def read(
    plugin: Plugin, given: Given, kept: Mapping[str, Any], make_key: Callable[[], str]
) -> Read | Mapping[str, Fault]:
    """What is to be kept of `given` beside what was `kept`, or what is wrong with it."""
    if unknown := given.values.keys() - plugin.settings_schema.keys():
        return {name: Fault(Wrong.UNKNOWN) for name in sorted(unknown)}
    settings = _merged(plugin, given, kept)
    made = {
        name: make_key()
        for name in made_names(plugin)
        if name in given.renew or (name not in settings and name not in given.drop)
    }
    settings |= made
    if faults := {name: fault for name, value in settings.items() if (fault := _storable(value))}:
        return faults
    validator = Validator(plugin.settings_schema, allow_unknown=False)
    if not validator.validate(settings):
        found = {error.document_path[0]: error for error in reversed(list(validator._errors))}
        return {str(name): _fault(error) for name, error in found.items()}
    # as they were read, but without the plugin's own choices: those may become better
    return Read({name: validator.document[name] for name in settings}, made)


def _merged(plugin: Plugin, given: Given, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What was kept, with what was given in its place."""
    secret = secret_names(plugin)
    merged = {name: value for name, value in kept.items() if name not in given.drop}
    for name, value in given.values.items():
        written = value.strip() if isinstance(value, str) and name not in secret else value
        if written not in ("", None):
            merged[name] = written
        elif name not in secret:
            merged.pop(name, None)
    return merged


def _storable(value: Any) -> Fault | None:
    if not isinstance(value, str):
        return None
    if len(value) > LONGEST:
        return Fault(Wrong.TOO_LONG, LONGEST)
    return Fault(Wrong.PATTERN) if _UNSTORABLE.search(value) else None


_UNSTORABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")
"""What is in no key and no address: a line's end comes with what was copied, and would break a header."""

_WRONGS: Mapping[int, Wrong] = {
    errors.REQUIRED_FIELD.code: Wrong.MISSING,
    errors.EMPTY_NOT_ALLOWED.code: Wrong.MISSING,
    errors.NOT_NULLABLE.code: Wrong.MISSING,
    errors.MIN_LENGTH.code: Wrong.TOO_SHORT,
    errors.MAX_LENGTH.code: Wrong.TOO_LONG,
    errors.MIN_VALUE.code: Wrong.TOO_SMALL,
    errors.MAX_VALUE.code: Wrong.TOO_LARGE,
    errors.UNALLOWED_VALUE.code: Wrong.NOT_ALLOWED,
    errors.UNKNOWN_FIELD.code: Wrong.UNKNOWN,
}
_OF_NUMBERS = frozenset({"integer", "float", "number"})


def _fault(error: Any) -> Fault:
    if wrong := _WRONGS.get(error.code):
        has_limit = wrong not in (Wrong.MISSING, Wrong.UNKNOWN)
        return Fault(wrong, error.constraint if has_limit else None)
    is_of_type = error.code in (errors.BAD_TYPE.code, errors.COERCION_FAILED.code)
    is_number = error.constraint in _OF_NUMBERS or error.code == errors.COERCION_FAILED.code
    return Fault(Wrong.NO_NUMBER if is_of_type and is_number else Wrong.PATTERN)


def unreachable(
    plugin: Plugin, settings: Mapping[str, Any], names: Iterable[str], way: outbound.Outbound
) -> dict[str, Fault]:
    """The settings among `names` that are addresses where this way out does not lead, each with the reason (spec V8). Looks them up."""
    given = set(names)
    faults = {}
    for name in sorted(given & settings.keys()):
        if not is_address(plugin, name, settings[name]):
            continue
        found = way.target(settings[name], LOOK_UP)
        if isinstance(found, outbound.NoAnswer):
            faults[name] = Fault(Wrong.ADDRESS, reason=found.fault)
    if holds_sessions(plugin) and {"host", "port"} & given and (fault := _no_session(plugin, settings, way)):
        faults["port" if fault is outbound.Fault.PORT else "host"] = Fault(Wrong.ADDRESS, reason=fault)
    return faults


def _no_session(plugin: Plugin, settings: Mapping[str, Any], way: outbound.Outbound) -> outbound.Fault | None:
    """Why no session can be held with the server that these settings name."""
    port = settings.get("port", plugin.settings_schema.get("port", {}).get("default"))
    if "host" not in settings or not isinstance(port, int):
        return None
    found = way.session_addresses(settings["host"], port)
    return found.fault if isinstance(found, outbound.NoAnswer) else None


def is_address(plugin: Plugin, name: str, value: Any) -> bool:
    """Whether a setting is the address of a server: by its schema, or since it looks like one."""
    rules = plugin.settings_schema[name]
    own = rules.get("default")
    is_meant = name == "url" or (isinstance(own, str) and bool(_SCHEME.match(own)))
    return isinstance(value, str) and (is_meant or bool(_SCHEME.match(value)))


_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
