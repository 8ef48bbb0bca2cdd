"""Organisations are made, with a first admin who is invited; and which wishes are refused (spec O1)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import numbers
from messa_platform.tenants.access.links import Link, open_link
from messa_platform.tenants.accounts import WELCOME_LIFE
from messa_platform.tenants.models import TokenKind
from messa_platform.tenants.tenants import Created, Fault, Refused, sender_name_of
from tests.functional.tenants.organisations.conftest import EVA, WISH, Office, free_account
from tests.support.observe import together
from tests.support.world import World


def test_a_new_organisation_has_a_master_group_and_a_first_admin_who_gets_a_link(
    office: Office, world: World, clock: FixedClock
) -> None:
    made = office.created()
    assert made.slug == "vasterhamns-kommun"
    [tenant] = world.rows(
        "SELECT name, state, language, is_free FROM tenant WHERE slug = 'vasterhamns-kommun'"
    )
    assert tuple(tenant) == ("Västerhamns kommun", "active", "sv", False)
    [group] = world.rows('SELECT id, parent_id FROM "group" WHERE tenant_id = :id', id=made.tenant_id)
    assert tuple(group) == (made.master_id, None)
    [eva] = world.rows("SELECT * FROM account WHERE id = :id", id=made.admin_id)
    assert (eva.address, eva.display_name, eva.group_id) == (EVA, "Eva Lind", made.master_id)
    assert eva.placed_by_hand
    [admin] = world.rows("SELECT group_id, account_id, tenant_id FROM group_admin")
    assert tuple(admin) == (made.master_id, made.admin_id, made.tenant_id)
    [mail] = office.mails()
    assert (mail.recipient, mail.tenant_id) == (EVA, made.tenant_id)
    assert "https://messa.example/t/vasterhamns-kommun" in mail.text
    word = re.search(r"https://messa\.example/welcome/(\S+)", mail.text)
    assert word
    clock.move(WELCOME_LIFE - timedelta(seconds=1))
    with world.database.unit_of_work() as session:
        link = open_link(session, clock.now(), word[1], TokenKind.WELCOME)
    assert link == Link(made.admin_id, EVA, "sv", TokenKind.WELCOME)


def test_its_sender_name_is_made_from_its_name_and_its_people_may_not_receive_until_that_is_switched_on(
    office: Office, world: World
) -> None:
    made = office.created()
    settings = world.sender(made.admin_id).settings
    assert (settings.sender_name, settings.may_receive) == ("Västerhamns", False)


@pytest.mark.parametrize(
    ("name", "sender_name"),
    [
        ("Demo kommun", "Demo kommun"),
        ("Länsförsäkringar Väst", "Länsförsäkr"),
        ("Å Ö", "Å Ö"),
        ("Karin & Co AB", "Karin Co AB"),
        ("112", None),
        ("北京", None),
        ("messa", None),
    ],
)
def test_a_sender_name_is_the_first_words_that_fit_and_never_figures_alone(
    name: str, sender_name: str | None
) -> None:
    assert sender_name_of(name) == sender_name


def test_making_one_is_written_down_in_its_log_by_the_operator(office: Office, world: World) -> None:
    made = office.created()
    assert office.log(made.tenant_id) == [
        ("tenant_created", "Västerhamns kommun"),
        ("setting_set", "sender_name"),
        ("account_added", EVA),
        ("admin_added", EVA),
    ]
    entries = world.rows("SELECT DISTINCT actor, actor_address, actor_group_id, group_id FROM audit_entry")
    assert [tuple(e) for e in entries] == [
        ("operator", "drift@messa.example", made.master_id, made.master_id)
    ]


def test_a_free_account_becomes_the_first_admin_and_leaves_its_number_behind(
    office: Office, world: World
) -> None:
    world.numbers()
    eva = free_account(world, EVA)
    with world.database.unit_of_work() as session:
        world_sender = world.sender(eva)
        numbers.lend(session, world.clock.now(), [world_sender])
    world.run("UPDATE account SET password_hash = 'x', display_name = 'Eva L' WHERE id = :id", id=eva)
    made = office.created()
    assert made.admin_id == eva
    [account] = world.rows("SELECT tenant_id, group_id, display_name FROM account WHERE id = :id", id=eva)
    assert tuple(account) == (made.tenant_id, made.master_id, "Eva L")
    assert world.value("SELECT count(*) FROM number WHERE account_id IS NOT NULL") == 0
    free = world.value("SELECT id FROM tenant WHERE is_free")
    assert office.log(free) == [("account_moved", EVA)]
    assert ("account_moved", EVA) in office.log(made.tenant_id)


def test_who_has_a_password_is_told_to_sign_in_with_it_and_gets_no_link(office: Office, world: World) -> None:
    eva = free_account(world, EVA)
    world.run("UPDATE account SET password_hash = 'x' WHERE id = :id", id=eva)
    office.created()
    [mail] = office.mails()
    assert "/sign-in" in mail.text and "/welcome/" not in mail.text
    assert world.value("SELECT count(*) FROM account_token") == 0


def test_an_address_of_another_organisation_is_refused_and_nothing_is_made(
    office: Office, world: World
) -> None:
    world.account(world.tenant("other", "Annan kommun"), EVA)
    refused = office.create()
    assert refused == Refused({"admin_address": Fault.OF_ANOTHER}, "Annan kommun")
    assert world.value("SELECT count(*) FROM tenant") == 2
    assert office.mails() == [] and office.log(None) == []


def test_an_address_in_a_domain_of_another_organisation_is_refused_though_nobody_has_it(
    office: Office, world: World
) -> None:
    world.domain(world.tenant("other", "Annan kommun"), "vasterhamn.example")
    assert office.create() == Refused({"admin_address": Fault.OF_ANOTHER}, "Annan kommun")
    assert world.value("SELECT count(*) FROM account") == 0


def test_an_operator_and_a_blocked_address_are_refused_and_a_removed_one_comes_back(
    office: Office, world: World
) -> None:
    eva = free_account(world, EVA)
    world.run("UPDATE account SET is_operator = true WHERE id = :id", id=eva)
    assert office.faults() == {"admin_address": Fault.OF_OPERATOR}
    world.run("UPDATE account SET is_operator = false, blocked = true WHERE id = :id", id=eva)
    assert office.faults() == {"admin_address": Fault.BLOCKED}
    other = world.tenant("other", "Annan kommun")
    world.move_account(eva, other)
    world.run("UPDATE account SET blocked = false, removed_at = now() WHERE id = :id", id=eva)
    made = office.created()
    assert made.admin_id == eva
    assert world.value("SELECT removed_at FROM account WHERE id = :id", id=eva) is None


def test_all_that_is_wrong_with_a_wish_is_told_at_once(office: Office) -> None:
    assert office.faults(name=" ", slug="a b", language="no", admin_address="eva") == {
        "name": Fault.EMPTY,
        "slug": Fault.BAD_SLUG,
        "language": Fault.UNKNOWN_LANGUAGE,
        "admin_address": Fault.BAD_ADDRESS,
    }
    assert office.faults(name="k" * 101, admin_name="e" * 101) == {
        "name": Fault.TOO_LONG,
        "admin_name": Fault.TOO_LONG,
    }


@pytest.mark.parametrize("slug", ["a", "-ab", "ab-", "a--b", "åäö", "a/b", "@@new", "ab\n", "x" * 41])
def test_a_slug_has_small_letters_and_figures_with_hyphens_between_them(office: Office, slug: str) -> None:
    # line ends around it are no part of what was written
    assert office.faults(slug=slug.replace("\n", "\x00")) == {"slug": Fault.BAD_SLUG}


def test_a_slug_is_one_organisations_and_free_is_the_platforms(office: Office) -> None:
    office.created()
    assert office.faults(admin_address="bo@vasterhamn.example") == {"slug": Fault.TAKEN}
    assert office.faults(slug="free", admin_address="bo@vasterhamn.example") == {"slug": Fault.TAKEN}
    long = office.created(replace(WISH, name="Sölvesborgs " * 8, admin_address="bo@vasterhamn.example"))
    assert long.slug == "solvesborgs-solvesborgs-solves"


def test_of_two_who_make_the_same_one_at_once_one_is_told(office: Office, world: World) -> None:
    wishes = [replace(WISH, admin_address=f"eva{i}@vasterhamn.example") for i in range(2)]
    made = together([lambda w=w: office.create(w) for w in wishes])  # type: ignore[misc]
    assert sorted(isinstance(m, Created) for m in made) == [False, True]
    assert [dict(m.faults) for m in made if isinstance(m, Refused)] == [{"slug": Fault.TAKEN}]
    assert len(office.mails()) == 1
