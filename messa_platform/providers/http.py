"""What plugins share that talk HTTP: what an answer means that is none, or is not the one hoped for; and callbacks that have no signature."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import Answer, NoAnswer
from messa_platform.providers.base import (
    Callback,
    CallbackRefused,
    Capabilities,
    IncomingText,
    Receipt,
    Rejected,
    State,
    Surroundings,
    Unknown,
    Verdict,
)

MALFORMED = Unknown("malformed_answer")
"""The provider says that all is well, but not what: it may have the text."""

_ASK_AGAIN = frozenset({401, 402, 403, 404, 405, 407, 408, 415, 423, 425, 429})
"""Statuses that say something of us, of the address or of now, not of the text: it is kept and tried again."""
_PROXIES = frozenset({502, 504})
"""What a proxy says whose server broke off or was silent: that may have taken the text before."""


EVERYTHING = Capabilities(
    alphanumeric_sender=True,
    own_numbers=True,
    receipts=True,
    incoming=True,
    unicode=True,
    idempotent_submit=False,
)
"""What most providers can: all but to know a repeat by our id."""

# Settings that stand in many schemas

CALLBACK_KEY: dict[str, Any] = {
    "type": "string",
    "required": True,
    "minlength": 16,
    "meta": {"label": msgid("Key in the addresses of callbacks"), "secret": True, "made": True},
}
"""A key of ours in the addresses of callbacks, as `callback_key`, for a provider that signs nothing."""


def needed(label: str, help_: str = "", *, secret: bool = False) -> dict[str, Any]:
    """A text that must be there; `label` and `help_` are ids of translations."""
    meta: dict[str, Any] = {"label": label}
    if help_:
        meta["help"] = help_
    if secret:
        meta["secret"] = True
    return {"type": "string", "required": True, "empty": False, "meta": meta}


def whole_number(
    label: str,
    least: int,
    most: int | None = None,
    *,
    default: int | None = None,
    help_: str = "",
    rare: bool = True,
) -> dict[str, Any]:
    """A whole number, which may be left out."""
    rules: dict[str, Any] = {"type": "integer", "coerce": int, "min": least, "meta": {"label": label}}
    rules |= {} if most is None else {"max": most}
    rules |= {} if default is None else {"default": default}
    rules["meta"] |= ({"help": help_} if help_ else {}) | ({"rare": True} if rare else {})
    return rules


def api_address(default: str, help_: str = "") -> dict[str, Any]:
    """Where the provider's API is, if not where it is for everybody."""
    meta: dict[str, Any] = {"label": msgid("Address of the API"), "rare": True}
    return {
        "type": "string",
        "empty": False,
        "default": default,
        "meta": meta | ({"help": help_} if help_ else {}),
    }


def keyed(surroundings: Surroundings, settings: Mapping[str, Any]) -> str:
    """The address for receipts, with the channel's key in it."""
    return f"{surroundings.callbacks}/receipts?{urlencode({'key': settings['callback_key']})}"


def unanswered(none: NoAnswer) -> Rejected | Unknown:
    """The outcome of a send that got no answer: where surely nothing left, another try does no harm."""
    return Unknown(none.fault.value) if none.sent else Rejected(permanent=False, code=none.fault.value)


def refused(answer: Answer, code: str = "") -> Rejected | Unknown:
    """The outcome of a send that was not answered well, by its HTTP status. `code` is the provider's own word for it."""
    if answer.status < 400:
        return MALFORMED
    if answer.status in _PROXIES:
        return Unknown(f"http_{answer.status}")
    later = answer.status >= 500 or answer.status in _ASK_AGAIN
    return Rejected(permanent=not later, code=code or f"http_{answer.status}")


def verdict(answer: Answer | NoAnswer) -> Verdict:
    """What a question that only an account's holder may ask says of a channel."""
    if isinstance(answer, NoAnswer):
        return Verdict(State.UNREACHABLE, answer.fault.value)
    if answer.status in (401, 403):
        return Verdict(State.WRONG_KEY, f"http_{answer.status}")
    return Verdict(State.WELL) if answer.ok else Verdict(State.STRANGE, f"http_{answer.status}")


def json_object(answer: Answer) -> Mapping[str, Any] | None:
    """An answer's JSON object; None if it is none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def by_path(
    callback: Callback, receipt: Callable[[], Receipt], incoming: Callable[[], IncomingText]
) -> Receipt | IncomingText:
    """What a callback says, by the address at which it came. Raises `CallbackRefused`."""
    match callback.path:
        case "receipts":
            return receipt()
        case "incoming":
            return incoming()
    raise CallbackRefused(404, "it is neither receipts nor incoming")


def demand_key(callback: Callback, key: str) -> None:
    """Let in a callback whose address has the key that we gave the provider with it, as `key`, where it signs nothing. Raises
    `CallbackRefused`."""
    given = callback.query.get("key", "")
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise CallbackRefused(403, "the address has not the channel's key")


def field(fields: Mapping[str, Any], name: str, longest: int = 200) -> str:
    """A field that must be there, as text. Raises `CallbackRefused`."""
    found = fields.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found or len(found) > longest or _UNSTORABLE.search(found):
        raise CallbackRefused(400, f"{name} is missing, or is none")
    return found


def words(fields: Mapping[str, Any], name: str) -> str:
    """A text from a phone, which may be empty. Raises `CallbackRefused`."""
    found = fields.get(name)
    if not isinstance(found, str) or len(found) > 20_000:
        raise CallbackRefused(400, f"{name} is missing, or is none")
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", found)


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What no database takes: JSON may have half a character in it."""


def e164(number: str) -> str:
    """A number as providers write them, with or without `+` or `00`, in E.164 with `+`; a short code, a name or a number without its country
    as it is."""
    plain = number.strip()
    digits = plain.removeprefix("+").removeprefix("00") if plain[:1] in "+0" else plain
    is_whole = digits.isascii() and digits.isdecimal() and len(digits) > 6 and not digits.startswith("0")
    return f"+{digits}" if is_whole else plain


def moment(written: Any) -> datetime | None:
    """A time as ISO 8601 has it, taken as UTC where it names no zone; None if it is none."""
    try:
        found = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
