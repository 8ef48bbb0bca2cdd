"""What becomes of what an endpoint does not take (spec A3, V6)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.db import Database
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.core.work import WorkState
from messa_platform.messaging.outward import deliveries, endpoints, queue
from messa_platform.messaging.outward.deliveries import Delivery
from messa_platform.messaging.outward.endpoints import EndpointRow, Made
from messa_platform.messaging.outward.models import DisabledWhy, EndpointKind, EndpointState
from messa_platform.messaging.outward.push import Pusher
from messa_platform.messaging.outward.settings import PushSettings
from messa_platform.tenants.models import Group
from tests.support.api_users import Keyring
from tests.support.network import Network
from tests.support.observe import together
from tests.support.outside import LOCAL, Outside, quiet
from tests.support.receiver import Receiver
from tests.support.world import World

NUMBERS = [f"+4670174{n:04d}" for n in range(200)]


class Told:
    """A group with an endpoint, and texts of which it is told."""

    def __init__(self, world: World, network: Network, outside: Outside, receiver: Receiver, group: Group):
        self.world, self.network, self.outside, self.receiver, self.group = (
            world,
            network,
            outside,
            receiver,
            group,
        )
        self.anna = world.account(group, "anna@kommun.example")
        self.made: Made = outside.webhook(group, receiver.url("/in?token=geheim"))
        self.id = self.made.endpoint.id
        self.count = 0

    def send(self, count: int = 1, account_id: UUID | None = None) -> list[UUID]:
        """Texts of which it is to be told that they were sent."""
        numbers = NUMBERS[self.count : self.count + count]
        self.count += count
        self.world.words(account_id or self.anna, numbers)
        return self.network.accept()

    @property
    def endpoint(self) -> EndpointRow:
        found = self.outside.state(self.group, self.id)
        assert isinstance(found, EndpointRow)
        return found

    @property
    def deliveries(self) -> list[Delivery]:
        return list(reversed(self.outside.deliveries(self.group, self.id)))

    @property
    def states(self) -> list[WorkState]:
        return [d.state for d in self.deliveries]

    def wait(self, seconds: float) -> None:
        """Time passes without anything being told."""
        self.world.clock.move(timedelta(seconds=seconds))

    @property
    def mails(self) -> list[Any]:
        return self.world.rows("SELECT recipient, headers, text FROM outgoing_mail ORDER BY recipient")


@pytest.fixture
def told(world: World, network: Network, outside: Outside, receiver: Receiver, master: Group) -> Told:
    return Told(world, network, outside, receiver, master)


def test_a_delivery_is_tried_for_three_days_with_growing_pauses_then_parked_and_can_be_sent_again(
    told: Told,
) -> None:
    told.receiver.always(500)
    told.send()
    told.outside.tell()
    pauses = [p.total_seconds() for p in queue.PAUSES[EndpointKind.WEBHOOK]]
    assert pauses == sorted(pauses) and timedelta(days=3) <= timedelta(seconds=sum(pauses)) < timedelta(
        days=3.5
    )
    for tried, pause in enumerate(pauses, start=1):
        assert len(told.receiver.received) == tried
        told.wait(pause - 1)
        assert told.outside.due() == []
        told.outside.later(seconds=1)
    assert told.states == [WorkState.PARKED]
    assert told.endpoint.state is EndpointState.ACTIVE
    tries = told.receiver.received
    assert len(tries) == len(pauses) + 1
    assert {t.id for t in tries} == {str(told.deliveries[0].id)}
    stamps = [int(t.headers["webhook-timestamp"]) for t in tries]
    assert stamps == sorted(set(stamps))
    told.receiver.always(200)
    again = told.outside.by_admin(deliveries.send_again, told.group, told.deliveries[0].id)
    assert isinstance(again, Delivery) and again.state is WorkState.READY
    told.outside.tell()
    assert told.states == [WorkState.DONE]
    assert told.receiver.received[-1].id == str(again.id)
    attempts = told.outside.by_admin(
        lambda session, _now, _who, place, i: deliveries.attempts_of(session, place, i),
        told.group,
        again.id,
    )
    assert [a.status for a in attempts] == [500] * 13 + [200]


def test_an_api_url_is_tried_for_24_hours(told: Told) -> None:
    pauses = queue.PAUSES[EndpointKind.API_URL]
    assert timedelta(hours=23) < sum(pauses, timedelta()) <= timedelta(hours=24)
    user = Keyring(told.world).user(told.group)
    told.outside.by_admin(endpoints.remove, told.group, told.id)
    told.id = told.outside.api_url(told.group, user.id, told.receiver.url()).id
    told.receiver.always(410)  # which says nothing special by this convention
    told.send(account_id=user.id)
    told.outside.tell()
    for pause in pauses:
        told.outside.later(seconds=pause.total_seconds())
    assert told.states == [WorkState.PARKED]
    assert len(told.receiver.received) == len(pauses) + 1
    assert told.endpoint.state is EndpointState.ACTIVE


def test_a_failing_endpoint_is_paused_as_a_whole_and_probed_by_one(told: Told) -> None:
    told.receiver.always(503)
    told.send()
    told.outside.tell()
    told.send(9)
    told.outside.tell()
    assert len(told.receiver.received) == 1
    told.outside.later(seconds=5)
    assert len(told.receiver.received) == 2
    assert told.endpoint.failures == 2
    told.receiver.always(200)
    told.outside.later(seconds=29)
    assert len(told.receiver.received) == 2
    told.outside.later(seconds=1)
    assert len(told.receiver.received) == 12
    assert (told.endpoint.failures, told.endpoint.failing_since, told.endpoint.paused_until) == (
        0,
        None,
        None,
    )
    assert set(told.states) == {WorkState.DONE}


def test_one_bad_event_does_not_keep_the_others(told: Told) -> None:
    [bad, *_] = told.send(6)
    told.receiver.answer = lambda r: (500 if str(bad) in r.body.decode() else 200, {})
    told.outside.tell()
    told.outside.later(seconds=5)
    assert told.states == [WorkState.READY] + [WorkState.DONE] * 5
    told.send(2)
    told.outside.later(hours=1)
    told.outside.later(hours=1)
    assert told.states == [WorkState.READY] + [WorkState.DONE] * 7


def test_several_that_fail_together_are_one_failure(told: Told) -> None:
    told.send(2)
    told.outside.tell()  # it is well, so that several go at once
    told.receiver.always(500)
    told.send(20)
    told.outside.tell()
    assert told.endpoint.failures == 1
    assert len(told.receiver.received) <= 2 + 4


def test_retry_after_is_heeded_an_hour_at_the_most(told: Told) -> None:
    told.receiver.answers((429, {"Retry-After": "120"}))
    told.send()
    told.outside.tell()
    told.wait(119)
    assert told.outside.due() == []
    told.outside.later(seconds=1)
    assert told.states == [WorkState.DONE]
    for words in ("999999999999", "-1", "soon", "Wed, 21 Oct 2037 07:28:00 GMT", "²"):
        told.receiver.answers((503, {"Retry-After": words.encode().decode("latin-1")}))
        told.send()
        told.outside.tell()
        told.wait(3600)
        assert told.outside.due() == [told.id], words
        told.outside.tell()
    assert set(told.states) == {WorkState.DONE}


def test_a_busy_endpoint_that_takes_some_is_left_alone_and_not_failing(told: Told) -> None:
    told.send(2)
    told.outside.tell()
    left = threading.Semaphore(3)
    told.receiver.answer = lambda _: (
        (200, {}) if left.acquire(blocking=False) else (429, {"Retry-After": "60"})
    )
    told.send(8)
    told.outside.tell()
    assert told.endpoint.state is EndpointState.ACTIVE
    told.receiver.always(200)
    told.outside.later(seconds=60)
    assert set(told.states) == {WorkState.DONE}
    assert told.endpoint.failures == 0


def test_gone_disables_a_webhook_and_its_admins_get_one_mail_each(told: Told) -> None:
    authors = [told.world.author(told.group), told.world.author(told.group, "bea@kommun.example")]
    told.receiver.always(410)
    told.send(3)
    told.outside.tell()
    told.outside.later(days=10)
    assert len(told.receiver.received) == 1
    assert (told.endpoint.state, told.endpoint.disabled_why) == (EndpointState.DISABLED, DisabledWhy.GONE)
    assert [m.recipient for m in told.mails] == sorted(a.address for a in authors)
    [mail, _] = told.mails
    assert "410 Gone" in mail.text and "/in\n" in mail.text and "/t/kommun/@@api" in mail.text
    kept = str(told.mails) + str(told.world.rows("SELECT e::text FROM audit_entry e"))
    assert "geheim" not in kept
    entry = told.world.rows("SELECT actor, after FROM audit_entry WHERE action = 'webhook_disabled'")
    assert [(e.actor, e.after) for e in entry] == [("system", {"why": "gone"})]
    assert told.send() and len(told.deliveries) == 3  # what happens meanwhile it never hears
    told.receiver.always(200)
    told.outside.by_admin(endpoints.enable, told.group, told.id)
    told.outside.tell()
    assert set(told.states) == {WorkState.DONE}


def test_five_days_without_one_success_disable_and_one_mail_is_written(told: Told) -> None:
    author = told.world.author(told.group)
    told.receiver.always(500)
    for _ in range(5 * 4 - 1):
        told.send()
        told.outside.tell()
        told.outside.later(hours=6)
    assert told.endpoint.state is EndpointState.ACTIVE
    told.outside.later(hours=24)
    assert (told.endpoint.state, told.endpoint.disabled_why) == (
        EndpointState.DISABLED,
        DisabledWhy.FAILING,
    )
    told.outside.later(days=2)
    assert [m.recipient for m in told.mails] == [author.address]
    assert "fem dagar" in told.mails[0].text


def test_one_success_in_five_days_keeps_it(told: Told) -> None:
    told.receiver.always(500)
    for day in range(8):
        told.receiver.always(200 if day == 4 else 500)
        told.send()
        told.outside.tell()
        told.outside.later(days=1)
    assert told.endpoint.state is EndpointState.ACTIVE
    assert told.mails == []


def test_the_admins_of_an_api_users_group_hear_that_its_api_url_fails(told: Told) -> None:
    skolan = told.world.group(told.group, "Skolan")
    author = told.world.author(skolan)
    user = Keyring(told.world).user(skolan, "Larmet")
    told.outside.by_admin(endpoints.remove, told.group, told.id)
    told.outside.api_url(skolan, user.id, told.receiver.url("/api?sess=geheim"))
    told.receiver.always(500)
    for _ in range(7):
        told.send(account_id=user.id)
        told.outside.tell()
        told.outside.later(days=1)
    [mail] = told.mails
    assert mail.recipient == author.address
    assert "Larmet" in mail.text and "geheim" not in mail.text and "/t/kommun/skolan/@@api" in mail.text


class Dying(Database):
    """A database that is away when the first outcome is to be written, so that whoever sent is as good as dead."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine)
        self.calls = 0

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        self.calls += 1
        if self.calls == 2:
            raise ConnectionError("away")
        with super().unit_of_work() as session:
            yield session


def test_a_crash_between_the_send_and_its_outcome_sends_again_by_the_same_id(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messa_platform.messaging.outward.push.SETTLE_PAUSES", ())
    told.send()
    dying = told.outside.pusher(database=Dying(told.world.database))
    told.outside.tell(dying)
    assert told.states == [WorkState.LEASED]
    alive = told.outside.pusher()
    told.outside.tell(alive)
    assert len(told.receiver.received) == 1
    told.wait(queue.LEASE.total_seconds())
    told.outside.tell(alive)
    assert told.states == [WorkState.DONE]
    first, second = told.receiver.received
    assert (first.id, first.body) == (second.id, second.body)


def test_an_outcome_that_comes_after_its_lease_was_lost_changes_nothing_for_the_other(told: Told) -> None:
    told.send()
    slow, other = told.outside.pusher(), told.outside.pusher()
    release = threading.Event()
    told.receiver.answer = lambda _: (release.wait(5), (500, {}))[1]
    slow.wake(told.id)
    told.receiver.wait_for(1)
    told.wait(queue.LEASE.total_seconds())
    told.receiver.always(200)
    told.outside.tell(other)
    release.set()
    quiet(slow)
    assert told.states == [WorkState.DONE]


def test_of_several_processes_one_probes(told: Told) -> None:
    told.receiver.always(500)
    told.send()
    told.outside.tell()
    told.send(10)
    told.wait(5)
    pushers = [told.outside.pusher() for _ in range(4)]
    together([lambda p=pusher: p.wake(told.id) for pusher in pushers])  # type: ignore[misc]
    for pusher in pushers:
        quiet(pusher)
    assert len(told.receiver.received) == 2
    assert told.endpoint.failures == 2


def test_several_processes_tell_each_event_once_and_a_messages_events_in_order(told: Told) -> None:
    messages = told.send(60)
    told.network.says(*((m, "BUFFERED") for m in messages))
    told.network.says(*((m, "DELIVERED") for m in messages))
    pushers = [told.outside.pusher() for _ in range(3)]
    for pusher in pushers:
        pusher.wake(told.id)
    told.receiver.wait_for(180, 60)
    for pusher in pushers:
        quiet(pusher)
    assert len({r.id for r in told.receiver.received}) == len(told.receiver.received) == 180
    for message in messages:
        of_one = [
            r.event["data"]["status"] for r in told.receiver.received if str(message) in r.body.decode()
        ]
        assert of_one == ["SENT", "BUFFERED", "DELIVERED"]


def test_a_later_event_of_a_message_waits_for_the_earlier_one(told: Told) -> None:
    [message] = told.send()
    told.receiver.answers(500)
    told.outside.tell()
    told.network.says((message, "DELIVERED"))
    told.outside.tell()
    told.outside.later(seconds=5)
    assert told.receiver.types == ["message.sent", "message.sent", "message.delivered"]


def test_a_name_that_leads_inside_by_now_is_refused_when_it_is_told(
    world: World, network: Network, master: Group, school: UUID, receiver: Receiver, outside: Outside
) -> None:
    """DNS rebinding: the address was public when the webhook was made (spec V8)."""
    addresses = ["1.1.1.1"]
    settings = OutboundSettings(ports=str(receiver.port))
    outside.outbound = Outbound(settings, resolve=lambda _host, _port: list(addresses))
    made = outside.webhook(master, f"https://hook.example:{receiver.port}/in")
    addresses[:] = ["127.0.0.1"]
    world.words(school, NUMBERS[:1])
    network.accept()
    outside.tell(outside.pusher())
    [delivery] = outside.deliveries(master, made.endpoint.id)
    assert delivery.last is not None
    assert (delivery.last.status, delivery.last.fault) == (None, "internal")
    assert receiver.received == []


@pytest.mark.parametrize("fault", ["redirect", "too_slow", "unreachable"])
def test_what_is_no_answer_is_a_failure_with_its_reason(told: Told, fault: str) -> None:
    if fault == "redirect":
        told.receiver.always(302, Location=told.receiver.url("/elsewhere"))
    elif fault == "too_slow":
        told.receiver.hang()
    else:
        told.world.run("UPDATE event_endpoint SET url = 'http://127.0.0.1:1/'")
    told.send()
    told.outside.tell(told.outside.pusher(settings=PushSettings(timeout=0.5), outbound=LOCAL))
    [delivery] = told.deliveries
    assert delivery.last is not None
    assert (delivery.last.fault, delivery.state) == (fault, WorkState.READY)
    assert all(r.path == "/in?token=geheim" for r in told.receiver.received)


def test_a_process_that_ends_waits_for_what_is_on_its_way_and_begins_nothing(told: Told) -> None:
    told.receiver.answer = lambda _: (threading.Event().wait(0.3), (200, {}))[1]
    told.send(5)
    pusher: Pusher = told.outside.pusher()
    pusher.wake(told.id)
    told.receiver.wait_for(1)
    pusher.close()
    assert told.states.count(WorkState.DONE) == 1
    assert WorkState.LEASED not in told.states
    pusher.wake(told.id)
    assert len(told.receiver.received) == 1


def test_no_log_line_holds_a_query_a_secret_or_words(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    told.receiver.answers(500, 302)
    told.send()
    for _ in range(3):
        told.outside.later(minutes=1)
    printed = capsys.readouterr()
    text = printed.out + printed.err
    assert "events_told" in text
    for secret in ("geheim", told.made.secret, "127.0.0.1"):
        assert secret not in text
