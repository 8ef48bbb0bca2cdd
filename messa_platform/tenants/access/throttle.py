"""Guessing is slowed down, by account and by network (spec I3).

An account that has failed a few times in a row waits, twice as long after each further failure. An owner's known networks, from which a
session has begun before, each have a count of their own, so that who guesses from elsewhere does not slow the owner; everywhere else shares one,
so that many networks are of no help. An address without an account is counted as if it had one. Beside that each network has a limit over
all accounts.

Many may guess at once: the rows are locked, in the order of their keys, when an outcome is known, and an outcome that others' failures have
closed the door to meanwhile is not told. So what can be learnt in a time does not depend on how many tries are under way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given, insert_rows
from messa_platform.tenants.access.models import Throttle

THROTTLE = cast(Table, Throttle.__table__)

FREE_TRIES = 5
"""Failures in a row after which each further try waits: 2 seconds, 4, 8 …"""
LONGEST_WAIT = timedelta(seconds=900)
MEMORY = timedelta(days=1)
"""After this long without a failure there has been none."""
NETWORK_LIMIT = 100
"""Failures of a network that are borne at once; one is forgotten in `NETWORK_PACE`, so that it is as many an hour in the long run."""
NETWORK_PACE = timedelta(hours=1) / NETWORK_LIMIT
KNOWN_FOR = timedelta(days=180)
"""After this long without a sign-in a network is no longer known."""


class What(StrEnum):
    """What is tried; each is counted by itself."""

    SIGN_IN = "sign_in"
    """The password, to sign in."""
    CODE = "code"
    """The second factor's code, after the password."""
    AGAIN = "again"
    """The password, asked again of somebody who is signed in."""
    LINK = "link"
    """Asking for a link to a new password: each counts as a failure, since nobody needs many."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try by `whom` (an address or an account's id) from `network`; `known`: its owner has signed in from there before."""

    what: What
    whom: str
    network: str
    known: bool = False

    @property
    def own_key(self) -> bytes:
        """Under which the account's failures are counted."""
        return _key(self.what, self.whom, self.network if self.known else "elsewhere")

    @property
    def network_key(self) -> bytes:
        """Under which the network's failures are counted; whoever asks for links has guessed nothing."""
        return _key("links" if self.what is What.LINK else "guesses", self.network)

    @property
    def keys(self) -> list[bytes]:
        """Both, in the order in which they are locked."""
        return sorted((self.own_key, self.network_key))


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()


_BLOCKED_UNTIL = text(
    "SELECT max(blocked_until) FROM sign_in_throttle WHERE key = ANY(CAST(:keys AS bytea[])) AND blocked_until > :now"
)


def allowed(session: Session, now: datetime, attempt: Attempt) -> datetime | None:
    """None: go on; else when to come back. Locks nothing: the outcome is to be settled by `failed` or `succeeded`."""
    until: datetime | None = session.execute(_BLOCKED_UNTIL, {"keys": attempt.keys, "now": now}).scalar_one()
    return until


# Makes the rows that are missing and locks the others, in one go and one order.
_HOLD = "ON CONFLICT (key) DO UPDATE SET failures = sign_in_throttle.failures RETURNING key, failures, last_at, blocked_until"
_COLUMNS = ("key", "failures", "last_at", "blocked_until")
_COUNT = text(
    "UPDATE sign_in_throttle t SET failures = given.failures, last_at = given.last_at, blocked_until = given.blocked_until"
    f" FROM {given(THROTTLE, _COLUMNS)} WHERE t.key = given.key"
)


def failed(session: Session, now: datetime, attempt: Attempt) -> datetime | None:
    """Count a failure. Gives when to come back if others' failures came first: this one is then not counted, and must not be told."""
    fresh = [{"key": k, "failures": 0, "last_at": now} for k in attempt.keys]
    rows = insert_rows(session, THROTTLE, fresh, _HOLD)
    if until := _latest_block(rows, now):
        return until
    counted = [
        {"key": row.key, **(_own_count if row.key == attempt.own_key else _network_count)(row, now)}
        for row in rows
    ]
    session.execute(_COUNT, {"rows": as_parameter(counted)})
    return None


def _latest_block(rows: Sequence[Any], now: datetime) -> datetime | None:
    return max(
        (row.blocked_until for row in rows if row.blocked_until and row.blocked_until > now), default=None
    )


def _own_count(row: Any, now: datetime) -> dict[str, object]:
    failures = 1 if now - row.last_at >= MEMORY else row.failures + 1
    # the exponent is bound: after a year of guesses it would be a number of its own size
    pause = min(timedelta(seconds=2 ** min(failures - FREE_TRIES + 1, 12)), LONGEST_WAIT)
    return {
        "failures": failures,
        "last_at": max(now, row.last_at),
        "blocked_until": now + pause if failures >= FREE_TRIES else None,
    }


def _network_count(row: Any, now: datetime) -> dict[str, object]:
    forgotten = max(now - row.last_at, timedelta()) // NETWORK_PACE
    failures = max(row.failures - forgotten, 0) + 1
    return {
        "failures": failures,
        "last_at": max(now, row.last_at),
        "blocked_until": now + NETWORK_PACE if failures >= NETWORK_LIMIT else None,
    }


_LOCK = text(
    "SELECT key, blocked_until FROM sign_in_throttle WHERE key = ANY(CAST(:keys AS bytea[])) ORDER BY key FOR UPDATE"
)
_FORGIVE = text("DELETE FROM sign_in_throttle WHERE key = :key")


def succeeded(session: Session, now: datetime, attempt: Attempt) -> datetime | None:
    """Forget the account's failures there; the network's stay, or an account of one's own would wash them off.

    Gives when to come back if others' failures came first: the success must then not be told, nor have any effect.
    """
    rows = session.execute(_LOCK, {"keys": attempt.keys}).all()
    if until := _latest_block(rows, now):
        return until
    if any(row.key == attempt.own_key for row in rows):
        session.execute(_FORGIVE, {"key": attempt.own_key})
    return None


_REMEMBER = text(
    "INSERT INTO known_network (account_id, network, last_at) VALUES (:account_id, :network, :now)"
    " ON CONFLICT (account_id, network) DO UPDATE SET last_at = EXCLUDED.last_at"
    " WHERE known_network.last_at < EXCLUDED.last_at - interval '1 day'"
)


def remember_network(session: Session, now: datetime, account_id: UUID, network: str) -> None:
    """The account's owner has signed in from there; kept to the day."""
    session.execute(_REMEMBER, {"account_id": account_id, "network": network, "now": now})


# Never waits for who counts there just now, and so never in a ring.
_FORGET = text(
    "DELETE FROM sign_in_throttle WHERE key IN (SELECT key FROM sign_in_throttle WHERE last_at < :before FOR UPDATE SKIP LOCKED)"
)
_FORGET_NETWORKS = text("DELETE FROM known_network WHERE last_at < :before")


def forget_old(session: Session, now: datetime) -> None:
    """Drop counts that count no longer, and networks that nobody has come from for long."""
    session.execute(_FORGET, {"before": now - MEMORY})
    session.execute(_FORGET_NETWORKS, {"before": now - KNOWN_FOR})
