"""The tree at the left of every admin page, and the addresses of groups: who sees what of them, and what that costs."""

from __future__ import annotations

import html
import re

import pytest
from lxml import etree
from webtest import TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.models import Group
from messa_platform.tenants.move_groups import DEEPEST, LONGEST_NAME
from messa_platform.tenants.places import SMALL_TREE
from tests.support.forest import grow
from tests.support.observe import statements
from tests.support.town import HEAD, an_admin
from tests.support.visitors import FIREFOX, HOME, PASSWORD, Visitor, signed_in
from tests.support.world import World

OPERATOR = "operator@messa.example"
PAGE = "@@new-group"
"""A page that has little beside the frame."""


@pytest.fixture
def tree(world: World, tree: dict[str, Group]) -> dict[str, Group]:
    """The same with a second class."""
    return {**tree, "4B": world.group(tree["Norr"], "4B")}


def nav(page: TestResponse) -> etree._Element:
    """The tree of a page."""
    [found] = etree.fromstring(page.body, etree.HTMLParser(encoding="utf-8")).xpath("//nav[@class='tree']")
    return found


def drawn(page: TestResponse) -> list[str]:
    """The tree as lines: `-` stands open, `+` is folded up, `>` is opened by going there, `*` is where one is."""

    def lines(item: etree._Element, depth: int) -> list[str]:
        link, details = item.find("a"), item.find("details")
        mark = " " if details is None else "+" if details.get("open") is None else "-"
        mark = ">" if link.get("class") == "closed" else mark
        here = " *" if link.get("aria-current") else ""
        below = [] if details is None else details.findall("ul/li")
        own = f"{'  ' * depth}{mark}{' '.join(' '.join(link.itertext()).split())}{here}"
        return [own, *(line for child in below for line in lines(child, depth + 1))]

    [root] = nav(page).findall("details/ul/li")
    return lines(root, 0)


# What it looks like


def test_the_tree_stands_open_to_where_one_is_and_opens_without_any_script(boss: Visitor) -> None:
    page = boss.get(f"/t/kommun/skolor/norr/{PAGE}")
    assert drawn(page) == [
        "-Master",
        "  -Skolor",
        "    -Norr *",
        "       4A",
        "       4B",
        "     Söder",
        "   Vård",
    ]
    assert drawn(boss.get(f"/t/kommun/vard/{PAGE}"))[1:3] == ["  +Skolor", "    +Norr"]
    # each is named by what it opens
    labels = [" ".join(s.itertext()).strip() for s in nav(page).xpath(".//li//summary")]
    assert labels == ["Below Master", "Below Skolor", "Below Norr"]
    # the link comes before what it opens, for who goes by the keyboard or listens
    assert all(details.getprevious().tag == "a" for details in nav(page).xpath(".//li/details"))


def test_the_tree_leads_to_the_same_page_of_another_group(boss: Visitor) -> None:
    page = boss.get("/t/kommun/skolor/@@admins")
    addresses = nav(page).xpath(".//li/a/@href")
    assert addresses[:2] == ["/t/kommun/@@admins", "/t/kommun/skolor/@@admins"]
    assert "/t/kommun/skolor/norr/4a/@@admins" in addresses
    only_top = nav(boss.get("/t/kommun/@@organisation")).xpath(".//li/a/@href")
    assert only_top[:2] == ["/t/kommun/@@organisation", "/t/kommun/skolor/@@settings"]


def test_where_a_group_stands_is_said_above_it(boss: Visitor, sub: Visitor) -> None:
    crumbs = re.compile(r'<ol class="crumbs">(.*?)</ol>', re.DOTALL)

    def trail(page: TestResponse) -> list[tuple[str, str]]:
        found = crumbs.search(page.text)
        return re.findall(r'href="([^"]+)">([^<]+)<', found[1]) if found else []

    assert trail(boss.get("/t/kommun/skolor/norr/@@admins")) == [
        ("/t/kommun/@@admins", "Master"),
        ("/t/kommun/skolor/@@admins", "Skolor"),
    ]
    assert trail(boss.get(f"/t/kommun/skolor/{PAGE}")) == [("/t/kommun/@@settings", "Master")]
    assert trail(sub.get("/t/kommun/skolor/norr/@@admins")) == [("/t/kommun/skolor/@@admins", "Skolor")]
    assert trail(sub.get(f"/t/kommun/skolor/{PAGE}")) == []


def test_only_a_larger_tree_is_searched(boss: Visitor, world: World, tree: dict[str, Group]) -> None:
    assert not nav(boss.get(f"/t/kommun/{PAGE}")).xpath(".//form")
    grow(world, tree["Vård"], (10,))
    [form] = nav(boss.get("/t/kommun/@@admins")).xpath(".//form")
    assert form.get("action") == "/t/kommun/@@find-group"
    assert form.xpath(".//input/@name") == ["q", "page"] and form.xpath(".//input/@value") == ["admins"]


def test_a_large_tree_opens_by_going_there(boss: Visitor, world: World, tree: dict[str, Group]) -> None:
    grow(world, tree["Söder"], (50, 3))
    lines = drawn(boss.get(f"/t/kommun/{PAGE}"))
    assert lines == ["-Master *", "  >Skolor", "   Vård"]
    page = boss.get(f"/t/kommun/skolor/soder/{PAGE}")
    lines = drawn(page)
    assert lines[:5] == ["-Master", "  -Skolor", "    >Norr", "    -Söder *", "      >Grupp 1"]
    assert lines[-2].endswith("All of them … Below Söder") and lines[-1] == "   Vård"
    [more] = nav(page).xpath(".//li/a[contains(@href, 'find-group')]/@href")
    assert more == f"/t/kommun/skolor/soder/@@find-group?under={tree['Söder'].id}&page=new-group"
    assert boss.get(more).status_int == 200


# Who sees what


def test_a_subadmin_sees_its_own_group_and_what_is_below(sub: Visitor) -> None:
    page = sub.get(f"/t/kommun/skolor/norr/{PAGE}")
    assert drawn(page) == ["-Skolor", "  -Norr *", "     4A", "     4B", "   Söder"]
    for hidden in ("Vård", "Master", "Kommunen"):
        assert hidden not in page.text


def test_who_looks_after_two_groups_sees_each_by_itself(
    world: World, runtime: Runtime, tree: dict[str, Group]
) -> None:
    an_admin(world, runtime, HEAD, tree["Norr"], tree["Vård"])
    visitor = signed_in(runtime, HEAD)
    assert drawn(visitor.get(f"/t/kommun/skolor/norr/{PAGE}")) == ["-Norr *", "   4A", "   4B"]
    assert drawn(visitor.get(f"/t/kommun/vard/{PAGE}")) == [" Vård *"]
    choice = visitor.get("/t")
    assert re.findall(r'href="(/t/[^"]+)"', choice.text) == [
        "/t/kommun/skolor/norr/@@overview",
        "/t/kommun/vard/@@overview",
    ]
    assert "Norr" in choice.text and "Skolor" not in choice.text


def test_who_administers_a_group_and_one_below_sees_all_from_the_upper_one(
    world: World, runtime: Runtime, tree: dict[str, Group]
) -> None:
    an_admin(world, runtime, HEAD, tree["Skolor"], tree["Norr"])
    page = signed_in(runtime, HEAD).get(f"/t/kommun/skolor/norr/{PAGE}")
    assert drawn(page)[:2] == ["-Skolor", "  -Norr *"]


def test_the_operator_sees_every_tree(world: World, runtime: Runtime, tree: dict[str, Group]) -> None:
    world.account(
        world.tenant("messa", "messa"),
        OPERATOR,
        language="en",
        is_operator=True,
        totp_since=world.clock.now(),
        password_hash=runtime.passwords.hash(PASSWORD),
    )
    visitor = Visitor(runtime)
    visitor.app.set_cookie("messa_session", world_session(world, runtime, OPERATOR))
    page = visitor.get(f"/t/kommun/skolor/{PAGE}")
    assert drawn(page)[:2] == ["-Master", "  -Skolor *"]
    assert "You act as the platform's operator in Kommunen." in html.unescape(page.text)


def world_session(world: World, runtime: Runtime, address: str) -> str:
    """A session of somebody, begun."""
    account_id = world.value("SELECT id FROM account WHERE address = :address", address=address)
    with world.database.unit_of_work() as session:
        return sessions.begin(session, runtime.clock.now(), account_id, SessionKind.BROWSER, FIREFOX, HOME)


# Addresses


def test_a_group_has_an_address_however_deep_it_stands(
    boss: Visitor, world: World, tree: dict[str, Group]
) -> None:
    group, path = tree["Vård"], "/t/kommun/vard"
    for n in range(DEEPEST - 2):
        group, path = world.group(group, f"Nivå {n}"), f"{path}/niva-{n}"
    page = boss.get(f"{path}/{PAGE}")
    assert page.status_int == 200 and f"Nivå {DEEPEST - 3}" in page.text
    assert drawn(page)[-1].strip() == f"Nivå {DEEPEST - 3} *"


def test_a_group_that_is_not_ones_own_answers_as_one_that_is_not_there(
    sub: Visitor, runtime: Runtime, world: World, tree: dict[str, Group]
) -> None:
    other = world.tenant("annan", "Annan kommun")
    world.group(other, "Skolor")
    gone = world.group(tree["Skolor"], "Borta")
    world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=gone.id)
    paths = (
        "/t/kommun", "/t/kommun/vard", "/t/kommun/finns-inte", "/t/kommun/vard/finns-inte", "/t/annan",
        "/t/annan/skolor", "/t/finns-inte", "/t/finns-inte/skolor", "/t/kommun/skolor/finns-inte", "/t/kommun/skolor/borta",
        "/t/kommun/norr",
    )  # fmt: skip
    for view in ("", "/@@group", "/@@new-group", "/@@finns-inte"):
        answers, costs = set(), set()
        sub.get(paths[0] + view)
        for path in paths:
            with statements(runtime.database.engine) as seen:
                answer = sub.get(path + view)
            answers.add((answer.status_int, answer.text))
            costs.add(len(seen))
        assert {status for status, _body in answers} == {404}, view
        assert len(answers) == 1, view
        assert len(costs) == 1, (view, costs)


def test_a_form_for_a_group_that_is_not_ones_own_finds_nothing(sub: Visitor, world: World) -> None:
    for path in ("/t/kommun", "/t/kommun/vard", "/t/kommun/finns-inte", "/t/annan"):
        for view in ("@@group", "@@new-group"):
            answer = sub.send(
                "/t/kommun/skolor/@@new-group", {"name": "Min", "do": "rename"}, f"{path}/{view}"
            )
            assert answer.status_int == 404
    assert world.value("SELECT count(*) FROM \"group\" WHERE name = 'Min'") == 0


def test_an_address_without_a_page_leads_to_the_first(boss: Visitor) -> None:
    answer = boss.get("/t/kommun/skolor/norr")
    assert answer.location.endswith("/t/kommun/skolor/norr/@@overview")


# What it costs


def test_the_frame_costs_as_many_statements_in_a_large_tree_and_stays_light(
    boss: Visitor, runtime: Runtime, world: World, tree: dict[str, Group]
) -> None:
    def cost(path: str) -> int:
        boss.get(path)
        with statements(runtime.database.engine) as seen:
            answer = boss.get(path)
        assert answer.status_int == 200 and len(answer.body) < 50_000
        return len(seen)

    pages = ("@@new-group", "@@group", "@@find-group", "@@find-group?q=o")
    small = [cost(f"/t/kommun/skolor/norr/{page}") for page in pages]
    grow(world, tree["Söder"], (20, 20, 12))
    grow(world, tree["Norr"], (100,))
    for path in (
        "/t/kommun/skolor/norr",
        "/t/kommun/skolor/soder/grupp-3",
        "/t/kommun/skolor/soder/grupp-3/grupp-7",
    ):
        assert [cost(f"{path}/{page}") for page in pages] == small, path


def test_a_page_stays_light_in_the_heaviest_of_trees(
    boss: Visitor, world: World, tree: dict[str, Group]
) -> None:
    """Names as long as they may be, in a tree as deep as it may be and far too wide, at an address as long as it gets."""
    group, path = tree["Vård"], "/t/kommun/vard"
    for n in range(DEEPEST - 3):
        name = f"{n} " + "Å" * (LONGEST_NAME - 2)
        grow(world, group, (SMALL_TREE,), "Å" * (LONGEST_NAME - 3))
        group = world.group(group, name)
        path = f"{path}/{group.slug}"
    for page in ("@@new-group", "@@group", "@@find-group"):
        answer = boss.get(f"{path}/{page}")
        assert answer.status_int == 200
        # the style, the script and the pictures are 43 kB, and all of it is to stay under 100
        assert len(answer.body) < 55_000, (page, len(answer.body))
        assert drawn(answer)
