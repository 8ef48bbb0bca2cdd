"""What would become of addresses, were they put into a group (spec G11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.models import DomainState, Group
from messa_platform.tenants.people.plan import ASKED_AGAIN, REST_AFTER_NO, Word
from tests.support.observe import statements
from tests.support.people import Town
from tests.support.world import World


def test_an_unknown_address_is_added(town: Town) -> None:
    assert town.words(town.school, town.master, "ny@kommun.example", "ny@fri.example") == ["add", "add"]


def test_an_unknown_address_in_another_tenants_domain_is_asked(town: Town, world: World) -> None:
    asked = ["ny@annan.example", "ny@skolan.annan.example", "ny@xannan.example"]
    assert town.words(town.school, town.master, *asked) == ["ask", "ask", "add"]
    world.run("UPDATE domain SET state = 'suspended' WHERE name = 'annan.example'")
    assert town.words(town.school, town.master, "ny@annan.example") == ["add"]


def test_who_is_in_the_very_group_stays_blocked_or_not(town: Town, world: World) -> None:
    world.account(town.school, "anna@kommun.example")
    world.account(town.school, "bo@kommun.example", blocked=True)
    assert town.words(town.school, town.school, "anna@kommun.example", "bo@kommun.example") == ["here"] * 2


def test_a_source_is_named_only_to_an_admin_who_sees_it(town: Town, world: World) -> None:
    world.account(town.form, "elev@kommun.example")
    world.account(town.care, "cia@kommun.example")
    text = "elev@kommun.example\ncia@kommun.example"
    by_master = town.plan(town.school, town.master, text)
    assert [(p.word, p.from_group_id) for p in by_master] == [
        (Word.MOVE, town.form.id),
        (Word.MOVE, town.care.id),
    ]
    by_subadmin = town.plan(town.school, town.school, text)
    assert [(p.word, p.from_group_id) for p in by_subadmin] == [
        (Word.MOVE, town.form.id),
        (Word.MOVE_UNSEEN, None),
    ]


def test_an_address_above_comes_unnamed(town: Town, world: World) -> None:
    world.account(town.master, "chef@kommun.example")
    [planned] = town.plan(town.form, town.school, "chef@kommun.example")
    assert (planned.word, planned.from_group_id) == (Word.MOVE_UNSEEN, None)


def test_a_proven_domain_takes_its_addresses_from_everywhere(town: Town, world: World, free: Group) -> None:
    world.account(free, "anna@kommun.example")
    world.account(town.other, "bo@skolan.kommun.example")
    found = town.plan(town.school, town.school, "anna@kommun.example\nbo@skolan.kommun.example")
    assert [(p.word, p.from_group_id) for p in found] == [(Word.TAKE, None), (Word.TAKE, None)]
    world.run("UPDATE domain SET state = :state WHERE name = 'kommun.example'", state=DomainState.WAITING)
    assert town.words(town.school, town.school, "anna@kommun.example") == ["ask"]


def test_the_longest_proven_domain_decides_whose_address_it_is(town: Town, world: World, free: Group) -> None:
    world.domain(town.other, "bolag.kommun.example")
    world.account(free, "vd@bolag.kommun.example")
    assert town.words(town.school, town.master, "vd@bolag.kommun.example", "ny@bolag.kommun.example") == [
        "ask",
        "ask",
    ]


def test_who_is_elsewhere_is_asked(town: Town, world: World, free: Group) -> None:
    world.account(free, "anna@fri.example")
    world.account(town.other, "bo@annan.example")
    world.account(town.other, "cia@annan.example", blocked=True)
    found = town.plan(town.school, town.master, "anna@fri.example\nbo@annan.example\ncia@annan.example")
    assert [(p.word, p.from_group_id) for p in found] == [(Word.ASK, None)] * 3


def test_whether_somebody_elsewhere_is_blocked_or_removed_is_not_told(
    town: Town, world: World, clock: FixedClock
) -> None:
    for name, values in (("a", {}), ("b", {"blocked": True})):
        world.account(town.other, f"{name}@fri.example", **values)
    world.account(town.other, "c@fri.example", blocked=True, removed_at=clock.now())
    assert town.words(town.school, town.master, *(f"{n}@fri.example" for n in "abc")) == ["ask"] * 3


def test_who_was_removed_elsewhere_is_nobodys_and_so_as_good_as_new(
    town: Town, world: World, clock: FixedClock
) -> None:
    world.account(town.other, "bo@fri.example", removed_at=clock.now())
    world.account(town.other, "bo@annan.example", removed_at=clock.now())
    world.account(town.other, "bo@kommun.example", removed_at=clock.now())
    addresses = ["bo@fri.example", "bo@annan.example", "bo@kommun.example"]
    assert town.words(town.school, town.master, *addresses) == ["add", "ask", "add"]


def test_who_was_removed_from_a_group_that_the_admin_sees_comes_back_even_if_blocked(
    town: Town, world: World, clock: FixedClock
) -> None:
    world.account(town.form, "anna@kommun.example", removed_at=clock.now())
    world.account(town.school, "bo@kommun.example", removed_at=clock.now(), blocked=True)
    assert town.words(town.school, town.school, "anna@kommun.example", "bo@kommun.example") == ["return"] * 2


def test_that_somebody_was_removed_beside_is_not_told_and_a_block_there_holds(
    town: Town, world: World, clock: FixedClock
) -> None:
    world.account(town.care, "anna@kommun.example", removed_at=clock.now())
    world.account(town.care, "bo@kommun.example", removed_at=clock.now(), blocked=True)
    world.account(town.care, "cia@kommun.example", blocked=True)
    addresses = ["anna@kommun.example", "bo@kommun.example", "cia@kommun.example"]
    assert town.words(town.school, town.school, *addresses) == ["add", "blocked", "blocked"]
    assert town.words(town.school, town.master, *addresses) == ["return", "return", "move"]


def test_the_platforms_own_accounts_never_move(
    town: Town, world: World, free: Group, clock: FixedClock
) -> None:
    world.account(free, "chef@kommun.example", is_operator=True)
    world.account(town.care, "drift@kommun.example", is_operator=True)
    world.account(free, "f.d@kommun.example", is_operator=True, removed_at=clock.now())
    addresses = ["chef@kommun.example", "drift@kommun.example", "f.d@kommun.example"]
    assert town.words(town.care, town.master, *addresses) == ["operator"] * 3


def test_every_line_is_answered_and_an_address_that_stands_twice_comes_once(town: Town) -> None:
    words = town.words(
        town.school,
        town.master,
        "anna@kommun.example",
        "Anna",
        "ANNA@kommun.example",
        "bo@",
        "anna@kommun.example",
    )
    assert words == ["add", "bad", "duplicate", "bad", "duplicate"]


@pytest.mark.parametrize(
    ("answer", "free_again"),
    [("answered_at = NULL", ASKED_AGAIN), ("answered_at = asked_at, accepted = false", REST_AFTER_NO)],
)
def test_who_was_asked_of_late_or_has_said_no_is_let_alone_for_a_while(
    town: Town, world: World, clock: FixedClock, answer: str, free_again: timedelta
) -> None:
    assert town.add(town.school, town.master, "bo@annan.example") == {"bo@annan.example": "ask"}
    world.run(f"UPDATE consent_request SET {answer}")
    clock.move(free_again - timedelta(seconds=1))
    assert town.words(town.school, town.master, "bo@annan.example") == ["asked"]
    clock.move(timedelta(seconds=1))
    assert town.words(town.school, town.master, "bo@annan.example") == ["ask"]


def test_what_one_tenant_has_asked_keeps_no_other_from_asking(town: Town, world: World) -> None:
    third = world.tenant("tredje", "Tredje")
    assert town.add(town.school, town.master, "bo@annan.example") == {"bo@annan.example": "ask"}
    assert town.words(third, third, "bo@annan.example") == ["ask"]


def test_many_lines_take_as_many_statements_as_a_few(town: Town, world: World) -> None:
    def count(lines: int) -> int:
        text = "\n".join(f"p{i}@skola{i % 50}.kommun.example" for i in range(lines))
        with statements(world.database.engine) as seen:
            town.plan(town.school, town.master, text)
        return len(seen)

    assert count(20) == count(2000)
