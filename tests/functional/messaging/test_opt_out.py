"""STOP and START from a remote number (spec R4)."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.segments import Encoding, segment
from messa_platform.messaging import opt_out
from messa_platform.messaging.models import Door
from messa_platform.messaging.opt_out import CONFIRMATIONS, MEMORY, OPT_OUT_ACTOR, Command, command
from messa_platform.messaging.sink import EventSink
from messa_platform.providers.base import IncomingText
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.observe import together
from tests.support.world import World

FIRST = 467301214000000
OURS = f"+{FIRST}"
PHONE, OTHER = "+46701740605", "+46701740606"
MOMENT = timedelta(microseconds=1)

_references = count()


@pytest.fixture
def anna(world: World, network: Network, master: Group) -> UUID:
    """An account whose text the phone has got, and which so holds our first number."""
    account = world.account(master, "anna@kommun.example")
    world.words(account, [PHONE], "Kommer du?")
    network.accept()
    return account


def says(words: str, sender: str = PHONE, to: str = OURS) -> IncomingText:
    return IncomingText(f"in-{next(_references)}", sender, to, words)


def follow(world: World) -> bool:
    return opt_out.follow(world.database, world.clock, world.heard)


def stopped(world: World) -> list[tuple[UUID, str]]:
    rows = world.rows("SELECT account_id, remote FROM opt_out ORDER BY account_id, remote")
    return [(row.account_id, row.remote) for row in rows]


def confirmations(world: World) -> list[Any]:
    return world.rows(
        "SELECT * FROM message WHERE text LIKE :sv OR text LIKE :en ORDER BY id",
        sv=f"{CONFIRMATIONS['sv']}%",
        en=f"{CONFIRMATIONS['en']}%",
    )


def words_of(messages: list[Any]) -> list[str]:
    return [message.status for message in messages]


# The words


@pytest.mark.parametrize(
    "said", ["STOP", "stop", "Stopp", " STOPP ", "stop.", "Stopp!!", "\nSTOP \n", "stop …"]
)
def test_stop_is_the_word_alone_in_any_case(said: str) -> None:
    assert command(said) is Command.STOP


@pytest.mark.parametrize("said", ["START", "start.", " Start! "])
def test_start_is_the_word_alone_in_any_case(said: str) -> None:
    assert command(said) is Command.START


@pytest.mark.parametrize(
    "said",
    [
        "",
        "...",
        "Stopp inte!",
        "STOP SMS",
        "Hej, stopp",
        "nonstop",
        "s t o p",
        "STOP?START",
        "Omstart",
        "'stop",
    ],
)
def test_a_text_with_more_in_it_is_for_a_person_to_read(said: str) -> None:
    assert command(said) is None


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_confirmation_is_one_sms(language: str) -> None:
    segments = segment(CONFIRMATIONS[language])
    assert (segments.encoding, segments.count) == (Encoding.GSM, 1)


# STOP


def test_who_says_stop_gets_one_confirmation_and_no_more_texts_by_any_door(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    network.brings(says("Stopp"))
    follow(world)
    [confirmation] = confirmations(world)
    assert (confirmation.remote, confirmation.local) == (PHONE, OURS)
    assert (confirmation.text, confirmation.status) == (CONFIRMATIONS["sv"], "QUEUED")
    assert (confirmation.account_id, confirmation.parts, confirmation.mail_id) == (anna, 1, None)
    assert network.accept() == [confirmation.id]
    for door in (Door.MAIL, Door.PORTAL, Door.LEGACY, Door.V2):
        text = f"Hej genom {door}"
        assert world.words(anna, [PHONE, OTHER], text, door=door) == ["blocked", "QUEUED"]
        assert world.words(anna, [PHONE], text, door=door, guard=False) == ["blocked"]
    refused = world.rows(
        "SELECT DISTINCT parts, channel_id, quota_buckets FROM message WHERE status = 'blocked'"
    )
    assert [tuple(row) for row in refused] == [(0, None, None)]
    follow(world)
    assert len(confirmations(world)) == 1


def test_the_text_that_says_stop_is_kept_and_reaches_the_account_as_any_other(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    network.brings(says("STOP"))
    [arrival] = network.arrived
    [row] = world.rows("SELECT * FROM opt_out")
    assert (row.account_id, row.remote, row.message_id) == (anna, PHONE, arrival.message_id)
    assert (row.at, row.tenant_id) == (clock.now(), arrival.holder.settings.tenant_id)


def test_only_that_account_and_that_number_are_parted(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    network.brings(says("STOP"))
    assert world.words(anna, [OTHER], "Hej") == ["QUEUED"]
    assert world.words(bo, [PHONE], "Hej") == ["QUEUED"]
    assert stopped(world) == [(anna, PHONE)]


def test_what_is_queued_when_stop_comes_still_goes_out(world: World, network: Network, anna: UUID) -> None:
    world.words(anna, [PHONE], "På väg")
    network.brings(says("STOP"))
    follow(world)
    assert len(network.accept()) == 2


def test_an_account_that_speaks_english_confirms_in_english_and_with_its_signature(
    world: World, network: Network, master: Group
) -> None:
    world.set(master, Key.SIGNATURE, "/The school")
    jane = world.account(master, "jane@kommun.example", language="en")
    world.words(jane, [PHONE], "Are you coming?")
    network.brings(says("stop"))
    follow(world)
    assert [m.text for m in confirmations(world)] == [f"{CONFIRMATIONS['en']}\n/The school"]


@pytest.mark.parametrize("together_", [True, False])
def test_stop_said_twice_is_confirmed_once(
    world: World, network: Network, anna: UUID, together_: bool
) -> None:
    if together_:
        network.brings(says("STOP"), says("stopp"))
    else:
        network.brings(says("STOP"))
        follow(world)
        network.brings(says("Stopp!"))
    follow(world)
    assert words_of(confirmations(world)) == ["QUEUED"]
    assert stopped(world) == [(anna, PHONE)]


def test_however_often_stop_and_start_are_said_one_confirmation_a_day_goes_out(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    for _ in range(3):
        network.brings(says("STOP"))
        follow(world)
        network.brings(says("START"))
        clock.move(timedelta(hours=7))
    assert words_of(confirmations(world)).count("QUEUED") == 1
    clock.move(timedelta(hours=4))
    network.brings(says("STOP"))
    follow(world)
    assert words_of(confirmations(world)).count("QUEUED") == 2


def test_a_confirmation_costs_like_any_text_and_is_not_sent_where_nothing_is_left(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    world.account_quota(master, 1, window_days=1)
    network.brings(says("STOP"))
    follow(world)
    follow(world)
    assert words_of(confirmations(world)) == ["no_sms_left:Personal"]
    assert world.words(anna, [PHONE], "Hej") == ["blocked"]


def test_nobody_who_is_blocked_confirms_anything(world: World, network: Network, anna: UUID) -> None:
    network.brings(says("STOP"))
    world.run("UPDATE account SET blocked = true")
    follow(world)
    assert confirmations(world) == []


def test_what_is_scheduled_for_the_number_is_cancelled(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    later = clock.now() + timedelta(days=2)
    world.words(anna, [PHONE, OTHER], "Glöm inte mötet", send_at=later)
    network.brings(says("STOP"))
    follow(world)
    rows = world.rows("SELECT remote, status FROM message WHERE send_at IS NOT NULL ORDER BY remote")
    assert [tuple(row) for row in rows] == [(PHONE, "CANCELLED"), (OTHER, "SCHEDULED")]
    assert world.words(anna, [PHONE, OTHER], "Ny tid", send_at=later) == ["blocked", "SCHEDULED"]


# START


def test_who_says_start_gets_texts_again(world: World, network: Network, anna: UUID) -> None:
    network.brings(says("STOP"))
    network.brings(says("Start"))
    assert stopped(world) == []
    assert world.words(anna, [PHONE], "Välkommen åter") == ["QUEUED"]


def test_start_without_a_stop_is_a_text_like_any_other(world: World, network: Network, anna: UUID) -> None:
    network.brings(says("START"))
    follow(world)
    assert (stopped(world), confirmations(world), len(network.arrived)) == ([], [], 1)


def test_in_one_callback_the_last_word_holds(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    world.words(bo, [PHONE])
    to_bo = f"+{FIRST + 1}"
    network.brings(
        says("STOP"), says("START"),
        says("START", to=to_bo), says("hej", to=to_bo), says("STOP", to=to_bo),
        says("STOP", sender=OTHER), says("STOP", sender=OTHER),
    )  # fmt: skip
    assert stopped(world) == sorted([(anna, OTHER), (bo, PHONE)])


# Who is meant, and how it is found


def test_a_stop_to_a_resting_number_parts_nobody(world: World, network: Network, anna: UUID) -> None:
    world.take_back_number(anna)
    network.brings(says("STOP"))
    follow(world)
    assert (stopped(world), confirmations(world)) == ([], [])


@pytest.mark.parametrize("sender", ["Telia", "71171", "", "+46abc"])
def test_a_stop_from_what_no_text_could_reach_is_a_text_like_any_other(
    world: World, network: Network, anna: UUID, sender: str
) -> None:
    network.brings(says("STOP", sender=sender))
    follow(world)
    assert (stopped(world), confirmations(world)) == ([], [])


def test_a_stop_wakes_who_follows_it_and_nothing_else_does(
    world: World, network: Network, anna: UUID
) -> None:
    woken: list[str] = []
    sink = EventSink(network, lambda _session, actor: woken.append(actor))

    def brings(*texts: IncomingText) -> None:
        with world.database.unit_of_work() as session:
            sink.take(session, world.clock.now(), network.channel_id, texts)

    brings(says("Ja"), says("START"))
    assert woken == []
    brings(says("STOP"), says("STOP", sender=OTHER))
    assert woken == [OPT_OUT_ACTOR]


def test_a_stop_for_which_nobody_was_woken_is_confirmed_within_a_day(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    network.brings(says("STOP"))
    clock.move(MEMORY - MOMENT)
    follow(world)
    assert words_of(confirmations(world)) == ["QUEUED"]
    network.brings(says("STOP", sender=OTHER))
    clock.move(MEMORY)
    follow(world)
    assert len(confirmations(world)) == 1


def test_more_than_a_batch_of_stops_asks_for_another_round(
    world: World, network: Network, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opt_out, "BATCH", 2)
    network.brings(*(says("STOP", sender=f"+4670174060{i}") for i in range(3)))
    assert follow(world)
    assert not follow(world)
    assert words_of(confirmations(world)) == ["QUEUED"] * 3


@pytest.mark.parametrize("attempt", range(3))
def test_a_stop_that_many_follow_at_once_is_confirmed_once(
    world: World, network: Network, anna: UUID, attempt: int
) -> None:
    network.brings(*(says("STOP", sender=f"+467017{i:05}") for i in range(20)))
    together([lambda: follow(world)] * 4)
    assert words_of(confirmations(world)) == ["QUEUED"] * 20


@pytest.mark.parametrize("attempt", range(3))
def test_stops_that_come_while_texts_are_sent_and_cancelled_block_nobody_for_ever(
    world: World, clock: FixedClock, network: Network, master: Group, anna: UUID, attempt: int
) -> None:
    world.account_quota(master, 10_000)
    phones = [f"+467017{i:05}" for i in range(30)]
    world.words(anna, phones, "Om en vecka", send_at=clock.now() + timedelta(days=7))
    forth, back = [says("STOP", sender=p) for p in phones], [says("START", sender=p) for p in phones]
    together([
        lambda: network.brings(*forth),
        lambda: network.brings(*back[::-1]),
        lambda: world.words(anna, phones[::-1], "Hej"),
        lambda: world.words(anna, phones, "Hej hej"),
        lambda: follow(world),
        lambda: follow(world),
    ])  # fmt: skip
    network.brings(*(says("STOP", sender=p) for p in phones))
    follow(world)
    assert world.value("SELECT count(*) FROM scheduled_text") == 0
    assert world.words(anna, phones, "Hej då") == ["blocked"] * 30
    held = world.value("SELECT sum(parts) FROM message WHERE direction = 'out' AND account_id = :id", id=anna)
    assert held == world.value("SELECT sum(parts) FROM quota_usage WHERE scope_id = :id", id=anna)
