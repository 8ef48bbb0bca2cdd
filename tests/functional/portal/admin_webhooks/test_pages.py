"""The part Webhooks of the tab API: listed, made, changed, turned off and on, rotated, tested, told again, removed (spec V6)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.outward import endpoints
from messa_platform.messaging.outward.endpoints import LONGEST_DESCRIPTION, LONGEST_URL
from messa_platform.messaging.outward.events import EventType
from messa_platform.portal.admin.webhooks.one import SHOWN
from messa_platform.portal.admin.webhooks.words import EVENTS, field_of
from tests.support.network import Network
from tests.support.observe import statements
from tests.support.outside import Outside
from tests.support.portal import field_of as hidden
from tests.support.portal import seen
from tests.support.receiver import Receiver
from tests.support.town import CHIEF, Desk, Town
from tests.support.webhooks import SCHOOL, URL, a_webhook, at, secret_on

NEW = f"{SCHOOL}/new-webhook"
ALL = {field_of(kind): "1" for kind in EVENTS}
INCOMING = {field_of(EventType.INCOMING): "1"}


def made(town: Town, url: str = URL, **fields: str) -> tuple[UUID, str]:
    """Make a webhook of the school by the form; its id and its secret."""
    page = town.head.send(NEW, url=url, **(fields or ALL))
    assert page.status_int == 200, seen(page)
    return newest(town), secret_on(page)


def newest(town: Town) -> UUID:
    found: UUID = town.world.value("SELECT id FROM event_endpoint ORDER BY id DESC LIMIT 1")
    return found


def row(town: Town) -> Any:
    return town.world.rows("SELECT * FROM event_endpoint ORDER BY id DESC LIMIT 1")[0]


def actions(town: Town) -> list[str]:
    found = town.world.rows("SELECT action FROM audit_entry WHERE action LIKE 'webhook%' ORDER BY id")
    return [entry.action for entry in found]


def version(desk: Desk, webhook_id: UUID) -> str:
    return hidden(desk.get(at(webhook_id)), "version")


def ticked(page: TestResponse) -> set[str]:
    return {box["name"] for box in page.html.select("input[type=checkbox][checked]")}


# Made


def test_a_webhook_is_made_and_its_secret_told_once(town: Town) -> None:
    empty = town.head.get(SCHOOL)
    assert "New webhook" in seen(empty) and not empty.html.select("#webhooks-heading ~ div table")
    page = town.head.send(NEW, url=f" {URL} ", description="Larm\tservern", **INCOMING)
    secret = secret_on(page)
    assert page.cache_control.no_store and "only time that the secret is shown" in seen(page)
    one = at(newest(town))
    assert page.html.find("a", class_="start")["href"] == one
    own = town.head.get(one)
    assert secret not in own.text and own.html.h1.text == "Larm servern"
    assert own.html.find(id="url")["value"] == URL and ticked(own) == INCOMING.keys()
    assert row(town).event_types == ["message.incoming"]
    listed = town.head.get(SCHOOL)
    words = seen(listed)
    assert "Larm servern https://93.184.216.34/messa An answer has come On –" in words
    assert "hemligt" not in listed.text and secret not in listed.text
    assert actions(town) == ["webhook_added"]
    audit = seen(town.head.get("/t/kommun/skolan/@@audit?kind=webhooks"))
    assert "Added the webhook https://93.184.216.34/messa" in audit and "Events: An answer has come" in audit


def test_one_that_wants_all_hears_of_what_there_will_be_too(town: Town) -> None:
    webhook_id, _ = made(town)
    assert row(town).event_types == []
    assert ticked(town.head.get(at(webhook_id))) == ALL.keys()
    assert "https://93.184.216.34/messa Everything On –" in seen(town.head.get(SCHOOL))
    assert "Events: Everything" in seen(town.head.get("/t/kommun/skolan/@@audit?kind=webhooks"))


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"url": ""}, "url", "Write the address."),
        ({"url": "hej"}, "url", "The address is not a web address."),
        ({"url": "https://[fec0::1]/"}, "url", "The address leads into an internal network."),
        ({"url": "https://169.254.169.254/"}, "url", "The address leads into an internal network."),
        (
            {"url": URL + "x" * LONGEST_URL},
            "url",
            f"Shorten the address to {LONGEST_URL} characters at the most.",
        ),
        (
            {"description": "x" * (LONGEST_DESCRIPTION + 1)},
            "description",
            f"Shorten the description to {LONGEST_DESCRIPTION} characters at the most.",
        ),
        (dict.fromkeys(ALL, ""), "event-message-incoming", "Tick what it is to be told of"),
    ],
)
def test_what_will_not_do_stays_in_its_form_with_the_reason(
    town: Town, fields: dict[str, str], field: str, sentence: str
) -> None:
    webhook_id, _ = made(town)
    was = row(town)
    given = {"url": URL, "description": "Servern", **ALL, **fields}
    given = {name: value for name, value in given.items() if value or name == "url"}
    for page, more in ((NEW, {}), (at(webhook_id), {"version": "1", "do": "change"})):
        answer = town.head.send(page, **given, **more)
        assert answer.status_int == 422
        assert answer.html.select_one(f".error-summary a[href='#{field}']").text.startswith(sentence)
        assert sentence in answer.html.find(id=f"{field}-error").text
        assert answer.html.find(id="url")["value"] == given["url"]
        assert answer.html.find(id="description")["value"] == given["description"]
        assert ticked(answer) == given.keys() & ALL.keys()
    assert row(town) == was and actions(town) == ["webhook_added"]


def test_a_group_that_has_as_many_as_may_be_is_told_so(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messa_platform.messaging.outward.office.MOST", 1)
    monkeypatch.setattr(endpoints, "MOST", 1)
    made(town)
    assert "The group has 1 webhooks" in seen(town.head.get(SCHOOL))
    answer = town.head.send(NEW, url=URL, **ALL)
    assert answer.status_int == 422 and "The group has 1 webhooks, and cannot have more." in seen(answer)


# Changed


def test_it_is_changed(town: Town) -> None:
    webhook_id, _ = made(town)
    old = version(town.head, webhook_id)
    page = town.head.sent(
        at(webhook_id), do="change", version=old, url=f"{URL}2", description="Journalen", **INCOMING
    )
    assert page.html.h1.text == "Journalen" and "Saved." in seen(page, "body")
    assert row(town).url == f"{URL}2" and row(town).event_types == ["message.incoming"]
    assert actions(town) == ["webhook_added", "webhook_changed"]


def test_who_was_overtaken_sees_what_is_different_and_may_insist(town: Town) -> None:
    webhook_id, _ = made(town)
    a_webhook(town.world, town.school, description="En till dit")
    other = at(newest(town))
    old = version(town.head, webhook_id)
    mine = {"do": "change", "url": URL, "description": "Min", **ALL}
    town.chief.sent(at(webhook_id), do="change", version=old, url=URL, description="Chefens", **INCOMING)
    town.head.sent(other, do="disable")  # what becomes of another one at the same address is not told of
    answer = town.head.send(at(webhook_id), version=old, **mine)
    words = seen(answer)
    assert "Switched off" not in words
    assert answer.status_int == 409 and "nothing of yours was saved" in words
    assert "Description Min Chefens" in words and "Is told of Everything An answer has come" in words
    assert "an admin of an overlying group: Changed the webhook https://93.184.216.34/messa" in words
    assert CHIEF not in answer.text
    assert answer.html.find(id="description")["value"] == "Min" and ticked(answer) == ALL.keys()
    assert town.head.sent(at(webhook_id), version=hidden(answer, "version"), **mine).html.h1.text == "Min"


@pytest.mark.parametrize("given", ["", "x", "-1", "9" * 40, "²"])
def test_a_version_that_is_none_changes_nothing(town: Town, given: str) -> None:
    webhook_id, _ = made(town)
    for page, fields in (
        (at(webhook_id), {"do": "change", "url": f"{URL}2", **ALL}),
        (at(webhook_id), {"do": "rotate", "overlap": "24"}),
        (at(webhook_id, "remove"), {}),
    ):
        assert town.head.send(page, version=given, **fields).status_int == 409
    assert actions(town) == ["webhook_added"]


def test_it_is_turned_off_and_on_again(town: Town) -> None:
    webhook_id, _ = made(town)
    page = town.head.sent(at(webhook_id), do="disable")
    words = seen(page)
    assert (
        "State Off" in words
        and "Somebody has turned it off." in words
        and "Off since today" in words
        and "Send a test event" not in words
    )
    assert "Everything Off –" in seen(town.head.get(SCHOOL))
    for do in ("test", "again"):
        delivery = str(a_delivery(town, webhook_id))
        answer = town.head.send(at(webhook_id), do=do, delivery=delivery)
        assert answer.status_int == 422 and "Turn it on first." in seen(answer)
    page = town.head.sent(at(webhook_id), do="enable")
    assert "It is told of events again" in seen(page, "body") and "State On" in seen(page)
    assert actions(town) == ["webhook_added", "webhook_disabled", "webhook_changed"]


def a_delivery(town: Town, webhook_id: UUID) -> UUID:
    found: UUID = town.world.rows(
        "INSERT INTO event_delivery (id, tenant_id, endpoint_id, type, at, state, next_attempt_at)"
        " VALUES (gen_random_uuid(), :tenant, :id, 'webhook.test', :now, 'done', :now) RETURNING id",
        id=webhook_id,
        tenant=town.school.tenant_id,
        now=town.world.clock.now(),
    )[0].id
    return found


# Told


def test_what_happens_is_told_and_stands_in_the_log_with_what_came_of_it(
    town: Town, outside: Outside, receiver: Receiver
) -> None:
    network = Network(town.world)
    anna = town.person(town.class_4b, "anna@kommun.example")
    webhook_id, secret = made(town, receiver.url())
    town.world.words(anna, ["+46701740605"])
    network.accept()
    assert "Sent" in seen(town.head.get(at(webhook_id))) and "Waiting" in seen(town.head.get(at(webhook_id)))
    outside.tell()
    assert receiver.received[0].verified_by(secret)
    assert re.search(r"Sent today \S+ Delivered 1 HTTP 204 Send again", seen(town.head.get(at(webhook_id))))
    receiver.always(503)
    town.world.words(anna, ["+46701740606"])
    network.accept()
    outside.tell()
    words = seen(town.head.get(at(webhook_id)))
    assert re.search(r"Sent today \S+ Waiting 1 HTTP 503 Send again", words)
    assert "State Fails" in words and "has taken nothing since today" in words and "Next time: today" in words
    assert re.search(r"Everything Fails today \d\d:\d\d", seen(town.head.get(SCHOOL)))
    receiver.always(200)
    delivery = town.head.get(at(webhook_id)).html.find("input", attrs={"name": "delivery"})["value"]
    assert "It is sent again." in seen(town.head.sent(at(webhook_id), do="again", delivery=delivery), "body")
    outside.tell()
    assert [r.id for r in receiver.received[1:]] == [delivery] * 2
    words = seen(town.head.get(SCHOOL))
    assert re.search(r"Everything On today \d\d:\d\d", words)


def test_a_test_event_is_sent_also_to_one_that_wants_little(
    town: Town, outside: Outside, receiver: Receiver
) -> None:
    webhook_id, secret = made(town, receiver.url(), **INCOMING)
    page = town.head.sent(at(webhook_id), do="test")
    assert "A test event is on its way." in seen(page, "body") and "Test today" in seen(page)
    outside.tell()
    (received,) = receiver.received
    assert received.event["type"] == "webhook.test" and received.verified_by(secret)


def test_one_that_is_gone_is_off_and_says_why(town: Town, outside: Outside, receiver: Receiver) -> None:
    webhook_id, _ = made(town, receiver.url())
    receiver.always(410)
    town.head.sent(at(webhook_id), do="test")
    outside.tell()
    words = seen(town.head.get(at(webhook_id)))
    assert "The address answered that it is gone (410)." in words and "HTTP 410" in words
    assert re.search(r"Everything Off today \d\d:\d\d", seen(town.head.get(SCHOOL)))


def test_one_that_cannot_be_reached_says_so_in_words_and_was_given_up(town: Town) -> None:
    webhook_id, _ = made(town)
    delivery = a_delivery(town, webhook_id)
    town.world.run("UPDATE event_delivery SET state = 'parked', attempts = 13")
    town.world.run(
        "INSERT INTO delivery_attempt (id, delivery_id, endpoint_id, tenant_id, at, status, fault, milliseconds)"
        " VALUES (gen_random_uuid(), :delivery, :id, :tenant, :now, NULL, 'too_slow', 10000)",
        delivery=delivery,
        id=webhook_id,
        tenant=town.school.tenant_id,
        now=town.world.clock.now(),
    )
    words = seen(town.head.get(at(webhook_id)))
    assert "Given up 13 The server did not answer in time. Send again" in words
    town.head.sent(at(webhook_id), do="again", delivery=str(delivery))
    state = town.world.rows("SELECT state, attempts FROM event_delivery")[0]
    assert (state.state, state.attempts) == ("ready", 0)


def test_many_events_are_shown_page_by_page_at_the_same_cost(town: Town) -> None:
    webhook_id, _ = made(town)

    def cost(page: str) -> int:
        with statements(town.runtime.database.engine) as found:
            desk.get(page)
        return len(found)

    desk = town.head
    a_delivery(town, webhook_id)
    few = [cost(page) for page in (SCHOOL, at(webhook_id))]
    for _ in range(SHOWN + 2):
        a_delivery(town, webhook_id)
    for number in range(5):
        other = a_webhook(town.world, town.school, f"{URL}{number}", f"Nummer {number}")
    assert [cost(page) for page in (SCHOOL, at(webhook_id))] == few
    page = desk.get(at(webhook_id))
    first = {i["value"] for i in page.html.select("input[name=delivery]")}
    page = page.click("Show older events")
    rest = {i["value"] for i in page.html.select("input[name=delivery]")}
    assert (len(first), len(rest), len(first | rest)) == (SHOWN, 3, SHOWN + 3)
    assert "Back to the latest" in seen(page) and "Show older events" not in seen(page)
    assert desk.get(f"{at(other)}?before=x").status_int == 200


# Its secret


def test_a_new_secret_signs_beside_the_old_one_for_a_while(
    town: Town, outside: Outside, receiver: Receiver, clock: FixedClock
) -> None:
    webhook_id, old = made(town, receiver.url())
    answer = town.head.send(at(webhook_id), do="rotate", overlap="1", version=version(town.head, webhook_id))
    new = secret_on(answer)
    assert new != old and "The old secret signs beside it until today" in seen(answer)
    assert "The secret before this one signs until today" in seen(town.head.get(at(webhook_id)))
    town.head.sent(at(webhook_id), do="test")
    outside.tell()
    clock.move(timedelta(hours=1))
    town.head.sent(at(webhook_id), do="test")
    outside.tell()
    both, one = receiver.received
    assert both.verified_by(new) and both.verified_by(old)
    assert len(both.headers["webhook-signature"].split()) == 2
    assert len(one.headers["webhook-signature"].split()) == 1
    assert "signs until" not in seen(town.head.get(at(webhook_id)))
    assert actions(town)[-1] == "webhook_secret_rotated"


def test_two_who_rotate_at_once_do_not_take_the_first_secret_away(town: Town) -> None:
    webhook_id, _ = made(town)
    old = version(town.head, webhook_id)
    secret_on(town.chief.send(at(webhook_id), do="rotate", overlap="24", version=old))
    answer = town.head.send(at(webhook_id), do="rotate", overlap="24", version=old)
    assert answer.status_int == 409
    assert "Gave the webhook https://93.184.216.34/messa a new secret" in seen(answer)
    assert ticked(answer) == ALL.keys()
    assert actions(town) == ["webhook_added", "webhook_secret_rotated"]


def test_an_overlap_that_there_is_not_is_refused(town: Town) -> None:
    webhook_id, _ = made(town)
    old = version(town.head, webhook_id)
    for overlap in ("", "5", "x", "-1"):
        answer = town.head.send(at(webhook_id), do="rotate", overlap=overlap, version=old)
        assert answer.status_int == 422 and "Choose one of the alternatives." in seen(answer)
        assert ticked(answer) == ALL.keys() and answer.html.find(id="url")["value"] == URL


# Removed


def test_it_is_removed_after_a_question(town: Town) -> None:
    webhook_id, _ = made(town)
    page = town.head.get(at(webhook_id)).click("Remove the webhook")
    assert "A new webhook has a new secret." in seen(page)
    after = town.head.sent(at(webhook_id, "remove"), version=hidden(page, "version"))
    assert "It is told nothing any more." in seen(after, "body")
    town.head.get(at(webhook_id), 404)
    assert actions(town) == ["webhook_added", "webhook_removed"]


def test_one_that_was_changed_meanwhile_is_not_removed(town: Town) -> None:
    webhook_id, _ = made(town)
    old = hidden(town.head.get(at(webhook_id, "remove")), "version")
    town.chief.sent(at(webhook_id), do="change", version=old, url=f"{URL}2", **INCOMING)
    answer = town.head.send(at(webhook_id, "remove"), version=old)
    assert answer.status_int == 409 and "it was not removed" in seen(answer)
    assert "An answer has come" in seen(answer)
    assert "webhook_removed" not in actions(town)


def test_it_speaks_swedish(town: Town) -> None:
    webhook_id, _ = made(town)
    town.world.run("UPDATE account SET language = 'sv' WHERE id = :id", id=town.head_id)
    desk = town.head
    assert "Webhookar" in seen(desk.get(SCHOOL)) and "Får veta" in seen(desk.get(SCHOOL))
    assert "Skicka en provhändelse" in seen(desk.get(at(webhook_id)))
    assert "Ett svar har kommit" in seen(desk.get(NEW))
    assert "Det går inte att ångra." in seen(desk.get(at(webhook_id, "remove")))
