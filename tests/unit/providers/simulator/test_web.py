"""The HTTP side on a real socket: what tests read and write, and the page for people."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from messa_platform.core.clock import FixedClock
from messa_platform.providers.simulator.behaviour import DOCUMENTED
from messa_platform.providers.simulator.callbacks import Callbacks, Target
from messa_platform.providers.simulator.conditions import Conditions
from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.network import Network
from messa_platform.providers.simulator.page import HERE, MAILS_SHOWN, PHONES_SHOWN, TEXTS_SHOWN
from messa_platform.providers.simulator.records import Mail
from messa_platform.providers.simulator.replies import ReplyProblem
from messa_platform.providers.simulator.store import Store
from messa_platform.providers.simulator.web import Web
from messa_platform.providers.simulator.words import WORDS, Language

ANNA = "+46701740605"
OURS = "+46730000001"


class Site:
    """A network with its web in front of it; `get` and the others ask it over a socket."""

    def __init__(self, directory: Path) -> None:
        clock = FixedClock(datetime(2026, 3, 2, 9, 15, tzinfo=UTC))
        self.journal = Journal.open(directory)
        self.store = Store(self.journal, keep_texts=1_000)
        self.callbacks = Callbacks(Target("http://x", "s"), self.journal, clock, self.store.reference)
        self.network = Network(self.journal, self.store, self.callbacks, clock, Random(1), Conditions())

    def text(
        self, text: str = "Hej", to: str = ANNA, sender: str = OURS, parts: int = 1, id: str = "m1"
    ) -> None:
        self.network.take([{"seq": 1, "id": id, "from": sender, "to": to, "text": text, "parts": parts}])

    def mail(self, subject: str = "Välkommen", text: str = "Hej", *to: str) -> None:
        n = self.store.next_number()
        recipients = to or ("anna@demo.example",)
        self.network.deliver(
            Mail(n, 0.0, "info@messa.example", recipients, subject, text, {"Subject": subject})
        )

    def asked(self, ask: Callable[[TestClient[Any, Any]], Awaitable[ClientResponse]]) -> Answer:
        async def run() -> Answer:
            # Made inside the loop that serves it; aiohttp allows no other.
            web = Web(self.network, self.callbacks)
            async with TestClient(TestServer(web.application())) as client:
                response = await ask(client)
                return Answer(response.status, dict(response.headers), await response.text())

        return asyncio.run(run())

    def get(self, path: str) -> Answer:
        return self.asked(lambda client: client.get(path, allow_redirects=False))

    def post(self, path: str, **what: Any) -> Answer:
        return self.asked(lambda client: client.post(path, allow_redirects=False, **what))

    def incoming(self) -> list[dict[str, Any]]:
        events = [json.loads(event.body) for event in sorted(self.callbacks._events)]
        return [event for event in events if event["type"] == "incoming"]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Tags(HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.journal.close()


@pytest.mark.parametrize("written", [ANNA, "%2B46701740605", "46701740605", "0046701740605", "070-174 06 05"])
def test_a_phone_s_texts_are_listed_oldest_first_however_its_number_is_written(
    site: Site, written: str
) -> None:
    site.text("Mötet är flyttat 😀")
    site.text("Vi ses", sender="Demo kommun")
    at = "2026-03-02T09:15:00.000+00:00"
    assert site.get(f"/simulator/phones/{written}").json == [
        {"from": OURS, "to": ANNA, "text": "Mötet är flyttat 😀", "at": at},
        {"from": "Demo kommun", "to": ANNA, "text": "Vi ses", "at": at},
    ]


def test_a_phone_that_nobody_texted_has_no_texts_and_no_number_is_told_so(site: Site) -> None:
    assert site.get(f"/simulator/phones/{ANNA}").json == []
    answer = site.get("/simulator/phones/anna")
    assert (answer.status, answer.json["error"]) == (400, ReplyProblem.PHONE.value)


def test_a_reply_is_accepted_and_goes_to_the_platform(site: Site) -> None:
    answer = site.post(
        f"/simulator/phones/{ANNA}/replies", json={"to": "+467301214062818", "text": "Jag kommer på mötet"}
    )
    assert answer.status == 202
    assert [(event["from"], event["to"], event["text"]) for event in site.incoming()] == [
        (ANNA, "+467301214062818", "Jag kommer på mötet")
    ]
    assert site.get(f"/simulator/phones/{ANNA}").json == []


@pytest.mark.parametrize(
    ("phone", "body", "problem"),
    [
        ("anna", {"to": OURS, "text": "Hej"}, ReplyProblem.PHONE),
        (ANNA, {"text": "Hej"}, ReplyProblem.TO),
        (ANNA, {"to": "123", "text": "Hej"}, ReplyProblem.TO),
        (ANNA, {"to": "Demo kommun", "text": "Hej"}, ReplyProblem.SENDER_NAME),
        (ANNA, {"to": OURS}, ReplyProblem.TEXT),
        (ANNA, {"to": OURS, "text": "  "}, ReplyProblem.TEXT),
        (ANNA, {"to": OURS, "text": "x" * 2001}, ReplyProblem.TEXT),
    ],
)
def test_a_reply_that_cannot_leave_says_what_to_do(
    site: Site, phone: str, body: dict[str, str], problem: ReplyProblem
) -> None:
    answer = site.post(f"/simulator/phones/{phone}/replies", json=body)
    assert (answer.status, answer.json) == (400, {"error": problem.value})
    assert site.incoming() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"[" * 100_000])
def test_a_reply_that_is_no_json_object_is_told_so(site: Site, body: bytes) -> None:
    answer = site.post(f"/simulator/phones/{ANNA}/replies", data=body)
    assert (answer.status, answer.json["error"][:9]) == (400, "send JSON")


def test_mails_are_listed_once_for_each_recipient_and_narrowed_by_address(site: Site) -> None:
    site.mail("Ett", "Hej på dig", "anna@demo.example", "Bo@demo.example")
    site.mail("Två")
    assert [(mail["to"], mail["subject"]) for mail in site.get("/simulator/mails").json] == [
        ("anna@demo.example", "Ett"),
        ("Bo@demo.example", "Ett"),
        ("anna@demo.example", "Två"),
    ]
    (mail,) = site.get("/simulator/mails?to=bo@demo.example").json
    assert mail == {
        "from": "info@messa.example",
        "to": "Bo@demo.example",
        "subject": "Ett",
        "text": "Hej på dig",
        "headers": {"Subject": "Ett"},
        "at": "1970-01-01T00:00:00.000+00:00",
    }


def test_submits_tell_of_doubles_and_refusals_and_go_on_from_where_one_was(site: Site) -> None:
    for _ in range(2):
        site.text(id="samma")
    site.text(to="+46700000004", id="nekat")
    first = site.get("/simulator/submits?limit=2").json
    assert [(entry["id"], entry["taken"]) for entry in first["submits"]] == [("samma", True)] * 2
    rest = site.get(f"/simulator/submits?since={first['next']}").json
    assert [(entry["id"], entry["taken"], entry["code"]) for entry in rest["submits"]] == [
        ("nekat", False, "invalid_destination")
    ]
    assert site.get(f"/simulator/submits?since={rest['next']}").json == {"submits": [], "next": rest["next"]}
    assert site.get("/simulator/submits?since=igår").status == 400


def test_submits_reach_back_beyond_the_memory(site: Site) -> None:
    for i in range(1_005):
        site.text(id=str(i))
    assert [entry["id"] for entry in site.get("/simulator/submits?limit=3").json["submits"]] == [
        "0",
        "1",
        "2",
    ]


def test_counts_and_phones_are_told(site: Site) -> None:
    site.text()
    site.text(to="+46700000004")
    assert site.get("/simulator/health").json == {
        "status": "ok",
        "submits": 2,
        "taken": 1,
        "callbacks_waiting": 1,
        "callbacks_posted": 0,
    }
    assert site.get("/simulator/phones").json == [{"number": ANNA, "texts": 1}]
    assert site.get("/simulator/version").json == {"version": 2}


def test_faults_are_set_shown_and_ended(site: Site) -> None:
    async def run(client: TestClient[Any, Any]) -> ClientResponse:
        set_faults = await client.post("/simulator/faults", json={"refuse": 1, "latency_ms": 5})
        assert (await set_faults.json())["refuse"] == 1
        shown = await client.get("/simulator/faults")
        assert (await shown.json())["latency_ms"] == 5
        assert (await client.post("/simulator/faults", json={"refuse": 7})).status == 400
        return await client.delete("/simulator/faults")

    assert site.asked(run).json == Conditions().as_json()
    assert site.network.conditions == Conditions()


def test_the_page_shows_phones_and_mails_in_swedish_unless_asked_for_english(site: Site) -> None:
    site.text("Mötet är flyttat till kl. 9", parts=2)
    site.mail("Välkommen till messa", "Välj lösenord: http://127.0.0.1:6543/valkommen/abc")
    page = site.get("/simulator").text
    assert '<html lang="sv">' in page
    for shown in (
        "Telefoner",
        "+46 70 174 06 05",
        "Mötet är flyttat till kl. 9",
        "2 delar",
        "Svara +46730000001",
    ):
        assert shown in page
    assert "Välkommen till messa" in page
    assert '<a href="http://127.0.0.1:6543/valkommen/abc"' in page
    assert "2026-03-02 10:15:00" in page  # Stockholm's clock
    english = site.get("/simulator?lang=en").text
    assert '<html lang="en">' in english
    assert "Phones" in english
    assert "Telefoner" not in english


def test_an_empty_page_says_what_to_do_first(site: Site) -> None:
    page = site.get("/simulator/").text
    assert WORDS[Language.SV]["no_phones"] in page
    assert WORDS[Language.SV]["no_mails"] in page


def test_the_page_lists_every_number_with_a_built_in_fault(site: Site) -> None:
    page = site.get("/simulator").text
    assert all(number in page for number in DOCUMENTED)


def test_what_strangers_wrote_is_text_and_never_markup(site: Site) -> None:
    site.text("<script>alert(1)</script> & \ud83d", sender="<b>x</b>")
    site.mail("<i>ämne</i>", "<img src=x onerror=alert(1)> http://x.example/?a='><script>")
    page = site.get("/simulator").text
    tags = [tag for tag, _ in Tags(page).found]
    assert tags.count("script") == 1
    assert not {"img", "i"} & set(tags)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_asks_for_nothing_from_outside_and_has_nothing_inline(site: Site) -> None:
    site.text()
    site.mail()
    answer = site.get("/simulator")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    tags = Tags(answer.text).found
    for tag, attributes in tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        for name in ("src", "href", "action"):
            address = attributes.get(name) or "/simulator"
            assert address.startswith(("/simulator", "#", "data:,")), (tag, address)
    assert ("style", {}) not in tags
    assert "<script>" not in answer.text


def test_every_field_has_a_label_and_every_id_is_there_once(site: Site) -> None:
    site.text(sender="+46730000001")
    site.text(sender="+46730000002")
    tags = Tags(site.get("/simulator").text).found
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {attributes.get("for") for tag, attributes in tags if tag == "label"}
    fields = [
        attributes["id"]
        for tag, attributes in tags
        if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden"
    ]
    assert len(fields) == 6
    assert set(fields) == labelled


@pytest.mark.parametrize(("name", "kind"), [("simulator.css", "text/css"), ("simulator.js", "javascript")])
def test_the_page_s_own_files_are_served(site: Site, name: str, kind: str) -> None:
    answer = site.get(f"/simulator/static/{name}")
    assert answer.status == 200
    assert kind in answer.headers["Content-Type"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text == (HERE / "static" / name).read_text(encoding="utf-8")


def test_a_reply_by_the_form_leaves_and_comes_back_to_the_phone(site: Site) -> None:
    form = {"phone": ANNA, "to": OURS, "text": "Ja\r\ntack", "lang": "en", "number": ANNA}
    answer = site.post("/simulator/reply", data=form)
    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/simulator?lang=en&number=%2B46701740605#phone-46701740605",
    )
    assert [event["text"] for event in site.incoming()] == ["Ja\ntack"]
    assert "Ja\ntack" in site.get("/simulator").text


def test_the_reply_box_offers_every_number_that_texted_the_phone_latest_first(site: Site) -> None:
    site.text(sender="+46730000001")
    site.text(sender="+46730000002")
    site.text(sender="Demo kommun")
    options = re.findall(r"<option[^>]*>(\S+)</option>", site.get("/simulator").text)
    assert options == ["+46730000002", "+46730000001"]


def test_a_phone_that_only_names_have_texted_has_no_reply_box(site: Site) -> None:
    site.text(sender="Demo kommun")
    page = site.get("/simulator").text
    assert WORDS[Language.SV]["name_only"] in page
    assert 'name="phone" value="' not in page


@pytest.mark.parametrize("phone", [ANNA, "070 99"])
def test_a_form_that_cannot_leave_says_why_and_keeps_what_was_typed(site: Site, phone: str) -> None:
    site.text()
    answer = site.post(
        "/simulator/reply", data={"phone": phone, "to": "Demo kommun", "text": "Det här skrev jag"}
    )
    assert answer.status == 400
    assert "Svaret skickades inte:" in answer.text
    assert answer.text.count("Det här skrev jag") == 1
    assert site.incoming() == []
    reloaded = site.get("/simulator/reply")
    assert (reloaded.status, reloaded.headers["Location"]) == (303, "/simulator")


def test_one_phone_is_shown_by_its_number_and_what_is_no_number_is_told(site: Site) -> None:
    site.text(to="+46701740001")
    site.text(to="+46701740002")
    page = site.get("/simulator?number=+46701740001").text
    assert "+46 70 174 00 01" in page
    assert "+46 70 174 00 02" not in page
    refused = site.get("/simulator?number=anna")
    assert refused.status == 400
    assert "anna är inget telefonnummer" in refused.text


def test_a_busy_network_shows_its_latest_and_says_how_many_there_are(site: Site) -> None:
    for i in range(PHONES_SHOWN + 3):
        site.text(to=f"+467017400{i:02}")
    for _ in range(TEXTS_SHOWN + 1):
        site.text()
    for i in range(MAILS_SHOWN + 2):
        site.mail(f"Ämne {i:02}")
    page = site.get("/simulator").text
    assert page.count('<article class="phone"') == PHONES_SHOWN
    assert f"De {PHONES_SHOWN} senaste av {PHONES_SHOWN + 4} telefoner visas." in page
    assert "2 äldre sms" not in page
    assert "1 äldre sms i +46 70 174 06 05" in page
    assert page.count('<article class="card mail">') == MAILS_SHOWN
    assert page.index(f"Ämne {MAILS_SHOWN + 1}") < page.index(f"Ämne {MAILS_SHOWN:02}")


@pytest.mark.parametrize(
    "path", ["/simulator/reply", f"/simulator/phones/{ANNA}/replies", "/simulator/faults"]
)
def test_another_site_s_page_can_do_nothing_here(site: Site, path: str) -> None:
    form = {"phone": ANNA, "to": OURS, "text": "Hej"}
    answer = site.post(path, data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
    assert site.incoming() == []


def test_a_path_that_leads_nowhere_has_the_security_headers_too(site: Site) -> None:
    answer = site.get("/simulator/nowhere")
    assert (answer.status, answer.headers["X-Content-Type-Options"]) == (404, "nosniff")
