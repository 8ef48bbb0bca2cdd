"""Proofs of domains: looked for, found, lost, and found again (spec D1, D2)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from messa_platform.tenants import tasks
from messa_platform.tenants.domains import check, claims
from messa_platform.tenants.domains.faults import Fault, FaultKind
from messa_platform.tenants.models import DomainState, Proof
from tests.functional.tenants.domains.conftest import Town
from tests.support.checked_domains import CHEF, DAY, NAME, ask, suspended
from tests.support.dns_server import Fault as DnsFault


def test_a_domain_waits_until_its_proof_is_in_the_dns(town: Town) -> None:
    domain_id = town.add(town.master, NAME)
    town.look()
    waiting = town.domain(town.master, domain_id)
    assert waiting.state is DomainState.WAITING
    assert waiting.fault == Fault(FaultKind.MISSING)
    assert waiting.checked_at == town.world.clock.now()
    town.prove(domain_id)
    town.world.clock.move(timedelta(minutes=2))
    town.look()
    proven = town.domain(town.master, domain_id)
    assert (proven.state, proven.proof, proven.fault) == (DomainState.VERIFIED, Proof.DNS, None)
    assert proven.check_at == town.world.clock.now() + DAY
    assert town.woken == [tasks.ACTOR, check.ACTOR]
    assert town.audit(town.master) == [("domain_added", NAME), ("domain_verified", NAME)]
    assert town.mails() == [(CHEF, f"{NAME} is verified")]


def test_what_was_found_in_its_place_is_kept(town: Town) -> None:
    domain_id = town.add(town.master, NAME)
    town.dns.put(f"_messa.{NAME}", "messa-verification=annat")
    town.look()
    assert town.domain(town.master, domain_id).fault == Fault(FaultKind.WRONG, ("messa-verification=annat",))


def test_a_domain_that_waits_is_looked_at_ever_more_seldom_and_after_thirty_days_no_more(town: Town) -> None:
    domain_id = town.add(town.master, NAME)
    begun = town.world.clock.now()
    looks = []
    while (at := town.domain(town.master, domain_id).check_at) is not None:
        assert at >= town.world.clock.now()
        town.world.clock.at = at
        looks.append(at - begun)
        town.look()
    assert looks[1] == timedelta(minutes=2)
    pauses = [later - sooner for sooner, later in pairwise(looks)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == DAY
    assert timedelta(days=30) <= looks[-1] < timedelta(days=31)
    assert 100 < len(looks) < 150


def test_one_that_is_looked_at_no_more_is_if_somebody_asks(town: Town) -> None:
    domain_id = town.add(town.master, NAME)
    town.world.clock.move(timedelta(days=40))
    town.look()
    assert town.domain(town.master, domain_id).check_at is None
    town.prove(domain_id)
    town.world.clock.move(timedelta(minutes=1))
    assert ask(town, domain_id)
    town.look()
    assert town.domain(town.master, domain_id).state is DomainState.VERIFIED


def test_who_asks_again_at_once_is_not_heard(town: Town) -> None:
    domain_id = town.add(town.master, NAME)
    assert not ask(town, domain_id)  # it is due already
    town.look()
    assert not ask(town, domain_id)
    town.world.clock.move(claims.PAUSE)
    assert ask(town, domain_id)


def test_a_domain_that_was_approved_by_hand_is_not_looked_at(town: Town) -> None:
    domain_id = town.add(town.master, NAME)
    with town.world.database.unit_of_work() as session:
        claims.approve(session, town.world.clock.now(), town.author, domain_id, town.told)
    town.world.clock.move(timedelta(days=400))
    town.look()
    assert not ask(town, domain_id)
    assert town.dns.asked == []
    approved = town.domain(town.master, domain_id)
    assert (approved.state, approved.proof) == (DomainState.VERIFIED, Proof.OPERATOR)


def test_a_lost_proof_warns_at_once_and_after_a_week_and_suspends_after_two(town: Town) -> None:
    domain_id = town.verified(town.master, NAME)
    town.mails()
    town.unprove(NAME)
    told, lost_at = [], None
    for _ in range(200):
        at = town.domain(town.master, domain_id).check_at
        assert at is not None
        town.world.clock.at = at
        town.look()
        row = town.domain(town.master, domain_id)
        lost_at = lost_at or row.failing_since
        for recipient, subject in town.mails():
            assert recipient == CHEF and lost_at is not None
            told.append((subject, (town.world.clock.now() - lost_at).days))
        if row.state is DomainState.SUSPENDED:
            break
        assert row.is_failing and row.suspended_at == row.failing_since + timedelta(days=14)  # type: ignore[operator]
    gone = f"The proof of {NAME} is gone"
    assert told == [(gone, 0), (gone, 7), (f"{NAME} is suspended", 14)]
    assert town.audit(town.master)[-1] == ("domain_suspended", NAME)


def test_a_proof_that_is_found_again_heals(town: Town) -> None:
    domain_id = town.verified(town.master, NAME)
    town.unprove(NAME)
    town.world.clock.move(DAY)
    town.look()
    assert town.domain(town.master, domain_id).is_failing
    town.mails()
    town.prove(domain_id)
    town.world.clock.move(DAY)
    town.look()
    healed = town.domain(town.master, domain_id)
    assert (healed.state, healed.failing_since, healed.fault) == (DomainState.VERIFIED, None, None)
    assert town.mails() == [(CHEF, f"The proof of {NAME} is there again")]


def test_a_suspended_domain_is_verified_again_once_its_proof_is_found(town: Town) -> None:
    domain_id = town.verified(town.master, NAME)
    suspended(town, domain_id)
    town.prove(domain_id)
    town.world.clock.move(DAY)
    town.look()
    assert town.domain(town.master, domain_id).state is DomainState.VERIFIED
    assert town.mails() == [(CHEF, f"{NAME} is verified")]


@pytest.mark.parametrize("fault", [DnsFault.SERVFAIL, DnsFault.SILENT])
def test_a_resolver_that_cannot_tell_never_loses_a_proof(town: Town, fault: DnsFault) -> None:
    domain_id = town.verified(town.master, NAME)
    town.mails()
    town.dns.break_(fault, NAME, f"_messa.{NAME}")
    for _ in range(3):
        town.world.clock.move(timedelta(days=10))
        town.look()
    row = town.domain(town.master, domain_id)
    assert (row.state, row.failing_since) == (DomainState.VERIFIED, None)
    assert row.fault is not None and row.fault.kind is FaultKind.UNREACHABLE
    assert row.check_at == town.world.clock.now() + timedelta(hours=1)
    assert town.mails() == []


def test_a_lost_proof_stays_lost_while_nobody_can_tell_and_is_not_suspended_by_that(town: Town) -> None:
    domain_id = town.verified(town.master, NAME)
    town.unprove(NAME)
    town.world.clock.move(DAY)
    town.look()
    since = town.domain(town.master, domain_id).failing_since
    town.dns.break_(DnsFault.SERVFAIL, NAME, f"_messa.{NAME}")
    town.world.clock.move(timedelta(days=30))
    town.look()
    row = town.domain(town.master, domain_id)
    assert since is not None and (row.state, row.failing_since) == (DomainState.VERIFIED, since)
