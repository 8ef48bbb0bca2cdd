"""What a network says of a text: forward only, kept whatever it is, in whatever order it comes (spec S7, S8, X5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.messaging import receipts
from messa_platform.messaging.changes import Moved, Word, apply
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Status
from messa_platform.providers.base import Receipt, ReceiptStatus
from messa_platform.tenants.models import Group
from tests.support.network import Network, reference
from tests.support.observe import statements, together
from tests.support.world import World

PHONE, OTHER = "0701740605", "0701740606"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, network: Network, master: Group) -> UUID:
    return world.account(master, "anna@kommun.example")


@pytest.fixture
def message(world: World, network: Network, anna: UUID) -> UUID:
    """A message that the network has taken."""
    world.words(anna, [PHONE])
    [sent] = network.accept()
    return sent


def match_early(world: World) -> int:
    with world.database.unit_of_work() as session:
        return receipts.match_early(session)


def test_a_text_goes_from_queued_by_sent_and_buffered_to_delivered(
    world: World, clock: FixedClock, network: Network, message: UUID
) -> None:
    start = clock.now()
    clock.move(MINUTE)
    network.says((message, "BUFFERED"), code="ENROUTE")
    clock.move(MINUTE)
    network.says((message, "DELIVERED"), code="DELIVRD")
    assert network.history(message) == ["QUEUED", "SENT", "BUFFERED", "DELIVERED"]
    assert [event.code for event in network.events(message)] == ["", "", "ENROUTE", "DELIVRD"]
    assert [event.at for event in network.events(message)] == [
        start,
        start,
        start + MINUTE,
        start + 2 * MINUTE,
    ]
    found = world.rows("SELECT * FROM message")[0]
    assert (found.status, found.status_at, found.parts) == ("DELIVERED", start + 2 * MINUTE, 1)


def test_a_repeated_receipt_changes_nothing_and_is_kept(
    world: World, clock: FixedClock, network: Network, message: UUID
) -> None:
    network.says((message, "DELIVERED"))
    delivered = world.value("SELECT status_at FROM message")
    clock.move(MINUTE)
    network.says((message, "DELIVERED"), (message, "DELIVERED"), code="again")
    assert network.history(message) == ["QUEUED", "SENT", "DELIVERED"]
    assert [event.changed for event in network.events(message)] == [True, True, True, False, False]
    assert world.value("SELECT status_at FROM message") == delivered


@pytest.mark.parametrize("together_", [True, False], ids=["in one callback", "in two"])
def test_a_receipt_that_was_overtaken_changes_nothing_and_is_kept(
    network: Network, message: UUID, together_: bool
) -> None:
    words: list[tuple[UUID, str | None]] = [(message, "DELIVERED"), (message, "BUFFERED")]
    for callback in [words] if together_ else [words[:1], words[1:]]:
        network.says(*callback)
    assert network.status(message) == "DELIVERED"
    assert [(event.status, event.changed) for event in network.events(message)[2:]] == [
        ("DELIVERED", True),
        ("BUFFERED", False),
    ]


@pytest.mark.parametrize(("first", "second"), [("DELIVERED", "UNDELIVERED"), ("UNDELIVERED", "DELIVERED")])
def test_what_is_final_stays_so_whatever_the_network_says_then(
    network: Network, message: UUID, first: str, second: str
) -> None:
    network.says((message, first), (message, second))
    assert network.status(message) == first


def test_a_word_that_nobody_knows_is_kept_and_the_state_stays(network: Network, message: UUID) -> None:
    network.says((message, None), code="ZZ-17")
    network.says((message, "DELIVERED"))
    assert network.history(message) == ["QUEUED", "SENT", "DELIVERED"]
    unknown = network.events(message)[2]
    assert (unknown.status, unknown.changed, unknown.code) == ("SENT", False, "ZZ-17")


def test_receipts_of_many_messages_come_in_one_callback(world: World, network: Network, anna: UUID) -> None:
    world.words(anna, [f"07017406{i:02}" for i in range(40)])
    sent = network.accept()
    network.says(*[(m, ("BUFFERED", "DELIVERED", "UNDELIVERED")[i % 3]) for i, m in enumerate(sent)])
    network.says(*[(m, "DELIVERED") for m in reversed(sent)])
    ends = [network.status(m) for m in sent]
    assert ends == [("DELIVERED", "DELIVERED", "UNDELIVERED")[i % 3] for i in range(40)]


def test_receipts_take_as_many_statements_for_40_as_for_one(
    world: World, network: Network, anna: UUID
) -> None:
    world.words(anna, [f"07017406{i:02}" for i in range(41)])
    sent = network.accept()
    with statements(world.database.engine) as for_one:
        network.says((sent[0], "DELIVERED"))
    with statements(world.database.engine) as for_many:
        network.says(*[(m, "DELIVERED") for m in sent[1:]])
    # many events are copied, which is no statement that is seen here
    assert [s.text for s in for_many] == [s.text for s in for_one if "message_event" not in s.text]


def test_the_networks_own_time_is_kept_but_never_one_in_the_future(
    clock: FixedClock, network: Network, message: UUID
) -> None:
    said: datetime = clock.now() + MINUTE
    clock.move(5 * MINUTE)
    network.says((message, "BUFFERED"), at=said)
    network.says((message, "DELIVERED"), at=clock.now() + timedelta(days=1))
    assert [event.at for event in network.events(message)[2:]] == [said, clock.now()]


def test_a_receipt_before_the_send_is_on_record_is_applied_with_it(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    world.words(anna, [PHONE, OTHER])
    first, second = (row.id for row in world.rows("SELECT id FROM dispatch_queue ORDER BY id"))
    early = clock.now()
    network.says((first, "BUFFERED"), (first, "DELIVERED"), code="0")
    assert network.status(first) == "QUEUED"
    # where rows lie tells nothing of their order
    world.run("UPDATE early_receipt SET code = '1' WHERE status = 'BUFFERED'")
    clock.move(MINUTE)
    network.accept()
    assert network.history(first) == ["QUEUED", "SENT", "BUFFERED", "DELIVERED"]
    assert network.events(first)[3].at == early
    assert network.status(second) == "SENT"
    assert world.value("SELECT count(*) FROM early_receipt") == 0


def test_a_receipt_that_comes_while_the_send_is_being_recorded_is_applied_afterwards(
    world: World, network: Network, anna: UUID
) -> None:
    world.words(anna, [PHONE])
    message: UUID = world.value("SELECT id FROM dispatch_queue")
    with world.database.unit_of_work() as session:
        receipt = Receipt(reference(message), ReceiptStatus.DELIVERED, "0")
        receipts.take(session, world.clock.now(), network.channel_id, [receipt])
        # not committed yet: whoever records the send cannot see it
        network.accept()
    assert network.status(message) == "SENT"
    assert match_early(world) == 1
    assert network.status(message) == "DELIVERED"
    assert match_early(world) == 0


def test_workers_that_look_for_early_receipts_at_once_apply_each_of_them_once(
    world: World, network: Network, anna: UUID
) -> None:
    world.words(anna, [f"07017406{i:02}" for i in range(30)])
    waiting = [row.id for row in world.rows("SELECT id FROM dispatch_queue")]
    with world.database.unit_of_work() as session:
        given = [Receipt(reference(m), ReceiptStatus.DELIVERED, "") for m in waiting]
        receipts.take(session, world.clock.now(), network.channel_id, given)
        network.accept()
    assert sum(together([lambda: match_early(world)] * 4)) == 30
    assert {network.status(m) for m in waiting} == {"DELIVERED"}
    assert world.value("SELECT count(*) FROM message_event WHERE status = 'DELIVERED'") == 30


def test_another_channels_receipt_with_the_same_reference_says_nothing_of_this_message(
    world: World, network: Network, message: UUID
) -> None:
    other = world.channel("the other")
    with world.database.unit_of_work() as session:
        receipt = Receipt(reference(message), ReceiptStatus.DELIVERED, "")
        receipts.take(session, world.clock.now(), other, [receipt])
    match_early(world)
    assert network.status(message) == "SENT"


def test_a_receipt_that_never_finds_its_message_is_dropped_after_a_month(
    world: World, clock: FixedClock, network: Network
) -> None:
    network.says((new_id(), "DELIVERED"))
    for days, left in [(30, 1), (1, 0)]:
        clock.move(timedelta(days=days))
        with world.database.unit_of_work() as session:
            receipts.forget_old(session, clock.now())
        assert world.value("SELECT count(*) FROM early_receipt") == left


def test_after_90_days_no_receipt_finds_its_message_any_more(
    world: World, clock: FixedClock, network: Network, message: UUID
) -> None:
    for days, left in [(89, 1), (2, 0)]:
        clock.move(timedelta(days=days))
        with world.database.unit_of_work() as session:
            receipts.forget_old(session, clock.now())
        assert world.value("SELECT count(*) FROM provider_reference") == left
    network.says((message, "DELIVERED"))
    assert network.status(message) == "SENT"


def test_a_refused_text_is_unsent_costs_nothing_and_gives_its_quota_back(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 3)
    assert world.words(anna, [PHONE], "x" * 161) == ["QUEUED"]
    [message] = network.refuse(code="barred")
    assert network.history(message) == ["QUEUED", "UNSENT"]
    assert network.told_unsent == [message]
    assert network.events(message)[1].code == "barred"
    assert world.value("SELECT parts FROM message") == 0
    assert world.words(anna, [PHONE, OTHER], "Kort text") == ["QUEUED", "QUEUED"]
    assert world.words(anna, ["0701740607"], "y" * 161) == ["no_sms_left:Group:Master"]


def test_a_late_receipt_for_an_unsent_text_gives_nothing_back_twice(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 5)
    world.words(anna, [PHONE, OTHER])
    message, _ = network.refuse()
    with world.database.unit_of_work() as session:
        assert apply(session, [Word(message, Status.UNSENT, "", world.clock.now())] * 2) == []
    assert world.value("SELECT sum(parts) FROM quota_usage WHERE scope_id = :id", id=master.id) == 0


def test_a_text_that_is_refused_for_now_waits_and_keeps_its_place_in_the_quota(
    world: World, clock: FixedClock, network: Network, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 1)
    world.words(anna, [PHONE])
    [message] = network.refuse(permanent=False)
    assert network.status(message) == "QUEUED"
    assert network.accept() == []
    assert world.words(anna, [OTHER]) == ["no_sms_left:Group:Master"]
    clock.move(MINUTE)
    assert network.accept() == [message]
    assert network.history(message) == ["QUEUED", "SENT"]


def test_changes_reach_messages_of_different_months_at_once(
    world: World, network: Network, anna: UUID
) -> None:
    now = world.clock.now()
    times = [now - timedelta(days=70), now - timedelta(days=35), now]
    with world.database.unit_of_work() as session:
        ensure_partitions(session.connection(), times[0], now)
    world.words(anna, ["0701740605", "0701740606", "0701740607"])
    ids = []
    for old, at in zip(network.accept(), times, strict=True):
        ids.append(new_id_at(at))
        world.run("UPDATE message SET id = :new WHERE id = :old", new=ids[-1], old=old)
    stranger = new_id()
    words = [Word(i, Status.DELIVERED, "", now) for i in [ids[2], stranger, ids[0], ids[1]]]
    with world.database.unit_of_work() as session:
        moved = apply(session, words)
    assert {m.message_id: (m.status, m.parts) for m in moved} == dict.fromkeys(ids, (Status.DELIVERED, 1))
    assert all(isinstance(m, Moved) and m.buckets for m in moved)
    assert [network.status(i) for i in ids] == ["DELIVERED"] * 3
    assert world.value("SELECT count(DISTINCT tableoid) FROM message") == 3
    assert network.events(stranger) == []


def test_callbacks_about_the_same_messages_in_any_order_do_not_wait_in_a_ring(
    world: World, network: Network, anna: UUID
) -> None:
    world.words(anna, [f"07017406{i:02}" for i in range(60)])
    sent = network.accept()
    orders = [sent, sent[::-1], sent[30:] + sent[:30], sent[::2] + sent[1::2]] * 2
    words = ["BUFFERED", "DELIVERED"] * 4
    together(
        [lambda o=o, w=w: network.says(*[(m, w) for m in o]) for o, w in zip(orders, words, strict=True)]  # type: ignore[misc]
    )
    assert {network.status(m) for m in sent} == {"DELIVERED"}
    assert world.value("SELECT count(*) FROM message_event WHERE status = 'DELIVERED' AND changed") == 60
