"""Where mails that have arrived lie until they are read, and what one looks at afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import text

from messa_platform.core.ids import new_id_at
from messa_platform.mail.intake import Intake
from tests.support.world import World

ANNA = "anna@kommun.example"
PHONES = [f"+4670174{i:04d}" for i in range(1000, 1600)]


@dataclass
class Desk:
    """Lays arrived mails down, has them read, and looks at what came of it."""

    world: World
    intake: Intake
    moments: Iterator[int] = field(default_factory=count)

    def arrive(
        self,
        message: EmailMessage | bytes,
        to: Sequence[str] = ("0701740605",),
        envelope_sender: str | None = None,
    ) -> UUID:
        """A mail as the committer lays it down; gives its row's id."""
        raw = bytes(message)
        sender = str(message["From"]) if isinstance(message, EmailMessage) else ANNA
        identifier = new_id_at(self.intake.clock.now() + next(self.moments) * timedelta(milliseconds=1))
        with self.intake.database.unit_of_work() as session:
            session.execute(
                text(
                    "INSERT INTO inbound_mail (id, received_at, next_attempt_at, peer, helo, envelope_sender, recipients, raw)"
                    " VALUES (:id, :now, :now, '127.0.0.1', 'mx', :sender, :to, :raw)"
                ),
                {
                    "id": identifier,
                    "now": self.intake.clock.now(),
                    "sender": sender if envelope_sender is None else envelope_sender,
                    "to": [local if "@" in local else f"{local}@messa.example" for local in to],
                    "raw": raw,
                },
            )
        return identifier

    def read(self, message: EmailMessage | bytes, *to: str, **values: Any) -> Any:
        """A mail arrives and is read; gives its row."""
        identifier = self.arrive(message, to or ("0701740605",), **values)
        self.intake.run()
        return self.row(identifier)

    def row(self, identifier: UUID) -> Any:
        return self.world.rows("SELECT * FROM inbound_mail WHERE id = :id", id=identifier)[0]

    def letters(self, to: str = ANNA) -> list[Any]:
        """The mails queued for an address, oldest first."""
        return self.world.rows("SELECT * FROM outgoing_mail WHERE recipient = :to ORDER BY id", to=to)

    def failures(self, to: str = ANNA) -> list[str]:
        """The texts of the failure mails queued for an address."""
        return [row.text for row in self.letters(to) if row.key.startswith("failure:")]

    def words(self) -> list[tuple[str, str]]:
        """Every message's recipient and status, in order."""
        rows = self.world.rows("SELECT remote, status FROM message ORDER BY id")
        return [(row.remote, row.status) for row in rows]

    def texts(self) -> list[str]:
        """What every message says, in order."""
        return [row.text for row in self.world.rows("SELECT text FROM message ORDER BY id")]
