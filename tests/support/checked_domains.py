"""The domain that is checked, and who is told of it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from messa_platform.tenants.domains import claims
from messa_platform.tenants.models import DomainState
from tests.functional.tenants.domains.conftest import Town

NAME = "kommun.example"
CHEF = "chef@kommunen.example"
DAY = timedelta(days=1)


def ask(town: Town, domain_id: UUID) -> bool:
    """Press *check now*."""
    with town.world.database.unit_of_work() as session:
        return claims.check_now(session, town.world.clock.now(), town.place(town.master), domain_id)


def suspended(town: Town, domain_id: UUID) -> None:
    """Let a domain's proof be lost for two weeks."""
    town.unprove(NAME)
    for _ in range(3):
        town.world.clock.move(timedelta(days=7, hours=6))
        town.look()
    assert town.domain(town.master, domain_id).state is DomainState.SUSPENDED
    town.mails()
