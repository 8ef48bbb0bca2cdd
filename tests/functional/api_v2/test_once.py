"""The same request with one Idempotency-Key is done once, however often and however many at once it comes (spec V3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.messaging import idempotency
from tests.functional.api_v2.conftest import ANNA, KARIN, Api, Program
from tests.support.observe import together

KEY = {"Idempotency-Key": "9f6c1a1e-larm-4711"}
MANY = {"recipients": [{"to": ANNA}, {"to": KARIN}], "text": "Hej"}
ONE = {"to": ANNA, "text": "Hej"}


def counts(api: Api) -> tuple[int, int]:
    return api.world.value("SELECT count(*) FROM message"), api.world.value("SELECT count(*) FROM sending")


@pytest.mark.parametrize(("body", "made"), [(ONE, (1, 0)), (MANY, (0, 1))])
def test_a_repeated_request_gets_the_answer_of_the_first_time(
    api: Api, school: Program, body: Any, made: tuple[int, int]
) -> None:
    first = school.ask("POST", "/v2/messages", body, **KEY)
    again = school.ask("POST", "/v2/messages", body, **KEY)
    assert first.status_int in (201, 202)
    assert (again.status_int, again.body, again.headers["Location"]) == (
        first.status_int,
        first.body,
        first.headers["Location"],
    )
    assert counts(api) == made


@pytest.mark.parametrize(("body", "made"), [(ONE, (1, 0)), (MANY, (0, 1))])
def test_twenty_at_once_are_one_and_get_equal_answers(
    api: Api, school: Program, body: Any, made: tuple[int, int]
) -> None:
    answers = together([lambda: school.ask("POST", "/v2/messages", body, **KEY).body] * 20)
    assert len(set(answers)) == 1
    assert b'"id"' in answers[0]
    assert counts(api) == made


def test_a_refusal_is_kept_too(api: Api, school: Program) -> None:
    first = school.ask("POST", "/v2/messages", {"to": "12", "text": "Hej"}, 403, **KEY)
    again = school.ask("POST", "/v2/messages", {"to": "12", "text": "Hej"}, 403, **KEY)
    assert (again.body, again.content_type) == (first.body, "application/problem+json")
    assert counts(api) == (1, 0)


@pytest.mark.parametrize("together_with", [0, 3])
def test_what_says_that_one_should_come_again_may_come_again_with_the_same_key(
    api: Api, school: Program, together_with: int
) -> None:
    """There is no route just now (503, with Retry-After): once there is one, the text goes out, and once."""
    channel = api.world.rows("SELECT * FROM channel")[0]
    api.world.run("DELETE FROM channel")
    school.post("/v2/messages", ONE, 503, **KEY)
    api.world.channel(name=channel.name)
    answers = together(
        [lambda: school.ask("POST", "/v2/messages", ONE, 201, **KEY).body] * (1 + together_with)
    )
    assert len(set(answers)) == 1
    assert api.world.rows("SELECT status FROM message ORDER BY id") == [("no_route",), ("QUEUED",)]


def test_what_was_not_looked_at_may_be_sent_again_with_the_same_key(api: Api, school: Program) -> None:
    school.post("/v2/messages", {"to": ANNA}, 422, **KEY)
    school.post("/v2/messages", ONE, 201, **KEY)


def test_another_request_with_the_key_is_refused_and_another_api_users_key_is_another(
    api: Api, school: Program
) -> None:
    school.post("/v2/messages", ONE, 201, **KEY)
    problem = school.post("/v2/messages", {**ONE, "text": "Annat"}, 422, **KEY)
    assert problem["type"].endswith("idempotency-key-reused")
    api.program(api.school, "Annat").post("/v2/messages", ONE, 201, **KEY)
    assert counts(api) == (2, 0)


def test_after_a_day_a_key_stands_for_nothing(api: Api, school: Program, clock: FixedClock) -> None:
    first = school.post("/v2/messages", ONE, 201, **KEY)
    clock.move(timedelta(hours=24, seconds=1))
    assert school.post("/v2/messages", ONE, 201, **KEY)["id"] != first["id"]
    clock.move(timedelta(hours=24))
    with api.world.database.unit_of_work() as session:
        idempotency.forget_old(session, clock.now())
    assert api.world.value("SELECT count(*) FROM idempotency_key") == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "ett\ttabb"])
def test_a_key_that_cannot_be_used_is_told(school: Program, key: str) -> None:
    problem = school.post("/v2/messages", ONE, 400, **{"Idempotency-Key": key})
    assert [e["pointer"] for e in problem["errors"]] == ["Idempotency-Key"]
