"""Domain names: read from what somebody typed, and refused where nobody can own them (spec D1)."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from functools import cache

import dns.exception
import dns.name
from publicsuffixlist import PublicSuffixList

PROOF_LABEL = "_messa"
"""The name under a domain where its proof is looked for."""
LONGEST = 253 - len(PROOF_LABEL) - 1
"""Characters of a domain whose proof still has a name: a name has 253 at the most (RFC 1035 3.1)."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Refusal(StrEnum):
    """Why a name is none that an organisation can have."""

    EMPTY = "empty"
    NO_DOMAIN = "no_domain"
    """It is no domain name at all."""
    ADDRESS = "address"
    """It is an IP address."""
    ONE_LABEL = "one_label"
    """A name without a dot, such as that of a computer."""
    PUBLIC = "public"
    """Below it strangers have their names: `se`, `co.uk`, `github.io`."""
    OURS = "ours"
    """Our own mail domain, or one below it: its addresses are mobile numbers."""


@cache
def _suffixes() -> PublicSuffixList:
    # both sections of the list: under `github.io`, of its private one, strangers have their names as well
    return PublicSuffixList()


def read_domain(written: str, own: str) -> str | Refusal:
    """The domain that somebody typed, as it stands in the DNS: A-labels (IDNA 2008), lower case. `own` is our mail domain.

    An `@` before it and a dot behind it are passed over.
    """
    typed = written.strip().removeprefix("@").removesuffix(".")
    if not typed:
        return Refusal.EMPTY
    if _is_ip_address(typed):
        return Refusal.ADDRESS
    if len(typed) > LONGEST:  # before anything takes its time over it
        return Refusal.NO_DOMAIN
    name = _ascii(typed)
    if name is None:
        return Refusal.NO_DOMAIN
    return _refusal(name, own) or name


def _is_ip_address(typed: str) -> bool:
    try:
        ipaddress.ip_address(typed.strip("[]").removeprefix("IPv6:"))
    except ValueError:
        return False
    return True


def _ascii(typed: str) -> str | None:
    if "\\" in typed:  # it escapes a character in zone files (RFC 1035 5.1)
        return None
    try:
        name = dns.name.from_text(typed, idna_codec=dns.name.IDNA_2008_UTS_46)
    except (dns.exception.DNSException, UnicodeError):
        return None
    text = name.to_text(omit_final_dot=True).lower()
    # a name in the DNS may hold almost anything, that of a mail domain letters, figures and hyphens (RFC 5321 2.3.5)
    fits = len(text) <= LONGEST and all(_LABEL.fullmatch(label) for label in text.split("."))
    return text if fits else None


def _refusal(name: str, own: str) -> Refusal | None:
    if "." not in name:
        return Refusal.ONE_LABEL
    if name.rpartition(".")[2].isdecimal():  # 10.1, an address to some programs (RFC 3696 2)
        return Refusal.ADDRESS
    if is_within(name, own.lower()):
        return Refusal.OURS
    return Refusal.PUBLIC if _suffixes().is_public(name) else None


def registered(name: str) -> str:
    """The domain that was bought, in whose DNS a name stands: of `skolan.kommun.se` it is `kommun.se`."""
    return _suffixes().privatesuffix(name) or name


def is_within(name: str, domain: str) -> bool:
    """Whether a name is a domain or lies below it."""
    return name == domain or name.endswith(f".{domain}")


def shown(name: str) -> str:
    """A name as people write it: `xn--malm-8qa.se` as `malmö.se`. What cannot be read so is given as it is."""
    try:
        readable = dns.name.from_text(name).to_unicode(
            omit_final_dot=True, idna_codec=dns.name.IDNA_2008_UTS_46
        )
    except (dns.exception.DNSException, UnicodeError):
        return name
    return readable if readable.isprintable() else name
