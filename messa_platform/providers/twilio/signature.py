"""Twilio's signature of callbacks: HMAC-SHA1 with the auth token, over the address as it was given to Twilio and the fields of the form. A
body that is JSON is not in it: the address has its digest instead, as `bodySHA256`."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from messa_platform.providers.base import Callback, CallbackRefused

_HEADER = "x-twilio-signature"
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/?#]*?)(?::(?P<port>[0-9]+))?(?P<rest>[/?#].*)?", re.DOTALL
)
_PORTS = {"https": "443", "http": "80"}


def signed_fields(callback: Callback, token: str) -> Mapping[str, Any]:
    """The fields of a callback that has Twilio's signature, of a form or of JSON. Raises `CallbackRefused`."""
    # looked for in the address, as that is what is signed
    digests = parse_qs(urlsplit(callback.url).query).get("bodySHA256", [])
    if not digests:
        form = callback.form
        _demand_signature(callback, token, form)
        return dict(form)
    _demand_signature(callback, token, ())
    if not _same(sha256(callback.body).hexdigest(), digests[0].lower()):
        raise CallbackRefused(403, "the body is not the one that was signed")
    fields = callback.json
    if not isinstance(fields, dict):
        raise CallbackRefused(400, "the body is no JSON object")
    return fields


def signature(token: str, address: str, fields: Iterable[tuple[str, str]]) -> str:
    """What Twilio signs with: names with their values in order, the same one once."""
    signed = address + "".join(name + value for name, value in sorted(set(fields)))
    return b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()


def _demand_signature(callback: Callback, token: str, fields: Iterable[tuple[str, str]]) -> None:
    given, fields = callback.headers.get(_HEADER, ""), list(fields)
    if not any(_same(given, signature(token, address, fields)) for address in _addresses(callback.url)):
        raise CallbackRefused(403, "the callback has not the signature of the channel's account")


def _addresses(url: str) -> list[str]:
    """An address without a port and with one: Twilio signs now the one, now the other."""
    parts = _ADDRESS.fullmatch(url)
    if parts is None:
        return [url]
    scheme, host, rest = parts["scheme"], parts["host"], parts["rest"] or ""
    port = parts["port"] or _PORTS[scheme]
    return [f"{scheme}://{host}{rest}", f"{scheme}://{host}:{port}{rest}"]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
