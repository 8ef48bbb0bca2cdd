"""The list of a group's people: who is in it, page by page in both directions, filtered, and at a cost that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from messa_platform.core.ids import new_id
from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.people import listing
from messa_platform.tenants.people.listing import PAGE, Page, Wish
from messa_platform.tenants.places import place_of
from tests.support.observe import statements
from tests.support.world import World


@dataclass
class Lists:
    """The lists of a municipality's groups, as its admins' pages read them: by a session that sees the one tenant."""

    world: World
    master: Group
    school: Group
    class_: Group
    care: Group

    def page(
        self, group: Group, below: bool = False, words: str = "", after: str = "", before: str = ""
    ) -> Page:
        return self.shown(group, Wish(below, words, after, before))

    def shown(self, group: Group, wish: Wish) -> Page:
        with self.world.database.sessions() as session:
            confine(session, Confinement(group.tenant_id, None))
            place = place_of(session, group.tenant_id, group.id)
            assert place is not None
            return listing.page(session, place, wish)

    def addresses(self, group: Group, below: bool = False, words: str = "") -> list[str]:
        return [person.address.partition("@")[0] for person in self.page(group, below, words).people]

    def people(
        self, group: Group, count: int, begin: int = 0, name: str = "p{:05}", called: str = ""
    ) -> None:
        numbers = range(begin, begin + count)
        self.world.run(
            "INSERT INTO account (id, tenant_id, group_id, group_since, address, display_name)"
            " SELECT unnest(CAST(:ids AS uuid[])), :tenant, :group, :now, unnest(CAST(:addresses AS text[])), :called",
            ids=[str(new_id()) for _ in numbers],
            addresses=[f"{name.format(n)}@kommun.example" for n in numbers],
            tenant=group.tenant_id,
            group=group.id,
            now=self.world.clock.now(),
            called=called,
        )

    def walk(self, group: Group, below: bool = False, words: str = "") -> Iterator[Page]:
        """Every page, forwards."""
        page = self.page(group, below, words)
        yield page
        while page.after:
            page = self.page(group, below, words, after=page.after)
            yield page


@pytest.fixture
def lists(world: World) -> Lists:
    master = world.tenant()
    school = world.group(master, "Skolan")
    return Lists(world, master, school, world.group(school, "4B"), world.group(master, "Omsorgen"))


@pytest.fixture
def some(lists: Lists, world: World) -> Lists:
    """A few people everywhere."""
    world.account(lists.master, "chef@kommun.example", display_name="Eva Chef")
    world.account(lists.school, "anna@kommun.example", display_name="Åsa Öberg")
    world.account(lists.school, "bo_1@kommun.example", display_name="Bo 100%")
    world.account(lists.class_, "cilla@kommun.example", display_name="Cilla")
    world.account(lists.care, "david@kommun.example", display_name="Åsa")
    world.account(lists.school, "gone@kommun.example", removed_at=world.clock.now())
    world.account(world.tenant("annan", "Annan"), "anna@annan.example", display_name="Åsa Öberg")
    return lists


def test_a_group_lists_its_own_people_and_with_subgroups_those_below(some: Lists) -> None:
    assert some.addresses(some.school) == ["anna", "bo_1"]
    assert some.addresses(some.school, below=True) == ["anna", "bo_1", "cilla"]
    assert some.addresses(some.master) == ["chef"]
    assert some.addresses(some.master, below=True) == ["anna", "bo_1", "chef", "cilla", "david"]
    assert some.page(some.school, below=True).count == 3


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ANNA", ["anna"]),
        ("kommun.ex", ["anna", "bo_1", "chef", "cilla", "david"]),
        ("åsa", ["anna", "david"]),
        ("ÖBERG", ["anna"]),
        ("åsa  öb", ["anna"]),
        ("%", ["bo_1"]),
        ("_", ["bo_1"]),
        ("\\", []),
        ("00%", ["bo_1"]),
        ("nobody", []),
        ("\x00", ["anna", "bo_1", "chef", "cilla", "david"]),
        ("annan.example", []),
    ],
)
def test_any_part_of_address_or_name_filters(some: Lists, words: str, found: list[str]) -> None:
    assert some.addresses(some.master, below=True, words=words) == found
    assert some.page(some.master, below=True, words=words).count == len(found)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("c", ["chef", "cilla"]),  # Eva Chef once
        ("AN", ["anna"]),
        ("ÅS", ["anna", "david"]),
        ("ö", ["anna"]),
        ("1", ["bo_1"]),
        ("nn", []),
        ("0%", []),
        ("a Ö", ["anna"]),  # three, anywhere
    ],
)
def test_one_letter_or_two_are_the_beginning_of_the_address_or_of_a_word_of_the_name(
    some: Lists, words: str, found: list[str]
) -> None:
    assert some.addresses(some.master, below=True, words=words) == found
    assert some.page(some.master, below=True, words=words).count == len(found)


def test_a_filter_finds_nobody_beside_the_group(some: Lists) -> None:
    assert some.addresses(some.school, below=True, words="åsa") == ["anna"]
    assert some.addresses(some.class_, words="c") == ["cilla"]


def test_a_row_has_the_number_the_block_and_the_day_of_the_last_text(some: Lists, world: World) -> None:
    world.numbers()
    world.channel()
    world.set(some.master, Key.MAY_RECEIVE, True)
    sender = world.account(some.school, "sender@kommun.example")
    world.account(some.school, "stopped@kommun.example", blocked=True)
    world.words(sender, ["+46701740605"])
    anna, _, row, stopped = some.page(some.school).people
    assert row.number == world.value("SELECT msisdn FROM number WHERE account_id = :id", id=sender)
    assert row.last_sent is not None and row.last_sent <= world.clock.now() < row.last_sent + timedelta(
        days=1
    )
    assert not row.is_blocked and stopped.is_blocked
    assert anna.number is None and anna.last_sent is None and anna.display_name == "Åsa Öberg"


def test_what_somebody_sent_before_coming_to_the_group_is_not_told(some: Lists, world: World) -> None:
    world.channel()
    sender = world.account(some.care, "sender@kommun.example")
    world.words(sender, ["+46701740605"])
    world.clock.move(timedelta(days=1))
    world.move_account(sender, some.school)
    assert some.page(some.school, words="sender").people[0].last_sent is None


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("words", ["", "kommun"])
def test_pages_lead_forwards_and_back_and_miss_nobody(lists: Lists, below: bool, words: str) -> None:
    lists.people(lists.school, 2 * PAGE + 7)
    pages = list(lists.walk(lists.school, below, words))
    assert [len(page.people) for page in pages] == [PAGE, PAGE, 7]
    seen = [person.address for page in pages for person in page.people]
    assert seen == sorted(set(seen)) and len(seen) == 2 * PAGE + 7
    assert [bool(page.before) for page in pages] == [False, True, True]
    assert {page.count for page in pages} == {2 * PAGE + 7}
    back = lists.page(lists.school, below, words, before=pages[2].before)
    assert back.people == pages[1].people and back.before and back.after
    first = lists.page(lists.school, below, words, before=back.before)
    assert first.people == pages[0].people and not first.before and first.after


def test_the_page_behind_somebody_who_was_removed_goes_on_there(lists: Lists) -> None:
    lists.people(lists.school, PAGE + 5)
    page = lists.page(lists.school)
    lists.world.run("UPDATE account SET removed_at = now() WHERE address = :address", address=page.after)
    assert len(lists.page(lists.school, after=page.after).people) == 5


def test_many_are_counted_to_a_thousand_and_more(lists: Lists) -> None:
    lists.people(lists.school, 1000)
    page = lists.page(lists.school)
    assert (page.count, page.is_more) == (1000, False)
    lists.people(lists.class_, 1, begin=1000)
    page = lists.page(lists.school, below=True)
    assert (page.count, page.is_more) == (1000, True)
    page = lists.page(lists.school, below=True, words="kommun")
    assert (page.count, page.is_more) == (1000, True)


@pytest.fixture
def crowd(lists: Lists) -> Lists:
    """So many that they are not read whole: 3,220 at school, 40 in care, some of them Zorro."""
    lists.people(lists.school, 1600)
    lists.people(lists.class_, 1500, begin=1600)
    lists.people(lists.class_, 120, begin=8000, called="Zorro")
    lists.people(lists.care, 40, begin=9000, called="Zorro")
    return lists


def test_among_very_many_pages_are_the_same_as_a_plain_query_gives(crowd: Lists, world: World) -> None:
    def plain(group: Group | None, words: str) -> list[str]:
        rows = world.rows(
            "SELECT address FROM account WHERE tenant_id = :tenant AND (address || display_name) ILIKE :words"
            " AND (CAST(:groups AS uuid[]) IS NULL OR group_id = ANY(CAST(:groups AS uuid[]))) ORDER BY address",
            tenant=crowd.master.tenant_id,
            words=f"%{words}%",
            groups=None if group is None else [crowd.school.id, crowd.class_.id],
        )
        return [row.address for row in rows]

    for group, within in ((crowd.master, None), (crowd.school, crowd.school)):
        for words in ("", "p", "p0", "zo", "zorro", "p0310", "xx"):
            expected = plain(within, words)
            pages = list(crowd.walk(group, True, words))
            assert [p.address for page in pages for p in page.people] == expected, words
            backwards = crowd.page(group, True, words, before="q")
            assert [p.address for p in backwards.people] == expected[-PAGE:]
            if not pages[0].is_more:
                assert pages[0].count == len(expected)
            else:
                assert PAGE <= pages[0].count <= min(1000, len(expected))


def test_what_begins_the_address_of_some_and_the_name_of_others_is_paged_without_a_gap(
    crowd: Lists,
) -> None:
    crowd.people(crowd.class_, 1300, name="zebra{:05}")
    pages = list(crowd.walk(crowd.school, True, "z"))
    found = [person.address for page in pages for person in page.people]
    assert found == sorted(set(found)) and len(found) == 1300 + 120
    assert pages[0].is_more


@pytest.mark.parametrize("words", ["x", "xx", "rr", "zz", "xyz"])
def test_a_filter_that_hardly_fits_reads_no_more_however_many_there_are(crowd: Lists, words: str) -> None:
    """The letters of "rr" stand within the names of some, but at no beginning."""

    def rows_read() -> int:
        with crowd.world.database.sessions() as session:
            confine(session, Confinement(crowd.master.tenant_id, None))
            place = place_of(session, crowd.master.tenant_id, crowd.master.id)
            assert place is not None
            before = session.execute(_READ).scalar_one()
            assert listing.page(session, place, Wish(True, words)).people == ()
            read: int = session.execute(_READ).scalar_one() - before
        return read

    def tidied() -> None:
        """As autovacuum leaves it."""
        crowd.world.value("SELECT gin_clean_pending_list('ix_account_words')")
        crowd.world.run("ANALYZE account")

    tidied()
    few = rows_read()
    crowd.people(crowd.class_, 3000, begin=20000)
    tidied()
    assert rows_read() == few < 2100


_READ = text(
    "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables WHERE relname = 'account'"
)
"""Rows of accounts that the transaction has read, within functions, too."""


def test_a_page_takes_the_same_two_statements_however_many_people_there_are(
    lists: Lists, world: World
) -> None:
    def cost(**wish: str | bool) -> int:
        with statements(world.database.engine) as found:
            assert lists.page(lists.school, **wish).people  # type: ignore[arg-type]
        return len(found)

    wishes: list[dict[str, str | bool]] = [
        {},
        {"below": True},
        {"words": "p0"},
        {"below": True, "words": "p0"},
    ]
    lists.people(lists.school, 10)
    own = 2  # the session's role, and the place
    assert [cost(**wish) - own for wish in wishes] == [2] * 4
    lists.people(lists.school, 1990, begin=10)
    assert [cost(**wish) - own for wish in wishes] == [2] * 4
    lists.people(lists.school, 2000, begin=2000)
    assert [cost(**wish) - own for wish in wishes] == [2] * 4


def test_nobody_of_another_tenant_is_listed_even_by_its_group(some: Lists, world: World) -> None:
    """The second lock: the place is a stranger's, the session is confined to one's own tenant."""
    stranger = world.tenant("tredje", "Tredje")
    world.account(stranger, "x@tredje.example")
    with world.database.sessions() as session:
        confine(session, Confinement(some.master.tenant_id, None))
        with world.database.unit_of_work() as all_seeing:
            place = place_of(all_seeing, stranger.tenant_id, stranger.id)
        assert place is not None
        for below in (False, True):
            assert listing.page(session, place, Wish(below, "x")).people == ()


def test_the_ids_are_those_of_the_accounts(some: Lists, world: World) -> None:
    expected: UUID = world.value("SELECT id FROM account WHERE address = 'cilla@kommun.example'")
    assert [person.id for person in some.page(some.class_).people] == [expected]


@pytest.mark.parametrize("count", [7, 2_500])
def test_a_page_may_be_of_another_length(lists: Lists, world: World, count: int) -> None:
    """Among few, who are read whole, and among many, who are walked along."""
    lists.people(lists.school, count)
    for reach in (lists.school, lists.master):
        seen: list[str] = []
        wish = Wish(reach is lists.master, most=3)
        for _ in range(2):
            page = lists.shown(reach, wish)
            seen += [person.address.partition("@")[0] for person in page.people]
            wish = replace(wish, after=page.after)
        assert seen == [f"p{n:05}" for n in range(6)]
    assert len(lists.shown(lists.school, Wish(words="p0", most=100)).people) == min(count, 100)


def test_who_has_an_address_is_found_where_they_are_and_if_they_fit(lists: Lists, world: World) -> None:
    world.account(lists.class_, "eva@kommun.example", display_name="Eva Ek")
    world.account(lists.school, "eva2@kommun.example")

    def found(group: Group, **wish: Any) -> list[str]:
        return [p.address for p in lists.shown(group, Wish(address="eva@kommun.example", **wish)).people]

    own = ["eva@kommun.example"]
    assert found(lists.class_) == found(lists.school, below=True) == found(lists.master, below=True) == own
    assert found(lists.school) == found(lists.care, below=True) == []
    assert found(lists.class_, words="ek") == found(lists.class_, words="kommun") == own
    assert found(lists.class_, words="lars") == found(lists.class_, after="eva@kommun.example") == []
    assert found(lists.class_, before="f") == own
