"""One thread, opened: what it shows, its pages, its name, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.core.segments import Encoding
from messa_platform.messaging import conversation, inbox
from messa_platform.messaging.conversation import LONGEST_NAME, Conversation, MessageRow
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.providers.base import IncomingText
from messa_platform.tenants.models import Group
from tests.support.history import give_history
from tests.support.network import Network
from tests.support.observe import Statement, generic_plan, nodes, statements
from tests.support.world import World

ANNAS, BOS = "+46701740605", "+46701740606"
OURS = "+467301214000000"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

_references = count()


def reply(words: str = "Ja", sender: str = ANNAS) -> IncomingText:
    return IncomingText(f"in-{next(_references)}", sender, OURS, words)


def thread_with(world: World, account_id: UUID, remote: str = ANNAS) -> UUID:
    with world.database.unit_of_work() as session:
        found = conversation.find_thread(session, account_id, remote)
    assert found
    return found


def opened(world: World, account_id: UUID, thread_id: UUID, **asked: Any) -> Conversation | None:
    with world.database.unit_of_work() as session:
        return conversation.open_thread(session, account_id, thread_id, **asked)


def talk(world: World, account_id: UUID, remote: str = ANNAS, **asked: Any) -> Conversation:
    """The conversation with a number."""
    shown = opened(world, account_id, thread_with(world, account_id, remote), **asked)
    assert shown
    return shown


def texts(messages: list[MessageRow]) -> list[str]:
    return [message.text for message in messages]


def test_a_thread_shows_what_was_sent_and_what_came_in_the_oldest_first(
    world: World, clock: FixedClock, network: Network, school: UUID
) -> None:
    world.submit(school, [ANNAS, BOS], "Kommer du?")
    [sent, _] = network.accept()
    clock.move(MINUTE)
    network.says((sent, "DELIVERED"))
    clock.move(MINUTE)
    network.brings(reply("Ja 😀"), reply("Nej", BOS))
    shown = talk(world, school)
    first, second = shown.messages
    started = clock.now() - 2 * MINUTE
    assert first == MessageRow(
        sent, Direction.OUT, "Kommer du?", Status.DELIVERED, "DELIVERED", started, started + MINUTE, 1, Encoding.GSM, None
    )  # fmt: skip
    assert (second.direction, second.text, second.status) == (Direction.IN, "Ja 😀", Status.INCOMING)
    assert (second.parts, second.encoding, second.at) == (0, Encoding.UCS2, clock.now())
    assert (shown.older, shown.scheduled, shown.opted_out_at) == (None, [], None)


def test_its_head_is_its_row_in_the_list(world: World, network: Network, school: UUID) -> None:
    world.submit(school, [ANNAS, BOS])
    network.brings(reply())
    with world.database.unit_of_work() as session:
        listed = {t.remote: t for t in inbox.threads(session, school).threads}
    assert talk(world, school).thread == listed[ANNAS]
    assert talk(world, school, BOS).thread == listed[BOS]


def test_a_refused_text_names_the_group_whose_limit_struck(world: World, master: Group, school: UUID) -> None:
    world.group_quota(master, 1)
    world.submit(school, [ANNAS], "Ett")
    world.submit(school, [ANNAS], "Två")
    assert [m.word for m in talk(world, school).messages] == ["QUEUED", "no_sms_left:Group:Master"]


def test_nobody_opens_the_thread_of_another(world: World, master: Group, school: UUID) -> None:
    other = world.account(master, "vakten@kommun.example")
    world.submit(school, [ANNAS])
    thread = thread_with(world, school)
    assert opened(world, other, thread) is None
    assert opened(world, school, new_id()) is None
    with world.database.unit_of_work() as session:
        assert conversation.find_thread(session, other, ANNAS) is None
        assert not conversation.rename(session, other, thread, "Min")
        conversation.mark_read(session, other, thread)
    assert talk(world, school).thread.display_name == ""


def test_another_accounts_thread_stays_unread_whoever_says_it_is_read(
    world: World, network: Network, master: Group, school: UUID
) -> None:
    other = world.account(master, "vakten@kommun.example")
    world.submit(school, [ANNAS])
    network.brings(reply())
    with world.database.unit_of_work() as session:
        conversation.mark_read(session, other, thread_with(world, school))
    assert talk(world, school).thread.unread == 1


def schedule(world: World, account_id: UUID, words: str, after: timedelta) -> None:
    """A text that waits for its time."""
    world.submit(account_id, [ANNAS], words, send_at=world.clock.now() + after)


def test_what_waits_for_its_time_stands_apart_the_next_one_first(
    world: World, clock: FixedClock, master: Group, school: UUID
) -> None:
    other = world.account(master, "vakten@kommun.example")
    schedule(world, school, "I övermorgon", timedelta(days=2))
    schedule(world, school, "I morgon", timedelta(days=1))
    schedule(world, other, "Från en annan", timedelta(days=1))
    world.submit(school, [ANNAS], "Nu")
    shown = talk(world, school)
    assert texts(shown.messages) == ["Nu"]
    assert texts(shown.scheduled) == ["I morgon", "I övermorgon"]
    waiting = shown.scheduled[0]
    assert waiting.status is Status.SCHEDULED
    assert waiting.at == waiting.send_at == clock.now() + timedelta(days=1)


def test_what_has_waited_stands_where_it_left(
    world: World, clock: FixedClock, network: Network, school: UUID
) -> None:
    schedule(world, school, "Väntade en timme", HOUR)
    clock.move(MINUTE)
    world.submit(school, [ANNAS], "Genast")
    clock.move(2 * HOUR)
    world.run("DELETE FROM scheduled_text")
    world.run("UPDATE message SET status = 'SENT' WHERE status = 'SCHEDULED'")
    network.brings(reply("Svar"))
    shown = talk(world, school)
    assert texts(shown.messages) == ["Genast", "Väntade en timme", "Svar"]
    assert shown.messages[1].at == shown.messages[1].send_at
    assert shown.scheduled == []


def test_when_the_number_said_stop_is_told(
    world: World, clock: FixedClock, master: Group, school: UUID
) -> None:
    world.submit(school, [ANNAS, BOS])
    world.run(
        "INSERT INTO opt_out VALUES (:account, :remote, :tenant, :message, :at)",
        account=school, remote=ANNAS, tenant=master.tenant_id, message=new_id(), at=clock.now(),
    )  # fmt: skip
    shown = talk(world, school)
    assert shown.opted_out_at == clock.now()
    assert shown.thread.opted_out
    assert talk(world, school, BOS).opted_out_at is None


# Pages


def test_older_pages_lead_back_to_the_beginning_and_hold_each_message_once(
    world: World, clock: FixedClock, school: UUID
) -> None:
    for n in range(11):
        clock.move(MINUTE)
        world.submit(school, [ANNAS], f"{n}")
    schedule(world, school, "Senare", HOUR)
    for limit in (1, 4, 10, 11, 12):
        pages: list[list[str]] = []
        before: str | None = None
        while True:
            shown = talk(world, school, limit=limit, before=before)
            assert len(shown.messages) <= limit
            assert texts(shown.scheduled) == ["Senare"]
            pages.insert(0, texts(shown.messages))
            before = shown.older
            if before is None:
                break
        assert [text for page in pages for text in page] == [f"{n}" for n in range(11)], limit


def test_a_place_of_no_meaning_is_the_newest_page(world: World, school: UUID) -> None:
    world.submit(school, [ANNAS], "Hej")
    for before in ("", "x", "0", "\0", "z" * 32, "9" * 5000):
        assert texts(talk(world, school, before=before).messages) == ["Hej"], before


def test_an_empty_thread_can_be_opened(world: World, school: UUID) -> None:
    world.submit(school, [ANNAS])
    world.run("DELETE FROM message")
    shown = talk(world, school)
    assert (shown.messages, shown.older, shown.thread.preview) == ([], None, "")


# Reading and naming


def test_a_thread_that_was_read_is_unread_again_with_the_next_reply(
    world: World, network: Network, school: UUID
) -> None:
    world.submit(school, [ANNAS, BOS])
    network.brings(reply(), reply("Hej", BOS))
    with world.database.unit_of_work() as session:
        conversation.mark_read(session, school, thread_with(world, school))
    assert (talk(world, school).thread.unread, talk(world, school, BOS).thread.unread) == (0, 1)
    network.brings(reply("En till"))
    assert talk(world, school).thread.unread == 1


NAMES = {
    "Görans jobbmobil": "Görans jobbmobil",
    "  Göran\t\r\n Ek ": "Göran Ek",
    "": "",
    "   ": "",
    "\0Nolla\x07": "Nolla",
    "\ud800Halv": "Halv",
    "Familjen 👨‍👩‍👧": "Familjen 👨‍👩‍👧",
    "<b>'%_\\": "<b>'%_\\",
    "x" * 500: "x" * LONGEST_NAME,
}


def test_a_thread_takes_any_name_on_one_line(world: World, school: UUID) -> None:
    world.submit(school, [ANNAS, BOS])
    thread = thread_with(world, school)
    for written, name in NAMES.items():
        with world.database.unit_of_work() as session:
            assert conversation.rename(session, school, thread, written)
        assert talk(world, school).thread.display_name == name
    assert talk(world, school, BOS).thread.display_name == ""


def test_a_name_outlives_the_next_message(world: World, network: Network, school: UUID) -> None:
    world.submit(school, [ANNAS])
    with world.database.unit_of_work() as session:
        conversation.rename(session, school, thread_with(world, school), "Anna")
    network.brings(reply())
    world.submit(school, [ANNAS], "Hej igen")
    assert talk(world, school).thread.display_name == "Anna"


# What it costs


def seen_in(world: World, account_id: UUID, thread_id: UUID, **asked: Any) -> list[Statement]:
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        assert conversation.open_thread(session, account_id, thread_id, **asked)
    return list(seen)


def longest_thread(world: World, account_id: UUID) -> UUID:
    found: UUID = world.value(
        "SELECT thread_id FROM message WHERE account_id = :a GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
        a=account_id,
    )
    return found


def test_a_thread_takes_three_statements_and_reads_a_page_of_its_own_messages(
    world: World, clock: FixedClock, database_url: str, master: Group, school: UUID
) -> None:
    give_history(world.database, clock.now(), master, school, threads=1, messages=1500)
    neighbour = world.account(master, "granne@kommun.example")
    give_history(world.database, clock.now(), master, neighbour, threads=2000, messages=12_000)
    other = world.account(master, "liten@kommun.example")
    give_history(world.database, clock.now(), master, other, threads=1, messages=2)
    world.run("ANALYZE")
    long = longest_thread(world, school)
    few = seen_in(world, other, longest_thread(world, other))
    many = seen_in(world, school, long)
    assert len(few) == 3
    assert [s.text for s in many] == [s.text for s in few]
    shown = opened(world, school, long)
    assert shown
    assert len(shown.messages) == 50
    for statement in (many[1], seen_in(world, school, long, before=shown.older)[1]):
        root = generic_plan(database_url, statement)
        read = [n for n in nodes(root) if n.get("Relation Name", "").startswith("message")]
        rows = sum((n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) * n["Actual Loops"] for n in read)
        assert rows <= 51 + 14  # of 1500; one of each month on the way
