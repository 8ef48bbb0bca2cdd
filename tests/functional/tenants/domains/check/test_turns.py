"""How the checker takes its turns: many domains, several workers, and what happens meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from messa_platform.tenants.domains import claims
from messa_platform.tenants.domains.check import BATCH, LEASE
from messa_platform.tenants.domains.claims import TooMany
from messa_platform.tenants.models import DomainState, Group
from tests.functional.tenants.domains.conftest import OPERATOR, Town
from tests.support.checked_domains import CHEF, NAME, ask
from tests.support.observe import dawdling, together


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
