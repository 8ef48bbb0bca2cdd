"""What a stranger, a neighbour or a curious colleague may try at the portal (spec I1-I3, P1-P3)."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pyotp
import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.messaging import sheets
from messa_platform.messaging.sheets import SheetFault, read_sheet
from messa_platform.runtime import Runtime
from messa_platform.tenants.access import second_factor
from tests.support.platform import USER, Answer, Platform, a_platform, ask, never
from tests.support.portal import KARIN, School, field_of, seen
from tests.support.visitors import ANNA, CAFE, PASSWORD, Visitor, a_runtime, path_of, token_of
from tests.support.world import World

TOKEN = "A" * 43
SCRIPT = "\"><script>alert(1)</script>'<img src=x onerror=alert(1)>"


# What comes in that no browser of ours would send


@pytest.mark.parametrize(
    "path", ["/sign-in?next=%ff", "/language?to=%ff", "/forgot?email=%ff", "/sign-in-code?stamp=%ff"]
)
def test_a_query_that_is_no_utf_8_asks_for_nothing(runtime: Runtime, path: str) -> None:
    assert Visitor(runtime).get(path).status_int < 400


@pytest.mark.parametrize(
    ("path", "field"),
    [("/account/sessions", "end"), ("/language", "to"), ("cancel", "message"), ("/messages/new", "text")],
)
def test_a_file_in_the_place_of_a_word_is_no_error_of_ours(school: School, path: str, field: str) -> None:
    if path == "cancel":
        school.text(KARIN, "Hej")
        path = f"{school.thread(KARIN)}/cancel"
    token = token_of(school.get("/account/password"))
    answer = school.visitor.post(path, {"csrf_token": token}, upload_files=[(field, "a.txt", b"x")])
    assert answer.status_int < 500


def test_a_stranger_can_send_no_form_that_takes_seconds_to_read(runtime: Runtime) -> None:
    visitor = Visitor(runtime)
    answer = visitor.app.post("/sign-in", b"a=" + b"x" * 3_000_000, status="*")
    assert answer.status_int == 413


# Sheets that are made to hurt


def a_book(sheet: str, place: str = "xl/worksheets/sheet1.xml") -> bytes:
    """An XLSX with one sheet, which is kept at `place` in the archive."""
    package, office = (
        "http://schemas.openxmlformats.org/package/2006",
        "http://schemas.openxmlformats.org/officeDocument/2006",
    )
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/'
        'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{main}.sheet.main+xml"/>'
        f'<Override PartName="/{place}" ContentType="{main}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/relationships/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        f' xmlns:r="{office}/relationships"><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1"'
        f' Type="{office}/relationships/worksheet" Target="/{place}"/></Relationships>',
        place: sheet,
    }  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, f'<?xml version="1.0"?>{content}' if "<!" not in content else content)
    return packed.getvalue()


def a_sheet(cell: str, before: str = "") -> str:
    return (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        f'{before}<row r="2"><c r="A2" t="inlineStr"><is><t>{cell}</t></is></c></row></sheetData></worksheet>'
    )


@pytest.mark.parametrize("place", ["xl/worksheets/sheet1.xml", "xl/media/sheet1.xml", "anywhere/else.xml"])
def test_a_sheet_of_too_many_cells_is_refused_wherever_in_the_archive_it_hides(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(sheets, "MOST_TAGS", 5_000)
    monkeypatch.setattr(sheets, "_MOST_OTHER_TAGS", 5_000)
    assert not isinstance(read_sheet("a.xlsx", a_book(a_sheet(KARIN), place)), SheetFault)
    bomb = a_book(a_sheet(KARIN, f'<row r="1">{"<c/>" * 6_000}</row>'), place)
    assert isinstance(read_sheet("a.xlsx", bomb), SheetFault)


def test_a_sheet_that_declares_entities_is_refused() -> None:
    number = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{KARIN}</t></is></c></row>'
    assert not isinstance(read_sheet("a.xlsx", a_book(a_sheet("Hej", number))), SheetFault)
    entities = f'<!DOCTYPE worksheet [<!ENTITY e "{"x" * 1000}">]>'
    bomb = a_book(entities + a_sheet("&e;" * 1000, number))
    assert isinstance(read_sheet("a.xlsx", bomb), SheetFault)


# Somebody else's


@pytest.fixture
def ids(school: School, clock: FixedClock) -> dict[str, str]:
    """What Anna has: a thread, a text that waits, a list, a sending that is not confirmed and one that is."""
    school.text(KARIN, "Hemligt om Karin")
    later = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert school.send(school.thread(KARIN), text="Hemligt senare", send_at=later).status_int == 303
    school.send("/messages/lists/new", name="Hemliga listan", recipients="070-174 06 12")
    many = school.send("/messages/many", numbers="070-174 06 12", text="Hemligt till flera")
    sent = school.send("/messages/many", numbers="070-174 06 31", text="Hemligt, skickat")
    school.send(path_of(sent), f"{path_of(sent)}/confirm")
    return {
        "thread": school.thread(KARIN).rpartition("/")[2],
        "waiting": str(school.world.value("SELECT id FROM scheduled_text")),
        "list": str(school.world.value("SELECT id FROM recipient_list")),
        "sending": path_of(many).rpartition("/")[2],
        "sent": path_of(sent).rpartition("/")[2],
        "session": str(school.world.value("SELECT id FROM web_session LIMIT 1")),
    }


def test_nothing_of_another_account_is_shown_by_any_id(
    ids: dict[str, str], stranger: Visitor, school: School
) -> None:
    paths = [
        "/messages/{thread}", "/messages/{thread}/live", "/messages/{thread}?before={waiting}", "/messages/{thread}?edit=1",
        "/messages/lists/{list}", "/messages/sendings/{sending}", "/messages/sendings/{sent}",
        "/messages/sendings/{sending}/live", "/messages/sendings/{sent}/live", "/messages/sendings/{sent}?after=0",
    ]  # fmt: skip
    for path in paths:
        assert school.visitor.get(path.format(**ids)).status_int == 200, path
        answer = stranger.get(path.format(**ids))
        assert answer.status_int == 404, path
        assert "Hemlig" not in answer.text
    for path in ("/messages/live?current={thread}", "/messages/many?list={list}&change={sending}"):
        answer = stranger.get(path.format(**ids))
        assert answer.status_int == 200 and "Hemlig" not in answer.text
    assert "Nothing found" in seen(stranger.get("/messages?q=Hemligt"))


def test_nothing_of_another_account_is_changed_by_any_id(
    ids: dict[str, str], stranger: Visitor, school: School
) -> None:
    token = token_of(stranger.get("/messages/new"))

    def everything() -> list[str]:
        tables = ("thread", "scheduled_text", "recipient_list", "listed_recipient", "sending", "sending_work")
        found = [
            school.world.rows(f"SELECT row_to_json(t)::text AS row FROM {t} t ORDER BY 1") for t in tables
        ]
        return [row.row for rows in found for row in rows]

    before = everything()
    for path, fields in (
        ("/messages/{thread}", {"text": "Falskt"}),
        ("/messages/{thread}/rename", {"display_name": "Falskt"}),
        ("/messages/{thread}/cancel", {"message": "{waiting}"}),
        ("/messages/lists/{list}", {"name": "Falsk", "recipients": "070-174 06 05"}),
        ("/messages/lists/{list}/delete", {}),
        ("/messages/sendings/{sending}/confirm", {}),
        ("/messages/sendings/{sending}/discard", {}),
    ):
        named = {name: value.format(**ids) for name, value in fields.items()}
        answer = stranger.post(path.format(**ids), {"csrf_token": token, **named})
        assert answer.status_int == 404, path
    assert (
        stranger.post(
            "/messages/many", {"csrf_token": token, "kept": ids["sending"], "text": "Falskt"}
        ).status_int
        == 422
    )
    assert (
        stranger.post(
            "/messages/many", {"csrf_token": token, "list": ids["list"], "text": "Falskt"}
        ).status_int
        == 422
    )
    assert everything() == before
    assert school.visitor.get("/messages").status_int == 200


def test_a_waiting_text_is_not_cancelled_through_a_thread_of_ones_own(
    ids: dict[str, str], stranger: Visitor, school: School, world: World
) -> None:
    other = world.value("SELECT id FROM account WHERE address = 'olle@annan.example'")
    world.submit(other, [KARIN], "Mitt", guard=False)
    own = world.value("SELECT id FROM thread WHERE account_id = :id", id=other)
    token = token_of(stranger.get("/messages/new"))
    answer = stranger.post(f"/messages/{own}/cancel", {"csrf_token": token, "message": ids["waiting"]})
    assert path_of(answer).endswith("said=cancelled-too-late")
    assert world.value("SELECT count(*) FROM scheduled_text") == 1


# What others have written, shown


def test_what_others_wrote_is_never_taken_for_a_page(school: School) -> None:
    school.text(KARIN, f"Hej {SCRIPT}")
    school.answer(KARIN, SCRIPT)
    school.sent(school.thread(KARIN), f"{school.thread(KARIN)}/rename", display_name=SCRIPT)
    school.send("/messages/lists/new", name=SCRIPT, recipients=f"070-174 06 12; {SCRIPT}")
    saved = f"/messages/lists/{school.world.value('SELECT id FROM recipient_list')}"
    sheet = f"Mobil;{SCRIPT.replace(';', '')}\n070-174 06 31;{SCRIPT}\n".encode()
    bad = school.send(
        "/messages/many", None, files=[("sheet", f"{SCRIPT}.csv", sheet)], text="Hej {" + SCRIPT + "x}"
    )
    many = school.send("/messages/many", None, files=[("sheet", "a.csv", sheet)], text=f"Hej {SCRIPT}")
    school.send("/account", display_name=SCRIPT, mobile=SCRIPT, language="en")
    agent = Visitor(school.runtime, agent=f"Firefox/{SCRIPT}")
    agent.sign_in(ANNA)
    pages = [school.get(path) for path in (
        "/messages", f"/messages?q={SCRIPT}", "/messages/live?q=script", school.thread(KARIN), f"{school.thread(KARIN)}/live",
        f"{school.thread(KARIN)}?edit=1", "/messages/lists", saved, "/messages/many", f"/messages/new?to={SCRIPT}", "/account/sessions",
        "/account",
    )]  # fmt: skip
    wrong = school.send("/messages/new", to=SCRIPT, text=SCRIPT)
    count = school.send("/messages/new", "/messages/count", to="070-174 06 05", text=SCRIPT + "ў")
    signing = Visitor(school.runtime).sign_in(SCRIPT, next=f"/{SCRIPT}")
    for page in (*pages, bad, school.visitor.follow(many), wrong, count, signing):
        assert "<script>alert" not in page.text and "<img src=x" not in page.text, page.request.path


# Sessions


def test_what_is_loaded_under_the_address_of_a_session_is_kept_by_nobody(runtime: Runtime) -> None:
    answer = Visitor(runtime).get(f"/~{TOKEN}/static/messa.css")
    assert answer.status_int == 404 or answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "onward", ["//evil.example/", "///evil.example", "/%2fevil.example", "/%5cevil.example"]
)
def test_the_end_of_a_session_in_the_address_leads_nobody_elsewhere(runtime: Runtime, onward: str) -> None:
    answer = Visitor(runtime).get(f"/~{TOKEN}{onward}")
    assert not answer.location or answer.location.startswith("http://localhost/")
    assert not path_of(answer).startswith(("//", "/\\"))


def test_a_cookie_and_a_strangers_prefix_at_once_give_nobody_the_strangers_pages(
    school: School, stranger: Visitor
) -> None:
    token = stranger.app.cookies["messa_session"]
    answer = school.visitor.get(f"/~{token}/account")
    assert path_of(answer) == "/account"
    assert "olle@annan.example" not in school.visitor.follow(answer).text


def test_a_forms_token_is_worthless_in_another_session_of_the_same_account(
    school: School, runtime: Runtime
) -> None:
    other = Visitor(runtime)
    other.sign_in(ANNA)
    token = token_of(other.get("/account/password"))
    assert school.visitor.post("/sign-out", {"csrf_token": token}).status_int == 400


def test_cookies_are_for_https_alone_where_the_site_is(
    database_url: str, tmp_path: Path, clock: FixedClock, school: School
) -> None:
    with a_runtime(
        database_url, tmp_path / "key", clock, **{"messa.public_url": "https://sms.example"}
    ) as runtime:
        visitor = Visitor(runtime)
        first = visitor.get("/sign-in")
        probe = first.headers["Set-Cookie"]
        # WebTest speaks http, and so would keep none of them
        visitor.app.set_cookie("__Host-messa_probe", probe.partition("=")[2].partition(";")[0])
        shown = visitor.get("/sign-in")
        answer = visitor.post(
            "/sign-in", {"csrf_token": token_of(shown), "email": ANNA, "password": PASSWORD}
        )
        assert answer.status_int == 303
        for cookie in (probe, answer.headers["Set-Cookie"]):
            assert cookie.startswith("__Host-messa_") and "Path=/" in cookie and "Domain" not in cookie
            assert "secure" in cookie.lower() and "HttpOnly" in cookie
        assert first.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.fixture
def app(school: School, runtime: Runtime, clock: FixedClock) -> pyotp.TOTP:
    """Anna's second factor."""
    with runtime.database.unit_of_work() as session:
        enrolment = second_factor.begin(session, runtime.keys, school.account_id)
        assert enrolment
        app = pyotp.TOTP(enrolment.secret)
        assert second_factor.confirm(
            session, clock.now(), runtime.keys, school.account_id, app.at(clock.now())
        )
    clock.move(timedelta(seconds=60))
    return app


def test_a_password_that_was_changed_meanwhile_is_not_half_a_sign_in_any_more(
    school: School, runtime: Runtime, clock: FixedClock, app: pyotp.TOTP
) -> None:
    thief = Visitor(runtime, address=CAFE)
    page = thief.follow(thief.sign_in(ANNA))
    stamp = field_of(page, "stamp")
    new = "en helt annan mening"
    assert school.send("/account/password", current=PASSWORD, password=new, repeat=new).status_int == 303
    code = app.at(clock.now())
    thief.post("/sign-in-code", {"csrf_token": token_of(page), "stamp": stamp, "code": code})
    assert thief.get("/messages").status_int == 303


def test_a_code_is_taken_once_by_whomever(
    school: School, runtime: Runtime, clock: FixedClock, app: pyotp.TOTP
) -> None:
    code, inside = app.at(clock.now()), []
    for _ in range(2):
        visitor = Visitor(runtime)
        page = visitor.follow(visitor.sign_in(ANNA))
        fields = {"csrf_token": token_of(page), "stamp": field_of(page, "stamp"), "code": code}
        inside.append(visitor.post("/sign-in-code", fields).status_int)
    assert inside == [303, 401]


# The whole of it, as it is served


@pytest.fixture(scope="module")
def platform(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with a_platform(server, template, tmp_path_factory.mktemp("platform")) as made:
        yield made.start(MESSA_MESSA_LOG_LEVEL="DEBUG")


AGENT = {"User_Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
USER_PASSWORD = "messa-demo-2026"


def posted(platform: Platform, path: str, /, **fields: str) -> Answer:
    """A form, from a browser that keeps no cookies and says that it comes from somewhere else."""
    headers = {**AGENT, "Content_Type": "application/x-www-form-urlencoded", "X_Forwarded_For": "192.0.2.77"}
    return ask(platform.web_port, "POST", path, urlencode(fields).encode(), **headers)


def form_token(answer: Answer) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.body.decode())
    assert found, answer.status
    return found[1]


@pytest.fixture
def prefix(platform: Platform) -> str:
    """Where a session of the demo's user begins whose browser keeps no cookies."""
    shown = platform.get("/sign-in", **AGENT)
    fields = {"csrf_token": form_token(shown), "email": USER, "password": USER_PASSWORD}
    answer = posted(platform, "/sign-in", **fields)
    assert answer.status == 303, answer.status
    found = re.search(r"/~[^/]+", answer.headers["location"])
    assert found
    return found[0]


def test_who_says_to_come_from_elsewhere_is_not_believed(platform: Platform, prefix: str) -> None:
    assert {row.address for row in platform.rows("SELECT address FROM web_session")} == {"127.0.0.1"}
    assert platform.get(f"{prefix}/messages", **AGENT, X_Forwarded_For="192.0.2.99").status == 200


def test_a_page_that_asks_for_news_is_answered_from_memory_until_its_session_ends(
    platform: Platform, prefix: str
) -> None:
    live = {**AGENT, "X_Messa_Live": "1", "If_None_Match": ""}

    def is_quiet() -> bool:
        # as a browser asks: with what it was answered last; a process that has just begun to listen is not sure yet
        answer = platform.get(f"{prefix}/messages/live", **live)
        live["If_None_Match"] = answer.headers["etag"]
        return answer.status == 304

    page = platform.get(f"{prefix}/messages", **AGENT)
    platform.until(is_quiet)
    thief = {**live, "User_Agent": "curl/8.5"}
    assert platform.get(f"{prefix}/messages/live", **thief).status == 303
    assert platform.get("/messages/live", **live).status == 303, "outside of its address it is nobody's"
    assert posted(platform, f"{prefix}/sign-out", csrf_token=form_token(page)).status == 303
    platform.until(lambda: platform.get(f"{prefix}/messages/live", **live).status != 304, seconds=2)
    never(lambda: platform.get(f"{prefix}/messages/live", **live).status == 304, 0.5)


def test_at_the_finest_level_the_log_holds_no_token_password_or_text(platform: Platform, prefix: str) -> None:
    page = platform.get(f"{prefix}/messages/new", **AGENT)
    token = form_token(page)
    sent = {"csrf_token": token, "nonce": "n1", "to": "070-174 06 05", "text": "Hemligt om Karin"}
    assert posted(platform, f"{prefix}/messages/new", **sent).status == 303
    assert posted(platform, f"{prefix}/messages/count", **sent).status == 200
    shown = platform.get("/forgot", **AGENT)
    assert posted(platform, "/forgot", csrf_token=form_token(shown), email=USER).status == 200
    [mailed] = platform.until_mails(USER)
    word = re.search(r"/reset/([A-Za-z0-9_-]{20,})", str(mailed))
    assert word
    for path in (
        f"{prefix}/nothing",
        f"{prefix}/sign-in?next=%ff",
        f"/reset/{word[1]}",
        f"/reset/{word[1]}?lang=%ff",
    ):
        platform.get(path, **AGENT)
    platform.get(f"{prefix}/messages", User_Agent="curl/8.5")
    posted(platform, "/sign-in", csrf_token=form_token(shown), email=USER, password="nearly right")
    platform.until(lambda: "url_session_refused" in platform.children[0].said)
    said = platform.children[0].said
    for secret in (prefix[2:], token, word[1], USER_PASSWORD, "nearly right", "Hemligt om Karin"):
        assert secret not in said
    assert "Traceback" not in said
