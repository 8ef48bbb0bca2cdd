"""The page of the audit log, and the same as text (spec G12)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.i18n import speech
from messa_platform.core.ids import new_id
from messa_platform.runtime import Runtime
from messa_platform.tenants import audit_view
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import SYSTEM, Action, Author, Change, record
from messa_platform.tenants.models import Group
from tests.support.audit_page import HERE, cells, whats
from tests.support.observe import statements
from tests.support.portal import seen
from tests.support.town import CHIEF, HEAD, Town
from tests.support.world import World

Write = Callable[..., None]


@pytest.fixture
def wrote(town: Town) -> Write:
    """Writes an entry down."""

    def write(
        group: Group,
        subject: str,
        author: Author = SYSTEM,
        action: Action = Action.ACCOUNT_ADDED,
        **change: Any,
    ) -> None:
        with town.world.database.unit_of_work() as session:
            entry = Change(group.tenant_id, group.id, action, subject, **change)
            record(session, town.world.clock.now(), author, [entry])

    return write


# The page


def test_an_admin_reads_who_changed_what_from_what_to_what(town: Town, wrote: Write) -> None:
    head = Author(Actor.ADMIN, town.head_id, HEAD, town.school.id)
    chief = Author(Actor.ADMIN, town.chief_id, CHIEF, town.master.id)
    wrote(town.school, "ny@kommun.example", head, after={"group": str(town.school.id)})
    moved = {"before": {"group": str(town.care.id)}, "after": {"group": str(town.class_4b.id)}}
    wrote(town.class_4b, "elev@kommun.example", chief, Action.ACCOUNT_MOVED, **moved)
    wrote(town.school, "", action=Action.NUMBERS_RECALLED, after={"numbers": 3})
    wrote(town.care, "hemlig@kommun.example", chief)
    assert cells(town.head.get(HERE)) == [
        ["messa", "Took numbers back Numbers: 3", "Skolan"],
        [
            "an admin of an overlying group",
            "Moved the user elev@kommun.example Group: another group → became Klass 4B",
            "Klass 4B",
        ],
        [HEAD, "Added the user ny@kommun.example Group: Skolan", "Skolan"],
    ]
    page = town.chief.get("/t/kommun/@@audit")
    assert [row[0] for row in cells(page)] == [CHIEF, "messa", CHIEF, HEAD]
    assert "Omsorgen → became Klass 4B" in seen(page)


def test_nothing_from_above_or_beside_is_on_the_page_nor_in_the_text(town: Town, wrote: Write) -> None:
    chief = Author(Actor.ADMIN, town.chief_id, CHIEF, town.master.id)
    beside = Author(Actor.ADMIN, new_id(), "omsorg@kommun.example", town.care.id)
    outside = Author(Actor.ADMIN, new_id(), "borta@annan.example", town.elsewhere.id)
    operator = Author(Actor.OPERATOR, new_id(), "drift@messa.example", town.master.id)
    groups = {"a": str(town.master.id), "b": str(town.care.id), "c": str(town.elsewhere.id)}
    for author in (chief, beside, outside, operator):
        wrote(town.school, "x@y.example", author, before={"group": groups["b"]}, after=groups)
        wrote(town.care, "granne@y.example", author)
        wrote(town.master, "ovan@y.example", author)
    hidden = (
        "Omsorgen", "Master", "Annan kommun", CHIEF, "omsorg@", "borta@", "drift@", "granne@", "ovan@", *groups.values(),
    )  # fmt: skip
    for query in (
        "",
        "?q=omsorg@",
        "?q=kommun",
        "?reach=own",
        "?kind=users",
        "?from=2026-01-01",
        "?from=nonsense",
    ):
        page = town.head.visitor.get(HERE + query)
        for word in hidden:
            assert word not in page.html.main.get_text(), (word, query)
            assert query or word not in page.text
    text = town.head.get(f"{HERE}?as=text").text
    assert text.count("x@y.example") == 4
    assert not [word for word in hidden if word in text]


@pytest.mark.parametrize("query", ["q=chef@", "q=omsorg@", "q=kommun.example&kind=users"])
def test_a_filter_tells_nothing_of_who_may_not_be_seen(town: Town, wrote: Write, query: str) -> None:
    wrote(town.school, "x@y.example", Author(Actor.ADMIN, town.chief_id, CHIEF, town.master.id))
    wrote(town.school, "z@y.example", Author(Actor.ADMIN, new_id(), "omsorg@kommun.example", town.care.id))
    page = town.head.get(f"{HERE}?{query}")
    assert cells(page) == [] and "No change fits what you asked for." in seen(page)
    text = town.head.get(f"{HERE}?{query}&as=text").text
    assert text.count("\n") == 1


def test_it_is_narrowed_by_kind_words_and_days(town: Town, wrote: Write, clock: FixedClock) -> None:
    wrote(town.school, "gammal@x.example")
    clock.move(timedelta(days=2))
    wrote(town.school, "kommun.example", action=Action.DOMAIN_ADDED)
    wrote(town.class_4b, "ny@x.example")
    day = f"{clock.now():%Y-%m-%d}"
    head = town.head
    assert len(whats(head.get(HERE))) == 3
    assert whats(head.get(f"{HERE}?kind=domains")) == ["Added the domain kommun.example"]
    assert whats(head.get(f"{HERE}?q=NY@")) == ["Added the user ny@x.example"]
    assert len(whats(head.get(f"{HERE}?from={day}&to={day}"))) == 2
    assert whats(head.get(f"{HERE}?to={clock.now() - timedelta(days=1):%Y-%m-%d}")) == [
        "Added the user gammal@x.example"
    ]
    own = head.get(f"{HERE}?reach=own")
    assert len(cells(own)) == 2 and "Klass" not in own.html.select_one(".table").get_text()


@pytest.mark.parametrize("day", ["ig%C3%A5r", "2026-13-01", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_said_to_be_none(town: Town, wrote: Write, day: str) -> None:
    wrote(town.school, "x@y.example")
    page = town.head.get(f"{HERE}?to={day}", 422)
    assert "Write the day like this" in seen(page) and cells(page) == []
    assert page.html.find(id="to")["aria-invalid"] == "true"


@pytest.mark.parametrize("query", ["before=x", "kind=x", "q=%00", "q=%ff", "reach=x", "q=%25", "as=x"])
def test_what_an_address_says_in_vain_breaks_nothing(town: Town, wrote: Write, query: str) -> None:
    wrote(town.school, "x@y.example")
    town.head.get(f"{HERE}?{query}")


def test_older_entries_are_a_link_away_and_the_filter_comes_along(town: Town, wrote: Write) -> None:
    for number in range(audit_view.PAGE + 5):
        wrote(town.school, f"p{number:02}@x.example")
    head = town.head
    first = head.get(f"{HERE}?kind=users")
    older = next(a["href"] for a in first.html.select("a.more"))
    assert "kind=users" in older
    second = head.get(older)
    assert whats(second) == [f"Added the user p{n:02}@x.example" for n in (4, 3, 2, 1, 0)]
    assert len(whats(first)) == audit_view.PAGE
    (newest,) = second.html.select("a.more")
    assert whats(head.get(newest["href"])) == whats(first)


def test_a_move_that_stands_in_two_logs_is_one_line(town: Town, wrote: Write) -> None:
    moved = {"before": {"group": str(town.school.id)}, "after": {"group": str(town.class_4b.id)}}
    for group in (town.class_4b, town.school):
        wrote(group, "elev@x.example", action=Action.ACCOUNT_MOVED, **moved)
    wrote(town.school, "elev@x.example", action=Action.ACCOUNT_REMOVED)
    rows = cells(town.head.get(HERE))
    assert [row[2] for row in rows] == ["Skolan", "Skolan, Klass 4B"]
    assert len(cells(town.head.get("/t/kommun/skolan/klass-4b/@@audit"))) == 1


def test_there_is_a_word_where_nothing_has_been_changed(town: Town) -> None:
    assert "Nothing has been changed yet" in seen(town.head.get(HERE))


def test_no_name_in_the_text_is_run_by_a_spreadsheet(town: Town, wrote: Write) -> None:
    formula = "=HYPERLINK(A1)"
    town.world.run('UPDATE "group" SET name = :name WHERE id = :id', name=formula, id=town.class_4b.id)
    author = Author(Actor.ADMIN, new_id(), "+1@kommun.example", town.school.id)
    wrote(town.class_4b, "a@x.example", author, after={"group": str(town.class_4b.id)})
    [_heading, told_line] = town.head.get(f"{HERE}?as=text").text.splitlines()
    _time, group, who, what, _details = told_line.split("\t")
    assert (group, who) == (f"'{formula}", "'+1@kommun.example")
    assert what == "Added the user a@x.example"


def test_as_text_it_has_a_line_for_each_entry_with_everything_in_it(
    town: Town, wrote: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_view, "CHUNK", 7)
    long = "ö" * 300
    for number in range(20):
        wrote(town.class_4b, f"p{number:02}@x.example")
    wrote(
        town.school, "signature", action=Action.SETTING_SET, after={"value": f"{long}\t1\n2", "lock": "all"}
    )
    answer = town.head.get(f"{HERE}?as=text")
    assert answer.content_type == "text/tab-separated-values"
    assert answer.charset == "UTF-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="messa-audit-skolan-')
    assert answer.headers["Cache-Control"] == "no-store"
    heading, newest, *others = answer.text.splitlines()
    assert heading == "Time\tGroup\tChanged by\tWhat\tDetails"
    expected = (
        f"Skolan\tmessa\tChanged the setting Signature\tinherited → {long} 1 2 (everybody may change it)"
    )
    assert newest.partition("\t")[2] == expected
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", newest.partition("\t")[0])
    assert [line.split("\t")[3] for line in others] == [
        f"Added the user p{n:02}@x.example" for n in reversed(range(20))
    ]


def test_the_text_leaves_no_connection_behind_when_its_reader_hangs_up(town: Town, wrote: Write) -> None:
    for number in range(5):
        wrote(town.school, f"p{number}@x.example")
    request = town.head.visitor.app.RequestClass.blank(f"http://localhost{HERE}?as=text")
    pool: Any = town.runtime.database.engine.pool
    before = pool.checkedout()
    visitor = town.head.visitor
    request.environ.update(visitor.app.extra_environ)
    request.headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.app.cookiejar)
    status, _, parts = request.call_application(visitor.app.app)
    assert status.startswith("200")
    lines = iter(parts)
    assert next(lines).startswith(b"Time")
    assert b"p4@x.example" in next(lines)
    assert pool.checkedout() == before
    getattr(parts, "close", lambda: None)()


def test_times_and_days_are_those_of_the_organisations_clock(town: Town, wrote: Write, world: World) -> None:
    world.run("UPDATE tenant SET time_zone = 'Europe/Lisbon' WHERE slug = 'kommun'")
    town.world.clock.at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # the 21st in Stockholm
    wrote(town.school, "x@y.example")
    head = town.head
    assert head.get(HERE).html.select_one("tbody time").text == "2026-11-20 23:30:00"
    assert len(cells(head.get(f"{HERE}?from=2026-11-20&to=2026-11-20"))) == 1
    assert cells(head.get(f"{HERE}?from=2026-11-21")) == []
    assert "2026-11-20 23:30:00\t" in head.get(f"{HERE}?as=text").text


def test_it_speaks_swedish(town: Town, wrote: Write, world: World) -> None:
    wrote(town.school, "x@y.example", Author(Actor.OPERATOR, new_id(), "drift@messa.example", town.master.id))
    world.run("UPDATE account SET language = 'sv' WHERE id = :id", id=town.head_id)
    page = town.head.get(HERE)
    assert page.html.h1.text == speech("sv").gettext("Audit log")
    assert cells(page)[0][1] == speech("sv").gettext("Added the user %(subject)s", subject="x@y.example")


def test_a_full_page_weighs_little(town: Town, wrote: Write, world: World) -> None:
    for number in range(150):
        world.group(town.school, f"En klass med ett långt namn för att vara en klass {number}")
    long = "å" * 1000
    for number in range(audit_view.PAGE + 1):
        settings = {"name": long, "issuer": f"{number} {long}"}
        author = Author(Actor.ADMIN, new_id(), f"{number}{'a' * 300}@x.example", town.school.id)
        wrote(
            town.class_4b,
            f"{number}{'p' * 300}",
            author,
            Action.SIGN_ON_SET,
            before=settings,
            after={"name": "x", "issuer": "y"},
        )
    page = town.head.get(HERE)
    assert len(cells(page)) == audit_view.PAGE
    assert len(page.body) < 55_000


def test_its_cost_in_statements_is_the_same_however_much_there_is(town: Town, wrote: Write) -> None:
    def cost() -> int:
        head = town.head
        head.get(HERE)
        with statements(town.runtime.database.engine) as found:
            head.get(HERE)
        return len(found)

    wrote(town.school, "x@y.example", after={"group": str(town.care.id)})
    little = cost()
    for number in range(audit_view.PAGE * 2):
        author = Author(
            Actor.ADMIN, new_id(), "a@x.example", (town.care, town.class_4b, town.master)[number % 3].id
        )
        wrote(
            (town.school, town.class_4b)[number % 2],
            f"{number}@y.example",
            author,
            after={"group": str(new_id())},
        )
    assert cost() == little <= 7


def test_who_administers_nothing_here_is_told_that_there_is_nothing(
    town: Town, world: World, runtime: Runtime
) -> None:
    head = town.head
    for path in ("/t/kommun/@@audit", "/t/kommun/omsorgen/@@audit", "/t/annan/@@audit", "/t/ingen/@@audit"):
        head.get(path, 404)
        head.get(f"{path}?as=text", 404)
