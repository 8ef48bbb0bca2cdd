"""What endpoints are told, and who is told it (spec A3, R3, V6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from messa_platform.messaging import schedule
from messa_platform.messaging.outward.events import TYPES, EventType
from messa_platform.messaging.statuses import NEXT, Status
from messa_platform.providers.base import IncomingText
from messa_platform.tenants import move_groups
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.api_users import Keyring
from tests.support.network import Network
from tests.support.observe import statements
from tests.support.outside import Outside
from tests.support.receiver import Receiver
from tests.support.world import World

REMOTE = "+46701740605"
WORDS = "Hemliga ord 4711"


def send(world: World, network: Network, account_id: UUID, text: str = WORDS) -> UUID:
    """Send a text that the network takes; gives the message."""
    world.words(account_id, [REMOTE], text)
    return network.accept()[-1]


def test_a_group_hears_of_its_texts_in_order_signed_and_without_their_words(
    world: World, network: Network, master: Group, school: UUID, outside: Outside, receiver: Receiver
) -> None:
    made = outside.webhook(master, receiver.url("/in?key=1"))
    message = send(world, network, school)
    network.says((message, "BUFFERED"), (message, "DELIVERED"), code="000")
    outside.tell()
    assert receiver.types == ["message.sent", "message.buffered", "message.delivered"]
    last = receiver.received[-1]
    assert (last.path, last.headers["content-type"]) == ("/in?key=1", "application/json")
    assert all(r.verified_by(made.secret) for r in receiver.received)
    assert not last.verified_by("whsec_" + "A" * 32)
    told = datetime.fromisoformat(last.event["timestamp"])
    assert timedelta() <= world.clock.now() - told < timedelta(milliseconds=1)
    assert last.event["data"] == {
        "id": str(message),
        "direction": "out",
        "status": "DELIVERED",
        "code": "000",
        "from": world.value("SELECT local FROM message"),
        "to": REMOTE,
        "group_id": str(master.id),
        "account": {"id": str(school), "name": "", "address": "skolan@kommun.example"},
        "parts": 1,
        "client_ref": None,
    }
    assert WORDS.encode() not in b"".join(r.body for r in receiver.received)


def test_an_incoming_text_reaches_the_groups_webhook_and_the_api_users_api_url(
    world: World, network: Network, master: Group, outside: Outside, receiver: Receiver
) -> None:
    user = Keyring(world).user(master, "Larmet")
    outside.webhook(master, receiver.url("/hook"))
    outside.api_url(master, user.id, receiver.url("/api"))
    sent = send(world, network, user.id)
    local = world.value("SELECT local FROM message WHERE id = :id", id=sent)
    network.brings(IncomingText("r1", REMOTE, local, "Ja å nej & ☃"))
    outside.tell()
    hook = [r.event for r in receiver.received if r.path == "/hook"]
    form = [r.form for r in receiver.received if r.path == "/api"]
    incoming = world.value("SELECT id FROM message WHERE direction = 'in'")
    told = hook[-1]["data"]
    assert [e["type"] for e in hook] == ["message.sent", "message.incoming"]
    assert (told["text"], told["from"], told["to"]) == ("Ja å nej & ☃", REMOTE, local)
    assert told["account"] == {"id": str(user.id), "name": "Larmet", "address": None}
    now = world.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    status = {"id": str(sent), "type": "status", "status": "SENT", "phone_number": REMOTE}
    came = {"id": str(incoming), "type": "incoming", "status": "INCOMING", "phone_number": REMOTE}
    assert form == [
        {**status, "timestamp": now},
        {**came, "message": "Ja å nej & ☃", "timestamp": now},
    ]
    assert not any("webhook-signature" in r.headers for r in receiver.received if r.path == "/api")


def test_a_text_that_was_removed_before_it_was_told_is_told_empty(
    world: World, network: Network, master: Group, school: UUID, outside: Outside, receiver: Receiver
) -> None:
    send(world, network, school)
    outside.webhook(master, receiver.url())
    local = world.value("SELECT local FROM message")
    network.brings(IncomingText("r1", REMOTE, local, WORDS))
    for table in ("event_delivery", "delivery_attempt", "event_endpoint"):
        assert WORDS not in str(world.rows(f"SELECT t::text FROM {table} t"))
    world.run("UPDATE message SET text = NULL")
    outside.tell()
    assert receiver.received[0].event["data"]["text"] == ""


def test_an_unconfirmed_text_is_sent_to_the_legacy_client_which_knows_no_such_word(
    world: World, network: Network, master: Group, outside: Outside, receiver: Receiver
) -> None:
    user = Keyring(world).user(master)
    outside.webhook(master, receiver.url("/hook"))
    outside.api_url(master, user.id, receiver.url("/api"))
    world.words(user.id, [REMOTE])
    with world.database.unit_of_work() as session:
        now = world.clock.now()
        network.outcomes.leave_unconfirmed(session, now, network.outcomes.queue.claim(session, now, 9))
    outside.tell()
    told = {r.path: r for r in receiver.received}
    assert told["/hook"].event["type"] == "message.unconfirmed"
    assert told["/api"].form["status"] == "SENT"


def test_what_waits_for_its_time_is_told_when_it_leaves_or_is_cancelled(
    world: World, network: Network, master: Group, school: UUID, outside: Outside, receiver: Receiver
) -> None:
    outside.webhook(master, receiver.url())
    later = world.clock.now() + timedelta(hours=1)
    world.words(school, [REMOTE, "+46701740606"], send_at=later)
    first, second = (r.id for r in world.rows("SELECT id FROM message ORDER BY id"))
    with world.database.unit_of_work() as session:
        assert schedule.cancel(session, world.clock.now(), school, first)
    world.clock.move(timedelta(hours=1))
    schedule.release(world.database, world.clock, world.heard)
    outside.tell()
    assert [(r.event["type"], r.event["data"]["id"]) for r in receiver.received] == [
        ("message.cancelled", str(first)),
        ("message.queued", str(second)),
    ]


def test_a_webhook_hears_the_events_that_it_wants(
    world: World, network: Network, master: Group, school: UUID, outside: Outside, receiver: Receiver
) -> None:
    outside.webhook(master, receiver.url(), EventType.DELIVERED, EventType.UNDELIVERED)
    message = send(world, network, school)
    network.says((message, "DELIVERED"))
    outside.tell()
    assert receiver.types == ["message.delivered"]


def test_every_status_to_which_a_message_comes_has_an_event() -> None:
    moved = {status for following in NEXT.values() for status in following} | {Status.INCOMING}
    assert set(TYPES) == moved
    assert set(TYPES.values()) == set(EventType) - {EventType.TEST}


def test_groups_hear_what_is_theirs_by_the_tree_of_today(
    world: World, network: Network, master: Group, outside: Outside, receiver: Receiver
) -> None:
    skolan, omsorgen = world.group(master, "Skolan"), world.group(master, "Omsorgen")
    klass = world.group(skolan, "4A")
    anna = world.account(klass, "anna@kommun.example")
    for group, path in ((master, "/m"), (skolan, "/s"), (omsorgen, "/o"), (klass, "/k")):
        outside.webhook(group, receiver.url(path))
    message = send(world, network, anna)
    outside.tell()
    assert sorted(r.path for r in receiver.received) == ["/k", "/m", "/s"]
    here, above = outside.place(klass), outside.place(omsorgen)
    author = world.author(master)
    outside.do(lambda s: move_groups.move(s, world.clock.now(), author, here, above, here.version))
    receiver.received.clear()
    network.says((message, "DELIVERED"))
    outside.tell()
    assert sorted(r.path for r in receiver.received) == ["/k", "/m", "/o"]


def test_a_stranger_hears_nothing(
    world: World, network: Network, master: Group, school: UUID, outside: Outside, receiver: Receiver
) -> None:
    other = world.tenant("annan", "Annan kommun")
    outside.webhook(other, receiver.url("/stranger"))
    user, neighbour = (Keyring(world).user(master, name) for name in ("Larmet", "Journalen"))
    outside.api_url(master, user.id, receiver.url("/api"))
    send(world, network, school)
    send(world, network, neighbour.id, "Till grannen")
    outside.tell()
    assert receiver.received == []


def test_a_text_to_a_number_that_rests_is_told_to_nobody(
    world: World, network: Network, master: Group, school: UUID, outside: Outside, receiver: Receiver
) -> None:
    send(world, network, school)
    local = world.value("SELECT local FROM message")
    world.take_back_number(school)
    outside.webhook(master, receiver.url())
    network.brings(IncomingText("r1", REMOTE, local, "Hej"))
    outside.tell()
    assert receiver.received == []


def test_who_has_no_endpoint_pays_for_one_look_and_who_has_for_one_statement_more(
    world: World, network: Network, master: Group, school: UUID, outside: Outside, receiver: Receiver
) -> None:
    def asked(count: int) -> int:
        ids = [i for n in range(count) for i in [send(world, network, school, f"{n} {world.clock.now()}")]]
        with statements(world.database.engine) as done:
            network.says(*((i, "DELIVERED") for i in ids))
        world.clock.move(timedelta(seconds=1))
        return len([s for s in done if "event_endpoint" in s.text])

    assert (asked(1), asked(20)) == (1, 1)
    outside.webhook(master, receiver.url())
    assert (asked(1), asked(20)) == (2, 2)


def test_a_group_that_may_receive_no_more_and_an_account_that_left_change_nothing(
    world: World, network: Network, master: Group, school: UUID, outside: Outside, receiver: Receiver
) -> None:
    """A message keeps its group, wherever its account went (spec G13)."""
    skolan, omsorgen = world.group(master, "Skolan"), world.group(master, "Omsorgen")
    anna = world.account(skolan, "anna@kommun.example")
    outside.webhook(skolan, receiver.url("/s"))
    outside.webhook(omsorgen, receiver.url("/o"))
    message = send(world, network, anna)
    world.move_account(anna, omsorgen)
    world.set(master, Key.MAY_RECEIVE, False)
    network.says((message, "DELIVERED"))
    outside.tell()
    assert [(r.path, r.event["type"]) for r in receiver.received] == [
        ("/s", "message.sent"),
        ("/s", "message.delivered"),
    ]
