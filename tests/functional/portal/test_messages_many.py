"""A text to many: put together from numbers, a list or a file, looked at, changed, confirmed and followed (spec P2)."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta
from uuid import uuid4

import openpyxl
import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.core.sheets import MOST_BYTES
from messa_platform.tenants.models import Group
from tests.support.observe import statements
from tests.support.portal import ASA, GORAN, KARIN, School, seen
from tests.support.visitors import Visitor, path_of, token_of

SHEET = "Namn;Mobil;Tid\nKarin;070-174 06 05;8.15\nGöran;070-174 06 12;\nÅsa;hej;9.00\n"


def put_together(school: School, text: str = "Hej", **fields: str) -> TestResponse:
    """Fill in the form, and look at the preview."""
    return school.sent("/messages/many", text=text, **fields)


def upload(school: School, text: str, name: str, data: bytes, **fields: str) -> TestResponse:
    """Fill in the form with a file; gives the answer."""
    return school.send("/messages/many", files=[("sheet", name, data)], text=text, **fields)


def preview_of(school: School, answer: TestResponse) -> TestResponse:
    assert answer.status_int == 303, html.unescape(seen(answer))[:1500]
    return school.get(path_of(answer))


def confirm(school: School, preview: TestResponse, **fields: str) -> TestResponse:
    """Press *Send* on a preview; the page that follows."""
    action = re.search(r'action="([^"]+/confirm)"', preview.text)
    assert action
    answer = school.visitor.post(action[1], {"csrf_token": token_of(preview), **fields})
    return school.get(path_of(answer)) if answer.status_int == 303 else answer


def words(page: TestResponse) -> str:
    return html.unescape(seen(page))


# Putting it together


def test_pasted_numbers_are_looked_at_and_sent_when_confirmed(school: School) -> None:
    preview = put_together(
        school, "Friluftsdag i morgon", numbers="070-174 06 05, 070-174 06 12\nhej\n0701740605"
    )
    told = words(preview)
    assert "Recipients 2" in told and "Needs 2 SMS" in told
    assert "Row 2: “hej” is not a phone number" in told
    assert school.texts() == []
    page = confirm(school, preview)
    assert "Handled: 0 of 3" in words(page)
    school.work()
    done = school.get(page.request.path)
    assert "2 texts were taken in for sending" in words(done)
    assert school.texts() == [(n, "Friluftsdag i morgon", "QUEUED") for n in (KARIN, GORAN)]
    assert f'href="{school.thread(KARIN)}"' in done.text


def test_a_saved_list_is_chosen(school: School) -> None:
    school.sent("/messages/lists/new", name="4B", recipients="0701740605; Karin\n0701740612")
    list_id = school.world.value("SELECT id FROM recipient_list")
    form = school.get(f"/messages/many?list={list_id}")
    assert f'<option value="{list_id}" selected>4B (2 numbers)</option>' in form.text
    assert "Recipients 2" in words(put_together(school, list=str(list_id)))


def test_a_file_fills_in_what_differs(school: School) -> None:
    preview = preview_of(
        school, upload(school, "Hej {namn}! Din tid: {Tid}", "tider.csv", SHEET.encode("cp1252"))
    )
    told = words(preview)
    assert "Hej Karin! Din tid: 8.15" in told
    assert "In row 3 something that the text asks for is empty." in told
    assert "Row 4: “hej” is not a phone number" in told
    confirm(school, preview)
    school.work()
    assert [t.strip() for _, t, _ in school.texts()] == ["Hej Karin! Din tid: 8.15", "Hej Göran! Din tid:"]


def test_an_excel_file_is_read(school: School) -> None:
    book, data = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["Namn", "Mobilnummer"])
    book.active.append(["Karin", "0701740605"])
    book.save(data)
    preview = preview_of(school, upload(school, "Hej {Namn}", "klass.xlsx", data.getvalue()))
    assert "Hej Karin" in words(preview)


def test_the_example_of_a_file_can_be_sent_back_as_it_is(school: School) -> None:
    answer = school.get("/messages/many/sample.csv")
    assert answer.content_type == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="messa.csv"'
    assert [len(row) for row in csv.reader(io.StringIO(answer.text), delimiter=";")] == [3] * 4
    preview = preview_of(school, upload(school, "Hej {Name}: {Time}", "messa.csv", answer.body))
    assert "Hej Karin Holm: Monday at 8:15" in words(preview)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The file is empty."),
        (b"\x00\x01\x02", "neither CSV nor Excel"),
        (b"PK\x03\x04nothing", "The file cannot be read."),
        (b"\xd0\xcf\x11\xe0", "of an old Excel, or has a password"),
        (b"Namn;Ort\nKarin;Uppsala\n", "no column with mobile numbers"),
        (b"Mobil\n" + b"0701740605\n" * 5001, "too many rows: 5,000 at most"),
        (b"a" * (MOST_BYTES + 1), "too large: 5 MB at most"),
        (b"a" * (MOST_BYTES + 2**20), "too large: 5 MB at most"),
    ],
)
def test_a_file_that_will_not_do_is_told_beside_its_field(school: School, data: bytes, told: str) -> None:
    page = upload(school, "Hej", "fil.csv", data)
    assert page.status_int == 422
    assert told in words(page)
    assert 'id="sheet-error"' in page.text and "Hej</textarea>" in page.text
    assert school.world.value("SELECT count(*) FROM sending") == 0


def test_what_is_larger_than_any_file_is_not_even_read(school: School) -> None:
    page = upload(school, "Hej", "fil.csv", b"a" * 17 * 2**20)
    assert page.status_int == 413


def test_a_column_that_is_not_there_is_told_with_those_that_are(school: School) -> None:
    page = upload(school, "Hej {fornamn}", "tider.csv", SHEET.encode())
    assert page.status_int == 422
    assert "There is no column {fornamn}. There are: {Namn}, {Mobil}, {Tid}." in words(page)
    page = school.send("/messages/many", text="Hej {namn}", numbers="0701740605")
    assert "{namn} can only be filled in from a file with columns." in words(page)


def test_no_way_or_two_ways_are_told(school: School) -> None:
    page = school.send("/messages/many", text="Hej", numbers="", list="")
    assert page.status_int == 422
    assert "Say who is to get the text" in words(page)
    both = upload(school, "", "tider.csv", SHEET.encode(), numbers="0701740605")
    assert "Choose one way" in words(both) and "Write the text that is to be sent." in words(both)


def test_numbers_of_which_none_can_be_reached_are_told(school: School) -> None:
    page = school.send("/messages/many", text="Hej", numbers="hej\n12")
    assert page.status_int == 422
    assert "no number among them that can be reached" in words(page)
    assert "hej\n12</textarea>" in page.text


def test_a_list_of_another_account_cannot_be_chosen(school: School, stranger: Visitor) -> None:
    school.sent("/messages/lists/new", name="4B", recipients="0701740605")
    list_id = school.world.value("SELECT id FROM recipient_list")
    token = token_of(stranger.get("/account"))
    for chosen in (str(list_id), "nonsense"):
        answer = stranger.post("/messages/many", {"csrf_token": token, "text": "Hej", "list": chosen})
        assert answer.status_int == 422
        assert "That list is gone." in words(answer)


# Looking at it


def test_the_preview_tells_what_would_not_be_sent(school: School, group: Group) -> None:
    school.text(KARIN, "Hej")
    school.answer(KARIN, "STOP")
    school.world.account_quota(group, 3)
    numbers = "\n".join(f"07017406{n}" for n in ("05", "12", "31", "32", "33"))
    told = words(put_together(school, "Friluftsdag", numbers=numbers))
    assert "Gets the text 3" in told
    assert "Not sent: your SMS are used up 1" in told
    assert "Not sent: the recipient has answered STOP 1" in told
    assert "1 number has answered STOP and gets nothing." in told
    assert "You have left 3 SMS" in told


def test_those_who_had_the_text_lately_are_skipped_or_not(school: School) -> None:
    school.text(KARIN, "Friluftsdag")
    preview = put_together(school, "Friluftsdag", numbers="0701740605\n0701740612")
    assert "1 number got the same text within 24 hours" in words(preview)
    confirm(school, preview, guard="skip", send_at="")
    school.work()
    assert [n for n, _, status in school.texts() if status == "QUEUED"] == [KARIN, GORAN]
    again = put_together(school, "Friluftsdag", numbers="0701740605\n0701740612")
    confirm(school, again, guard="send", send_at="")
    school.work()
    assert [n for n, _, status in school.texts() if status == "QUEUED"] == [KARIN, GORAN, KARIN, GORAN]


def test_what_is_looked_at_can_be_changed(school: School) -> None:
    preview = preview_of(school, upload(school, "Hej {Namn}", "tider.csv", SHEET.encode()))
    change = re.search(r'href="([^"]+change=[^"]+)"', preview.text)
    assert change
    form = school.get(change[1])
    assert "Hej {Namn}</textarea>" in form.text
    assert "The 3 recipients that you have chosen are kept." in words(form)
    kept = re.search(r'name="kept" value="([^"]+)"', form.text)
    assert kept
    changed = put_together(school, "Godmorgon {Namn}", kept=kept[1], numbers="", list="")
    assert changed.request.path == preview.request.path
    assert "Godmorgon Karin" in words(changed)
    wrong = school.send("/messages/many", text="Hej {inget}", kept=kept[1])
    assert wrong.status_int == 422 and "There is no column {inget}" in words(wrong)
    other = put_together(school, "Godmorgon", kept=kept[1], numbers="0701740631")
    assert other.request.path != preview.request.path
    assert school.get(preview.request.path, 404)
    assert school.world.value("SELECT count(*) FROM sending") == 1


def test_what_is_looked_at_can_be_thrown_away(school: School) -> None:
    preview = put_together(school, numbers="0701740605")
    answer = school.visitor.post(f"{preview.request.path}/discard", {"csrf_token": token_of(preview)})
    assert "Thrown away. Nothing was sent." in words(school.get(path_of(answer)))
    school.get(preview.request.path, 404)


# Sending it


def test_it_is_sent_once_however_often_it_is_confirmed(school: School) -> None:
    preview = put_together(school, numbers="0701740605\n0701740612")
    for _ in range(2):
        confirm(school, preview)
        school.work()
    assert len(school.texts()) == 2
    # thrown away it cannot be any more
    answer = school.visitor.post(f"{preview.request.path}/discard", {"csrf_token": token_of(preview)})
    assert path_of(answer) == preview.request.path
    assert "2 texts were taken in" in words(school.get(preview.request.path))


def test_it_can_be_sent_later(school: School, clock: FixedClock) -> None:
    at = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT08:00")
    preview = put_together(school, numbers="0701740605\n0701740612")
    wrong = confirm(school, preview, send_at="2020-01-01T08:00")
    assert wrong.status_int == 422
    assert "That time has passed." in words(wrong)
    page = confirm(school, preview, send_at=at)
    school.work()
    assert "2 texts are to be sent tomorrow 08:00." in words(school.get(page.request.path))
    assert {status for _, _, status in school.texts()} == {"SCHEDULED"}
    late = confirm(school, preview, send_at="2020-01-01T08:00")
    assert late.status_int == 200


def test_what_becomes_of_the_texts_is_seen_there(school: School) -> None:
    page = confirm(school, put_together(school, numbers="0701740605\n0701740612\nhej"))
    school.work()
    first, _second = school.network.accept()
    school.network.says((first, "DELIVERED"))
    live = re.search(r'data-live="([^"]+)"', page.text)
    assert live
    part = school.get(live[1])
    assert part.headers["ETag"] and "<html" not in part.text
    for told in ("Delivered 1", "Sent 1", "Not sent: the number cannot be reached 1"):
        assert told in words(part)


def test_recipients_are_paged(school: School) -> None:
    numbers = "\n".join(f"0701740{n}" for n in range(100, 350))
    page = confirm(school, put_together(school, numbers=numbers))
    school.work()
    found: list[str] = []
    path: str | None = page.request.path
    while path:
        page = school.get(path)
        found += re.findall(r'<tr id="r-(\d+)"', page.text)
        more = re.search(r'id="more" href="([^"]+)"', page.text)
        path = html.unescape(more[1]) if more else None
    assert len(found) == len(set(found)) == 250
    school.get(f"{page.request.path}?after=-9999999999999")


def test_what_was_sent_to_many_is_found_again(school: School) -> None:
    assert "Nothing sent to many yet" in words(school.get("/messages/sendings"))
    page = confirm(school, put_together(school, "Friluftsdag <i>", numbers="0701740605"))
    school.work()
    for path in ("/messages/sendings", "/messages/many"):
        listed = school.get(path)
        assert f'href="{page.request.path}"' in listed.text
        assert "Friluftsdag &lt;i&gt;" in listed.text


def test_another_accounts_sending_is_not_there(school: School, stranger: Visitor) -> None:
    preview = put_together(school, "Hemligt", numbers="0701740605")
    token = token_of(stranger.get("/account"))
    path = preview.request.path
    for address in (path, f"{path}/live", f"/messages/sendings/{uuid4()}"):
        assert stranger.get(address).status_int == 404
    for address in (f"{path}/confirm", f"{path}/discard"):
        assert stranger.post(address, {"csrf_token": token}).status_int == 404
    assert "Hemligt" not in stranger.get(f"/messages/many?change={path.rpartition('/')[2]}").text
    assert school.world.value("SELECT confirmed_at FROM sending") is None


@pytest.mark.parametrize("what", ["confirm", "discard"])
def test_a_form_without_its_token_neither_sends_nor_throws_away(school: School, what: str) -> None:
    preview = put_together(school, numbers="0701740605")
    assert school.visitor.post(f"{preview.request.path}/{what}", {}).status_int == 400
    assert school.world.value("SELECT confirmed_at FROM sending") is None
    assert school.visitor.post("/messages/many", {"text": "Hej", "numbers": "0701740605"}).status_int == 400
    assert school.world.value("SELECT count(*) FROM sending") == 1


def test_the_pages_cost_the_same_however_many_recipients_there_are(school: School) -> None:
    costs = []
    for numbers in ("0701740605", "\n".join(f"0701740{n}" for n in range(100, 400))):
        preview = put_together(school, f"Hej {len(numbers)}", numbers=numbers)
        path = preview.request.path
        with statements(school.runtime.database.engine) as of_preview:
            school.get(path)
        confirm(school, preview)
        school.work()
        with statements(school.runtime.database.engine) as of_progress:
            school.get(path)
        costs.append((len(of_preview), len(of_progress)))
    assert costs[0] == costs[1]


def test_a_number_in_the_list_that_is_not_a_persons_is_shown_as_it_was_written(school: School) -> None:
    page = confirm(school, put_together(school, numbers=f"{ASA}\n<b>nej</b>"))
    school.work()
    done = school.get(page.request.path)
    assert "<b>nej" not in done.text and "&lt;b&gt;nej&lt;/b&gt;" in done.text
