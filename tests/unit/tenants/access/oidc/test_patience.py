"""Providers that are down or slow, and how often and how long they are asked."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.tenants.access import oidc
from messa_platform.tenants.access.oidc import DOWN, KEEP, PAUSE, Client, Inquiry, OpenIdConnect
from messa_platform.tenants.access.oidc_tokens import Failed, Person, Stop, Trouble
from tests.support.oidc_client import ANNA, CALLBACK, INQUIRY, OUTBOUND, WHO, SignIn, Ticks
from tests.support.oidc_provider import Canned, Lie, OidcProvider, oidc_provider, visit

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
