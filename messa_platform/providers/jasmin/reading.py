"""What Jasmin's callbacks say. Their forms are read as bytes: a text's content is what came from the network, in whatever alphabet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from messa_platform.core import gsm
from messa_platform.providers.base import Callback, CallbackRefused, IncomingText, Receipt
from messa_platform.providers.http import e164, field, words
from messa_platform.providers.jasmin.codes import status_of

_CODECS: Final[Mapping[str, str]] = {"3": "latin-1", "8": "utf-16-be"}
"""The codings of SMPP that are what they are everywhere."""
GSM: Final = "gsm"
ALPHABETS: Final = (GSM, "latin-1", "utf-8")
"""What the coding 0 can be, which every operator decides."""


def fields_of(callback: Callback) -> Mapping[str, bytes]:
    """The fields of a callback's form, as bytes. Raises `CallbackRefused`."""
    try:
        pairs = parse_qsl(
            callback.body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=200
        )
        return {name: value.encode("latin-1") for name, value in pairs}
    except ValueError as error:
        raise CallbackRefused(400, "the body is no form") from error


def receipt(fields: Mapping[str, bytes]) -> Receipt:
    """A receipt. When it was is left out: that is told in the time of the network's centre, wherever that is, and receipts come at once."""
    said = _plain(fields)
    status, error = field(said, "message_status"), said.get("err", "")
    has_error = error.isalnum() and error.strip("0") != "" and error.upper() not in ("ND", "NONE")
    return Receipt(field(said, "id"), status_of(status), f"{status} {error[:20]}" if has_error else status)


def incoming(fields: Mapping[str, bytes], alphabet: str) -> IncomingText:
    """A text from a phone; `alphabet` is what the coding 0 is. Raises `CallbackRefused`."""
    said = _plain(fields)
    octets = _octets(fields)
    if octets is not None:
        said["content"] = _decoded(octets, said.get("coding") or "0", alphabet)
    return IncomingText(
        field(said, "id"), e164(field(said, "from")), e164(field(said, "to")), words(said, "content")
    )


def _octets(fields: Mapping[str, bytes]) -> bytes | None:
    """What came from the network; older gateways give it as the content only. Raises `CallbackRefused`."""
    if not fields.get("binary"):
        return fields.get("content")
    try:
        return bytes.fromhex(fields["binary"].decode("ascii"))
    except ValueError as error:
        raise CallbackRefused(400, "binary is not hexadecimal") from error


def _decoded(octets: bytes, coding: str, alphabet: str) -> str:
    if codec := _CODECS.get(coding):
        return octets.decode(codec, errors="replace")
    # unpacked septets have seven bits: where there are eight it is another alphabet, whatever the setting says
    if coding == "0" and alphabet == GSM and octets.isascii():
        return gsm.decode(octets)
    try:
        return octets.decode("latin-1" if coding == "0" and alphabet == "latin-1" else "utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _plain(fields: Mapping[str, bytes]) -> dict[str, str]:
    return {name: value.decode(errors="replace") for name, value in fields.items()}
