"""The operator's pages of domains that wait: approved by hand, or refused (spec D1, D4, O1)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.runtime import Runtime
from messa_platform.tenants import tenant_states
from messa_platform.tenants.admin_models import Actor, GroupAdmin
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Domain, DomainState, Group
from tests.support.observe import statements
from tests.support.operators import an_operator, at_the_pages, done, page
from tests.support.portal import seen
from tests.support.visitors import Visitor
from tests.support.world import World

DOMAINS = "/operator/domains"


@pytest.fixture
def operator(world: World, runtime: Runtime) -> Visitor:
    return at_the_pages(runtime, an_operator(world))


@pytest.fixture
def school(world: World) -> Group:
    """A school in a municipality, with an admin."""
    group = world.group(world.tenant(), "Skolan")
    anna = world.account(group, "anna@kommun.example", language="en")
    with world.database.unit_of_work() as session:
        session.add(GroupAdmin(group_id=group.id, account_id=anna, tenant_id=group.tenant_id))
    return group


def claim(world: World, group: Group, name: str, by: str | None = None) -> UUID:
    """A domain that waits; gives its id."""
    asked_by = world.value("SELECT id FROM account WHERE address = :a", a=by) if by else None
    with world.database.unit_of_work() as session:
        domain = Domain(
            id=new_id(), tenant_id=group.tenant_id, group_id=group.id, name=name, state=DomainState.WAITING, requested_by=asked_by
        )  # fmt: skip
        session.add(domain)
        return domain.id


def test_domains_that_wait_are_listed_with_who_wants_them(
    operator: Visitor, world: World, school: Group
) -> None:
    assert "No domain waits" in seen(page(operator, DOMAINS))
    first = claim(world, school, "skolan.example", "anna@kommun.example")
    claim(world, school, "xn--malm-8qa.example")
    world.domain(school, "klar.example")
    answer = page(operator, DOMAINS)
    text = seen(answer)
    assert "skolan.example Kommunen Skolan anna@kommun.example" in text
    assert "malmö.example" in text and "klar.example" not in text
    assert f'href="/operator/domains/{first}"' in answer.text


def test_an_approved_domain_is_its_groups_and_its_people_are_on_their_way(
    operator: Visitor, world: World, school: Group
) -> None:
    world.account(world.tenant("other", "Annan kommun"), "bo@skolan.example")
    domain = claim(world, school, "skolan.example")
    path = f"{DOMAINS}/{domain}"
    assert "Users who come to the group 1" in seen(page(operator, path))
    approved = done(operator, path, {}, f"{path}/@@approve")
    assert "The domain is approved." in seen(approved) and "No domain waits" in seen(approved)
    [row] = world.rows("SELECT state, proof, check_at FROM domain")
    assert tuple(row) == ("verified", "operator", None)
    assert world.value("SELECT count(*) FROM task_work WHERE tenant_id = :id", id=school.tenant_id) == 1
    assert world.value("SELECT recipient FROM outgoing_mail") == "anna@kommun.example"
    [entry] = world.rows("SELECT actor, actor_address FROM audit_entry WHERE action = 'domain_verified'")
    assert tuple(entry) == ("operator", "drift@messa.example")


def test_a_refused_domain_waits_no_longer_and_the_groups_admins_are_told(
    operator: Visitor, world: World, school: Group
) -> None:
    path = f"{DOMAINS}/{claim(world, school, 'skolan.example')}"
    assert "The domain is refused" in seen(done(operator, path, {}, f"{path}/@@refuse"))
    assert world.value("SELECT count(*) FROM domain WHERE state <> 'suspended'") == 0
    assert world.value("SELECT recipient FROM outgoing_mail") == "anna@kommun.example"


def test_another_organisation_loses_a_domain_only_if_that_is_said(
    operator: Visitor, world: World, school: Group
) -> None:
    other = world.tenant("other", "Annan kommun")
    world.domain(other, "skolan.example")
    path = f"{DOMAINS}/{claim(world, school, 'skolan.example')}"
    assert "Annan kommun has the domain now." in seen(page(operator, path))
    refused = operator.send(path, {}, f"{path}/@@approve")
    assert refused.status_int == 422 and "Annan kommun has the domain. Say that" in seen(refused)
    assert page(operator, f"{path}/@@approve", 303).location.endswith(path)
    done(operator, path, {"instead": "1"}, f"{path}/@@approve")
    states = {row.tenant_id: row.state for row in world.rows("SELECT tenant_id, state FROM domain")}
    assert states == {other.tenant_id: "suspended", school.tenant_id: "verified"}


def test_one_that_waits_no_longer_is_not_found(operator: Visitor, world: World, school: Group) -> None:
    world.domain(school, "klar.example")
    verified = world.value("SELECT id FROM domain")
    for name in (verified, uuid4(), "x", UUID(int=0), str(uuid4()).upper()):
        page(operator, f"{DOMAINS}/{name}", 404)


def test_what_a_closed_organisation_asked_for_does_not_wait_until_it_is_resumed(
    operator: Visitor, world: World, school: Group
) -> None:
    claim(world, school, "skolan.example")
    author = Author(Actor.OPERATOR, None, "drift@messa.example")
    for how, waits, version in ((tenant_states.close, False, 1), (tenant_states.resume, True, 2)):
        with world.database.unit_of_work() as session:
            how(session, world.clock.now(), author, school.tenant_id, version)
        assert ("skolan.example" in page(operator, DOMAINS).text) is waits


def test_many_come_a_page_at_a_time_with_as_many_statements_as_for_one(
    operator: Visitor, runtime: Runtime, world: World, database: Database, school: Group
) -> None:
    claim(world, school, "d00.example")

    def cost() -> int:
        with statements(runtime.database.engine) as asked:
            answer = page(operator, DOMAINS)
        assert len(answer.body) < 100_000
        return len(asked)

    few = cost()
    for i in range(1, 60):
        claim(world, school, f"d{i:02}.example")
    assert few == cost() <= 4
    first = page(operator, DOMAINS)
    assert "d49.example" in first.text and "d50.example" not in first.text
    more = next(word for word in first.text.split('"') if word.startswith(f"{DOMAINS}?after="))
    second = page(operator, more)
    assert "d50.example" in second.text and "d59.example" in second.text and "d49.example" not in second.text
