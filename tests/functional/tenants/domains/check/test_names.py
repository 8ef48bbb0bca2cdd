"""Domains below others, and names that more than one organisation asks for (spec D1, D2)."""

from __future__ import annotations

from datetime import timedelta

from messa_platform.tenants.domains import claims
from messa_platform.tenants.domains.claims import Added, Known
from messa_platform.tenants.domains.faults import Fault, FaultKind
from messa_platform.tenants.models import DomainState, Group, Proof
from tests.functional.tenants.domains.conftest import OPERATOR, Town
from tests.support.checked_domains import DAY, NAME, suspended
from tests.support.observe import dawdling, together


def test_below_a_proven_domain_nothing_needs_to_be_proven(town: Town) -> None:
    town.verified(town.master, NAME)
    asked_before = len(town.dns.asked)
    school = town.world.group(town.master, "Skolan")
    added = town.try_add(school, f"skolan.{NAME}")
    assert isinstance(added, Added) and added.verified is not None
    town.world.clock.move(DAY)
    town.look()
    row = town.domain(school, added.domain_id)
    assert (row.state, row.proof) == (DomainState.VERIFIED, Proof.PARENT)
    assert f"skolan.{NAME}" not in [name for name, _ in town.dns.asked[asked_before:]]


def test_below_a_domain_of_another_tenant_it_has_to_be(town: Town, rival: Group) -> None:
    town.verified(town.master, NAME)
    added = town.try_add(rival, f"skolan.{NAME}")
    assert isinstance(added, Added) and added.verified is None
    town.look()
    assert town.domain(rival, added.domain_id).state is DomainState.WAITING
    town.prove(added.domain_id)
    town.world.clock.move(DAY)
    town.look()
    # and what is below that is not the first one's any more
    assert town.domain(rival, added.domain_id).state is DomainState.VERIFIED
    deeper = town.try_add(town.master, f"a.skolan.{NAME}")
    assert isinstance(deeper, Added) and deeper.verified is None


def test_a_domain_that_waits_is_verified_once_the_one_above_is(town: Town) -> None:
    below = town.add(town.master, f"skolan.{NAME}")
    town.verified(town.master, NAME)
    row = town.domain(town.master, below)
    assert (row.state, row.proof) == (DomainState.VERIFIED, Proof.PARENT)


def test_what_was_known_by_the_domain_above_is_suspended_with_it_and_comes_back_with_it(town: Town) -> None:
    above = town.verified(town.master, NAME)
    below = town.add(town.master, f"skolan.{NAME}")
    suspended(town, above)
    row = town.domain(town.master, below)
    assert (row.state, row.fault) == (DomainState.SUSPENDED, Fault(FaultKind.PARENT))
    town.prove(above)
    town.world.clock.move(DAY)
    town.look()
    assert town.domain(town.master, below).state is DomainState.VERIFIED


def test_what_has_a_proof_of_its_own_does_not_fall_with_the_domain_above(town: Town) -> None:
    above = town.verified(town.master, NAME)
    below = town.add(town.master, f"skolan.{NAME}")
    town.prove(below)
    suspended(town, above)
    row = town.domain(town.master, below)
    assert (row.state, row.proof) == (DomainState.VERIFIED, Proof.DNS)


def test_what_was_known_by_a_domain_that_is_given_up_has_two_weeks_for_a_proof_of_its_own(town: Town) -> None:
    above = town.verified(town.master, NAME)
    below = town.add(town.master, f"skolan.{NAME}")
    with town.world.database.unit_of_work() as session:
        claims.remove(session, town.world.clock.now(), town.author, town.place(town.master), above)
    town.look()
    assert town.domain(town.master, below).is_failing
    town.prove(below)
    town.world.clock.move(DAY)
    town.look()
    row = town.domain(town.master, below)
    assert (row.state, row.proof, row.failing_since) == (DomainState.VERIFIED, Proof.DNS, None)


def test_a_name_that_another_organisation_has_can_be_asked_for_and_waits_even_if_proven(
    town: Town, rival: Group
) -> None:
    town.verified(town.master, NAME)
    town.mails()
    claim = town.add(rival, NAME)
    town.dns.put(NAME, *town.dns.records[f"_messa.{NAME}"])
    town.prove(claim)
    for _ in range(3):
        town.world.clock.move(DAY)
        town.look()
    row = town.domain(rival, claim)
    assert (row.state, row.fault) == (DomainState.WAITING, Fault(FaultKind.HELD))
    told = [subject for recipient, subject in town.mails() if recipient == OPERATOR]
    assert len(told) == 1 and NAME in told[0]  # once, however often it is looked at


def test_whoever_proves_a_domain_gets_it_once_the_other_has_lost_it(town: Town, rival: Group) -> None:
    first = town.verified(town.master, NAME)
    claim = town.add(rival, NAME)
    town.prove(claim)
    town.world.clock.move(DAY)
    town.look()
    assert town.domain(rival, claim).state is DomainState.WAITING
    for _ in range(3):
        town.world.clock.move(timedelta(days=7, hours=6))
        town.look()
    assert town.domain(town.master, first).state is DomainState.SUSPENDED
    assert town.domain(rival, claim).state is DomainState.VERIFIED
    # and the first one does not take it back just by proving it, too
    town.dns.put(NAME, *town.dns.records[f"_messa.{NAME}"])
    town.prove(first)
    town.world.clock.move(DAY)
    town.look()
    assert town.domain(town.master, first).fault == Fault(FaultKind.HELD)
    assert town.domain(rival, claim).state is DomainState.VERIFIED


def test_of_two_who_prove_one_name_at_the_same_moment_one_has_it(town: Town, rival: Group) -> None:
    ours, theirs = town.add(town.master, NAME), town.add(rival, NAME)
    town.prove(ours)
    town.dns.put(NAME, *town.dns.records[f"_messa.{NAME}"])
    town.prove(theirs)
    checkers = [town.checker_of(1) for _ in range(2)]
    with dawdling(town.world.database.engine, 0.02):
        together([checker.run for checker in checkers])
    states = {town.domain(town.master, ours).state, town.domain(rival, theirs).state}
    assert states == {DomainState.VERIFIED, DomainState.WAITING}
    faults = [town.domain(town.master, ours).fault, town.domain(rival, theirs).fault]
    assert sorted(faults, key=bool) == [None, Fault(FaultKind.HELD)]


def test_a_name_is_claimed_once_by_a_tenant(town: Town) -> None:
    school = town.world.group(town.master, "Skolan")
    first = town.add(school, NAME)
    assert town.try_add(town.master, NAME) == Known(first, school.id)
