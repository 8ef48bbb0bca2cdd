"""What attackers, lying providers and accidents bring back from a provider signs nobody in (spec I3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.tenants.access.single_sign_on import (
    STATE_LIFE,
    Browser,
    Reason,
    Refused,
    SignedOn,
    SingleSignOn,
    Wish,
)
from tests.functional.tenants.access.single_sign_on.conftest import (
    ANNA,
    CALLBACK,
    CHROMIUM,
    LYNX,
    Go,
    account_id,
    add_provider,
)
from tests.support.oidc_provider import Canned, Lie, OidcProvider, oidc_provider, visit
from tests.support.world import World


def test_a_state_that_is_not_ours_is_refused(idp: OidcProvider, keys: Keys, go: Go) -> None:
    for state in ("", "x", "å", keys.stamp("csrf", {"provider": "x"})):
        assert go(state=state) == Refused(Reason.TOO_LATE)
    assert idp.forms == []


def test_a_state_lives_ten_minutes(sso: SingleSignOn, clock: FixedClock, provider_id: UUID) -> None:
    uris = [str(sso.start(Wish(ANNA), CHROMIUM)) for _ in range(2)]
    clock.move(STATE_LIFE)
    assert isinstance(sso.finish(visit(uris[0]), CHROMIUM), SignedOn)
    clock.move(timedelta(seconds=1))
    assert sso.finish(visit(uris[1]), CHROMIUM) == Refused(Reason.TOO_LATE)


def test_a_state_that_comes_again_signs_nobody_in(sso: SingleSignOn, provider_id: UUID) -> None:
    back = visit(str(sso.start(Wish(ANNA), CHROMIUM)))
    account_id(sso.finish(back, CHROMIUM))
    assert sso.finish(back, CHROMIUM) == Refused(Reason.TOO_LATE, ANNA)


OTHERS = {
    "another-browser": (CHROMIUM, LYNX),
    "another-probe-from-the-same-place": (CHROMIUM, replace(CHROMIUM, probe="another")),
    "without-the-cookie-it-had": (CHROMIUM, replace(CHROMIUM, probe="")),
    "with-a-cookie-that-it-did-not-have": (replace(CHROMIUM, probe=""), CHROMIUM),
    "another-place-without-cookies": (LYNX, replace(LYNX, binding=b"lynx, elsewhere")),
}


@pytest.mark.parametrize(("began", "ends"), OTHERS.values(), ids=OTHERS)
def test_a_callback_in_another_browser_signs_nobody_in(
    sso: SingleSignOn, idp: OidcProvider, provider_id: UUID, began: Browser, ends: Browser
) -> None:
    back = visit(str(sso.start(Wish(ANNA), began)))
    assert sso.finish(back, ends) == Refused(Reason.OTHER_BROWSER)
    assert idp.forms == []
    account_id(sso.finish(back, began))


def test_a_telephone_may_change_its_network_on_the_way(sso: SingleSignOn, provider_id: UUID) -> None:
    back = visit(str(sso.start(Wish(ANNA), CHROMIUM)))
    account_id(sso.finish(back, replace(CHROMIUM, binding=b"chromium, mobile network")))


def test_a_browser_without_cookies_gets_in_from_where_it_was(sso: SingleSignOn, provider_id: UUID) -> None:
    back = visit(str(sso.start(Wish(ANNA), LYNX)))
    account_id(sso.finish(back, LYNX))


def test_the_code_of_one_sign_in_does_not_fit_the_state_of_another(
    sso: SingleSignOn, provider_id: UUID
) -> None:
    mine, theirs = [visit(str(sso.start(Wish(ANNA), CHROMIUM))) for _ in range(2)]
    outcome = sso.finish({**mine, "code": theirs["code"]}, CHROMIUM)
    assert outcome == Refused(Reason.TOO_LATE, ANNA)


def test_the_answer_of_one_provider_does_not_fit_the_question_to_another(
    world: World, keys: Keys, sso: SingleSignOn, idp: OidcProvider, provider_id: UUID
) -> None:
    world.domain(world.tenant("annan", "Annan kommun"), "annan.example")
    with oidc_provider(CALLBACK) as evil:
        add_provider(world, keys, "annan.example", evil.issuer)
        evil.knows("x@annan.example")
        begun = visit(str(sso.start(Wish("x@annan.example"), CHROMIUM)))
        stolen = visit(str(sso.start(Wish(ANNA), CHROMIUM)))
        # the code for Anna, which only her provider may get, with the other one's state
        for answer in (
            {**stolen, "state": begun["state"]},
            {**stolen, "state": begun["state"], "iss": idp.issuer},
        ):
            assert isinstance(sso.finish(answer, CHROMIUM), Refused)
        assert [form.get("code") for form in evil.forms] == [stolen["code"]]
        assert sso.finish({**stolen, "iss": evil.issuer}, CHROMIUM) == Refused(Reason.WRONG, ANNA)
        account_id(sso.finish({**stolen, "iss": idp.issuer}, CHROMIUM))


def test_no_lie_of_a_provider_signs_anybody_in(world: World, idp: OidcProvider, go: Go) -> None:
    outcomes = {}
    for idp.lie in Lie:
        outcomes[idp.lie] = go()
    account_id(outcomes.pop(Lie.NONE))
    assert len(outcomes) == 16
    assert set(outcomes.values()) == {Refused(Reason.WRONG, ANNA)}


TROUBLES = {
    "it-is-down": ("/token", Canned(503, b"{}"), Reason.DOWN),
    "it-sends-a-page": ("/token", Canned(200, b"<html>", "text/html"), Reason.DOWN),
    "its-keys-are-gone": ("/keys", Canned(404, b"{}"), Reason.DOWN),
    "it-does-not-know-us": ("/token", Canned(401, b'{"error": "invalid_client"}'), Reason.WRONG),
}


@pytest.mark.parametrize(("path", "canned", "reason"), TROUBLES.values(), ids=TROUBLES)
def test_a_provider_in_trouble_signs_nobody_in(
    idp: OidcProvider, go: Go, path: str, canned: Canned, reason: Reason
) -> None:
    idp.canned[path] = canned
    assert go() == Refused(reason, ANNA)


def test_a_provider_that_cannot_be_reached_is_told_at_the_start(
    world: World, keys: Keys, sso: SingleSignOn, provider_id: UUID
) -> None:
    add_provider(world, keys, "kommun.example", "http://127.0.0.1:9")
    assert sso.start(Wish(ANNA), CHROMIUM) == Refused(Reason.DOWN, ANNA)


def test_who_changes_their_mind_is_told_so_kindly(idp: OidcProvider, go: Go) -> None:
    assert go(login="nobody") == Refused(Reason.CANCELLED, ANNA)
    assert idp.forms == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("access_denied", Reason.CANCELLED),
        ("server_error", Reason.DOWN),
        ("temporarily_unavailable", Reason.DOWN),
        ("unauthorized_client", Reason.WRONG),
        ("what-nobody-knows", Reason.CANCELLED),
    ],
)
def test_an_error_in_place_of_a_code_is_understood(
    sso: SingleSignOn, provider_id: UUID, error: str, reason: Reason
) -> None:
    back = visit(str(sso.start(Wish(ANNA), CHROMIUM)))
    with capture_logs() as logs:
        assert sso.finish({"state": back["state"], "error": error}, CHROMIUM) == Refused(reason, ANNA)
    assert logs[0]["detail"] == ("no code" if error == "what-nobody-knows" else error)


def test_a_provider_that_was_switched_off_meanwhile_signs_nobody_in(
    world: World, sso: SingleSignOn, idp: OidcProvider, provider_id: UUID
) -> None:
    back = visit(str(sso.start(Wish(ANNA), CHROMIUM)))
    for statement in (
        "UPDATE identity_provider SET enabled = false",
        "UPDATE identity_provider SET enabled = true",
    ):
        world.run(statement)
        world.run("UPDATE domain SET state = 'suspended' WHERE (SELECT enabled FROM identity_provider)")
        assert sso.finish(back, CHROMIUM) == Refused(Reason.NO_PROVIDER, ANNA)
    assert idp.forms == []


def test_a_secret_of_lost_keys_is_told(world: World, go: Go) -> None:
    world.run("UPDATE identity_provider SET client_secret = 'sealed by keys that are lost'")
    assert go() == Refused(Reason.WRONG, ANNA)
