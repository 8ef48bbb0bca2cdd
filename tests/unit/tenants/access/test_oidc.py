"""What OpenID providers say, and whether it is believed (OpenID Connect Core 1.0)."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.tenants.access import oidc
from messa_platform.tenants.access.oidc import DOWN, KEEP, PAUSE, Client, Inquiry, OpenIdConnect
from messa_platform.tenants.access.oidc_tokens import (
    LEEWAY,
    Expected,
    Failed,
    Person,
    Stop,
    Trouble,
    checked,
    key_set,
    person,
    verified,
)
from tests.support.oidc_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Canned,
    Lie,
    OidcProvider,
    oidc_provider,
    rsa_key,
    visit,
)

CALLBACK = "http://127.0.0.1:6543/sso/callback"
ANNA = "anna@kommun.example"
INQUIRY = Inquiry("the state", "the nonce", "v" * 64)
OUTBOUND = Outbound(OutboundSettings(allow_private=True, timeout=2.0, max_bytes=100_000))


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


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


SignIn = Callable[..., Person | Failed]


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


WHO = Person(f"sub-{ANNA}", ANNA, True, "Anna Lindqvist")


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


BAD = {
    "an-error": Canned(500, b"{}"),
    "a-page": Canned(200, b"<html>Service unavailable</html>", "text/html"),
    "no-object": Canned(200, b"[1, 2]"),
    "no-text": Canned(200, b"\xff\xfe\x00"),
    "too-deep": Canned(200, b"[" * 50_000),
    "too-much": Canned(200, b" " * 200_000),
    "elsewhere": Canned(302, b"", headers=(("Location", "/token"),)),
    "too-late": Canned(200, b"{}", after=10),
}


@pytest.mark.parametrize("canned", BAD.values(), ids=BAD)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
def test_a_provider_that_does_not_answer_as_one_is_down(
    idp: OidcProvider, ticks: Ticks, client: Client, path: str, canned: Canned
) -> None:
    quick = OpenIdConnect(
        Outbound(OutboundSettings(allow_private=True, timeout=0.5, max_bytes=100_000)), ticks
    )
    known = Inquiry("the state", "the nonce", INQUIRY.verifier)

    def go() -> Person | Failed:
        uri = quick.authorise(client, known, ANNA)
        if isinstance(uri, Failed):
            return uri
        return quick.redeem(client, known, visit(uri)["code"], None, datetime.now(UTC))

    idp.canned[path] = canned
    failed = go()
    assert isinstance(failed, Failed)
    assert failed.trouble is Trouble.DOWN
    del idp.canned[path]
    ticks.at += DOWN
    assert go() == WHO


def test_who_has_kept_others_waiting_is_left_in_peace_for_a_while(
    idp: OidcProvider, ticks: Ticks, sign_in: SignIn
) -> None:
    idp.canned["/.well-known/openid-configuration"] = Canned(after=3)
    assert sign_in() == Failed(Trouble.DOWN, "too_slow")
    asked = len(idp.asked)
    ticks.at += DOWN - 1
    assert sign_in() == Failed(Trouble.DOWN, "it did not answer a moment ago")
    assert len(idp.asked) == asked
    idp.canned.clear()
    ticks.at += 1
    assert sign_in() == WHO


def test_the_document_and_the_keys_are_asked_for_once_an_hour(
    idp: OidcProvider, ticks: Ticks, sign_in: SignIn
) -> None:
    sign_in()
    assert idp.asked == ["/.well-known/openid-configuration", "/authorize", "/token", "/keys"]
    sign_in()
    ticks.at += KEEP - 1
    sign_in()
    assert idp.asked[4:] == ["/authorize", "/token"] * 2
    ticks.at += 2
    sign_in()
    assert idp.asked[8:] == idp.asked[:4]


def test_a_new_key_of_the_provider_is_found_at_once(idp: OidcProvider, ticks: Ticks, sign_in: SignIn) -> None:
    sign_in()
    idp.turn_key("second")
    ticks.at += PAUSE
    assert sign_in() == WHO
    assert idp.asked.count("/keys") == 2


def test_unknown_keys_do_not_make_us_ask_all_the_time(
    idp: OidcProvider, ticks: Ticks, sign_in: SignIn
) -> None:
    sign_in()
    idp.lie = Lie.UNKNOWN_KEY
    ticks.at += PAUSE
    for _ in range(5):
        sign_in()
    assert idp.asked.count("/keys") == 2
    ticks.at += PAUSE
    sign_in()
    assert idp.asked.count("/keys") == 3


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


def test_a_slow_provider_holds_no_more_than_its_share_of_the_threads(
    idp: OidcProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "PATIENCE", 0.1)
    openid = OpenIdConnect(Outbound(OutboundSettings(allow_private=True, timeout=60.0)))
    monkeypatch.setattr(oidc, "CONVERSATION", 60.0)
    assert isinstance(openid.authorise(client, INQUIRY, ANNA), str)
    idp.canned["/token"] = Canned(400, json.dumps({"error": "invalid_grant"}).encode(), after=60)
    now = datetime.now(UTC)
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(openid.redeem, client, INQUIRY, "code", None, now) for _ in range(6)]
        first = as_completed(asked, 60)
        refused = [next(first).result() for _ in range(4)]
        with oidc_provider(CALLBACK) as other:
            assert isinstance(openid.authorise(replace(client, issuer=other.issuer), INQUIRY, ANNA), str)
        idp.hurry.set()
        found = [done.result() for done in asked]
    busy = Failed(Trouble.BUSY, "too many sign-ins by this provider")
    assert refused == [busy] * 4
    assert sorted(found, key=repr) == [busy] * 4 + [Failed(Trouble.OLD_CODE, "invalid_grant")] * 2
    assert idp.asked.count("/token") == oidc.EACH


def test_slow_providers_together_hold_no_more_than_half_of_the_threads(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "PATIENCE", 0.0)
    openid = OpenIdConnect(OUTBOUND)
    turns = [openid._turn(openid._begin(replace(client, issuer=f"https://idp{i}.example"))) for i in range(5)]
    for turn in turns[:4]:
        turn.__enter__()
    with pytest.raises(Stop, match="too many sign-ins by providers"):
        turns[4].__enter__()
    for turn in turns[:4]:
        turn.__exit__(None, None, None)
    with openid._turn(openid._begin(client)):
        pass


def test_a_conversation_ends_when_its_time_is_up(
    idp: OidcProvider, openid: OpenIdConnect, client: Client, ticks: Ticks
) -> None:
    uri = openid.authorise(client, INQUIRY, ANNA)
    assert isinstance(uri, str)
    code = visit(uri)["code"]
    honest = idp.token

    def dawdle(form: dict[str, str], authorisation: str | None) -> tuple[int, dict[str, Any]]:
        ticks.at += oidc.CONVERSATION
        return honest(form, authorisation)

    idp.token = dawdle  # type: ignore[method-assign]
    failed = openid.redeem(client, INQUIRY, code, None, datetime.now(UTC))
    assert failed == Failed(Trouble.DOWN, "it took too long in all")
