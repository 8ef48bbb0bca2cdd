"""The rehearsal says before what `submit` does after: the live counter, and what is asked before sending (spec P2, M9, S1-S5)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.core.segments import Encoding, normalise
from messa_platform.messaging.drafts import NotAllowed, Receipted, Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.recipients import Fault
from messa_platform.messaging.rehearse import Rehearsal, count, rehearse, rehearse_all
from messa_platform.messaging.submit import submit
from messa_platform.tenants.group_settings import Key, TooLong
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.observe import statements
from tests.support.prices import stored
from tests.support.world import World

PHONE, OTHER = "0701740605", "0701740606"
ANNAS, BOS = "+46701740605", "+46701740606"


@pytest.fixture
def master(world: World, network: Network) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    """An account in Master, on a platform that has a channel."""
    return world.account(master, "anna@kommun.example")


def portal(account_id: UUID, text: str, *recipients: str, guard: bool = True) -> Submission:
    return Submission(account_id, Door.PORTAL, text, recipients, guard=guard)


def rehearsed(world: World, account_id: UUID, text: str, *recipients: str, guard: bool = True) -> Rehearsal:
    with world.database.unit_of_work() as session:
        return rehearse(session, world.clock, portal(account_id, text, *recipients, guard=guard))


def words(seen: Rehearsal) -> list[str]:
    return [entry.word for entry in seen.entries]


def says_stop(world: World, account_id: UUID, remote: str) -> None:
    world.run(
        "INSERT INTO opt_out (account_id, remote, tenant_id, message_id, at)"
        " SELECT id, :remote, tenant_id, :message, :now FROM account WHERE id = :account",
        account=account_id,
        remote=remote,
        message=new_id(),
        now=world.clock.now(),
    )


# What it would be charged


def test_each_recipient_has_a_price_and_all_together(world: World, anna: UUID) -> None:
    seen = rehearsed(world, anna, "Hej", PHONE, OTHER)
    assert (seen.price, [entry.price for entry in seen.entries]) == (None, [None, None])
    stored(world, "Normal", {"46": 350_000, "46701740606": 1})
    stored(world, "Ett annat", {"46": 999})
    seen = rehearsed(world, anna, "x" * 161, PHONE, OTHER, "12")
    prices = [entry.price for entry in seen.entries]
    assert prices == [Decimal("0.700000"), Decimal("0.000002"), Decimal(0)]
    assert all(type(price) is Decimal for price in (*prices, seen.price))
    assert seen.price == Decimal("0.700002")
    assert rehearsed(world, anna, "Hej", PHONE, "+4791234567").price is None


# The counter


@pytest.mark.parametrize(
    ("text", "encoding", "units", "room", "parts"),
    [
        ("", Encoding.GSM, 0, 160, 0),
        ("x" * 160, Encoding.GSM, 160, 160, 1),
        ("x" * 161, Encoding.GSM, 161, 306, 2),
        ("€" * 80, Encoding.GSM, 160, 160, 1),
        ("ж" * 70, Encoding.UCS2, 70, 70, 1),
        ("ж" * 71, Encoding.UCS2, 71, 134, 2),
        ("\U0001f600" * 68, Encoding.UCS2, 136, 201, 3),
        ("x" * 1378, Encoding.GSM, 1378, 1530, 10),
    ],
)
def test_the_counter_shows_what_fits(
    world: World, anna: UUID, text: str, encoding: Encoding, units: int, room: int, parts: int
) -> None:
    seen = rehearsed(world, anna, text)
    assert (seen.encoding, seen.units, seen.room, seen.parts) == (encoding, units, room, parts)
    assert (seen.max_parts, seen.too_long, seen.cut) == (9, parts > 9, False)
    assert (seen.recipients, seen.needed, seen.entries) == (0, 0, ())
    assert seen.may_send


def test_the_counter_counts_the_text_as_it_leaves(world: World, master: Group, anna: UUID) -> None:
    world.set(master, Key.SIGNATURE, "/Kommunen")
    seen = rehearsed(world, anna, "”Hej” – vi ses…")
    assert (seen.text, seen.encoding, seen.units) == ('"Hej" - vi ses...\n/Kommunen', Encoding.GSM, 27)


def test_a_text_that_would_be_cut_shows_what_is_left_of_it(world: World, master: Group, anna: UUID) -> None:
    world.set(master, Key.TOO_LONG, TooLong.CUT.value)
    world.account_quota(master, 10, max_parts=1)
    seen = rehearsed(world, anna, "Kom till skolan klockan åtta. " * 10, PHONE)
    assert (seen.cut, seen.too_long, seen.parts, words(seen)) == (True, False, 1, ["QUEUED"])
    assert seen.text.endswith("...")


_PIECES: Sequence[Sequence[str]] = (
    list("Kom till skolan i morgon klockan atta med matsack och regnklader "),
    list("åäöÅÄÖéñüß@£$¥ΔΦΓΛΩΠΨΣΘΞ§¿¡"),
    list("^{}\\[~]|€\f"),
    ["\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1f8\U0001f1ea", "\u2764\ufe0f"],
    ["a\u030a", "e\u0301", "o\u0308\u0323", "\u0301", "ж", "漢", "ก\u0e33", "क\u094dष"],
    list("”’“–—…•\u00a0\u2009\u200b\ufeffﬁ→"),
    ["\n", "\r\n", "\r", "\t", "\u2028", " "],
    ["\0", "\x1b", "\x7f", "\ud83d", "\ude00"],
)


def random_text(dice: random.Random) -> str:
    """A text of one kind or a few of them, mostly short, often near the borders of parts."""
    kinds = dice.sample(_PIECES, dice.choice([1, 1, 2, 3, len(_PIECES)]))
    length = dice.choice(
        [dice.randrange(20), dice.randrange(65, 75), dice.randrange(150, 170), dice.randrange(700)]
    )
    return "".join(dice.choice(dice.choice(kinds)) for _ in range(length))


def test_the_counter_agrees_with_what_is_stored_for_10_000_random_texts(
    world: World, master: Group, anna: UUID
) -> None:
    world.set(master, Key.SIGNATURE, "/Kommunen – växel 0123")
    sender, dice = world.sender(anna), random.Random(20261122)
    texts = [random_text(dice) for _ in range(10_000)]
    for start in range(0, len(texts), 1000):
        batch = texts[start : start + 1000]
        with world.database.unit_of_work() as session:
            asked = [portal(anna, text, PHONE, guard=False) for text in batch]
            results = submit(session, world.clock, world.heard, asked)
        stored = {row.id: row for row in world.rows("SELECT id, text, parts, encoding FROM message")}
        for text, result in zip(batch, results, strict=True):
            assert isinstance(result, Receipted)
            [entry], shown = result.entries, count(text, sender)
            message = stored[entry.message_id]
            assert (shown.text, shown.encoding) == (message.text, message.encoding), repr(text)
            assert shown.parts == message.parts or (shown.too_long and entry.word == "too_many_parts")
            assert shown.too_long == (entry.word == "too_many_parts")
            assert shown.units <= shown.room
        world.run("TRUNCATE message, message_event, dispatch_queue")


# What is asked before sending


def test_what_was_sent_lately_is_told_with_its_time_whether_or_not_the_guard_is_asked(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    sent_at = clock.now()
    world.words(anna, [PHONE])
    clock.move(timedelta(hours=23))
    seen = rehearsed(world, anna, "Hej", PHONE, OTHER)
    assert seen.already_sent == {ANNAS: sent_at}
    assert (words(seen), seen.needed) == (["sms_already_sent_24H", "QUEUED"], 1)
    anyway = rehearsed(world, anna, "Hej", PHONE, OTHER, guard=False)
    assert anyway.already_sent == {ANNAS: sent_at}
    assert (words(anyway), anyway.needed) == (["QUEUED", "QUEUED"], 2)
    clock.move(timedelta(hours=1))
    assert rehearsed(world, anna, "Hej", PHONE).already_sent == {}


def test_numbers_that_cannot_be_are_told_as_written_with_the_reason(world: World, anna: UUID) -> None:
    seen = rehearsed(world, anna, "Hej", "anna", PHONE, "070", "+46 70-174 06 05", "0701740605123456")
    assert seen.impossible == (
        ("anna", Fault.NOT_A_NUMBER),
        ("070", Fault.TOO_SHORT),
        ("0701740605123456", Fault.TOO_LONG),
    )
    assert (seen.recipients, seen.needed) == (1, 1)


def test_who_has_said_stop_is_told(world: World, anna: UUID) -> None:
    says_stop(world, anna, ANNAS)
    seen = rehearsed(world, anna, "Hej", PHONE, OTHER)
    assert (seen.opted_out, words(seen)) == ({ANNAS}, ["blocked", "QUEUED"])


def test_what_is_left_is_told_and_who_would_go_without(world: World, master: Group, anna: UUID) -> None:
    assert rehearsed(world, anna, "Hej", PHONE).left is None
    world.group_quota(master, 5)
    world.account_quota(master, 3)
    world.words(anna, [PHONE])
    seen = rehearsed(world, anna, "x" * 161, PHONE, OTHER)
    assert (seen.left, seen.needed) == (2, 4)
    assert words(seen) == ["QUEUED", "no_sms_left:Personal:Master"]


@pytest.mark.parametrize(
    "hinder",
    [
        "UPDATE tenant SET state = 'suspended' WHERE slug = 'kommun'",
        "UPDATE channel SET enabled = false",
        "UPDATE account SET blocked = true",
        "UPDATE account SET removed_at = now()",
    ],
)
def test_an_account_that_may_not_send_at_all_is_told_so(world: World, anna: UUID, hinder: str) -> None:
    assert rehearsed(world, anna, "Hej", PHONE).may_send
    world.run(hinder)
    seen = rehearsed(world, anna, "Hej", PHONE)
    assert (seen.may_send, seen.text, seen.parts) == (False, "Hej", 1)
    assert "QUEUED" not in words(seen)


def test_an_account_whose_limit_is_nought_may_not_send(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 0)
    seen = rehearsed(world, anna, "Hej", PHONE)
    assert (seen.may_send, seen.left, words(seen)) == (False, 0, ["Group:Master"])


def test_a_text_for_later_is_foreseen_as_scheduled(world: World, clock: FixedClock, anna: UUID) -> None:
    later = Submission(anna, Door.PORTAL, "Hej", [PHONE], send_at=clock.now() + timedelta(hours=2))
    with world.database.unit_of_work() as session:
        assert words(rehearse(session, clock, later)) == ["SCHEDULED"]


def test_a_rehearsal_leaves_nothing_behind(world: World, master: Group, anna: UUID) -> None:
    world.numbers()
    world.set(master, Key.MAY_RECEIVE, True)
    world.account_quota(master, 3)
    rehearsed(world, anna, "Hej", PHONE, OTHER)
    for table in (
        "message",
        "message_event",
        "thread",
        "recent_text",
        "quota_usage",
        "quota_counter",
        "number",
    ):
        assert world.value(f"SELECT count(*) FROM {table}") == 0, table
    assert world.heard.waiting_channels == []


def test_a_rehearsal_takes_as_many_statements_for_500_recipients_as_for_5(
    world: World, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 1000, window_days=30)
    taken = []
    for how_many in (5, 500):
        with statements(world.database.engine) as seen:
            rehearsed(world, anna, "Hej", *(f"+467017{i:05}" for i in range(how_many)))
        taken.append([statement.text for statement in seen])
    assert taken[0] == taken[1]
    assert len(taken[0]) <= 10


# Rehearsed and done are the same


# a text of nothing is for the doors to refuse
_texts = (
    st.text(st.sampled_from("aåz €[]\n”…–'ж漢\U0001f600\u0301\t\0"), max_size=40).map(lambda t: t * 5)
    | st.text(max_size=30)
).filter(normalise)
_limits = st.none() | st.fixed_dictionaries(
    {
        "sms": st.none() | st.integers(0, 8),
        "window_days": st.none() | st.just(1),
        "max_parts": st.integers(1, 3),
    }
)
_recipients = st.lists(
    st.sampled_from([PHONE, OTHER, ANNAS, "0701740607", "0701740608", "anna", "12"]), max_size=5
)


@given(
    submissions=st.lists(st.tuples(_texts, _recipients, st.booleans()), min_size=1, max_size=3),
    signature=st.sampled_from(["", "/Kommunen", "/Förvaltningen – vi hörs…"]),
    smart=st.booleans(),
    cut=st.booleans(),
    group_limit=_limits,
    account_limit=_limits,
    suspended=st.sampled_from([False] * 9 + [True]),
)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_is_rehearsed_is_what_submit_then_does(
    world: World,
    master: Group,
    anna: UUID,
    submissions: list[tuple[str, list[str], bool]],
    signature: str,
    smart: bool,
    cut: bool,
    group_limit: object,
    account_limit: object,
    suspended: bool,
) -> None:
    if not world.value("SELECT count(*) FROM opt_out"):
        says_stop(world, anna, "+46701740608")
    world.clock.move(timedelta(hours=3))
    world.set(master, Key.SIGNATURE, signature)
    world.set(master, Key.SMART_CHARACTERS, smart)
    world.set(master, Key.TOO_LONG, (TooLong.CUT if cut else TooLong.REFUSE).value)
    world.set(master, Key.GROUP_QUOTA, group_limit)
    world.set(master, Key.ACCOUNT_QUOTA, account_limit)
    world.run("UPDATE tenant SET state = :s WHERE slug = 'kommun'", s="suspended" if suspended else "active")
    asked = [portal(anna, text, *recipients, guard=guard) for text, recipients, guard in submissions]
    with world.database.unit_of_work() as session:
        foreseen = rehearse_all(session, world.clock, anna, asked)
    with world.database.unit_of_work() as session:
        results = submit(session, world.clock, world.heard, asked)
    for seen, result in zip(foreseen, results, strict=True):
        assert isinstance(result, Receipted)
        assert [(e.recipient, e.status, e.word) for e in result.entries] == [
            (e.recipient, e.status, e.word) for e in seen.entries
        ]
        for entry in result.entries:
            event(entry.status)
            [message] = world.rows("SELECT * FROM message WHERE id = :id", id=entry.message_id)
            assert (message.text, message.encoding) == (seen.text, seen.encoding)
            assert message.parts == (seen.parts if entry.word == "QUEUED" else 0)


def test_of_an_account_that_is_not_there_nothing_is_rehearsed_and_nothing_submitted(world: World) -> None:
    stranger = new_id()
    assert words(rehearsed(world, stranger, "Hej", PHONE)) == []
    assert isinstance(world.submit(stranger, [PHONE]), NotAllowed)
