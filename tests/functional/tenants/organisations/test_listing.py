"""The list of organisations: found, narrowed, counted, and one of them looked at (spec O1)."""

from __future__ import annotations

from typing import Any

import pytest

from messa_platform.tenants import numbers, tenant_states, tenants
from messa_platform.tenants.models import TenantState
from tests.functional.tenants.organisations.conftest import Office
from tests.support.observe import statements
from tests.support.world import World


def names(world: World, *asked: Any, **more: Any) -> list[str]:
    with world.database.unit_of_work() as session:
        return [row.slug for row in tenants.listed(session, *asked, **more)]


def test_organisations_are_found_by_name_slug_and_domain_in_whatever_spelling(world: World) -> None:
    world.domain(world.tenant("orebro", "Örebro kommun"), "orebro.example")
    world.tenant("vaxjo", "Växjö 100%")
    assert names(world) == ["free", "orebro", "vaxjo"]
    for words in ("Örebro", "örebro", "OREBRO", "ebro k", "bro.exam"):
        assert names(world, words) == ["orebro"], words
    assert names(world, "100%") == ["vaxjo"]
    assert names(world, "%") == ["vaxjo"]
    assert names(world, "_") == []
    assert names(world, "北京") == []
    assert names(world, "privat") == ["free"]


def test_organisations_are_listed_a_page_at_a_time_and_by_state(world: World, office: Office) -> None:
    made = [world.tenant(f"kommun-{i}", f"Kommun {i}") for i in range(5)]
    office.turned(tenant_states.suspend, made[2].tenant_id)
    assert names(world, most=3) == ["free", "kommun-0", "kommun-1"]
    assert names(world, after="kommun-1", most=3) == ["kommun-2", "kommun-3", "kommun-4"]
    assert names(world, state=TenantState.SUSPENDED) == ["kommun-2"]
    assert names(world, "kommun", TenantState.ACTIVE, "kommun-3") == ["kommun-4"]


def test_living_groups_and_accounts_are_counted_in_one_statement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = world.tenant()
    school = world.group(master, "Skolan")
    for i in range(4):
        world.account(school, f"p{i}@kommun.example")
    world.run("UPDATE account SET removed_at = now() WHERE address = 'p0@kommun.example'")
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        [free, kommun] = tenants.listed(session)
    assert len(seen) == 1
    assert (kommun.groups, kommun.accounts, kommun.is_free, free.is_free) == (2, 3, False, True)
    monkeypatch.setattr(tenants, "MOST_COUNTED", 2)
    with world.database.unit_of_work() as session:
        assert tenants.listed(session)[1].accounts == 2


def test_an_overview_tells_what_an_organisation_has(world: World, office: Office) -> None:
    made = office.created()
    world.numbers()
    with world.database.unit_of_work() as session:
        numbers.lend(session, world.clock.now(), [world.sender(made.admin_id)])
        seen = tenants.overview(session, made.slug)
        assert tenants.overview(session, "nowhere") is None
        assert tenants.overview(session, "\x00") is None
    assert seen
    assert (seen.groups, seen.accounts, seen.admins, seen.numbers, seen.domains) == (1, 1, 1, 1, 0)
