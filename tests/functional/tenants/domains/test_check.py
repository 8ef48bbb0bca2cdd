"""Domains looked at by the worker: proven, lost, suspended, found again (spec D1)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import event

from messa_platform.tenants import tasks
from messa_platform.tenants.domains import check, claims
from messa_platform.tenants.domains.check import BATCH, LEASE
from messa_platform.tenants.domains.claims import Added, Known, TooMany
from messa_platform.tenants.domains.faults import Fault, FaultKind
from messa_platform.tenants.models import DomainState, Group, Proof
from tests.functional.tenants.domains.conftest import OPERATOR, Town
from tests.support.dns_server import Fault as DnsFault
from tests.support.observe import dawdling, together

NAME = "kommun.example"
CHEF = "chef@kommunen.example"
DAY = timedelta(days=1)


@pytest.fixture
def rival(town: Town) -> Group:
    """Another organisation, which thinks that the same domain is its own."""
    master = town.world.tenant("annan", "Annan kommun")
    town.administer(master, "admin@annan.example", language="en")
    return master


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


def ask(town: Town, domain_id: UUID) -> bool:
    """Press *check now*."""
    with town.world.database.unit_of_work() as session:
        return claims.check_now(session, town.world.clock.now(), town.place(town.master), domain_id)


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


def suspended(town: Town, domain_id: UUID) -> None:
    """Let a domain's proof be lost for two weeks."""
    town.unprove(NAME)
    for _ in range(3):
        town.world.clock.move(timedelta(days=7, hours=6))
        town.look()
    assert town.domain(town.master, domain_id).state is DomainState.SUSPENDED
    town.mails()


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


def test_only_so_many_domains_wait_at_a_time(town: Town) -> None:
    for n in range(claims.MOST_WAITING):
        town.add(town.master, f"d{n}.example")
    assert town.try_add(town.master, NAME) == TooMany()


def test_many_domains_are_looked_at_with_few_statements(town: Town) -> None:
    for n in range(BATCH):
        town.dns.put(f"_messa.d{n}.example", "annat")
        town.add(town.master, f"d{n}.example")
    statements: list[str] = []
    event.listen(
        town.world.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2].split()[0])
    )
    assert town.checker.run() is True
    assert statements == ["WITH", "SELECT", "UPDATE"]
    assert town.checker.run() is False


def test_no_transaction_is_open_while_the_dns_is_asked(town: Town) -> None:
    town.add(town.master, NAME)
    checked_out = []
    texts = town.checker._texts

    class Asked:
        def texts(self, name: str) -> object:
            checked_out.append(town.world.database.engine.pool.checkedout())  # type: ignore[attr-defined]
            return texts.texts(name)

    town.checker._texts = Asked()  # type: ignore[assignment]
    town.checker.run()
    assert checked_out == [0, 0]


def test_what_is_asked_for_while_it_is_looked_at_is_looked_at_once_more(town: Town) -> None:
    domain_id = town.add(town.master, NAME)
    texts = town.checker._texts

    class Meanwhile:
        def texts(self, name: str) -> object:
            found = texts.texts(name)
            if name == NAME:
                town.prove(domain_id)
                assert ask(town, domain_id)
            return found

    town.checker._texts = Meanwhile()  # type: ignore[assignment]
    town.checker.run()
    row = town.domain(town.master, domain_id)
    assert (row.checked_at, row.check_at) == (None, town.world.clock.now())
    town.checker._texts = texts
    town.look()
    assert town.domain(town.master, domain_id).state is DomainState.VERIFIED


def test_a_domain_that_moves_to_another_group_while_it_is_looked_at_is_verified_for_that_one(
    town: Town,
) -> None:
    school = town.world.group(town.master, "Skolan")
    town.administer(school, "rektor@kommunen.example", language="en")
    account = town.world.account(town.free(), f"anna@{NAME}")
    domain_id = town.add(town.master, NAME)
    town.prove(domain_id)
    texts = town.checker._texts

    class Meanwhile:
        def texts(self, name: str) -> object:
            here, there = town.place(town.master), town.place(school)
            with town.world.database.unit_of_work() as session:
                claims.move(session, session, town.world.clock.now(), town.author, here, domain_id, there)
            return texts.texts(name)

    town.checker._texts = Meanwhile()  # type: ignore[assignment]
    town.checker.run()
    assert town.domain(school, domain_id).state is DomainState.VERIFIED
    assert town.mails() == [("rektor@kommunen.example", f"{NAME} is verified")]
    assert ("domain_verified", NAME) in town.audit(school)
    assert ("domain_verified", NAME) not in town.audit(town.master)
    town.work()
    assert town.home(account) == school.id


def test_tenants_take_turns_however_many_domains_one_has_waiting(town: Town, rival: Group) -> None:
    for n in range(claims.MOST_WAITING):
        town.add(town.master, f"d{n}.example")
    town.world.clock.move(timedelta(seconds=1))
    theirs = town.add(rival, NAME)
    town.world.clock.move(timedelta(seconds=1))
    town.checker.run()
    assert town.domain(rival, theirs).checked_at == town.world.clock.now()
    checked = town.world.value(
        "SELECT count(*) FROM domain WHERE checked_at IS NOT NULL AND tenant_id = :id",
        id=town.master.tenant_id,
    )
    assert checked == BATCH - 1


def test_two_workers_never_look_at_one_domain_at_once(town: Town, rival: Group) -> None:
    for n in range(6):
        town.add(town.master, f"d{n}.example")
        town.add(rival, f"e{n}.example")
    asked: list[str] = []
    texts = town.checker._texts

    class Noted:
        def texts(self, name: str) -> object:
            asked.append(name)
            return texts.texts(name)

    checkers = [town.checker_of(4) for _ in range(3)]
    for checker in checkers:
        checker._texts = Noted()  # type: ignore[assignment]
    with dawdling(town.world.database.engine, 0.02):
        together([checker.run for checker in checkers])
    assert len(asked) == len(set(asked)) == 24


def test_what_a_worker_died_with_is_looked_at_again_after_its_lease(town: Town) -> None:
    domain_id = town.add(town.master, NAME)

    class Dies:
        def texts(self, name: str) -> object:
            raise KeyboardInterrupt

    texts, town.checker._texts = town.checker._texts, Dies()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        town.checker.run()
    town.checker._texts = texts
    town.prove(domain_id)
    town.look()
    assert town.domain(town.master, domain_id).state is DomainState.WAITING
    town.world.clock.move(LEASE)
    town.look()
    assert town.domain(town.master, domain_id).state is DomainState.VERIFIED


def test_where_nobody_administers_the_group_those_above_are_told_and_else_the_operator(town: Town) -> None:
    school = town.world.group(town.master, "Skolan")
    town.verified(school, NAME)
    assert town.mails() == [(CHEF, f"{NAME} is verified")]
    lonely = town.world.tenant("ensam", "Ensam kommun")
    town.verified(lonely, "ensam.example")
    assert [recipient for recipient, _ in town.mails()] == [OPERATOR]
