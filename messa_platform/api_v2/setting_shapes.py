"""The shapes of a group's settings. What a setting may hold, and which locks it may have, is taken from `group_settings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.shapes import MAYBE, MUST, a_time, an_id, field, one_of
from messa_platform.tenants.group_settings import (
    COUNTRY_CODES,
    MAX_PARTS,
    MAX_SENDER_NAME,
    MOST_DAYS,
    MOST_SMS,
    QUOTAS,
    SENDER_NAME,
    Key,
    TooLong,
    fits_lock,
)
from messa_platform.tenants.held_settings import MOST_BELOW, Origin
from messa_platform.tenants.models import Lock
from messa_platform.tenants.profile import MAX_SIGNATURE

_UNLIMITED: Mapping[str, Any] = {"required": True, "nullable": True}

QUOTA: dict[str, Any] = {
    "sms": field(
        "integer",
        "Parts that may be sent; null: any number; 0: it is not allowed to send.",
        1000,
        min=0,
        max=MOST_SMS,
        **_UNLIMITED,
    ),
    "window_days": field(
        "integer",
        "Of how many days what was sent counts, today being one; null: all since the limit was set.",
        30,
        min=1,
        max=MOST_DAYS,
        **_UNLIMITED,
    ),
    "max_parts": field("integer", "Parts of one message, at the most.", 9, min=1, max=MAX_PARTS, **MUST),
}
_VALUES: Mapping[Key, tuple[str, str, Mapping[str, Any]]] = {
    Key.COUNTRY_CODE: (
        "string",
        "The country code that a number gets which has none.",
        {"allowed": sorted(COUNTRY_CODES, key=int)},
    ),
    Key.MAY_RECEIVE: ("boolean", "Whether its people may have numbers, and receive.", {}),
    Key.SENDER_NAME: (
        "string",
        "What texts come from where there is no number: letters of the GSM alphabet, digits and spaces, not digits alone.",
        {"regex": SENDER_NAME, "maxlength": MAX_SENDER_NAME},
    ),
    Key.SMART_CHARACTERS: (
        "boolean",
        "Whether typographic characters are made plain where that makes a text cheaper.",
        {},
    ),
    Key.TOO_LONG: (
        "string",
        "What becomes of a text that is too long.",
        {"allowed": [how.value for how in TooLong]},
    ),
    Key.SIGNATURE: (
        "string",
        "What stands at the end of each text; a line break becomes a space.",
        {"maxlength": MAX_SIGNATURE, "check_with": "storable"},
    ),
    Key.GROUP_QUOTA: (
        "dict",
        "What the group may send together with all below it. It is not inherited: each group above has its own, and all of them hold.",
        {"schema": QUOTA},
    ),
    Key.ACCOUNT_QUOTA: ("dict", "What each account of this very group may send.", {"schema": QUOTA}),
}


def _value(key: Key, said: str, **rules: Any) -> dict[str, Any]:
    kind, what, limits = _VALUES[key]
    return field(kind, f"{what} {said}".strip(), **limits, **rules)


def _lock(key: Key, said: str, **rules: Any) -> dict[str, Any]:
    locks = [lock.value for lock in Lock if fits_lock(key, lock)]
    return field("string", said, allowed=locks, **rules)


def _wish(key: Key) -> dict[str, Any]:
    rules: dict[str, Any] = {
        "value": _value(key, "Null: nothing of its own, so that it is inherited.", **MAYBE),
        "lock": _lock(
            key,
            "`locked`: not for the admins below to change; `subadmin`: they may; `all`: everybody for themselves. Without, it stays as it is.",
        ),
        "clear_below": field("boolean", "True: what the groups below have set themselves is removed."),
    }
    if key in QUOTAS:
        rules["count_anew"] = field(
            "boolean", "True: where there is no window, what was sent so far counts no longer."
        )
    return field("dict", "What it is to be.", schema=rules)


def _told(key: Key) -> dict[str, Any]:
    rules: dict[str, Any] = {
        "value": _value(key, "The value in force.", **MUST),
        "own": _value(key, "What the group itself has set; null: nothing.", **MAYBE),
        "inherited": _value(
            key,
            "What would be in force without; null where that is a figure of an overlying group.",
            **MAYBE,
        ),
        "source": one_of(
            Origin,
            "Where the value comes from: `here`, a `group` above, an `overlying` group that is not for the key to know, the `platform`.",
            **MUST,
        ),
        "source_group_id": an_id("The `group` that it comes from.", **MAYBE),
        "source_group_name": field("string", "Its name.", "Skolan", **MAYBE),
        "lock": _lock(key, "Who below may change it; where nothing is set here, what it would get.", **MUST),
        "may_change": field("boolean", "False: an overlying group has locked it.", **MUST),
        "set_at": a_time("When it was set here.", **MAYBE),
        "set_below": field(
            "integer",
            f"Groups below that have set it themselves. Counted up to {MOST_BELOW}; one more stands for any number beyond.",
            0,
            min=0,
            max=MOST_BELOW + 1,
            **MUST,
        ),
    }
    return field("dict", "A setting.", schema=rules, **MUST)


CHANGE = Shape(
    "ChangeGroupSettings",
    {key.value: _wish(key) for key in Key},
    "The settings that are to be different; those left out stay. Either all of it is done, or nothing.",
    {"country_code": {"value": "47", "lock": "subadmin"}, "signature": {"value": None}},
)
SETTINGS = Shape(
    "GroupSettings", {key.value: _told(key) for key in Key}, "Every setting of a group, as it stands."
)
