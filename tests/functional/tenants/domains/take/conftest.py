"""A school of the municipality and another organisation, and what is asked of the moves of a domain's accounts."""

from __future__ import annotations

from uuid import UUID

import pytest

from messa_platform.tenants.domains import take
from messa_platform.tenants.domains.preview import Preview, preview
from messa_platform.tenants.domains.take import Takes, of_domain
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.functional.tenants.domains.conftest import Town

NAME = "kommun.example"


@pytest.fixture
def school(town: Town) -> Group:
    """A school of the municipality, whose people may receive."""
    school = town.world.group(town.master, "Skolan")
    town.world.set(school, Key.MAY_RECEIVE, True)
    return school


@pytest.fixture
def rival(town: Town) -> Group:
    """Another organisation, whose people may receive."""
    master = town.world.tenant("annan", "Annan kommun")
    town.world.set(master, Key.MAY_RECEIVE, True)
    return master


def seen(town: Town, group: Group, name: str = NAME) -> Preview:
    with town.world.database.unit_of_work() as platform:
        return preview(platform, name, group.tenant_id, group.id)


def takes(town: Town, group: Group, domain_id: UUID) -> Takes:
    claim = town.domain(group, domain_id).claim
    with town.world.database.unit_of_work() as session:
        return of_domain(session, town.world.clock.now(), claim)


def undo(town: Town, group: Group, task_id: UUID) -> UUID | None:
    place, now = town.place(group), town.world.clock.now()
    with town.world.database.unit_of_work() as session:
        return take.start_undo(session, now, town.author, place, task_id)


def many(town: Town, group: Group, count: int) -> None:
    town.world.run(
        "INSERT INTO account (id, tenant_id, group_id, group_since, address) SELECT gen_random_uuid(), :tenant, :group, :now,"
        " 'a' || n || '@kommun.example' FROM generate_series(1, :count) n",
        tenant=group.tenant_id,
        group=group.id,
        now=town.world.clock.now(),
        count=count,
    )
