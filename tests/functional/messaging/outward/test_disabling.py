"""An endpoint that is gone or fails for days is disabled, and its admins hear of it (spec A3, V6)."""

from __future__ import annotations

from messa_platform.core.work import WorkState
from messa_platform.messaging.outward import endpoints
from messa_platform.messaging.outward.models import DisabledWhy, EndpointState
from tests.support.api_users import Keyring
from tests.support.told_endpoint import Told


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
