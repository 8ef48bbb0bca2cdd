"""The words of a tenant in mails: those that arrived, and those that we wrote (spec L4).

Neither table is ordered by tenant, so a batch is a range of ids, of which the tenant's are emptied: each mail is looked at once.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from messa_platform.messaging.retention.words import Due, Place

RANGE = 10_000
"""Mails looked at in one transaction."""

_REACHED = "SELECT id FROM {} WHERE id >= :begin AND id < :end ORDER BY id OFFSET :most LIMIT 1"
_RANGE = "id >= :begin AND id < :end"

# A mail that was refused or dropped is nobody's, but its words are its sender's. What has no outcome yet is still to be read.
_ARRIVED = text(
    f"UPDATE inbound_mail SET raw = NULL WHERE {_RANGE} AND raw IS NOT NULL AND outcome IS NOT NULL"
    " AND coalesce(tenant_id, (SELECT a.tenant_id FROM account a WHERE a.id = inbound_mail.account_id)) = :tenant_id"
)
_ARRIVED_REACHED = text(_REACHED.format("inbound_mail"))
# The subject of a mail that failed says what its sender wrote. What was sent, or cannot be, is looked at by nobody any more.
_WRITTEN = text(
    f"UPDATE outgoing_mail SET text = '', headers = '{{}}' WHERE {_RANGE} AND tenant_id = :tenant_id"
    " AND state IN ('done', 'parked') AND headers <> '{}'"
)
_WRITTEN_REACHED = text(_REACHED.format("outgoing_mail"))


def empty_arrived(session: Session, due: Due) -> UUID | None:
    """Empty the raw bytes of mails that arrived for a tenant."""
    return _empty(session, due, _ARRIVED_REACHED, _ARRIVED)


def empty_written(session: Session, due: Due) -> UUID | None:
    """Empty the mails that were written to a tenant's people: answers from phones are words, too."""
    return _empty(session, due, _WRITTEN_REACHED, _WRITTEN)


def _empty(session: Session, due: Due, reached: TextClause, statement: TextClause) -> UUID | None:
    bounds = {"begin": due.begin, "end": due.end}
    next_id: UUID | None = session.execute(reached, {**bounds, "most": RANGE}).scalar()
    session.execute(statement, {**bounds, "end": next_id or due.end, "tenant_id": due.tenant_id})
    return next_id


PLACES = (Place("inbound_mail", empty_arrived), Place("outgoing_mail", empty_written))
