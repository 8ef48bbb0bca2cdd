"""An OpenID provider that knows Anna, us as its client, and the way there and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from messa_platform.tenants.access.oidc import Client, Inquiry, OpenIdConnect
from messa_platform.tenants.access.oidc_tokens import Failed, Person
from tests.support.oidc_client import ANNA, CALLBACK, INQUIRY, OUTBOUND, SignIn, Ticks
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, oidc_provider, visit


@pytest.fixture
def idp() -> Iterator[OidcProvider]:
    with oidc_provider(CALLBACK) as provider:
        provider.knows(ANNA, name="Anna Lindqvist")
        yield provider


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def openid(ticks: Ticks) -> OpenIdConnect:
    return OpenIdConnect(OUTBOUND, ticks)


@pytest.fixture
def client(idp: OidcProvider) -> Client:
    return Client(idp.issuer, CLIENT_ID, CLIENT_SECRET, CALLBACK)


@pytest.fixture
def sign_in(openid: OpenIdConnect, client: Client) -> SignIn:
    """Goes to the provider and back; gives who has signed in."""

    def go(inquiry: Inquiry = INQUIRY, client: Client = client) -> Person | Failed:
        uri = openid.authorise(client, INQUIRY, ANNA)
        if isinstance(uri, Failed):
            return uri
        back = visit(uri)
        assert back["state"] == inquiry.state
        return openid.redeem(client, inquiry, back["code"], back.get("iss"), datetime.now(UTC))

    return go
