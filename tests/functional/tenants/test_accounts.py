"""Accounts by address: found, or made where their domain says (spec M5, D3)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import accounts
from messa_platform.tenants.accounts import WELCOME_LIFE, Known, Newcomer, digest, find, issue_token, parents
from messa_platform.tenants.models import DomainState, Group, TokenKind
from tests.support.observe import statements, together
from tests.support.world import World

NOBODY = Newcomer("", None)


def find_or_create(world: World, *addresses: str) -> dict[str, Known]:
    with world.database.unit_of_work() as session:
        return accounts.find_or_create(session, world.clock.now(), dict.fromkeys(addresses, NOBODY))


def home_of(world: World, address: str) -> UUID:
    """The group of an account that is made for an address now."""
    known = find_or_create(world, address)[address]
    assert known.is_new
    group_id: UUID = world.value("SELECT group_id FROM account WHERE id = :id", id=known.id)
    return group_id


@pytest.fixture
def free(world: World) -> UUID:
    """The Master group of the platform's own tenant."""
    found: UUID = world.value(
        'SELECT g.id FROM "group" g JOIN tenant t ON t.id = g.tenant_id WHERE t.is_free'
    )
    return found


@pytest.fixture
def master(world: World) -> Group:
    group = world.tenant()
    world.domain(group, "kommun.example")
    return group


def test_a_domain_lies_under_every_domain_above_it() -> None:
    assert parents("barn.skolan.kommun.example") == [
        "barn.skolan.kommun.example",
        "skolan.kommun.example",
        "kommun.example",
        "example",
    ]


def test_an_address_comes_into_the_group_of_its_domain(world: World, master: Group) -> None:
    assert home_of(world, "anna@kommun.example") == master.id


def test_the_longest_domain_that_fits_decides(world: World, master: Group) -> None:
    school, music = world.group(master, "Skolan"), world.group(master, "Musikskolan")
    world.domain(school, "skolan.kommun.example")
    world.domain(music, "musik.skolan.kommun.example")
    assert home_of(world, "anna@musik.skolan.kommun.example") == music.id
    assert home_of(world, "anna@barn.musik.skolan.kommun.example") == music.id
    assert home_of(world, "anna@idrott.skolan.kommun.example") == school.id
    assert home_of(world, "anna@skolan.kommun.example") == school.id
    assert home_of(world, "anna@omsorgen.kommun.example") == master.id


@pytest.mark.parametrize("domain", ["xkommun.example", "kommun.example.org", "example", "annan.example"])
def test_a_domain_that_only_looks_alike_is_not_the_same(
    world: World, master: Group, free: UUID, domain: str
) -> None:
    assert home_of(world, f"anna@{domain}") == free


@pytest.mark.parametrize("state", [DomainState.WAITING, DomainState.SUSPENDED])
def test_a_domain_that_is_not_proven_counts_for_nothing(
    world: World, master: Group, free: UUID, state: DomainState
) -> None:
    world.run("UPDATE domain SET state = :state", state=state.value)
    assert home_of(world, "anna@kommun.example") == free


def test_an_account_that_is_there_stays_where_it_is(world: World, master: Group) -> None:
    school = world.group(master, "Skolan")
    anna = world.account(school, "anna@kommun.example")
    assert find_or_create(world, "anna@kommun.example") == {"anna@kommun.example": Known(anna, False)}


def test_known_and_new_addresses_of_several_tenants_are_told_apart_in_one_go(
    world: World, master: Group
) -> None:
    other = world.tenant("annan")
    world.domain(other, "annan.example")
    anna = world.account(master, "anna@kommun.example")
    known = find_or_create(
        world, "anna@kommun.example", "bo@kommun.example", "cia@annan.example", "dan@fri.example"
    )
    assert known["anna@kommun.example"] == Known(anna, False)
    assert [known[a].is_new for a in ("bo@kommun.example", "cia@annan.example", "dan@fri.example")] == [
        True
    ] * 3
    homes = world.rows("SELECT a.address, t.slug FROM account a JOIN tenant t ON t.id = a.tenant_id")
    assert {row.address: row.slug for row in homes} == {
        "anna@kommun.example": "kommun",
        "bo@kommun.example": "kommun",
        "cia@annan.example": "annan",
        "dan@fri.example": "free",
    }


def test_a_newcomer_keeps_its_name_and_language(world: World, clock: FixedClock) -> None:
    with world.database.unit_of_work() as session:
        newcomers = {
            "anna@fri.example": Newcomer("Anna Åkesson", "en"),
            "bo@fri.example": Newcomer("B" * 999, None),
        }
        accounts.find_or_create(session, clock.now(), newcomers)
    rows = {row.address: row for row in world.rows("SELECT * FROM account")}
    anna, bo = rows["anna@fri.example"], rows["bo@fri.example"]
    assert (anna.display_name, anna.language, anna.group_since) == ("Anna Åkesson", "en", clock.now())
    assert (len(bo.display_name), bo.language) == (200, None)


def test_finding_makes_nothing(world: World, master: Group) -> None:
    anna = world.account(master, "anna@kommun.example")
    with world.database.unit_of_work() as session:
        assert find(session, ["anna@kommun.example", "bo@kommun.example"]) == {"anna@kommun.example": anna}
        assert find(session, []) == {}
    assert world.value("SELECT count(*) FROM account") == 1


def test_a_hundred_newcomers_take_as_many_statements_as_two(world: World, master: Group) -> None:
    def count(addresses: list[str]) -> int:
        with statements(world.database.engine) as seen:
            find_or_create(world, *addresses)
        return len(seen)

    assert count([f"a{i}@kommun.example" for i in range(100)]) == count(
        ["b1@kommun.example", "b2@fri.example"]
    )


@pytest.mark.parametrize("attempt", range(3))
def test_workers_that_meet_the_same_new_addresses_make_one_account_of_each(
    world: World, master: Group, attempt: int
) -> None:
    addresses = [f"person{i}@kommun.example" for i in range(5)]
    orders = [addresses[i:] + addresses[:i] for i in range(5)] * 2
    answers = together([lambda o=order: find_or_create(world, *o) for order in orders])  # type: ignore[misc]
    for address in addresses:
        assert len({answer[address].id for answer in answers}) == 1
        assert sum(answer[address].is_new for answer in answers) == 1
    assert world.value("SELECT count(*) FROM account") == 5


def test_a_mailed_links_word_is_stored_only_as_its_digest(
    world: World, clock: FixedClock, master: Group
) -> None:
    anna = world.account(master, "anna@kommun.example")
    with world.database.unit_of_work() as session:
        word, other = (
            issue_token(session, clock.now(), anna, TokenKind.WELCOME, WELCOME_LIFE) for _ in range(2)
        )
    assert word != other
    assert len(word) >= 40
    row = world.rows("SELECT * FROM account_token WHERE digest = :digest", digest=digest(word))[0]
    assert (row.account_id, row.kind, row.used_at) == (anna, "welcome", None)
    assert row.expires_at == clock.now() + timedelta(days=30)
    assert word not in str(world.rows("SELECT * FROM account_token"))
