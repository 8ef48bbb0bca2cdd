"""The list of an account's threads: its order, its pages, what is found in it, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.messaging import inbox
from messa_platform.messaging.inbox import PREVIEW_LENGTH, SEARCHED_TEXTS, ThreadPage, ThreadRow
from messa_platform.messaging.partitions import month_start, partition_name
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import Touch, threads
from messa_platform.providers.base import IncomingText
from messa_platform.tenants.models import Group
from tests.support.history import give_history
from tests.support.network import Network
from tests.support.observe import Statement, generic_plan, nodes, plan, scanned, statements, together
from tests.support.world import World

ANNAS, BOS, CISSIS = "+46701740605", "+46701740606", "+4915112345678"
OURS = "+467301214000000"
MINUTE = timedelta(minutes=1)

_references = count()


def reply(words: str = "Ja", sender: str = ANNAS) -> IncomingText:
    return IncomingText(f"in-{next(_references)}", sender, OURS, words)


def page(world: World, account_id: UUID, **asked: Any) -> ThreadPage:
    with world.database.unit_of_work() as session:
        return inbox.threads(session, account_id, **asked)


def only(world: World, account_id: UUID) -> ThreadRow:
    [thread] = page(world, account_id).threads
    return thread


def found(world: World, account_id: UUID, search: str, **asked: Any) -> set[str]:
    """The numbers of the threads that are found."""
    return {thread.remote for thread in page(world, account_id, search=search, **asked).threads}


def test_the_thread_with_the_last_message_comes_first(
    world: World, clock: FixedClock, network: Network, school: UUID
) -> None:
    for remote in (ANNAS, BOS, CISSIS):
        clock.move(MINUTE)
        world.submit(school, [remote])
    assert [t.remote for t in page(world, school).threads] == [CISSIS, BOS, ANNAS]
    clock.move(MINUTE)
    network.brings(reply(sender=ANNAS))
    rows = page(world, school).threads
    assert [t.remote for t in rows] == [ANNAS, CISSIS, BOS]
    assert rows[0].last_at == clock.now()


def test_an_account_sees_its_own_threads_only(world: World, master: Group, school: UUID) -> None:
    other = world.account(master, "vaktcentralen@kommun.example")
    world.submit(school, [ANNAS], "Om Elsa")
    world.submit(other, [BOS], "Om larmet")
    assert [t.remote for t in page(world, school).threads] == [ANNAS]
    assert found(world, school, "larmet") == found(world, school, BOS) == set()
    assert page(world, new_id()) == ThreadPage([], None, 0)


def test_a_row_shows_the_last_message_and_what_became_of_it(
    world: World, clock: FixedClock, network: Network, school: UUID
) -> None:
    world.submit(school, [ANNAS], "Kommer du?")
    thread = only(world, school)
    assert (thread.preview, thread.direction, thread.word) == ("Kommer du?", Direction.OUT, "QUEUED")
    [sent] = network.accept()
    network.says((sent, "DELIVERED"))
    assert only(world, school).status is Status.DELIVERED
    clock.move(MINUTE)
    network.brings(reply("Ja,\n\njag kommer"))
    thread = only(world, school)
    assert (thread.preview, thread.direction) == ("Ja, jag kommer", Direction.IN)
    assert thread.status is Status.INCOMING


def test_a_refused_text_names_the_group_whose_limit_struck(world: World, master: Group, school: UUID) -> None:
    world.group_quota(master, 1)
    world.submit(school, [ANNAS, BOS])
    words = {t.remote: t.word for t in page(world, school).threads}
    assert words == {ANNAS: "QUEUED", BOS: "no_sms_left:Group:Master"}


def test_an_impossible_number_makes_no_thread(world: World, school: UUID) -> None:
    assert world.words(school, ["12"]) == ["invalid_number"]
    assert page(world, school).threads == []


def test_unread_counts_texts_in_a_row_and_threads_in_all(
    world: World, network: Network, school: UUID
) -> None:
    world.submit(school, [ANNAS, BOS, CISSIS])
    assert page(world, school).unread == 0
    network.brings(reply("Ett"), reply("Två"), reply("Hej", BOS))
    network.brings(reply("Tre"))
    listed = page(world, school)
    assert {t.remote: t.unread for t in listed.threads} == {ANNAS: 3, BOS: 1, CISSIS: 0}
    assert listed.unread == 2
    assert page(world, school, limit=1).unread == page(world, school, search="finns inte").unread == 2


def test_sending_leaves_what_is_unread(world: World, network: Network, school: UUID) -> None:
    world.submit(school, [ANNAS])
    network.brings(reply())
    world.submit(school, [ANNAS], "Ett till")
    assert only(world, school).unread == 1


def test_replies_that_come_at_once_are_all_counted(world: World, network: Network, school: UUID) -> None:
    world.submit(school, [ANNAS])
    together([lambda n=n: network.brings(reply(f"Svar {n}")) for n in range(8)])  # type: ignore[misc]
    assert only(world, school).unread == 8


def test_a_number_that_said_stop_is_marked(world: World, master: Group, school: UUID) -> None:
    world.submit(school, [ANNAS, BOS])
    world.run(
        "INSERT INTO opt_out VALUES (:account, :remote, :tenant, :message, now())",
        account=school, remote=BOS, tenant=master.tenant_id, message=new_id(),
    )  # fmt: skip
    assert {t.remote: t.opted_out for t in page(world, school).threads} == {ANNAS: False, BOS: True}


def test_of_two_transactions_the_later_message_is_shown_whichever_came_last(
    world: World, clock: FixedClock, master: Group, school: UUID
) -> None:
    now, early, late = clock.now(), new_id(), new_id()

    def touch(message_id: UUID, ago: timedelta) -> None:
        with world.database.unit_of_work() as session:
            threads(session, now - ago, [Touch(master.tenant_id, school, ANNAS, message_id)])

    touch(late, timedelta(0))
    touch(early, MINUTE)
    assert [tuple(r) for r in world.rows("SELECT last_message_id, last_message_at FROM thread")] == [
        (late, now)
    ]


def test_a_thread_whose_last_message_is_gone_is_still_listed(world: World, school: UUID) -> None:
    world.submit(school, [ANNAS])
    world.run("UPDATE thread SET last_message_id = NULL")
    thread = only(world, school)
    assert (thread.preview, thread.direction, thread.status, thread.word) == ("", None, None, "")


def test_a_long_text_is_previewed_by_its_beginning(world: World, school: UUID) -> None:
    world.submit(school, [ANNAS], "Hej! " + "bla " * 100)
    preview = only(world, school).preview
    assert preview.startswith("Hej! bla bla")
    assert preview.endswith("…")
    assert len(preview) <= PREVIEW_LENGTH + 1


# Pages


def walk(world: World, account_id: UUID, limit: int, **asked: Any) -> list[ThreadRow]:
    """All threads, page by page."""
    rows: list[ThreadRow] = []
    after: str | None = None
    while True:
        listed = page(world, account_id, limit=limit, after=after, **asked)
        assert len(listed.threads) <= limit
        rows += listed.threads
        if listed.next is None:
            return rows
        after = listed.next


def test_the_pages_hold_every_thread_once_though_many_are_of_the_same_moment(
    world: World, clock: FixedClock, school: UUID
) -> None:
    numbers = [f"+467017400{n:02}" for n in range(12)]
    for five in (numbers[:5], numbers[5:10], numbers[10:]):
        clock.move(MINUTE)
        world.submit(school, five)
    for limit in (1, 3, 4, 12, 13):
        rows = walk(world, school, limit)
        assert sorted(t.remote for t in rows) == numbers
        assert [(t.last_at, t.id) for t in rows] == sorted(((t.last_at, t.id) for t in rows), reverse=True)
        assert len(walk(world, school, limit, search="+46 70 174")) == 12


def test_a_thread_that_moves_up_between_pages_hides_no_other(
    world: World, clock: FixedClock, network: Network, school: UUID
) -> None:
    for remote in (ANNAS, BOS, CISSIS):
        clock.move(MINUTE)
        world.submit(school, [remote])
    first = page(world, school, limit=1)
    clock.move(MINUTE)
    network.brings(reply(sender=ANNAS))
    rest = page(world, school, after=first.next)
    assert [t.remote for t in first.threads + rest.threads] == [CISSIS, BOS]
    assert page(world, school).threads[0].remote == ANNAS


NONSENSE = ("", "x", "-", "17-", "9" * 30 + "-" + "0" * 32, "9" * 5000, "1-zz", "\0", "å")


def test_a_cursor_of_no_meaning_begins_at_the_first_page(world: World, school: UUID) -> None:
    world.submit(school, [ANNAS])
    for cursor in NONSENSE:
        assert [t.remote for t in page(world, school, after=cursor).threads] == [ANNAS], cursor


# Search


@pytest.fixture
def three(world: World, clock: FixedClock, network: Network, school: UUID) -> UUID:
    """An account with three threads: Anna's has a name, Bo's an answer."""
    world.submit(school, [ANNAS], "Elsa är sjuk")
    world.submit(school, [BOS], "Mötet är inställt, 100 % säkert")
    world.submit(school, [CISSIS], "Passet _ikväll_ är fullt")
    world.run("UPDATE thread SET display_name = 'Görans jobbmobil' WHERE remote = :r", r=ANNAS)
    clock.move(MINUTE)
    network.brings(reply("Jag tar med fika", BOS))
    return school


WORDS: dict[str, set[str]] = {
    "": {ANNAS, BOS, CISSIS},
    "   ": {ANNAS, BOS, CISSIS},
    "göran": {ANNAS},
    "GÖRANS  Jobb": {ANNAS},
    "jobbmobilen": set(),
    "elsa": {ANNAS},
    "är": {ANNAS, BOS, CISSIS},
    "FIKA": {BOS},
    "100 %": {BOS},
    "%": {BOS},
    "_": {CISSIS},
    "_ikväll_": {CISSIS},
    "\\": set(),
    "'": set(),
    "1%0": set(),
    "\0elsa": {ANNAS},
    "\ud800": {ANNAS, BOS, CISSIS},
    "x" * 10_000: set(),
}


def test_names_and_texts_are_searched_for_what_was_written(world: World, three: UUID) -> None:
    assert {search: found(world, three, search) for search in WORDS} == WORDS


NUMBERS: dict[str, set[str]] = {
    "0701740605": {ANNAS},
    "070-174 06 05": {ANNAS},
    "070-174 06": {ANNAS, BOS},
    "070 1740": {ANNAS, BOS},
    "(070) 174": {ANNAS, BOS},
    "+46701740606": {BOS},
    "+46 70 174 06 06": {BOS},
    "+46 (0)70-174 06 06": {BOS},
    "0046701740606": {BOS},
    "0046 70": {ANNAS, BOS},
    "46701740606": {BOS},
    "701740606": {BOS},
    "0606": {BOS},
    "174 06 06": {BOS},
    "070‑174": {ANNAS, BOS},
    "+49": set(),
    "+491": {CISSIS},
    "0151": set(),
    "05": set(),
    "+46 71": set(),
    "4070": set(),
}


def test_numbers_are_found_as_people_write_them(world: World, three: UUID) -> None:
    assert {search: found(world, three, search) for search in NUMBERS} == NUMBERS


def test_a_national_number_is_of_the_groups_country(world: World, three: UUID) -> None:
    assert found(world, three, "0151-123", country_code="49") == {CISSIS}
    assert found(world, three, "070-174", country_code="49") == set()


def test_what_was_found_in_a_text_is_shown(world: World, clock: FixedClock, three: UUID) -> None:
    [thread] = page(world, three, search="inställt").threads
    assert (thread.preview, thread.direction) == ("Mötet är inställt, 100 % säkert", Direction.OUT)
    [thread] = page(world, three, search="0606").threads
    assert thread.preview == "Jag tar med fika"
    clock.move(MINUTE)
    world.submit(three, [BOS], "Nytt möte: " + "bla " * 60 + "sal Eken klockan tio. " + "bla " * 60)
    [thread] = page(world, three, search="SAL EKEN").threads
    assert thread.preview.startswith("…")
    assert thread.preview.endswith("…")
    assert "bla sal Eken klockan tio. bla" in thread.preview
    assert len(thread.preview) <= PREVIEW_LENGTH + 2


def test_of_several_texts_that_have_it_the_newest_is_shown(
    world: World, clock: FixedClock, school: UUID
) -> None:
    for n in range(3):
        clock.move(MINUTE)
        world.submit(school, [ANNAS], f"Plats {n} i sal Eken")
    world.submit(school, [ANNAS], "Något annat")
    assert [t.preview for t in page(world, school, search="eken").threads] == ["Plats 2 i sal Eken"]


# What it costs


@pytest.fixture
def busy(world: World, clock: FixedClock, master: Group, school: UUID) -> UUID:
    """An account with more texts than are searched, beside others."""
    give_history(world.database, clock.now(), master, school, threads=4000, messages=SEARCHED_TEXTS + 400)
    for n in range(8):
        other = world.account(master, f"annan{n}@kommun.example")
        give_history(world.database, clock.now(), master, other, threads=100, messages=500, seed=n)
    world.run("ANALYZE")
    return school


ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"search": "sal Eken"},
    {"search": "070-1"},
    {"search": "finns inte"},
    {"limit": 5},
)


def asked(world: World, account_id: UUID, **how: Any) -> Statement:
    """The statement that reads a page; it takes no other, but for a search one that says how to plan."""
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        inbox.threads(session, account_id, **how)
    assert len(seen) == (2 if "search" in how else 1)
    return seen[-1]


def test_a_page_takes_the_same_statements_however_many_threads_there_are(
    world: World, clock: FixedClock, master: Group, busy: UUID
) -> None:
    small = world.account(master, "liten@kommun.example")
    give_history(world.database, clock.now(), master, small, threads=3, messages=9)
    for how in (*ASKED, {"after": page(world, busy).next}):
        assert asked(world, busy, **how).text == asked(world, small, **how).text


def test_a_page_reads_its_threads_and_their_last_messages_by_index(
    world: World, clock: FixedClock, database_url: str, busy: UUID
) -> None:
    month = partition_name("message", month_start(clock.now()))
    first = page(world, busy)
    for after in (None, first.next):
        statement = asked(world, busy, after=after)
        root = generic_plan(database_url, statement)
        by_key = {n["Index Name"] for n in nodes(root) if "Index Name" in n and n["Actual Loops"]}
        assert "ix_thread_latest" in by_key
        assert f"{month}_pkey" in by_key
        read = [n for n in nodes(root) if n.get("Alias") == "t"]
        assert sum(n["Actual Rows"] * n["Actual Loops"] for n in read) <= 60  # of 4000
        assert {t for t in scanned(root) if t.startswith("message")} <= {month, month_before(clock)}
        assert "ix_thread_latest" in {n.get("Index Name") for n in nodes(plan(database_url, statement))}


def month_before(clock: FixedClock) -> str:
    return partition_name("message", month_start(month_start(clock.now()) - timedelta(days=1)))


def test_a_search_reads_no_texts_but_the_accounts_own(world: World, database_url: str, busy: UUID) -> None:
    quiet = world.value("SELECT id FROM account WHERE address = 'annan3@kommun.example'")
    root = generic_plan(database_url, asked(world, quiet, search="sal Eken"))
    texts = [n for n in nodes(root) if n.get("Relation Name", "").startswith("message")]
    read = sum((n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) * n["Actual Loops"] for n in texts)
    assert 500 <= read <= 500 + 51  # of 24,400; and those that are shown


def test_older_texts_than_are_searched_are_not_found(world: World, busy: UUID) -> None:
    place = "SELECT id FROM message WHERE account_id = :account ORDER BY id DESC OFFSET :skipped LIMIT 1"
    for word, skipped in (("sistasökt", SEARCHED_TEXTS - 1), ("förgammal", SEARCHED_TEXTS)):
        world.run(
            f"UPDATE message SET text = :word WHERE id = ({place})", word=word, account=busy, skipped=skipped
        )
    assert len(found(world, busy, "sistasökt")) == 1
    assert found(world, busy, "förgammal") == set()
