"""The audit log by v2: what was changed in the key's group and below, and nothing of what is above or beside (spec G12, G2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.ids import new_id
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program
from tests.support.observe import statements


def note(api: Api, author: Author, group: Group, action: Action, subject: str = "", **more: Any) -> None:
    """Write a change down as done by somebody."""
    with api.world.database.unit_of_work() as session:
        change = Change(group.tenant_id, group.id, action, subject, **more)
        record(session, api.world.clock.now(), author, [change])


def told(program: Program, query: str = "") -> list[str]:
    """The subjects of what a query finds."""
    return [entry["subject"] for entry in program.get(f"/v2/audit{query}")["items"]]


def test_an_entry_tells_who_changed_what_from_what_to_what(api: Api, school: Program) -> None:
    author = api.world.author(api.school, "rektor@kommun.example")
    note(
        api,
        author,
        api.school,
        Action.SETTING_SET,
        "sender_name",
        before={"value": "A"},
        after={"value": "B"},
    )
    entry = school.get("/v2/audit?limit=1")["items"][0]
    assert entry.pop("id") and entry.pop("at")
    assert entry == {
        "actor": "admin", "actor_name": "rektor@kommun.example", "action": "setting_set", "subject": "sender_name",
        "group": {"standing": "seen", "id": str(api.school.id), "name": "Skolan", "is_removed": False},
        "before": {"value": "A"}, "after": {"value": "B"},
    }  # fmt: skip


def test_groups_and_people_above_and_beside_have_neither_name_nor_id(api: Api, school: Program) -> None:
    beside = api.world.group(api.master, "Vården")
    above = api.world.author(api.master, "chef@kommun.example")
    note(api, above, api.school, Action.ACCOUNT_MOVED, "anna@kommun.example",
         before={"group": str(beside.id)}, after={"group": str(api.school.id)})  # fmt: skip
    note(api, above, api.school, Action.GROUP_MOVED, "Vården", subject_id=beside.id,
         before={"parent": str(api.master.id)}, after={"name": "Vården"})  # fmt: skip
    note(api, above, api.master, Action.GROUP_ADDED, "Hemligt")
    page = school.ask("GET", "/v2/audit", None, 200)
    moved_group, moved = page.json["items"][:2]
    assert (moved["actor"], moved["actor_name"]) == ("overlying", None)
    hidden = {"standing": "other", "id": None, "name": None, "is_removed": False}
    seen = {"standing": "seen", "id": str(api.school.id), "name": "Skolan", "is_removed": False}
    assert (moved["before"], moved["after"]) == ({"group": hidden}, {"group": seen})
    assert moved_group["subject"] is None
    assert moved_group["before"] == {"parent": {**hidden, "standing": "overlying"}}
    assert moved_group["after"] == {"name": hidden}
    for secret in ("Vården", "Hemligt", "chef@", str(beside.id), str(api.master.id), str(above.account_id)):
        assert secret not in page.text, secret
    # nor can it be found by what is not told
    for words in ("chef", "V%C3%A5rden", "Hemligt"):
        assert told(school, f"?words={words}") == []
    assert told(api.program(api.master, "Ovan"), "?words=Hemligt") == ["Hemligt"]


def test_it_is_narrowed_by_time_group_action_and_words(api: Api, school: Program) -> None:
    below = api.world.group(api.school, "4A")
    author = api.world.author(api.school, "rektor@kommun.example")
    start = api.world.clock.now()
    for hours, group, action, subject in (
        (1, api.school, Action.ACCOUNT_ADDED, "a@x.example"), (2, below, Action.ACCOUNT_ADDED, "b@x.example"),
        (3, below, Action.ACCOUNT_REMOVED, "c@y.example"),
    ):  # fmt: skip
        api.world.clock.move(start + timedelta(hours=hours) - api.world.clock.now())
        note(api, author, group, action, subject)

    def at(hours: int) -> str:
        return (start + timedelta(hours=hours)).isoformat().replace("+", "%2B")

    assert told(school, f"?since={at(2)}") == ["c@y.example", "b@x.example"]
    assert told(school, f"?since={at(1)}&until={at(2)}") == ["a@x.example"]
    assert told(school, f"?group_id={below.id}") == ["c@y.example", "b@x.example"]
    assert "b@x.example" not in told(school, "?subgroups=false")
    assert told(school, "?action=account_added&words=x.ex") == ["b@x.example", "a@x.example"]
    assert told(school, "?words=rektor&action=account_removed") == ["c@y.example"]
    school.post("/v2/api-users", {"name": "Journalen"}, 201)
    # an API user is found as what was made, and as who did it
    assert told(school, "?words=larmet&action=api_user_added") == ["Journalen", "Larmet"]


@pytest.mark.parametrize(
    "query",
    ["since=i%20g%C3%A5r", "since=2026-11-27", "group_id=1", "action=everything", "subgroups=no", "words=", "limit=0", "cursor=x"],
)  # fmt: skip
def test_a_parameter_that_cannot_be_used_is_refused(school: Program, query: str) -> None:
    problem = school.get(f"/v2/audit?{query}", 400)
    assert [error["pointer"] for error in problem["errors"]] == [f"?{query.partition('=')[0]}"]


def test_it_goes_on_from_page_to_page_newest_first_in_a_constant_number_of_statements(
    api: Api, school: Program
) -> None:
    author = api.world.author(api.school)
    for place in range(7):
        note(api, author, api.school, Action.ACCOUNT_ADDED, f"a{place}@x.example")
        note(api, api.world.author(api.master), api.master, Action.ACCOUNT_ADDED, f"ovan{place}@x.example")
    seen, cursor = [], ""
    while cursor is not None:
        page = school.get(f"/v2/audit?limit=3&action=account_added{cursor and '&cursor=' + cursor}")
        assert len(page["items"]) <= 3
        seen += [entry["subject"] for entry in page["items"]]
        cursor = page["next"]
    assert seen == [f"a{place}@x.example" for place in reversed(range(7))]
    counts = []
    for limit in (1, 7):
        with statements(api.runtime.database.engine) as said:
            school.get(f"/v2/audit?limit={limit}")
        counts.append(len(said))
    assert counts[0] == counts[1]


def test_the_log_of_a_group_beyond_the_keys_reach_is_none(api: Api, school: Program) -> None:
    nothing = school.get(f"/v2/audit?group_id={new_id()}", 404)
    for group in (api.master, api.world.group(api.master, "Vården"), api.world.tenant("annan", "Annan")):
        assert school.get(f"/v2/audit?group_id={group.id}", 404) == nothing
