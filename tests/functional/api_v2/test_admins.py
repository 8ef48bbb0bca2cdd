"""Admins by v2: listed, made by address or account, removed; never more than the key reaches (spec G10)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.tenants import admins
from messa_platform.tenants.audit_view import Asked, Reader, Who, entries
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program
from tests.support.observe import statements

EVA, LARS = "eva@kommun.example", "lars@kommun.example"


def emails(program: Program, query: str = "") -> list[str]:
    return [item["email"] for item in program.get(f"/v2/admins{query}")["items"]]


def fault(answer: Any) -> tuple[str, str, str]:
    """Kind, pointer and code of a problem with one fault."""
    [only] = answer["errors"]
    return answer["type"].rpartition("/")[2], only["pointer"], only["code"]


@pytest.mark.parametrize("by", ["email", "account_id"])
def test_somebody_is_made_an_admin_and_told_so_and_is_one_no_longer(
    api: Api, school: Program, by: str
) -> None:
    below = api.world.group(api.school, "4A")
    account_id = api.world.account(below, EVA, display_name="Eva Ek")
    body = {"email": " EVA@kommun.example "} if by == "email" else {"account_id": str(account_id)}
    made = school.post("/v2/admins", body, 201)
    assert (made["id"], made["group_id"], made["email"], made["display_name"], made["blocked"]) == (
        str(account_id), str(api.school.id), EVA, "Eva Ek", False,
    )  # fmt: skip
    assert made in school.get("/v2/admins")["items"]
    assert school.get(f"/v2/accounts/{account_id}")["admin_of"] == [str(api.school.id)]
    # nothing is done twice, and nobody is told twice
    assert school.post("/v2/admins", body, 200) == made
    [mail] = api.world.rows("SELECT recipient, text FROM outgoing_mail WHERE key LIKE 'admin_added:%'")
    assert (mail.recipient, api.school.name in mail.text) == (EVA, True)
    assert school.ask("DELETE", f"/v2/admins/{account_id}", None, 204).body == b""
    school.ask("DELETE", f"/v2/admins/{account_id}", None, 404)
    assert EVA not in emails(school)
    assert school.get(f"/v2/accounts/{account_id}")["admin_of"] == []
    assert done_by(api, api.school, EVA) == [("Larmet", "admin_added"), ("Larmet", "admin_removed")]


def done_by(api: Api, group: Group, address: str) -> list[tuple[str, str]]:
    """Who did what to somebody, as an admin of the group reads it in the portal's audit log; the oldest first."""
    author = api.ring.author(group)
    assert author.account_id is not None
    with api.world.database.unit_of_work() as session:
        place = api.ring.place(group)
        found, _ = entries(session, Reader(place, author.account_id), Asked(place))
    assert all(entry.who is Who.API_USER for entry in found if entry.subject == address)
    return [(entry.address, entry.action) for entry in found[::-1] if entry.subject == address]


def test_a_group_below_has_admins_of_its_own(api: Api, school: Program) -> None:
    below = api.world.group(api.school, "4A")
    account_id = api.world.account(below, EVA)
    school.post("/v2/admins", {"email": EVA, "group_id": str(below.id)}, 201)
    assert emails(school, f"?group_id={below.id}") == [EVA]
    assert EVA not in emails(school)
    school.ask("DELETE", f"/v2/admins/{account_id}", None, 404)
    school.ask("DELETE", f"/v2/admins/{account_id}?group_id={below.id}", None, 204)
    assert emails(school, f"?group_id={below.id}") == []


def test_only_somebody_of_the_tree_who_may_sign_in_becomes_an_admin(api: Api, school: Program) -> None:
    below, beside = api.world.group(api.school, "4A"), api.world.group(api.master, "Vården")
    inside = api.world.account(api.school, "inne@kommun.example")
    blocked = api.world.account(below, LARS, blocked=True)
    outside = api.world.account(beside, "ute@kommun.example")
    elsewhere = api.world.account(api.world.tenant("annan", "Annan kommun"), "ulla@annan.example")
    nothing = school.post("/v2/admins", {"email": "ingen@kommun.example"}, 403)
    assert fault(nothing) == ("change-refused", "/email", "not_in_tree")
    for email in ("ute@kommun.example", "ulla@annan.example"):
        assert school.post("/v2/admins", {"email": email}, 403) == nothing
    none = school.post("/v2/admins", {"account_id": str(new_id())}, 403)
    assert fault(none) == ("change-refused", "/account_id", "not_in_tree")
    for account_id in (outside, elsewhere, school.user.id):
        assert school.post("/v2/admins", {"account_id": str(account_id)}, 403) == none
    # in the key's group is not in the group below it
    body = {"account_id": str(inside), "group_id": str(below.id)}
    assert school.post("/v2/admins", body, 403) == none
    assert fault(school.post("/v2/admins", {"account_id": str(blocked)}, 403))[2] == "blocked"
    for bad in ("eva", " ", "eva@", "46701740605@messa.example"):
        assert fault(school.post("/v2/admins", {"email": bad}, 403)) == ("change-refused", "/email", "bad")
    assert api.world.value("SELECT count(*) FROM outgoing_mail") == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/email"),
        ({"email": EVA, "account_id": "01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a"}, "/email"),
        ({"account_id": "x"}, "/account_id"),
        ({"email": EVA, "since": "2026-01-01T00:00:00Z"}, "/since"),
    ],
)
def test_what_does_not_fit_its_shape_is_told_where(school: Program, body: Any, pointer: str) -> None:
    assert pointer in [error["pointer"] for error in school.post("/v2/admins", body, 422)["errors"]]


def test_the_last_admin_of_master_stays(api: Api) -> None:
    above = api.program(api.master)
    *others, last = above.get("/v2/admins")["items"]
    for other in others:
        above.ask("DELETE", f"/v2/admins/{other['id']}", None, 204)
    assert fault(above.ask("DELETE", f"/v2/admins/{last['id']}", None, 403).json) == (
        "change-refused",
        "",
        "last",
    )
    assert emails(above) == [last["email"]]


def test_the_list_goes_by_address_over_pages(api: Api, school: Program) -> None:
    def cost() -> int:
        with statements(api.runtime.database.engine) as seen:
            school.get("/v2/admins")
        return len(seen)

    few = cost()
    for number in range(6):
        api.world.administer(api.school, api.world.account(api.school, f"p{number}@kommun.example"))
    assert cost() == few
    everybody, walked, query = emails(school), [], "?limit=2"
    while query:
        page = school.get(f"/v2/admins{query}")
        walked += [item["email"] for item in page["items"]]
        query = f"?limit=2&cursor={page['next']}" if page["next"] else ""
    assert walked == everybody == sorted(everybody)
    assert len(everybody) == 7  # with whoever made the key


def test_admins_beyond_the_reach_are_none(api: Api, school: Program) -> None:
    api.world.account(api.school, EVA)
    beside, other = api.world.group(api.master, "Vården"), api.world.tenant("annan", "Annan kommun")
    nothing = school.get(f"/v2/accounts/{new_id()}", 404)
    for group in (api.master, beside, other):
        chief = api.world.account(group, f"{new_id().hex}@kommun.example")
        api.world.administer(group, chief)
        assert school.get(f"/v2/admins?group_id={group.id}", 404) == nothing
        assert school.post("/v2/admins", {"group_id": str(group.id), "email": EVA}, 404) == nothing
        for query in ("", f"?group_id={group.id}"):
            assert school.ask("DELETE", f"/v2/admins/{chief}{query}", None, 404).json == nothing
        assert api.world.value("SELECT count(*) FROM group_admin WHERE account_id = :id", id=chief) == 1


def test_an_api_user_that_is_removed_meanwhile_makes_nobody_an_admin(
    api: Api, school: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its key and the lock."""
    api.world.account(api.school, EVA)
    own = admins.add

    def add(*given: Any) -> Any:
        remove(api, school.user.id)
        return own(*given)

    monkeypatch.setattr(admins, "add", add)
    school.post("/v2/admins", {"email": EVA}, 404)
    assert (
        api.world.value(
            "SELECT count(*) FROM group_admin ga JOIN account a ON a.id = ga.account_id WHERE a.address = :a",
            a=EVA,
        )
        == 0
    )


def remove(api: Api, user_id: UUID) -> None:
    api.world.run("UPDATE account SET removed_at = now() WHERE id = :id", id=user_id)
