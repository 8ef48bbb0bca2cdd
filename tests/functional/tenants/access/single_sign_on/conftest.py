"""A domain's own identity provider, a real one on loopback, and a browser that goes there and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.tenants.access.oidc import OpenIdConnect
from messa_platform.tenants.access.single_sign_on import (
    Browser,
    Refused,
    SignedOn,
    SingleSignOn,
    Wish,
    configure,
)
from messa_platform.tenants.models import Group
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, oidc_provider, visit
from tests.support.world import World

CALLBACK = "https://messa.example/sso/callback"
ANNA = "anna@kommun.example"
CHROMIUM = Browser(b"chromium, 192.0.2.0/24", "a probe")
"""Anna's browser; it takes cookies."""
LYNX = Browser(b"lynx, 198.51.100.0/24", "")
"""Another one, which takes none."""


@pytest.fixture
def idp(clock: FixedClock) -> Iterator[OidcProvider]:
    with oidc_provider(CALLBACK) as provider:
        provider.now = lambda: clock.now().timestamp()
        provider.knows(ANNA, name="Anna Lindqvist")
        yield provider


@pytest.fixture
def sso(world: World, clock: FixedClock, keys: Keys) -> SingleSignOn:
    outbound = Outbound(OutboundSettings(allow_private=True, timeout=5.0))
    return SingleSignOn(world.database, clock, keys, OpenIdConnect(outbound), CALLBACK)


def add_provider(
    world: World, keys: Keys, domain: str, issuer: str, name: str = "Kommunens inloggning"
) -> UUID:
    """Set a domain's provider."""
    domain_id = world.value("SELECT id FROM domain WHERE name = :name", name=domain)
    with world.database.unit_of_work() as session:
        return configure(session, keys, domain_id, name, issuer, CLIENT_ID, CLIENT_SECRET)


@pytest.fixture
def provider_id(world: World, keys: Keys, master: Group, idp: OidcProvider) -> UUID:
    """The provider of kommun.example."""
    world.domain(master, "kommun.example")
    return add_provider(world, keys, "kommun.example", idp.issuer)


Go = Callable[..., SignedOn | Refused]


@pytest.fixture
def go(sso: SingleSignOn, provider_id: UUID) -> Go:
    """Goes from the sign-in page to the provider and back."""

    def go(login: str = ANNA, address: str = ANNA, **changed: str) -> SignedOn | Refused:
        uri = sso.start(Wish(address), CHROMIUM)
        if isinstance(uri, Refused):
            return uri
        return sso.finish(visit(f"{uri}&as={login}") | changed, CHROMIUM)

    return go


def account_id(outcome: SignedOn | Refused) -> UUID:
    """Who was signed in."""
    assert isinstance(outcome, SignedOn), outcome
    return outcome.account_id
