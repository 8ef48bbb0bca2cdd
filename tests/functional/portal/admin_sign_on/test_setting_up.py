"""Single sign-on for a domain is set up, changed by two at once, and removed (spec I3, G12)."""

from __future__ import annotations

import pytest

from tests.support.oidc_provider import CLIENT_ID, OidcProvider
from tests.support.portal import field_of, seen
from tests.support.sign_on_pages import (
    CALLBACK,
    DOCUMENT,
    SECRET,
    entries,
    fields,
    held,
    here,
    save,
    secret_of,
    test_of,
)
from tests.support.town import HEAD, Town
from tests.support.visitors import Visitor, token_of

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
