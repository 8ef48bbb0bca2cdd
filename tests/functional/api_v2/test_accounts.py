"""Accounts by v2: added with an answer for each, read page by page, changed, moved, removed; and whose they are (spec G11)."""

from __future__ import annotations

from typing import Any

import pytest

from messa_platform.core.ids import new_id
from messa_platform.tenants.audit_view import Asked, Entry, Reader, Who, entries
from messa_platform.tenants.models import Group
from messa_platform.tenants.people import member
from messa_platform.tenants.people.add import AT_ONCE
from tests.functional.api_v2.conftest import ANNA, Api, Program
from tests.support.observe import statements

EVA, LARS = "eva@kommun.example", "lars@kommun.example"


def added(program: Program, *emails: str, **more: Any) -> list[tuple[str, str]]:
    """What becomes of addresses."""
    answer = program.post("/v2/accounts", {"accounts": [{"email": email} for email in emails], **more})
    return [(item["email"], item["outcome"]) for item in answer["items"]]


def emails(program: Program, query: str = "") -> list[str]:
    return [item["email"] for item in program.get(f"/v2/accounts{query}")["items"]]


def log(api: Api, group: Group) -> list[Entry]:
    """The audit log of a group and those below it, as its own admin reads it in the portal; the oldest entry first."""
    author, place = api.ring.author(group), api.ring.place(group)
    assert author.account_id is not None
    with api.world.database.unit_of_work() as session:
        found, _ = entries(session, Reader(place, author.account_id), Asked(place))
    return found[::-1]


def actions(api: Api, group: Group) -> list[tuple[str, str, str]]:
    """Who did what to whose account."""
    kinds = ("account_", "people_", "consent_", "admin_")
    return [
        (e.address, e.action, str(e.subject))
        for e in log(api, group)
        if e.action.startswith(kinds) and e.who is Who.API_USER
    ]


WANTED = {
    "accounts": [
        {"email": " Ny@Kommun.Example", "display_name": "Ny Nilsson"}, {"email": "bo@kommun.example"}, {"email": EVA}, {"email": LARS},
        {"email": "ny@kommun.example"}, {"email": "inte en adress"}, {"email": " "}, {"email": "46701740605@messa.example"},
    ]
}  # fmt: skip


def test_addresses_are_added_and_each_is_answered(api: Api, school: Program) -> None:
    below = api.world.group(api.school, "4A")
    beside = api.world.group(api.master, "Vården")
    api.world.account(below, EVA)
    api.world.account(beside, LARS)
    api.world.account(api.school, "bo@kommun.example")
    planned = school.post("/v2/accounts/dry-run", WANTED)
    done = school.post("/v2/accounts", WANTED)
    outcomes = [(i["email"], i["outcome"], i["fault"], i["from_group_id"]) for i in done["items"]]
    assert outcomes == [
        ("ny@kommun.example", "add", None, None),
        ("bo@kommun.example", "here", None, None),
        (EVA, "move", None, str(below.id)),
        (LARS, "move_unseen", None, None),
        ("ny@kommun.example", "duplicate", None, None),
        ("inte en adress", "bad", "not_an_address", None),
        ("", "bad", "no_address", None),
        ("46701740605@messa.example", "bad", "ours", None),
    ]
    assert [{**item, "account_id": None} for item in done["items"]] == [
        {**item, "account_id": None} for item in planned["items"]
    ]
    assert [bool(i["account_id"]) for i in planned["items"]] == [
        i["outcome"] == "here" for i in done["items"]
    ]
    assert [bool(i["account_id"]) for i in done["items"]] == [True] * 5 + [False] * 3
    made = school.get(f"/v2/accounts/{done['items'][0]['account_id']}")
    assert (made["email"], made["display_name"], made["placed_by_hand"]) == (
        "ny@kommun.example",
        "Ny Nilsson",
        True,
    )
    # nothing is done twice
    assert added(school, "ny@kommun.example", EVA) == [("ny@kommun.example", "here"), (EVA, "here")]
    assert ("Larmet", "account_added", "ny@kommun.example") in actions(api, api.school)
    assert ("Larmet", "account_moved", EVA) in actions(api, api.school)


def test_as_many_as_may_be_are_added_at_once_in_as_many_statements_as_a_few(
    api: Api, school: Program
) -> None:
    def cost(count: int) -> int:
        wanted = {"accounts": [{"email": f"{new_id().hex}@kommun.example"} for _ in range(count)]}
        with statements(api.runtime.database.engine) as seen:
            items = school.post("/v2/accounts", wanted)["items"]
        assert [(i["email"], i["outcome"]) for i in items] == [
            (a["email"], "add") for a in wanted["accounts"]
        ]
        assert all(i["account_id"] for i in items)
        return len(seen)

    assert cost(AT_ONCE) == cost(2)


def test_a_dry_run_does_nothing(api: Api, school: Program) -> None:
    before = api.world.value("SELECT count(*) FROM account"), api.world.value("SELECT count(*) FROM task")
    school.post("/v2/accounts/dry-run", {"accounts": [{"email": EVA}]})
    assert before == (
        api.world.value("SELECT count(*) FROM account"),
        api.world.value("SELECT count(*) FROM task"),
    )
    assert api.world.value("SELECT count(*) FROM outgoing_mail") == 0


def test_an_address_of_another_organisation_is_asked_and_one_of_a_proven_domain_is_taken(
    api: Api, school: Program
) -> None:
    other = api.world.tenant("annan", "Annan kommun")
    theirs, mine = api.world.account(other, "ulla@annan.example"), api.world.account(other, "siv@var.example")
    api.world.domain(api.master, "var.example")
    assert added(school, "ulla@annan.example", "siv@var.example") == [
        ("ulla@annan.example", "ask"),
        ("siv@var.example", "take"),
    ]
    rows = api.world.rows("SELECT id, group_id FROM account WHERE id = ANY(:ids)", ids=[theirs, mine])
    assert dict(map(tuple, rows)) == {theirs: other.id, mine: api.school.id}
    [mail] = api.world.rows("SELECT recipient, text FROM outgoing_mail WHERE key LIKE 'consent:%'")
    assert mail.recipient == "ulla@annan.example"
    # a program has no address that its asking could be told with
    assert "Larmet" not in mail.text
    assert added(school, "ulla@annan.example") == [("ulla@annan.example", "asked")]


def test_whom_somebody_beyond_the_reach_administers_or_has_blocked_stays(api: Api, school: Program) -> None:
    api.world.administer(api.master, api.world.account(api.master, EVA))
    api.world.account(api.master, LARS, blocked=True)
    assert added(school, EVA, LARS) == [(EVA, "blocked"), (LARS, "blocked")]
    assert emails(api.program(api.master), f"?group_id={api.master.id}&search=lars") == [LARS]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/accounts"),
        ({"accounts": []}, "/accounts"),
        ({"accounts": [{"email": ""}]}, "/accounts/0/email"),
        ({"accounts": [{"email": EVA}, {"mail": EVA}]}, "/accounts/1/email"),
        ({"accounts": [{"email": EVA}] * (AT_ONCE + 1)}, "/accounts"),
        ({"accounts": [{"email": EVA, "display_name": "x" * 101}]}, "/accounts/0/display_name"),
        ({"accounts": [{"email": EVA}], "group_id": "x"}, "/group_id"),
    ],
)
def test_what_does_not_fit_its_shape_is_told_where(school: Program, body: Any, pointer: str) -> None:
    assert pointer in [fault["pointer"] for fault in school.post("/v2/accounts", body, 422)["errors"]]


def test_the_list_goes_by_address_over_pages_and_shows_people_only(api: Api, school: Program) -> None:
    below, beside = api.world.group(api.school, "4A"), api.world.group(api.master, "Vården")
    for number in range(7):
        api.world.account(below if number % 2 else api.school, f"p{number}@kommun.example")
    api.world.account(beside, "p9@kommun.example")
    api.world.account(api.school, "p8@kommun.example", removed_at=api.world.clock.now())
    everybody = emails(school)
    assert [email for email in everybody if email.startswith("p")] == [
        f"p{n}@kommun.example" for n in range(7)
    ]
    assert not any("Larmet" in str(item) for item in school.get("/v2/accounts")["items"])
    walked, page = [], school.get("/v2/accounts?limit=3")
    while True:
        walked += [item["email"] for item in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == 3
        page = school.get(f"/v2/accounts?limit=3&cursor={page['next']}")
    assert walked == everybody
    assert emails(school, f"?group_id={below.id}") == [f"p{n}@kommun.example" for n in (1, 3, 5)]
    assert emails(school, f"?email=P3@Kommun.Example&group_id={below.id}") == ["p3@kommun.example"]
    assert emails(school, f"?email=p3@kommun.example&group_id={api.school.id}") == []
    for hidden in ("p8", "p9", "p"):
        assert emails(school, f"?email={hidden}@kommun.example") == []
    assert emails(school, "?search=p4") == ["p4@kommun.example"]
    assert emails(school, "?search=p4&email=p5@kommun.example") == []
    assert emails(school, "?search=kommun&email=p5@kommun.example") == ["p5@kommun.example"]
    assert school.get("/v2/accounts?email=%20", 400)["errors"][0]["pointer"] == "?email"
    assert school.get("/v2/accounts?cursor=x", 400)["errors"][0]["pointer"] == "?cursor"


def test_a_page_takes_as_many_statements_however_many_it_holds(api: Api, school: Program) -> None:
    def cost(query: str) -> int:
        with statements(api.runtime.database.engine) as seen:
            school.get(f"/v2/accounts{query}")
        return len(seen)

    api.world.account(api.school, EVA)
    few = cost("")
    for _ in range(30):
        api.world.account(api.school, f"{new_id().hex}@kommun.example")
    assert cost("") == few
    assert cost("?limit=100") == few


def test_an_account_tells_what_the_admins_form_tells(api: Api, school: Program) -> None:
    api.world.numbers()
    account_id = api.world.account(api.school, EVA, display_name="Eva Ek", language="en")
    api.world.administer(api.school, account_id)
    api.world.administer(api.master, account_id)
    api.world.account_quota(api.school, 20, 30)
    api.network.world.words(account_id, [ANNA])
    answer = school.ask("GET", f"/v2/accounts/{account_id}", status=200)
    told = answer.json
    assert answer.headers["ETag"] == '"1"'
    assert (told["email"], told["display_name"], told["language"], told["blocked"]) == (
        EVA,
        "Eva Ek",
        "en",
        False,
    )
    assert told["admin_of"] == [str(api.school.id)]  # not of what lies above
    assert told["quota"] == {"left": 19, "sms": 20, "window_days": 30, "group_id": str(api.school.id)}
    assert told["last_sent"] == api.world.clock.now().date().isoformat()
    assert (told["has_password"], told["has_second_factor"]) == (False, False)
    [row] = school.get(f"/v2/accounts?email={EVA}")["items"]
    assert row == {name: told[name] for name in row}
    # what a group above has set is told without a figure
    below = api.world.group(api.school, "4A")
    inside = api.world.account(below, LARS)
    assert api.program(below).get(f"/v2/accounts/{inside}")["quota"] == dict.fromkeys(told["quota"])


def test_an_account_is_changed_with_a_version_in_hand(api: Api, school: Program) -> None:
    account_id = api.world.account(api.school, EVA, display_name="Eva")
    path = f"/v2/accounts/{account_id}"
    version = school.ask("GET", path).headers["ETag"]
    changed = school.ask(
        "PATCH", path, {"display_name": "Eva  Ek", "language": "en"}, 200, **{"If-Match": version}
    )
    assert (changed.json["display_name"], changed.json["language"]) == ("Eva Ek", "en")
    assert changed.headers["ETag"] != version
    for stale in (version, "W/" + version, "x"):
        school.ask("PATCH", path, {"display_name": "Gammal"}, 412, **{"If-Match": stale})
        school.ask("DELETE", path, None, 412, **{"If-Match": stale})
    # what is left out stays
    assert school.ask("PATCH", path, {"language": None}, 200).json["display_name"] == "Eva Ek"
    blocked = school.ask("PATCH", path, {"blocked": True}, 200).json
    assert (blocked["blocked"], blocked["language"]) == (True, None)
    assert school.ask("PATCH", path, {"blocked": False}, 200).json["blocked"] is False
    assert school.ask("PATCH", path, {"language": "tlh"}, 422).json["errors"][0]["pointer"] == "/language"
    assert [(who, what) for who, what, whose in actions(api, api.school) if whose == EVA] == [
        ("Larmet", "account_changed"),
        ("Larmet", "account_changed"),
        ("Larmet", "account_blocked"),
        ("Larmet", "account_unblocked"),
    ]


def test_who_names_no_version_changes_what_holds_though_somebody_is_quicker(
    api: Api, school: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another change is committed between our look and our lock."""
    account_id = api.world.account(api.school, EVA, display_name="Eva")
    own, looked = member.read, []

    def read(*given: Any) -> Any:
        found = own(*given)
        if not looked:
            looked.append(found)
            api.world.run(
                "UPDATE account SET display_name = 'Eva Ny', version = version + 1 WHERE id = :id",
                id=account_id,
            )
        return found

    monkeypatch.setattr(member, "read", read)
    changed = school.ask("PATCH", f"/v2/accounts/{account_id}", {"language": "en"}, 200).json
    assert (changed["display_name"], changed["language"]) == ("Eva Ny", "en")


def test_an_account_is_moved_within_the_reach_and_never_out_of_it(api: Api, school: Program) -> None:
    below, beside = api.world.group(api.school, "4A"), api.world.group(api.master, "Vården")
    account_id = api.world.account(api.school, EVA)
    path = f"/v2/accounts/{account_id}"
    moved = school.ask("PATCH", path, {"group_id": str(below.id), "display_name": "Eva"}, 200).json
    assert (moved["group_id"], moved["display_name"], moved["placed_by_hand"]) == (str(below.id), "Eva", True)
    nothing = school.get(f"/v2/accounts/{new_id()}", 404)
    for group in (api.master, beside, api.world.tenant("annan", "Annan kommun")):
        refused = school.ask("PATCH", path, {"group_id": str(group.id), "display_name": "Nej"}, 404)
        assert refused.json == nothing
    assert school.get(path)["display_name"] == "Eva"
    assert ("Larmet", "account_moved", EVA) in actions(api, api.school)


def test_a_change_of_which_a_part_is_refused_is_not_made_at_all(api: Api, school: Program) -> None:
    account_id = api.world.account(api.school, EVA, display_name="Eva", is_operator=True)
    below = api.world.group(api.school, "4A")
    path = f"/v2/accounts/{account_id}"
    problem = school.ask("PATCH", path, {"display_name": "Ny", "group_id": str(below.id)}, 403).json
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/group_id", "operator")]
    assert school.get(path)["display_name"] == "Eva"


def test_who_administers_more_than_the_reach_is_neither_blocked_nor_removed(
    api: Api, school: Program
) -> None:
    account_id = api.world.account(api.school, EVA)
    api.world.administer(api.master, account_id)
    path = f"/v2/accounts/{account_id}"
    problem = school.ask("PATCH", path, {"blocked": True}, 403).json
    assert problem["type"].endswith("change-refused")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/blocked", "higher_admin")]
    assert api.master.name not in str(problem) and str(api.master.id) not in str(problem)
    assert school.ask("DELETE", path, None, 403).json["errors"][0]["code"] == "higher_admin"
    api.world.run("DELETE FROM group_admin WHERE account_id <> :id", id=account_id)
    above = api.program(api.master)  # whose maker becomes an admin of Master
    api.world.run("DELETE FROM group_admin WHERE account_id <> :id", id=account_id)
    assert above.ask("DELETE", path, None, 403).json["errors"][0]["code"] == "last_admin"
    assert school.get(path)["blocked"] is False


@pytest.mark.parametrize("block", [False, True])
def test_a_removed_account_comes_back_unless_it_was_blocked(api: Api, school: Program, block: bool) -> None:
    account_id = api.world.account(api.school, EVA)
    path = f"/v2/accounts/{account_id}"
    etag = school.ask("GET", path).headers["ETag"]
    query = "?block=true" if block else ""
    assert school.ask("DELETE", path + query, None, 204, **{"If-Match": etag}).body == b""
    school.get(path, 404)
    school.ask("DELETE", path, None, 404)
    assert EVA not in emails(school)
    assert api.world.value("SELECT blocked FROM account WHERE id = :id", id=account_id) is block
    assert ("Larmet", "account_removed", EVA) in actions(api, api.school)
    assert added(school, EVA) == [(EVA, "return")]
    assert school.get(path)["blocked"] is False


def test_an_account_beyond_the_reach_or_of_another_kind_is_none(api: Api, school: Program) -> None:
    nothing = school.get(f"/v2/accounts/{new_id()}", 404)
    beside = api.world.group(api.master, "Vården")
    removed = api.world.account(api.school, "borta@kommun.example", removed_at=api.world.clock.now())
    strangers = [
        api.world.account(group, f"{new_id().hex}@kommun.example")
        for group in (api.master, beside, api.world.tenant("annan", "Annan kommun"))
    ]
    for identifier in (*strangers, removed, school.user.id):
        for method, body in (("GET", None), ("PATCH", {"display_name": "x"}), ("DELETE", None)):
            assert school.ask(method, f"/v2/accounts/{identifier}", body, 404).json == nothing
    for group in (api.master, beside):
        assert school.get(f"/v2/accounts?group_id={group.id}", 404) == nothing
        for path in ("/v2/accounts", "/v2/accounts/dry-run"):
            body = {"group_id": str(group.id), "accounts": [{"email": EVA}]}
            assert school.post(path, body, 404) == nothing


def test_the_admins_of_a_group_that_is_not_seen_are_told_what_it_lost(api: Api, school: Program) -> None:
    beside = api.world.group(api.master, "Vården")
    chief = api.world.account(beside, "chef@kommun.example")
    api.world.administer(beside, chief)
    api.world.account(beside, LARS)
    assert added(school, LARS) == [(LARS, "move_unseen")]
    [mail] = api.world.rows("SELECT recipient, text FROM outgoing_mail WHERE key LIKE 'people_left:%'")
    assert mail.recipient == "chef@kommun.example" and LARS in mail.text
    # who has it is not theirs to see either
    [moved] = [entry for entry in log(api, beside) if entry.action == "account_moved"]
    assert (moved.who, moved.address, str(moved.subject)) == (Who.OVERLYING, "", LARS)
