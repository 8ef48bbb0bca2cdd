"""What comes later of a mail that was sent: answers from phones (spec R2), and texts that the network refused (M10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.post import Post
from messa_platform.mail.failures import not_told_lately
from messa_platform.mail.letters import Failed, Letters, Report
from messa_platform.messaging.incoming import Arrival
from messa_platform.messaging.statuses import Status
from messa_platform.tenants.models import AccountKind


@dataclass(frozen=True, slots=True)
class ReplyMails:
    """The listener of `messaging.incoming` that writes the reply mails."""

    letters: Letters
    post: Post

    def came_in(self, session: Session, now: datetime, arrivals: Sequence[Arrival]) -> None:
        """Queue a mail for each arrival that is a person's; an API user is told otherwise (spec A3)."""
        arrivals = [a for a in arrivals if a.holder.kind is AccountKind.PERSON]
        if not arrivals:
            return
        mails = [self.letters.reply(a) for a in arrivals]
        self.post.put(session, now, mails)


_UNSENT = text(
    "SELECT m.remote, m.mail_id, m.tenant_id, a.address, coalesce(a.language, t.language) AS language, t.time_zone,"
    " i.received_at,"
    " cardinality(i.recipients) AS recipients, h.mail_reference"
    " FROM message m JOIN account a ON a.id = m.account_id JOIN tenant t ON t.id = m.tenant_id"
    " JOIN inbound_mail i ON i.id = m.mail_id LEFT JOIN thread h ON h.id = m.thread_id"
    " WHERE m.id = ANY(CAST(:ids AS uuid[])) AND m.id BETWEEN :first AND :last ORDER BY m.id"
)


@dataclass(frozen=True, slots=True)
class UnsentMails:
    """The listener of `messaging.outcomes` that tells a mail's sender which recipients the network refused."""

    letters: Letters
    post: Post

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        """Queue a mail for each mail whose recipients these were; at most one a sender and hour."""
        rows = session.execute(
            _UNSENT, {"ids": list(message_ids), "first": min(message_ids), "last": max(message_ids)}
        ).all()
        by_mail = {mail_id: list(of_mail) for mail_id, of_mail in groupby(rows, key=lambda row: row.mail_id)}
        may_tell = not_told_lately(session, now, [(r.address, Status.UNSENT) for r in rows])
        letters = []
        for mail_id, of_mail in by_mail.items():
            first = of_mail[0]
            if (first.address, Status.UNSENT) not in may_tell:
                continue
            may_tell.discard((first.address, Status.UNSENT))
            failed = Failed(Status.UNSENT, [row.remote for row in of_mail])
            report = Report(
                mail_id=mail_id,
                address=first.address,
                language=first.language,
                subject="",
                message_id=first.mail_reference,
                received_at=first.received_at,
                sent=max(0, first.recipients - len(of_mail)),
                failed=[failed],
                tenant_id=first.tenant_id,
                later=True,
                time_zone=first.time_zone,
            )
            letters.append(self.letters.failure(report))
        self.post.put(session, now, letters)
