"""The signature of what GatewayAPI calls us with."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from messa_platform.providers.base import CallbackRefused
from messa_platform.providers.gatewayapi.fake import signed
from messa_platform.providers.gatewayapi.signature import claims_of

SECRET = "webbkrokarnas-hemlighet"

DOCUMENTED = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpZCI6MjM4MTcwMywibXNpc2RuIjo0NTQyNjA5MDQ1LCJ0aW1lIjoxNTIyNzY0MDYyLCJzdGF0dXMi"
    "OiJERUxJVkVSRUQiLCJlcnJvciI6bnVsbCwiY29kZSI6bnVsbCwidXNlcnJlZiI6bnVsbCwiY2FsbGJhY2tfdXJsIjoiaHR0cDovL2JiYWY3MTQyLm5n"
    "cm9rLmlvIiwiYXBpIjo0fQ.KdfDH65bnQtgxEkFnpAQodOciAJedZFB13r9wEo8t3Y"
)
"""The token that GatewayAPI's documentation shows, with the secret `secret`."""
CLAIMS = {
    "id": 2381703,
    "msisdn": 4542609045,
    "time": 1522764062,
    "status": "DELIVERED",
    "error": None,
    "code": None,
    "userref": None,
    "callback_url": "http://bbaf7142.ngrok.io",
    "api": 4,
}


# its secret is shorter than any that a channel may have
@pytest.mark.filterwarnings("ignore:Key size should be")
def test_the_documentation_s_token_holds_and_with_one_letter_changed_it_does_not() -> None:
    assert claims_of(DOCUMENTED, "secret") == CLAIMS
    for at in (50, len(DOCUMENTED) - 3):
        other = "A" if DOCUMENTED[at] != "A" else "B"
        with pytest.raises(CallbackRefused):
            claims_of(DOCUMENTED[:at] + other + DOCUMENTED[at + 1 :], "secret")
    with pytest.raises(CallbackRefused):
        claims_of(DOCUMENTED, "secreT")


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_no_other_algorithm_is_believed_though_its_secret_is_ours(algorithm: str) -> None:
    assert claims_of(signed(CLAIMS, SECRET), SECRET) == CLAIMS
    with pytest.raises(CallbackRefused) as refused:
        claims_of(signed(CLAIMS, SECRET, algorithm), SECRET)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "a.b.c.d.e",
        "åäö.åäö.åäö",
        "\x00",
        "eyJhbGciOiJIUzI1NiJ9..",
        "bnVsbA.e30.e30",
        "x" * 300_000,
        signed(CLAIMS, SECRET).rpartition(".")[0] + ".",
    ],
)
def test_what_is_no_token_is_refused_and_never_fails(token: str) -> None:
    with pytest.raises(CallbackRefused):
        claims_of(token, SECRET)


def test_a_token_that_says_no_object_is_refused() -> None:
    with pytest.raises(CallbackRefused):
        claims_of(signed(["DELIVERED"], SECRET), SECRET)  # type: ignore[arg-type]


def test_a_secret_that_is_a_public_key_is_none() -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(CallbackRefused):
        claims_of(signed(CLAIMS, pem), pem)
