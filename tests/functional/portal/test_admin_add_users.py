"""The page Add users: pasted, looked at, done, and each line answered (spec G11)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.portal.admin.people_words import FAULTS, WORDS
from messa_platform.portal.people_mails import PeopleLetters
from messa_platform.runtime import Runtime
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.people.adding import Adding
from messa_platform.tenants.people.mails import PeoplePost
from messa_platform.tenants.people.plan import Word
from messa_platform.tenants.people.reading import MOST_LINES, Fault
from messa_platform.tenants.tasks import Step, TaskRow, work_off_tasks
from tests.support.observe import statements
from tests.support.portal import field_of, seen
from tests.support.town import CHIEF, HEAD, Desk, Town, build_town, make_admin
from tests.support.visitors import a_runtime, path_of
from tests.support.world import World

ADD = "/t/kommun/skolan/@@add-users"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


def plan(desk: Desk, *lines: str, at: str = ADD) -> TestResponse:
    """Paste lines; the page that says what would happen."""
    return desk.sent(at, addresses="\r\n".join(lines))


def confirm(desk: Desk, planned: TestResponse, at: str = ADD) -> TestResponse:
    """Say yes to it; the task's page."""
    task = field_of(planned, "task")
    return desk.sent(f"{at}?task={task}", at, task=task)


def lines_of(page: TestResponse) -> dict[str, str]:
    """The result of each address on the page."""
    rows = re.findall(r'<tr id="l-\d+">(.*?)</tr>', page.text, re.DOTALL)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    plain = [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]
    return {row[1]: row[2] for row in plain}


def work(town: Town) -> None:
    """Have the worker do what waits."""
    letters = PeopleLetters("messa.example", "https://messa.example")
    adding = Adding(PeoplePost(letters, town.runtime.post))
    handlers = {TaskKind.ADD_PEOPLE: adding.step}
    while work_off_tasks(town.runtime.database, town.runtime.clock, handlers):
        pass


def fill(town: Town) -> list[str]:
    """People of all kinds; gives the lines that are pasted about them."""
    town.person(town.school, "here@kommun.example")
    town.person(town.class_4b, "below@kommun.example")
    town.person(town.care, "beside@kommun.example")
    town.person(town.elsewhere, "olle@annan.example")
    town.person(town.school, "back@kommun.example", removed_at=town.world.clock.now())
    town.person(town.care, "blocked@kommun.example", blocked=True)
    return [
        "Ny Person <new@kommun.example>",
        "here@kommun.example",
        "below@kommun.example",
        "beside@kommun.example",
        "olle@annan.example",
        "back@kommun.example",
        "blocked@kommun.example",
        "new@kommun.example",
        "no address",
    ]


def test_each_line_is_told_what_would_happen_and_nothing_has_happened(town: Town) -> None:
    planned = plan(town.head, *fill(town))
    assert lines_of(planned) == {
        "new@kommun.example Ny Person": "New user",
        "here@kommun.example": "Is here already",
        "below@kommun.example": "Moves here from Skolan › Klass 4B",
        "beside@kommun.example": "Moves here from another group",
        "olle@annan.example": "Is asked by mail: not an address of yours yet",
        "back@kommun.example": "Comes back: was removed before",
        "blocked@kommun.example": "Another admin has to see to it",
        "new@kommun.example": "Stands further up as well",
        "no address": "No e-mail address in this line",
    }
    for hidden in ("Omsorgen", "Annan kommun", "Master"):
        assert hidden not in planned.text
    assert town.group_of("below@kommun.example") == town.class_4b.id
    assert town.world.rows("SELECT 1 FROM audit_entry") == []


def test_a_yes_does_it_and_each_line_is_answered(town: Town) -> None:
    desk = town.head
    done = confirm(desk, plan(desk, *fill(town)))
    assert done.request.path == "/t/kommun/skolan/@@task" and "Everything is done." in seen(done)
    assert lines_of(done) == {
        "new@kommun.example Ny Person": "Added as a new user",
        "here@kommun.example": "Was here already",
        "below@kommun.example": "Moved here from Skolan › Klass 4B",
        "beside@kommun.example": "Moved here from another group",
        "olle@annan.example": "Was asked by mail, and moves here after a yes",
        "back@kommun.example": "Came back",
        "blocked@kommun.example": "Another admin has to see to it",
        "new@kommun.example": "Stands further up as well",
        "no address": "No e-mail address in this line",
    }
    assert "Omsorgen" not in done.text
    for address in ("new", "here", "below", "beside", "back"):
        assert town.group_of(f"{address}@kommun.example") == town.school.id
    assert town.group_of("olle@annan.example") == town.elsewhere.id
    asked = town.world.rows("SELECT text FROM outgoing_mail WHERE recipient = 'olle@annan.example'")
    assert len(asked) == 1 and "/consent/" in asked[0].text


def test_the_admins_of_a_group_that_lost_somebody_unseen_are_told(town: Town) -> None:
    carer = town.person(town.care, "vard@kommun.example")
    make_admin(town.world, town.care, carer)
    desk = town.head
    confirm(desk, plan(desk, *fill(town)))
    told = town.world.rows("SELECT text FROM outgoing_mail WHERE recipient = 'vard@kommun.example'")
    assert len(told) == 1 and "beside@kommun.example" in told[0].text


def test_lines_are_shown_by_their_word_and_page_by_page(town: Town) -> None:
    desk = town.head
    town.people(town.class_4b, 60)
    planned = plan(desk, *[f"p{n:05}@kommun.example" for n in range(120)])
    assert "120 lines" in seen(planned) and len(lines_of(planned)) == 50
    new = planned.click("New user")
    assert next(iter(lines_of(new))) == "p00060@kommun.example" and len(lines_of(new)) == 50
    rest = new.click("Next")
    assert len(lines_of(rest)) == 10 and set(lines_of(rest).values()) == {"New user"}
    done = confirm(desk, planned)
    moved = done.click("Moved here")
    assert len(lines_of(moved)) == 50
    assert set(lines_of(moved.click("Next")).values()) == {"Moved here from Skolan › Klass 4B"}


def test_the_result_is_a_text_with_a_line_for_each(town: Town) -> None:
    desk = town.head
    done = confirm(desk, plan(desk, *fill(town)))
    file = done.click("Download as text")
    assert file.content_type == "text/tab-separated-values" and file.charset.lower() == "utf-8"
    assert "attachment" in file.headers["Content-Disposition"]
    rows = [line.split("\t") for line in file.text.splitlines()]
    assert rows[0] == ["Line", "Address", "Name", "Result", "From"]
    assert rows[1] == ["1", "new@kommun.example", "Ny Person", "Added as a new user", ""]
    assert rows[3] == ["3", "below@kommun.example", "", "Moved here", "Skolan › Klass 4B"]
    assert rows[4] == ["4", "beside@kommun.example", "", "Moved here from another group", ""]
    assert len(rows) == 10


def test_no_name_in_the_text_is_run_by_a_spreadsheet(town: Town) -> None:
    desk = town.head
    done = confirm(desk, plan(desk, "=SUM(A1) <a@kommun.example>", "=cmd|calc", "+46701740605"))
    rows = [line.split("\t") for line in done.click("Download as text").text.splitlines()[1:]]
    assert [(row[1], row[2]) for row in rows] == [
        ("a@kommun.example", "'=SUM(A1)"),
        ("'=cmd|calc", ""),
        ("+46701740605", ""),
    ]


def test_those_who_are_too_many_to_be_asked_today_are_told_to_wait_and_none_is_lost(
    town: Town, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    strangers = [f"s{n}@annan.example" for n in range(4)]
    for address in strangers:
        town.person(town.elsewhere, address)
    two = {"people.consent_mails_a_day": "2"}
    with a_runtime(database_url, tmp_path / "another key", clock, **two) as runtime:
        desk = replace(town, runtime=runtime).head
        planned = plan(desk, *strangers)
        done = confirm(desk, planned)
    wait = "Has to wait until tomorrow: as many are asked by mail today as may be"
    late = "Not asked: as many were asked by mail as may be in a day. Add it again tomorrow"
    assert [lines_of(planned)[address] for address in strangers[2:]] == [wait] * 2
    assert [lines_of(done)[address] for address in strangers[2:]] == [late] * 2
    mails = town.world.rows("SELECT recipient FROM outgoing_mail ORDER BY recipient")
    assert [mail.recipient for mail in mails] == strangers[:2]


def test_a_task_that_was_stopped_says_so_with_what_was_done(town: Town) -> None:
    desk = town.head
    going = confirm(desk, plan(desk, *[f"q{n:05}@kommun.example" for n in range(600)]))
    letters = PeopleLetters("messa.example", "https://messa.example")
    adding = Adding(PeoplePost(letters, town.runtime.post))
    chunks = 0

    def counted(session: Session, now: datetime, task: TaskRow) -> Step:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            with town.world.database.unit_of_work() as other:
                other.execute(text("DELETE FROM group_admin WHERE account_id = :id"), {"id": town.head_id})
        return adding.step(session, now, task)

    while work_off_tasks(town.runtime.database, town.runtime.clock, {TaskKind.ADD_PEOPLE: counted}):
        pass
    make_admin(town.world, town.school, town.head_id)
    page = desk.get(going.request.path_qs)
    assert "It was stopped, since whoever began it is no longer an admin of the group." in seen(page)
    assert "Everything is done." not in seen(page)
    words = seen(page)
    assert "500 Added as a new user" in words or "Added as a new user 500" in words
    assert "Not done: whoever began this is no longer an admin of the group" in words


def test_20000_lines_are_planned_and_done_with_small_pages_and_the_statements_of_ten(town: Town) -> None:
    desk = town.head

    def cost(count: int) -> tuple[TestResponse, int]:
        page = desk.get(ADD)
        fields = {"csrf_token": field_of(page, "csrf_token")}
        pasted = "\r\n".join(f"Person {n} <q{count}x{n:05}@kommun.example>" for n in range(count))
        with statements(town.runtime.database.engine) as found:
            answer = desk.visitor.post(ADD, {**fields, "addresses": pasted})
            assert answer.status_int == 303, answer.status
            page = desk.get(path_of(answer))
        assert len(page.body) < 100_000
        return page, len(found)

    few = cost(10)[1]
    planned, many = cost(MOST_LINES)
    assert many == few and "20,000 lines" in seen(planned)
    going = confirm(desk, planned)
    assert "Done: 0 of 20,000" in seen(going) and 'data-live="' in going.text
    letters = PeopleLetters("messa.example", "https://messa.example")
    step = Adding(PeoplePost(letters, town.runtime.post)).step
    work_off_tasks(town.runtime.database, town.runtime.clock, {TaskKind.ADD_PEOPLE: step})
    on = desk.get(path_of_task(going))
    assert re.search(r"Done: [1-9][0-9,]* of 20,000", seen(on)) or "Everything is done." in seen(on)
    work(town)
    done = desk.get(path_of_task(going))
    assert "Everything is done." in seen(done) and len(done.body) < 100_000
    assert town.world.value("SELECT count(*) FROM account WHERE address LIKE 'q20000x%'") == MOST_LINES
    assert len(done.click("Download as text").text.splitlines()) == MOST_LINES + 1


def path_of_task(page: TestResponse) -> str:
    return f"{page.request.path}?{page.request.query_string}"


def test_the_live_part_changes_with_the_progress_alone(town: Town) -> None:
    desk = town.head
    going = confirm(desk, plan(desk, *[f"q{n:05}@kommun.example" for n in range(600)]))
    live = re.search(r'data-live="([^"]+)" data-etag="([^"]+)"', going.text)
    assert live
    address, etag = live[1].replace("&amp;", "&"), live[2].replace("&#34;", '"')
    headers = {"X-Messa-Live": "1", "If-None-Match": etag}
    assert desk.visitor.get(address, headers=headers).status_int == 304
    work(town)
    news = desk.visitor.get(address, headers=headers)
    assert news.status_int == 200 and "Everything is done." in news.text and "<html" not in news.text
    assert news.headers["ETag"] != etag
    headers["If-None-Match"] = news.headers["ETag"]
    assert desk.visitor.get(address, headers=headers).status_int == 304


def test_nothing_and_too_much_at_once_are_refused_on_a_small_page(town: Town) -> None:
    desk = town.head
    empty = desk.send(ADD, addresses=" \r\n ")
    assert empty.status_int == 422 and "Write one address at least" in seen(empty)
    many = desk.send(ADD, addresses="\n".join(f"p{n}@kommun.example" for n in range(MOST_LINES + 1)))
    assert many.status_int == 422 and "Add 20,000 addresses at most at a time." in seen(many)
    assert len(many.body) < 100_000


def test_a_plan_in_which_nothing_would_change_has_no_yes(town: Town) -> None:
    town.person(town.school, "here@kommun.example")
    planned = plan(town.head, "here@kommun.example", "nonsense")
    assert "nothing would change" in seen(planned) and 'name="task"' not in planned.text


def test_a_plan_and_its_result_are_for_those_who_see_as_much(town: Town) -> None:
    """The chief's lines name groups that the head must not know."""
    chief, head = town.chief, town.head
    town.person(town.care, "beside@kommun.example")
    planned = plan(chief, "beside@kommun.example")
    assert "Master › Omsorgen" in seen(planned)
    task = field_of(planned, "task")
    head.get(f"{ADD}?task={task}", 404)
    head.get(f"/t/kommun/skolan/@@task?id={task}", 404)
    assert head.send(ADD, task=task).status_int == 404
    confirm(chief, planned)
    for view in ("@@task", "@@task-live"):
        head.get(f"/t/kommun/skolan/{view}?id={task}", 404)
    assert "Added lately" not in seen(head.get(ADD))
    assert "Added lately 1 line" in seen(chief.get(ADD))


def test_a_task_of_another_group_or_tenant_is_not_found_like_none(town: Town) -> None:
    task = field_of(plan(town.chief, "x@kommun.example", at="/t/kommun/omsorgen/@@add-users"), "task")
    desk = town.chief
    unknown = desk.get("/t/kommun/skolan/@@task?id=00000000-0000-7000-8000-000000000000", 404)
    assert desk.get(f"/t/kommun/skolan/@@task?id={task}", 404).text == unknown.text
    assert desk.get("/t/kommun/skolan/@@task?id=x", 404).text == unknown.text


def test_a_second_yes_changes_nothing(town: Town) -> None:
    desk = town.head
    planned = plan(desk, "new@kommun.example")
    task = field_of(planned, "task")
    confirm(desk, planned)
    again = desk.sent(ADD, ADD, task=task)
    assert "Everything is done." in seen(again)
    assert town.world.value("SELECT count(*) FROM audit_entry WHERE action = 'account_added'") == 1


def test_a_plan_that_is_done_leads_on_to_its_result_and_back_before(town: Town) -> None:
    desk = town.head
    planned = plan(desk, "new@kommun.example")
    task = field_of(planned, "task")
    assert desk.visitor.get(f"/t/kommun/skolan/@@task?id={task}").status_int == 303
    confirm(desk, planned)
    assert path_of(desk.visitor.get(f"{ADD}?task={task}")) == f"/t/kommun/skolan/@@task?id={task}"


def test_every_word_and_every_fault_has_its_sentence() -> None:
    assert set(WORDS) == set(Word) and set(FAULTS) == set(Fault)


def test_admins_add_one_another_without_being_told_where_others_stand(town: Town) -> None:
    planned = plan(town.head, CHIEF, HEAD)
    assert lines_of(planned) == {CHIEF: "Another admin has to see to it", HEAD: "Is here already"}
