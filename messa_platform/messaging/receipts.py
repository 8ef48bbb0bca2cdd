"""Delivery receipts: what a provider says of a text after it took it (spec S7, X5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import store_rows
from messa_platform.core.ids import id_at, new_id
from messa_platform.core.logs import logger
from messa_platform.core.pipeline import Pipeline, at_commit
from messa_platform.messaging.changes import Word, apply
from messa_platform.messaging.models import EarlyReceipt
from messa_platform.messaging.outward.note import Push
from messa_platform.messaging.part_receipts import Said, words
from messa_platform.messaging.statuses import Status
from messa_platform.providers.base import Receipt

log = logger(__name__)

EARLY = cast(Table, EarlyReceipt.__table__)
EARLY_LIFE = timedelta(days=30)

_KNOWN = text(
    "SELECT reference, message_id, siblings FROM provider_reference WHERE channel_id = :channel AND reference = ANY(CAST(:references AS text[]))"
)


def take(
    session: Session,
    now: datetime,
    channel_id: UUID,
    receipts: Sequence[Receipt],
    push: Push | None = None,
) -> None:
    """Apply receipts of a channel, in order. One whose send is not on record yet is kept and applied when that is written."""
    if not receipts:
        return
    parameters = {"channel": channel_id, "references": sorted({r.reference for r in receipts})}
    pipeline = Pipeline(session)
    asked = pipeline.ask(_KNOWN, parameters)
    pipeline.send()
    known = {row.reference: row for row in asked.rows}
    said = [_said(known[r.reference], r, now) for r in receipts if r.reference in known]
    apply(session, words(session, channel_id, said), push)
    early = [r for r in receipts if r.reference not in known]
    store_rows(at_commit(session), EARLY, [_early_row(channel_id, r, now) for r in early])


def _said(known: Any, receipt: Receipt, now: datetime) -> Said:
    status = Status(receipt.status) if receipt.status else None
    # a network's clock may run ahead; an event of ours is never in the future
    at = min(receipt.at or now, now)
    return Said(receipt.reference, known.message_id, known.siblings or (), status, receipt.code, at)


def _early_row(channel_id: UUID, receipt: Receipt, now: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "channel_id": channel_id,
        "reference": receipt.reference,
        "status": receipt.status,
        "code": receipt.code,
        "at": min(receipt.at or now, now),
    }


_OF_REFERENCES = text(
    "WITH gone AS (DELETE FROM early_receipt WHERE channel_id = :channel AND reference = ANY(CAST(:references AS text[]))"
    " RETURNING id, reference, status, code, at)"
    " SELECT p.reference, p.message_id, p.siblings, gone.status, gone.code, gone.at FROM gone JOIN provider_reference p"
    " ON p.channel_id = :channel AND p.reference = gone.reference ORDER BY gone.id"
)
_OVERTAKEN = text(
    "WITH gone AS (DELETE FROM early_receipt e USING provider_reference p"
    " WHERE p.channel_id = e.channel_id AND p.reference = e.reference"
    " RETURNING e.id, p.channel_id, p.reference, p.message_id, p.siblings, e.status, e.code, e.at)"
    " SELECT * FROM gone ORDER BY channel_id, id"
)


def early_words(session: Session, channel_id: UUID, references: Sequence[str]) -> list[Word]:
    """Take out what was said of these references before they were on record."""
    if not references:
        return []
    rows = session.execute(_OF_REFERENCES, {"channel": channel_id, "references": list(references)}).all()
    return words(session, channel_id, [_said_early(row) for row in rows])


def _said_early(row: Any) -> Said:
    status = Status(row.status) if row.status else None
    return Said(row.reference, row.message_id, row.siblings or (), status, row.code, row.at)


def match_early(session: Session, push: Push | None = None) -> int:
    """Apply early receipts whose reference was being written while they came: neither transaction could see the other. Gives how many."""
    rows = session.execute(_OVERTAKEN).all()
    for channel_id, of_channel in groupby(rows, lambda row: row.channel_id):
        apply(session, words(session, channel_id, [_said_early(row) for row in of_channel]), push)
    return len(rows)


_FORGET = text("DELETE FROM early_receipt WHERE at < :before")
_FORGET_REFERENCES = text("DELETE FROM provider_reference WHERE message_id < :before")
REFERENCE_LIFE = timedelta(days=90)
"""After this no network speaks of a text any more (a text is kept for delivery for three days at the most)."""


def forget_old(session: Session, now: datetime) -> None:
    """Drop receipts that never found their message, and references that no receipt will ask for any more."""
    session.execute(_FORGET_REFERENCES, {"before": id_at(now - REFERENCE_LIFE)})
    dropped = session.execute(_FORGET, {"before": now - EARLY_LIFE})
    if dropped.rowcount:  # type: ignore[attr-defined]
        log.warning("receipts_without_message", dropped=dropped.rowcount)  # type: ignore[attr-defined]
