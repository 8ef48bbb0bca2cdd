"""Endpoints looked after: made, changed, rotated, switched off, removed, and what keeps strangers out (spec V6, V8, G10)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.outbound import Fault, Outbound, OutboundSettings, look_up
from messa_platform.core.row_security import Confinement, confine
from messa_platform.core.work import WorkState
from messa_platform.messaging.outward import deliveries, endpoints, office, queue, retention
from messa_platform.messaging.outward.deliveries import Delivery
from messa_platform.messaging.outward.endpoints import BadUrl, EndpointRow, Made, Refusal, Wish
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import EndpointKind, EndpointState
from messa_platform.tenants.api_users import users
from messa_platform.tenants.api_users.users import Conflict
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.models import Group
from tests.support.api_users import Keyring
from tests.support.network import Network
from tests.support.observe import together
from tests.support.outside import Outside
from tests.support.receiver import Receiver
from tests.support.world import World


@pytest.fixture
def school(world: World, network: Network) -> Group:
    return world.group(world.tenant(), "Skolan")


def entries(world: World) -> list[Any]:
    return world.rows(
        "SELECT action, subject, before, after FROM audit_entry WHERE action LIKE 'webhook%' OR action LIKE 'api_url%' ORDER BY id"
    )


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", Fault.BAD_URL),
        ("ftp://hook.example/", Fault.BAD_URL),
        ("http://hook.example/", Fault.NOT_HTTPS),
        ("https://127.0.0.1/", Fault.INTERNAL),
        ("https://[::ffff:169.254.169.254]/latest", Fault.INTERNAL),
        ("https://intern.example/", Fault.INTERNAL),
        ("https://nobody.example/", Fault.UNKNOWN_HOST),
    ],
)
def test_an_address_that_leads_inside_is_refused_at_once_with_its_reason(
    outside: Outside, world: World, school: Group, url: str, fault: Fault
) -> None:

    def resolve(host: str, port: int) -> list[str]:
        names = {"intern.example": ["10.0.0.8"], "nobody.example": []}
        return names[host] if host in names else look_up(host, port)

    outside.outbound = Outbound(OutboundSettings(), resolve=resolve)
    user = Keyring(world).user(school)
    assert outside.by_admin(outside.services.create, school, Wish(url)) == BadUrl(fault)
    expected = None if not url else BadUrl(fault)  # an empty one removes it
    assert outside.api_url(school, user.id, url) == expected
    assert world.value("SELECT count(*) FROM event_endpoint") == 0


def test_a_secret_is_told_once_kept_sealed_and_rotated_with_both_signing_meanwhile(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    made = outside.webhook(school, receiver.url())
    assert made.secret.startswith("whsec_") and len(made.secret) > 40

    def hears() -> tuple[str, ...]:
        receiver.received.clear()
        outside.by_admin(deliveries.send_test, school, made.endpoint.id)
        outside.tell()
        [test] = receiver.received
        assert test.event == {
            "type": "webhook.test",
            "timestamp": test.event["timestamp"],
            "data": {"endpoint_id": str(made.endpoint.id)},
        }
        known = {"first": made.secret} | ({"second": second.secret} if second else {})
        return tuple(name for name, secret in known.items() if test.verified_by(secret))

    second: Made | None = None
    assert hears() == ("first",)
    service = outside.services.rotate_secret
    second = outside.by_admin(service, school, made.endpoint.id, None, timedelta(minutes=2))
    assert isinstance(second, Made)
    assert hears() == ("first", "second")
    world.clock.move(timedelta(minutes=2))
    assert hears() == ("second",)
    kept = str(world.rows("SELECT e::text, convert_from(e.secret, 'UTF8') FROM event_endpoint e"))
    kept += str(entries(world))
    assert made.secret[6:] not in kept and second.secret[6:] not in kept
    assert [e.action for e in entries(world)] == ["webhook_added", "webhook_secret_rotated"]
    for overlap in (timedelta(seconds=-1), timedelta(days=91)):
        assert outside.by_admin(service, school, made.endpoint.id, None, overlap) is Refusal.TOO_FAR


def test_changes_are_written_down_without_what_follows_the_path(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    made = outside.webhook(school, receiver.url("/in?token=geheim"))
    wish = Wish(receiver.url("/ut?token=geheim"), " Larm\n", frozenset({EventType.INCOMING}))
    changed = outside.by_admin(outside.services.change, school, made.endpoint.id, 1, wish)
    assert isinstance(changed, EndpointRow)
    assert (changed.description, changed.event_types, changed.version) == ("Larm", wish.event_types, 2)
    assert outside.by_admin(outside.services.change, school, made.endpoint.id, 1, wish) == Conflict(2)
    assert outside.by_admin(outside.services.change, school, made.endpoint.id, 2, wish) == changed
    assert isinstance(outside.by_admin(endpoints.disable, school, made.endpoint.id), EndpointRow)
    assert outside.state(school, made.endpoint.id).state is EndpointState.DISABLED
    assert outside.by_admin(deliveries.send_test, school, made.endpoint.id) is Refusal.DISABLED
    assert outside.by_admin(endpoints.enable, school, made.endpoint.id).state is EndpointState.ACTIVE
    assert isinstance(outside.by_admin(endpoints.remove, school, made.endpoint.id), EndpointRow)
    assert outside.by_admin(endpoints.remove, school, made.endpoint.id) is Refusal.UNKNOWN
    seen = entries(world)
    assert [e.action for e in seen] == [
        "webhook_added",
        "webhook_changed",
        "webhook_disabled",
        "webhook_changed",
        "webhook_removed",
    ]
    assert "geheim" not in str(seen)
    assert seen[1].before == {"url": receiver.url("/in"), "description": "", "events": []}
    assert seen[1].after == {
        "url": receiver.url("/ut"),
        "description": "Larm",
        "events": ["message.incoming"],
    }


def test_an_api_url_is_one_set_changed_and_removed_by_emptying_it(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    user = Keyring(world).user(school)
    first = outside.api_url(school, user.id, f" {receiver.url('/a')} ")
    second = outside.api_url(school, user.id, receiver.url("/b"))
    assert (first.kind, first.id) == (EndpointKind.API_URL, second.id)
    assert outside.api_url(school, user.id, receiver.url("/b")) == second
    assert outside.by_admin(endpoints.remove, school, second.id) is Refusal.UNKNOWN
    place = outside.place(school)
    shown = outside.do(lambda session: endpoints.api_urls(session, place, [user.id]))
    assert shown == {user.id: second}
    assert outside.do(lambda session: endpoints.of_group(session, place)) == []
    assert outside.api_url(school, user.id, " ") is None
    assert outside.api_url(school, user.id, "") is None
    assert world.value("SELECT count(*) FROM event_endpoint") == 0
    assert [(e.action, e.subject) for e in entries(world)] == [
        ("api_url_set", user.name),
        ("api_url_set", user.name),
        ("api_url_removed", user.name),
    ]
    neighbour = world.group(school, "4A")
    assert outside.api_url(neighbour, user.id, receiver.url()) is users.Refusal.UNKNOWN


def test_who_administers_it_no_more_changes_nothing(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    user = Keyring(world).user(school)
    made = outside.webhook(school, receiver.url())
    sent = outside.by_admin(deliveries.send_test, school, made.endpoint.id)
    stranger = world.author(world.group(world.tenant("annan"), "Skolan"))
    beside = world.author(world.group(world.tenant("tredje"), "Vård"))
    former = world.author(school, "bea@kommun.example")
    world.dismiss(former)
    for author in (stranger, beside, former):
        for what in (
            lambda a: outside.by_admin(outside.services.create, school, Wish(receiver.url()), author=a),
            lambda a: outside.by_admin(
                outside.services.set_api_url, school, user.id, receiver.url(), author=a
            ),
            lambda a: outside.by_admin(endpoints.remove, school, made.endpoint.id, author=a),
            lambda a: outside.by_admin(endpoints.disable, school, made.endpoint.id, author=a),
            lambda a: outside.by_admin(outside.services.rotate_secret, school, made.endpoint.id, author=a),
            lambda a: outside.by_admin(deliveries.send_again, school, sent.id, author=a),
            lambda a: outside.by_admin(deliveries.send_test, school, made.endpoint.id, author=a),
        ):
            assert isinstance(what(author), NotAdmin)
    assert outside.state(school, made.endpoint.id) == made.endpoint


def test_another_group_has_no_such_endpoint_and_no_such_delivery(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    made = outside.webhook(school, receiver.url())
    sent = outside.by_admin(deliveries.send_test, school, made.endpoint.id)
    other = world.group(world.tenant("annan"), "Skolan")
    for group in (other, world.group(school, "4A")):
        assert outside.by_admin(endpoints.remove, group, made.endpoint.id) is Refusal.UNKNOWN
        assert outside.by_admin(deliveries.send_again, group, sent.id) is Refusal.UNKNOWN
        assert outside.deliveries(group, made.endpoint.id) == []
        assert outside.state(group, made.endpoint.id) is None


def test_a_tenants_role_sees_its_own_rows_alone(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    made = outside.webhook(school, receiver.url())
    outside.by_admin(deliveries.send_test, school, made.endpoint.id)
    outside.tell()
    other = world.tenant("annan")
    for tenant_id, seen in ((school.tenant_id, 1), (other.tenant_id, 0)):
        for table in ("event_endpoint", "event_delivery", "delivery_attempt"):
            with world.database.sessions() as session:
                confine(session, Confinement(tenant_id, None))
                with session.begin():
                    assert (
                        session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == seen
                    )


def test_who_is_confined_to_the_tenant_can_do_all_this(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    author, place = world.author(school), outside.place(school)
    with world.database.sessions() as session:
        confine(session, Confinement(school.tenant_id, author.account_id))
        with session.begin():
            now = world.clock.now()
            made = outside.services.create(session, now, author, place, Wish(receiver.url()))
            assert isinstance(made, Made)
            sent = deliveries.send_test(session, now, author, place, made.endpoint.id)
            assert isinstance(sent, Delivery)
            again = deliveries.send_again(session, now, author, place, sent.id)
            assert isinstance(again, Delivery)
            assert isinstance(endpoints.disable(session, now, author, place, made.endpoint.id), EndpointRow)
            assert isinstance(endpoints.remove(session, now, author, place, made.endpoint.id), EndpointRow)


def test_a_group_has_so_many_webhooks_and_no_more_however_many_add_at_once(
    outside: Outside, world: World, school: Group, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "MOST", 3)
    author = world.author(school)
    made = together(
        [lambda: outside.by_admin(outside.services.create, school, Wish(receiver.url()), author=author)] * 6
    )
    assert [m for m in made if not isinstance(m, Made)] == [Refusal.TOO_MANY] * 3
    too_long = Wish(receiver.url(), "x" * 201)
    assert outside.by_admin(outside.services.create, school, too_long) is Refusal.TOO_LONG


def test_what_was_delivered_can_be_sent_again_by_its_own_id(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    made = outside.webhook(school, receiver.url())
    first = outside.by_admin(deliveries.send_test, school, made.endpoint.id)
    outside.tell()
    woken: list[tuple[str, str]] = []
    again = outside.by_admin(
        deliveries.send_again, school, first.id, lambda _s, actor, key: woken.append((actor, key))
    )
    assert woken == [("push_events", str(made.endpoint.id))]
    assert (again.id, again.state) == (first.id, WorkState.READY)
    outside.tell()
    assert [r.id for r in receiver.received] == [str(first.id)] * 2
    assert [r.verified_by(made.secret) for r in receiver.received] == [True, True]


def test_send_again_probes_a_paused_endpoint_at_once(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    made = outside.webhook(school, receiver.url())
    receiver.always(500)
    sent = outside.by_admin(deliveries.send_test, school, made.endpoint.id)
    outside.tell()
    receiver.always(200)
    assert outside.due() == []
    outside.by_admin(deliveries.send_again, school, sent.id)
    outside.tell()
    [delivery] = outside.deliveries(school, made.endpoint.id)
    assert delivery.state is WorkState.DONE
    assert delivery.last is not None and delivery.last.status == 200


def test_the_log_of_deliveries_goes_page_by_page(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    made = outside.webhook(school, receiver.url())
    sent = [outside.by_admin(deliveries.send_test, school, made.endpoint.id).id for _ in range(5)]
    place = outside.place(school)

    def page(before: Any) -> list[Any]:
        found = outside.do(lambda s: deliveries.latest(s, place, made.endpoint.id, 2, before))
        return [d.id for d in found]

    assert page(None) == sent[:2:-1]
    assert page(sent[3]) == [sent[2], sent[1]]
    assert page(sent[1]) == [sent[0]]


def test_deliveries_are_forgotten_after_thirty_days_and_endpoints_go_with_their_owners(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    below = world.group(school, "4A")
    user = Keyring(world).user(school)
    outside.api_url(school, user.id, receiver.url())
    gone, removed, kept = (outside.webhook(g, receiver.url()) for g in (below, school, school))
    for group, made in ((below, gone), (school, removed), (school, kept)):
        outside.by_admin(deliveries.send_test, group, made.endpoint.id)
    outside.by_admin(endpoints.remove, school, removed.endpoint.id)
    world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=below.id)
    world.run("UPDATE account SET removed_at = now() WHERE id = :id", id=user.id)

    def left() -> tuple[int, int, int]:
        tables = ("event_endpoint", "event_delivery", "delivery_attempt")
        counts = [world.value(f"SELECT count(*) FROM {table}") for table in tables]
        return counts[0], counts[1], counts[2]

    outside.do(lambda session: retention.forget(session, world.clock.now()))
    assert left() == (1, 1, 0)
    outside.tell()
    assert left() == (1, 1, 1)
    for days, expected in ((29, (1, 1, 1)), (31, (1, 0, 0))):
        at = world.clock.now() + timedelta(days=days)
        outside.do(lambda session, at=at: retention.forget(session, at))
        assert left() == expected


def test_what_is_due_is_found_endpoint_by_endpoint(
    outside: Outside, world: World, school: Group, receiver: Receiver
) -> None:
    made = [outside.webhook(school, receiver.url(f"/{n}")).endpoint.id for n in range(4)]
    for endpoint_id in made:
        for _ in range(3):
            outside.by_admin(deliveries.send_test, school, endpoint_id)
    outside.by_admin(endpoints.disable, school, made[1])
    world.run(
        "UPDATE event_endpoint SET paused_until = :at WHERE id = :id",
        at=world.clock.now() + timedelta(1),
        id=made[2],
    )
    assert sorted(outside.due()) == sorted([made[0], made[3]])
    earlier = world.clock.now() - timedelta(seconds=1)
    assert outside.do(lambda session: queue.due_endpoints(session, earlier)) == []
