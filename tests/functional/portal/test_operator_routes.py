"""The operator's page of routes, and which way a text would go (spec X4, O1)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from webtest import TestResponse

from messa_platform.portal.routing.form import FAULTS
from messa_platform.providers.routing.routes import Fault
from messa_platform.providers.routing.rules import SenderKind
from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from tests.support.operators import an_operator, at_the_pages, done, page
from tests.support.portal import seen
from tests.support.prices import route, stored
from tests.support.visitors import Visitor
from tests.support.world import World

ROUTES, NEW = "/operator/routes", "/operator/routes/@@new"


@pytest.fixture
def operator(world: World, runtime: Runtime) -> Visitor:
    return at_the_pages(runtime, an_operator(world))


@pytest.fixture
def a(world: World) -> UUID:
    return world.channel("telia")


@pytest.fixture
def b(world: World, a: UUID) -> UUID:
    return world.channel("elks", priority=1)


def table(answer: TestResponse, identifier: str) -> list[list[str]]:
    """The cells of a table's rows, without what only screen readers say."""
    for hidden in answer.html.select(".vh"):
        hidden.decompose()
    rows = answer.html.select(f"#{identifier} tbody tr")
    return [[" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])] for row in rows]


def lines(answer: TestResponse) -> list[list[str]]:
    """The routes as they stand."""
    return [cells[:4] for cells in table(answer, "routes")]


def test_a_route_is_added_changed_and_removed(operator: Visitor, world: World, a: UUID, b: UUID) -> None:
    assert "No routes yet" in seen(page(operator, ROUTES))
    fields = {"prefix": "+46 70", "sender": "name", f"place-{a}": "2", f"place-{b}": "1", "cheapest": "1"}
    added = done(operator, NEW, {**fields, "needs-receipts": "1"})
    assert "The route is there." in seen(added, "body")
    assert lines(added) == [
        [
            "+4670…",
            "All organisations",
            "A sender name",
            "elks, telia The cheapest first Only those with: Delivery receipts",
        ]
    ]
    made = world.value("SELECT id FROM route")
    shown = page(operator, f"{ROUTES}/{made}").forms
    form = next(form for form in shown.values() if form.action.endswith(str(made)))
    assert form["prefix"].value == "+4670" and form["sender"].value == "name"
    assert (form[f"place-{b}"].value, form[f"place-{a}"].value) == ("1", "2")
    assert form["cheapest"].checked and form["needs-receipts"].checked and not form["needs-unicode"].checked
    changed = done(operator, f"{ROUTES}/{made}", {"prefix": "47", "sender": "", f"place-{a}": "1"})
    assert lines(changed) == [["+47…", "All organisations", "Any", "telia"]]
    gone = done(operator, ROUTES, {}, f"{ROUTES}/{made}/remove")
    assert "The route is gone." in seen(gone, "body")
    assert operator.send(NEW, {}, f"{ROUTES}/{made}/remove").status_int == 404
    page(operator, f"{ROUTES}/{made}", 404)


def test_a_route_for_an_organisation_may_name_its_own_channel(
    operator: Visitor, world: World, a: UUID
) -> None:
    own = world.channel("kommunens", tenant_id=world.tenant().tenant_id)
    assert "kommunens" not in page(operator, NEW).text
    form = f"{NEW}?organisation=kommun"
    assert "kommunens (the organisation" in page(operator, form).text
    added = done(operator, form, {"organisation": "kommun", "prefix": "", f"place-{own}": "1"}, NEW)
    assert lines(added) == [["All numbers", "Kommunen", "Any", "kommunens"]]
    strange = done(operator, ROUTES + "?organisation=", {"organisation": "ingen"}, NEW)
    assert "There is no organisation with that short name." in seen(strange, "body")


def test_what_is_wrong_is_said_beside_its_field(operator: Visitor, world: World, a: UUID) -> None:
    route(world, a, prefix="46")
    own = world.channel("kommunens", tenant_id=world.tenant().tenant_id)
    for fields, field, sentence in (
        ({"prefix": "070", f"place-{a}": "1"}, "prefix", "Write the digits that the numbers begin with"),
        ({"prefix": "hej", f"place-{a}": "1"}, "prefix", "Write the digits that the numbers begin with"),
        ({"prefix": "0046", f"place-{a}": "1"}, "prefix", "There is a route for these numbers"),
        ({"prefix": "47"}, "", "Give one channel a place at the least."),
        ({"prefix": "47", f"place-{a}": "x"}, f"place-{a}", "Write 1 for the first"),
        ({"prefix": "47", f"place-{own}": "1"}, "", "There is a channel among them that is gone"),
        ({"prefix": "47", f"place-{uuid4()}": "1"}, "", "There is a channel among them that is gone"),
    ):
        answer = operator.send(NEW, fields)
        assert answer.status_int == 422, fields
        assert sentence in seen(answer), (fields, seen(answer))
        assert not field or f'id="{field}-error"' in answer.text, fields
        assert f'value="{fields["prefix"]}"' in answer.text
    assert world.value("SELECT count(*) FROM route") == 1


def tried(operator: Visitor, to: str = "070-174 06 05", sender: str = "anna@kommun.example", text: str = "") -> TestResponse:  # fmt: skip
    """Ask which way a text would go."""
    address = operator.app.get(ROUTES, {"to": to, "from": sender, "text": text})
    assert address.status_int == 200
    return address


def test_the_whole_way_of_a_text_is_shown(operator: Visitor, world: World, a: UUID, b: UUID) -> None:
    master = world.tenant()
    anna = world.account(master, "anna@kommun.example")
    world.set(master, Key.SENDER_NAME, "Kommunen")
    broken, paused = world.channel("sinch", breaker="open"), world.channel("vonage", enabled=False)
    stored(world, a, {"46": 350_000})
    stored(world, b, {"46": 345_001, "47": 1})
    route(world, a, paused, broken, b, prefix="46", is_cheapest=True)
    answer = tried(operator)
    assert "To +46 70 174 06 05 from Kommunen." in seen(answer)
    assert "The route for all organisations: to +46…, from any sender, the cheapest first" in seen(answer)
    assert table(answer, "way") == [
        ["1", "elks Is taken", "SEK 0.345001", "–"],
        ["2", "telia", "SEK 0.35", "it costs more"],
        ["3", "sinch", "–", "it did not work just then"],
        ["–", "vonage Left out", "–", "it was paused"],
    ]
    world.submit(anna, ["+46701740605"])
    assert world.value("SELECT channel_id FROM message") == b  # as it was foretold
    other = tried(operator, "+4791234567")
    assert "The order of the channels" in seen(other)
    assert world.value("SELECT count(*) FROM message") == 1


def test_what_no_channel_can_carry_is_told_to_be_refused(operator: Visitor, world: World, a: UUID) -> None:
    world.account(world.tenant(), "anna@kommun.example")
    world.run("UPDATE channel SET capabilities = '{own_numbers,alphanumeric_sender}'")
    assert table(tried(operator), "way")[0][1] == "telia Is taken"
    answer = tried(operator, text="Жук")
    assert table(answer, "way") == [["–", "telia Left out", "–", "it cannot carry all letters of the text"]]
    assert "no_route There is no way for it" in seen(answer)


def test_who_may_receive_sends_as_a_number_also_before_it_is_lent(
    operator: Visitor, world: World, a: UUID, b: UUID
) -> None:
    master = world.tenant()
    world.account(master, "anna@kommun.example")
    world.set(master, Key.MAY_RECEIVE, True)
    route(world, b, kind=SenderKind.NUMBER)
    answer = tried(operator)
    assert "from a number that is lent to it then" in seen(answer)
    assert table(answer, "way")[0][1] == "elks Is taken"


def test_what_is_asked_for_must_be_a_number_and_an_account(operator: Visitor, world: World) -> None:
    world.account(world.tenant(), "anna@kommun.example")
    assert "There is no account with that address." in seen(tried(operator, sender="x@y.example"))
    assert "Enter a number" in seen(tried(operator, "hej"))
    assert "no_route" in seen(tried(operator))


def test_the_audit_log_tells_of_it_in_words(operator: Visitor, a: UUID) -> None:
    done(operator, NEW, {"prefix": "46", "sender": "name", f"place-{a}": "1", "cheapest": "1"})
    told = seen(page(operator, "/operator/audit"))
    assert "Added a route to +46" in told
    assert "Channels: telia" in told and "Sender: a sender name" in told and "The cheapest first: yes" in told


def test_everything_that_can_be_wrong_has_words() -> None:
    assert set(FAULTS) == set(Fault)


def test_of_what_organisations_keep_themselves_so_many_are_listed_and_all_that_is_the_operators(
    operator: Visitor, world: World, a: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messa_platform.providers.routing.routes.MOST_LISTED", 2)
    tenant = world.tenant().tenant_id
    own = world.channel("kommunens", tenant_id=tenant)
    route(world, own, tenant=tenant, prefix="1")
    for prefix in ("2", "3", "4"):
        route(world, a, own, tenant=tenant, prefix=prefix)
    assert "the first 2 are shown" not in seen(page(operator, ROUTES))
    for prefix in ("5", "6"):
        route(world, own, tenant=tenant, prefix=prefix)
    shown = page(operator, ROUTES)
    assert "the first 2 are shown" in seen(shown)
    assert [line[0] for line in lines(shown)] == ["+1…", "+2…", "+3…", "+4…", "+5…"]
