"""Texts that are sent later (spec P2, S7): what they hold meanwhile, their release, and their cancellation, each exactly once."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.messaging import schedule
from messa_platform.messaging.drafts import SOON, Receipted
from messa_platform.messaging.models import Door
from messa_platform.messaging.schedule import FURTHEST, TimeFault, check_time
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.observe import statements, together
from tests.support.world import World

PHONE, OTHER = "0701740605", "0701740606"
ANNAS = "+46701740605"
LATER = timedelta(hours=2)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def master(world: World, network: Network) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    """An account in Master, on a platform that has a channel."""
    return world.account(master, "anna@kommun.example")


def put(world: World, account_id: UUID, *recipients: str, text: str = "Hej", **values: Any) -> list[UUID]:
    """Hand in a text for later; gives its messages."""
    values.setdefault("send_at", world.clock.now() + LATER)
    result = world.submit(account_id, recipients or [PHONE], text, door=Door.PORTAL, **values)
    assert isinstance(result, Receipted)
    return [entry.message_id for entry in result.entries]


def release(world: World) -> bool:
    return schedule.release(world.database, world.clock, world.heard)


def cancel(world: World, account_id: UUID, message_id: UUID) -> bool:
    with world.database.unit_of_work() as session:
        return schedule.cancel(session, world.clock.now(), account_id, message_id)


def message(world: World, message_id: UUID) -> Any:
    [row] = world.rows("SELECT * FROM message WHERE id = :id", id=message_id)
    return row


def used(world: World, account_id: UUID) -> int:
    return int(
        world.value("SELECT coalesce(sum(parts), 0) FROM quota_usage WHERE scope_id = :id", id=account_id)
    )


def count(world: World, table: str) -> int:
    return int(world.value(f"SELECT count(*) FROM {table}"))


def event_codes(network: Network, message_id: UUID) -> list[tuple[str, str]]:
    return [(event.status, event.code) for event in network.events(message_id)]


# Handing in


def test_a_text_for_later_waits_for_its_time_and_for_nobody_else(
    world: World, network: Network, anna: UUID
) -> None:
    result = world.submit(anna, [PHONE], "x" * 161, send_at=world.clock.now() + LATER)
    assert isinstance(result, Receipted)
    [entry] = result.entries
    assert (entry.status, entry.word) == ("SCHEDULED", "SCHEDULED")
    stored, [waiting] = message(world, entry.message_id), world.rows("SELECT * FROM scheduled_text")
    assert (stored.status, stored.send_at, stored.parts) == ("SCHEDULED", world.clock.now() + LATER, 2)
    assert (waiting.id, waiting.account_id, waiting.remote) == (stored.id, anna, ANNAS)
    assert (waiting.tenant_id, waiting.next_attempt_at) == (stored.tenant_id, stored.send_at)
    assert count(world, "dispatch_queue") == 0
    assert world.heard.waiting_channels == []
    assert network.history(stored.id) == ["SCHEDULED"]


def test_a_text_for_later_holds_its_quota_and_keeps_its_twin_away(
    world: World, master: Group, anna: UUID
) -> None:
    world.account_quota(master, 1)
    put(world, anna)
    assert used(world, anna) == 1
    assert world.words(anna, [PHONE]) == ["sms_already_sent_24H"]
    assert world.words(anna, [OTHER]) == ["no_sms_left:Personal:Master"]


def test_of_a_text_for_later_what_is_refused_is_refused_at_once(
    world: World, master: Group, anna: UUID
) -> None:
    world.account_quota(master, 1)
    words = world.words(anna, ["12", PHONE, OTHER], send_at=world.clock.now() + LATER)
    assert words == ["invalid_number", "SCHEDULED", "no_sms_left:Personal:Master"]
    assert count(world, "scheduled_text") == 1
    assert world.value("SELECT count(*) FROM message WHERE send_at IS NOT NULL") == 1


@pytest.mark.parametrize("ahead", [-timedelta(days=3), timedelta(0), SOON])
def test_a_time_that_has_passed_or_comes_at_once_is_now(world: World, anna: UUID, ahead: timedelta) -> None:
    [sent] = put(world, anna, send_at=world.clock.now() + ahead)
    assert (message(world, sent).status, message(world, sent).send_at) == ("QUEUED", None)
    assert (count(world, "dispatch_queue"), count(world, "scheduled_text")) == (1, 0)
    assert len(world.heard.waiting_channels) == 1
    assert message(world, put(world, anna, OTHER, send_at=world.clock.now() + SOON + MOMENT)[0]).send_at


def test_a_year_ahead_is_the_furthest() -> None:
    now = datetime.fromisoformat("2026-11-22T12:00:00+01:00")
    assert check_time(now, now + FURTHEST) is None
    assert check_time(now, now - timedelta(days=1)) is None
    assert check_time(now, now + FURTHEST + MOMENT) is TimeFault.TOO_FAR


# Release


def test_a_text_leaves_when_its_time_has_come_and_not_before(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    [sent] = put(world, anna, text="Glöm inte tandläkaren")
    clock.move(LATER - MOMENT)
    assert not release(world)
    assert message(world, sent).status == "SCHEDULED"
    clock.move(MOMENT)
    assert not release(world)
    stored, [waiting] = message(world, sent), world.rows("SELECT * FROM dispatch_queue")
    assert (stored.status, stored.status_at, stored.parts) == ("QUEUED", clock.now(), 1)
    assert (waiting.id, waiting.tenant_id, waiting.channel_id) == (sent, stored.tenant_id, network.channel_id)
    assert (waiting.remote, waiting.local, waiting.text, waiting.parts) == (
        ANNAS, "messa", "Glöm inte tandläkaren", 1,
    )  # fmt: skip
    assert waiting.next_attempt_at == clock.now()
    assert world.heard.waiting_channels == [network.channel_id]
    assert count(world, "scheduled_text") == 0
    assert network.accept() == [sent]
    assert network.history(sent) == ["SCHEDULED", "QUEUED", "SENT"]
    assert used(world, anna) == 1


def test_a_released_text_comes_first_in_the_threads(world: World, clock: FixedClock, anna: UUID) -> None:
    [sent] = put(world, anna)
    clock.move(LATER / 2)
    world.words(anna, [OTHER])
    clock.move(LATER / 2)
    release(world)
    newest = world.rows("SELECT * FROM thread ORDER BY last_message_at DESC")[0]
    assert (newest.remote, newest.last_message_at, newest.last_message_id) == (ANNAS, clock.now(), sent)
    assert newest.unread == 0


def test_what_is_due_leaves_in_as_many_statements_whether_it_is_much_or_little(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    taken = []
    for how_many in (5, 400):
        put(world, anna, *(f"+467017{i:05}" for i in range(how_many)), text=f"Till {how_many}")
        clock.move(LATER)
        with statements(world.database.engine) as seen:
            release(world)
        # the last look, which finds nothing, is only taken after a full batch
        taken.append([statement.text for statement in seen])
    # many rows are copied, which is no statement that is seen here
    assert taken[1] == [statement for statement in taken[0] if "INSERT INTO message_event" not in statement]
    assert count(world, "dispatch_queue") == 405
    assert len(world.heard.waiting_channels) == 2


def test_a_text_leaves_as_the_sender_that_holds_at_its_time(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.numbers()
    world.set(master, Key.MAY_RECEIVE, True)
    [first, second] = put(world, anna, PHONE, OTHER)
    assert message(world, first).local == "+467301214000000"
    world.take_back_number(anna)
    world.set(master, Key.SENDER_NAME, "Skolan")
    clock.move(LATER)
    release(world)
    assert [message(world, i).local for i in (first, second)] == ["Skolan", "Skolan"]
    assert {row.local for row in world.rows("SELECT local FROM dispatch_queue")} == {"Skolan"}


def test_a_text_leaves_by_the_channel_that_holds_at_its_time(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    [first] = put(world, anna)
    world.run("UPDATE channel SET enabled = false")
    newer = world.channel("the newer")
    clock.move(LATER)
    release(world)
    assert message(world, first).channel_id == newer
    assert world.heard.waiting_channels == [newer]
    [second] = put(world, anna, OTHER)
    world.run("UPDATE channel SET enabled = false")
    clock.move(LATER)
    release(world)
    assert message(world, second).channel_id == newer
    assert count(world, "dispatch_queue") == 2


@pytest.mark.parametrize(
    ("hinder", "code"),
    [
        ("UPDATE tenant SET state = 'suspended' WHERE slug = 'kommun'", "tenant_suspended"),
        ("UPDATE account SET blocked = true", "account_blocked"),
        ("UPDATE account SET removed_at = now()", "account_blocked"),
        (
            'UPDATE account SET (tenant_id, group_id) = (SELECT g.tenant_id, g.id FROM "group" g JOIN tenant t ON t.id = g.tenant_id'
            " WHERE t.is_free)",
            "account_left",
        ),
        (
            "INSERT INTO opt_out SELECT id, '+46701740605', tenant_id, id, now() FROM account",
            "blocked",
        ),
    ],
)
def test_what_may_not_be_sent_any_more_is_cancelled_at_its_time_and_says_why(
    world: World, clock: FixedClock, network: Network, anna: UUID, hinder: str, code: str
) -> None:
    columns = " (account_id, remote, tenant_id, message_id, at)"
    [sent] = put(world, anna, text="x" * 161)
    world.run(hinder.replace("opt_out", f"opt_out{columns}"))
    clock.move(LATER)
    release(world)
    assert (message(world, sent).status, message(world, sent).parts) == ("CANCELLED", 0)
    assert event_codes(network, sent) == [("SCHEDULED", ""), ("CANCELLED", code)]
    assert (used(world, anna), count(world, "recent_text")) == (0, 0)
    assert (count(world, "dispatch_queue"), count(world, "scheduled_text")) == (0, 0)


def test_a_worker_that_dies_with_texts_in_its_hands_lets_the_next_one_send_them_once(
    world: World, clock: FixedClock, network: Network, anna: UUID
) -> None:
    sent = put(world, anna, PHONE, OTHER)
    clock.move(LATER)

    class Death(BaseException):
        pass

    class Dying:
        def waiting(self, *_: Any) -> None:
            raise Death

        def pool_empty(self, *_: Any) -> None:
            raise Death

    with pytest.raises(Death):
        schedule.release(world.database, clock, Dying())
    assert {message(world, i).status for i in sent} == {"SCHEDULED"}
    release(world)
    assert {message(world, i).status for i in sent} == {"SCHEDULED"}
    clock.move(schedule.QUEUE.lease)
    release(world)
    assert {message(world, i).status for i in sent} == {"QUEUED"}
    assert network.accept() == sent
    assert used(world, anna) == 2


# Cancellation


def test_a_cancelled_text_gives_back_what_it_held_and_is_never_sent(
    world: World, clock: FixedClock, network: Network, master: Group, anna: UUID
) -> None:
    world.account_quota(master, 2)
    [sent] = put(world, anna, text="x" * 161)
    clock.move(timedelta(minutes=5))
    assert cancel(world, anna, sent)
    stored = message(world, sent)
    assert (stored.status, stored.status_at, stored.parts) == ("CANCELLED", clock.now(), 0)
    assert event_codes(network, sent) == [("SCHEDULED", ""), ("CANCELLED", "")]
    assert (used(world, anna), count(world, "scheduled_text")) == (0, 0)
    clock.move(LATER)
    release(world)
    assert (message(world, sent).status, count(world, "dispatch_queue")) == ("CANCELLED", 0)
    assert world.words(anna, [PHONE], "x" * 161) == ["QUEUED"]


def test_a_text_is_cancelled_once(world: World, anna: UUID) -> None:
    [first, second] = put(world, anna, PHONE, OTHER)
    assert cancel(world, anna, first)
    assert not cancel(world, anna, first)
    assert used(world, anna) == 1
    assert message(world, second).status == "SCHEDULED"


def test_nobody_cancels_what_is_anothers_or_gone_or_was_never_for_later(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    [later] = put(world, anna)
    assert not cancel(world, bo, later)
    assert not cancel(world, anna, new_id())
    world.words(anna, [OTHER])
    now = world.value("SELECT id FROM message WHERE status = 'QUEUED'")
    assert not cancel(world, anna, now)
    clock.move(LATER)
    release(world)
    assert not cancel(world, anna, later)
    assert used(world, anna) == 2


def test_what_is_cancelled_between_a_workers_claim_and_its_work_stays_cancelled(
    world: World, network: Network, anna: UUID
) -> None:
    [first, second] = put(world, anna, PHONE, OTHER)
    world.clock.move(LATER)

    class Meddling(FixedClock):
        """When it is asked for the second time, after the claim, something is cancelled."""

        asked = 0

        def now(self) -> datetime:
            self.asked += 1
            if self.asked == 2:
                assert cancel(world, anna, first)
            return super().now()

    schedule.release(world.database, Meddling(world.clock.now()), world.heard)
    assert [message(world, i).status for i in (first, second)] == ["CANCELLED", "QUEUED"]
    assert network.history(first) == ["SCHEDULED", "CANCELLED"]
    assert (network.accept(), used(world, anna)) == ([second], 1)


@pytest.mark.parametrize("attempt", range(3))
def test_of_releases_and_cancellations_at_once_each_text_sees_exactly_one(
    world: World, clock: FixedClock, network: Network, master: Group, anna: UUID, attempt: int
) -> None:
    world.account_quota(master, 1000)
    sent = put(world, anna, *(f"+467017{i:05}" for i in range(40)))
    clock.move(LATER)
    cancelled: list[UUID] = []

    def give_up(order: list[UUID]) -> None:
        cancelled.extend(i for i in order if cancel(world, anna, i))

    orders = [random.Random(attempt * 3 + i).sample(sent, 40) for i in range(3)]
    actions: list[Callable[[], object]] = [lambda: release(world)] * 2
    actions += [lambda o=order: give_up(o) for order in orders]  # type: ignore[misc]
    actions += [lambda: world.words(anna, [f"+467017{i:05}" for i in range(40)], "Något annat")]
    together(actions)
    status = {i: message(world, i).status for i in sent}
    assert sorted(cancelled) == sorted(i for i in sent if status[i] == "CANCELLED")
    queued = [i for i in sent if status[i] == "QUEUED"]
    assert len(queued) + len(cancelled) == 40
    waiting = {row.id for row in world.rows("SELECT id FROM dispatch_queue")}
    assert waiting & set(sent) == set(queued)
    assert used(world, anna) == len(queued) + 40
    assert {tuple(network.history(i)) for i in sent} <= {("SCHEDULED", "QUEUED"), ("SCHEDULED", "CANCELLED")}
    assert count(world, "scheduled_text") == 0


def test_a_text_that_all_cancel_at_once_is_given_back_once(world: World, anna: UUID) -> None:
    [first, _] = put(world, anna, PHONE, OTHER)
    answers = together([lambda: cancel(world, anna, first)] * 8)
    assert answers.count(True) == 1
    assert used(world, anna) == 1


def test_what_is_scheduled_for_a_number_that_says_stop_is_cancelled(
    world: World, clock: FixedClock, network: Network, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    [to_anna, to_other] = put(world, anna, PHONE, OTHER)
    [of_bo] = put(world, bo, PHONE)
    world.run(
        "INSERT INTO opt_out (account_id, remote, tenant_id, message_id, at) VALUES (:a, :r, :t, :m, :n)",
        a=anna, r=ANNAS, t=master.tenant_id, m=new_id(), n=clock.now(),
    )  # fmt: skip
    with world.database.unit_of_work() as session:
        assert schedule.cancel_stopped(session, clock.now()) == 1
    assert [message(world, i).status for i in (to_anna, to_other, of_bo)] == [
        "CANCELLED", "SCHEDULED", "SCHEDULED",
    ]  # fmt: skip
    assert event_codes(network, to_anna)[-1] == ("CANCELLED", "blocked")
    assert used(world, anna) == 1
