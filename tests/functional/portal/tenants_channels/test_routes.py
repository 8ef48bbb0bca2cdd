"""An organisation's routes in the portal: its admins read those that hold for it, and keep those over its own channels (spec X4)."""

from __future__ import annotations

from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.providers.routing.routes import MOST_OWN
from messa_platform.runtime import Runtime
from tests.functional.portal.tenants_channels.conftest import Office
from tests.support.operators import done, page
from tests.support.portal import seen
from tests.support.prices import route
from tests.support.world import World

ROUTES, NEW = "/t/kommun/@@routes", "/t/kommun/@@routes/new"


@pytest.fixture
def own(world: World, office: Office) -> UUID:
    return world.channel("kommunens", tenant_id=office.master.tenant_id)


def lines(answer: TestResponse) -> list[list[str]]:
    """The routes as they stand, without what only screen readers say."""
    for hidden in answer.html.select(".vh"):
        hidden.decompose()
    rows = answer.html.select("#routes tbody tr")
    return [[" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])] for row in rows]


def test_a_route_is_added_changed_and_removed(world: World, office: Office, own: UUID) -> None:
    assert "No routes yet" in seen(page(office.visitor, ROUTES))
    second = world.channel("reserven", tenant_id=office.master.tenant_id, priority=1)
    fields = {"prefix": "+46 70", "sender": "name", f"place-{own}": "2", f"place-{second}": "1"}
    added = done(office.visitor, NEW, {**fields, "cheapest": "1", "needs-receipts": "1"})
    assert "The route is there." in seen(added, "body")
    assert lines(added) == [
        [
            "+4670…",
            "Your organisation",
            "A sender name",
            "reserven, kommunens The cheapest first Only those with: Delivery receipts",
            "Change Remove",
        ]
    ]
    made = world.value("SELECT id FROM route")
    forms = page(office.visitor, f"{ROUTES}/{made}").forms
    form = next(form for form in forms.values() if form.action.endswith(str(made)))
    assert (form["prefix"].value, form["sender"].value) == ("+4670", "name")
    assert (form[f"place-{second}"].value, form[f"place-{own}"].value) == ("1", "2")
    changed = done(office.visitor, f"{ROUTES}/{made}", {"prefix": "47", "sender": "", f"place-{own}": "1"})
    assert [line[:4] for line in lines(changed)] == [["+47…", "Your organisation", "Any", "kommunens"]]
    gone = done(office.visitor, ROUTES, {}, f"{ROUTES}/{made}/remove")
    assert "The route is gone." in seen(gone, "body")
    assert office.visitor.send(NEW, {}, f"{ROUTES}/{made}/remove").status_int == 404
    page(office.visitor, f"{ROUTES}/{made}", 404)
    actors = world.rows("SELECT actor, group_id FROM audit_entry WHERE action LIKE 'route%'")
    assert actors == [("admin", office.master.id)] * 3


def test_those_of_the_operators_are_read_without_names_and_cannot_be_opened(
    world: World, office: Office, neighbour: Office, own: UUID
) -> None:
    telia, tenant = world.channel("telia"), office.master.tenant_id
    theirs = world.channel("deras", tenant_id=neighbour.master.tenant_id)
    kept = [
        route(world, own, telia, tenant=tenant, prefix="46"),
        route(world, telia),
        route(world, theirs, tenant=neighbour.master.tenant_id),
    ]
    shown = page(office.visitor, ROUTES)
    assert lines(shown) == [
        ["+46…", "The operator, for you", "Any", "kommunens, the platform's channels", "–"],
        ["All numbers", "The operator, for all", "Any", "the platform's channels", "–"],
    ]
    assert not [word for word in ("telia", "deras", str(telia)) if word in shown.text]
    for made in kept:
        address = f"{ROUTES}/{made}"
        page(office.visitor, address, 404)
        for action in (address, f"{address}/remove"):
            assert office.visitor.send(NEW, {"prefix": "1", f"place-{own}": "1"}, action).status_int == 404
    assert "telia" not in page(office.visitor, NEW).text
    assert world.value("SELECT count(*) FROM route") == 3


def test_what_is_wrong_is_said_beside_its_field(world: World, office: Office, own: UUID) -> None:
    telia = world.channel("telia")
    route(world, own, tenant=office.master.tenant_id, prefix="46")
    place = f"place-{own}"
    for fields, field, sentence in (
        ({"prefix": "070", place: "1"}, "prefix", "Write the digits that the numbers begin with"),
        ({"prefix": "46", place: "1"}, "prefix", "There is a route for these numbers"),
        ({"prefix": "47"}, "", "Give one channel a place at the least."),
        ({"prefix": "47", place: "x"}, place, "Write 1 for the first"),
        ({"prefix": "47", f"place-{telia}": "1"}, "", "There is a channel among them that is gone"),
    ):
        answer = office.visitor.send(NEW, fields)
        assert answer.status_int == 422 and sentence in seen(answer), (fields, seen(answer))
        assert not field or f'id="{field}-error"' in answer.text, fields
    for number in range(MOST_OWN - 1):
        route(world, own, tenant=office.master.tenant_id, prefix=str(1000 + number))
    full = office.visitor.send(NEW, {"prefix": "47", place: "1"})
    assert full.status_int == 422 and "as many routes as there can be" in seen(full)


def test_without_a_channel_of_its_own_an_organisation_is_shown_the_way_to_one(office: Office) -> None:
    shown = page(office.visitor, ROUTES)
    assert "Routes of your own lead over channels of your own." in seen(shown)
    assert shown.html.find("a", href="/t/kommun/@@marketplace") and not shown.html.find("a", href=NEW)
    assert office.shown().html.find("a", href=ROUTES)


def test_before_a_channel_is_removed_its_routes_are_told_and_afterwards_that_it_is_gone(
    world: World, office: Office, own: UUID, runtime: Runtime
) -> None:
    tenant = office.master.tenant_id
    second = world.channel("reserven", tenant_id=tenant, priority=1)
    question = f"{office.base}/{own}/remove"
    assert "names it" not in seen(page(office.visitor, question))
    route(world, own, second, tenant=tenant, prefix="46")
    assert "1 route names it, and passes it over" in seen(page(office.visitor, question))
    assert "has no other channel" not in seen(page(office.visitor, question))
    route(world, own, tenant=tenant, prefix="47")
    said = seen(page(office.visitor, question))
    assert "2 routes name it" in said and "1 of them has no other channel" in said
    office.press(own, "remove")
    assert [line[3] for line in lines(page(office.visitor, ROUTES))] == [
        "kommunens (removed), reserven",
        "kommunens (removed)",
    ]
