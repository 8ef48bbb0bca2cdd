"""Which provider an address has, how far it reaches, and how it is set up (spec I3, D3)."""

from __future__ import annotations

from uuid import UUID

import pytest

from messa_platform.core.crypto import Keys
from messa_platform.tenants.access.single_sign_on import Reason, Refused, SingleSignOn, Wish, provider_for
from messa_platform.tenants.models import DomainState, Group
from tests.functional.tenants.access.single_sign_on.conftest import (
    ANNA,
    CHROMIUM,
    Go,
    account_id,
    add_provider,
)
from tests.support.observe import statements
from tests.support.oidc_provider import CLIENT_SECRET, OidcProvider, visit
from tests.support.world import World


def found(world: World, address: str) -> UUID | None:
    """The provider of an address."""
    with world.database.unit_of_work() as session:
        provider = provider_for(session, address)
        return provider.id if provider else None


def test_an_address_has_the_provider_of_its_domain(world: World, provider_id: UUID) -> None:
    for address in (ANNA, "Nytt.Namn@KOMMUN.example ", "x@skolan.kommun.example"):
        assert found(world, address) == provider_id


@pytest.mark.parametrize(
    "address",
    ["anna@xkommun.example", "anna@kommun.example.se", "anna@example", "anna@", "anna", "", "@", "a@\0kommun.example", "a@" + "b." * 5000],
)  # fmt: skip
def test_other_addresses_have_none(world: World, provider_id: UUID, address: str) -> None:
    assert found(world, address) is None


def test_the_longest_domain_with_a_provider_decides(
    world: World, keys: Keys, master: Group, provider_id: UUID
) -> None:
    world.domain(world.group(master, "Skolan"), "skolan.kommun.example")
    assert found(world, "x@skolan.kommun.example") == provider_id
    school = add_provider(world, keys, "skolan.kommun.example", "https://idp.skolan.example")
    assert found(world, "x@skolan.kommun.example") == school
    assert found(world, "x@barn.skolan.kommun.example") == school
    assert found(world, "x@omsorgen.kommun.example") == provider_id


def test_a_domain_below_that_another_tenant_has_proven_is_not_spoken_for(
    world: World, provider_id: UUID
) -> None:
    world.domain(world.tenant("friskolan", "Friskolan"), "friskolan.kommun.example")
    assert found(world, "rektor@friskolan.kommun.example") is None
    assert found(world, ANNA) == provider_id


@pytest.mark.parametrize("state", [DomainState.WAITING, DomainState.SUSPENDED])
def test_a_domain_that_is_not_proven_has_no_provider(
    world: World, provider_id: UUID, state: DomainState
) -> None:
    world.run("UPDATE domain SET state = :state", state=state.value)
    assert found(world, ANNA) is None


def test_a_provider_that_is_switched_off_is_none(world: World, provider_id: UUID) -> None:
    world.run("UPDATE identity_provider SET enabled = false")
    assert found(world, ANNA) is None


def tie(world: World, group: Group) -> None:
    """Tie the domain to another group."""
    world.run("UPDATE domain SET group_id = :id WHERE name = 'kommun.example'", id=group.id)


def test_a_provider_reaches_no_further_than_the_group_for_which_it_was_set_up(
    world: World, keys: Keys, master: Group, idp: OidcProvider
) -> None:
    school = world.group(master, "Skolan")
    klass, beside = world.group(school, "7A"), world.group(master, "Vård")
    world.domain(school, "kommun.example")
    provider = add_provider(world, keys, "kommun.example", idp.issuer)
    for group, reached in ((klass, True), (school, True), (master, False), (beside, False), (school, True)):
        tie(world, group)
        assert (found(world, ANNA) == provider) is reached, group.name
    tie(world, master)
    add_provider(world, keys, "kommun.example", idp.issuer)
    assert found(world, ANNA) == provider


def test_a_domain_that_moves_up_while_somebody_is_at_its_provider_signs_nobody_in(
    world: World, keys: Keys, master: Group, idp: OidcProvider, sso: SingleSignOn
) -> None:
    """Whoever set it up would else open the accounts of those above."""
    school = world.group(master, "Skolan")
    world.domain(school, "kommun.example")
    add_provider(world, keys, "kommun.example", idp.issuer)
    anna = world.account(master, ANNA)
    uri = sso.start(Wish(ANNA), CHROMIUM)
    assert isinstance(uri, str)
    tie(world, master)
    assert sso.finish(visit(uri), CHROMIUM) == Refused(Reason.NO_PROVIDER, ANNA)
    assert sso.start(Wish(ANNA), CHROMIUM) == Refused(Reason.NO_PROVIDER, ANNA)
    add_provider(world, keys, "kommun.example", idp.issuer)
    again = sso.start(Wish(ANNA), CHROMIUM)
    assert isinstance(again, str)
    assert account_id(sso.finish(visit(again), CHROMIUM)) == anna


def test_whether_an_address_has_an_account_changes_nothing_of_what_is_asked(
    world: World, master: Group, provider_id: UUID
) -> None:
    world.account(master, ANNA)
    with statements(world.database.engine) as known:
        found(world, ANNA)
    with statements(world.database.engine) as unknown:
        found(world, "ingen@kommun.example")
    assert known == unknown
    assert "account" not in "".join(statement.text for statement in known)


def test_the_client_secret_is_sealed(world: World, keys: Keys, provider_id: UUID) -> None:
    sealed = bytes(world.value("SELECT client_secret FROM identity_provider"))
    assert CLIENT_SECRET.encode() not in sealed
    assert keys.unseal(sealed) == CLIENT_SECRET.encode()


def test_a_domain_has_one_provider(world: World, keys: Keys, provider_id: UUID) -> None:
    world.run("UPDATE identity_provider SET enabled = false")
    assert add_provider(world, keys, "kommun.example", "https://ny.example", "Ny") == provider_id
    rows = world.rows("SELECT name, issuer, enabled FROM identity_provider")
    assert [tuple(row) for row in rows] == [("Ny", "https://ny.example", True)]


def test_another_issuer_has_other_people(world: World, keys: Keys, go: Go, idp: OidcProvider) -> None:
    account_id(go())
    add_provider(world, keys, "kommun.example", idp.issuer, "Nytt namn")
    assert world.value("SELECT count(*) FROM external_identity") == 1
    add_provider(world, keys, "kommun.example", "https://annan.example")
    assert world.value("SELECT count(*) FROM external_identity") == 0
