"""Whom a provider may sign in, and whom not (spec I3, D3)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.tenants.access.oidc_tokens import Person
from messa_platform.tenants.access.single_sign_on import (
    Provider,
    Reason,
    Refused,
    SignedOn,
    account_of,
    provider_for,
)
from messa_platform.tenants.models import Group
from tests.functional.tenants.access.single_sign_on.conftest import ANNA, Go, account_id, add_provider
from tests.support.observe import together
from tests.support.oidc_provider import OidcProvider
from tests.support.world import World


def test_a_provider_signs_in_nobody_of_another_domain(world: World, idp: OidcProvider, go: Go) -> None:
    other = world.tenant("annan", "Annan kommun")
    world.domain(other, "annan.example")
    world.account(other, "chef@annan.example")
    for address in (
        "chef@annan.example",
        "ny@annan.example",
        "x@kommun.example.annan.example",
        "x@xkommun.example",
    ):
        idp.knows(ANNA, email=address)
        assert go() == Refused(Reason.OTHER_ADDRESS, ANNA)
    assert world.value("SELECT count(*) FROM account") == 1
    assert world.value("SELECT count(*) FROM external_identity") == 0


def test_a_provider_signs_in_nobody_of_a_domain_below_that_has_its_own(
    world: World, keys: Keys, master: Group, idp: OidcProvider, go: Go
) -> None:
    idp.knows(ANNA, email="x@skolan.kommun.example")
    world.domain(world.tenant("friskolan", "Friskolan"), "skolan.kommun.example")
    assert go() == Refused(Reason.OTHER_ADDRESS, ANNA)
    world.run(
        "UPDATE domain SET tenant_id = :id, group_id = :master WHERE name = 'skolan.kommun.example'",
        id=master.tenant_id,
        master=master.id,
    )
    assert isinstance(go(), SignedOn)
    idp.knows(ANNA, sub="another", email="y@skolan.kommun.example")
    add_provider(world, keys, "skolan.kommun.example", "https://idp.skolan.example")
    assert go() == Refused(Reason.OTHER_ADDRESS, ANNA)


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": "false"}, {"email": None}, {"email": "anna"}]
)
def test_an_address_that_is_not_confirmed_signs_nobody_in(
    world: World, master: Group, idp: OidcProvider, go: Go, claims: dict[str, Any]
) -> None:
    world.account(master, ANNA)
    idp.knows(ANNA, **claims)
    assert go() == Refused(Reason.NO_ADDRESS, ANNA)


@pytest.mark.parametrize("state", ["blocked = true", "removed_at = now()"])
def test_who_is_blocked_or_removed_is_refused(world: World, go: Go, state: str) -> None:
    account_id(go())
    world.run(f"UPDATE account SET {state}")
    assert go() == Refused(Reason.NOT_WELCOME, ANNA)
    world.run("DELETE FROM external_identity")
    assert go() == Refused(Reason.NOT_WELCOME, ANNA)
    assert world.value("SELECT count(*) FROM external_identity") == 0


def test_an_operator_is_signed_in_by_no_tenant(world: World, master: Group, go: Go) -> None:
    world.account(master, ANNA, is_operator=True)
    assert go() == Refused(Reason.PASSWORD_ONLY, ANNA)


def test_an_account_of_another_tenant_is_opened_by_its_own_alone(world: World, go: Go) -> None:
    world.account(world.tenant("annan", "Annan kommun"), ANNA)
    assert go() == Refused(Reason.PASSWORD_ONLY, ANNA)


def test_an_account_that_is_free_still_is_its_domains(world: World, go: Go) -> None:
    free = world.rows(
        'SELECT g.id, g.tenant_id FROM "group" g JOIN tenant t ON t.id = g.tenant_id WHERE t.is_free'
    )[0]
    anna = world.account(free, ANNA)
    assert account_id(go()) == anna


def test_an_account_whose_address_has_left_the_domain_is_refused(world: World, go: Go) -> None:
    account_id(go())
    world.run("UPDATE account SET address = 'anna@gift.example'")
    assert go() == Refused(Reason.OTHER_ADDRESS, ANNA)


def test_an_account_is_one_persons(world: World, idp: OidcProvider, go: Go) -> None:
    anna = account_id(go())
    idp.knows("annika", sub="somebody-else", email=ANNA)
    assert go(login="annika") == Refused(Reason.OTHER_PERSON, ANNA)
    assert account_id(go()) == anna


def test_two_that_come_at_once_are_one(world: World, provider_id: UUID, clock: FixedClock) -> None:
    provider = provider_row(world)
    person = Person("sub-1", ANNA, True, "Anna")

    def link(who: Person) -> UUID | Reason:
        with world.database.unit_of_work() as session:
            return account_of(session, clock.now(), provider, who)

    outcomes = together([lambda: link(person)] * 8)
    assert len(set(outcomes)) == 1
    assert isinstance(outcomes[0], UUID)
    bea = [replace(person, subject=f"sub-{i}", email="bea@kommun.example") for i in (2, 3)]
    outcomes = together([partial(link, who) for who in bea])
    assert sorted(isinstance(outcome, UUID) for outcome in outcomes) == [False, True]
    assert Reason.OTHER_PERSON in outcomes


def provider_row(world: World) -> Provider:
    with world.database.unit_of_work() as session:
        provider = provider_for(session, ANNA)
    assert provider is not None
    return provider
