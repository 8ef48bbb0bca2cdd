"""Settings of asking the DNS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import ClassVar

from messa_platform.core.settings import key

DNS_PORT = 53


@dataclass(frozen=True)
class DnsSettings:
    """Whom we ask whether a domain's proof is there."""

    SECTION: ClassVar[str] = "dns"
    resolver: str = key(
        "", "The resolver that is asked, such as 127.0.0.1:5353 or [::1]:53; empty: the system's."
    )
    timeout_seconds: float = key(5.0, "Seconds to wait for an answer about one name.")

    @property
    def server(self) -> tuple[str, int] | None:
        """The resolver's address and port; None for the system's."""
        return _server(self.resolver) if self.resolver else None

    def __post_init__(self) -> None:
        # what a claimed domain is leased for must be longer than it takes to ask (tenants.domains.check)
        if not 0 < self.timeout_seconds <= 10:
            raise ValueError(f"dns.timeout_seconds: {self.timeout_seconds} is not between 0 and 10 seconds")
        try:
            _ = self.server
        except ValueError:
            raise ValueError(
                f"dns.resolver: {self.resolver!r} is not an address such as 127.0.0.1:5353"
            ) from None


def _server(written: str) -> tuple[str, int]:
    """An address with or without its port. Raises ValueError."""
    host, port = written, str(DNS_PORT)
    if written.startswith("["):
        host, _, rest = written[1:].partition("]")
        if rest:
            port = rest.removeprefix(":")
    elif written.count(":") == 1:
        host, _, port = written.partition(":")
    number = int(port)
    if not 0 < number < 65536:
        raise ValueError(port)
    return str(ipaddress.ip_address(host)), number
