"""The way to an OpenID provider and back, and whether what it says is believed (OpenID Connect Core 1.0)."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from messa_platform.tenants.access.oidc import Client, OpenIdConnect
from messa_platform.tenants.access.oidc_tokens import LEEWAY, Failed, Trouble
from tests.support.oidc_client import ANNA, CALLBACK, INQUIRY, WHO, SignIn
from tests.support.oidc_provider import CLIENT_ID, Lie, OidcProvider, visit


def test_the_browser_is_sent_with_all_that_ties_the_answer_to_it(
    openid: OpenIdConnect, client: Client
) -> None:
    uri = openid.authorise(client, INQUIRY, ANNA)
    assert isinstance(uri, str)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(uri).query).items()}
    challenge = asked.pop("code_challenge")
    assert asked == {
        "realm": "demo",
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": "openid email profile",
        "state": "the state",
        "nonce": "the nonce",
        "code_challenge_method": "S256",
        "login_hint": ANNA,
    }
    assert len(challenge) == 43
    assert INQUIRY.verifier not in uri


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_code_becomes_a_person(idp: OidcProvider, sign_in: SignIn, method: str) -> None:
    idp.auth_method = method
    assert sign_in() == WHO
    assert ("client_secret" in idp.forms[0]) == (method == "client_secret_post")


def test_where_no_method_is_named_the_standards_own_is_used(idp: OidcProvider, sign_in: SignIn) -> None:
    idp.document["token_endpoint_auth_methods_supported"] = None
    assert sign_in() == WHO


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_the_usual_signatures_are_believed(idp: OidcProvider, sign_in: SignIn, algorithm: str) -> None:
    idp.turn_key("second", algorithm)
    assert sign_in() == WHO


@pytest.mark.parametrize("lie", [lie for lie in Lie if lie is not Lie.NONE])
def test_a_token_that_is_not_right_in_every_way_is_not_believed(
    idp: OidcProvider, sign_in: SignIn, lie: Lie
) -> None:
    idp.lie = lie
    failed = sign_in()
    assert isinstance(failed, Failed)
    assert failed.trouble is Trouble.WRONG
    assert "." not in failed.detail.removesuffix(".")  # no token in it
    idp.lie = Lie.NONE
    assert sign_in() == WHO


def test_each_lie_is_found_out_for_what_it_is(idp: OidcProvider, sign_in: SignIn) -> None:
    found = {}
    for lie in Lie:
        idp.lie = lie
        failed = sign_in()
        found[lie] = failed.detail if isinstance(failed, Failed) else "believed"
    assert found == {
        Lie.NONE: "believed",
        Lie.WRONG_SIGNATURE: "bad_signature",
        Lie.UNKNOWN_KEY: "invalid_key_id",
        Lie.NO_SIGNATURE: "unsupported_algorithm",
        Lie.PUBLIC_KEY_AS_SECRET: "unsupported_algorithm",
        Lie.WRONG_NONCE: "invalid_claim: Invalid claim: 'nonce'",
        Lie.NO_NONCE: "missing_claim: Missing claim: 'nonce'",
        Lie.WRONG_ISSUER: "invalid_claim: Invalid claim: 'iss'",
        Lie.WRONG_AUDIENCE: "invalid_claim: Invalid claim: 'aud'",
        Lie.SHARED_AUDIENCE: "invalid_claim: Invalid claim: 'azp'",
        Lie.EXPIRED: "expired_token: The token is expired",
        Lie.NOT_YET: "invalid_claim: The token was issued in the future",
        Lie.NO_EXPIRY: "missing_claim: Missing claim: 'exp'",
        Lie.NO_SUBJECT: "missing_claim: Missing claim: 'sub'",
        Lie.OTHER_ACCESS_TOKEN: "invalid_claim: Invalid claim: 'at_hash'",
        Lie.CRITICAL_HEADER: "unsupported_header",
        Lie.GARBAGE: "decode_error",
    }


@pytest.mark.parametrize("offset", [-300 - LEEWAY + 10, LEEWAY - 10])
def test_clocks_may_differ_a_little(idp: OidcProvider, sign_in: SignIn, offset: int) -> None:
    idp.now = lambda: time.time() + offset
    assert sign_in() == WHO


@pytest.mark.parametrize("offset", [-300 - LEEWAY - 10, LEEWAY + 10])
def test_clocks_may_not_differ_much(idp: OidcProvider, sign_in: SignIn, offset: int) -> None:
    idp.now = lambda: time.time() + offset
    assert isinstance(sign_in(), Failed)


def test_a_code_works_once(idp: OidcProvider, openid: OpenIdConnect, client: Client) -> None:
    uri = openid.authorise(client, INQUIRY, ANNA)
    assert isinstance(uri, str)
    code = visit(uri)["code"]
    assert openid.redeem(client, INQUIRY, code, None, datetime.now(UTC)) == WHO
    again = openid.redeem(client, INQUIRY, code, None, datetime.now(UTC))
    assert again == Failed(Trouble.OLD_CODE, "invalid_grant")


def test_a_stolen_code_is_worth_nothing_without_its_verifier(sign_in: SignIn) -> None:
    assert sign_in(replace(INQUIRY, verifier="w" * 64)) == Failed(Trouble.OLD_CODE, "invalid_grant")


def test_a_token_for_another_sign_in_is_not_taken(sign_in: SignIn) -> None:
    failed = sign_in(replace(INQUIRY, nonce="of another"))
    assert failed == Failed(Trouble.WRONG, "invalid_claim: Invalid claim: 'nonce'")


def test_a_wrong_client_secret_is_told(client: Client, sign_in: SignIn) -> None:
    failed = sign_in(client=replace(client, client_secret="mistyped"))
    assert failed == Failed(Trouble.WRONG, "invalid_client")


def test_an_answer_says_whose_it_is(
    idp: OidcProvider, openid: OpenIdConnect, client: Client, sign_in: SignIn
) -> None:
    idp.names_itself = True
    idp.document["authorization_response_iss_parameter_supported"] = True
    assert sign_in() == WHO
    now = datetime.now(UTC)
    other = openid.redeem(client, INQUIRY, "a code", "https://idp.annan.example", now)
    assert other == Failed(Trouble.WRONG, "the answer comes from another issuer")
    silent = openid.redeem(client, INQUIRY, "a code", None, now)
    assert silent == Failed(Trouble.WRONG, "the answer does not say who sends it")
    assert len(idp.forms) == 1


def test_no_provider_speaks_in_the_name_of_another(idp: OidcProvider, sign_in: SignIn) -> None:
    for issuer in ("https://idp.annan.example", f"{idp.issuer}/", None):
        idp.document["issuer"] = issuer
        assert sign_in() == Failed(Trouble.WRONG, "the document names another issuer")
    assert idp.forms == []
