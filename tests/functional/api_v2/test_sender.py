"""What a text goes out as: by the rules, or by choice among what is open to the API user (spec V3, R1, R6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.messaging import schedule
from messa_platform.tenants.group_settings import Key
from tests.functional.api_v2.conftest import ANNA, KARIN, Api, Program

NAME = "Skolan"
LATER = timedelta(hours=1)


@pytest.fixture(autouse=True)
def named(api: Api) -> None:
    api.world.numbers()
    api.world.set(api.school, Key.SENDER_NAME, NAME)


@pytest.fixture
def answered(api: Api, school: Program) -> str:
    """The school may receive, and its program has a number."""
    api.world.set(api.school, Key.MAY_RECEIVE, True)
    number: str = school.send(KARIN, "Det första")["from"]
    assert number.startswith("+4673")
    return number


def many(**more: Any) -> dict[str, Any]:
    return {"recipients": [{"to": ANNA}, {"to": KARIN}], "text": "Hej", **more}


def locals_(api: Api) -> list[str]:
    return [row.local for row in api.world.rows("SELECT local FROM message WHERE text = 'Hej' ORDER BY id")]


def released(api: Api, clock: FixedClock) -> None:
    clock.move(LATER)
    runtime = api.runtime
    while schedule.release(runtime.database, clock, runtime.announcements):
        pass


def test_with_no_word_of_it_the_number_is_taken_where_there_is_one(
    api: Api, school: Program, answered: str
) -> None:
    assert school.send()["from"] == answered


@pytest.mark.parametrize("which", ["name", "number"])
def test_one_goes_out_as_was_chosen(api: Api, school: Program, answered: str, which: str) -> None:
    chosen = NAME if which == "name" else answered
    sent = school.send(**{"from": chosen})
    assert sent["from"] == chosen == school.get(f"/v2/messages/{sent['id']}")["from"]
    assert api.world.value("SELECT local FROM dispatch_queue WHERE id = :id", id=sent["id"]) == chosen


@pytest.mark.parametrize("which", ["name", "number"])
def test_many_go_out_as_was_chosen(api: Api, school: Program, answered: str, which: str) -> None:
    chosen = NAME if which == "name" else answered
    school.post("/v2/messages", many(**{"from": chosen}), 202)
    api.work()
    assert locals_(api) == [chosen, chosen]


def test_who_chooses_the_name_is_lent_no_number(api: Api, school: Program) -> None:
    api.world.set(api.school, Key.MAY_RECEIVE, True)
    assert school.send(**{"from": NAME})["from"] == NAME
    school.post("/v2/messages", many(**{"from": NAME}), 202)
    api.work()
    assert api.world.value("SELECT count(*) FROM number WHERE account_id IS NOT NULL") == 0
    assert school.send(text="Nu med nummer")["from"].startswith("+4673")


def refused(problem: Any, *allowed: str) -> None:
    assert problem["type"].endswith("/message-refused")
    told = {"pointer": "/from", "code": "not_allowed", "detail": f"must be one of {', '.join(allowed)}"}
    assert problem["errors"] == [told]


@pytest.mark.parametrize("chosen", ["Polisen", "skolan", "+46701740699", "112"])
def test_anything_else_is_refused_at_each_door_and_nothing_is_stored(
    api: Api, school: Program, answered: str, chosen: str
) -> None:
    before = api.world.value("SELECT count(*) FROM message")
    one = {"to": ANNA, "text": "Hej", "from": chosen}
    key = {"Idempotency-Key": "en-nyckel"}
    refused(school.post("/v2/messages", one, 403, **key), answered, NAME)
    refused(school.post("/v2/messages", many(**{"from": chosen}), 403, **key), answered, NAME)
    refused(school.post("/v2/messages/dry-run", one, 403), answered, NAME)
    assert api.world.value("SELECT count(*) FROM message") == before
    assert api.world.value("SELECT count(*) FROM sending") == 0
    # what was not done keeps no key
    school.post("/v2/messages", {**one, "from": NAME}, 201, **key)


def test_a_number_is_open_only_to_whom_it_is_lent_and_while_the_group_may_receive(
    api: Api, school: Program, answered: str
) -> None:
    other = api.program(api.school, "Annat")
    refused(other.send(status=403, **{"from": answered}), NAME)
    api.world.set(api.school, Key.MAY_RECEIVE, False)
    refused(school.send(status=403, **{"from": answered}), NAME)
    # the name of a group beside or above is not this one's
    api.world.set(api.master, Key.SENDER_NAME, "Kommunen")
    refused(school.send(status=403, **{"from": "Kommunen"}), NAME)


def test_a_dry_run_with_a_choice_that_is_open_says_what_would_become_of_it(school: Program) -> None:
    asked = {"to": ANNA, "text": "Hej", "from": NAME}
    assert school.post("/v2/messages/dry-run", asked)["status"] == "QUEUED"


def test_a_text_for_later_goes_out_as_was_chosen(
    api: Api, school: Program, answered: str, clock: FixedClock
) -> None:
    at = (clock.now() + LATER).isoformat()
    sent = school.send(send_at=at, **{"from": NAME})
    plain = school.send(KARIN, send_at=at)
    released(api, clock)
    assert [school.get(f"/v2/messages/{m['id']}")["from"] for m in (sent, plain)] == [NAME, answered]


def test_one_whose_time_comes_is_not_refused_when_the_choice_is_gone(
    api: Api, school: Program, answered: str, clock: FixedClock
) -> None:
    sent = school.send(send_at=(clock.now() + LATER).isoformat(), **{"from": NAME})
    api.world.set(api.school, Key.SENDER_NAME, "Grundskolan")
    released(api, clock)
    found = school.get(f"/v2/messages/{sent['id']}")
    assert (found["status"], found["from"]) == ("QUEUED", answered)


def test_a_batch_whose_choice_is_gone_before_it_is_worked_off_says_so(api: Api, school: Program) -> None:
    batch = school.post("/v2/messages", many(**{"from": NAME}), 202)
    api.world.set(api.school, Key.SENDER_NAME, "Grundskolan")
    api.work()
    after = school.get(f"/v2/batches/{batch['id']}")
    assert (after["state"], after["accepted"]) == ("finished", 0)
    assert after["statuses"] == {"sender_not_allowed": 2}
    assert locals_(api) == []
