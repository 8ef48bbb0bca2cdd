"""Domains asked for, given up and moved by admins, approved and refused by the operator (spec D1, D4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.domains import claims
from messa_platform.tenants.domains.claims import Added, Moved
from messa_platform.tenants.domains.faults import FaultKind
from messa_platform.tenants.domains.standing import Inherited, inherited, of_group
from messa_platform.tenants.domains.verify import Held, Verified
from messa_platform.tenants.models import DomainState, Group, Proof
from tests.functional.tenants.domains.conftest import OPERATOR, Town

NAME = "kommun.example"
CHEF = "chef@kommunen.example"
BY_OPERATOR = Author(Actor.OPERATOR, None, OPERATOR)


@contextmanager
def confined(town: Town, group: Group) -> Iterator[tuple[Session, Session]]:
    """A session that sees the group's tenant alone, and one that sees all, as a request has them."""
    database = town.world.database
    with database.sessions() as session, database.unit_of_work() as platform:
        confine(session, Confinement(group.tenant_id, town.admin_id))
        with session.begin():
            yield session, platform


@pytest.fixture
def school(town: Town) -> Group:
    """A school of the municipality."""
    return town.world.group(town.master, "Skolan")


@pytest.fixture
def rival(town: Town) -> Group:
    """Another organisation."""
    master = town.world.tenant("annan", "Annan kommun")
    town.administer(master, "admin@annan.example", language="en")
    return master


def test_a_request_that_sees_its_tenant_alone_can_claim_and_verify_a_subdomain(
    town: Town, school: Group
) -> None:
    town.verified(town.master, NAME)
    town.world.account(town.free(), f"fri@skolan.{NAME}")
    now, place = town.world.clock.now(), town.place(school)
    with confined(town, town.master) as (session, platform):
        added = claims.add(session, platform, now, town.author, place, f"skolan.{NAME}")
    assert isinstance(added, Added) and added.verified is not None
    assert added.verified.moving == 1
    row = town.domain(school, added.domain_id)
    assert (row.state, row.proof) == (DomainState.VERIFIED, Proof.PARENT)
    assert town.audit(school) == [
        ("domain_added", f"skolan.{NAME}"),
        ("domain_verified", f"skolan.{NAME}"),
    ]


def test_a_name_that_another_tenant_has_looks_like_any_other_when_it_is_asked_for(
    town: Town, rival: Group
) -> None:
    town.verified(rival, NAME)
    with confined(town, town.master) as (session, platform):
        added = claims.add(
            session, platform, town.world.clock.now(), town.author, town.place(town.master), NAME
        )
    assert isinstance(added, Added) and added.verified is None
    town.look()
    fault = town.domain(town.master, added.domain_id).fault
    # what everybody can read in the DNS, and no more
    assert fault is not None and fault.kind is FaultKind.WRONG


def test_two_claims_have_different_tokens(town: Town, rival: Group) -> None:
    ours, theirs = town.add(town.master, NAME), town.add(rival, NAME)
    tokens = {town.domain(town.master, ours).token, town.domain(rival, theirs).token}
    assert len(tokens) == 2 and all(len(token) == 32 for token in tokens)


def test_a_domain_is_given_up_and_its_accounts_stay(town: Town, school: Group) -> None:
    account = town.world.account(town.free(), f"anna@{NAME}")
    domain_id = town.verified(school, NAME)
    town.work()
    assert town.home(account) == school.id
    assert remove(town, school, domain_id) == NAME
    assert town.home(account) == school.id
    assert town.world.rows("SELECT * FROM domain") == []
    assert town.audit(school)[-1] == ("domain_removed", NAME)


def remove(town: Town, group: Group, domain_id: UUID) -> str | None:
    with town.world.database.unit_of_work() as platform:
        return claims.remove(platform, town.world.clock.now(), town.author, town.place(group), domain_id)


def test_a_domain_of_another_group_is_not_given_up(town: Town, school: Group, rival: Group) -> None:
    ours, theirs = town.verified(town.master, NAME), town.add(rival, "annan.example")
    provider(town, town.master, ours)
    assert remove(town, school, ours) is None
    assert remove(town, town.master, theirs) is None
    assert remove(town, town.master, new_id()) is None
    assert len(town.world.rows("SELECT * FROM domain")) == 2
    assert len(town.world.rows("SELECT * FROM identity_provider")) == 1


def provider(town: Town, group: Group, domain_id: UUID) -> None:
    """An identity provider of a domain, which has signed in somebody who is in another tenant by now."""
    known = town.world.account(town.free(), "borta@kommun.example")
    provider_id = new_id()
    town.world.run(
        "INSERT INTO identity_provider (id, tenant_id, group_id, domain_id, name, issuer, client_id, client_secret)"
        " VALUES (:id, :tenant, :group, :domain, 'Inloggning', 'https://idp.example', 'messa', '')",
        id=provider_id,
        tenant=group.tenant_id,
        group=group.id,
        domain=domain_id,
    )
    town.world.run(
        "INSERT INTO external_identity (provider_id, subject, account_id) VALUES (:id, 'x', :account)",
        id=provider_id,
        account=known,
    )


def test_with_a_domain_goes_its_identity_provider(town: Town) -> None:
    domain_id = town.verified(town.master, NAME)
    provider(town, town.master, domain_id)
    assert remove(town, town.master, domain_id) == NAME
    assert town.world.rows("SELECT * FROM identity_provider") == []
    assert town.world.rows("SELECT * FROM external_identity") == []
    assert town.audit(town.master)[-2:] == [("domain_removed", NAME), ("sign_on_removed", NAME)]


def test_a_domain_moves_to_another_group_and_its_accounts_follow(town: Town, school: Group) -> None:
    account = town.world.account(town.free(), f"anna@{NAME}")
    by_hand = town.world.account(town.master, f"chef@{NAME}", placed_by_hand=True)
    domain_id = town.verified(town.master, NAME)
    town.work()
    moved = move(town, town.master, domain_id, school)
    assert isinstance(moved, Moved) and moved.taking is not None and moved.taking.moving == 1
    town.work()
    assert (town.home(account), town.home(by_hand)) == (school.id, town.master.id)
    assert ("domain_moved", NAME) in town.audit(town.master) and ("domain_moved", NAME) in town.audit(school)


def move(town: Town, group: Group, domain_id: UUID, to: Group) -> Moved | None:
    now = town.world.clock.now()
    with confined(town, town.master) as (session, platform):
        return claims.move(session, platform, now, town.author, town.place(group), domain_id, town.place(to))


def paused(town: Town, group: Group) -> list[str]:
    """The domains whose single sign-on was switched off by a move, as a group's log has them."""
    return [subject for action, subject in town.audit(group) if action == "sign_on_paused"]


def test_a_domain_that_moves_beyond_its_identity_providers_group_has_it_switched_off_and_the_log_says_so(
    town: Town, school: Group
) -> None:
    klass, beside = town.world.group(school, "7A"), town.world.group(town.master, "Vård")
    domain_id = town.verified(school, NAME)
    provider(town, school, domain_id)
    move(town, school, domain_id, klass)
    assert paused(town, klass) == paused(town, school) == []
    move(town, klass, domain_id, town.master)
    assert paused(town, town.master) == [NAME]
    # it is off already, and stays so
    move(town, town.master, domain_id, beside)
    assert paused(town, beside) == []
    move(town, beside, domain_id, school)
    assert paused(town, school) == []


def test_an_identity_provider_that_is_switched_off_anyhow_is_not_told_of(town: Town, school: Group) -> None:
    domain_id = town.verified(school, NAME)
    provider(town, school, domain_id)
    town.world.run("UPDATE identity_provider SET enabled = false")
    move(town, school, domain_id, town.master)
    assert paused(town, town.master) == []


def test_a_domain_that_waits_moves_alone(town: Town, school: Group) -> None:
    domain_id = town.add(town.master, NAME)
    assert move(town, town.master, domain_id, school) == Moved(NAME, None)
    assert move(town, town.master, domain_id, school) is None
    assert town.world.rows("SELECT * FROM task") == []


def test_a_domain_never_moves_to_another_tenant(town: Town, rival: Group) -> None:
    domain_id = town.add(town.master, NAME)
    with pytest.raises(ValueError, match="another tenant"):
        move(town, town.master, domain_id, rival)


def test_a_group_without_domains_has_those_of_the_nearest_group_above_that_has(
    town: Town, school: Group
) -> None:
    klass = town.world.group(school, "7A")
    path = [town.place(town.master), town.place(school), town.place(klass)]
    with town.world.database.unit_of_work() as session:
        assert inherited(session, path) is None
    town.verified(town.master, NAME)
    town.add(school, "waiting.example")
    with town.world.database.unit_of_work() as session:
        assert inherited(session, path) == Inherited(town.master.id, (NAME,), 1)
        assert inherited(session, path[:1]) is None
    town.verified(school, "skolan.example")
    with town.world.database.unit_of_work() as session:
        assert inherited(session, path) == Inherited(school.id, ("skolan.example",), 1)


def test_a_long_list_of_domains_comes_in_pages(town: Town) -> None:
    for n in range(5):
        town.add(town.master, f"d{n}.example")
    place = town.place(town.master)
    with town.world.database.unit_of_work() as session:
        first = of_group(session, place, most=3)
        rest = of_group(session, place, after=first[-1].name, most=3)
    assert [row.name for row in (*first, *rest)] == [f"d{n}.example" for n in range(5)]


def by_operator(town: Town, domain_id: UUID, **how: Any) -> Verified | Held | None:
    with town.world.database.unit_of_work() as platform:
        return claims.approve(platform, town.world.clock.now(), BY_OPERATOR, domain_id, town.told, **how)


def test_the_operator_sees_what_waits_the_oldest_first(town: Town, rival: Group) -> None:
    town.verified(rival, NAME)
    first = town.add(town.master, NAME)
    second = town.add(rival, "annan.example")
    with town.world.database.unit_of_work() as platform:
        seen = claims.waiting(platform)
        rest = claims.waiting(platform, after=first)
    assert [waiting.claim.id for waiting in seen] == [first, second]
    assert [waiting.claim.id for waiting in rest] == [second]
    assert seen[0].holder == "Annan kommun" and seen[1].holder is None
    assert (seen[0].organisation, seen[0].group, seen[0].requested_by) == ("Kommunen", "Master", CHEF)


def test_what_the_operator_approves_is_verified_and_its_admins_are_told(town: Town) -> None:
    account = town.world.account(town.free(), f"anna@{NAME}")
    domain_id = town.add(town.master, NAME)
    outcome = by_operator(town, domain_id)
    assert isinstance(outcome, Verified) and outcome.moving == 1
    town.work()
    assert town.home(account) == town.master.id
    assert (CHEF, f"{NAME} is verified") in town.mails()
    assert by_operator(town, domain_id) is None


def test_what_another_has_is_approved_only_if_the_operator_says_so_twice(town: Town, rival: Group) -> None:
    first, claim = town.verified(rival, NAME), town.add(town.master, NAME)
    town.mails()
    outcome = by_operator(town, claim)
    assert isinstance(outcome, Held) and outcome.organisation == "Annan kommun"
    assert town.domain(town.master, claim).state is DomainState.WAITING
    assert isinstance(by_operator(town, claim, instead=True), Verified)
    assert town.domain(rival, first).state is DomainState.SUSPENDED
    assert town.mails() == [
        ("admin@annan.example", f"{NAME} is suspended"),
        (CHEF, f"{NAME} is verified"),
    ]
    # the other one's record is still there, and does not bring it back
    town.world.clock.move(timedelta(days=2))
    town.look()
    assert town.domain(town.master, claim).state is DomainState.VERIFIED


def test_what_the_operator_refuses_is_gone_and_its_admins_are_told(town: Town) -> None:
    domain_id = town.add(town.master, NAME)
    for expected in (NAME, None):
        with town.world.database.unit_of_work() as platform:
            now = town.world.clock.now()
            assert claims.refuse(platform, now, BY_OPERATOR, domain_id, town.told) == expected
    assert town.world.rows("SELECT * FROM domain") == []
    assert town.mails() == [(CHEF, f"{NAME} was not approved")]


def test_a_verified_domain_is_not_refused(town: Town) -> None:
    domain_id = town.verified(town.master, NAME)
    with town.world.database.unit_of_work() as platform:
        assert claims.refuse(platform, town.world.clock.now(), BY_OPERATOR, domain_id, town.told) is None
    assert town.domain(town.master, domain_id).state is DomainState.VERIFIED
