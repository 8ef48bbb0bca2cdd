"""Long incoming texts that a network hands over in pieces, put together: by who sends, to whom, the group that the phone gave them and how
many there are. What has not become whole after a while is let through as it is, and marked as partial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.messaging.models import IncomingPiece
from messa_platform.providers.base import IncomingText

PIECE = cast(Table, IncomingPiece.__table__)

PATIENCE = timedelta(minutes=5)
"""How long is waited for the rest, from the first piece."""
PARTIAL = "partial"
"""The code of a text of which pieces are missing; where they were stands `GAP`."""
GAP = " […] "
MOST_PIECES = 255

New = tuple[UUID, IncomingText]
Key = tuple[str, str, str, int]

# Two pieces may come at once in two transactions, neither of which would see the other's: so one text's come one after the other.
_TURN = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(key, 7311)) FROM unnest(CAST(:keys AS text[])) AS given (key)"
)
_OF_GROUPS = text(
    "SELECT * FROM incoming_piece WHERE channel_id = :channel AND (sender, recipient, grp, total)"
    " IN (SELECT * FROM unnest(CAST(:senders AS text[]), CAST(:recipients AS text[]), CAST(:groups AS text[]), CAST(:totals AS int[])))"
    " ORDER BY sender, recipient, grp, total, number"
)
_FORGET = text("DELETE FROM incoming_piece WHERE message_id = ANY(CAST(:ids AS uuid[]))")


def join(
    session: Session, now: datetime, channel_id: UUID, new: Sequence[New]
) -> tuple[list[New], set[UUID]]:
    """Of texts that have just come those that are whole, with what their pieces make, in order; and the ids of those that are partial. The
    other pieces are kept."""
    whole = [(i, t) for i, t in new if not _is_piece(t)]
    pieces = {i: t for i, t in new if _is_piece(t)}
    if not pieces:
        return whole, set()
    keys = sorted({_key(t) for t in pieces.values()})
    turns = [f"{channel_id} {' '.join(map(str, key))}" for key in keys]
    session.execute(_TURN, {"keys": turns})
    # a group's number that is used again belongs to another text: what there is of the former will not become whole any more
    overtaken = _overtaken(_stored(session, channel_id, keys), pieces.values())
    _forget(session, overtaken)
    insert_rows(
        session, PIECE, [_row(channel_id, now, i, t) for i, t in pieces.items()], "ON CONFLICT DO NOTHING"
    )
    complete = [group for group in _stored(session, channel_id, keys) if len(group) == group[0].total]
    _forget(session, complete)
    joined = [_joined(group) for group in [*overtaken, *complete]]
    return sorted([*whole, *joined], key=lambda each: each[0]), {group[0].message_id for group in overtaken}


_STALE = text(
    "SELECT p.* FROM incoming_piece p JOIN (SELECT channel_id, sender, recipient, grp, total FROM incoming_piece GROUP BY 1, 2, 3, 4, 5"
    " HAVING min(at) <= :before LIMIT 500) AS stale USING (channel_id, sender, recipient, grp, total)"
    " ORDER BY p.channel_id, p.sender, p.recipient, p.grp, p.total, p.number FOR UPDATE OF p SKIP LOCKED"
)


def give_up(session: Session, now: datetime) -> Mapping[UUID, list[New]]:
    """What has waited for its rest for too long, as it is, by channel; it is kept no more."""
    rows = session.execute(_STALE, {"before": now - PATIENCE}).all()
    found: dict[UUID, list[New]] = {}
    for channel_id, of_channel in groupby(rows, lambda row: row.channel_id):
        groups = [list(g) for _, g in groupby(of_channel, _group)]
        _forget(session, groups)
        found[channel_id] = [_joined(group) for group in groups]
    return found


def _is_piece(came: IncomingText) -> bool:
    """Whether there is more of it; what names a number that cannot be is taken as a text of its own."""
    piece = came.piece
    return piece is not None and 1 < piece.total <= MOST_PIECES and 1 <= piece.number <= piece.total


def _key(came: IncomingText) -> Key:
    assert came.piece is not None
    return came.sender, came.recipient, came.piece.group, came.piece.total


def _group(row: Any) -> Key:
    return row.sender, row.recipient, row.grp, row.total


def _stored(session: Session, channel_id: UUID, keys: Sequence[Key]) -> list[list[Any]]:
    senders, recipients, groups, totals = map(list, zip(*keys, strict=True))
    parameters = {
        "channel": channel_id,
        "senders": senders,
        "recipients": recipients,
        "groups": groups,
        "totals": totals,
    }
    return [list(g) for _, g in groupby(session.execute(_OF_GROUPS, parameters), _group)]


def _overtaken(stored: Sequence[list[Any]], pieces: Any) -> list[list[Any]]:
    came = {(*_key(t), t.piece.number) for t in pieces}
    return [group for group in stored if any((*_group(row), row.number) in came for row in group)]


def _forget(session: Session, groups: Sequence[Sequence[Any]]) -> None:
    ids = [row.message_id for group in groups for row in group]
    if ids:
        session.execute(_FORGET, {"ids": ids})


def _row(channel_id: UUID, now: datetime, identifier: UUID, came: IncomingText) -> dict[str, object]:
    assert came.piece is not None
    return {
        "channel_id": channel_id,
        "sender": came.sender,
        "recipient": came.recipient,
        "grp": came.piece.group,
        "total": came.piece.total,
        "number": came.piece.number,
        "message_id": identifier,
        "reference": came.reference,
        "text": came.text,
        "at": now,
    }


def _joined(group: Sequence[Any]) -> New:
    """The text that pieces make, under the first one's id."""
    words, expected = "", 1
    for row in group:
        words += (GAP if row.number > expected else "") + row.text
        expected = row.number + 1
    if expected <= group[0].total:
        words += GAP.rstrip()
    first = group[0]
    return first.message_id, IncomingText(first.reference, first.sender, first.recipient, words)
