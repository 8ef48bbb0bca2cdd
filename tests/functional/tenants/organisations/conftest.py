"""The operator, who makes organisations and turns them on and off."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.post import Post
from messa_platform.portal.operator.mails import InvitationMails
from messa_platform.tenants import tenants
from messa_platform.tenants.accounts import Newcomer, find_or_create
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.tenant_states import Refusal, Turned
from messa_platform.tenants.tenants import Created, Fault, Refused, Wish
from tests.support.world import World

OPERATOR = Author(Actor.OPERATOR, UUID(int=7), "drift@messa.example")
EVA = "eva@vasterhamn.example"
WISH = Wish("Västerhamns kommun", "", "sv", EVA, "Eva Lind")


@dataclass
class Office:
    """The operator at work."""

    world: World
    post: Post = field(default_factory=lambda: Post("messa.example", lambda *_: None))

    def create(self, wish: Wish = WISH) -> Created | Refused:
        with self.world.database.unit_of_work() as session:
            mails = InvitationMails("messa.example", "https://messa.example")
            return tenants.create(session, self.world.clock.now(), OPERATOR, wish, mails, self.post)

    def created(self, wish: Wish = WISH) -> Created:
        made = self.create(wish)
        assert isinstance(made, Created), made
        return made

    def faults(self, **changes: str) -> dict[str, Fault]:
        refused = self.create(replace(WISH, **changes))
        assert isinstance(refused, Refused), refused
        return dict(refused.faults)

    def turn(self, how: Any, tenant_id: UUID, version: int | None = None) -> Turned | Refusal:
        now_there = self.world.value("SELECT version FROM tenant WHERE id = :id", id=tenant_id)
        with self.world.database.unit_of_work() as session:
            seen = now_there if version is None else version
            outcome: Turned | Refusal = how(session, self.world.clock.now(), OPERATOR, tenant_id, seen)
            return outcome

    def turned(self, how: Any, tenant_id: UUID) -> Turned:
        outcome = self.turn(how, tenant_id)
        assert isinstance(outcome, Turned), outcome
        return outcome

    def mails(self) -> list[Any]:
        return self.world.rows("SELECT recipient, text, tenant_id FROM outgoing_mail ORDER BY id")

    def log(self, tenant_id: UUID | None) -> list[tuple[str, str]]:
        """What the audit log of a tenant says, the oldest first."""
        found = self.world.rows(
            "SELECT action, subject FROM audit_entry WHERE tenant_id IS NOT DISTINCT FROM :id ORDER BY id",
            id=tenant_id,
        )
        return [(row.action, row.subject) for row in found]


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def free_account(world: World, address: str) -> UUID:
    """An account that writes, and belongs to no organisation."""
    with world.database.unit_of_work() as session:
        return find_or_create(session, world.clock.now(), {address: Newcomer("", None)})[address].id
