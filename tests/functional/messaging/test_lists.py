"""Saved lists, and lists as people paste them (spec P2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.ids import new_id
from messa_platform.messaging import lists
from messa_platform.messaging.lists import (
    LONGEST_NAME,
    MOST_ENTRIES,
    LineFault,
    Listed,
    ListFault,
    Parsed,
    parse,
    parse_for,
)
from messa_platform.messaging.recipients import Fault
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.numbers import OwnRange
from tests.support.observe import statements, together
from tests.support.world import World

ANNA, BO = Listed("+46701740605", "Anna"), Listed("+46701740606", "Bo")


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def teacher(world: World, master: Group) -> UUID:
    return world.account(master, "larare@kommun.example")


def create(world: World, account_id: UUID, name: str, *entries: Listed) -> UUID | ListFault:
    with world.database.unit_of_work() as session:
        return lists.create(session, world.clock.now(), account_id, name, entries or [ANNA])


def made(world: World, account_id: UUID, name: str, *entries: Listed) -> UUID:
    identifier = create(world, account_id, name, *entries)
    assert isinstance(identifier, UUID)
    return identifier


def replace(world: World, account_id: UUID, list_id: UUID, name: str, *entries: Listed) -> ListFault | None:
    with world.database.unit_of_work() as session:
        return lists.replace(session, account_id, list_id, name, entries or [ANNA])


def names(world: World, account_id: UUID) -> list[str]:
    with world.database.unit_of_work() as session:
        return [row.name for row in lists.all_lists(session, account_id)]


def entries(world: World, account_id: UUID, list_id: UUID) -> Any:
    with world.database.unit_of_work() as session:
        found = lists.get(session, account_id, list_id)
    return found and found.entries


# Reading


def read(line: str) -> list[tuple[str, str]] | Fault | LineFault:
    """What one line says."""
    parsed = parse(line, "46")
    return parsed.bad[0].fault if parsed.bad else [(e.number, e.name) for e in parsed.entries]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("0701740605", ""),
        ("070-174 06 05 Göran", "Göran"),
        ("Göran 070-174 06 05", "Göran"),
        ("Göran;0701740605", "Göran"),
        ("0701740605;Göran", "Göran"),
        ("Göran Ek, 070-1740605", "Göran Ek"),
        ("0701740605\tGöran", "Göran"),
        ('"Ek; Göran";"0701740605"', "Ek Göran"),
        ("Göran (070-174 06 05)", "Göran"),
        ("+46 70 174 06 05 (Göran)", "Göran"),
        ("+46 (0)70-174 06 05 Göran", "Göran"),
        ("(070) 174 06 05 Göran", "Göran"),
        ("Göran: 0046701740605", "Göran"),
        ("701740605 Göran", "Göran"),
        ("Göran 46701740605", "Göran"),
        ("Göran 2 701740605", "Göran 2"),
        ("Klass 4B 0701740605", "Klass 4B"),
        ("0701740605 Klass 4", "Klass 4"),
        ("12. 0701740605 Göran", "Göran"),
        ("12 0701740605", ""),
        ("3) +46701740605", ""),
        ("Göran;0701740605;4", "Göran 4"),
        ("Göran;0701740605;850101-1234", "Göran"),
        ("  Göran   Ek ; 0701740605 ;;", "Göran Ek"),
    ],
)
def test_a_number_and_a_name_are_found_however_they_stand(line: str, name: str) -> None:
    assert read(line) == [("+46701740605", name)]


def test_numbers_that_stand_on_one_line_are_several() -> None:
    assert read("0701740605, 0701740606;+46701740607") == [
        ("+46701740605", ""), ("+46701740606", ""), ("+46701740607", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Göran", Fault.NOT_A_NUMBER),
        (";;;", Fault.NOT_A_NUMBER),
        ("Göran;070", Fault.TOO_SHORT),
        ("Göran 070", Fault.TOO_SHORT),
        ("0701740605123456;Göran", Fault.TOO_LONG),
        ("0701740605 0701740606", LineFault.SEVERAL_NUMBERS),
        ("Göran;0701740605;0850505050", LineFault.SEVERAL_NUMBERS),
        ("Göran 0701740605;Åsa 0701740606", LineFault.SEVERAL_NUMBERS),
        ("x" * 500 + " 0701740605", Fault.NOT_A_NUMBER),
    ],
)
def test_a_line_that_names_no_recipient_says_why(line: str, fault: Fault | LineFault) -> None:
    assert read(line) == fault


def test_each_bad_line_is_told_with_its_place_and_each_repeated_one_with_what_it_repeats() -> None:
    parsed = parse("Göran 0701740605\r\n\r\nÅsa\r\n+46701740605 Ek\r\n0701740606\r\n 12 ", "46")
    assert parsed.entries == (Listed("+46701740605", "Göran"), Listed("+46701740606"))
    assert parsed.lines == (1, 5)
    assert [(bad.line, bad.written, bad.fault) for bad in parsed.bad] == [
        (3, "Åsa", Fault.NOT_A_NUMBER),
        (6, "12", Fault.TOO_SHORT),
    ]
    assert parsed.repeated == ((4, Listed("+46701740605", "Ek")),)


def test_an_account_reads_a_list_with_its_groups_country_code_and_our_own_numbers(
    world: World, master: Group, teacher: UUID
) -> None:
    norway = world.group(master, "Norge")
    world.set(norway, Key.COUNTRY_CODE, "47")
    world.numbers()
    nils = world.account(norway, "nils@kommun.example")
    with world.database.unit_of_work() as session:
        here = parse_for(session, teacher, "070-174 06 05\n+467301214000001")
        there = parse_for(session, nils, "040123456")
    assert [e.number for e in here.entries] == ["+46701740605", "+467301214000001"]
    assert [e.number for e in there.entries] == ["+4740123456"]


@given(st.text("0147+-() ;,\t\naåG.:\"'x", max_size=120))
def test_whatever_is_pasted_is_read_and_each_number_stands_once(pasted: str) -> None:
    parsed: Parsed = parse(pasted, "46", [OwnRange(467301214000000, 467301214999999)])
    numbers = [e.number for e in parsed.entries]
    assert len(set(numbers)) == len(numbers) == len(parsed.lines)
    assert all(number.startswith("+") for number in numbers)
    assert {number for _, listed in parsed.repeated for number in [listed.number]} <= set(numbers)
    named = {*parsed.lines, *(bad.line for bad in parsed.bad), *(line for line, _ in parsed.repeated)}
    assert named == {place for place, line in enumerate(pasted.split("\n"), 1) if line.strip()}


# Saving


def test_a_list_is_kept_with_its_recipients_in_order(world: World, teacher: UUID) -> None:
    saved = made(world, teacher, "  Klass   4B ", BO, ANNA, Listed("+4670174060", "Cia"))
    with world.database.unit_of_work() as session:
        found = lists.get(session, teacher, saved)
        [row] = lists.all_lists(session, teacher)
    assert found is not None
    assert (found.id, found.name) == (saved, "Klass 4B")
    assert found.entries == (BO, ANNA, Listed("+4670174060", "Cia"))
    assert (row.id, row.name, row.size, row.created_at) == (saved, "Klass 4B", 3, world.clock.now())


def test_a_number_named_twice_is_kept_once(world: World, teacher: UUID) -> None:
    saved = made(world, teacher, "Klass 4B", ANNA, BO, Listed(ANNA.number, "Anna igen"))
    assert entries(world, teacher, saved) == (ANNA, BO)


def test_lists_stand_in_swedish_order(world: World, teacher: UUID) -> None:
    for name in ("Östra", "Ängen", "alla", "Åsen", "Zebran"):
        made(world, teacher, name)
    assert names(world, teacher) == ["alla", "Zebran", "Åsen", "Ängen", "Östra"]


def test_a_list_gets_another_name_and_other_recipients(world: World, teacher: UUID) -> None:
    saved = made(world, teacher, "Klass 4B", ANNA)
    assert replace(world, teacher, saved, "Klass 5B", BO, ANNA) is None
    assert names(world, teacher) == ["Klass 5B"]
    assert entries(world, teacher, saved) == (BO, ANNA)
    assert replace(world, teacher, saved, "Klass 5B", BO) is None
    assert entries(world, teacher, saved) == (BO,)


def test_a_name_is_an_accounts_own_once(world: World, master: Group, teacher: UUID) -> None:
    first, second = made(world, teacher, "Klass 4B", ANNA), made(world, teacher, "Klass 5B", BO)
    assert create(world, teacher, "Klass 4B") is ListFault.NAME_TAKEN
    assert replace(world, teacher, second, "Klass 4B", ANNA) is ListFault.NAME_TAKEN
    assert entries(world, teacher, first) == (ANNA,)
    assert entries(world, teacher, second) == (BO,)
    made(world, world.account(master, "kollega@kommun.example"), "Klass 4B")


def test_of_lists_made_at_once_with_one_name_one_is_kept(world: World, teacher: UUID) -> None:
    results = together([lambda: create(world, teacher, "Klass 4B")] * 6)
    assert results.count(ListFault.NAME_TAKEN) == 5
    assert names(world, teacher) == ["Klass 4B"]


def test_of_lists_renamed_at_once_to_one_name_one_is(world: World, teacher: UUID) -> None:
    ids = [made(world, teacher, f"Klass {i}") for i in range(5)]
    results = together([lambda i=i: replace(world, teacher, i, "Skolan") for i in ids])  # type: ignore[misc]
    assert (results.count(None), results.count(ListFault.NAME_TAKEN)) == (1, 4)
    assert names(world, teacher).count("Skolan") == 1


def test_a_list_that_is_not_in_order_is_not_kept(world: World, teacher: UUID) -> None:
    many = [Listed(f"+46701{i:06}") for i in range(MOST_ENTRIES)]
    assert create(world, teacher, " \n ") is ListFault.NO_NAME
    assert create(world, teacher, "x" * (LONGEST_NAME + 1)) is ListFault.NAME_TOO_LONG
    assert create(world, teacher, "Alla", *many, Listed("+46702000000")) is ListFault.TOO_MANY
    with world.database.unit_of_work() as session:
        assert lists.create(session, world.clock.now(), teacher, "Tom", []) is ListFault.EMPTY
    assert names(world, teacher) == []
    assert len(entries(world, teacher, made(world, teacher, "Alla", *many))) == MOST_ENTRIES


def test_a_deleted_list_is_gone_with_its_recipients(world: World, teacher: UUID) -> None:
    saved = made(world, teacher, "Klass 4B", ANNA, BO)
    with world.database.unit_of_work() as session:
        assert lists.delete(session, teacher, saved)
        assert not lists.delete(session, teacher, saved)
    assert names(world, teacher) == []
    assert world.value("SELECT count(*) FROM listed_recipient") == 0
    assert replace(world, teacher, saved, "Klass 4B") is ListFault.GONE


def test_anothers_list_cannot_be_seen_changed_or_deleted(world: World, master: Group, teacher: UUID) -> None:
    other = world.account(world.tenant("annan", "Annan kommun"), "olle@annan.example")
    saved = made(world, teacher, "Klass 4B", ANNA)
    assert (names(world, other), entries(world, other, saved)) == ([], None)
    assert entries(world, teacher, new_id()) is None
    assert replace(world, other, saved, "Min", BO) is ListFault.GONE
    with world.database.unit_of_work() as session:
        assert not lists.delete(session, other, saved)
    assert (names(world, teacher), entries(world, teacher, saved)) == (["Klass 4B"], (ANNA,))


def test_many_lists_and_many_recipients_take_no_more_statements(world: World, teacher: UUID) -> None:
    taken = []
    for round_, size in enumerate((1, 1000)):
        many = [Listed(f"+46701{i:06}") for i in range(size)]
        with statements(world.database.engine) as seen:
            saved = made(world, teacher, f"Lista {round_}", *many)
            replace(world, teacher, saved, f"Lista {round_}", *many)
            entries(world, teacher, saved)
            names(world, teacher)
        taken.append(len(seen))
    assert taken[0] == taken[1]
