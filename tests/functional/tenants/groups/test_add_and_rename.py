"""Groups are added and renamed."""

from __future__ import annotations

import pytest

from messa_platform.tenants.models import Group
from messa_platform.tenants.move_groups import DEEPEST, LONGEST_NAME, Conflict, Refusal
from messa_platform.tenants.places import Place
from messa_platform.tenants.tree import RESERVED_SLUGS, swedish_sort_key
from tests.support.office import Office
from tests.support.world import World

# Adding


def test_a_group_is_added_below_another_and_both_logs_say_so(office: Office, master: Group) -> None:
    made = office.add(master, "  Särskolan \u202e  2 ")
    assert isinstance(made, Place)
    assert (made.name, made.slug, made.parent_id, made.version) == (
        "Särskolan 2",
        "sarskolan-2",
        master.id,
        1,
    )
    assert made.path == f"{master.path}.{made.id.hex}"
    for log in (master, made.id):
        entry = office.log(log, "group_added")[-1]
        assert (entry.subject, entry.subject_id, entry.after) == (
            "Särskolan 2",
            made.id,
            {"parent": str(master.id)},
        )


def test_groups_of_one_name_have_addresses_of_their_own(office: Office, master: Group) -> None:
    made = [office.add(master, "Klass") for _ in range(3)]
    assert [m.slug for m in made if isinstance(m, Place)] == ["klass", "klass-2", "klass-3"]


@pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
def test_no_group_has_the_address_of_a_page(office: Office, master: Group, slug: str) -> None:
    made = office.add(master, slug)
    assert isinstance(made, Place) and made.slug == f"{slug}-2"


@pytest.mark.parametrize(
    ("name", "refusal"),
    [("", Refusal.NO_NAME), (" \u200b\n", Refusal.NO_NAME), ("x" * (LONGEST_NAME + 1), Refusal.TOO_LONG)],
)
def test_a_name_is_one_line_that_can_be_seen(
    office: Office, master: Group, name: str, refusal: Refusal
) -> None:
    assert office.add(master, name) is refusal
    assert office.rename(master, name) is refusal


def test_an_address_is_no_longer_than_it_need_be(office: Office, master: Group) -> None:
    made = office.add(master, "m" * LONGEST_NAME)
    assert isinstance(made, Place) and made.slug == "m" * 30


def test_a_tree_has_an_end(world: World, office: Office, master: Group) -> None:
    deepest = master
    for n in range(DEEPEST - 1):
        deepest = world.group(deepest, f"nivå {n}")
    assert office.add(deepest, "för djupt") is Refusal.TOO_DEEP
    pair = world.group(master, "par")
    world.group(pair, "ett")
    assert office.move(pair, world.group(master, "annan")) != Refusal.TOO_DEEP
    assert office.move(pair, deepest, 2) is Refusal.TOO_DEEP
    assert office.remove(pair, master, deepest, 2) is Refusal.TOO_DEEP


# Renaming


def test_a_renamed_group_keeps_its_address_and_stands_where_its_new_name_belongs(
    world: World, office: Office, master: Group
) -> None:
    school = world.group(master, "Skolan")
    renamed = office.rename(school, "Ådalsskolan")
    assert isinstance(renamed, Place)
    assert (renamed.name, renamed.slug, renamed.version) == ("Ådalsskolan", "skolan", 2)
    assert world.value('SELECT sort_key FROM "group" WHERE id = :id', id=school.id) == swedish_sort_key(
        "Ådalsskolan"
    )
    entry = office.log(school, "group_renamed")[-1]
    assert (entry.before, entry.after) == ({"name": "Skolan"}, {"name": "Ådalsskolan"})
    assert office.rename(school, "Ådalsskolan", 2) == renamed
    assert len(office.log(school, "group_renamed")) == 1


def test_of_two_who_rename_a_group_the_second_is_told(world: World, office: Office, master: Group) -> None:
    school = world.group(master, "Skolan")
    office.rename(school, "Norrskolan")
    answer = office.rename(school, "Söderskolan")
    assert isinstance(answer, Conflict) and (answer.place.name, answer.place.version) == ("Norrskolan", 2)
    assert office.place(school).name == "Norrskolan"
    assert isinstance(office.move(school, world.group(master, "Skolor")), Conflict)
    assert isinstance(office.remove(school, master), Conflict)
    assert isinstance(office.rename(school, "Söderskolan", 2), Place)
