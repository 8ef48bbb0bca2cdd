"""The page of a domain says what its proof is, what was found in the DNS, and what to do (spec D1-D4)."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from messa_platform.portal.domain_words import FAULTS
from tests.support.dns_server import Fault as DnsFault
from tests.support.domain_pages import CHEF, NAME, Office, words
from tests.support.visitors import signed_in


def test_the_page_says_what_was_found_instead_and_when_it_is_looked_for_again(office: Office) -> None:
    office.add(office.chef, "", NAME)
    office.dns.put(f"_messa.{NAME}", "messa-verification=<annat>")
    office.look()
    page = office.chef.get(f"/t/kommun/@@domain?id={office.id_of(NAME)}")
    assert "another value: “messa-verification=&lt;annat&gt;”" in page.text
    token = office.world.value("SELECT token FROM domain")
    expected = f"Expected The TXT record _messa.{NAME} with the value messa-verification={token}."
    assert expected in words(page)
    assert "What to do Change the record's value to the expected one and check again." in unescape(
        words(page)
    )
    at = office.runtime.clock.now() + timedelta(minutes=2)
    assert office.world.value("SELECT check_at FROM domain") == at
    assert re.search(r"Next look: 1[23]:02\.", words(page))


def test_check_now_has_it_looked_at_and_the_live_part_tells_what_came_of_it(office: Office) -> None:
    office.free(f"anna@{NAME}")
    office.add(office.chef, "", NAME)
    office.look()
    address = f"/t/kommun/@@domain?id={office.id_of(NAME)}"
    live = address.replace("@@domain", "@@domain-live")
    office.world.clock.move(timedelta(seconds=30))
    page = office.chef.follow(office.chef.send(address, {}, to=address.replace("@@domain", "@@check-domain")))
    assert f"We are looking at the DNS of {NAME} now. What we find shows here" in words(page)
    assert "There is no such record." not in words(page)  # that was the look before
    etag = re.search(r'data-etag="([^"]+)"', page.text)
    assert etag is not None
    mark = etag[1].replace("&#34;", '"')
    asking = {"X-Messa-Live": "1", "If-None-Match": mark}
    assert office.chef.get(live, headers=asking).status_int == 304
    office.prove(NAME)
    news = office.chef.get(live, headers=asking)
    assert news.status_int == 200 and news.headers["ETag"] != mark
    assert "Verified" in words(news) and "Moving accounts here: 0 of 1" in words(news)
    assert "<html" not in news.text and "Put a record into its DNS" not in words(news)
    assert "We are looking" not in words(news) and "The record was there. You need not do anything." in words(
        news
    )
    office.work()
    assert "1 account was moved here." in words(office.chef.get(live))


ANOTHER = "messa-verification=annat"


@pytest.mark.parametrize(
    ("records", "fault", "found", "todo"),
    [
        ((), None, "There is no such record.", "Put the record into the DNS and check again."),
        (("v=spf1 -all",), None, "Instead we found: “v=spf1 -all”.", "put the expected one beside them"),
        (
            (ANOTHER,),
            None,
            f"with another value: “{ANOTHER}”.",
            "Change the record's value to the expected one",
        ),
        ((), DnsFault.SERVFAIL, "We got no answer from the DNS.", "ask whoever looks after the domain's DNS"),
    ],
)
def test_after_a_look_the_page_says_what_was_found_what_was_expected_and_what_to_do(
    office: Office, records: tuple[str, ...], fault: DnsFault | None, found: str, todo: str
) -> None:
    office.dns.put(f"_messa.{NAME}", *records)
    if fault is not None:
        office.dns.break_(fault, NAME, f"_messa.{NAME}")
    office.add(office.chef, "", NAME)
    office.look()
    page = office.chef.get(f"/t/kommun/@@domain?id={office.id_of(NAME)}")
    token = office.world.value("SELECT token FROM domain")
    told = unescape(words(page))
    expected = f"Expected The TXT record _messa.{NAME} with the value messa-verification={token}."
    places = [told.index(part) for part in (expected, "Found", found, "What to do", todo)]
    assert places == sorted(places)
    assert "We are looking" not in told
    listed = words(office.chef.get("/t/kommun/@@domains"))
    assert any(short in listed for short in FAULTS.values())


def test_who_checks_again_at_once_is_told_that_what_was_found_still_holds(office: Office) -> None:
    office.add(office.chef, "", NAME)
    office.look()
    address = f"/t/kommun/@@domain?id={office.id_of(NAME)}"
    page = office.chef.follow(office.chef.send(address, {}, to=address.replace("@@domain", "@@check-domain")))
    assert "We looked a moment ago: what we found stands here." in words(page)
    assert "There is no such record." in words(page) and "We are looking" not in words(page)


def test_a_domain_that_is_suspended_by_the_operator_is_not_said_to_be_in_order(office: Office) -> None:
    domain_id = office.verified()
    office.world.run("UPDATE domain SET state = 'suspended', check_at = now() + interval '1 day'")
    page = office.chef.get(f"/t/kommun/@@domain?id={domain_id}")
    assert "Prove the domain, and it is yours again." in words(page)
    assert "The record was there." not in words(page)


def test_a_lost_proof_is_warned_of_on_the_pages(office: Office) -> None:
    domain_id = office.verified()
    office.dns.drop(f"_messa.{NAME}")
    office.world.clock.move(timedelta(days=1))
    office.look()
    chef = signed_in(office.runtime, CHEF)
    assert "Proof is gone" in words(chef.get("/t/kommun/@@domains"))
    page = chef.get(f"/t/kommun/@@domain?id={domain_id}")
    assert "Its proof is gone." in words(page) and "Found There is no such record." in words(page)
    assert f"_messa.{NAME}" in page.text


def test_a_claim_that_another_organisation_holds_says_so_once_its_proof_is_right(office: Office) -> None:
    other = office.world.tenant("annan", "Annan kommun")
    office.world.domain(other, NAME)
    page = office.chef.follow(office.add(office.chef, "", NAME))
    assert "another organisation" not in words(page)
    token = office.world.value("SELECT token FROM domain WHERE state = 'waiting'")
    office.dns.prove(NAME, token)
    office.look()
    page = office.chef.get(f"/t/kommun/@@domain?id={office.id_of(NAME)}")
    assert "another organisation has the domain at messa" in words(page)
    assert "Annan" not in page.text
