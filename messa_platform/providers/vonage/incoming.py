"""What Vonage tells us: receipts and incoming texts, as a query, a form or JSON, whichever the account is set to; signed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from messa_platform.providers.base import (
    Callback,
    CallbackRefused,
    CallbackResult,
    IncomingText,
    Piece,
    Receipt,
)
from messa_platform.providers.http import e164, field, moment, words
from messa_platform.providers.vonage.codes import STATUSES
from messa_platform.providers.vonage.signature import signed

AHEAD = timedelta(minutes=5)
"""How far Vonage's clock may be ahead of ours."""
_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
_MINUTE = re.compile(r"[0-9]{10}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,3}", re.ASCII)


def read(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
    """Authenticate and read one callback. Raises `CallbackRefused`."""
    fields = signed(_fields(callback), settings["signature_secret"], settings["signature_method"])
    if fields is None:
        raise CallbackRefused(403, "it has no signature, or a wrong one")
    _demand_recent(fields, callback.at, timedelta(minutes=settings["callback_age"]))
    if callback.path == "receipts":
        return CallbackResult((_receipt(fields),))
    if callback.path == "incoming":
        return CallbackResult(_incoming(fields))
    raise CallbackRefused(404, "it is neither receipts nor incoming")


def _fields(callback: Callback) -> dict[str, str]:
    """What was sent, in whichever way. Nothing is taken from anywhere else."""
    found: Any
    if callback.method == "GET":
        found = callback.query
    elif "json" in callback.headers.get("content-type", ""):
        found = callback.json
    else:
        found = dict(callback.form)
    if not isinstance(found, Mapping):
        raise CallbackRefused(400, "the body has no fields")
    # In the text that is signed, one such name could stand for several fields that were sent.
    if any("&" in name or "=" in name for name in found):
        raise CallbackRefused(400, "a field has an impossible name")
    return {name: _written(value) for name, value in found.items()}


def _written(value: Any) -> str:
    """A field's value as text, with no half of a surrogate pair in it, which JSON can carry, but nobody can store."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise CallbackRefused(400, "a field is neither text nor number")
    return str(value).encode(errors="replace").decode()


def _demand_recent(fields: Mapping[str, str], now: datetime, oldest: timedelta) -> None:
    """Refuse what was signed long ago, or is of the future. Raises `CallbackRefused`."""
    written = fields.get("timestamp", "")
    if not _SECONDS.fullmatch(written):
        raise CallbackRefused(403, "it does not tell when it was signed")
    if not -AHEAD <= now - datetime.fromtimestamp(int(written), UTC) <= oldest:
        raise CallbackRefused(403, "it was signed too long ago, or in the future")


def _receipt(fields: Mapping[str, str]) -> Receipt:
    status, error = field(fields, "status"), fields.get("err-code", "")
    code = status if error in ("", "0") else f"{status} {field(fields, 'err-code')}"
    return Receipt(field(fields, "messageId"), STATUSES.get(status.lower()), code, _when(fields))


def _when(fields: Mapping[str, str]) -> datetime | None:
    """When the network told, to the minute; where that is missing, when Vonage did."""
    written = fields.get("scts", "")
    if _MINUTE.fullmatch(written):
        try:
            return datetime.strptime(written, "%y%m%d%H%M").replace(tzinfo=UTC)
        except ValueError:
            pass  # it is no time after all
    return moment(fields.get("message-timestamp"))


def _incoming(fields: Mapping[str, str]) -> tuple[IncomingText, ...]:
    """The text; none where it is of another type, `binary`, which no person wrote. A receipt has no type, and is refused."""
    if field(fields, "type").lower() not in ("text", "unicode"):
        return ()
    return (
        IncomingText(
            field(fields, "messageId"),
            e164(field(fields, "msisdn")),
            e164(field(fields, "to")),
            words({"text": "", **fields}, "text"),
            moment(fields.get("message-timestamp")),
            _piece(fields),
        ),
    )


def _piece(fields: Mapping[str, str]) -> Piece | None:
    """Which piece it is. One that makes no sense is handed on as a text of its own: better a torn text than none."""
    group, total, number = (fields.get(f"concat-{name}", "") for name in ("ref", "total", "part"))
    if fields.get("concat", "").lower() != "true" or not 0 < len(group) <= 200 or "\0" in group:
        return None
    if not _COUNT.fullmatch(total) or not _COUNT.fullmatch(number) or not 1 <= int(number) <= int(total):
        return None
    return Piece(group, int(number), int(total))
