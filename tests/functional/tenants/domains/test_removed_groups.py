"""Domains never belong to a group that is gone, whoever else is about to tie them to it (spec D1, D4, G1)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.tenants import move_groups
from messa_platform.tenants.audit import SYSTEM
from messa_platform.tenants.domains import claims, take
from messa_platform.tenants.domains.claims import Added, Gone, Moved
from messa_platform.tenants.domains.standing import hold
from messa_platform.tenants.domains.verify import Verified, lock_name, verify
from messa_platform.tenants.models import DomainState, Group, Proof
from messa_platform.tenants.move_groups import Moved as GroupMoved
from tests.functional.tenants.domains.conftest import Town
from tests.support.observe import dawdling, together, wait_until_blocked

NAME = "kommun.example"
T, U = TypeVar("T"), TypeVar("U")


@pytest.fixture
def school(town: Town) -> Group:
    """A school of the municipality, which is removed: its people, and its domains, go to `home`."""
    return town.world.group(town.master, "Skolan")


@pytest.fixture
def home(town: Town) -> Group:
    return town.world.group(town.master, "Kansliet")


def remove(town: Town, session: Session, group: Group, home: Group) -> object:
    """Remove a group in a transaction."""
    here, to = town.place(group), town.place(home)
    return move_groups.remove(session, town.world.clock.now(), town.author, here, to, to, here.version)


def in_turn(town: Town, first: Callable[[Session], T], second: Callable[[Session], U]) -> tuple[T, U]:
    """Do two things at once, of which the first has done its part, and has not committed, when the second has to wait for it."""

    def later() -> U:
        with town.world.database.unit_of_work() as session:
            return second(session)

    with ThreadPoolExecutor(1) as thread:
        with town.world.database.unit_of_work() as session:
            done = first(session)
            waiting = thread.submit(later)
            wait_until_blocked(town.world.database)
        return done, waiting.result(30)


def group_of(town: Town, name: str = NAME) -> UUID:
    found: UUID = town.world.value("SELECT group_id FROM domain WHERE name = :name", name=name)
    return found


def test_a_removed_group_hands_all_its_domains_on_whatever_their_state(
    town: Town, school: Group, home: Group
) -> None:
    for state in DomainState:
        town.add(school, f"{state.value}.example")
        town.world.run(
            "UPDATE domain SET state = :state WHERE name = :name",
            state=state.value,
            name=f"{state.value}.example",
        )
    with town.world.database.unit_of_work() as session:
        assert isinstance(remove(town, session, school, home), GroupMoved)
    assert {group_of(town, f"{state.value}.example") for state in DomainState} == {home.id}
    moved = sorted(subject for action, subject in town.audit(home) if action == "domain_moved")
    assert moved == sorted(f"{state.value}.example" for state in DomainState)


def test_what_is_added_while_its_group_is_being_removed_is_refused(
    town: Town, school: Group, home: Group
) -> None:
    place, now = town.place(school), town.world.clock.now()
    removed, added = in_turn(
        town,
        lambda session: remove(town, session, school, home),
        lambda session: claims.add(session, session, now, town.author, place, NAME),
    )
    assert isinstance(removed, GroupMoved) and added == Gone()
    assert town.world.rows("SELECT * FROM domain") == []


def test_what_was_added_just_before_its_group_is_removed_goes_with_the_others(
    town: Town, school: Group, home: Group
) -> None:
    place, now = town.place(school), town.world.clock.now()
    added, removed = in_turn(
        town,
        lambda session: claims.add(session, session, now, town.author, place, NAME),
        lambda session: remove(town, session, school, home),
    )
    assert isinstance(added, Added) and isinstance(removed, GroupMoved)
    assert group_of(town) == home.id


def test_a_domain_does_not_move_to_a_group_that_is_being_removed(
    town: Town, school: Group, home: Group
) -> None:
    domain_id = town.add(town.master, NAME)
    here, there, now = town.place(town.master), town.place(school), town.world.clock.now()
    _, moved = in_turn(
        town,
        lambda session: remove(town, session, school, home),
        lambda session: claims.move(session, session, now, town.author, here, domain_id, there),
    )
    assert moved == Gone()
    assert group_of(town) == town.master.id


def test_a_domain_that_has_moved_to_a_group_just_before_it_is_removed_goes_on(
    town: Town, school: Group, home: Group
) -> None:
    domain_id = town.add(town.master, NAME)
    here, there, now = town.place(town.master), town.place(school), town.world.clock.now()
    moved, _ = in_turn(
        town,
        lambda session: claims.move(session, session, now, town.author, here, domain_id, there),
        lambda session: remove(town, session, school, home),
    )
    assert isinstance(moved, Moved)
    assert group_of(town) == home.id


def test_the_accounts_of_a_domain_that_is_verified_while_its_group_is_removed_come_to_where_it_goes(
    town: Town, school: Group, home: Group
) -> None:
    account = town.world.account(town.free(), f"anna@{NAME}")
    domain_id = town.add(school, NAME)
    now = town.world.clock.now()

    def verified(session: Session) -> object:
        lock_name(session, NAME)
        row = hold(session, domain_id)
        assert row is not None
        return verify(session, session, now, SYSTEM, row.claim, Proof.DNS, None)

    outcome, removed = in_turn(town, verified, lambda session: remove(town, session, school, home))
    assert isinstance(outcome, Verified) and isinstance(removed, GroupMoved)
    town.work()
    assert group_of(town) == town.home(account) == home.id


def test_a_domain_whose_group_is_removed_while_it_is_looked_at_is_verified_for_the_group_that_gets_it(
    town: Town, school: Group, home: Group
) -> None:
    account = town.world.account(town.free(), f"anna@{NAME}")
    domain_id = town.add(school, NAME)
    town.prove(domain_id)
    texts = town.checker._texts

    class Meanwhile:
        def texts(self, name: str) -> object:
            found = texts.texts(name)
            with town.world.database.unit_of_work() as session:
                assert isinstance(remove(town, session, school, home), GroupMoved)
            return found

    town.checker._texts = Meanwhile()  # type: ignore[assignment]
    town.checker.run()
    row = town.domain(home, domain_id)
    assert row.state is DomainState.VERIFIED
    town.work()
    assert town.home(account) == home.id


def test_nobody_is_taken_along_to_a_group_that_is_being_removed(
    town: Town, school: Group, home: Group
) -> None:
    domain_id = town.verified(school, NAME)
    claim, now = town.domain(school, domain_id).claim, town.world.clock.now()
    _, taken = in_turn(
        town,
        lambda session: remove(town, session, school, home),
        lambda session: take.take_along(session, session, now, town.author, claim),
    )
    assert taken is None


def test_however_many_add_and_move_domains_while_their_groups_go_none_is_left_behind(
    town: Town, home: Group
) -> None:
    groups = [town.world.group(town.master, f"Enhet {n}") for n in range(3)]
    waiting = town.add(town.master, "flyttas.example")
    now, master = town.world.clock.now(), town.place(town.master)
    places = [town.place(group) for group in groups]

    def added(n: int) -> object:
        with town.world.database.unit_of_work() as session:
            return claims.add(session, session, now, town.author, places[n % 3], f"d{n}.example")

    def moved() -> object:
        with town.world.database.unit_of_work() as session:
            return claims.move(session, session, now, town.author, master, waiting, places[0])

    def removed(group: Group) -> object:
        with town.world.database.unit_of_work() as session:
            return remove(town, session, group, home)

    with dawdling(town.world.database.engine, 0.01):
        together(
            [
                *(lambda n=n: added(n) for n in range(6)),
                moved,
                *(lambda group=group: removed(group) for group in groups),
            ]
        )
    left = town.world.rows(
        'SELECT d.name FROM domain d JOIN "group" g ON g.id = d.group_id WHERE g.removed_at IS NOT NULL'
    )
    assert left == []
    assert town.world.value('SELECT count(*) FROM "group" WHERE removed_at IS NOT NULL') == 3
