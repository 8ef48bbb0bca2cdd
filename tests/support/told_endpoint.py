"""An endpoint that is told of a group's texts, and what becomes of that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from messa_platform.core.work import WorkState
from messa_platform.messaging.outward.deliveries import Delivery
from messa_platform.messaging.outward.endpoints import EndpointRow, Made
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.outside import Outside
from tests.support.receiver import Receiver
from tests.support.world import World

NUMBERS = [f"+4670174{n:04d}" for n in range(200)]


class Told:
    """A group with an endpoint, and texts of which it is told."""

    def __init__(self, world: World, network: Network, outside: Outside, receiver: Receiver, group: Group):
        self.world, self.network, self.outside, self.receiver, self.group = (
            world,
            network,
            outside,
            receiver,
            group,
        )
        self.anna = world.account(group, "anna@kommun.example")
        self.made: Made = outside.webhook(group, receiver.url("/in?token=geheim"))
        self.id = self.made.endpoint.id
        self.count = 0

    def send(self, count: int = 1, account_id: UUID | None = None) -> list[UUID]:
        """Texts of which it is to be told that they were sent."""
        numbers = NUMBERS[self.count : self.count + count]
        self.count += count
        self.world.words(account_id or self.anna, numbers)
        return self.network.accept()

    @property
    def endpoint(self) -> EndpointRow:
        found = self.outside.state(self.group, self.id)
        assert isinstance(found, EndpointRow)
        return found

    @property
    def deliveries(self) -> list[Delivery]:
        return list(reversed(self.outside.deliveries(self.group, self.id)))

    @property
    def states(self) -> list[WorkState]:
        return [d.state for d in self.deliveries]

    def wait(self, seconds: float) -> None:
        """Time passes without anything being told."""
        self.world.clock.move(timedelta(seconds=seconds))

    @property
    def mails(self) -> list[Any]:
        return self.world.rows("SELECT recipient, headers, text FROM outgoing_mail ORDER BY recipient")
