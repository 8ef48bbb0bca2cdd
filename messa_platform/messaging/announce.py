"""What a submission brought about, told to others after its commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.actors import Waker
from messa_platform.core.clock import stockholm_day
from messa_platform.core.logs import logger
from messa_platform.core.post import Post, own_mail
from messa_platform.messaging.dispatch import DISPATCH_ACTOR

log = logger(__name__)

_POOL_EMPTY_SUBJECT = "messa: nummerpoolen är tom"
_POOL_EMPTY = """Det finns inget ledigt mobilnummer kvar att låna ut.

Meddelanden från konton som får ta emot sms, men inte har något nummer, går tills vidare ut med gruppens avsändarnamn,
och mottagarna kan inte svara på dem. Lägg till en nummerserie.
"""


@dataclass(frozen=True, slots=True)
class Announcements:
    """The announcer of a process: wakes dispatchers, and writes to the operator."""

    waker: Waker
    post: Post
    operator: str

    def waiting(self, session: Session, channel_id: UUID) -> None:
        """Something waits to leave by a channel."""
        self.waker.wake_after_commit(session, DISPATCH_ACTOR, str(channel_id))

    def pool_empty(self, session: Session, now: datetime) -> None:
        """There was no number left to lend: the operator is told, once a day."""
        log.error("number_pool_empty")
        key = f"pool_empty:{stockholm_day(now)}"
        mail = own_mail(self.post.domain, key, self.operator, _POOL_EMPTY_SUBJECT, _POOL_EMPTY)
        self.post.put(session, now, [mail])
