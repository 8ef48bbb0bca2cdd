"""What an OpenID provider's document, token endpoint and user info may say, and where they may lead us."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.tenants.access.oidc import Client, OpenIdConnect
from messa_platform.tenants.access.oidc_tokens import Failed, Person, Trouble
from tests.support.oidc_client import ANNA, INQUIRY, WHO, SignIn
from tests.support.oidc_provider import Canned, OidcProvider


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "value", [None, 7, "", "javascript:alert(1)", "/token", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/"]
)
def test_a_document_that_leads_nowhere_is_refused(
    idp: OidcProvider, sign_in: SignIn, name: str, value: Any
) -> None:
    idp.document[name] = value
    assert sign_in() == Failed(Trouble.WRONG, f"the document's {name} is no address for us")


def test_a_provider_may_not_send_us_into_our_own_network(client: Client) -> None:
    openid = OpenIdConnect(Outbound(OutboundSettings()))
    inside = replace(client, issuer="https://127.0.0.1:6544")
    assert openid.authorise(inside, INQUIRY, ANNA) == Failed(Trouble.DOWN, "internal")
    plain = replace(client, issuer="http://idp.example")
    assert openid.authorise(plain, INQUIRY, ANNA) == Failed(Trouble.DOWN, "not_https")


def test_user_info_is_asked_where_the_token_tells_no_address(idp: OidcProvider, sign_in: SignIn) -> None:
    idp.claims_in_token = False
    assert sign_in() == WHO
    assert idp.asked[-1] == "/userinfo"


def test_user_info_of_somebody_else_is_not_taken(idp: OidcProvider, sign_in: SignIn) -> None:
    idp.claims_in_token = False
    idp.user_info_sub = "sub-chef@kommun.example"
    assert sign_in() == Failed(Trouble.WRONG, "user info of somebody else")


def test_without_user_info_there_is_no_address(idp: OidcProvider, sign_in: SignIn) -> None:
    idp.claims_in_token = False
    idp.document["userinfo_endpoint"] = None
    assert sign_in() == Person(f"sub-{ANNA}", None, True, "")


@pytest.mark.parametrize(
    ("said", "failed"),
    [
        (Canned(400, b'{"error": "unauthorized_client"}'), Failed(Trouble.WRONG, "unauthorized_client")),
        (Canned(400, b'{"error": "hemligt: 100"}'), Failed(Trouble.WRONG, "status 400")),
        (Canned(400, b'{"error": ["invalid_grant"]}'), Failed(Trouble.WRONG, "status 400")),
        (Canned(400, b"{}"), Failed(Trouble.WRONG, "status 400")),
        (Canned(200, b'{"access_token": "x"}'), Failed(Trouble.WRONG, "no ID token")),
        (Canned(200, b'{"id_token": 7}'), Failed(Trouble.WRONG, "no ID token")),
        (Canned(200, b'{"id_token": ""}'), Failed(Trouble.WRONG, "decode_error")),
        (
            Canned(503, b'{"error": "temporarily_unavailable"}'),
            Failed(Trouble.DOWN, "status 503 of the token endpoint"),
        ),
        (Canned(502, b"<html>"), Failed(Trouble.DOWN, "status 502 of the token endpoint")),
    ],
)
def test_what_the_token_endpoint_says_is_understood(
    idp: OidcProvider, sign_in: SignIn, said: Canned, failed: Failed
) -> None:
    idp.canned["/token"] = said
    assert sign_in() == failed


def test_an_access_token_cannot_smuggle_in_a_header(idp: OidcProvider, sign_in: SignIn) -> None:
    idp.claims_in_token = False
    honest = idp.token

    def smuggle(form: dict[str, str], authorisation: str | None) -> tuple[int, dict[str, Any]]:
        status, tokens = honest(form, authorisation)
        return status, {**tokens, "access_token": "x\r\nX-Other: y"}

    idp.token = smuggle  # type: ignore[method-assign]
    failed = sign_in()
    assert isinstance(failed, Failed)
    assert "/userinfo" not in idp.asked
