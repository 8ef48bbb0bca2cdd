"""An incoming text goes on to its account as a mail (spec R2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.post import Post
from messa_platform.mail.letters import Letters
from messa_platform.messaging.incoming import Arrival

_THREADS = text("SELECT id, display_name, mail_reference FROM thread WHERE id = ANY(CAST(:ids AS uuid[]))")


@dataclass(frozen=True, slots=True)
class ReplyMails:
    """The listener of `messaging.incoming` that writes the reply mails."""

    letters: Letters
    post: Post

    def came_in(self, session: Session, now: datetime, arrivals: Sequence[Arrival]) -> None:
        """Queue a mail for each arrival."""
        if not arrivals:
            return
        rows = session.execute(_THREADS, {"ids": [a.thread_id for a in arrivals]})
        threads = {row.id: row for row in rows}
        mails = [
            self.letters.reply(a, threads[a.thread_id].display_name, threads[a.thread_id].mail_reference)
            for a in arrivals
        ]
        self.post.put(session, now, mails)
