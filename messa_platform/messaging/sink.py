"""What a provider's callback held, stored: receipts to their messages, texts to their accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.messaging import incoming, receipts
from messa_platform.messaging.incoming import Listener
from messa_platform.providers.base import IncomingText, Receipt


@dataclass(frozen=True, slots=True)
class EventSink:
    """Messaging's side of `providers.callbacks.Sink`; `listener` is told of texts that reached an account."""

    listener: Listener

    def take(
        self, session: Session, now: datetime, channel_id: UUID, events: Sequence[Receipt | IncomingText]
    ) -> None:
        """Store events of a channel, in order, in the session's transaction."""
        receipts.take(session, now, channel_id, [e for e in events if isinstance(e, Receipt)])
        incoming.take(
            session, now, channel_id, [e for e in events if isinstance(e, IncomingText)], self.listener
        )
