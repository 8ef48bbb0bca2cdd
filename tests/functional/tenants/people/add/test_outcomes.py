"""What becomes of people who are added, of their numbers, and who is told (spec G11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.post import POST_ACTOR
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.numbers import Holder
from messa_platform.tenants.people.adding import MOST_NAMED
from tests.support.added_people import ANNA, BO, CIA
from tests.support.held_numbers import holders
from tests.support.people import Town
from tests.support.world import World


def test_a_new_account_stands_in_the_group_by_hand_with_its_name(town: Town, clock: FixedClock) -> None:
    assert town.add(town.school, town.master, "Anna Ek <anna@kommun.example>") == {ANNA: "add"}
    anna = town.account(ANNA)
    assert (anna.tenant_id, anna.group_id) == (town.school.tenant_id, town.school.id)
    assert (anna.display_name, anna.placed_by_hand, anna.group_since) == ("Anna Ek", True, clock.now())
    assert town.log(town.school) == [("account_added", ANNA), ("people_added", "")]
    assert town.mails() == []


def test_a_move_within_the_tenant_stands_in_both_logs(town: Town, world: World, clock: FixedClock) -> None:
    anna = world.account(town.form, ANNA, display_name="Anna")
    clock.move(timedelta(days=3))
    assert town.add(town.care, town.master, "Annan Anna <anna@kommun.example>") == {ANNA: "move"}
    row = town.account(ANNA)
    assert (row.id, row.group_id, row.display_name) == (anna, town.care.id, "Anna")
    assert (row.placed_by_hand, row.group_since, row.version) == (True, clock.now(), 2)
    assert town.log(town.form) == [("account_moved", ANNA)]
    assert town.log(town.care) == [("account_moved", ANNA), ("people_added", "")]
    entries = world.rows(
        "SELECT before, after, actor_address FROM audit_entry WHERE action = 'account_moved'"
    )
    ids = {"group": str(town.form.id)}, {"group": str(town.care.id)}
    assert [(e.before, e.after, e.actor_address) for e in entries] == [(*ids, "karin@kommun.example")] * 2


def test_who_is_here_already_is_left_as_it_is(town: Town, world: World, clock: FixedClock) -> None:
    world.account(town.school, ANNA)
    clock.move(timedelta(days=3))
    assert town.add(town.school, town.master, ANNA) == {ANNA: "here"}
    row = town.account(ANNA)
    assert (row.version, row.placed_by_hand) == (1, False)
    assert row.group_since < clock.now()
    assert town.log(town.school) == [("people_added", "")]


def test_a_proven_domain_takes_an_account_from_another_tenant_which_learns_that_it_left(
    town: Town, world: World
) -> None:
    world.account(town.other, ANNA)
    assert town.add(town.school, town.school, ANNA) == {ANNA: "take"}
    row = town.account(ANNA)
    assert (row.tenant_id, row.group_id) == (town.school.tenant_id, town.school.id)
    assert town.log(town.other) == [("account_moved", ANNA)]
    [entry] = world.rows("SELECT * FROM audit_entry WHERE tenant_id = :id", id=town.other.tenant_id)
    assert (entry.actor_address, entry.actor_id) == ("", None)
    assert town.mails() == []


def test_who_comes_to_another_tenant_is_signed_out_and_who_only_moves_is_not(
    town: Town, world: World, free: Group
) -> None:
    for group, address in ((free, ANNA), (town.care, BO)):
        account = world.account(group, address)
        world.run(
            "INSERT INTO web_session (id, tenant_id, account_id, kind, digest, csrf, user_agent, address, created_at, seen_at, expires_at)"
            " VALUES (gen_random_uuid(), :tenant, :id, 'browser', decode(md5(:address), 'hex'), 'x', '', '', now(), now(), now())",
            tenant=group.tenant_id,
            id=account,
            address=address,
        )
    assert town.add(town.school, town.master, ANNA, BO) == {ANNA: "take", BO: "move"}
    assert [r.account_id for r in world.rows("SELECT account_id FROM web_session")] == [town.account(BO).id]


def test_who_was_removed_comes_back_unblocked_and_that_is_written_down(
    town: Town, world: World, clock: FixedClock
) -> None:
    anna = world.account(town.form, ANNA, removed_at=clock.now(), blocked=True, display_name="Anna")
    assert town.add(town.school, town.school, ANNA) == {ANNA: "return"}
    row = town.account(ANNA)
    assert (row.id, row.removed_at, row.blocked, row.group_id) == (anna, None, False, town.school.id)
    assert (row.placed_by_hand, row.display_name) == (True, "Anna")
    assert town.log(town.school)[:2] == [("account_unblocked", ANNA), ("account_added", ANNA)]
    assert town.log(town.form) == []


def test_who_was_removed_elsewhere_is_new_here_and_the_other_tenant_is_told_nothing(
    town: Town, world: World, clock: FixedClock
) -> None:
    world.account(town.other, "bo@fri.example", removed_at=clock.now())
    assert town.add(town.school, town.master, "Bo Berg <bo@fri.example>") == {"bo@fri.example": "add"}
    row = town.account("bo@fri.example")
    assert (row.tenant_id, row.removed_at, row.display_name) == (town.school.tenant_id, None, "Bo Berg")
    assert town.log(town.other) == []


def test_a_move_keeps_a_block(town: Town, world: World) -> None:
    world.account(town.form, ANNA, blocked=True)
    world.account(town.other, BO, blocked=True)
    assert town.add(town.care, town.master, ANNA, BO) == {ANNA: "move", BO: "take"}
    assert town.account(ANNA).blocked
    assert town.account(BO).blocked


def test_an_admin_of_what_is_not_seen_stays_there_and_one_of_another_tenant_is_none_any_more(
    town: Town,
) -> None:
    town.admin(town.care, ANNA)
    town.admin(town.school, BO)
    town.admin(town.other, CIA)
    assert town.add(town.form, town.school, ANNA, BO, CIA) == {ANNA: "blocked", BO: "move", CIA: "take"}
    assert town.admins(town.care) == [ANNA]
    assert town.admins(town.school) == [town.author(town.school).address, BO]
    assert town.admins(town.other) == []
    assert ("admin_removed", ANNA) not in town.log(town.care)
    assert ("admin_removed", CIA) in town.log(town.other)


def test_nothing_is_done_for_lines_that_cannot_be(town: Town, world: World, free: Group) -> None:
    world.account(free, "drift@kommun.example", is_operator=True)
    world.account(town.care, BO, blocked=True)
    became = town.add(town.school, town.school, "drift@kommun.example", BO, "Bo", ANNA, ANNA)
    assert became == {"drift@kommun.example": "operator", BO: "blocked", "Bo": "bad", ANNA: "duplicate"}
    assert town.account("drift@kommun.example").group_id == free.id
    assert town.account(BO).group_id == town.care.id
    counts = world.value("SELECT after FROM audit_entry WHERE action = 'people_added'")
    assert counts == {"add": 1, "bad": 1, "blocked": 1, "duplicate": 1, "operator": 1}


# Numbers


@pytest.fixture
def receiving(town: Town, world: World) -> Town:
    """Skolan may receive, Omsorgen may not."""
    world.channel()
    world.numbers()
    world.set(town.school, Key.MAY_RECEIVE, True)
    return town


def test_a_number_goes_along_to_a_group_that_may_receive_and_is_billed_there(
    receiving: Town, world: World, clock: FixedClock
) -> None:
    town = receiving
    anna = world.account(town.school, ANNA)
    town.lent([anna])
    number = world.sender(anna).number
    start = clock.now()
    clock.move(timedelta(days=1))
    assert town.add(town.form, town.school, ANNA) == {ANNA: "move"}
    assert number is not None
    assert world.sender(anna).number == number
    rows = world.rows("SELECT * FROM number_lending ORDER BY lent_at")
    assert [(r.group_id, r.lent_at, r.returned_at) for r in rows] == [
        (town.school.id, start, clock.now()),
        (town.form.id, clock.now(), None),
    ]


def test_a_number_goes_to_rest_where_its_account_comes_to_a_group_that_may_not_receive(
    receiving: Town, world: World, clock: FixedClock
) -> None:
    town = receiving
    anna = world.account(town.form, ANNA)
    town.lent([anna])
    number = world.sender(anna).number
    assert town.add(town.care, town.master, ANNA) == {ANNA: "move"}
    assert world.sender(anna).number is None
    [row] = world.rows("SELECT * FROM number_lending")
    assert (row.group_id, row.returned_at) == (town.form.id, clock.now())
    with world.database.unit_of_work() as session:
        assert holders(session, [str(number)]) == {number: Holder(anna, resting=True)}


# Who is told


def test_the_admins_of_a_group_that_the_author_does_not_see_are_told_in_one_mail_for_a_group(
    town: Town, world: World
) -> None:
    town.admin(town.care, "omsorg@kommun.example")
    nursing = world.group(town.care, "Hemtjänsten")
    for i in range(MOST_NAMED + 2):
        world.account(nursing, f"p{i:03}@kommun.example")
    world.account(town.care, CIA)
    addresses = [*(f"p{i:03}@kommun.example" for i in range(MOST_NAMED + 2)), CIA, "ny@kommun.example"]
    became = town.add(town.school, town.school, *addresses)
    assert became == {**dict.fromkeys(addresses[:-1], "move_unseen"), "ny@kommun.example": "add"}
    mails = town.mails("people_left:")
    assert [m.recipient for m in mails] == ["omsorg@kommun.example"] * 2
    about_nursing, about_care = sorted(mails, key=lambda m: len(m.text), reverse=True)
    assert "p000@kommun.example" in about_nursing.text
    assert f"p{MOST_NAMED:03}@kommun.example" not in about_nursing.text
    assert "https://messa.example/t/kommun/omsorgen/hemtjansten/@@audit" in about_nursing.text
    assert CIA in about_care.text
    assert "https://messa.example/t/kommun/omsorgen/@@audit" in about_care.text
    for mail in mails:  # where they went, and who did it, is nothing that they may see
        assert "Skolan" not in mail.text
        assert "karin" not in mail.text
    assert POST_ACTOR in town.woken


def test_nobody_is_told_by_mail_of_what_the_author_sees(town: Town, world: World) -> None:
    town.admin(town.care, "omsorg@kommun.example")
    world.account(town.care, CIA)
    assert town.add(town.school, town.master, CIA) == {CIA: "move"}
    assert town.mails() == []


def test_where_a_group_has_no_admin_those_of_the_nearest_above_are_told(town: Town, world: World) -> None:
    world.account(town.care, CIA)
    town.add(town.school, town.school, CIA)
    assert [m.recipient for m in town.mails("people_left:")] == ["karin@kommun.example"]
