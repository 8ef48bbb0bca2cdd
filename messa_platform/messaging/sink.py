"""What a provider's callback held, stored: receipts to their messages, texts to their accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.segments import normalise
from messa_platform.messaging import incoming, receipts
from messa_platform.messaging.incoming import Told
from messa_platform.providers.base import IncomingText, Receipt


class EventSink(Told):
    """Messaging's side of `providers.callbacks.Sink`, and who hears of what it stores."""

    def take(
        self, session: Session, now: datetime, channel_id: UUID, events: Sequence[Receipt | IncomingText]
    ) -> None:
        """Store events of a channel, in order, in the session's transaction."""
        events = [_clean(e) for e in events]
        receipts.take(session, now, channel_id, [e for e in events if isinstance(e, Receipt)], self.push)
        texts = [e for e in events if isinstance(e, IncomingText)]
        incoming.take(session, now, channel_id, texts, self)

    def give_up(self, session: Session, now: datetime) -> None:
        """Let through what waits for its other pieces for too long."""
        incoming.give_up(session, now, self)


def _clean(event: Receipt | IncomingText) -> Receipt | IncomingText:
    """Without characters that no database takes and no header may hold: one bad event must not block all that came with it."""
    if isinstance(event, Receipt):
        return replace(event, reference=_line(event.reference), code=_line(event.code))
    return replace(
        event,
        reference=_line(event.reference),
        sender=_line(event.sender),
        recipient=_line(event.recipient),
        text=normalise(event.text),
        piece=event.piece and replace(event.piece, group=_line(event.piece.group)),
    )


def _line(written: str) -> str:
    return " ".join(normalise(written).split())[:200]
