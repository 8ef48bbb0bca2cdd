"""Who is at the other end of a request, as far as addresses tell."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any

_WIDTHS = {4: 24, 6: 64}
"""Bits of an address that tell the network: what a provider moves a household or an office about in."""


def network_of(address: str) -> str:
    """The network of an IP address, `192.0.2.0/24` or `2001:db8:0:1::/64`; what is no address stays as it is."""
    try:
        # a zone (RFC 4007, 11) names an interface of ours
        found = ipaddress.ip_address(address.strip().partition("%")[0])
    except ValueError:
        return address
    mapped = getattr(
        found, "ipv4_mapped", None
    )  # as a socket for both families writes IPv4 (RFC 4291, 2.5.5.2)
    if mapped is not None:
        found = mapped
    return str(ipaddress.ip_network((found, _WIDTHS[found.version]), strict=False))


_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


def bare(address: str) -> str:
    """An IP address without the brackets and the port that some proxies write: `198.51.100.7:5123` -> `198.51.100.7`."""
    found = _WITH_PORT.fullmatch(address.strip())
    return (found[1] or found[2]) if found else address.strip()


class ClientAddress:
    """WSGI layer: REMOTE_ADDR is who asks, and nothing else is.

    Which proxy is believed was the server's affair (`web.trusted_proxy`). X-Forwarded-For goes no further, since frameworks take its first
    entry, which anybody can write.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.pop("HTTP_X_FORWARDED_FOR", None)
        environ["REMOTE_ADDR"] = bare(environ.get("REMOTE_ADDR", ""))
        return self._app(environ, start_response)


def binding_of(user_agent: str, address: str) -> bytes:
    """What a session in the address is bound to: SHA-256 of the browser's name for itself and the network of its address."""
    # the name's length goes first: what a browser calls itself must not be able to look like a network
    told = f"{len(user_agent)}:{user_agent}{network_of(address)}"
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()
