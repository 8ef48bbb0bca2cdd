"""Sessions: who is behind a request (spec I2, U2).

A session is its token, 256 bits that only the browser has; the database keeps the digest. How long each kind lives stands in `LIVES`;
`expires_at` is when it ends if nothing more is asked for, and moves with what is asked for. To end a session is to delete its row, and to
tell the processes that have it in memory.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.client import binding_of, network_of
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.tenants.access import throttle
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.accounts import digest

log = logger(__name__)

CHANNEL = "messa_session"
"""On this channel of the database the ids of ended sessions are told."""


@dataclass(frozen=True, slots=True)
class Life:
    """How long a session lives after the last request, and in all."""

    idle: timedelta
    in_all: timedelta | None


LIVES = {
    SessionKind.PERSISTENT: Life(timedelta(days=30), None),
    SessionKind.BROWSER: Life(timedelta(hours=12), timedelta(days=7)),
    SessionKind.URL: Life(timedelta(minutes=20), timedelta(hours=12)),
}
SEEN_TO_THE = timedelta(minutes=1)
"""How exactly a session's last request is noted: of the requests within this time only the first is."""
LONGEST_NAME = 400
"""Characters kept of what a browser calls itself."""
_NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is signed in, and by which session. `csrf` is the secret that its forms' tokens are made from; `expires_at` as it stands by now.

    `admin_of` are the groups that the account administers, `time_zone` is its tenant's. `binding` is what a URL session is bound to, None
    for the others. `read_at` is when the database said all this.
    """

    session_id: UUID
    account_id: UUID
    tenant_id: UUID
    address: str
    display_name: str
    language: str
    kind: SessionKind
    csrf: bytes = field(repr=False)
    is_operator: bool
    expires_at: datetime
    binding: bytes | None
    admin_of: tuple[UUID, ...] = ()
    has_second_factor: bool = False
    time_zone: str = ""
    read_at: datetime = _NEVER


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in its owner's list."""

    id: UUID
    kind: SessionKind
    user_agent: str
    address: str
    created_at: datetime
    seen_at: datetime


_BEGIN = text(
    "INSERT INTO web_session (id, tenant_id, account_id, kind, digest, csrf, binding, user_agent, address, created_at, seen_at, expires_at)"
    " SELECT :id, a.tenant_id, a.id, :kind, :digest, :csrf, :binding, :user_agent, :address, :now, :now, :expires_at"
    " FROM account a WHERE a.id = :account_id"
)


def begin(
    session: Session, now: datetime, account_id: UUID, kind: SessionKind, user_agent: str, address: str
) -> str:
    """A new session, in the transaction in which its owner has signed in; gives its token (letters, figures, `-` and `_`).

    The network is known from then on: who guesses from elsewhere does not slow the owner there.
    """
    token = secrets.token_urlsafe(32)
    parameters = {
        "id": new_id(),
        "account_id": account_id,
        "kind": kind.value,
        "digest": digest(token),
        "csrf": secrets.token_bytes(32),
        "binding": binding_of(user_agent, address) if kind is SessionKind.URL else None,
        "user_agent": "".join(c for c in user_agent if c.isprintable())[:LONGEST_NAME],
        "address": address,
        "now": now,
        "expires_at": _end(kind, now, now),
    }
    session.execute(_BEGIN, parameters)
    throttle.remember_network(session, now, account_id, network_of(address))
    return token


def _end(kind: SessionKind, created_at: datetime, seen_at: datetime) -> datetime:
    life = LIVES[kind]
    idle = seen_at + life.idle
    return idle if life.in_all is None else min(idle, created_at + life.in_all)


_RECOGNISE = text(
    "SELECT s.id, s.account_id, a.tenant_id, a.address, a.display_name, coalesce(a.language, t.language) AS language, s.kind, s.csrf,"
    " a.is_operator, s.binding, s.created_at, s.seen_at, s.expires_at,"
    " ARRAY(SELECT ga.group_id FROM group_admin ga WHERE ga.account_id = a.id AND ga.tenant_id = a.tenant_id) AS admin_of,"
    " a.totp_since IS NOT NULL AS has_second_factor, t.time_zone"
    " FROM web_session s JOIN account a ON a.id = s.account_id JOIN tenant t ON t.id = a.tenant_id"
    " WHERE s.digest = :digest AND s.expires_at > :now AND NOT a.blocked AND a.removed_at IS NULL"
    " AND t.state <> 'closed'"
)
# Whom another request is noting just now is left to it, rather than waited for until that request is answered.
_SEE = text(
    "UPDATE web_session SET seen_at = :now, expires_at = :expires_at"
    " WHERE id = (SELECT id FROM web_session WHERE id = :id FOR NO KEY UPDATE SKIP LOCKED)"
)


def recognise(
    session: Session, now: datetime, token: str, binding: bytes, *, touch: bool = True
) -> Identity | None:
    """Whose session the token is; None if it is nobody's, is over, or was begun in the address by another browser or network.

    `binding` is what a URL session must be bound to (`core.client.binding_of`). `touch`: this request keeps the session alive.
    """
    if not token.isascii():
        return None
    row = session.execute(_RECOGNISE, {"digest": digest(token), "now": now}).first()
    if row is None:
        return None
    kind = SessionKind(row.kind)
    if kind is SessionKind.URL and not hmac.compare_digest(row.binding, binding):
        log.warning("url_session_refused", session=str(row.id), account=str(row.account_id))
        return None
    expires_at = row.expires_at
    if touch and now - row.seen_at > SEEN_TO_THE:
        expires_at = _end(kind, row.created_at, now)
        session.execute(_SEE, {"id": row.id, "now": now, "expires_at": expires_at})
    return Identity(
        session_id=row.id,
        account_id=row.account_id,
        tenant_id=row.tenant_id,
        address=row.address,
        display_name=row.display_name,
        language=row.language,
        kind=kind,
        csrf=row.csrf,
        is_operator=row.is_operator,
        expires_at=expires_at,
        binding=row.binding,
        admin_of=tuple(row.admin_of),
        has_second_factor=row.has_second_factor,
        time_zone=row.time_zone,
        read_at=now,
    )


def _ending(condition: str) -> str:
    return (
        f"WITH ended AS (DELETE FROM web_session WHERE {condition} RETURNING id)"
        f" SELECT pg_notify('{CHANNEL}', id::text) FROM ended"
    )


_END = text(_ending("id = :id"))
_END_OWN = text(_ending("id = :id AND account_id = :account_id"))
_END_OTHERS = text(_ending("account_id = :account_id AND id <> :keep"))
_END_ALL = text(_ending("account_id = :account_id"))


def end(session: Session, session_id: UUID) -> None:
    """End the session of the request itself. One that somebody picked from a list is ended by `end_own`."""
    session.execute(_END, {"id": session_id})


def end_own(session: Session, account_id: UUID, session_id: UUID) -> bool:
    """End one of the account's sessions; False if it has no such one."""
    return bool(session.execute(_END_OWN, {"id": session_id, "account_id": account_id}).all())


def end_others(session: Session, account_id: UUID, keep: UUID) -> int:
    """End all of the account's sessions but one; gives how many."""
    return len(session.execute(_END_OTHERS, {"account_id": account_id, "keep": keep}).all())


def end_all(session: Session, account_id: UUID) -> int:
    """End all of the account's sessions; gives how many."""
    return len(session.execute(_END_ALL, {"account_id": account_id}).all())


_LISTED = text(
    "SELECT id, kind, user_agent, address, created_at, seen_at FROM web_session"
    " WHERE account_id = :account_id AND expires_at > :now ORDER BY seen_at DESC, id DESC"
)


def listed(session: Session, now: datetime, account_id: UUID) -> list[SessionRow]:
    """The account's sessions that are in force, the one that was used last first."""
    rows = session.execute(_LISTED, {"account_id": account_id, "now": now})
    return [
        SessionRow(r.id, SessionKind(r.kind), r.user_agent, r.address, r.created_at, r.seen_at) for r in rows
    ]


_FORGET = text("DELETE FROM web_session WHERE expires_at <= :now")


def forget_old(session: Session, now: datetime) -> None:
    """Drop the sessions that are over; they are recognised no longer, so nobody needs to be told."""
    session.execute(_FORGET, {"now": now})


class Listener(Protocol):
    """What the database tells this process (`core.listen`)."""

    @property
    def listening_since(self) -> datetime | None:
        """Since when nothing has been missed; None while nothing is heard."""

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> None:
        """Call `callback` with what is told on `channel`."""


KEPT_FOR = timedelta(seconds=60)
"""How long a process believes what it has read of a session; who is ended is forgotten at once, who is blocked only by this."""
MOST_KEPT = 20_000


class SessionCache:
    """Identities of late, for answers from memory. It is asked by live polls alone: it keeps no session alive.

    What is in it is used only if the process has heard of every ended session since it was read.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._kept: dict[bytes, Identity] = {}
        self._by_session: dict[UUID, bytes] = {}
        # an answer of the database that is still on its way here must not bring an ended session back
        self._ended: dict[UUID, None] = {}
        listener.subscribe(CHANNEL, self._drop)

    def get(self, token: str, binding: bytes, now: datetime) -> Identity | None:
        """The identity of a token; None if the database must be asked."""
        if not token.isascii():
            return None
        since = self._listener.listening_since
        with self._lock:
            identity = self._kept.get(digest(token))
        if identity is None or since is None or identity.read_at < since:
            return None
        if now >= identity.expires_at or now - identity.read_at > KEPT_FOR:
            return None
        if identity.kind is SessionKind.URL and not hmac.compare_digest(identity.binding or b"", binding):
            return None  # the database is asked, and the refusal logged there
        return identity

    def put(self, token: str, identity: Identity) -> None:
        """Keep what `recognise` gave for a token."""
        key = digest(token)
        with self._lock:
            if identity.session_id in self._ended:
                return
            self._remove(identity.session_id)
            while len(self._kept) >= MOST_KEPT:
                self._remove(next(iter(self._by_session)))
            self._kept[key] = identity
            self._by_session[identity.session_id] = key

    def _remove(self, session_id: UUID) -> None:
        key = self._by_session.pop(session_id, None)
        if key is not None:
            del self._kept[key]

    def _drop(self, payload: str) -> None:
        session_id = UUID(payload)
        with self._lock:
            self._remove(session_id)
            self._ended[session_id] = None
            while len(self._ended) > MOST_KEPT:
                del self._ended[next(iter(self._ended))]
