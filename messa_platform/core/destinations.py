"""Where a URL leads, and whether an address is one of the public internet's."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from messa_platform.core.settings import Networks

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL = 2000


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: its host in ASCII, without brackets, and the addresses to connect to, every one of them checked."""

    secure: bool
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def authority(self) -> str:
        """What the Host header says (RFC 9110 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def _networks(words: str) -> Networks:
    return tuple(ipaddress.ip_network(word) for word in words.split())


# The registries of special-purpose addresses (IANA; RFC 6890 and its followers), multicast, and what is reserved. Written out, since
# ipaddress.is_global has changed its mind between Python's minor releases. 168.63.129.16 is Azure's own, in every machine there.
_NOT_PUBLIC_4 = _networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24"
    " 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32"
)
# Of IPv6 only 2000::/3 is anybody's (RFC 4291 2.4): ::1, mapped addresses, fc00::/7, fe80::/10, fec0::/10 and ff00::/8 lie outside. Within
# it are protocols' own addresses with Teredo, documentation, and 6to4, which wraps an IPv4 address (RFC 3056) and is retired (RFC 7526).
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = _networks("2001::/23 2001:db8::/32 2002::/16 3fff::/20")
# What a resolver makes of IPv4 addresses where there is only IPv6 (RFC 6052 2.1).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
PRIVATE = _networks("10.0.0.0/8 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1/128 fc00::/7")
"""This machine, and networks of one's own."""


def within(address: IPAddress, networks: Networks) -> bool:
    """Whether an address lies in one of these networks."""
    return any(address in network for network in networks)


def unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that a NAT64 address stands for; any other is itself."""
    if isinstance(address, ipaddress.IPv6Address) and address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of the public internet's, which anybody may be sent to."""
    address = unwrapped(address)
    if isinstance(address, ipaddress.IPv4Address):
        return not within(address, _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not within(address, _NOT_PUBLIC_6)


_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_UNWISE = re.compile(r'[\s\\"<>^`{|}]')
_SAFE = "/%:@!$&'()*+,;=~?"


def split(url: str) -> Target | None:
    """The parts of a URL, with no address as yet; None if it is no web address. One with a name or password in it is none to us."""
    if len(url) > MAX_URL or not url.isprintable() or _UNWISE.search(url):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if "[" in parts.netloc or ":" in host:
            host = str(ipaddress.IPv6Address(host))
        else:
            host = host.removesuffix(".").encode("idna").decode().lower()
            if not _HOST.fullmatch(host):
                return None
    except ValueError:  # UnicodeError is one
        return None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or "%" in host or port == 0:
        return None
    secure = parts.scheme == "https"
    path = quote(parts.path or "/", safe=_SAFE) + (
        f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    )
    return Target(secure, host, port or (443 if secure else 80), path, ())
