"""An adminship that is taken away while a form is under way: nothing is written, and there is no such page (spec G10)."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from webtest import TestResponse

from messa_platform.runtime import Runtime
from tests.support.observe import wait_until_blocked
from tests.support.town import Desk, Town, build_town
from tests.support.visitors import path_of, token_of
from tests.support.world import World

ELEV = "elev@kommun.example"
AT = "/t/kommun/skolan"
TENANT = "SELECT FROM tenant WHERE slug = 'kommun' FOR NO KEY UPDATE"
GROUP = "SELECT FROM \"group\" WHERE slug = 'skolan' FOR NO KEY UPDATE"
ACCOUNT = "SELECT FROM account WHERE address = 'elev@kommun.example' FOR NO KEY UPDATE"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    made = build_town(world, runtime)
    made.person(made.school, ELEV)
    return made


def sent_late(desk: Desk, page: str, fields: dict[str, str], lock: str, onto: str, dismissed: UUID) -> Any:
    """Open a page and send a form that waits at a lock while its sender is let go; gives the answer."""
    fields = {"csrf_token": token_of(desk.get(page)), **fields}
    answers: list[TestResponse] = []
    with desk.visitor.runtime.database.unit_of_work() as session:
        session.execute(text(lock))
        sending = threading.Thread(target=lambda: answers.append(desk.visitor.post(onto or page, fields)))
        sending.start()
        wait_until_blocked(desk.visitor.runtime.database)
        session.execute(text("DELETE FROM group_admin WHERE account_id = :id"), {"id": dismissed})
    sending.join(60)
    return answers[0]


FORMS: dict[str, tuple[str, dict[str, str], str]] = {
    "a setting": (
        "@@sender-name",
        {"sender_name": "Skolan", "sender_name-lock": "subadmin", "sender_name-seen": "0 x y"},
        GROUP,
    ),
    "a new group": ("@@new-group", {"name": "Ny"}, TENANT),
    "another name": ("@@group", {"do": "rename", "name": "Ny", "version": "1"}, TENANT),
    "an admin": ("@@admins", {"addresses": ELEV}, ACCOUNT),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_sent_is_not_written_and_there_is_no_such_page(town: Town, name: str) -> None:
    view, fields, lock = FORMS[name]
    desk = town.head
    missing = desk.get("/t/kommun/omsorgen/@@settings", 404)
    answer = sent_late(desk, f"{AT}/{view}", fields, lock, "", town.head_id)
    assert answer.status_int == 404
    assert answer.html.main.get_text() == missing.html.main.get_text()
    assert town.world.rows("SELECT 1 FROM audit_entry") == []


@pytest.mark.parametrize(
    "fields", [{"do": "save", "display_name": "Elev"}, {"do": "remove"}, {"do": "move", "group": "care"}]
)
def test_a_user_is_not_touched(town: Town, fields: dict[str, str]) -> None:
    elev = town.world.value("SELECT id FROM account WHERE address = :a", a=ELEV)
    if "group" in fields:
        fields = {**fields, "group": str(town.class_4b.id)}
    page = f"{AT}/@@user?id={elev}"
    answer = sent_late(town.head, page, {"version": "1", **fields}, ACCOUNT, "", town.head_id)
    assert answer.status_int == 404
    assert town.world.value("SELECT version FROM account WHERE id = :id", id=elev) == 1


@pytest.mark.parametrize("deed", ["move", "remove"])
def test_nor_are_several(town: Town, deed: str) -> None:
    elev = town.world.value("SELECT id FROM account WHERE address = :a", a=ELEV)
    fields = {"who": str(elev), "group": str(town.class_4b.id)}
    page = f"{AT}/@@{deed}-users?who={elev}"
    answer = sent_late(town.head, page, fields, ACCOUNT, f"{AT}/@@{deed}-users", town.head_id)
    assert answer.status_int == 404
    assert town.world.value("SELECT version FROM account WHERE id = :id", id=elev) == 1


def test_nor_is_the_organisation(town: Town) -> None:
    fields = {"name": "Ny", "language": "sv", "time_zone": "Europe/Stockholm", "version": "1"}
    answer = sent_late(town.chief, "/t/kommun/@@organisation", fields, TENANT, "", town.chief_id)
    assert answer.status_int == 404
    assert town.world.value("SELECT name FROM tenant WHERE slug = 'kommun'") == "Kommunen"


def test_nobody_is_added_and_whoever_still_may_reads_why(town: Town) -> None:
    desk, other = town.head, town.chief
    planned = desk.sent(f"{AT}/@@add-users", addresses="ny@kommun.example")
    task = path_of_task(planned)
    answer = sent_late(
        desk, f"{AT}/@@add-users?task={task}", {"task": task}, TENANT, f"{AT}/@@add-users", town.head_id
    )
    assert answer.status_int == 303
    desk.get(path_of(answer), 404)
    assert town.world.rows("SELECT 1 FROM account WHERE address = 'ny@kommun.example'") == []
    assert town.world.value("SELECT word FROM task_line") == "stopped"
    # what it was is seen by those who act by the same adminship
    other.get(f"{AT}/@@task?id={task}", 404)


def path_of_task(planned: TestResponse) -> str:
    return str(planned.request.params["task"])
