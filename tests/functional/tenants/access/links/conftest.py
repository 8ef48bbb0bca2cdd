"""A desk where passwords are chosen, and links are asked for and mailed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from messa_platform.core.post import Mail, Post
from messa_platform.tenants.access import links, sessions
from messa_platform.tenants.access.links import LinkMails
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.passwords import Passwords
from messa_platform.tenants.access.sign_in import check_password
from messa_platform.tenants.accounts import issue_token
from messa_platform.tenants.models import TokenKind
from tests.support.world import World

ANNA, RIGHT, NEW = "anna@kommun.example", "regn över Umeå", "tre blå elefanter"
HOME, CAFE = "192.0.2.0/24", "198.51.100.0/24"
WELCOME, RESET = TokenKind.WELCOME, TokenKind.RESET


@dataclass
class Writer:
    """Writes mails of a line, and keeps the words of their links."""

    words: list[str] = field(default_factory=list)
    until: list[datetime] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)

    def reset(
        self,
        *,
        address: str,
        language: str,
        time_zone: str,
        word: str,
        until: datetime,
        tenant_id: UUID,
        key: str,
    ) -> Mail:
        self.words.append(word)
        self.until.append(until)
        self.zones.append(time_zone)
        return Mail(
            key, "no-reply@messa.example", "messa", address, f"reset {language}", word, tenant_id=tenant_id
        )

    def password_changed(
        self, *, address: str, language: str, time_zone: str, at: datetime, tenant_id: UUID, key: str
    ) -> Mail:
        self.zones.append(time_zone)
        subject = f"changed {language}"
        return Mail(
            key, "no-reply@messa.example", "messa", address, subject, at.isoformat(), tenant_id=tenant_id
        )


class Desk:
    """Where passwords are chosen, and links are asked for and mailed."""

    def __init__(self, world: World, passwords: Passwords) -> None:
        self.world, self.passwords, self.writer = world, passwords, Writer()
        self.woken: list[str] = []
        self.mails = LinkMails(
            self.writer, Post("messa.example", lambda _session, actor: self.woken.append(actor))
        )

    def issue(self, account_id: UUID, kind: TokenKind = RESET, life: timedelta = timedelta(hours=1)) -> str:
        with self.world.database.unit_of_work() as session:
            return issue_token(session, self.world.clock.now(), account_id, kind, life)

    def open(self, word: str, kind: TokenKind = RESET) -> object:
        with self.world.database.unit_of_work() as session:
            return links.open_link(session, self.world.clock.now(), word, kind)

    def choose(self, word: str, password: str = NEW, kind: TokenKind = RESET) -> object:
        with self.world.database.unit_of_work() as session:
            now = self.world.clock.now()
            return links.choose_password(session, now, self.passwords, word, kind, password, self.mails)

    def change(self, account_id: UUID, current: str, new: str, keep: UUID, network: str = HOME) -> object:
        with self.world.database.unit_of_work() as session:
            return links.change_password(
                session, self.world.clock.now(), self.passwords, account_id,
                current=current, new=new, keep_session=keep, network=network, mails=self.mails,
            )  # fmt: skip

    def sign_in(self, password: str, network: str = HOME) -> object:
        with self.world.database.unit_of_work() as session:
            return check_password(session, self.world.clock.now(), self.passwords, ANNA, password, network)

    def session(self, account_id: UUID) -> str:
        with self.world.database.unit_of_work() as session:
            return sessions.begin(
                session, self.world.clock.now(), account_id, SessionKind.PERSISTENT, "Firefox", "192.0.2.7"
            )

    def session_id(self, token: str) -> UUID | None:
        with self.world.database.unit_of_work() as session:
            identity = sessions.recognise(session, self.world.clock.now(), token, b"", touch=False)
            return identity.session_id if identity else None

    def ask(self, *addresses: str, network: str = HOME) -> None:
        for address in addresses:
            with self.world.database.unit_of_work() as session:
                links.request_link(
                    session,
                    self.world.clock.now(),
                    address,
                    network,
                    lambda _session, actor: self.woken.append(actor),
                )

    def send(self) -> bool:
        return links.send_links(self.world.database, self.world.clock, self.mails)

    def mailed(self) -> list[tuple[str, str]]:
        """To whom mails have been written, and their subjects, in order."""
        rows = self.world.rows(
            "SELECT recipient, headers->>'Subject' AS subject FROM outgoing_mail ORDER BY id"
        )
        return [(row.recipient, row.subject) for row in rows]


@pytest.fixture
def desk(world: World, passwords: Passwords, anna: UUID) -> Desk:
    """The desk of the test's deployment."""
    return Desk(world, passwords)
