"""The form of a channel: drawn from its plugin's schema, and read into what the service takes (spec X1).

A setting's field is called `s-<name>`. A secret never comes back: a field that is left empty leaves it as it is. Keys of ours have no field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from messa_platform.core.i18n import Speech, msgid
from messa_platform.core.outbound import SENTENCES as NO_ANSWERS
from messa_platform.portal.forms import Form
from messa_platform.providers.connect import Refused, Wish
from messa_platform.providers.given_settings import Fault, Given, Wrong, is_address, made_names
from messa_platform.providers.registry import Plugin
from messa_platform.providers.secrets import secret_names

SENTENCES: Mapping[Wrong, str] = {
    Wrong.MISSING: msgid("%(label)s: fill this in."),
    Wrong.TOO_SHORT: msgid("%(label)s: at least %(limit)s characters are needed."),
    Wrong.TOO_LONG: msgid("%(label)s: %(limit)s characters are the most."),
    Wrong.TOO_SMALL: msgid("%(label)s: %(limit)s is the least."),
    Wrong.TOO_LARGE: msgid("%(label)s: %(limit)s is the most."),
    Wrong.NOT_ALLOWED: msgid("%(label)s: choose one of those that there are."),
    Wrong.NO_NUMBER: msgid("%(label)s: write a number."),
    Wrong.PATTERN: msgid("%(label)s: that is not how it looks at the provider. Copy it again, whole."),
    Wrong.UNKNOWN: msgid("%(label)s: there is no such setting."),
    Wrong.TAKEN: msgid("%(label)s: another channel has that name already."),
}
_OWN = {"name": msgid("Name"), "rate": msgid("Texts a second at the most")}


@dataclass(frozen=True, slots=True)
class Field:
    """A setting as the form shows it. `kind`: text, url, password, select or checkbox; `value` what stands in it; `is_kept`: it is a secret
    that there is. `drop` is the name of the box that takes an optional secret away, "" if it has none."""

    name: str
    label: str
    hint: str
    kind: str
    value: str
    options: Sequence[tuple[str, str]] = ()
    is_kept: bool = False
    is_needed: bool = False
    inputmode: str = ""
    drop: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of ours: `renew` is the name of the box that has it made anew."""

    label: str
    renew: str


@dataclass(frozen=True, slots=True)
class Fields:
    """The settings of a plugin: the usual ones, those that few need, and keys of ours."""

    usual: tuple[Field, ...]
    rare: tuple[Field, ...]
    keys: tuple[Key, ...]


def fields_of(speech: Speech, plugin: Plugin, plain: Mapping[str, Any], kept: frozenset[str]) -> Fields:
    """The fields of a plugin's settings; `plain` are those that hold and may be shown, `kept` the secrets that there are."""
    made = made_names(plugin)
    drawn = [
        (rules, _field(speech, plugin, name, rules, plain, kept))
        for name, rules in plugin.settings_schema.items()
        if name not in made
    ]
    usual = tuple(field for rules, field in drawn if not _is_rare(rules))
    rare = tuple(field for rules, field in drawn if _is_rare(rules))
    keys = tuple(Key(label_of(speech, plugin, name), f"renew-{name}") for name in sorted(made))
    return Fields(usual, rare, keys)


def _is_rare(rules: Mapping[str, Any]) -> bool:
    return bool(rules.get("meta", {}).get("rare")) and not rules.get("required")


def label_of(speech: Speech, plugin: Plugin, name: str) -> str:
    """What a setting is called."""
    label = plugin.settings_schema.get(name, {}).get("meta", {}).get("label")
    return speech.gettext(label) if label else name


def _field(
    speech: Speech,
    plugin: Plugin,
    name: str,
    rules: Mapping[str, Any],
    plain: Mapping[str, Any],
    kept: frozenset[str],
) -> Field:
    is_secret, is_kept = bool(rules.get("meta", {}).get("secret")), name in kept
    value = plain.get(name, rules.get("default"))
    help_ = rules.get("meta", {}).get("help", "")
    hints = [speech.gettext(help_)] if help_ else []
    if is_kept:
        hints.append(speech.gettext("There is one. Leave the field empty to keep it."))
    return Field(
        f"s-{name}",
        label_of(speech, plugin, name),
        " ".join(hints),
        "password" if is_secret else _kind(plugin, name, rules, value),
        "" if is_secret or value is None else _written(value),
        [(str(word), str(word)) for word in rules.get("allowed", ())],
        is_kept,
        bool(rules.get("required")) and not is_kept and "default" not in rules,
        {"integer": "numeric", "float": "decimal", "number": "decimal"}.get(str(rules.get("type")), ""),
        f"drop-{name}" if is_kept and not rules.get("required") else "",
    )


def _kind(plugin: Plugin, name: str, rules: Mapping[str, Any], value: Any) -> str:
    if "allowed" in rules:
        return "select"
    if rules.get("type") == "boolean":
        return "checkbox"
    return "url" if is_address(plugin, name, value if value is not None else "") else "text"


def _written(value: Any) -> str:
    """A value as it stands in a field, and comes back from there."""
    if isinstance(value, bool):
        return "1" if value else ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def wish_in(form: Form, plugin: Plugin) -> Wish:
    """What a form asks for."""
    schema, made = plugin.settings_schema, made_names(plugin)
    given = {name: _given(form, name, rules) for name, rules in schema.items() if name not in made}
    chosen = Given(given, _ticked(form, "renew-", made), _ticked(form, "drop-", secret_names(plugin)))
    rate = _rate(form.values.get("rate", ""))
    return Wish(form.values.get("name", ""), chosen, rate, "resends" in form.values)


def _given(form: Form, name: str, rules: Mapping[str, Any]) -> Any:
    written = form.values.get(f"s-{name}", "")
    if rules.get("type") == "boolean":
        return f"s-{name}" in form.values
    # the plugin's own choice stands in the field, and is to stay its choice
    is_its_own = "default" in rules and written.strip() == _written(rules["default"])
    number = rules.get("type") in ("float", "number")
    return "" if is_its_own else (written.replace(",", ".") if number else written)


def _ticked(form: Form, before: str, names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in names if f"{before}{name}" in form.values)


def _rate(written: str) -> float | None:
    """Texts a second; what is no number is none that can be, and is told as such."""
    try:
        return float(written.strip().replace(",", ".")) if written.strip() else None
    except ValueError:
        return math.nan


def complain(speech: Speech, form: Form, plugin: Plugin, refused: Refused) -> None:
    """Say at each field what is wrong with it."""
    for name, fault in refused.own.items():
        _say(speech, form, name, speech.gettext(_OWN[name]), fault)
    for name, fault in refused.settings.items():
        _say(speech, form, f"s-{name}", label_of(speech, plugin, name), fault)


def _say(speech: Speech, form: Form, field: str, label: str, fault: Fault) -> None:
    if fault.reason is not None:
        form.fail(field, f"{label}: {speech.gettext(NO_ANSWERS[fault.reason])}")
        return
    limit = speech.number(Decimal(str(fault.limit))) if isinstance(fault.limit, int | float) else fault.limit
    form.fail(field, speech.gettext(SENTENCES[fault.wrong], label=label, limit=limit))
