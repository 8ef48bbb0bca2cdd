"""Requests that may be repeated: a key that the client makes up, kept with the answer in the transaction of what the request did (spec V3).

Whoever comes with a key that another transaction holds waits until that one has ended, and then gets its answer, or does the work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime, LargeBinary, SmallInteger, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.pipeline import Pipeline, at_commit

LIFE = timedelta(hours=24)
"""How long a key stands for its request."""
LONGEST = 255
"""Characters of a key."""


class IdempotencyKey(Base):
    """A key of an API user's. `digest` is the SHA-256 of the request; status, headers and content are the answer's, None while it is made."""

    __tablename__ = "idempotency_key"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    # not JSONB: the members of an answer come back in their order
    answer: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer of the time before."""

    status: int
    answer: Any


@dataclass(frozen=True, slots=True)
class Other:
    """The key stands for another request."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key is new: the answer is to be kept with `keep` in the same transaction."""

    account_id: UUID
    key: str


# One that is too old is taken over as if it had been forgotten already.
_CLAIM = text(
    "INSERT INTO idempotency_key AS k (account_id, key, tenant_id, digest, at) VALUES (:account_id, :key, :tenant_id, :digest, :now)"
    " ON CONFLICT (account_id, key) DO UPDATE SET digest = EXCLUDED.digest, at = EXCLUDED.at, status = NULL, answer = NULL"
    " WHERE k.at <= CAST(:old AS timestamptz) RETURNING key"
)
_READ = text(
    "SELECT digest, status, answer FROM idempotency_key WHERE account_id = :account_id AND key = :key"
)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request, which is everything that makes it that one, with its key."""

    account_id: UUID
    key: str
    tenant_id: UUID
    request: bytes

    @property
    def name(self) -> tuple[UUID, str]:
        """Whose key it is, and which."""
        return self.account_id, self.key


def claim(session: Session, now: datetime, asked: Sequence[Keyed]) -> list[Claimed | Kept | Other]:
    """Take keys for their requests, or what came of them before; in one round trip. No key stands in it twice."""
    pipeline = Pipeline(session)
    # in one order, so that two processes with the same keys do not wait for each other in a ring
    order = sorted(range(len(asked)), key=lambda i: asked[i].name)
    claims = {i: _ask(pipeline, now, asked[i]) for i in order}
    pipeline.send()
    return [claims[i]() for i in range(len(asked))]


def _ask(pipeline: Pipeline, now: datetime, asked: Keyed) -> Callable[[], Claimed | Kept | Other]:
    digest = hashlib.sha256(asked.request).digest()
    named = {"account_id": asked.account_id, "key": asked.key}
    values = {**named, "tenant_id": asked.tenant_id, "digest": digest, "now": now, "old": now - LIFE}
    taken, read = pipeline.ask(_CLAIM, values), pipeline.ask(_READ, named)

    def claimed() -> Claimed | Kept | Other:
        if taken.rows:
            return Claimed(asked.account_id, asked.key)
        [row] = read.rows
        if bytes(row.digest) != digest or row.status is None:
            return Other()
        return Kept(row.status, row.answer)

    return claimed


_KEEP = text(
    "UPDATE idempotency_key SET status = :status, answer = CAST(:answer AS json) WHERE account_id = :account_id AND key = :key"
)


def keep(session: Session, claimed: Claimed, status: int, answer: Any) -> None:
    """Keep what the request came to, with the session's commit."""
    values = {
        "account_id": claimed.account_id,
        "key": claimed.key,
        "status": status,
        "answer": json.dumps(answer),
    }
    at_commit(session).ask(_KEEP, values)


_LET_GO = text("DELETE FROM idempotency_key WHERE account_id = :account_id AND key = :key")


def let_go(session: Session, claimed: Claimed) -> None:
    """The request came to nothing: its key stands for none, once the session's transaction is committed."""
    at_commit(session).ask(_LET_GO, {"account_id": claimed.account_id, "key": claimed.key})


_FORGET = text("DELETE FROM idempotency_key WHERE at <= :before")


def forget_old(session: Session, now: datetime) -> None:
    """Drop keys that stand for nothing any more."""
    session.execute(_FORGET, {"before": now - LIFE})
