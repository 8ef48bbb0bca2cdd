"""The operator connects, changes and removes the platform's channels by the same forms as tenants do theirs (spec O1, X3)."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.providers.elks.fake import PASSWORD, USER, ElksFake
from messa_platform.providers.secrets import whole
from tests.functional.portal.operator_channels.conftest import CHANNELS, Desk
from tests.support.operators import page
from tests.support.portal import seen


def fill_in(desk: Desk, plugin: str, **fields: str) -> TestResponse:
    given = {name.replace("__", "-"): value for name, value in fields.items()}
    return desk.visitor.send(f"{CHANNELS}/new/{plugin}", given)


def kept(desk: Desk) -> dict[str, Any]:
    row = desk.world.rows("SELECT settings, sealed FROM channel")[0]
    return whole(desk.runtime.keys, row.settings, bytes(row.sealed))


def test_a_channel_of_the_platforms_is_connected_changed_and_removed(desk: Desk, fake: ElksFake) -> None:
    assert f'href="{CHANNELS}/new/elks"' in desk.page().text
    told = fill_in(desk, "elks", name="46elks", s__username=USER, s__password=PASSWORD, s__url=fake.base)
    assert told.status_int == 200 and f"?key={kept(desk)['callback_key']}" in told.text
    channel = desk.world.value("SELECT id FROM channel WHERE tenant_id IS NULL")
    opened = page(desk.visitor, f"{CHANNELS}/{channel}")
    assert PASSWORD not in opened.text and kept(desk)["callback_key"] not in opened.text
    form = next(form for form in opened.forms.values() if "version" in form.fields)
    form["name"] = "46elks Sverige"
    assert form.submit(status="*").status_int == 303
    assert desk.order() == ["1. 46elks Sverige"]
    assert "Without" not in seen(desk.press(channel, "test")) and fake.wrong == []
    question = seen(page(desk.visitor, f"{CHANNELS}/{channel}/remove"))
    assert "There is no other channel in use" in question and "last of your own" not in question
    desk.press(channel, "remove")
    assert "No channels yet" in seen(desk.page())
    assert [(actor, action) for actor, action, *_ in desk.audited()] == [
        ("operator", "channel_added"), ("operator", "channel_changed"), ("operator", "channel_removed"),
    ]  # fmt: skip
    assert desk.world.value("SELECT count(*) FROM audit_entry WHERE tenant_id IS NOT NULL") == 0
    log = seen(page(desk.visitor, "/operator/audit"))
    assert "Removed the channel 46elks Sverige" in log


def test_a_gateway_of_its_own_may_be_connected_and_what_is_wrong_is_told(desk: Desk) -> None:
    fields = {
        "name": "gateway",
        "s__username": "messa",
        "s__password": "x",
        "s__url": "http://127.0.0.1:13013",
    }
    wrong = fill_in(desk, "kannel", **fields, s__priority="9")
    assert wrong.status_int == 422 and "Priority, from 0 to 3: 3 is the most." in seen(wrong)
    assert fill_in(desk, "kannel", **fields, s__priority="3").status_int == 200
    assert kept(desk)["priority"] == 3
    again = fill_in(desk, "kannel", **fields)
    assert "Name: another channel has that name already." in seen(again)


def test_there_is_no_form_for_a_plugin_that_there_is_not(desk: Desk) -> None:
    for path in ("new", "new/gone", "new/elks/x"):
        page(desk.visitor, f"{CHANNELS}/{path}", 404)


def test_a_channel_whose_plugin_is_gone_can_be_removed_though_not_changed(desk: Desk) -> None:
    channel = desk.world.channel("gammal", plugin="gone", settings={"password": "i klartext"})
    opened = page(desk.visitor, f"{CHANNELS}/{channel}")
    assert "Its plugin cannot be used just now" in seen(opened) and "klartext" not in opened.text
    assert desk.visitor.send(f"{CHANNELS}/{channel}", {"name": "ny", "version": "1"}).status_int == 404
    desk.press(channel, "remove")
    assert desk.world.value("SELECT removed_at IS NOT NULL FROM channel")


def test_what_becomes_of_texts_in_doubt_is_chosen_and_told_in_the_audit_log(
    desk: Desk, fake: ElksFake
) -> None:
    fill_in(desk, "elks", name="46elks", s__username=USER, s__password=PASSWORD, s__url=fake.base)
    channel = desk.world.value("SELECT id FROM channel WHERE tenant_id IS NULL")
    for wanted in (True, False):
        opened = page(desk.visitor, f"{CHANNELS}/{channel}")
        form = next(form for form in opened.forms.values() if "version" in form.fields)
        assert form["resends"].checked is not wanted
        form["resends"] = wanted
        assert form.submit(status="*").status_int == 303
        assert desk.world.value("SELECT resends FROM channel WHERE id = :id", id=channel) is wanted
    assert "Texts in doubt are sent once more" in seen(page(desk.visitor, "/operator/audit"))


def test_what_a_channel_can_carry_is_known_at_once(desk: Desk, fake: ElksFake) -> None:
    fill_in(desk, "elks", name="46elks", s__username=USER, s__password=PASSWORD, s__url=fake.base)
    can = desk.world.value("SELECT capabilities FROM channel WHERE tenant_id IS NULL")
    assert "alphanumeric_sender" in can
