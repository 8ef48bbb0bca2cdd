"""Domains by v2: claimed, proven by their record, moved, given up; and whose they are (spec D1-D4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.runtime import Runtime
from messa_platform.tenants import tasks
from messa_platform.tenants.domains import claims
from tests.functional.api_v2.conftest import Api, Program
from tests.support.dns_server import DnsServer, a_dns_server
from tests.support.visitors import a_runtime

NAME = "kommun.example"


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with a_dns_server() as server:
        yield server


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock, dns: DnsServer) -> Iterator[Runtime]:
    """A process that asks the test's own DNS."""
    settings = {"dns.resolver": dns.resolver, "dns.timeout_seconds": "2"}
    with a_runtime(database_url, tmp_path / "key", clock, **settings) as made:
        yield made


def work(api: Api) -> None:
    """Have what is due looked at, and the accounts moved."""
    administration = api.runtime.administration
    administration.checker.run()
    while tasks.work_off_tasks(api.world.database, api.world.clock, administration.handlers):
        pass


def prove(api: Api, dns: DnsServer, domain: Any) -> None:
    dns.put(domain["record"]["name"], domain["record"]["value"])
    work(api)


def test_a_domain_is_claimed_proven_by_its_record_and_its_accounts_come(
    api: Api, school: Program, dns: DnsServer
) -> None:
    free = api.world.account(api.master, f"anna@{NAME}")
    domain = school.post("/v2/domains", {"name": f" @{NAME.upper()}. "}, 201)
    assert (domain["name"], domain["state"], domain["proof"]) == (NAME, "waiting", None)
    assert (domain["record"]["type"], domain["record"]["name"]) == ("TXT", f"_messa.{NAME}")
    path = f"/v2/domains/{domain['id']}"
    work(api)
    looked = school.get(path)
    assert (looked["fault"], looked["state"]) == ({"kind": "missing", "found": []}, "waiting")
    dns.put(domain["record"]["name"], domain["record"]["value"])
    api.world.clock.move(timedelta(seconds=11))
    asked = school.post(f"{path}/verify", status=202)
    assert asked["next_check_at"] < looked["next_check_at"]
    work(api)
    proven = school.get(path)
    assert (proven["state"], proven["proof"], proven["fault"]) == ("verified", "dns", None)
    assert api.world.value("SELECT group_id FROM account WHERE id = :id", id=free) == api.school.id
    assert school.get("/v2/domains") == {"items": [proven], "next": None}
    entries = school.get("/v2/audit?action=domain_added")["items"]
    assert [(e["actor"], e["actor_name"], e["subject"]) for e in entries] == [("api_user", "Larmet", NAME)]
    verified = school.get("/v2/audit?action=domain_verified")["items"]
    assert [(e["actor"], e["after"]) for e in verified] == [("system", {"proof": "dns"})]


def test_below_a_proven_domain_one_is_verified_at_once(api: Api, school: Program, dns: DnsServer) -> None:
    prove(api, dns, school.post("/v2/domains", {"name": NAME}, 201))
    below = school.post("/v2/domains", {"name": f"skola.{NAME}"}, 201)
    assert (below["state"], below["proof"]) == ("verified", "parent")


def test_a_name_as_people_write_it_is_the_one_of_the_dns(school: Program) -> None:
    domain = school.post("/v2/domains", {"name": "malmö.example"}, 201)
    assert (domain["name"], domain["shown"]) == ("xn--malm-8qa.example", "malmö.example")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (" ", "empty"), ("kommun", "one_label"), ("10.0.0.1", "address"), ("co.uk", "public"), ("github.io", "public"),
        ("sms.messa.example", "ours"), ("a..example", "no_domain"), ("x\\y.example", "no_domain"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_can_have_is_refused_with_the_reason(
    api: Api, school: Program, name: str, code: str
) -> None:
    problem = school.post("/v2/domains", {"name": name}, 403)
    assert problem["type"].endswith("change-refused")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/name", code)]
    assert api.world.value("SELECT count(*) FROM domain") == 0


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 1}, {"name": NAME, "state": "verified"}])
def test_what_does_not_fit_its_shape_is_refused(school: Program, body: Any) -> None:
    assert school.post("/v2/domains", body, 422)["errors"]


def test_a_domain_that_the_organisation_has_is_told_as_far_as_the_key_may_know(
    api: Api, school: Program
) -> None:
    own = school.post("/v2/domains", {"name": NAME}, 201)
    assert own["id"] in school.post("/v2/domains", {"name": NAME}, 409)["detail"]
    above = api.program(api.master, "Ovan").post("/v2/domains", {"name": "annan.example"}, 201)
    refused = school.post("/v2/domains", {"name": "annan.example"}, 409)
    assert refused["detail"] == "Another group of your organisation has that domain."
    assert str(api.master.id) not in str(refused) and above["id"] not in str(refused)
    # that another organisation has it is no hindrance, and is not told
    elsewhere = api.program(api.world.tenant("annan", "Annan kommun"), "Annat")
    assert elsewhere.post("/v2/domains", {"name": NAME}, 201)["state"] == "waiting"


def test_so_many_may_wait_and_no_more(api: Api, school: Program) -> None:
    for place in range(claims.MOST_WAITING):
        api.world.domain(api.school, f"d{place}.example")
    api.world.run("UPDATE domain SET state = 'waiting'")
    assert "wait" in school.post("/v2/domains", {"name": NAME}, 409)["detail"]


def test_what_was_looked_at_a_moment_ago_is_not_looked_at_again(api: Api, school: Program) -> None:
    path = f"/v2/domains/{school.post('/v2/domains', {'name': NAME}, 201)['id']}/verify"
    school.post(path, status=202)  # it is due already
    work(api)
    assert "a moment ago" in school.post(path, status=409)["detail"]
    api.world.clock.move(timedelta(seconds=11))
    school.post(path, status=202)


def test_it_is_told_who_would_come_but_not_of_others(api: Api, school: Program) -> None:
    api.world.account(api.world.group(api.school, "4A"), f"a@{NAME}")
    api.world.account(api.world.group(api.school, "4B"), f"b@{NAME}", placed_by_hand=True)
    api.world.account(api.master, f"c@{NAME}")
    domain = school.post("/v2/domains", {"name": NAME}, 201)
    assert school.get(f"/v2/domains/{domain['id']}/preview") == {"moving": 1, "by_hand": 1}


def test_a_domain_moves_with_its_accounts_within_the_keys_reach_alone(
    api: Api, school: Program, dns: DnsServer
) -> None:
    below = api.world.group(api.school, "4A")
    account = api.world.account(api.school, f"anna@{NAME}")
    domain = school.post("/v2/domains", {"name": NAME}, 201)
    prove(api, dns, domain)
    path = f"/v2/domains/{domain['id']}"
    for beyond in (api.master, api.world.group(api.master, "Vården")):
        school.ask("PATCH", path, {"group_id": str(beyond.id)}, 404)
    moved = school.ask("PATCH", path, {"group_id": str(below.id)}, 200).json
    assert moved["group_id"] == str(below.id)
    work(api)
    assert api.world.value("SELECT group_id FROM account WHERE id = :id", id=account) == below.id
    again = school.ask("PATCH", path, {"group_id": str(below.id)}, 200).json
    assert again["group_id"] == moved["group_id"]
    assert len(school.get("/v2/audit?action=domain_moved")["items"]) == 2  # in the logs of both groups


def test_those_placed_by_hand_are_taken_along_and_go_back_within_a_day(
    api: Api, school: Program, dns: DnsServer
) -> None:
    below = api.world.group(api.school, "4A")
    placed = api.world.account(below, f"anna@{NAME}", placed_by_hand=True)
    domain = school.post("/v2/domains", {"name": NAME}, 201)
    path = f"/v2/domains/{domain['id']}"
    assert "waiting" in school.post(f"{path}/take-along", status=409)["detail"]
    prove(api, dns, domain)
    assert api.world.value("SELECT group_id FROM account WHERE id = :id", id=placed) == below.id
    begun = school.post(f"{path}/take-along", status=202)
    assert begun["total"] == 1
    work(api)
    assert api.world.value("SELECT group_id FROM account WHERE id = :id", id=placed) == api.school.id
    along, first = school.get(f"{path}/moves")["items"]
    assert (along["id"], along["moved"], first["moved"], along["is_undone"]) == (begun["id"], 1, 0, False)
    assert along["undo_until"] and first["undo_until"] is None
    other = school.post("/v2/domains", {"name": "annan.example"}, 201)
    elsewhere = f"/v2/domains/{other['id']}/undo-move"
    school.post(elsewhere, {"move_id": begun["id"]}, 409)
    assert school.post(f"{path}/undo-move", {"move_id": begun["id"]}, 202)["total"] == 1
    school.post(f"{path}/undo-move", {"move_id": begun["id"]}, 409)
    work(api)
    assert api.world.value("SELECT group_id FROM account WHERE id = :id", id=placed) == below.id
    assert school.get(f"{path}/moves")["items"][0]["is_undone"] is True
    (undone,) = school.get("/v2/audit?action=domain_take_undone")["items"]
    assert (undone["actor_name"], undone["after"]) == ("Larmet", {"moved": 1})


def test_a_domain_given_up_is_gone_and_its_accounts_stay(api: Api, school: Program, dns: DnsServer) -> None:
    account = api.world.account(api.school, f"anna@{NAME}")
    domain = school.post("/v2/domains", {"name": NAME}, 201)
    prove(api, dns, domain)
    school.ask("DELETE", f"/v2/domains/{domain['id']}", None, 204)
    school.ask("DELETE", f"/v2/domains/{domain['id']}", None, 404)
    assert api.world.value("SELECT group_id FROM account WHERE id = :id", id=account) == api.school.id
    assert school.get("/v2/audit?action=domain_removed")["items"][0]["actor_name"] == "Larmet"


def test_the_list_goes_on_from_page_to_page_and_holds_nothing_from_beyond(api: Api, school: Program) -> None:
    below = api.world.group(api.school, "4A")
    made = [school.post("/v2/domains", {"name": f"d{place}.example"}, 201)["id"] for place in range(4)]
    made.append(school.post("/v2/domains", {"name": "e.example", "group_id": str(below.id)}, 201)["id"])
    api.program(api.master, "Ovan").post("/v2/domains", {"name": "ovan.example"}, 201)
    api.program(api.world.tenant("annan", "Annan"), "Annat").post("/v2/domains", {"name": NAME}, 201)
    seen, cursor = [], ""
    while cursor is not None:
        page = school.get(f"/v2/domains?limit=2{cursor and '&cursor=' + cursor}")
        assert len(page["items"]) <= 2
        seen += [domain["id"] for domain in page["items"]]
        cursor = page["next"]
    assert seen == made
    only = school.get(f"/v2/domains?group_id={below.id}")["items"]
    assert [domain["id"] for domain in only] == made[-1:]
    nothing = school.get(f"/v2/domains?group_id={new_id()}", 404)
    assert school.get(f"/v2/domains?group_id={api.master.id}", 404) == nothing


def test_an_api_user_that_claims_is_named_to_the_operator(api: Api, school: Program) -> None:
    school.post("/v2/domains", {"name": NAME}, 201)
    with api.world.database.unit_of_work() as session:
        assert [claim.requested_by for claim in claims.waiting(session)] == ["Larmet"]
