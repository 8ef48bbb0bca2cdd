"""The outside of a world: its endpoints, and the process that tells them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.core.post import Post
from messa_platform.messaging.outward import deliveries, endpoints, queue
from messa_platform.messaging.outward.endpoints import Made, Wish
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.messaging.outward.push import Pusher
from messa_platform.messaging.outward.settings import PushSettings
from messa_platform.messaging.outward.told import EndpointPost
from messa_platform.portal.endpoint_mails import EndpointLetters
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import Place, place_of
from tests.support.world import World

QUICK = PushSettings(timeout=5.0)
LOCAL = Outbound(OutboundSettings(allow_private=True, timeout=10.0))


def deaf(_session: Session, *_key: str) -> None:
    """Wakes nobody."""


@dataclass
class Outside:
    """Makes endpoints as admins do, and tells them what is due when the test says so."""

    world: World
    outbound: Outbound = LOCAL
    settings: PushSettings = QUICK
    keys: Keys = field(default_factory=lambda: Keys([Fernet.generate_key().decode()]))
    pushers: list[Pusher] = field(default_factory=list)

    @property
    def services(self) -> Endpoints:
        """What changes endpoints."""
        return Endpoints(self.outbound, self.keys)

    def place(self, group: Group) -> Place:
        """Where a group stands."""
        found = self.do(lambda session: place_of(session, group.tenant_id, group.id))
        assert isinstance(found, Place)
        return found

    def by_admin(
        self, what: Callable[..., Any], group: Group, *arguments: Any, author: Author | None = None
    ) -> Any:
        """What comes of a service, by the group's admin."""
        place, who = self.place(group), author or self.world.author(group)
        return self.do(lambda session: what(session, self.world.clock.now(), who, place, *arguments))

    def webhook(self, group: Group, url: str, *types: EventType) -> Made:
        """A webhook of a group, of these events or all."""
        made = self.by_admin(self.services.create, group, Wish(url, event_types=frozenset(types)))
        assert isinstance(made, Made), made
        return made

    def api_url(self, group: Group, user_id: UUID, url: str) -> Any:
        """What comes of setting an API user's `api_url`."""
        return self.by_admin(self.services.set_api_url, group, user_id, url)

    def state(self, group: Group, endpoint_id: UUID) -> Any:
        """An endpoint as it stands."""
        place = self.place(group)
        return self.do(lambda session: endpoints.read(session, place, endpoint_id))

    def deliveries(self, group: Group, endpoint_id: UUID) -> list[Any]:
        """Its deliveries, the newest first."""
        place = self.place(group)
        return self.do(lambda session: deliveries.latest(session, place, endpoint_id))  # type: ignore[no-any-return]

    def do(self, what: Callable[[Session], Any]) -> Any:
        """Something in a transaction of its own."""
        with self.world.database.unit_of_work() as session:
            return what(session)

    def pusher(self, **changed: Any) -> Pusher:
        """A pusher, as a process has one."""
        parts = {"database": self.world.database, "outbound": self.outbound, "settings": self.settings}
        parts |= changed
        letters = EndpointLetters("messa.example", "https://messa.example")
        post = EndpointPost(letters, Post("messa.example", deaf))
        made = Pusher(clock=self.world.clock, keys=self.keys, post=post, **parts)
        self.pushers.append(made)
        return made

    def due(self) -> list[UUID]:
        """The endpoints that the sweeper would wake."""
        return self.do(lambda session: queue.due_endpoints(session, self.world.clock.now()))  # type: ignore[no-any-return]

    def tell(self, pusher: Pusher | None = None) -> None:
        """Tell what is due now, and wait for what comes of it."""
        pusher = pusher or (self.pushers[0] if self.pushers else self.pusher())
        for endpoint_id in self.due():
            pusher.wake(endpoint_id)
        quiet(pusher)

    def later(self, **by: float) -> None:
        """Some time passes, and what is due by then is told."""
        self.world.clock.move(timedelta(**by))
        self.tell()

    def close(self) -> None:
        """End the pushers."""
        for pusher in self.pushers:
            pusher.close()


def quiet(pusher: Pusher, seconds: float = 20.0) -> None:
    """Wait until nothing is on its way."""
    deadline = time.monotonic() + seconds
    while not pusher.is_idle:
        assert time.monotonic() < deadline, "it never became quiet"
        time.sleep(0.005)


@contextmanager
def an_outside(world: World, **parts: Any) -> Iterator[Outside]:
    """The outside, whose pushers end with the block."""
    outside = Outside(world, **parts)
    try:
        yield outside
    finally:
        outside.close()
