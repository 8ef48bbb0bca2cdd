"""Whose a domain is: who finds its pages, and who learns its name (spec D1-D4, G2, G10)."""

from __future__ import annotations

import pytest

from messa_platform.core.ids import new_id
from tests.support.domain_pages import NAME, Office, words
from tests.support.visitors import signed_in


def test_domains_from_above_are_named_only_to_who_sees_the_group(office: Office) -> None:
    office.verified()
    page = office.chef.get("/t/kommun/skolan/@@domains")
    assert "Inherited from Master" in words(page) and NAME in words(page)
    page = office.rektor.get("/t/kommun/skolan/@@domains")
    assert "Inherited from an overlying group" in words(page)
    assert NAME not in page.text and "Master" not in page.text


def test_a_domain_that_another_group_has_is_named_only_to_who_sees_it(office: Office) -> None:
    office.world.group(office.school, "7A")
    office.add(office.chef, "", NAME)
    page = office.add(office.rektor, "/skolan", NAME)
    assert page.status_int == 422
    assert "Another group of your organisation has that domain" in words(page)
    assert "Master" not in words(page)
    office.add(office.chef, "/skolan", "skolan.example")
    page = office.add(office.chef, "", "skolan.example")
    assert "The group Master › Skolan has that domain" in words(page)
    again = office.chef.follow(office.add(office.chef, "/skolan", "skolan.example"))
    assert "The group has that domain already" in words(again)


PAGES = ("domain", "domain-live", "check-domain", "remove-domain", "move-domain", "take-along", "undo-take")


def test_a_domain_is_found_at_its_own_group_alone(office: Office) -> None:
    domain_id = office.verified()
    other = office.world.tenant("annan", "Annan kommun")
    office.administer(other, "admin@annan.example")
    stranger = signed_in(office.runtime, "admin@annan.example")
    for name in PAGES:
        for visitor, place in (
            (office.rektor, "/t/kommun/skolan"),
            (office.rektor, "/t/kommun"),
            (office.chef, "/t/kommun/skolan"),
            (stranger, "/t/annan"),
            (stranger, "/t/kommun"),
        ):
            assert visitor.get(f"{place}/@@{name}?id={domain_id}").status_int == 404, (name, place)
        for wrong in (str(new_id()), "x", ""):
            assert office.chef.get(f"/t/kommun/@@{name}?id={wrong}").status_int == 404, (name, wrong)


@pytest.mark.parametrize("name", ["check-domain", "remove-domain", "move-domain", "take-along", "undo-take"])
def test_nothing_is_done_to_a_domain_of_another_group(office: Office, name: str) -> None:
    domain_id = office.verified()
    before = office.world.rows("SELECT * FROM domain")
    fields = {"group": str(office.school.id), "task": str(new_id())}
    answer = office.rektor.send(
        "/t/kommun/skolan/@@domains", fields, to=f"/t/kommun/skolan/@@{name}?id={domain_id}"
    )
    assert answer.status_int == 404
    assert office.world.rows("SELECT * FROM domain") == before
