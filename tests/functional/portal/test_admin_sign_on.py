"""Setting up single sign-on for a domain, and trying it (spec I3, G12)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.core.i18n import speech
from messa_platform.core.outbound import Fault
from messa_platform.portal.admin import sign_on
from messa_platform.portal.admin.sign_on import AT_ONCE, FAULTS, PROBLEMS, SENTENCES
from messa_platform.runtime import Runtime
from messa_platform.tenants.access.oidc_trial import Problem
from messa_platform.tenants.access.sign_on_setup import Outcome
from tests.support.oidc_provider import CLIENT_ID, Canned, OidcProvider, oidc_provider
from tests.support.portal import field_of, seen
from tests.support.town import HEAD, Town, build_town
from tests.support.visitors import PASSWORD, Visitor, a_runtime, token_of
from tests.support.world import World

CALLBACK = "http://sms.kommun.example/sso/callback"
SECRET = "a-secret-that-nobody-sees-again"
DOCUMENT = "/.well-known/openid-configuration"


@pytest.fixture
def idp(clock: FixedClock) -> Iterator[OidcProvider]:
    with oidc_provider(CALLBACK) as provider:
        provider.now = lambda: clock.now().timestamp()
        yield provider


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    settings = {"messa.public_url": "http://sms.kommun.example/", "outbound.allow_private": "true"}
    with a_runtime(database_url, tmp_path / "key", clock, **settings) as made:
        yield made


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    made = build_town(world, runtime)
    world.domain(made.school, "skolan.example")
    world.domain(made.master, "kommun.example")
    return made


def domain_id(town: Town, name: str = "skolan.example") -> UUID:
    found: UUID = town.world.value("SELECT id FROM domain WHERE name = :name", name=name)
    return found


def here(town: Town, name: str = "skolan.example", group: str = "/skolan") -> str:
    return f"/t/kommun{group}/@@sign-on?domain={domain_id(town, name)}"


def fields(idp: OidcProvider, **changed: str) -> dict[str, str]:
    given = {
        "name": "Skolans inloggning",
        "issuer": idp.issuer,
        "client_id": CLIENT_ID,
        "secret": SECRET,
        "do": "save",
    }
    return given | changed


def save(town: Town, idp: OidcProvider, **changed: str) -> TestResponse:
    """Fill in the form that the page has, and send it."""
    head = town.head
    page = head.get(here(town))
    given = {"csrf_token": token_of(page), "version": field_of(page, "version"), **fields(idp, **changed)}
    return head.visitor.post(here(town), given)


def test_of(town: Town) -> TestResponse:
    return town.head.send(here(town), do="test")


test_of.__test__ = False  # type: ignore[attr-defined]


def words_of(page: TestResponse) -> str:
    return " ".join(page.html.main.get_text(" ").split())


def held(town: Town) -> list[Any]:
    return [
        tuple(row)
        for row in town.world.rows(
            "SELECT name, issuer, client_id, enabled FROM identity_provider ORDER BY name"
        )
    ]


def secret_of(town: Town) -> str | None:
    sealed = town.world.value("SELECT client_secret FROM identity_provider")
    opened = town.runtime.keys.unseal(bytes(sealed))
    return opened and opened.decode()


def entries(town: Town) -> list[Any]:
    return [
        tuple(row)
        for row in town.world.rows(
            "SELECT action, subject, group_id, actor_address, before, after FROM audit_entry WHERE action LIKE 'sign_on%' ORDER BY id"
        )
    ]


# Setting it up


def test_a_provider_is_set_up_and_stands_in_the_log_without_its_secret(town: Town, idp: OidcProvider) -> None:
    page = town.head.get(here(town))
    assert CALLBACK in page.html.find(id="callback").text
    answer = save(town, idp)
    assert answer.status_int == 303
    assert held(town) == [("Skolans inloggning", idp.issuer, CLIENT_ID, False)]
    assert secret_of(town) == SECRET
    after = {"name": "Skolans inloggning", "issuer": idp.issuer, "client_id": CLIENT_ID, "enabled": False}
    assert entries(town) == [("sign_on_set", "skolan.example", town.school.id, HEAD, None, after)]


def test_the_secret_is_never_shown_again(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    pages = [
        town.head.get(here(town)),
        save(town, idp, name=""),
        test_of(town),
        town.head.get("/t/kommun/skolan/@@audit"),
    ]
    assert not [page for page in pages if SECRET in page.text]


def test_people_may_sign_in_only_while_it_is_switched_on(town: Town, idp: OidcProvider) -> None:
    def way_in() -> str:
        visitor = Visitor(town.runtime)
        visitor.get("/sign-in")
        return str(visitor.get("/sso/start?address=elev@skolan.example&go=1").location)

    save(town, idp)
    assert "said=sso-no-provider" in way_in()
    save(town, idp, enabled="1", secret="")
    assert way_in().startswith(f"{idp.issuer}/authorize")
    save(town, idp, secret="")
    assert "said=sso-no-provider" in way_in()
    assert [entry[4:] and entry[5]["enabled"] for entry in entries(town)] == [False, True, False]


def test_an_empty_secret_keeps_the_one_there_is(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    assert save(town, idp, secret="", client_id="another", name="B").status_int == 303
    assert held(town) == [("B", idp.issuer, "another", False)]
    assert secret_of(town) == SECRET
    save(town, idp, secret="a new one", client_id="another", name="B")
    assert secret_of(town) == "a new one"
    assert entries(town)[-1][5]["secret"] == "changed"


def test_saving_it_as_it_is_writes_nothing_down(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    assert save(town, idp, secret="").status_int == 303
    assert len(entries(town)) == 1


def test_the_secret_of_one_issuer_is_never_handed_to_another(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    answer = save(town, idp, issuer="https://thief.example", secret="")
    assert answer.status_int == 422
    assert "A new issuer needs a secret of its own" in answer.html.find(id="secret-error").text
    assert held(town)[0][1] == idp.issuer


def test_a_new_provider_needs_a_secret(town: Town, idp: OidcProvider) -> None:
    assert save(town, idp, secret="").status_int == 422
    assert held(town) == []


def test_the_address_of_the_document_is_taken_for_the_issuer(town: Town, idp: OidcProvider) -> None:
    save(town, idp, issuer=f" {idp.issuer}{DOCUMENT} ")
    assert held(town)[0][1] == idp.issuer


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("name", " "),
        ("name", "n" * 61),
        ("issuer", ""),
        ("issuer", "login.example"),
        ("issuer", "ftp://login.example"),
        ("issuer", "https://login.example/?x=1"),
        ("issuer", "https://login.example/#x"),
        ("issuer", "https://" + "x" * 500),
        ("issuer", "https://användare.example/"),
        ("client_id", ""),
        ("client_id", "x" * 256),
        ("client_id", "x\ny"),
        ("secret", "s" * 1001),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(
    town: Town, idp: OidcProvider, field: str, written: str
) -> None:
    answer = save(town, idp, **{field: written})
    assert answer.status_int == 422
    assert answer.html.find(id=f"{field}-error")
    assert held(town) == []


def test_a_domain_that_is_not_verified_has_no_form_and_takes_none(town: Town, idp: OidcProvider) -> None:
    town.world.run("UPDATE domain SET state = 'waiting' WHERE name = 'skolan.example'")
    head = town.head
    page = head.get(here(town))
    assert page.html.find(id="issuer") is None and "not verified" in seen(page)
    answer = head.visitor.post(here(town), {"csrf_token": token_of(page), "version": "", **fields(idp)})
    assert answer.status_int == 422
    assert held(town) == []


# Two at once


def test_of_two_who_set_it_up_at_once_the_second_is_told_what_changed(town: Town, idp: OidcProvider) -> None:
    head = town.head
    page = head.get(here(town))
    first = {"csrf_token": token_of(page), "version": field_of(page, "version"), **fields(idp)}
    assert head.visitor.post(here(town), first).status_int == 303
    answer = head.visitor.post(here(town), first | {"name": "En annan"})
    assert answer.status_int == 409
    assert f"{HEAD}: Set up single sign-on for skolan.example" in seen(answer)
    rows = [
        [cell.get_text().strip() for cell in row.find_all(["th", "td"])]
        for row in answer.html.select("tbody tr")
    ]
    assert rows == [["Name on the button", "En annan", "Skolans inloggning"]]
    assert SECRET not in answer.text
    again = first | {"name": "En annan", "version": field_of(answer, "version")}
    assert head.visitor.post(here(town), again).status_int == 303
    assert held(town)[0][0] == "En annan"


def test_who_removes_what_has_changed_meanwhile_is_told(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    head = town.head
    page = head.get(here(town))
    mine = {"csrf_token": token_of(page), "version": field_of(page, "version"), "do": "remove"}
    save(town, idp, name="En annan", secret="")
    assert head.visitor.post(here(town), mine).status_int == 409
    assert held(town)[0][0] == "En annan"


# Removing it


def test_it_is_removed_with_all_who_were_linked_by_it_wherever_they_are_now(
    town: Town, idp: OidcProvider
) -> None:
    save(town, idp)
    for group, address in ((town.class_4b, "elev@skolan.example"), (town.elsewhere, "borta@skolan.example")):
        account_id = town.person(group, address)
        town.world.run(
            "INSERT INTO external_identity (provider_id, subject, account_id) SELECT id, :subject, :account FROM identity_provider",
            subject=address,
            account=account_id,
        )
    head = town.head
    page = head.get(here(town))
    answer = head.visitor.post(
        here(town), {"csrf_token": token_of(page), "version": field_of(page, "version"), "do": "remove"}
    )
    assert answer.status_int == 303
    assert held(town) == []
    assert town.world.value("SELECT count(*) FROM external_identity") == 0
    action, subject, *_, before, after = entries(town)[-1]
    assert (action, subject, before["name"], after) == (
        "sign_on_removed",
        "skolan.example",
        "Skolans inloggning",
        None,
    )
    again = head.visitor.post(here(town), {"csrf_token": token_of(head.get(here(town))), "do": "remove"})
    assert again.status_int == 303
    assert len(entries(town)) == 2


# Whose it is


def test_only_the_domains_own_group_has_its_page(town: Town, idp: OidcProvider) -> None:
    town.world.domain(town.elsewhere, "annan.example")
    paths = [
        (town.chief, here(town, group="")),
        (town.chief, here(town, group="/omsorgen")),
        (town.head, here(town, "kommun.example")),
        (town.head, here(town, "kommun.example", group="")),
        (town.head, here(town, "annan.example")),
        (town.head, f"/t/annan/@@sign-on?domain={domain_id(town, 'annan.example')}"),
        (town.head, "/t/kommun/skolan/@@sign-on"),
        (town.head, "/t/kommun/skolan/@@sign-on?domain=skolan.example"),
    ]
    for desk, path in paths:
        desk.get(path, 404)
        token = token_of(desk.visitor.get("/account"))
        assert desk.visitor.post(path, {"csrf_token": token, "version": "", **fields(idp)}).status_int == 404
    assert held(town) == []


def test_a_provider_whose_domain_has_moved_up_is_off_until_an_admin_there_confirms_it(
    town: Town, idp: OidcProvider
) -> None:
    save(town, idp, enabled="1")
    the_domain, chief = domain_id(town), town.chief
    to_move = f"/t/kommun/skolan/@@move-domain?id={the_domain}"
    for group, told in ((town.class_4b, False), (town.master, True)):
        page = chief.get(f"{to_move}&group={group.id}")
        assert ("Single sign-on is switched off with the move" in words_of(page)) is told
    chief.sent(f"{to_move}&group={town.master.id}", to_move, group=str(town.master.id))
    town.head.get(here(town), 404)
    assert "single sign-on is switched off" in words_of(chief.get(f"/t/kommun/@@domain?id={the_domain}"))
    page = chief.get(here(town, group=""))
    assert "Switched off until you confirm it" in words_of(page)
    assert not page.html.find(id="enabled").has_attr("checked")
    assert "Switched off single sign-on for skolan.example" in words_of(chief.get("/t/kommun/@@audit"))
    written = {"version": field_of(page, "version"), **fields(idp, enabled="1", secret="")}
    page = chief.sent(here(town, group=""), here(town, group=""), **written)
    assert "Switched off until" not in words_of(page)
    assert page.html.find(id="enabled").has_attr("checked")
    visitor = Visitor(town.runtime)
    visitor.get("/sign-in")
    way_in = str(visitor.get("/sso/start?address=elev@skolan.example&go=1").location)
    assert way_in.startswith(f"{idp.issuer}/authorize")
    action, _, group_id, _, before, after = entries(town)[-1]
    assert (action, group_id) == ("sign_on_set", town.master.id)
    assert (before["enabled"], after["enabled"]) == (False, True)


def test_who_leaves_a_provider_off_that_has_come_along_is_not_asked_again(
    town: Town, idp: OidcProvider
) -> None:
    save(town, idp, enabled="1")
    town.world.run("UPDATE domain SET group_id = :id WHERE name = 'skolan.example'", id=town.master.id)
    page = town.chief.get(here(town, group=""))
    written = {"version": field_of(page, "version"), **fields(idp, secret="")}
    page = town.chief.sent(here(town, group=""), here(town, group=""), **written)
    assert "Switched off until" not in words_of(page)
    assert held(town)[0][3] is False


def test_an_admin_from_above_may_and_an_admin_of_a_class_may_not(town: Town, idp: OidcProvider) -> None:
    town.chief.get(here(town))
    teacher = town.person(
        town.class_4b, "larare@skolan.example", password_hash=town.runtime.passwords.hash(PASSWORD)
    )
    town.world.administer(town.class_4b, teacher)
    visitor = Visitor(town.runtime)
    visitor.sign_in("larare@skolan.example")
    for path in (here(town), here(town, group="/skolan/klass-4b")):
        assert visitor.get(path).status_int == 404


# Testing it


def canned(idp: OidcProvider, path: str, status: int = 200, **changed: Any) -> None:
    document = {**idp.configuration(), **changed}
    body = json.dumps({name: value for name, value in document.items() if value is not None}).encode()
    idp.canned[path] = Canned(status, body)


def test_a_provider_that_is_as_it_should_be_passes(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    answer = test_of(town)
    assert answer.status_int == 200
    assert "The provider answers as it should." in seen(answer)
    assert idp.asked == [DOCUMENT, "/keys"]


@pytest.mark.parametrize(
    ("changed", "problem", "detail"),
    [
        ({"issuer": "https://other.example"}, Problem.OTHER_ISSUER, "https://other.example"),
        ({"issuer": ["x"]}, Problem.OTHER_ISSUER, "–"),
        ({"token_endpoint": None}, Problem.NO_ENDPOINT, "token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, Problem.NO_ENDPOINT, "authorization_endpoint"),
        ({"jwks_uri": 7}, Problem.NO_ENDPOINT, "jwks_uri"),
        ({"response_types_supported": ["id_token"]}, Problem.NO_CODE, ""),
        ({"id_token_signing_alg_values_supported": ["HS256", 1]}, Problem.NO_ALGORITHM, "HS256, 1"),
    ],
)
def test_what_is_wrong_with_its_document_is_told(
    town: Town, idp: OidcProvider, changed: dict[str, Any], problem: Problem, detail: str
) -> None:
    save(town, idp)
    canned(idp, DOCUMENT, **changed)
    assert speech("en").gettext(PROBLEMS[problem], detail=detail) in words_of(test_of(town))


@pytest.mark.parametrize(
    ("path", "answer", "problem", "detail"),
    [
        (DOCUMENT, Canned(404, b"{}"), Problem.STATUS, "404"),
        (DOCUMENT, Canned(200, b"<html>"), Problem.NO_DOCUMENT, ""),
        (DOCUMENT, Canned(200, b"[" * 100_000), Problem.NO_DOCUMENT, ""),
        (DOCUMENT, Canned(302, b"", headers=[("Location", "http://127.0.0.1/")]), Problem.NO_ANSWER, FAULTS[Fault.REDIRECT]),
        ("/keys", Canned(500, b"{}"), Problem.KEYS_AWAY, "500"),
        ("/keys", Canned(200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}, 7]}'), Problem.NO_KEYS, ""),
        ("/keys", Canned(302, b"", headers=[("Location", "/")]), Problem.KEYS_AWAY, FAULTS[Fault.REDIRECT]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_its_answers_is_told(
    town: Town, idp: OidcProvider, path: str, answer: Canned, problem: Problem, detail: str
) -> None:
    save(town, idp)
    idp.canned[path] = answer
    assert speech("en").gettext(PROBLEMS[problem], detail=detail) in words_of(test_of(town))


def test_a_provider_in_an_internal_network_is_not_asked(
    town: Town, idp: OidcProvider, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    save(town, idp, issuer="https://localhost:1")
    with a_runtime(database_url, tmp_path / "key", clock) as guarded:
        visitor = Visitor(guarded)
        visitor.sign_in(HEAD)
        answer = visitor.send(here(town), {"do": "test"})
    assert FAULTS[Fault.INTERNAL] in seen(answer)
    assert idp.asked == []


def test_what_a_provider_calls_itself_is_no_html(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    canned(idp, DOCUMENT, issuer="<script>x</script>" * 100)
    answer = test_of(town)
    assert "<script>x" not in answer.text and "&lt;script&gt;x" in answer.text
    assert len(answer.body) < 20_000


def test_no_connection_to_the_database_is_held_while_a_provider_is_asked(
    town: Town, idp: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(town, idp)
    pool: Any = town.runtime.database.engine.pool
    held_then: list[int] = []
    monkeypatch.setattr(sign_on, "try_out", lambda *_: held_then.append(pool.checkedout()) or ())
    before = pool.checkedout()
    assert test_of(town).status_int == 200
    assert held_then == [before]


def test_testing_changes_nothing_and_asks_nobody_without_a_provider(town: Town, idp: OidcProvider) -> None:
    assert test_of(town).status_int == 303
    assert (held(town), entries(town), idp.asked) == ([], [], [])


def test_not_too_many_test_at_the_same_time(
    town: Town, idp: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(town, idp)
    inner: list[int] = []

    def while_another_tests(*_: Any) -> tuple[()]:
        inner.append(test_of(town).status_int)
        return ()

    monkeypatch.setattr(sign_on, "try_out", while_another_tests)
    assert test_of(town).status_int == 200
    assert inner == [429, *[200] * (AT_ONCE - 1)]
    monkeypatch.undo()
    assert test_of(town).status_int == 200


def test_everything_that_can_be_wrong_has_words() -> None:
    assert FAULTS.keys() == set(Fault)
    assert PROBLEMS.keys() == set(Problem)
    assert SENTENCES.keys() == set(Outcome) - {Outcome.SAVED, Outcome.GONE}


def test_the_operator_sets_it_up_as_messas_operator(town: Town, idp: OidcProvider) -> None:
    word = town.runtime.passwords.hash(PASSWORD)
    town.person(town.elsewhere, "drift@messa.example", password_hash=word, is_operator=True)
    visitor = Visitor(town.runtime)
    visitor.sign_in("drift@messa.example")
    # whom the platform asks for a second factor has one from now on
    town.world.run(
        "UPDATE account SET totp_secret = 'x', totp_since = :now WHERE is_operator",
        now=town.world.clock.now(),
    )
    assert visitor.send(here(town), {"version": "", **fields(idp)}).status_int == 303
    assert held(town)[0][0] == "Skolans inloggning"
    page = words_of(town.head.get("/t/kommun/skolan/@@audit"))
    assert "messa's operator" in page and "drift@" not in page
