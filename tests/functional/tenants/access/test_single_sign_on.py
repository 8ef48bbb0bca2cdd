"""Single sign-on by a domain's own identity provider (spec I3, D3), with a real one on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.tenants.access import single_sign_on
from messa_platform.tenants.access.oidc import OpenIdConnect
from messa_platform.tenants.access.oidc_tokens import Person
from messa_platform.tenants.access.single_sign_on import (
    STATE_LIFE,
    Browser,
    Provider,
    Reason,
    Refused,
    SignedOn,
    SingleSignOn,
    Wish,
    account_of,
    configure,
    provider_for,
)
from messa_platform.tenants.models import DomainState, Group
from tests.support.observe import statements, together
from tests.support.oidc_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Canned,
    Lie,
    OidcProvider,
    oidc_provider,
    visit,
)
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


def found(world: World, address: str) -> UUID | None:
    """The provider of an address."""
    with world.database.unit_of_work() as session:
        provider = provider_for(session, address)
        return provider.id if provider else None


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


# Whose provider it is (D3)


def test_an_address_has_the_provider_of_its_domain(world: World, provider_id: UUID) -> None:
    for address in (ANNA, "Nytt.Namn@KOMMUN.example ", "x@skolan.kommun.example"):
        assert found(world, address) == provider_id


@pytest.mark.parametrize(
    "address",
    ["anna@xkommun.example", "anna@kommun.example.se", "anna@example", "anna@", "anna", "", "@", "a@\0kommun.example", "a@" + "b." * 5000],
)  # fmt: skip
def test_other_addresses_have_none(world: World, provider_id: UUID, address: str) -> None:
    assert found(world, address) is None


def test_the_longest_domain_with_a_provider_decides(
    world: World, keys: Keys, master: Group, provider_id: UUID
) -> None:
    world.domain(world.group(master, "Skolan"), "skolan.kommun.example")
    assert found(world, "x@skolan.kommun.example") == provider_id
    school = add_provider(world, keys, "skolan.kommun.example", "https://idp.skolan.example")
    assert found(world, "x@skolan.kommun.example") == school
    assert found(world, "x@barn.skolan.kommun.example") == school
    assert found(world, "x@omsorgen.kommun.example") == provider_id


def test_a_domain_below_that_another_tenant_has_proven_is_not_spoken_for(
    world: World, provider_id: UUID
) -> None:
    world.domain(world.tenant("friskolan", "Friskolan"), "friskolan.kommun.example")
    assert found(world, "rektor@friskolan.kommun.example") is None
    assert found(world, ANNA) == provider_id


@pytest.mark.parametrize("state", [DomainState.WAITING, DomainState.SUSPENDED])
def test_a_domain_that_is_not_proven_has_no_provider(
    world: World, provider_id: UUID, state: DomainState
) -> None:
    world.run("UPDATE domain SET state = :state", state=state.value)
    assert found(world, ANNA) is None


def test_a_provider_that_is_switched_off_is_none(world: World, provider_id: UUID) -> None:
    world.run("UPDATE identity_provider SET enabled = false")
    assert found(world, ANNA) is None


def tie(world: World, group: Group) -> None:
    """Tie the domain to another group."""
    world.run("UPDATE domain SET group_id = :id WHERE name = 'kommun.example'", id=group.id)


def test_a_provider_reaches_no_further_than_the_group_for_which_it_was_set_up(
    world: World, keys: Keys, master: Group, idp: OidcProvider
) -> None:
    school = world.group(master, "Skolan")
    klass, beside = world.group(school, "7A"), world.group(master, "Vård")
    world.domain(school, "kommun.example")
    provider = add_provider(world, keys, "kommun.example", idp.issuer)
    for group, reached in ((klass, True), (school, True), (master, False), (beside, False), (school, True)):
        tie(world, group)
        assert (found(world, ANNA) == provider) is reached, group.name
    tie(world, master)
    add_provider(world, keys, "kommun.example", idp.issuer)
    assert found(world, ANNA) == provider


def test_a_domain_that_moves_up_while_somebody_is_at_its_provider_signs_nobody_in(
    world: World, keys: Keys, master: Group, idp: OidcProvider, sso: SingleSignOn
) -> None:
    """Whoever set it up would else open the accounts of those above."""
    school = world.group(master, "Skolan")
    world.domain(school, "kommun.example")
    add_provider(world, keys, "kommun.example", idp.issuer)
    anna = world.account(master, ANNA)
    uri = sso.start(Wish(ANNA), CHROMIUM)
    assert isinstance(uri, str)
    tie(world, master)
    assert sso.finish(visit(uri), CHROMIUM) == Refused(Reason.NO_PROVIDER, ANNA)
    assert sso.start(Wish(ANNA), CHROMIUM) == Refused(Reason.NO_PROVIDER, ANNA)
    add_provider(world, keys, "kommun.example", idp.issuer)
    again = sso.start(Wish(ANNA), CHROMIUM)
    assert isinstance(again, str)
    assert account_id(sso.finish(visit(again), CHROMIUM)) == anna


def test_whether_an_address_has_an_account_changes_nothing_of_what_is_asked(
    world: World, master: Group, provider_id: UUID
) -> None:
    world.account(master, ANNA)
    with statements(world.database.engine) as known:
        found(world, ANNA)
    with statements(world.database.engine) as unknown:
        found(world, "ingen@kommun.example")
    assert known == unknown
    assert "account" not in "".join(statement.text for statement in known)


# Setting it up


def test_the_client_secret_is_sealed(world: World, keys: Keys, provider_id: UUID) -> None:
    sealed = bytes(world.value("SELECT client_secret FROM identity_provider"))
    assert CLIENT_SECRET.encode() not in sealed
    assert keys.unseal(sealed) == CLIENT_SECRET.encode()


def test_a_domain_has_one_provider(world: World, keys: Keys, provider_id: UUID) -> None:
    world.run("UPDATE identity_provider SET enabled = false")
    assert add_provider(world, keys, "kommun.example", "https://ny.example", "Ny") == provider_id
    rows = world.rows("SELECT name, issuer, enabled FROM identity_provider")
    assert [tuple(row) for row in rows] == [("Ny", "https://ny.example", True)]


def test_another_issuer_has_other_people(world: World, keys: Keys, go: Go, idp: OidcProvider) -> None:
    account_id(go())
    add_provider(world, keys, "kommun.example", idp.issuer, "Nytt namn")
    assert world.value("SELECT count(*) FROM external_identity") == 1
    add_provider(world, keys, "kommun.example", "https://annan.example")
    assert world.value("SELECT count(*) FROM external_identity") == 0


# The way there and back


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


# Attacks on the way


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


# Whom a provider may sign in


def test_a_provider_signs_in_nobody_of_another_domain(world: World, idp: OidcProvider, go: Go) -> None:
    other = world.tenant("annan", "Annan kommun")
    world.domain(other, "annan.example")
    world.account(other, "chef@annan.example")
    for address in (
        "chef@annan.example",
        "ny@annan.example",
        "x@kommun.example.annan.example",
        "x@xkommun.example",
    ):
        idp.knows(ANNA, email=address)
        assert go() == Refused(Reason.OTHER_ADDRESS, ANNA)
    assert world.value("SELECT count(*) FROM account") == 1
    assert world.value("SELECT count(*) FROM external_identity") == 0


def test_a_provider_signs_in_nobody_of_a_domain_below_that_has_its_own(
    world: World, keys: Keys, master: Group, idp: OidcProvider, go: Go
) -> None:
    idp.knows(ANNA, email="x@skolan.kommun.example")
    world.domain(world.tenant("friskolan", "Friskolan"), "skolan.kommun.example")
    assert go() == Refused(Reason.OTHER_ADDRESS, ANNA)
    world.run(
        "UPDATE domain SET tenant_id = :id, group_id = :master WHERE name = 'skolan.kommun.example'",
        id=master.tenant_id,
        master=master.id,
    )
    assert isinstance(go(), SignedOn)
    idp.knows(ANNA, sub="another", email="y@skolan.kommun.example")
    add_provider(world, keys, "skolan.kommun.example", "https://idp.skolan.example")
    assert go() == Refused(Reason.OTHER_ADDRESS, ANNA)


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": "false"}, {"email": None}, {"email": "anna"}]
)
def test_an_address_that_is_not_confirmed_signs_nobody_in(
    world: World, master: Group, idp: OidcProvider, go: Go, claims: dict[str, Any]
) -> None:
    world.account(master, ANNA)
    idp.knows(ANNA, **claims)
    assert go() == Refused(Reason.NO_ADDRESS, ANNA)


@pytest.mark.parametrize("state", ["blocked = true", "removed_at = now()"])
def test_who_is_blocked_or_removed_is_refused(world: World, go: Go, state: str) -> None:
    account_id(go())
    world.run(f"UPDATE account SET {state}")
    assert go() == Refused(Reason.NOT_WELCOME, ANNA)
    world.run("DELETE FROM external_identity")
    assert go() == Refused(Reason.NOT_WELCOME, ANNA)
    assert world.value("SELECT count(*) FROM external_identity") == 0


def test_an_operator_is_signed_in_by_no_tenant(world: World, master: Group, go: Go) -> None:
    world.account(master, ANNA, is_operator=True)
    assert go() == Refused(Reason.PASSWORD_ONLY, ANNA)


def test_an_account_of_another_tenant_is_opened_by_its_own_alone(world: World, go: Go) -> None:
    world.account(world.tenant("annan", "Annan kommun"), ANNA)
    assert go() == Refused(Reason.PASSWORD_ONLY, ANNA)


def test_an_account_that_is_free_still_is_its_domains(world: World, go: Go) -> None:
    free = world.rows(
        'SELECT g.id, g.tenant_id FROM "group" g JOIN tenant t ON t.id = g.tenant_id WHERE t.is_free'
    )[0]
    anna = world.account(free, ANNA)
    assert account_id(go()) == anna


def test_an_account_whose_address_has_left_the_domain_is_refused(world: World, go: Go) -> None:
    account_id(go())
    world.run("UPDATE account SET address = 'anna@gift.example'")
    assert go() == Refused(Reason.OTHER_ADDRESS, ANNA)


def test_an_account_is_one_persons(world: World, idp: OidcProvider, go: Go) -> None:
    anna = account_id(go())
    idp.knows("annika", sub="somebody-else", email=ANNA)
    assert go(login="annika") == Refused(Reason.OTHER_PERSON, ANNA)
    assert account_id(go()) == anna


def test_two_that_come_at_once_are_one(world: World, provider_id: UUID, clock: FixedClock) -> None:
    provider = provider_row(world)
    person = Person("sub-1", ANNA, True, "Anna")

    def link(who: Person) -> UUID | Reason:
        with world.database.unit_of_work() as session:
            return account_of(session, clock.now(), provider, who)

    outcomes = together([lambda: link(person)] * 8)
    assert len(set(outcomes)) == 1
    assert isinstance(outcomes[0], UUID)
    bea = [replace(person, subject=f"sub-{i}", email="bea@kommun.example") for i in (2, 3)]
    outcomes = together([partial(link, who) for who in bea])
    assert sorted(isinstance(outcome, UUID) for outcome in outcomes) == [False, True]
    assert Reason.OTHER_PERSON in outcomes


def provider_row(world: World) -> Provider:
    with world.database.unit_of_work() as session:
        provider = provider_for(session, ANNA)
    assert provider is not None
    return provider


# What it leaves behind


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
