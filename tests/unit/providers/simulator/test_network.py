"""What the network decides, with a clock that stands still and a chance that is set."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.behaviour import Answer
from messa_platform.providers.simulator.callbacks import Callbacks, Target
from messa_platform.providers.simulator.conditions import BadConditions, Conditions, changed
from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.network import Network, Verdict, restore
from messa_platform.providers.simulator.store import Store

ANNA = "+46701740605"
OURS = "+46730000001"


class Bench:
    """A network on a table, with nobody to post to."""

    def __init__(self, directory: Path) -> None:
        self.clock = FixedClock(datetime(2026, 3, 2, 9, 15, tzinfo=UTC))
        self.journal = Journal.open(directory)
        self.store = Store(self.journal)
        self.callbacks = Callbacks(Target("http://x", "s"), self.journal, self.clock, self.store.reference)
        self.network = Network(
            self.journal, self.store, self.callbacks, self.clock, Random(7), Conditions(delivery_ms=400)
        )

    def take(self, to: str, message_id: str = "m1", sender: str = OURS, **other: Any) -> Verdict:
        request = {"seq": 1, "id": message_id, "from": sender, "to": to, "text": "Hej", "parts": 1} | other
        return self.network.take([request])[0]

    def said(self, to: str, message_id: str = "m1", **other: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.take(to, message_id, **other).answer)
        return answer

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(event.body) for event in sorted(self.callbacks._events)]

    def texts(self, number: str) -> int:
        return sum(1 for _ in self.store.phone(number).received())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def test_a_text_is_taken_answered_and_promised_a_receipt(bench: Bench) -> None:
    said = bench.said(ANNA)
    assert said["ok"] is True
    assert bench.events() == [
        {
            "type": "receipt",
            "reference": said["reference"],
            "status": "DELIVERED",
            "code": "000",
            "at": "2026-03-02T09:15:00.400+00:00",
        }
    ]


def test_the_same_message_twice_is_taken_twice_with_two_references(bench: Bench) -> None:
    assert bench.said(ANNA)["reference"] != bench.said(ANNA)["reference"]
    assert bench.texts(ANNA) == 2


def test_a_message_refused_twice_is_taken_the_third_time(bench: Bench) -> None:
    number = "+46700000005"
    assert [bench.said(number)["ok"] for _ in range(4)] == [False, False, True, False]
    assert bench.said(number, "m2") == {
        "seq": 1,
        "ok": False,
        "code": "temporarily_unavailable",
        "permanent": False,
    }
    assert bench.texts(number) == 1


def test_a_throttled_number_takes_one_text_a_second(bench: Bench) -> None:
    number = "+46700000006"
    first, second = bench.said(number), bench.said(number)
    bench.clock.move(timedelta(seconds=1))
    assert (first["ok"], second["ok"], second["code"], bench.said(number)["ok"]) == (
        True,
        False,
        "throttled",
        True,
    )


def test_a_phone_that_always_answers_does_not_answer_a_name(bench: Bench) -> None:
    bench.take("+46700000017")
    bench.take("+46700000017", sender="Demo kommun")
    replies = [event for event in bench.events() if event["type"] == "incoming"]
    assert [(reply["from"], reply["to"], reply["text"]) for reply in replies] == [
        ("+46700000017", OURS, "OK")
    ]
    assert replies[0]["at"] > bench.events()[0]["at"]


@pytest.mark.parametrize(
    "broken",
    [
        {"to": "0701740605"},
        {"to": "+46٧٠"},
        {"parts": 0},
        {"parts": "1"},
        {"text": None},
        {"id": 7},
        {"from": []},
    ],
)
def test_an_unfit_submit_is_refused_for_good_and_kept_nowhere(bench: Bench, broken: dict[str, Any]) -> None:
    request = {"seq": 9, "id": "m", "from": OURS, "to": ANNA, "text": "Hej", "parts": 1} | broken
    answer = json.loads(bench.network.take([request])[0].answer)
    assert answer == {"seq": 9, "ok": False, "code": "bad_request", "permanent": True}
    assert bench.store.submits == 0


@pytest.mark.parametrize(
    ("fault", "kind", "taken", "code"),
    [
        ("drop_submits", Answer.NONE, 0, "lost"),
        ("refuse", Answer.PROMPT, 0, "temporarily_unavailable"),
        ("cut_connections", Answer.CUT, 1, ""),
        ("drop_answers", Answer.NONE, 1, ""),
        ("malformed_answers", Answer.MALFORMED, 1, ""),
    ],
)
def test_a_fault_on_demand_strikes(bench: Bench, fault: str, kind: Answer, taken: int, code: str) -> None:
    conditions = changed(bench.network.conditions, {fault: 1})
    assert isinstance(conditions, Conditions)
    bench.network.conditions = conditions
    assert bench.take(ANNA).kind is kind
    assert bench.texts(ANNA) == taken
    assert [entry["code"] for entry in bench.store.submits_since(0, 9) or []] == [code]


def test_a_fault_strikes_its_share_of_the_texts(bench: Bench) -> None:
    bench.network.conditions = Conditions(drop_answers=0.25)
    kinds = [bench.take(ANNA, f"m{i}").kind for i in range(2_000)]
    assert 0.2 < kinds.count(Answer.NONE) / len(kinds) < 0.3
    assert bench.texts(ANNA) == 2_000


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("drop_receipts", []),
        ("repeat_receipts", ["DELIVERED", "DELIVERED"]),
        ("undelivered", ["UNDELIVERED"]),
    ],
)
def test_a_fault_of_the_receipts_strikes(bench: Bench, fault: str, statuses: list[str]) -> None:
    conditions = changed(Conditions(), {fault: 1})
    assert isinstance(conditions, Conditions)
    bench.network.conditions = conditions
    bench.take(ANNA)
    assert [event["status"] for event in bench.events()] == statuses


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        (None, "send a JSON object"),
        ([], "send a JSON object"),
        ({"explode": 1}, "'explode' is no fault; use any of: latency_ms"),
        ({"drop_answers": 1.5}, "share from 0 to 1"),
        ({"drop_answers": True}, "must be a number"),
        ({"latency_ms": "5"}, "must be a number"),
        ({"latency_ms": -1}, "whole milliseconds"),
        ({"latency_ms": 0.5}, "whole milliseconds"),
    ],
)
def test_conditions_that_cannot_be_say_what_to_write(wanted: object, hint: str) -> None:
    answer = changed(Conditions(), wanted)
    assert isinstance(answer, BadConditions)
    assert hint in answer.error


def test_conditions_change_only_what_is_named() -> None:
    assert changed(Conditions(delivery_ms=7), {"refuse": 0.5}) == Conditions(delivery_ms=7, refuse=0.5)


def test_a_restart_brings_back_phones_and_what_was_not_posted(tmp_path: Path, bench: Bench) -> None:
    bench.take(ANNA, "m1")
    bench.take(ANNA, "m2")
    bench.network.bring(ANNA, OURS, "Jag kommer")
    posted = sorted(bench.callbacks._events)[0]
    bench.journal.append([wire.encode({"kind": "posted", "keys": [posted.key]})])
    waiting = {event["reference"] for event in bench.events()} - {json.loads(posted.body)["reference"]}

    async def again() -> Bench:
        fresh = Bench(tmp_path)
        restore(fresh.journal, fresh.store, fresh.callbacks)
        return fresh

    fresh = asyncio.run(again())
    assert {event["reference"] for event in fresh.events()} == waiting
    assert fresh.texts(ANNA) == 2
    assert fresh.store.next_number() == 4
    fresh.journal.close()
