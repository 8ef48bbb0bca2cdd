"""The log as a file from the portal: small ones at once, large ones made in the background, fetched by whoever may (spec L2, G10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.log.exports import ACTOR
from messa_platform.runtime import Runtime
from tests.support.log_rows import Sent, an_export, store
from tests.support.operators import an_operator, at_the_pages
from tests.support.portal import seen
from tests.support.town import CHIEF, HEAD, Desk, Town, build_town, make_admin
from tests.support.visitors import PASSWORD, a_runtime, path_of, signed_in
from tests.support.world import World

MASTER, SCHOOL, CARE = "/t/kommun", "/t/kommun/skolan", "/t/kommun/omsorgen"
MARCH = "from=2026-03-01&to=2026-03-31"
MONDAY = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
AT_ONCE = 3


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process in which more than three messages are many."""
    settings = {"exports.at_once_rows": str(AT_ONCE), "exports.open_per_tenant": "3"}
    with a_runtime(database_url, tmp_path / "key", clock, **settings) as made:
        yield made


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    """The municipality: four messages of March in the school, two in the care."""
    town = build_town(world, runtime)
    teacher, nurse = town.person(town.school, "lärare@kommun.example"), town.person(town.care, "=1+1")
    sent = [Sent(MONDAY + timedelta(hours=n), town.school, teacher, parts=n) for n in range(4)]
    store(world, [*sent, *(Sent(MONDAY + timedelta(days=n), town.care, nurse) for n in (1, 2))])
    return town


def work(town: Town) -> None:
    while town.runtime.exporter.run():
        pass


def asked_for(desk: Desk, path: str) -> str:
    """Ask for a large file; gives the path of its page."""
    answer = desk.get(path, 303)
    assert "/@@export/" in path_of(answer), path_of(answer)
    return path_of(answer)


def file_of(page: str) -> str:
    return page.replace("@@export/", "@@export-file/")


def live_of(page: str) -> str:
    return page.replace("@@export/", "@@export-live/")


def lines(answer: TestResponse) -> list[list[str]]:
    return [line.split("\t") for line in answer.body.decode().splitlines()]


# At once


def test_a_small_log_comes_at_once_as_a_text(town: Town) -> None:
    answer = town.chief.get(f"{CARE}/@@logs?as=text&{MARCH}")
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=UTF-8"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="messa-log-omsorgen-2026-03-01--2026-03-31.txt"'
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert [row[1:3] for row in lines(answer)] == [["Group", "E-mail"], *2 * [["Omsorgen", "'=1+1"]]]
    assert int(answer.headers["Content-Length"]) == len(answer.body)


def test_a_small_log_comes_at_once_as_a_document(town: Town) -> None:
    answer = town.chief.get(f"{CARE}/@@logs?as=xlsx&{MARCH}")
    assert answer.content_type == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert (
        'filename="messa-log-omsorgen-2026-03-01--2026-03-31.xlsx"' in answer.headers["Content-Disposition"]
    )
    book = openpyxl.load_workbook(BytesIO(answer.body))
    assert book.sheetnames == ["Log", "The search"]
    assert book["Log"]["C2"].value == "=1+1" and book["Log"]["C2"].data_type == "s"
    facts = dict(book["The search"].iter_rows(values_only=True))
    assert (facts["Asked for by"], facts["Messages"]) == (CHIEF, 2)


def test_it_is_narrowed_and_sorted_as_the_address_says(town: Town) -> None:
    narrowed = f"{MASTER}/@@logs?as=text&{MARCH}&email=%3D1%2B1&sort=date&order=asc"
    assert [row[0] for row in lines(town.chief.get(narrowed))[1:]] == [
        "2026-03-03 08:30:00",
        "2026-03-04 08:30:00",
    ]
    assert lines(town.chief.get(f"{MASTER}/@@logs?as=text&from=2026-03-03&to=2026-03-03"))[1][1] == "Omsorgen"
    assert lines(town.chief.get(f"{MASTER}/@@logs?as=text&{MARCH}&reach=own"))[1:] == []


def test_what_is_wrong_with_the_search_its_page_says(town: Town) -> None:
    answer = town.chief.get(f"{MASTER}/@@logs?as=xlsx&from=i+g%C3%A5r", 303)
    assert "as=" not in path_of(answer)
    assert "Write the day like this" in seen(town.chief.get(path_of(answer), 422))


def test_a_subadmin_who_opens_the_chiefs_address_gets_the_own_part_alone(town: Town) -> None:
    assert town.head.get(f"{MASTER}/@@logs?as=text&{MARCH}", 404)
    address = f"@@logs?as=text&{MARCH}&email=%3D1%2B1"
    assert len(lines(town.chief.get(f"{MASTER}/{address}"))) == 3
    assert len(lines(town.head.get(f"{SCHOOL}/{address}"))) == 1


# In the background


def test_a_large_log_is_made_in_the_background_and_fetched(town: Town) -> None:
    desk = town.chief
    page = asked_for(desk, f"{MASTER}/@@logs?as=xlsx&{MARCH}")
    waiting = desk.get(page)
    assert "The file waits for its turn." in seen(waiting)
    assert live_of(page) in waiting.text and file_of(page) not in waiting.text
    assert path_of(desk.get(file_of(page), 303)) == page
    work(town)
    ready = seen(desk.get(page))
    assert "The file is ready. 6 messages" in ready and "It can be fetched until" in ready
    assert "From the day 1 March 2026 To the day 31 March 2026" in ready
    answer = desk.get(file_of(page))
    assert 'filename="messa-log-master-2026-03-01--2026-03-31.xlsx"' in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert openpyxl.load_workbook(BytesIO(answer.body))["Log"].max_row == 8


def test_it_comes_piece_by_piece(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messa_platform.messaging.log.export_work.PIECE", 100)
    page = asked_for(town.chief, f"{MASTER}/@@logs?as=text&{MARCH}")
    work(town)
    assert town.world.value("SELECT count(*) FROM export_chunk") > 3
    assert len(lines(town.chief.get(file_of(page)))) == 7


def test_its_worker_is_woken_once_it_is_surely_asked_for(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[tuple[str, ...]] = []
    monkeypatch.setattr(type(town.runtime.waker), "wake", lambda _self, *key: woken.append(key))
    asked_for(town.chief, f"{MASTER}/@@logs?as=text&{MARCH}")
    assert woken == [(ACTOR,)]


def test_the_same_asked_for_twice_leads_to_the_same_page(town: Town) -> None:
    desk = town.chief
    first = asked_for(desk, f"{MASTER}/@@logs?as=text&{MARCH}")
    assert asked_for(desk, f"{MASTER}/@@logs?as=text&{MARCH}") == first
    assert asked_for(desk, f"{MASTER}/@@logs?as=xlsx&{MARCH}") != first


def test_its_progress_is_told_and_no_more_than_that(town: Town) -> None:
    desk = town.chief
    page = asked_for(desk, f"{MASTER}/@@logs?as=text&{MARCH}")
    town.world.run(
        "UPDATE export SET state = 'leased', lease_id = id, total = 12000, done = 4000, next_attempt_at = :later",
        later=town.runtime.clock.now() + timedelta(minutes=1),
    )
    news = desk.get(live_of(page))
    assert "Written: 4,000 of 12,000 messages" in news.text
    assert '<progress class="progress" id="progress" max="12000" value="4000">' in news.text
    assert page in news.text  # where there is no script, a link shows it anew
    assert "What was asked for" not in news.text
    etag = {"If-None-Match": news.headers["ETag"]}
    assert desk.visitor.get(live_of(page), headers=etag).status_int == 304
    town.world.run("UPDATE export SET done = 8000")
    again = desk.visitor.get(live_of(page), headers=etag)
    assert again.status_int == 200 and "8,000 of 12,000" in again.text


def test_it_can_be_called_off_and_made_again(town: Town) -> None:
    desk = town.chief
    page = asked_for(desk, f"{MASTER}/@@logs?as=text&{MARCH}&direction=out")
    off = desk.sent(page, do="cancel")
    assert "Called off." in seen(off)
    work(town)
    assert "Called off." in seen(desk.get(page))
    again = path_of(desk.send(page, do="again"))
    assert again != page and "Only: in/out out" in seen(desk.get(again))
    work(town)
    assert len(lines(desk.get(file_of(again)))) == 7
    assert "The file is ready." in seen(desk.sent(again, do="cancel"))  # it is too late for that


def test_one_that_failed_says_why_and_can_be_asked_for_again(town: Town) -> None:
    desk = town.chief
    page = asked_for(desk, f"{MASTER}/@@logs?as=text&{MARCH}")
    town.world.run("UPDATE export SET state = 'parked', fault = 'broken'")
    assert "Something is wrong on our side." in seen(desk.get(page))
    assert path_of(desk.send(page, do="again")) != page


def test_after_its_days_it_is_no_longer_kept(town: Town, clock: FixedClock) -> None:
    page = asked_for(town.chief, f"{MASTER}/@@logs?as=text&{MARCH}")
    work(town)
    clock.move(timedelta(days=6, hours=23))
    assert len(lines(town.chief.get(file_of(page)))) == 7
    clock.move(timedelta(hours=1))
    desk = town.chief
    assert path_of(desk.get(file_of(page), 303)) == page
    assert "No longer kept." in seen(desk.get(page))


def test_a_tenant_that_has_too_many_waiting_is_told_to_wait(town: Town) -> None:
    desk = town.chief
    for day in (31, 30, 29):
        asked_for(desk, f"{MASTER}/@@logs?as=text&from=2026-03-01&to=2026-03-{day}")
    full = path_of(desk.get(f"{MASTER}/@@logs?as=text&from=2026-03-01&to=2026-03-28", 303))
    told = desk.get(full)
    assert "this one must wait" in told.text
    assert told.text.count("Waits for its turn") == 3


def test_the_list_has_the_groups_files_the_newest_first(town: Town) -> None:
    desk = town.chief
    assert "No files yet" in seen(desk.get(f"{MASTER}/@@exports"))
    first = asked_for(desk, f"{MASTER}/@@logs?as=text&{MARCH}")
    work(town)
    second = asked_for(desk, f"{MASTER}/@@logs?as=xlsx&{MARCH}")
    listed = desk.get(f"{MASTER}/@@exports")
    assert listed.text.index(second) < listed.text.index(first)
    words = seen(listed)
    assert "Text document" in words and "Excel document" in words
    assert "1 March 2026 – 31 March 2026" in words
    assert "Ready" in words and "Waits for its turn" in words
    assert "No files yet" in seen(desk.get(f"{SCHOOL}/@@exports"))


def test_in_swedish(town: Town) -> None:
    town.world.run("UPDATE account SET language = 'sv' WHERE address = :who", who=CHIEF)
    desk = town.chief
    page = asked_for(desk, f"{MASTER}/@@logs?as=text&{MARCH}")
    assert "Filen väntar på sin tur." in seen(desk.get(page))
    work(town)
    ready = seen(desk.get(page))
    assert "Filen är klar. 6 meddelanden" in ready and "Vad som begärdes" in ready
    assert lines(desk.get(file_of(page)))[0] == [
        "Datum", "Grupp", "E-post", "Mobilnummer", "in/ut", "Status", "Antal",
    ]  # fmt: skip


# Who may have it


def everywhere(page: str) -> list[str]:
    return [page, live_of(page), file_of(page)]


def test_a_subadmin_gets_no_file_of_the_parent_and_the_parent_gets_the_subadmins(town: Town) -> None:
    of_master = asked_for(town.chief, f"{MASTER}/@@logs?as=text&{MARCH}")
    of_school = asked_for(town.head, f"{SCHOOL}/@@logs?as=text&{MARCH}")
    work(town)
    for path in everywhere(of_master):
        town.head.get(path, 404)
        town.head.get(path.replace(MASTER, SCHOOL), 404)
    for path in everywhere(of_school):
        town.head.get(path)
        town.chief.get(path)
    rows = lines(town.head.get(file_of(of_school)))
    assert len(rows) == 5 and {row[1] for row in rows[1:]} == {"Skolan"}


def test_one_of_the_school_that_was_asked_for_from_above_names_who_asked_and_is_not_the_heads(
    town: Town,
) -> None:
    from_above = asked_for(town.chief, f"{SCHOOL}/@@logs?as=xlsx&{MARCH}")
    work(town)
    for path in everywhere(from_above):
        town.head.get(path, 404)
    assert "No files yet" in seen(town.head.get(f"{SCHOOL}/@@exports"))
    assert CHIEF in seen(town.chief.get(from_above))


def test_who_administers_beside_or_elsewhere_gets_nothing(town: Town) -> None:
    page = asked_for(town.head, f"{SCHOOL}/@@logs?as=text&{MARCH}")
    work(town)
    beside, elsewhere = (
        town.world.account(
            group, f"chef.{group.slug}@kommun.example", password_hash=town.runtime.passwords.hash(PASSWORD)
        )
        for group in (town.care, town.elsewhere)
    )
    for group, account_id in ((town.care, beside), (town.elsewhere, elsewhere)):
        make_admin(town.world, group, account_id)
        visitor = Desk(at_the_pages(town.runtime, account_id))
        for path in everywhere(page):
            visitor.get(path, 404)
    for path in everywhere(page.replace(SCHOOL, CARE)):
        Desk(at_the_pages(town.runtime, beside)).get(path, 404)


def test_who_is_an_admin_no_longer_cannot_fetch_what_they_asked_for(town: Town) -> None:
    page, desk = asked_for(town.head, f"{SCHOOL}/@@logs?as=text&{MARCH}"), town.head
    work(town)
    assert desk.get(file_of(page)).status_int == 200
    town.world.run("DELETE FROM group_admin WHERE account_id = :id", id=town.head_id)
    for path in everywhere(page):
        desk.get(path, 404)
    assert town.chief.get(file_of(page)).status_int == 200


def test_nor_can_who_administers_a_part_of_it_alone_by_now(town: Town) -> None:
    page, desk = asked_for(town.chief, f"{MASTER}/@@logs?as=text&{MARCH}"), town.chief
    work(town)
    town.world.run(
        "UPDATE group_admin SET group_id = :to WHERE account_id = :id", to=town.school.id, id=town.chief_id
    )
    for path in everywhere(page):
        desk.get(path, 404)


def test_whoever_is_signed_out_is_asked_to_sign_in(town: Town) -> None:
    page = asked_for(town.chief, f"{MASTER}/@@logs?as=text&{MARCH}")
    desk = town.chief
    desk.visitor.app.reset()
    for path in everywhere(page):
        assert path_of(desk.get(path, 303)).startswith("/sign-in?")


def test_the_operator_is_not_named_to_the_organisation(town: Town) -> None:
    operator = Desk(at_the_pages(town.runtime, an_operator(town.world)))
    page = asked_for(operator, f"{MASTER}/@@logs?as=xlsx&{MARCH}")
    work(town)
    operator.get(file_of(page))
    assert "Asked for by The platform&#39;s operator" in seen(town.chief.get(page))
    book = openpyxl.load_workbook(BytesIO(town.chief.get(file_of(page)).body))
    assert "operator@messa.example" not in str([*book.worksheets[1].iter_rows(values_only=True)])


@pytest.mark.parametrize(
    "name", ["", "/", "/x", "/{id}/x", "/{id}x", "/00000000-0000-0000-0000-000000000000"]
)
def test_what_is_no_export_is_not_there(town: Town, name: str) -> None:
    export_id = an_export(town.world, town.master)
    for view in ("@@export", "@@export-live", "@@export-file"):
        town.chief.get(f"{MASTER}/{view}{name.format(id=export_id)}", 404)


def test_a_form_without_its_token_calls_nothing_off(town: Town) -> None:
    page = asked_for(town.chief, f"{MASTER}/@@logs?as=text&{MARCH}")
    assert town.chief.visitor.post(page, {"do": "cancel"}).status_int == 400
    assert "The file waits for its turn." in seen(town.chief.get(page))


def test_a_file_of_a_narrowed_search_names_nothing_that_lies_beyond_the_group(town: Town) -> None:
    """Whoever makes up an address with another group's id learns nothing by it."""
    narrowed = f"{MARCH}&group={town.care.id}"
    answer = town.head.get(f"{SCHOOL}/@@logs?as=xlsx&{narrowed}", 303)
    page = town.head.get(path_of(answer), 422)
    assert "There is no such group here." in seen(page) and "Omsorgen" not in page.text


def test_two_desks_of_one_admin_are_one_asker(town: Town) -> None:
    other = replace(town.chief, visitor=signed_in(town.runtime, CHIEF))
    assert asked_for(other, f"{MASTER}/@@logs?as=text&{MARCH}") == asked_for(
        town.chief, f"{MASTER}/@@logs?as=text&{MARCH}"
    )
    assert HEAD not in seen(town.chief.get(f"{MASTER}/@@exports"))
