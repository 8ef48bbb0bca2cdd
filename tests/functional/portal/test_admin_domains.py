"""The pages of a group's domains: added, proven, inherited, moved, given up; and the accounts that come with them (spec D1-D4, G2, G10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import event
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.portal.domain_words import FAULTS
from messa_platform.runtime import Runtime
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import GroupAdmin
from messa_platform.tenants.models import Group
from tests.support.dns_server import DnsServer, a_dns_server
from tests.support.dns_server import Fault as DnsFault
from tests.support.visitors import PASSWORD, Visitor, a_runtime, path_of, signed_in
from tests.support.world import World

NAME = "kommun.example"
CHEF, REKTOR = "chef@annat.example", "rektor@annat.example"


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    with a_dns_server() as server:
        yield server


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock, dns_server: DnsServer) -> Iterator[Runtime]:
    """The parts of a process that asks the test's DNS server."""
    settings = {"dns.resolver": dns_server.resolver, "dns.timeout_seconds": "2"}
    with a_runtime(database_url, tmp_path / "key", clock, **settings) as made:
        yield made


@dataclass
class Office:
    """A municipality with a school, whose admins read English: that of Master, and that of the school."""

    world: World
    runtime: Runtime
    dns: DnsServer
    master: Group
    school: Group
    chef: Visitor
    rektor: Visitor

    def administer(self, group: Group, address: str) -> None:
        """An admin of a group."""
        stored = self.runtime.passwords.hash(PASSWORD)
        account_id = self.world.account(group, address, language="en", password_hash=stored)
        with self.world.database.unit_of_work() as session:
            session.add(GroupAdmin(group_id=group.id, account_id=account_id, tenant_id=group.tenant_id))

    def add(self, visitor: Visitor, place: str, name: str) -> TestResponse:
        """Write a domain into the form and send it."""
        return visitor.send(f"/t/kommun{place}/@@domains", {"domain": name})

    def id_of(self, name: str, group: Group | None = None) -> UUID:
        """The id of a domain."""
        found: UUID = self.world.value(
            "SELECT id FROM domain WHERE name = :name AND tenant_id = :tenant",
            name=name,
            tenant=(group or self.master).tenant_id,
        )
        return found

    def prove(self, name: str) -> None:
        """Put its proof into the DNS, and let the worker look."""
        self.dns.prove(name, self.world.value("SELECT token FROM domain WHERE name = :name", name=name))
        self.look()

    def look(self) -> None:
        """Let the worker look at what is due."""
        self.runtime.administration.checker.run()
        self.runtime.administration.checker.run()

    def work(self) -> None:
        """Let the worker move accounts."""
        handlers = self.runtime.administration.handlers
        while tasks.work_off_tasks(self.world.database, self.world.clock, handlers):
            pass

    def verified(self, name: str = NAME) -> UUID:
        """A domain of Master that is proven; its accounts have come."""
        self.add(self.chef, "", name)
        self.prove(name)
        self.work()
        return self.id_of(name)

    def free(self, address: str) -> UUID:
        """An account of nobody's."""
        rows = self.world.rows(
            'SELECT g.* FROM "group" g JOIN tenant t ON t.id = g.tenant_id WHERE t.is_free AND g.parent_id IS NULL'
        )
        return self.world.account(rows[0], address)

    def home(self, account_id: UUID) -> UUID:
        """The group of an account."""
        found: UUID = self.world.value("SELECT group_id FROM account WHERE id = :id", id=account_id)
        return found


@pytest.fixture
def office(world: World, runtime: Runtime, dns_server: DnsServer) -> Office:
    master = world.tenant()
    school = world.group(master, "Skolan")
    made = Office(world, runtime, dns_server, master, school, Visitor(runtime), Visitor(runtime))
    made.administer(master, CHEF)
    made.administer(school, REKTOR)
    made.chef, made.rektor = signed_in(runtime, CHEF), signed_in(runtime, REKTOR)
    return made


def words(page: TestResponse) -> str:
    """What is to be read in a page."""
    main = page.text.partition("<main")[2].partition("</main>")[0] or page.text
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())


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


TOO = "Accounts at the domain outside your groups come too, also from outside the organisation."


def test_the_page_says_beforehand_how_many_of_ones_own_will_move(office: Office) -> None:
    for n in range(3):
        office.world.account(office.school, f"a{n}@{NAME}")
    office.world.account(office.school, f"hand@{NAME}", placed_by_hand=True)
    page = office.chef.follow(office.add(office.chef, "", NAME))
    assert "3 accounts in your groups will be moved to Master" in words(page)
    assert "1 account that an admin has placed in another group stays there" in words(page)
    assert f"{TOO} How many they are is told once the proof is there." in words(page)


def test_who_has_not_proven_a_domain_does_not_learn_how_many_accounts_others_have(office: Office) -> None:
    """Else whoever claims a name would learn how many of its people use messa."""
    other = office.world.tenant("annan", "Annan kommun")
    office.add(office.rektor, "/skolan", NAME)
    office.look()
    klass = office.world.group(office.school, "7A")
    paths = [f"@@{name}?id={office.id_of(NAME)}" for name in ("domain", "domain-live", "move-domain")]
    paths[2] += f"&group={klass.id}"

    def seen() -> list[str]:
        return [words(office.rektor.get(f"/t/kommun/skolan/{path}")) for path in paths]

    before = seen()
    assert "No account in your groups needs to be moved." in before[0] and TOO in before[0]
    for n in range(7):
        office.free(f"fri{n}@{NAME}")
        office.world.account(other, f"annan{n}@{NAME}")
        office.world.account(office.master, f"ovan{n}@{NAME}", placed_by_hand=bool(n % 2))
    office.world.domain(other, f"skolan.{NAME}")
    office.world.domain(other, NAME)
    assert seen() == before
    office.world.account(office.school, f"har@{NAME}")
    office.world.account(klass, f"klass@{NAME}")
    assert "1 account in your groups will be moved to Skolan" in seen()[0]


def test_with_the_proof_the_page_tells_all_who_come(office: Office) -> None:
    for n in range(3):
        office.free(f"a{n}@{NAME}")
    office.world.account(office.school, f"b@{NAME}")
    page = office.chef.follow(office.add(office.chef, "", NAME))
    assert "1 account in your groups will be moved to Master" in words(page)
    office.prove(NAME)
    address = f"/t/kommun/@@domain?id={office.id_of(NAME)}"
    page = office.chef.get(address)
    assert "Moving accounts here: 0 of 4" in words(page) and TOO not in words(page)
    office.work()
    assert "4 accounts were moved here." in words(office.chef.get(address))


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


def test_a_verified_domain_shows_its_move_and_can_be_undone_for_a_day(office: Office) -> None:
    account = office.free(f"anna@{NAME}")
    before = office.home(account)
    domain_id = office.verified()
    assert office.home(account) == office.master.id
    address = f"/t/kommun/@@domain?id={domain_id}"
    page = office.chef.get(address)
    assert "1 account was moved here." in words(page) and "Undo the move" in words(page)
    task_id = re.search(r'name="task" value="([^"]+)"', page.text)
    assert task_id is not None
    undo = address.replace("@@domain", "@@undo-take")
    page = office.chef.follow(office.chef.send(address, {"task": task_id[1]}, to=undo))
    assert "They are on their way back." in words(page) and "Moving them back: 0 of 1" in words(page)
    office.work()
    assert office.home(account) == before
    page = office.chef.get(address)
    assert "1 account was moved back." in words(page) and "Undo the move" not in words(page)
    again = office.chef.follow(office.chef.send(address, {"task": task_id[1]}, to=undo))
    assert "That can no longer be undone" in words(again)


def test_after_a_day_the_move_is_not_shown_any_more(office: Office) -> None:
    office.free(f"anna@{NAME}")
    domain_id = office.verified()
    office.world.clock.move(timedelta(days=1))
    fresh = signed_in(office.runtime, CHEF)
    assert "moved here" not in words(fresh.get(f"/t/kommun/@@domain?id={domain_id}"))


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


def test_a_domain_moves_to_another_group_with_its_accounts(office: Office) -> None:
    account = office.free(f"anna@{NAME}")
    domain_id = office.verified()
    address = f"/t/kommun/@@move-domain?id={domain_id}"
    page = office.chef.get(address)
    assert "Skolan" in words(page)
    page = office.chef.get(f"{address}&group={office.school.id}")
    assert "1 account will be moved to Master › Skolan" in words(page)
    done = office.chef.follow(
        office.chef.send(f"{address}&group={office.school.id}", {"group": str(office.school.id)}, to=address)
    )
    assert "The domain belongs to the other group now." in words(done)
    office.work()
    assert office.home(account) == office.school.id
    assert office.chef.get(f"/t/kommun/skolan/@@domain?id={domain_id}").status_int == 200


def test_a_domain_moves_only_to_another_group_that_its_admin_sees(office: Office) -> None:
    office.add(office.rektor, "/skolan", "skolan.example")
    address = f"/t/kommun/skolan/@@move-domain?id={office.id_of('skolan.example')}"
    for group in (office.master.id, office.school.id, new_id(), "x"):
        page = office.rektor.get(f"{address}&group={group}")
        assert page.status_int == 422 and "Master" not in words(page)
        answer = office.rektor.send(address, {"group": str(group)})
        assert answer.status_int == 422
    assert office.world.value("SELECT group_id FROM domain") == office.school.id


def test_those_placed_by_hand_are_taken_along_on_wish(office: Office) -> None:
    account = office.world.account(office.school, f"hand@{NAME}", placed_by_hand=True)
    domain_id = office.verified()
    assert office.home(account) == office.school.id
    address = f"/t/kommun/@@take-along?id={domain_id}"
    assert "1 account at kommun.example was placed in another group" in words(office.chef.get(address))
    page = office.chef.follow(office.chef.send(address, {}))
    assert "They are on their way." in words(page)
    office.work()
    assert office.home(account) == office.master.id
    assert "Everybody at kommun.example is in the group already." in words(office.chef.get(address))


def test_nobody_is_taken_along_with_a_domain_that_is_not_proven(office: Office) -> None:
    account = office.world.account(office.school, f"hand@{NAME}", placed_by_hand=True)
    office.add(office.chef, "", NAME)
    address = f"/t/kommun/@@take-along?id={office.id_of(NAME)}"
    assert office.chef.get(address).status_int == 404
    assert office.chef.send("/t/kommun/@@domains", {}, to=address).status_int == 404
    office.work()
    assert office.home(account) == office.school.id


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
