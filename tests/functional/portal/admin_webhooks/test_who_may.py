"""Who may look after which webhooks: the admins of the group, those above, the operator; and where these may not lead (G10, V8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from tests.support.api_users import Keyring
from tests.support.operators import an_operator, at_the_pages
from tests.support.portal import field_of as hidden
from tests.support.portal import seen
from tests.support.town import HEAD, Desk, Town
from tests.support.visitors import a_runtime, signed_in
from tests.support.webhooks import CARE, SCHOOL, URL, a_webhook, at, secret_on

NOBODY = "00000000-0000-7000-8000-000000000000"
FORMS: tuple[dict[str, str], ...] = (
    {"do": "change", "url": URL, "event-message-incoming": "1", "version": "1"},
    {"do": "rotate", "overlap": "0", "version": "1"},
    {"do": "disable"},
    {"do": "enable"},
    {"do": "test"},
)


def standing(town: Town) -> list[Any]:
    rows = town.world.rows("SELECT * FROM event_endpoint ORDER BY id")
    return [*rows, *town.world.rows("SELECT * FROM event_delivery ORDER BY id")]


def test_a_subadmin_neither_sees_nor_changes_the_webhooks_of_other_groups(town: Town) -> None:
    own, desk = a_webhook(town.world, town.school), town.head
    beyond = [
        a_webhook(town.world, group, "https://93.184.216.34/hemlig", "Hemlig")
        for group in (town.master, town.care, town.elsewhere, town.class_4b)
    ]
    was = standing(town)
    for base in ("/t/kommun/@@api", CARE, "/t/annan/@@api"):
        for webhook_id in beyond[:3]:
            desk.get(at(webhook_id, base=base), 404)
    for webhook_id in beyond:  # nor by the address of a group of one's own
        missing = [desk.get(at(one), 404).text for one in (webhook_id, NOBODY)]  # type: ignore[arg-type]
        assert missing[0].replace(str(webhook_id), NOBODY) == missing[1]
        for fields in FORMS:
            assert desk.send(at(own), at(webhook_id), **fields).status_int == 404
        assert desk.send(at(own), at(webhook_id, "remove"), version="1").status_int == 404
    assert "Hemlig" not in desk.get(SCHOOL).text and standing(town) == was
    town.head.get(at(beyond[3], base="/t/kommun/skolan/klass-4b/@@api"))


def test_an_event_of_another_webhook_is_not_sent_again_here(town: Town) -> None:
    own = a_webhook(town.world, town.school)
    for group in (town.school, town.care):
        other = a_webhook(town.world, group)
        delivery = town.world.value("SELECT id FROM event_delivery WHERE endpoint_id = :id", id=other)
        assert town.head.send(at(own), do="again", delivery=str(delivery)).status_int == 404
    for delivery in (NOBODY, "x", ""):
        assert town.head.send(at(own), do="again", delivery=delivery).status_int == 404
    assert town.world.value("SELECT count(*) FROM event_delivery WHERE state <> 'done'") == 0


def test_the_address_of_an_api_user_is_no_webhook(town: Town) -> None:
    user = Keyring(town.world).user(town.school)
    town.head.sent(f"{SCHOOL}/{user.id}", do="callback", api_url=URL)
    endpoint_id = town.world.value("SELECT id FROM event_endpoint")
    town.head.get(at(endpoint_id), 404)
    assert "93.184.216.34" not in seen(town.head.get(SCHOOL))


@pytest.mark.parametrize(
    "rest", ["webhook", "webhook/", "webhook/x", "webhook/{id}/x", "webhook/{id}/remove/x", "new-webhook/x"]
)
def test_what_leads_nowhere_is_not_found(town: Town, rest: str) -> None:
    webhook_id = a_webhook(town.world, town.school)
    town.head.get(f"{SCHOOL}/{rest.format(id=webhook_id)}", 404)


def test_a_button_that_there_is_not_does_nothing(town: Town) -> None:
    webhook_id = a_webhook(town.world, town.school)
    was = standing(town)
    assert town.head.send(at(webhook_id), do="explode").status_int == 404
    assert standing(town) == was


def test_the_operator_looks_after_the_webhooks_of_any_organisation(town: Town) -> None:
    operator = Desk(at_the_pages(town.runtime, an_operator(town.world)))
    secret_on(operator.send(f"{SCHOOL}/new-webhook", url=URL, **{"event-message-incoming": "1"}))
    entry = town.world.rows("SELECT actor, action FROM audit_entry ORDER BY id DESC LIMIT 1")[0]
    assert (entry.actor, entry.action) == ("operator", "webhook_added")


def test_who_was_dismissed_while_the_form_was_open_does_nothing(town: Town) -> None:
    webhook_id, desk = a_webhook(town.world, town.school), town.head
    token = hidden(desk.get(at(webhook_id)), "csrf_token")
    town.world.run("DELETE FROM group_admin WHERE account_id = :id", id=town.head_id)
    was = standing(town)
    for fields in FORMS:
        assert desk.visitor.post(at(webhook_id), {"csrf_token": token, **fields}).status_int == 404
    assert (
        desk.visitor.post(at(webhook_id, "remove"), {"csrf_token": token, "version": "1"}).status_int == 404
    )
    assert standing(town) == was


def test_where_this_machine_may_not_be_spoken_to_its_address_is_refused(
    town: Town, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    for url, sentence in (
        ("http://93.184.216.34/x", "The address does not begin with https."),
        ("https://127.0.0.1/x", "The address leads into an internal network."),
        ("https://93.184.216.34:22/x", "The address names a port that is not for web servers."),
    ):
        with a_runtime(database_url, tmp_path / "key", clock) as strict:
            answer = Desk(signed_in(strict, HEAD)).send(
                f"{SCHOOL}/new-webhook", url=url, **{"event-message-incoming": "1"}
            )
        assert answer.status_int == 422 and sentence in seen(answer)
