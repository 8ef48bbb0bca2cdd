"""The way to a provider and back: to whose account it leads, and what it leaves behind (spec I3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from structlog.testing import capture_logs

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.tenants.access import single_sign_on
from messa_platform.tenants.access.single_sign_on import (
    STATE_LIFE,
    Reason,
    Refused,
    SignedOn,
    SingleSignOn,
    Wish,
)
from messa_platform.tenants.models import Group
from tests.functional.tenants.access.single_sign_on.conftest import (
    ANNA,
    CALLBACK,
    CHROMIUM,
    LYNX,
    Go,
    account_id,
)
from tests.support.oidc_provider import CLIENT_SECRET, Lie, OidcProvider, visit
from tests.support.world import World


def test_somebody_new_gets_an_account_as_by_a_first_mail(world: World, master: Group, go: Go) -> None:
    anna = account_id(go())
    row = world.rows(
        "SELECT address, display_name, group_id, password_hash FROM account WHERE id = :id", id=anna
    )[0]
    assert tuple(row) == (ANNA, "Anna Lindqvist", master.id, None)


def test_somebody_known_comes_to_the_same_account(world: World, master: Group, go: Go) -> None:
    anna = world.account(master, ANNA, display_name="Anna på kontoret")
    assert account_id(go()) == anna
    assert account_id(go()) == anna
    assert world.value("SELECT display_name FROM account") == "Anna på kontoret"
    assert world.value("SELECT count(*) FROM external_identity") == 1


def test_a_new_address_keeps_the_account(idp: OidcProvider, go: Go) -> None:
    anna = account_id(go())
    idp.knows(ANNA, email="anna.berg@kommun.example")
    assert account_id(go()) == anna
    idp.knows(ANNA, email="anna.berg@gift.example", email_verified=False)
    assert account_id(go()) == anna
    idp.knows(ANNA, email=None)
    assert account_id(go()) == anna


def test_what_was_wished_for_comes_back(sso: SingleSignOn, provider_id: UUID) -> None:
    uri = sso.start(Wish(ANNA, remember=True, onward="/messages/new"), CHROMIUM)
    assert isinstance(uri, str)
    outcome = sso.finish(visit(uri), CHROMIUM)
    assert isinstance(outcome, SignedOn)
    assert (outcome.remember, outcome.onward) == (True, "/messages/new")


def test_the_address_at_the_provider_tells_nothing_of_the_sign_in(
    sso: SingleSignOn, provider_id: UUID
) -> None:
    uri = sso.start(Wish("Elin@kommun.example", onward="/messages/hemlig"), CHROMIUM)
    assert isinstance(uri, str)
    asked = parse_qs(urlsplit(uri).query)
    assert asked["login_hint"] == ["Elin@kommun.example"]
    assert asked["redirect_uri"] == [CALLBACK]
    for secret in ("hemlig", str(provider_id), CHROMIUM.probe, CHROMIUM.binding.hex()):
        assert secret not in asked["state"][0]
    assert len(uri) < 2000


def test_each_sign_in_has_words_of_its_own(sso: SingleSignOn, provider_id: UUID) -> None:
    asked = [parse_qs(urlsplit(str(sso.start(Wish(ANNA), CHROMIUM))).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]


def test_a_domain_without_a_provider_leads_nowhere(sso: SingleSignOn, provider_id: UUID) -> None:
    assert sso.start(Wish("x@annan.example"), CHROMIUM) == Refused(Reason.NO_PROVIDER, "x@annan.example")


def test_no_transaction_is_open_while_a_provider_is_asked(
    world: World, sso: SingleSignOn, idp: OidcProvider, provider_id: UUID
) -> None:
    seen: list[int] = []
    honest = idp.token

    def look(form: dict[str, str], authorisation: str | None) -> tuple[int, dict[str, Any]]:
        seen.append(world.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        return honest(form, authorisation)

    idp.token = look  # type: ignore[method-assign]
    account_id(sso.finish(visit(str(sso.start(Wish(ANNA), CHROMIUM))), CHROMIUM))
    assert seen == [0]


def test_the_log_tells_why_and_holds_no_secret(
    sso: SingleSignOn, idp: OidcProvider, keys: Keys, clock: FixedClock, provider_id: UUID
) -> None:
    def sign_in(lie: Lie) -> dict[str, str]:
        idp.lie = lie
        back = visit(str(sso.start(Wish(ANNA), CHROMIUM)))
        sso.finish(back, CHROMIUM)
        return back

    with capture_logs() as logs:
        brought = [sign_in(lie) for lie in (Lie.NONE, Lie.WRONG_NONCE)]
        sso.finish(brought[0], CHROMIUM)
        sso.finish(brought[0], LYNX)
    assert [(line["event"], line.get("reason"), line.get("detail")) for line in logs] == [
        ("signed_on", None, None),
        ("sign_on_refused", "wrong", "invalid_claim: Invalid claim: 'nonce'"),
        ("sign_on_refused", "too_late", "invalid_grant"),
        ("sign_on_refused", "other_browser", ""),
    ]
    assert {line["provider"] for line in logs} == {str(provider_id)}
    written = repr(logs)
    states = [keys.read_stamp(single_sign_on._PURPOSE, b["state"], clock.now(), STATE_LIFE) for b in brought]
    secrets = [CLIENT_SECRET, ANNA, "sub-anna", *(b["code"] for b in brought), *(b["state"] for b in brought)]
    secrets += [state[name] for state in states if state for name in ("nonce", "verifier")]
    assert len(secrets) == 11
    assert not [secret for secret in secrets if secret in written]
