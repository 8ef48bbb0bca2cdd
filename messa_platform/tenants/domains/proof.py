"""The proof that a domain is an organisation's: a TXT record that only who runs its DNS can put there (spec D1).

It is looked for at `_messa.<domain>` and at the domain itself, where some keep all records of that kind. Only a resolver's word that there is
no such record counts as a missing proof; a resolver that cannot be reached, or cannot tell (SERVFAIL), says nothing about the domain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from messa_platform.core.logs import logger
from messa_platform.tenants.domains.names import PROOF_LABEL
from messa_platform.tenants.domains.settings import DnsSettings

log = logger(__name__)

PREFIX = "messa-verification="
MOST_FOUND = 3
"""Records that are told of those found in place of the proof."""
LONGEST_FOUND = 120
"""Characters that are told of each."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The record is there."""


@dataclass(frozen=True, slots=True)
class Missing:
    """There is none; `found` are other records at the place where it belongs."""

    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wrong:
    """There is one, with another token."""

    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nobody could tell; `reason` is a word such as `timeout`."""

    reason: str


Outcome = Proven | Missing | Wrong | Unreachable


def record_name(domain: str) -> str:
    """Where the proof belongs."""
    return f"{PROOF_LABEL}.{domain}"


def record_value(token: str) -> str:
    """What has to stand there."""
    return f"{PREFIX}{token}"


class Texts(Protocol):
    """Asks for the TXT records of a name."""

    def texts(self, name: str) -> tuple[str, ...] | Unreachable:
        """They, in no order; `()` if there are none. The strings that one record is made of are joined (RFC 7208 3.3)."""


class Resolver:
    """Asks a resolver, ours or the system's. Several threads may."""

    def __init__(self, settings: DnsSettings) -> None:
        self._settings = settings

    def texts(self, name: str) -> tuple[str, ...] | Unreachable:
        """The TXT records of a name. What is cut short over UDP is asked for again over TCP."""
        try:
            answer = self._ask().resolve(
                name, "TXT", search=False, raise_on_no_answer=False, lifetime=self._settings.timeout_seconds
            )
        except dns.resolver.NXDOMAIN:
            return ()
        except dns.resolver.LifetimeTimeout:
            return Unreachable("timeout")
        except dns.resolver.NoNameservers:
            return Unreachable("servfail")
        except dns.resolver.NoResolverConfiguration:
            log.error("dns_resolver_not_configured")
            return Unreachable("no_resolver")
        except (dns.exception.DNSException, OSError) as error:
            log.warning("dns_failed", error=type(error).__name__)
            return Unreachable("failed")
        return tuple(_text(record) for record in answer.rrset or ())

    def _ask(self) -> dns.resolver.Resolver:
        # made anew each time: what the system's configuration says may change while we run
        server = self._settings.server
        resolver = dns.resolver.Resolver(configure=server is None)
        if server is not None:
            resolver.nameservers, resolver.port = [server[0]], server[1]
        return resolver


def _text(record: object) -> str:
    assert isinstance(record, TXT)
    return b"".join(record.strings).decode("utf-8", "replace")


def look(texts: Texts, domain: str, token: str) -> Outcome:
    """Whether the DNS shows `token` for `domain`."""
    wanted = record_value(token)
    places = [record_name(domain), domain]
    found: list[tuple[str, ...]] = []
    unreachable: Unreachable | None = None
    for place in places:
        answer = texts.texts(place)
        if isinstance(answer, Unreachable):
            unreachable = unreachable or answer
            continue
        # people paste the value with the quotes that it has in zone files
        plain = tuple(text.strip().strip('"').strip() for text in answer)
        if wanted in plain:
            return Proven()
        found.append(plain)
    if unreachable is not None:
        return unreachable
    if wrong := [text for of_place in found for text in of_place if text.lower().startswith(PREFIX)]:
        return Wrong(_told(wrong))
    return Missing(_told(found[0]))


def _told(texts: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """As much of what was found as is shown; anybody may have written it there."""
    plain = ("".join(c for c in text if c.isprintable())[:LONGEST_FOUND] for text in sorted(texts))
    return tuple(plain)[:MOST_FOUND]
