"""Whose the single sign-on of a domain is: its own group's, those above, and the operator's (spec I3, G12)."""

from __future__ import annotations

from tests.support.oidc_provider import OidcProvider
from tests.support.portal import field_of
from tests.support.sign_on_pages import domain_id, entries, fields, held, here, save, words_of
from tests.support.town import Town
from tests.support.visitors import PASSWORD, Visitor, token_of


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
