"""Keys, tokens and claims, whatever they hold: who they make of them, or no one."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from messa_platform.tenants.access.oidc_tokens import (
    Expected,
    Person,
    Stop,
    checked,
    key_set,
    person,
    verified,
)
from tests.support.oidc_client import ANNA, WHO, SignIn
from tests.support.oidc_provider import CLIENT_ID, OidcProvider, rsa_key


def test_keys_that_are_none_for_us_are_no_fault(idp: OidcProvider, sign_in: SignIn) -> None:
    weak = {
        "kty": "RSA",
        "n": "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u",
        "e": "AQAB",
    }
    idp.more_keys = [
        {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "first"},
        {**rsa_key("other").as_dict(private=False), "use": "enc"},
        {"kty": "RSA", "n": "!", "e": 5},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": "RSA"},
        {},
        None,
        "key",
        weak,
    ]
    assert sign_in() == WHO


def test_a_private_key_in_the_list_becomes_a_public_one() -> None:
    keys = key_set([rsa_key("first").as_dict(private=True)])
    assert [key.is_private for key in keys] == [False]


def test_a_list_that_is_none_holds_no_keys() -> None:
    nothing: list[Any] = [None, {}, "keys", 7, []]
    assert not any(key_set(found) for found in nothing)


def test_a_key_of_another_curve_is_no_key_for_es256() -> None:
    other = ECKey.generate_key("P-384", {"kid": "other"})
    token = jwt.encode({"alg": "ES384", "kid": "other"}, {"sub": "1"}, other, algorithms=["ES384"])
    head = token.replace(token.split(".")[0], "eyJhbGciOiJFUzI1NiIsImtpZCI6Im90aGVyIn0", 1)
    for each in (token, head):
        with pytest.raises(Stop):
            verified(each, key_set([other.as_dict(private=False)]))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.text(), st.lists(st.text('AQabeyJ019_-{}":,[]nul'), min_size=3, max_size=3).map(".".join))
)
def test_nothing_that_comes_as_a_token_makes_us_fail(token: str) -> None:
    with pytest.raises(Stop):
        verified(token, key_set([rsa_key("first").as_dict(private=False)]))


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = (
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "at_hash",
    "auth_time",
    "amr",
    "email",
    "email_verified",
    "name",
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), ODD))
def test_claims_of_no_sense_make_no_one_and_no_failure(odd: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    honest = {
        "iss": "https://idp.example", "sub": "1", "aud": CLIENT_ID, "nonce": "n",
        "iat": int(now.timestamp()), "exp": int(now.timestamp()) + 300, "email": ANNA,
    }  # fmt: skip
    key = OctKey.generate_key(256)
    token = jwt.decode(jwt.encode({"alg": "HS256"}, {**honest, **odd}, key), key)
    token.header["alg"] = "RS256"
    expected = Expected("https://idp.example", CLIENT_ID, "n", "access", now)
    try:
        found = person(checked(token, expected))
    except Stop:
        return
    assert isinstance(found, Person)
    assert found.subject == {**honest, **odd}["sub"]


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(("n", "e", "x", "y", "crv", "kid", "alg", "use")), ODD),
    st.sampled_from(["RSA", "EC"]),
)
def test_nothing_that_comes_as_a_key_makes_us_fail(odd: dict[str, Any], kind: str) -> None:
    good = rsa_key("first").as_dict(private=False)
    keys = key_set([{**good, **odd, "kty": kind}, good])
    assert len(keys.keys) in (1, 2)
    token = jwt.encode({"alg": "RS256", "kid": "first"}, {"sub": "1"}, rsa_key("first"))
    with contextlib.suppress(Stop):
        assert verified(token, keys).claims == {"sub": "1"}


@pytest.mark.parametrize(
    ("claims", "email", "is_verified"),
    [
        ({"email": "Anna.Lindqvist@Kommun.Example"}, "anna.lindqvist@kommun.example", True),
        ({"email": ANNA, "email_verified": True}, ANNA, True),
        ({"email": ANNA, "email_verified": "true"}, ANNA, True),
        ({"email": ANNA, "email_verified": False}, ANNA, False),
        ({"email": ANNA, "email_verified": "false"}, ANNA, False),
        ({"email": ANNA, "email_verified": 0}, ANNA, False),
        ({"email": ANNA, "email_verified": None}, ANNA, False),
        ({"email": ANNA, "email_verified": []}, ANNA, False),
        ({"email": "åsa@kommun.example"}, "åsa@kommun.example", True),
        ({"email": "anna\N{KELVIN SIGN}@kommun.example"}, None, True),
        ({"email": "anna@kommun.example@annan.example"}, None, True),
        ({"email": "anna@kommun.example,chef@kommun.example"}, None, True),
        ({"email": "<anna@kommun.example>"}, None, True),
        ({"email": "anna@kommun.example\n"}, None, True),
        ({"email": "anna\u200b@kommun.example"}, None, True),
        ({"email": "anna @kommun.example"}, None, True),
        ({"email": "anna"}, None, True),
        ({"email": ""}, None, True),
        ({"email": None}, None, True),
        ({"email": [ANNA]}, None, True),
        ({}, None, True),
    ],
)
def test_addresses_as_providers_write_them(
    claims: dict[str, Any], email: str | None, is_verified: bool
) -> None:
    assert person({"sub": "1", **claims}) == Person("1", email, is_verified, "")


@pytest.mark.parametrize("subject", ["", "x" * 256, "a\0b", "a\nb", 7, None, ["1"]])
def test_a_subject_that_is_none_is_refused(subject: Any) -> None:
    with pytest.raises(Stop):
        person({"sub": subject})


def test_names_are_cleaned_and_cut() -> None:
    assert person({"sub": "1", "name": " Åsa\0\n Öberg\u202e "}).name == "Åsa Öberg"
    assert len(person({"sub": "1", "name": "x" * 500}).name) == 200
    assert person({"sub": "1", "name": {"first": "Åsa"}}).name == ""
