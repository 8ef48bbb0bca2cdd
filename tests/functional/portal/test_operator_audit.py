"""The operator's audit page: what operators did, wherever they did it, and nothing else (spec O1, G12)."""

from __future__ import annotations

from uuid import UUID

import pytest

from messa_platform.runtime import Runtime
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.models import Group
from tests.support.observe import statements
from tests.support.operators import OPERATOR, an_operator, at_the_pages, done, page
from tests.support.portal import field_of, seen
from tests.support.visitors import Visitor
from tests.support.world import World

AUDIT = "/operator/audit"


@pytest.fixture
def operator(world: World, runtime: Runtime) -> Visitor:
    return at_the_pages(runtime, an_operator(world))


@pytest.fixture
def kommun(world: World) -> Group:
    return world.tenant()


def write(world: World, author: Author, *changes: Change) -> None:
    with world.database.unit_of_work() as session:
        record(session, world.clock.now(), author, changes)


def by_operator(group: Group, address: str = OPERATOR) -> Author:
    return Author(Actor.OPERATOR, UUID(int=1), address, group.id)


def test_what_was_done_on_the_operators_pages_stands_there_with_who_and_where(
    operator: Visitor, world: World, kommun: Group
) -> None:
    assert "Nothing yet" in seen(page(operator, AUDIT))
    done(operator, "/operator/ranges/@@new", {"first": "+46701740600", "last": "+46701740699"})
    version = field_of(page(operator, "/operator/tenants/kommun/@@suspend"), "version")
    done(operator, "/operator/tenants/kommun/@@suspend", {"version": version})
    text = seen(page(operator, AUDIT))
    assert text.index("Changed the organisation Kommunen") < text.index("Added the number range")
    assert (
        f"{OPERATOR} Changed the organisation Kommunen State: from active to suspended Kommunen Master"
        in text
    )
    assert "+46701740600–+46701740699" in text and "The platform" in text


def test_what_an_operator_did_as_an_organisations_admin_stands_there_and_what_admins_did_does_not(
    operator: Visitor, world: World, kommun: Group
) -> None:
    school = world.group(kommun, "Skolan")
    moved = Change(
        kommun.tenant_id, school.id, Action.ACCOUNT_MOVED, "anna@kommun.example", None,
        {"group": str(kommun.id)}, {"group": str(school.id)},
    )  # fmt: skip
    added = Change(kommun.tenant_id, school.id, Action.ADMIN_ADDED, "bo@kommun.example")
    write(world, by_operator(kommun, "<b>bo@messa.example"), moved)
    write(world, Author(Actor.ADMIN, UUID(int=2), "chef@kommun.example", kommun.id), added)
    answer = page(operator, AUDIT)
    text = seen(answer)
    assert "Moved the user anna@kommun.example Group: from Master to Skolan Kommunen Skolan" in text
    assert "&lt;b&gt;bo@messa.example" in answer.text
    assert "bo@kommun.example" not in text and "chef@kommun.example" not in text


def test_the_log_of_one_organisation_and_older_entries_are_reached_by_links(
    operator: Visitor, world: World, kommun: Group
) -> None:
    other = world.tenant("other", "Annan kommun")
    for i in range(60):
        change = Change(kommun.tenant_id, kommun.id, Action.GROUP_ADDED, f"Grupp {i:02}")
        write(world, by_operator(kommun), change)
    write(world, by_operator(other), Change(other.tenant_id, other.id, Action.GROUP_ADDED, "Annan grupp"))
    one = page(operator, f"{AUDIT}?organisation=kommun")
    assert "Grupp 59" in one.text and "Grupp 10" in one.text and "Grupp 09" not in one.text
    assert "Annan grupp" not in one.text
    older = next(word for word in one.text.split('"') if word.startswith(f"{AUDIT}?before="))
    second = page(operator, older.replace("&amp;", "&"))
    assert "Grupp 09" in second.text and "Grupp 10" not in second.text
    assert "Annan grupp" in page(operator, AUDIT).text
    assert "Annan grupp" in page(operator, f"{AUDIT}?organisation=none&before=x").text
    page(operator, f"{AUDIT}?organisation=%00&before=%00")


def test_the_page_costs_as_many_statements_for_many_entries_as_for_one(
    operator: Visitor, world: World, runtime: Runtime, kommun: Group
) -> None:
    def cost() -> int:
        with statements(runtime.database.engine) as asked:
            answer = page(operator, AUDIT)
        assert len(answer.body) < 100_000
        return len(asked)

    write(world, by_operator(kommun), Change(kommun.tenant_id, kommun.id, Action.GROUP_ADDED, "Grupp"))
    few = cost()
    for i in range(200):
        group = world.group(kommun, f"Grupp {i}") if i < 20 else kommun
        write(
            world, by_operator(kommun), Change(kommun.tenant_id, group.id, Action.GROUP_ADDED, f"Grupp {i}")
        )
    assert few == cost() <= 5
