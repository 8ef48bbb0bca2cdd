"""What SMTP asks before it takes a mail: who may hand one over, and whether an address can be reached (spec M1, M11)."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.db import Database
from messa_platform.core.settings import Networks
from messa_platform.messaging.recipients import Fault, Impossible, normalise
from messa_platform.tenants.accounts import parents
from messa_platform.tenants.group_settings import DEFAULTS, Key
from messa_platform.tenants.numbers import OwnRange, own_ranges
from messa_platform.tenants.senders import settings_of

KEPT = 10.0
"""Seconds that an answer of the database is kept: what an admin changes holds for mail soon enough, since `submit` asks again."""

_WHY = {
    Fault.NOT_A_NUMBER: "it is not a mobile number; write for example 0701234567 or +46701234567",
    Fault.TOO_SHORT: "the number is too short",
    Fault.TOO_LONG: "the number is too long",
    Fault.IMPOSSIBLE: "no such number can exist",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An SMTP answer that says no, and why."""

    answer: str


class Gatekeeper:
    """Answers for one deployment; its caches may be used from any thread."""

    def __init__(self, database: Database, domain: str, trusted: Networks) -> None:
        self._database = database
        self.domain = domain.lower()
        self._trusted = trusted
        self._welcome: set[str] = set()
        self._lock = threading.Lock()
        self._country_codes: dict[str, tuple[float, str]] = {}
        self._ranges: tuple[float, Sequence[OwnRange]] = (float("-inf"), ())

    def refuse_peer(self, peer: str) -> Refusal | None:
        """Why this machine may not hand over mail; until senders are verified only listed relays may."""
        if peer in self._welcome:
            return None
        refusal = self._judge_peer(peer)
        if refusal is None and len(self._welcome) < 10_000:
            self._welcome.add(peer)
        return refusal

    def _judge_peer(self, peer: str) -> Refusal | None:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return Refusal("550 5.7.1 Your address is not known")
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address in network for network in self._trusted):
            return None
        return Refusal("550 5.7.1 Mail is taken from listed relays only; ask the operator to list yours")

    def cached(self, sender: str) -> tuple[str, Sequence[OwnRange]] | None:
        """A sender's country code and our own ranges, if they are known without asking the database."""
        now = time.monotonic()
        held = self._country_codes.get(sender)
        if held is None or held[0] < now or self._ranges[0] < now:
            return None
        return held[1], self._ranges[1]

    def look_up(self, sender: str) -> tuple[str, Sequence[OwnRange]]:
        """The same, asked of the database; blocks."""
        until = time.monotonic() + KEPT
        with self._database.unit_of_work() as session:
            code, ranges = _country_code(session, sender), own_ranges(session)
        with self._lock:
            if len(self._country_codes) > 50_000:
                self._country_codes.clear()
            self._country_codes[sender] = (until, code)
            self._ranges = (until, ranges)
        return code, ranges

    def refuse_recipient(self, address: str, country_code: str, own: Sequence[OwnRange]) -> Refusal | None:
        """Why no text can reach this address."""
        local, _, domain = address.rpartition("@")
        if domain.lower() != self.domain:
            return Refusal(
                f"550 5.7.1 Addresses here end in @{self.domain}; mail is not relayed to other domains"
            )
        number = normalise(local_part(local), country_code, own)
        if isinstance(number, Impossible):
            return Refusal(f"550 5.1.1 The address cannot be reached: {_WHY[number.fault]}")
        return None


def local_part(local: str) -> str:
    """What stands before the @, without the quotes that blanks need."""
    return local[1:-1].replace("\\", "") if len(local) > 1 and local[0] == local[-1] == '"' else local


_GROUP_OF = text(
    "SELECT coalesce((SELECT group_id FROM account WHERE address = :address),"
    " (SELECT group_id FROM domain WHERE state = 'verified' AND name = ANY(CAST(:names AS text[])) ORDER BY length(name) DESC LIMIT 1),"
    ' (SELECT g.id FROM "group" g JOIN tenant t ON t.id = g.tenant_id WHERE t.is_free AND g.parent_id IS NULL))'
)


def _country_code(session: Session, sender: str) -> str:
    names = parents(sender.rpartition("@")[2])
    group_id = session.execute(_GROUP_OF, {"address": sender, "names": names}).scalar()
    code: str = (
        settings_of(session, [group_id])[group_id].country_code if group_id else DEFAULTS[Key.COUNTRY_CODE]
    )
    return code
