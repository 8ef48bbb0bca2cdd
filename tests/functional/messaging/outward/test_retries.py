"""What an endpoint does not take is tried again, with pauses, until it is parked (spec A3, V6, V8)."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.core.work import WorkState
from messa_platform.messaging.outward import deliveries, endpoints, queue
from messa_platform.messaging.outward.deliveries import Delivery
from messa_platform.messaging.outward.models import EndpointKind, EndpointState
from messa_platform.messaging.outward.settings import PushSettings
from messa_platform.tenants.models import Group
from tests.support.api_users import Keyring
from tests.support.network import Network
from tests.support.outside import LOCAL, Outside
from tests.support.receiver import Receiver
from tests.support.told_endpoint import NUMBERS, Told
from tests.support.world import World


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


def test_when_a_webhook_last_failed_is_known_of_its_latest_events(told: Told) -> None:
    def last_failed(group: Group) -> dict[UUID, datetime]:
        place = told.outside.place(group)
        found = told.outside.do(lambda session: deliveries.last_failed(session, place))
        assert isinstance(found, dict)
        return found

    told.send()
    told.outside.tell()
    assert last_failed(told.group) == {}
    told.wait(60)
    told.receiver.answers(500)
    told.send()
    told.outside.tell()
    failed_at = told.world.clock.now()
    told.outside.later(seconds=5)
    assert told.states == [WorkState.DONE] * 2
    assert last_failed(told.group) == {told.id: failed_at}
    assert last_failed(told.world.group(told.group, "Skolan")) == {}
    told.world.run(
        "INSERT INTO event_delivery (id, tenant_id, endpoint_id, type, at, state, next_attempt_at)"
        " SELECT CAST(overlay(CAST(gen_random_uuid() AS text) PLACING 'ffffffff' FROM 1) AS uuid), :tenant, :id, 'webhook.test', now(), 'done',"
        " now() FROM generate_series(1, :count)",
        tenant=told.group.tenant_id,
        id=told.id,
        count=deliveries.LOOKED_THROUGH,
    )
    assert last_failed(told.group) == {}
