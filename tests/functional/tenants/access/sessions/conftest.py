"""Browsers that sign in and ask for pages, at home and in a café."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.client import binding_of
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.sessions import Identity
from tests.support.world import World

FIREFOX, CHROME = "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", "Mozilla/5.0 (Linux) Chrome/150.0"
HOME, CAFE = "192.0.2.7", "198.51.100.9"
PERSISTENT, BROWSER, URL = SessionKind.PERSISTENT, SessionKind.BROWSER, SessionKind.URL
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Browsers:
    """Browsers that sign in and ask for pages."""

    def __init__(self, world: World) -> None:
        self.world = world

    def begin(
        self, account_id: UUID, kind: SessionKind = BROWSER, agent: str = FIREFOX, address: str = HOME
    ) -> str:
        with self.world.database.unit_of_work() as session:
            return sessions.begin(session, self.world.clock.now(), account_id, kind, agent, address)

    def ask(
        self, token: str, agent: str = FIREFOX, address: str = HOME, *, touch: bool = True
    ) -> Identity | None:
        with self.world.database.unit_of_work() as session:
            now = self.world.clock.now()
            return sessions.recognise(session, now, token, binding_of(agent, address), touch=touch)

    def known(self, token: str) -> Identity:
        """The identity behind a token that must be in force."""
        identity = self.ask(token, touch=False)
        assert identity is not None
        return identity


@pytest.fixture
def browsers(world: World) -> Browsers:
    """The browsers of the test."""
    return Browsers(world)
