"""A group's domains on their list: added, refused with the reason, and removed; what the pages cost (spec D1-D4)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event

from tests.support.domain_pages import CHEF, NAME, Office, words
from tests.support.visitors import path_of, signed_in


def test_a_group_without_domains_says_what_they_are_for(office: Office) -> None:
    page = office.chef.get("/t/kommun/@@domains")
    assert page.status_int == 200
    assert "No domains yet" in words(page)


def test_a_domain_is_added_and_its_page_says_what_to_put_into_the_dns(office: Office) -> None:
    answer = office.add(office.chef, "", " Kommun.Example. ")
    assert answer.status_int == 303
    page = office.chef.follow(answer)
    token = office.world.value("SELECT token FROM domain")
    assert f"_messa.{NAME}" in page.text and f"messa-verification={token}" in page.text
    assert "There you write only _messa as the name." in words(page)
    assert "The domain is on the list." in words(page)
    assert f"We are looking at the DNS of {NAME} now." in words(page) and "data-live" in page.text
    assert "Waiting for its proof" in words(office.chef.get("/t/kommun/@@domains"))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "Write a domain"),
        ("co.uk", "strangers have theirs below it"),
        ("github.io", "strangers have theirs below it"),
        ("messa.example", "messa&#39;s own"),
        ("192.0.2.1", "number of a computer"),
        ("skolan", "has a dot in it"),
        ("<b>", "That is not a domain"),
    ],
)
def test_what_nobody_can_have_is_refused_with_its_reason(office: Office, typed: str, why: str) -> None:
    page = office.add(office.chef, "", typed)
    assert page.status_int == 422
    assert why in page.text
    assert "<b>" not in page.text
    assert office.world.rows("SELECT * FROM domain") == []


def test_a_domain_with_other_letters_is_shown_as_it_is_written(office: Office) -> None:
    office.add(office.chef, "", "Malmö.example")
    assert office.id_of("xn--malm-8qa.example")
    assert "malmö.example" in words(office.chef.get("/t/kommun/@@domains"))


def test_a_subdomain_of_a_proven_domain_is_shown_first_and_then_verified_at_once(office: Office) -> None:
    office.verified()
    account = office.free(f"anna@skolan.{NAME}")
    answer = office.add(office.rektor, "/skolan", f"skolan.{NAME}")
    assert path_of(answer) == f"/t/kommun/skolan/@@add-domain?domain=skolan.{NAME}"
    page = office.rektor.follow(answer)
    assert "1 account will be moved to Skolan" in words(page)
    assert office.world.rows("SELECT * FROM domain WHERE name LIKE 'skolan%'") == []
    done = office.rektor.send(
        path_of(answer), {"domain": f"skolan.{NAME}", "sure": "1"}, to="/t/kommun/skolan/@@domains"
    )
    page = office.rektor.follow(done)
    assert "Proven by the domain above it" in words(page)
    office.work()
    assert office.home(account) == office.school.id


def test_the_preview_of_a_subdomain_is_only_for_what_is_verified_at_once(office: Office) -> None:
    for name in ("annat.example", "co.uk", "", "<b>"):
        answer = office.chef.get("/t/kommun/@@add-domain", params={"domain": name})
        assert path_of(answer) == "/t/kommun/@@domains"


def test_a_domain_is_removed_after_a_question_and_everybody_stays(office: Office) -> None:
    account = office.free(f"anna@{NAME}")
    domain_id = office.verified()
    address = f"/t/kommun/@@remove-domain?id={domain_id}"
    assert "Everybody who is in the group stays there." in words(office.chef.get(address))
    page = office.chef.follow(office.chef.send(address, {}))
    assert "The domain is removed." in words(page)
    assert office.home(account) == office.master.id
    assert office.world.rows("SELECT * FROM domain") == []
    actions = office.world.rows(
        "SELECT action, actor_address FROM audit_entry WHERE action = 'domain_removed'"
    )
    assert [tuple(row) for row in actions] == [("domain_removed", CHEF)]


def test_a_list_of_many_domains_comes_in_pages_and_stays_light(office: Office) -> None:
    office.world.run(
        "INSERT INTO domain (id, tenant_id, group_id, name, state) SELECT gen_random_uuid(), :tenant, :group,"
        " 'd' || lpad(n::text, 4, '0') || '.example', 'waiting' FROM generate_series(1, 120) n",
        tenant=office.master.tenant_id,
        group=office.master.id,
    )
    seen: list[str] = []
    address: str | None = "/t/kommun/@@domains"
    while address:
        page = office.chef.get(address)
        assert len(page.body) < 100_000
        seen += re.findall(r">(d\d{4}\.example)<", page.text)
        more = re.search(r'class="more" href="([^"]+)"', page.text)
        address = more[1] if more else None
    assert seen == [f"d{n:04}.example" for n in range(1, 121)]


def test_the_pages_cost_the_same_statements_whatever_there_is(office: Office) -> None:
    domain_id = office.verified()
    pages = ("/t/kommun/@@domains", f"/t/kommun/@@domain?id={domain_id}", "/t/kommun/skolan/@@domains")
    few = [count(office, page) for page in pages]
    office.world.run(
        "INSERT INTO domain (id, tenant_id, group_id, name, state, verified_at, proof) SELECT gen_random_uuid(), :tenant, :group,"
        " 'd' || n || '.kommun.example', 'verified', now(), 'dns' FROM generate_series(1, 200) n",
        tenant=office.master.tenant_id,
        group=office.master.id,
    )
    assert [count(office, page) for page in pages] == few
    assert max(few) <= 12


def count(office: Office, page: str) -> int:
    """How many statements a page costs."""
    executed: list[str] = []
    engine = office.runtime.database.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        executed.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    assert office.chef.get(page).status_int == 200
    event.remove(engine, "before_cursor_execute", note)
    return len(executed)


def test_every_page_is_there_for_who_reads_swedish(office: Office) -> None:
    domain_id = office.verified()
    office.world.run("UPDATE account SET language = 'sv'")
    chef = signed_in(office.runtime, CHEF)
    for page in (
        "@@domains",
        f"@@domain?id={domain_id}",
        f"@@remove-domain?id={domain_id}",
        f"@@move-domain?id={domain_id}",
        f"@@take-along?id={domain_id}",
        f"@@add-domain?domain=skolan.{NAME}",
    ):
        answer = chef.get(f"/t/kommun/{page}")
        assert answer.status_int == 200 and 'lang="sv"' in answer.text
