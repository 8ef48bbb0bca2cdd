"""What Kannel's callbacks say. They are read from the address as it came: an incoming text's bytes may be in another charset than UTF-8."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from messa_platform.providers.base import Callback, CallbackRefused, IncomingText, Receipt, ReceiptStatus
from messa_platform.providers.http import e164, field, moment, words

STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "1": ReceiptStatus.DELIVERED,
    "2": ReceiptStatus.UNDELIVERED,
    "4": ReceiptStatus.BUFFERED,
    "8": ReceiptStatus.SENT,
    "16": ReceiptStatus.UNDELIVERED,
}
"""What each bit of the receipts' mask means."""
_CHARSETS: Final[Mapping[str, str]] = {
    "utf8": "utf-8",
    "utf16be": "utf-16-be",
    "ucs2": "utf-16-be",
    "iso88591": "latin-1",
    "windows1252": "cp1252",
}
_CODINGS: Final[Mapping[str, str]] = {"1": "latin-1", "2": "utf-16-be"}
_NO_LETTER = re.compile(r"[^a-z0-9]")
# What the network's centre says: a receipt as SMPP has it (3.4 appendix B), which quotes the text, or "NACK/" and its error.
_STATE = re.compile(r"\bstat:\s*(\w{1,20})", re.IGNORECASE)
_ERROR = re.compile(r"\berr:\s*(\w{1,20})", re.IGNORECASE)
_NACK = re.compile(r"(NACK)/\s*(\w{0,20})", re.IGNORECASE)


def fields_of(callback: Callback) -> Mapping[str, bytes]:
    """The parameters in a callback's address, as bytes. Raises `CallbackRefused`."""
    try:
        pairs = parse_qsl(
            urlsplit(callback.url).query, keep_blank_values=True, encoding="latin-1", max_num_fields=200
        )
        return {name: value.encode("latin-1") for name, value in pairs}
    except ValueError as error:
        raise CallbackRefused(400, "the address has no parameters to be read") from error


def receipt(fields: Mapping[str, bytes]) -> Receipt:
    """A receipt. Raises `CallbackRefused`."""
    said = _plain(fields)
    status = field(said, "status")
    return Receipt(
        field(said, "id"), STATUSES.get(status), " ".join((status, *_reason(said.get("answer", ""))))
    )


def _reason(answer: str) -> list[str]:
    """The state and the error in what the network's centre said, without the text that it quotes."""
    if refusal := _NACK.match(answer):
        return [word for word in refusal.groups() if word]
    answer = re.split(r"\btext:", answer, maxsplit=1, flags=re.IGNORECASE)[0]
    state, error = _STATE.search(answer), _ERROR.search(answer)
    is_error = error is not None and error[1].strip("0") != ""
    return [found[1] for found in (state, error if is_error else None) if found]


def incoming(fields: Mapping[str, bytes]) -> IncomingText:
    """A text from a phone. Raises `CallbackRefused`."""
    said = _plain(fields)
    if "text" in fields:
        said["text"] = fields["text"].decode(_codec(said), errors="replace")
    return IncomingText(
        field(said, "id"),
        e164(field(said, "from")),
        e164(field(said, "to")),
        words(said, "text"),
        moment(said.get("time")),
    )


def _codec(said: Mapping[str, str]) -> str:
    """In what a text is written. What Kannel calls "gsm", or "8-BIT", says no more than the coding."""
    charset = _NO_LETTER.sub("", said.get("charset", "").lower())
    return _CHARSETS.get(charset) or _CODINGS.get(said.get("coding", ""), "utf-8")


def _plain(fields: Mapping[str, bytes]) -> dict[str, str]:
    return {name: value.decode(errors="replace") for name, value in fields.items()}
