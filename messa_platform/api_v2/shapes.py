"""Shapes: what is sent and answered, as Cerberus schemas. They are the only description there is: bodies and parameters are checked by them,
and the OpenAPI document is drawn from them (spec V1).

A rule's `meta` has what a reader needs: `description`, `example`, and `format` where JSON Schema has a name for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from cerberus import Validator, errors

from messa_platform.api_v2.problems import Fault
from messa_platform.api_v2.quick import compiled

Schema = Mapping[str, Mapping[str, Any]]


def field(kind: str, description: str, example: Any = None, **rules: Any) -> dict[str, Any]:
    """The rules of a field, with what its reader is told."""
    meta = {"description": description} | ({} if example is None else {"example": example})
    return {"type": kind, **rules, "meta": meta}


def an_id(description: str, **rules: Any) -> dict[str, Any]:
    """An id."""
    return field("string", description, "01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a", check_with="uuid", **rules)


def a_time(description: str, **rules: Any) -> dict[str, Any]:
    """A time."""
    return field("string", description, "2026-12-24T15:00:00+01:00", check_with="moment", **rules)


def a_day(description: str, **rules: Any) -> dict[str, Any]:
    """A calendar day."""
    return field("string", description, "2026-11-27", check_with="day", **rules)


def one_of(words: type[StrEnum], description: str, example: Any = None, **rules: Any) -> dict[str, Any]:
    """A word of a closed set."""
    return field("string", description, example, allowed=[word.value for word in words], **rules)


MUST: Mapping[str, Any] = {"required": True}
"""Of what is told, or has to be sent."""
MAYBE: Mapping[str, Any] = {"required": True, "nullable": True}
"""Of what is told: it is always there, and may be null."""
WORDS: Mapping[str, Any] = {"check_with": "storable", "empty": False}
"""Of people's words: something that PostgreSQL can hold."""

MOST_FAULTS = 100
"""Faults that are told at once."""


def moment(written: str) -> datetime:
    """A time as RFC 3339 writes it, with its offset. Raises ValueError."""
    at = datetime.fromisoformat(written.upper().replace("Z", "+00:00") if written[-1:] in "zZ" else written)
    if at.tzinfo is None or "T" not in written.upper():
        raise ValueError(
            "a time needs a date, a clock time and its offset, such as 2026-12-24T15:00:00+01:00"
        )
    return at.astimezone(UTC)


def _is_moment(value: Any) -> bool:
    try:
        moment(value)
    except (ValueError, TypeError, OverflowError, AttributeError):
        return False
    return True


def _is_day(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(value).isoformat() == value)
    except (ValueError, TypeError):
        return False


def _is_uuid(value: Any) -> bool:
    try:
        return str(UUID(value)) == str(value).lower()
    except (ValueError, TypeError, AttributeError):
        return False


def _is_storable(value: Any) -> bool:
    return not (isinstance(value, str) and ("\0" in value or any("\ud800" <= c <= "\udfff" for c in value)))


CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "moment": (_is_moment, "is no time such as 2026-12-24T15:00:00+01:00"),
    "day": (_is_day, "is no day such as 2026-11-27"),
    "uuid": (_is_uuid, "is no id such as 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"),
    "storable": (_is_storable, "holds a character that no text can hold"),
}
"""What `check_with` may name in our schemas, and what to say where it does not hold."""


class Checker(Validator):  # type: ignore[misc]
    """Cerberus with the words that our schemas use besides its own."""

    def _check_with_moment(self, field: str, value: Any) -> None:
        self._say("moment", field, value)

    def _check_with_day(self, field: str, value: Any) -> None:
        self._say("day", field, value)

    def _check_with_uuid(self, field: str, value: Any) -> None:
        self._say("uuid", field, value)

    def _check_with_storable(self, field: str, value: Any) -> None:
        self._say("storable", field, value)

    def _say(self, name: str, field: str, value: Any) -> None:
        holds, said = CHECKS[name]
        if not holds(value):
            self._error(field, said)

    def _validate_meta(self, *_: Any) -> None:
        """Something for the reader. The rule's arguments are validated against this schema: {'type': 'dict'}"""


_QUICK: dict[int, tuple[Schema, Callable[[Any], bool]]] = {}


def fits(schema: Schema, given: Any) -> bool:
    """Whether there is nothing wrong with a document."""
    # schemas are made at import and stay: what is kept beside its test is never another's id
    if id(schema) not in _QUICK:
        _QUICK[id(schema)] = schema, compiled(schema, {name: holds for name, (holds, _) in CHECKS.items()})
    return _QUICK[id(schema)][1](given)


def check(schema: Schema, given: Any, *, where: str = "") -> list[Fault]:
    """What is wrong with a document, all of it at once; a fault's pointer begins with `where`."""
    if fits(schema, given):
        return []
    if not isinstance(given, dict):
        return [Fault(where, "type", "must be an object")]
    lists = {name: rules for name, rules in schema.items() if _holds_documents(rules)}
    shallow = {name: _without_items(rules) if name in lists else rules for name, rules in schema.items()}
    faults = _found(shallow, given, where)
    for name, rules in lists.items():
        if not any(fault.pointer.startswith(f"{where}/{name}") for fault in faults):
            faults += _in_list(rules["schema"]["schema"], given.get(name), f"{where}/{name}")
    return sorted(faults, key=lambda fault: fault.pointer)[:MOST_FAULTS]


def _holds_documents(rules: Mapping[str, Any]) -> bool:
    return bool(rules["type"] == "list" and rules.get("schema", {}).get("type") == "dict")


def _without_items(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {rule: value for rule, value in rules.items() if rule != "schema"}


def _in_list(schema: Schema, items: Any, where: str) -> list[Fault]:
    """What is wrong with a list's documents; those that are right cost next to nothing."""
    faults: list[Fault] = []
    for place, item in enumerate(items or ()):
        faults += check(schema, item, where=f"{where}/{place}")
        if len(faults) >= MOST_FAULTS:
            break
    return faults


def _found(schema: Schema, given: Mapping[str, Any], where: str) -> list[Fault]:
    checker = Checker(dict(schema), allow_unknown=False)
    if checker.validate(given, normalize=False):
        return []
    faults: dict[tuple[str, str], Fault] = {}
    for error in _leaves(checker._errors):
        if error.code == errors.REQUIRED_FIELD.code and _has_other(schema, given, error.document_path):
            continue  # that one is told of
        fault = _fault(error, where)
        faults.setdefault((fault.pointer, fault.code), fault)
    return list(faults.values())


def _has_other(schema: Schema, given: Mapping[str, Any], path: Sequence[object]) -> bool:
    """Whether the field that would stand in this one's place is there."""
    rules = schema.get(str(path[0]), {}) if len(path) == 1 else {}
    return rules.get("excludes") in given


def _leaves(found: Sequence[Any]) -> list[Any]:
    """The errors themselves, without those that only say that there are some below."""
    leaves: list[Any] = []
    for error in found:
        leaves += _leaves(error.child_errors) if error.is_group_error and error.child_errors else [error]
    return leaves


def pointer(path: Sequence[object], where: str = "") -> str:
    """A JSON Pointer (RFC 6901)."""
    return where + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


_SAID = {
    errors.REQUIRED_FIELD.code: ("required", lambda c: "is missing"),
    errors.UNKNOWN_FIELD.code: ("unknown", lambda c: "is no field of this; is it misspelt?"),
    errors.NOT_NULLABLE.code: ("null", lambda c: "must not be null"),
    errors.EMPTY_NOT_ALLOWED.code: ("empty", lambda c: "must not be empty"),
    errors.MIN_LENGTH.code: ("too_short", lambda c: f"must hold at least {c}"),
    errors.MAX_LENGTH.code: ("too_long", lambda c: f"must hold at most {c}"),
    errors.MIN_VALUE.code: ("too_small", lambda c: f"must be at least {c}"),
    errors.MAX_VALUE.code: ("too_large", lambda c: f"must be at most {c}"),
    errors.UNALLOWED_VALUE.code: ("not_allowed", lambda c: f"must be one of {', '.join(map(str, c))}"),
    errors.UNALLOWED_VALUES.code: ("not_allowed", lambda c: f"must be some of {', '.join(map(str, c))}"),
    errors.REGEX_MISMATCH.code: ("pattern", lambda c: f"does not fit {c}"),
    errors.EXCLUDES_FIELD.code: ("excludes", lambda c: f"cannot stand beside {c}"),
}
_TYPES = {
    "dict": "an object",
    "list": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
}


def _fault(error: Any, where: str) -> Fault:
    place = pointer(error.document_path, where)
    if error.code == errors.BAD_TYPE.code:
        wanted = error.constraint if isinstance(error.constraint, str) else " or ".join(error.constraint)
        return Fault(place, "type", f"must be {_TYPES.get(wanted, wanted)}")
    if error.code == errors.CUSTOM.code:
        return Fault(place, "invalid", str(error.info[0]))
    code, say = _SAID.get(error.code, (error.rule or "invalid", lambda c: "is not valid"))
    return Fault(place, code, say(error.constraint))


_JSON_TYPES = {
    "dict": "object",
    "list": "array",
    "string": "string",
    "boolean": "boolean",
    "integer": "integer",
}
_WORDS = {"minlength": "minLength", "maxlength": "maxLength", "min": "minimum", "max": "maximum"}
_ITEMS = {"minlength": "minItems", "maxlength": "maxItems"}
_MEMBERS = {"maxlength": "maxProperties"}
_FORMATS = {"moment": "date-time", "day": "date", "uuid": "uuid"}


def json_schema(schema: Schema) -> dict[str, Any]:
    """The same as a JSON Schema (2020-12)."""
    wanted = {name: rules for name, rules in schema.items() if rules.get("required")}
    required = sorted(name for name, rules in wanted.items() if "excludes" not in rules)
    either = sorted(wanted.keys() - set(required))
    drawn: dict[str, Any] = {"type": "object", "properties": {n: _drawn(r) for n, r in schema.items()}}
    if required:
        drawn["required"] = required
    if either:  # just one of them
        drawn["oneOf"] = [{"required": [name]} for name in either]
    return {**drawn, "additionalProperties": False}


def _drawn(rules: Mapping[str, Any]) -> dict[str, Any]:
    kind = rules["type"]
    is_object = kind == "dict" and "schema" in rules
    drawn: dict[str, Any] = json_schema(rules["schema"]) if is_object else {"type": _JSON_TYPES[kind]}
    if kind == "list" and "schema" in rules:
        drawn["items"] = _drawn(rules["schema"])
    if kind == "dict" and "valuesrules" in rules:
        drawn["additionalProperties"] = _drawn(rules["valuesrules"])
    if "keysrules" in rules:
        drawn["propertyNames"] = _drawn(rules["keysrules"])
    drawn |= _limits(kind, rules)
    if rules.get("nullable"):
        drawn["type"] = [drawn["type"], "null"]
        drawn |= {"enum": [*drawn["enum"], None]} if "enum" in drawn else {}
    meta = rules.get("meta", {})
    drawn |= {"default": rules["default"]} if "default" in rules else {}
    drawn |= {"description": meta["description"]} if "description" in meta else {}
    return drawn | ({"examples": [meta["example"]]} if "example" in meta else {})


def _limits(kind: str, rules: Mapping[str, Any]) -> dict[str, Any]:
    """What a value may be, besides its type."""
    words = {"list": _ITEMS, "dict": _MEMBERS}.get(kind, _WORDS)
    drawn: dict[str, Any] = {word: rules[rule] for rule, word in words.items() if rule in rules}
    if kind == "string" and rules.get("empty") is False:
        drawn.setdefault("minLength", 1)
    if "allowed" in rules:
        drawn["enum"] = list(rules["allowed"])
    if "regex" in rules:
        drawn["pattern"] = f"^{rules['regex']}$"
    elif rules.get("check_with") == "storable":
        drawn["pattern"] = "^[^\\u0000]*$"
    if rules.get("check_with") in _FORMATS:
        drawn["format"] = _FORMATS[rules["check_with"]]
    return drawn
