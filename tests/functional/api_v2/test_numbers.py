"""Numbers by v2: who holds which, and which rest (spec R1, R5)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.tenants import numbers
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program
from tests.support.observe import generic_plan, plan, statements


@pytest.fixture
def pool(api: Api) -> Group:
    """Numbers to lend, and a class below the school."""
    api.world.numbers()
    return api.world.group(api.school, "4A")


def lend(api: Api, account_id: UUID) -> str:
    """Lend a number to an account."""
    with api.world.database.unit_of_work() as session:
        sender = api.world.sender(account_id)
        return numbers.lend(session, api.world.clock.now(), [sender])[account_id]


def take_back(api: Api, account_id: UUID) -> None:
    with api.world.database.unit_of_work() as session:
        numbers.take_back_many(session, api.world.clock.now(), [account_id])


def told(program: Program, query: str = "") -> list[Any]:
    return [(n["number"], n["state"]) for n in program.get(f"/v2/numbers{query}")["items"]]


def test_a_number_is_told_with_who_holds_it_and_since_when(api: Api, school: Program, pool: Group) -> None:
    account = api.world.account(pool, "anna@kommun.example")
    number, own = lend(api, account), lend(api, school.user.id)
    items = school.get("/v2/numbers")["items"]
    assert [(n["number"], n["holder"], n["account_id"], n["group_id"], n["state"]) for n in items] == [
        (number, "account", str(account), str(pool.id), "lent"),
        (own, "api_user", str(school.user.id), str(api.school.id), "lent"),
    ]
    assert items[0]["lent_at"] and (items[0]["returned_at"], items[0]["rests_until"]) == (None, None)
    assert told(school, f"?group_id={pool.id}") == [(number, "lent")]


def test_a_number_taken_back_rests_and_then_is_nobodys(api: Api, school: Program, pool: Group) -> None:
    account = api.world.account(pool, "anna@kommun.example")
    number = lend(api, account)
    take_back(api, account)
    (resting,) = school.get("/v2/numbers")["items"]
    assert (resting["number"], resting["state"], resting["account_id"]) == (number, "resting", str(account))
    assert resting["returned_at"] < resting["rests_until"]
    api.world.clock.move(numbers.REST + timedelta(seconds=1))
    assert told(school) == []


def test_a_number_that_went_with_its_account_is_told_where_it_is_now_alone(
    api: Api, school: Program, pool: Group
) -> None:
    account = api.world.account(pool, "anna@kommun.example")
    number = lend(api, account)
    beside = api.world.group(api.master, "Vården")
    api.world.move_account(account, beside)
    with api.world.database.unit_of_work() as session:
        numbers.follow(session, api.world.clock.now(), [account])
    assert told(school) == []
    care, above = api.program(beside, "Vården"), api.program(api.master, "Ovan")
    assert told(care) == told(above) == [(number, "lent")]
    # nor does it rest in the group that it left
    take_back(api, account)
    assert told(school) == []
    assert told(above) == [(number, "resting")]


def test_the_list_goes_on_from_page_to_page_and_holds_nothing_from_beyond(
    api: Api, school: Program, pool: Group
) -> None:
    own = [lend(api, api.world.account(pool, f"a{place}@kommun.example")) for place in range(5)]
    for group in (api.master, api.world.tenant("annan", "Annan kommun")):
        lend(api, api.world.account(group, f"b@{group.slug}-{group.id.hex[-6:]}.example"))
    seen, cursor = [], ""
    while cursor is not None:
        page = school.get(f"/v2/numbers?limit=2{cursor and '&cursor=' + cursor}")
        assert len(page["items"]) <= 2
        seen += [number["number"] for number in page["items"]]
        cursor = page["next"]
    assert seen == own
    nothing = school.get(f"/v2/numbers?group_id={new_id()}", 404)
    assert school.get(f"/v2/numbers?group_id={api.master.id}", 404) == nothing


def test_a_tenants_numbers_are_read_by_an_index_of_their_own(
    api: Api, school: Program, pool: Group, database_url: str
) -> None:
    """Nobody's page walks through the lendings of everybody."""
    elsewhere = api.world.tenant("annan", "Annan kommun")
    stranger = api.world.account(elsewhere, "b@annan.example")
    lend(api, stranger)
    api.world.run(
        "INSERT INTO number_lending (id, tenant_id, group_id, account_id, msisdn, lent_at, returned_at)"
        " SELECT gen_random_uuid(), l.tenant_id, l.group_id, l.account_id, l.msisdn, l.lent_at, l.lent_at"
        " FROM number_lending l, generate_series(1, 20000)"
    )
    lend(api, api.world.account(pool, "anna@kommun.example"))
    api.world.run("ANALYZE number_lending")
    with statements(api.runtime.database.engine) as said:
        assert len(told(school)) == 1
    (read,) = [s for s in said if "FROM number_lending l" in s.text]
    for planned in (plan, generic_plan):
        assert "ix_number_lending_tenant" in json.dumps(planned(database_url, read))
