"""What the admin of a school learns of the groups above and beside, and of other organisations: nothing (spec G2, G10, G11)."""

from __future__ import annotations

import html
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from webtest import TestResponse

from messa_platform.core.ids import new_id
from messa_platform.runtime import Runtime
from tests.support.observe import statements
from tests.support.town_log import of_its_kind, the_same_log
from tests.support.visitors import Visitor, token_of
from tests.support.walls import SCHOOL, Walls, build_walls
from tests.support.world import World

MOST_PAGES = 400


@pytest.fixture
def walls(world: World, runtime: Runtime) -> Walls:
    return build_walls(world, runtime)


_LINK = re.compile(r'(?:href|hx-get|src)="([^"]+)"')
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_FIELD = re.compile(r"<(?:input|option|button)\b([^>]*)>", re.S)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Crawl:
    """All admin pages that can be reached by links from the first one, and the forms on them."""

    visitor: Visitor
    pages: dict[str, TestResponse] = field(default_factory=dict)

    def run(self, *starts: str) -> None:
        """Follow every link."""
        waiting, seen = list(starts), set()
        while waiting:
            path = waiting.pop()
            if of_its_kind(path) in seen or "as=xlsx" in path:  # a document says what the text says
                continue
            seen.add(of_its_kind(path))
            assert len(self.pages) < MOST_PAGES, sorted(self.pages)
            answer = self.pages[path] = self.visitor.get(path)
            assert answer.status_int < 400, f"{path}: {answer.status}"
            if answer.content_type == "text/html":
                waiting += [
                    link for link in links(answer) if link.startswith("/t/") and not the_same_log(path, link)
                ]

    def forms(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The forms that change something, each once: where they go, and their fields as the browser would send them."""
        seen = set()
        for path, page in self.pages.items():
            for form, inside in _FORM.findall(page.text):
                attributes = dict(_ATTRIBUTE.findall(form))
                action = html.unescape(attributes.get("action", path))
                found = [dict(_ATTRIBUTE.findall(one)) for one in _FIELD.findall(inside)]
                fields = [(f["name"], html.unescape(f.get("value", ""))) for f in found if "name" in f]
                key = action.partition("?")[0], tuple(sorted({name for name, _ in fields}))
                if attributes.get("method") == "post" and action.startswith("/t/") and key not in seen:
                    seen.add(key)
                    yield action, fields


def links(page: TestResponse) -> list[str]:
    """Where a page leads: by links, by what its live parts ask for, and by a redirect."""
    found = [html.unescape(link).partition("#")[0] for link in _LINK.findall(page.text)]
    return found + ([page.location.replace("http://localhost", "")] if page.location else [])


def crawled(walls: Walls, visitor: Visitor | None = None) -> Crawl:
    crawl = Crawl(visitor or walls.visitor)
    crawl.run("/t", f"{SCHOOL}/@@settings")
    return crawl


def without(answer: TestResponse, *written: str) -> tuple[int, str, str]:
    """Status, headers and body of an answer, but for what was asked for: only so can two be the same."""
    body, headers = answer.text, str(sorted(answer.headers.items()))
    for one in written:
        for form in (one, html.escape(one), one.replace("@", "%40"), one.replace("@", "%2540")):
            body, headers = body.replace(form, "…"), headers.replace(form, "…")
    return answer.status_int, re.sub(r"'Content-Length', '\d+'", "", headers), body


# What the pages say


def test_no_page_tells_anything_of_what_stands_above_or_beside(walls: Walls) -> None:
    pages = crawled(walls).pages
    assert {view_of(path) for path in pages} >= {
        "@@settings",
        "@@admins",
        "@@users",
        "@@user",
        "@@audit",
        "@@group",
        "@@api",
        "new-v2-key",
        "new-webhook",
        "@@logs",
        "@@log-message",
    }
    assert {path: told for path, page in pages.items() if (told := walls.leaks(page))} == {}


def view_of(path: str) -> str:
    """The view that a path asks for."""
    return path.partition("?")[0].rpartition("/")[2]


def test_no_page_changes_when_everything_above_and_beside_does(walls: Walls) -> None:
    visitor = walls.visitor
    before = {path: without(page) for path, page in crawled(walls, visitor).pages.items()}
    shake(walls)
    after = {path: without(page) for path, page in crawled(walls, visitor).pages.items()}
    assert after.keys() == before.keys()
    assert [path for path in before if before[path] != after[path]] == []


def shake(walls: Walls) -> None:
    """Rename, add, remove and use up whatever is above and beside."""
    world, hidden = (
        walls.world,
        [g.id for g in (walls.master, walls.middle, walls.sibling, walls.care, walls.elsewhere)],
    )
    for statement in (
        'UPDATE "group" SET name = name || $$ ny$$, sort_key = $$zz$$, version = version + 5 WHERE id = ANY(:ids)',
        "UPDATE account SET display_name = $$Ny$$, version = version + 1 WHERE group_id = ANY(:ids)",
        "DELETE FROM group_admin WHERE group_id = ANY(:ids)",
        "UPDATE quota_usage SET parts = parts + 77 WHERE scope_id = ANY(:ids)",
        "UPDATE group_setting SET value = jsonb_set(value, '{sms}', '555555') WHERE key = 'group_quota' AND group_id = ANY(:ids)",
        "UPDATE domain SET name = name || $$.example$$ WHERE group_id = ANY(:ids)",
        "UPDATE task SET done = 1, total = 77 WHERE group_id = ANY(:ids)",
        "UPDATE export SET done = 1, total = 77 WHERE actor_group_id = ANY(:ids)",
        "DELETE FROM audit_entry WHERE group_id = ANY(:ids)",
        "DELETE FROM consent_request WHERE group_id = ANY(:ids)",
        "DELETE FROM message WHERE group_id = ANY(:ids)",
    ):
        world.run(statement, ids=hidden)
    for parent in (walls.middle, walls.sibling, walls.master):
        for number in range(3):
            world.account(
                world.group(parent, f"Sidemark {number}"), f"ny{number}.{parent.slug}@kommun.example"
            )


# What is asked for by its id, by words, by its address


def test_an_id_from_beyond_is_answered_like_one_that_nothing_has(walls: Walls) -> None:
    visitor, unknown = walls.visitor, str(new_id())
    for address in ("@@user?id={}", "@@move-users?who={}", "@@remove-users?who={}", "@@task?id={}", "@@task-live?id={}",
                    "@@sign-on?domain={}", "@@domain?id={}", "@@add-users?draft={}", "@@find-group?under={}", "@@audit?about={}",
                    "@@export/{}", "@@export-live/{}", "@@export-file/{}",
                    "@@api/{}", "@@api/{}/remove", "@@api/{}/new-v2-key", "@@api?after={}",
                    "@@api/webhook/{}", "@@api/webhook/{}/remove",
                    "@@log-message?id={}", "@@logs?group={}", "@@logs?email={}",
                    "@@logs-choices?field=number&group={}"):  # fmt: skip
        expected = without(visitor.get(f"{SCHOOL}/{address.format(unknown)}"), unknown)
        for hidden in map(str, walls.hidden):
            answer = visitor.get(f"{SCHOOL}/{address.format(hidden)}")
            assert without(answer, hidden) == expected, f"{address}: {answer.status}"


def test_a_form_with_an_id_from_beyond_is_answered_like_one_with_an_unknown_one(walls: Walls) -> None:
    crawl, unknown = crawled(walls), str(new_id())
    beyond = everything_beyond(walls)
    chosen = [
        *walls.above_ids.values(),
        *walls.beside_ids.values(),
        walls.elsewhere.id,
        walls.far_ids["person"],
    ]
    tried = 0
    for action, fields in crawl.forms():
        for name in sorted({name for name, value in fields if _UUID.fullmatch(value)}):
            expected = without(sent(crawl.visitor, action, fields, name, unknown), unknown)
            for hidden in map(str, chosen):
                answer = sent(crawl.visitor, action, fields, name, hidden)
                assert without(answer, hidden) == expected, f"{action} {name}: {answer.status}"
                tried += 1
    assert tried > 100
    assert everything_beyond(walls) == beyond


def sent(
    visitor: Visitor, action: str, fields: Sequence[tuple[str, str]], name: str, value: str
) -> TestResponse:
    """Send a form with another value in one of its fields. What is given once goes once, as of radio buttons the first."""
    given = {**dict(reversed(fields)), name: value}
    return visitor.app.post(action, given, status="*")


def everything_beyond(walls: Walls) -> list[str]:
    """A digest of what stands above and beside."""
    below = [walls.school.id, walls.class_4b.id]
    tables = ("account", "domain", "group_setting", "group_admin", "audit_entry", "task", "consent_request")
    of_groups = 'SELECT md5(string_agg(t::text, $$|$$ ORDER BY t::text)) FROM "{}" t WHERE {} <> ALL(:below)'
    digests = [walls.world.value(of_groups.format(table, "group_id"), below=below) for table in tables]
    return [*digests, walls.world.value(of_groups.format("group", "id"), below=below)]


def test_who_was_overtaken_by_somebody_above_is_not_told_who_that_was(walls: Walls) -> None:
    crawl, statuses = crawled(walls), []
    ids = {"ids": [walls.school.id, walls.class_4b.id]}
    for statement in (
        'UPDATE "group" SET version = version + 1, name = name || $$ ny$$ WHERE id = ANY(:ids)',
        "UPDATE account SET version = version + 1, display_name = display_name || $$ ny$$ WHERE group_id = ANY(:ids)",
        "UPDATE group_setting SET version = nextval('group_setting_version'), authority_id = :above WHERE group_id = ANY(:ids)",
    ):
        walls.world.run(statement, **ids, **({"above": walls.master.id} if ":above" in statement else {}))
    for action, fields in crawl.forms():
        answer = crawl.visitor.app.post(action, dict(reversed(fields)), status="*")
        assert answer.status_int < 500, action
        assert walls.leaks(answer) == [], action
        statuses.append(answer.status_int)
    assert 409 in statuses


WORDS = ("vermark", "idemark 1", "idemark1@kommun", "armark", "%mark", "_dem", "")
"""Parts of the marks: the page shows again what was searched for."""


@pytest.mark.parametrize("search", ["@@users?q={}", "@@users?below=1&q={}", "@@find-group?q={}", "@@user?id={head}&group_q={}",
                                    "@@move-users?who={head}&group_q={}", "@@audit?q={}", "@@group?group_q={}"])  # fmt: skip
def test_no_search_finds_anything_beyond(walls: Walls, search: str) -> None:
    visitor, head = walls.visitor, str(walls.head)
    for word in WORDS:
        page = visitor.get(f"{SCHOOL}/{search.replace('{head}', head).format(word.replace('%', '%25'))}")
        assert page.status_int == 200
        assert walls.leaks(page) == [], word


NUMBERS = ("98", "+46 98", "098", "87", "0876543001", "7654", "+46765432001")


@pytest.mark.parametrize(
    "page", ["@@logs?{}={}", "@@logs-choices?field={0}&{0}={1}", "@@logs?reach=own&{}={}"]
)
def test_nothing_that_is_written_into_the_log_finds_anything_beyond(walls: Walls, page: str) -> None:
    visitor = walls.visitor
    for name, words in (("group", WORDS), ("email", WORDS), ("number", NUMBERS)):
        for word in words:
            answer = visitor.get(f"{SCHOOL}/{page.format(name, quote(word))}")
            assert answer.status_int in (200, 422)
            for shown in (word, word.lstrip("+0")):  # a number is shown again as it is dialled from abroad
                answer.text = answer.text.replace(html.escape(shown), "") if shown else answer.text
            assert walls.leaks(answer) == [], f"{name} {word}"


def test_who_is_no_member_here_is_told_to_be_none_wherever_else_the_address_is(walls: Walls) -> None:
    visitor, answers = walls.visitor, []
    for address in ("nobody@kommun.example", *ADDRESSES):
        answer = visitor.send(f"{SCHOOL}/@@admins", {"addresses": address})
        answers.append(without(answer, address))
    assert answers == answers[:1] * len(answers)


ADDRESSES = ("overmark.person@overmark.example", "sidemark7@kommun.example", "farmark.person@farmark.example")
DOMAINS = ("overmark.waiting.example", "sidemark.example", "klass.sidemark.example", "farmark.example")


@pytest.mark.parametrize(
    ("page", "name", "written"),
    [
        ("@@add-users", "addresses", "\n".join(ADDRESSES)),
        *(("@@domains", "domain", domain) for domain in DOMAINS),
    ],
)
def test_of_what_is_elsewhere_already_a_form_tells_no_more_than_what_was_written(
    walls: Walls, page: str, name: str, written: str
) -> None:
    visitor = walls.visitor
    answer = visitor.follow(visitor.send(f"{SCHOOL}/{page}", {name: written}))
    assert answer.status_int in (200, 422)
    for line in written.split("\n"):
        answer.text = answer.text.replace(line, "")
    assert walls.leaks(answer) == []


# What is not there


PAIRS = {
    "the parent": ("/t/kommun/mitten/@@settings", "/t/kommun/mittan/@@settings"),
    "Master": ("/t/kommun/@@users", "/t/kommum/@@users"),
    "a sibling": ("/t/kommun/mitten/sidemark-skolan/@@users", "/t/kommun/mitten/sidemark-skolen/@@users"),
    "beside the parent": ("/t/kommun/sidemark-omsorgen/@@audit", "/t/kommun/sidemark-omsorgan/@@audit"),
    "another organisation": ("/t/annan/@@settings", "/t/annam/@@settings"),
    "somebody beside": (f"{SCHOOL}/@@user?id={{person}}", f"{SCHOOL}/@@user?id={{unknown}}"),
}
"""What is there and is not theirs, and something alike that is not there."""


def addresses(walls: Walls, what: str) -> list[str]:
    named = {"person": walls.beside_ids["person"], "unknown": new_id()}
    return [path.format(**named) for path in PAIRS[what]]


@pytest.mark.parametrize("what", PAIRS)
def test_what_is_not_theirs_is_answered_like_what_is_not_there(
    walls: Walls, runtime: Runtime, what: str
) -> None:
    visitor, answers, costs = walls.visitor, [], []
    token = token_of(visitor.get("/account"))
    for path in addresses(walls, what):
        visitor.get(path)  # by now every statement is known to the driver
        with statements(runtime.database.engine) as seen:
            page = visitor.get(path)
        form = visitor.post(path, {"csrf_token": token})
        plain = visitor.get(path, headers={"Accept": "text/plain, */*;q=0.1"})
        nothing = visitor.app.head(path, status="*")
        answers.append([without(answer, path) for answer in (page, form, plain, nothing)])
        costs.append([statement.text for statement in seen])
    assert answers[0] == answers[1]
    assert {status for status, _, _ in answers[0]} == {404}
    assert costs[0] == costs[1]


ROUNDS, TRIES, MARGIN = 40, 5, 0.20


@pytest.mark.parametrize("what", PAIRS)
def test_nor_does_the_time_that_the_answer_takes_tell_them_apart(walls: Walls, what: str) -> None:
    visitor = walls.visitor
    there, nowhere = addresses(walls, what)
    ratios: list[float] = []
    # the machine has other things to do: a difference that is the page's own is there every time
    while len(ratios) < TRIES and not (ratios and abs(ratios[-1] - 1) <= MARGIN):
        ratios.append(ratio(lambda: visitor.get(there), lambda: visitor.get(nowhere)))
    assert abs(ratios[-1] - 1) <= MARGIN, ratios


def ratio(one: Callable[[], object], other: Callable[[], object]) -> float:
    """How much longer one takes than the other, by the medians of rounds in turns."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for ask, times in zip((one, other), took, strict=True):
            begin = time.perf_counter()
            ask()
            times.append(time.perf_counter() - begin)
    return statistics.median(took[0]) / statistics.median(took[1])
