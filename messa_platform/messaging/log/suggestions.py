"""Addresses and numbers to narrow the log to, while one is being written: of the asker's groups and days, and bounded in work (spec L1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.messaging.log.asked import Asked, Scope
from messa_platform.messaging.log.by_date import FEW
from messa_platform.messaging.log.choices import MOST
from messa_platform.messaging.log.fetch import conditions
from messa_platform.messaging.log.summary import tallies

CANDIDATES = 500
"""Senders that fit what is written of whom it is asked whether they have sent in the days."""
_LOOKED_AT = 200
"""Of an account's newest messages, to find one that is of the group."""
_END = "\U0010ffff"
"""Behind everything that begins alike: texts are compared by their code points."""


@dataclass(frozen=True, slots=True)
class SenderChoice:
    """An account that has sent or received in the scope's groups, with its address then, and the name of one of them."""

    account_id: UUID
    address: str
    group: str


def _within(scope_ids: Iterable[UUID] | None, column: str) -> tuple[str, dict[str, Any]]:
    if scope_ids is None:
        return "", {}
    return f" AND {column} = ANY(CAST(:group_ids AS uuid[]))", {"group_ids": list(scope_ids)}


# Addresses


_SENDERS = (
    'SELECT s.account_id, max(s.address) AS address, min(g.name) AS group_name FROM message_sender s JOIN "group" g'
    " ON g.id = s.group_id AND g.tenant_id = s.tenant_id WHERE s.tenant_id = :tenant_id AND {}{}"
    " GROUP BY s.account_id ORDER BY 2, 1 LIMIT :most"
)


def senders_called(session: Session, scope: Scope, written: str) -> list[SenderChoice]:
    """The accounts of just this address, or name, whenever they have sent; two API users may have one name."""
    if not written:
        return []
    return _senders(
        session, scope, "s.address = ANY(CAST(:names AS text[]))", {"names": [written, written.lower()]}
    )


def sender(session: Session, scope: Scope, account_id: UUID) -> SenderChoice | None:
    """An account by its id, if it has ever sent or received in the scope's groups."""
    return next(iter(_senders(session, scope, "s.account_id = :id", {"id": account_id})), None)


def _senders(session: Session, scope: Scope, which: str, given: dict[str, Any]) -> list[SenderChoice]:
    within, of_scope = _within(scope.group_ids, "s.group_id")
    parameters = {"tenant_id": scope.tenant_id, "most": MOST, **of_scope, **given}
    rows = session.execute(text(_SENDERS.format(which, within)), parameters)
    return [SenderChoice(*row) for row in rows]


def addresses(session: Session, asked: Asked, words: str) -> list[str]:
    """Addresses in their order of those who have any message in the days; one more than `MOST` if there are more.

    Where few ever sent, `words` may stand anywhere in the address; else it begins with them. Of a number, those who wrote to it.
    """
    if asked.remote is not None:
        return _of_number(session, asked, words)
    found = _anywhere(session, asked, words)
    return found if found is not None else _beginning(session, asked, words)


# That a sender `c` has a message in the days. One who has many, all of other groups, counts without being looked at to the end.
_SENT = (
    " CROSS JOIN LATERAL (SELECT count(*) AS messages, bool_or(m.group_id = c.group_id) AS is_here FROM (SELECT m.group_id FROM message m"
    " WHERE m.tenant_id = :tenant_id AND m.account_id = c.account_id AND m.id >= :low AND m.id < :high"
    " ORDER BY m.id DESC LIMIT :looked) m) sent WHERE (sent.is_here OR sent.messages = :looked)"
)


def _given(asked: Asked) -> dict[str, Any]:
    return {
        "tenant_id": asked.scope.tenant_id,
        "low": asked.low,
        "high": asked.high,
        "looked": _LOOKED_AT,
        "candidates": CANDIDATES,
        "few": FEW,
        "most": MOST + 1,
    }


def _anywhere(session: Session, asked: Asked, words: str) -> list[str] | None:
    """Those with the words anywhere in their address, case aside; None if more ever sent than can be looked at."""
    within, given = _within(asked.group_ids, "s.group_id")
    statement = (
        "WITH held AS MATERIALIZED (SELECT s.address, s.account_id, s.group_id, strpos(lower(s.address), :words) AS at FROM message_sender s"
        f" WHERE s.tenant_id = :tenant_id{within} LIMIT :few + 1), fitting AS MATERIALIZED (SELECT * FROM held WHERE address <> '' AND at > 0"
        " ORDER BY at > 1, address LIMIT :candidates)"
        " SELECT size.held, found.address FROM (SELECT count(*) AS held FROM held) size LEFT JOIN"
        f" (SELECT DISTINCT c.address FROM fitting c{_SENT} ORDER BY c.address LIMIT :most) found ON true ORDER BY found.address"
    )
    parameters = {**_given(asked), **given, "words": words.lower()}
    rows = session.execute(text(statement), parameters).all()
    if rows[0].held > FEW:
        return None
    return [row.address for row in rows if row.address is not None]


def _beginning(session: Session, asked: Asked, words: str) -> list[str]:
    """Those whose address begins with the words, through the tenant's index of addresses."""
    within, given = _within(asked.group_ids, "s.group_id")
    statement = (
        "WITH fitting AS MATERIALIZED (SELECT s.address, s.account_id, s.group_id FROM unnest(CAST(:words AS text[])) AS w (words)"
        " CROSS JOIN LATERAL (SELECT * FROM message_sender s WHERE s.tenant_id = :tenant_id AND s.address > ''"
        f' AND s.address >= w.words COLLATE "C" AND s.address < (w.words || :end) COLLATE "C"{within}'
        " ORDER BY s.address, s.account_id LIMIT :candidates) s)"
        f" SELECT DISTINCT c.address FROM fitting c{_SENT} ORDER BY c.address LIMIT :most"
    )
    parameters = {**_given(asked), **given, "words": sorted({words, words.lower()}), "end": _END}
    return list(session.execute(text(statement), parameters).scalars())


def _of_number(session: Session, asked: Asked, words: str) -> list[str]:
    where, given = conditions(asked.within(account_id=None, direction=None, status=None, parts=None))
    statement = (
        "SELECT DISTINCT s.address FROM (SELECT DISTINCT m.group_id, m.account_id FROM (SELECT m.group_id, m.account_id FROM message m"
        f" WHERE {where} ORDER BY m.id DESC LIMIT :few) m) m JOIN message_sender s ON s.tenant_id = :tenant_id"
        " AND s.group_id = m.group_id AND s.account_id = m.account_id"
        " WHERE s.address <> '' AND strpos(lower(s.address), :words) > 0 ORDER BY s.address LIMIT :most"
    )
    parameters = {**given, "few": FEW, "words": words.lower(), "most": MOST + 1}
    return list(session.execute(text(statement), parameters).scalars())


# Numbers


def numbers(session: Session, asked: Asked, beginnings: Sequence[str]) -> list[str]:
    """Numbers of the messages in the days that begin with one of these, the likelier ones first; one more than `MOST` if there are more.

    Which way costs least the summaries tell: all of few messages are looked at, many are skipped along in the order of their numbers;
    where the asker's are thinly sown among others, and of an account, the newest `FEW` are looked at, and an older number is written whole.
    """
    search = asked.within(remote=None, direction=None, status=None, parts=None)
    look = _way(session, search)
    found: dict[str, None] = {}
    for beginning in beginnings:
        if len(found) <= MOST:
            found |= dict.fromkeys(look(session, search, beginning))
    return list(found)[: MOST + 1]


def _way(session: Session, asked: Asked) -> Any:
    if asked.account_id is not None:
        return _newest
    if asked.group_ids is None:
        return _skipping
    hits = sum(t.messages for t in tallies(session, asked))
    if hits <= FEW:
        return _all
    every = sum(t.messages for t in tallies(session, asked, everywhere=True))
    # between two of the asker's messages `every / hits` are passed
    return _skipping if (MOST + 1) * every <= FEW * hits else _newest_of_each


_FITS = "m.remote >= :begin AND m.remote < :end"


def _asked(session: Session, statement: str, given: dict[str, Any], beginning: str) -> list[str]:
    parameters = {**given, "begin": beginning, "end": beginning + _END, "most": MOST + 1}
    return list(session.execute(text(statement), parameters).scalars())


def _all(session: Session, asked: Asked, beginning: str) -> list[str]:
    where, given = conditions(asked)
    statement = (
        f"SELECT DISTINCT m.remote FROM message m WHERE {where} AND {_FITS} ORDER BY m.remote LIMIT :most"
    )
    return _asked(session, statement, given, beginning)


def _newest(session: Session, asked: Asked, beginning: str) -> list[str]:
    where, given = conditions(asked)
    statement = (
        f"SELECT DISTINCT m.remote FROM (SELECT m.remote FROM message m WHERE {where} ORDER BY m.id DESC LIMIT :few) m"
        f" WHERE {_FITS} ORDER BY m.remote LIMIT :most"
    )
    return _asked(session, statement, {**given, "few": FEW}, beginning)


def _newest_of_each(session: Session, asked: Asked, beginning: str) -> list[str]:
    ids = asked.group_ids or ()
    statement = (
        "SELECT DISTINCT m.remote FROM unnest(CAST(:group_ids AS uuid[])) AS g (id) CROSS JOIN LATERAL (SELECT m.remote FROM message m"
        " WHERE m.tenant_id = :tenant_id AND m.group_id = g.id AND m.id >= :low AND m.id < :high ORDER BY m.id DESC LIMIT :each) m"
        f" WHERE {_FITS} ORDER BY m.remote LIMIT :most"
    )
    given = {"tenant_id": asked.scope.tenant_id, "group_ids": list(ids), "low": asked.low, "high": asked.high}
    return _asked(session, statement, {**given, "each": max(FEW // max(len(ids), 1), 1)}, beginning)


def _skipping(session: Session, asked: Asked, beginning: str) -> list[str]:
    """One number after the other, each the first behind the one before in the tenant's index of numbers."""
    where, given = conditions(asked)
    first = (
        f"SELECT m.remote FROM message m WHERE {where} AND {{}} AND m.remote < :end ORDER BY m.remote LIMIT 1"
    )
    statement = (
        f"WITH RECURSIVE n AS (({first.format('m.remote >= :begin')}) UNION ALL"
        f" SELECT ({first.format('m.remote > n.remote')}) FROM n WHERE n.remote IS NOT NULL)"
        " SELECT n.remote FROM n WHERE n.remote IS NOT NULL LIMIT :most"
    )
    return _asked(session, statement, given, beginning)
