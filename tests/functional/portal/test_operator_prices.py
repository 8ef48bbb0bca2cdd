"""The operator's page of price lists (spec X4, B9, O1)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from webtest import TestResponse, Upload

from messa_platform.portal.operator.price_words import _WRONG, REFUSALS
from messa_platform.providers.prices.cells import Wrong
from messa_platform.providers.prices.lists import Refusal
from messa_platform.runtime import Runtime
from tests.support.operators import an_operator, at_the_pages, page
from tests.support.portal import seen
from tests.support.prices import stored, today
from tests.support.visitors import Visitor, path_of, token_of
from tests.support.world import World

PRICES, NEW = "/operator/prices", "/operator/prices/@@new"
GOOD = "Prefix;Pris;Land\n46;0,35;Sverige\n4670;0,30;Sverige, Telia\n47;0,512345;Norge\n"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def operator(world: World, runtime: Runtime) -> Visitor:
    return at_the_pages(runtime, an_operator(world))


def upload(
    operator: Visitor, data: str | bytes, of: UUID | str = "new", day: str = "", **fields: str
) -> TestResponse:
    """Send the form for new prices; any answer will do."""
    content = data.encode() if isinstance(data, str) else data
    filled = {
        "csrf_token": token_of(operator.get(NEW)),
        "of": str(of),
        "name": "Normal" if of == "new" else "",
        "valid_from": day or operator.runtime.clock.now().date().isoformat(),
        "file": Upload("priser.csv", content),
        **fields,
    }
    return operator.app.post(NEW, filled, status="*")


def added(operator: Visitor, *given: object, **fields: str) -> TestResponse:
    """The same, which must be taken; the page that it leads to."""
    answer = upload(operator, *given, **fields)  # type: ignore[arg-type]
    assert answer.status_int == 303, seen(answer)[:2000]
    return page(operator, path_of(answer))


def faults(answer: TestResponse) -> list[tuple[str, str]]:
    """The rows that are told of, by their numbers."""
    rows = answer.html.select("#faults tbody tr")
    return [(row.th.get_text(), " ".join(row.td.get_text().split())) for row in rows]


def found(answer: TestResponse) -> list[list[str]]:
    rows = answer.html.select("#found tbody tr")
    return [[" ".join(cell.get_text().split()) for cell in row.find_all(["th", "td"])] for row in rows]


def test_prices_of_ours_are_put_there_and_looked_up(operator: Visitor) -> None:
    assert "No price lists yet" in seen(page(operator, PRICES))
    shown = seen(added(operator, GOOD))
    assert "They hold from midnight of their day on." in shown
    assert "Normal The standard" in shown and "Holds now 3" in shown
    assert f'value="{operator.runtime.clock.now():%Y-%m-%d}"' in page(operator, PRICES).text
    answer = page(operator, f"{PRICES}?number=070-174+06+05")
    [row] = found(answer)
    assert row[:4] == ["Normal", "4670", "Sverige, Telia", "SEK 0.30"]
    assert found(page(operator, f"{PRICES}?number=%2B4791234567"))[0][3] == "SEK 0.512345"
    assert found(page(operator, f"{PRICES}?number=%2B306912345678"))[0][3] == "No price"


def test_what_a_channel_costs_is_put_there_for_a_day_to_come(operator: Visitor, world: World) -> None:
    telia = world.channel("telia")
    world.channel("kommunens", tenant_id=world.tenant().tenant_id)
    stored(world, telia, {"46": 1})
    tomorrow = today(world, 1).isoformat()
    assert "kommunens" not in page(operator, NEW).text
    assert "They hold from midnight" in seen(added(operator, GOOD, telia, tomorrow))
    assert "in the place of those" in seen(added(operator, "46;0,1\n", telia, tomorrow))
    shown = seen(page(operator, PRICES))
    assert "What telia charges us" in shown
    assert "To come 1" in shown and "Holds now 1" in shown
    number = f"{PRICES}?number=0701740605"
    assert found(page(operator, number))[0][3] == "SEK 0.000001"
    assert found(page(operator, f"{number}&day={tomorrow}"))[0][3] == "SEK 0.10"


def test_every_row_that_is_wrong_is_told_at_once_and_nothing_is_stored(
    operator: Visitor, world: World
) -> None:
    answer = upload(operator, "Prefix;Pris\n070;gratis\n46;0,35\n+46;0,36\n47;0,1234567\n48;\n")
    assert answer.status_int == 422
    assert faults(answer) == [
        ("2", "“070” begins with 0. Begin with the country code, such as 46 for Sweden."),
        ("2", "“gratis” is no price. Write what a part costs in kronor, such as 0,35."),
        ("4", "The prefix “46” stands in row 3 with another price. Remove the one that is wrong."),
        ("5", "“0,1234567” has too many decimals: 6 at the most."),
        ("6", "The price is missing. Write what a part costs in kronor, such as 0,35."),
    ]
    assert "Nothing was stored: 4 rows need to be put right." in seen(answer)
    assert world.value("SELECT count(*) FROM price_list") == 0


def test_so_many_faults_are_shown_and_the_others_counted(operator: Visitor) -> None:
    answer = upload(operator, "Prefix;Pris\n" + "x;1\n" * 250)
    assert len(faults(answer)) == 200
    assert "And 50 more." in seen(answer)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\x89PNG\0", "The file is neither CSV nor Excel"),
        (b"\xd0\xcf\x11\xe0", "Save it as .xlsx without a password."),
        (b"Hit;Dit\n46;0,35\n", "The first row says: “Hit”, “Dit”."),
        (b"4" * (5 * 2**20 + 1), "The file is too large: 5 MB at most."),
        (b"4" * (7 * 2**20), "The file is too large: 5 MB at most."),
        (b"46;0,35\n" * 20_011, "The file has too many rows: 20,0"),
    ],
    ids=range(7),
)
def test_a_file_that_is_no_price_list_is_refused_with_what_to_do(
    operator: Visitor, data: bytes, sentence: str
) -> None:
    answer = upload(operator, data)
    assert answer.status_int == 422
    assert sentence in seen(answer)


def test_what_else_is_wrong_is_said_beside_its_field(operator: Visitor, world: World) -> None:
    added(operator, GOOD)
    sale = world.value("SELECT id FROM price_list")
    yesterday = today(world, -1).isoformat()
    for given, field, sentence in (
        ({"of": ""}, "of", "Choose what the prices are for."),
        ({"of": str(uuid4())}, "of", "Choose what the prices are for."),
        ({"of": sale}, "valid_from", "Choose tomorrow or a later day"),
        ({"of": "new", "name": "Ny", "day": yesterday}, "valid_from", "Choose tomorrow or a later day"),
        ({"of": "new", "day": "2026-13-01"}, "valid_from", "Enter a day"),
        ({"of": "new", "name": "  "}, "name", "Give the new price list a name."),
        ({"of": "new", "name": "n" * 61}, "name", "60 characters at the most"),
        ({"of": "new", "file": ""}, "file", "Choose a file."),
    ):
        answer = upload(operator, GOOD, **given)  # type: ignore[arg-type]
        assert answer.status_int == 422, given
        assert f'id="{field}-error"' in answer.text and sentence in seen(answer), (given, seen(answer))
    assert world.value("SELECT count(*) FROM price_version") == 1


def test_a_version_is_downloaded_as_it_was_uploaded(operator: Visitor, world: World) -> None:
    added(operator, GOOD, name="Våra priser")
    version = world.value("SELECT id FROM price_version")
    before = world.rows("SELECT prefix, amount, name FROM price ORDER BY prefix")
    for kind, content_type in (("csv", "text/csv"), ("xlsx", XLSX)):
        answer = page(operator, f"{PRICES}/{version}/{kind}")
        assert answer.content_type == content_type
        assert f'filename="V-ra-priser-{today(world)}.{kind}"' in answer.headers["Content-Disposition"]
        added(operator, answer.body, name=f"Igen {kind}")
        again = world.rows(
            "SELECT p.prefix, p.amount, p.name FROM price p JOIN price_version v ON v.id = p.version_id"
            " JOIN price_list l ON l.id = v.list_id WHERE l.name = :name ORDER BY prefix",
            name=f"Igen {kind}",
        )
        assert again == before
    assert page(operator, f"{PRICES}/{version}/csv").body.startswith("\N{BYTE ORDER MARK}".encode())


def test_prices_to_come_can_be_removed_and_others_cannot(operator: Visitor, world: World) -> None:
    holds, coming = stored(world, "Normal", {"46": 1}), stored(world, "Normal", {"46": 2}, 1)
    assert page(operator, PRICES).text.count("/remove") == 1
    answer = operator.send(PRICES, {}, f"{PRICES}/{coming}/remove")
    assert "The prices that were to come are gone." in seen(page(operator, path_of(answer)), "body")
    answer = operator.send(NEW, {}, f"{PRICES}/{holds}/remove")
    assert "Nothing was done" in seen(page(operator, path_of(answer)), "body")
    assert operator.send(NEW, {}, f"{PRICES}/{coming}/remove").status_int == 404
    assert world.value("SELECT count(*) FROM price_version") == 1


def test_another_list_is_made_the_standard(operator: Visitor, world: World) -> None:
    for name in ("Normal", "Storkund"):
        stored(world, name, {"46": 1})
    other = world.value("SELECT id FROM price_list WHERE NOT is_standard")
    answer = operator.send(PRICES, {"list": str(other)}, f"{PRICES}/@@standard")
    assert "Storkund The standard" in seen(page(operator, path_of(answer)))
    for wrong in ("x", str(uuid4())):
        assert operator.send(PRICES, {"list": wrong}, f"{PRICES}/@@standard").status_int == 404


def test_prices_of_a_tenants_channel_are_not_the_operators_to_see(operator: Visitor, world: World) -> None:
    telia = world.channel("telia")
    version = stored(world, telia, {"46": 1}, 1)
    world.run("UPDATE channel SET tenant_id = :t", t=world.tenant().tenant_id)
    for what in ("csv", "xlsx"):
        page(operator, f"{PRICES}/{version}/{what}", 404)
    assert operator.send(NEW, {}, f"{PRICES}/{version}/remove").status_int == 404


def test_what_is_looked_up_must_be_a_number_and_a_day(operator: Visitor, world: World) -> None:
    assert "Enter a number" in seen(page(operator, f"{PRICES}?number=hej"))
    assert "Enter a day" in seen(page(operator, f"{PRICES}?number=0701740605&day=i+morgon"))
    assert "No price list holds on that day." in seen(page(operator, f"{PRICES}?number=0701740605"))
    world.clock.move(timedelta(days=1))


def test_the_audit_log_tells_of_it_in_words(operator: Visitor, world: World) -> None:
    world.channel("telia")
    added(operator, GOOD)
    told = seen(page(operator, "/operator/audit"))
    assert "prices for Normal" in told
    assert "Kind: what we charge" in told and "Number of prices: 3" in told


def test_everything_that_can_be_wrong_has_words() -> None:
    assert set(_WRONG) == set(Wrong)
    assert set(REFUSALS) == set(Refusal)
