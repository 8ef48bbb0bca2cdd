"""A channel fails under load in every way that a gateway can: nothing is lost, nothing sent twice, and the log tells (spec X4, X6).

Two channels, each with a gateway in a process of its own whose journal testifies, two processes of the platform, 200 texts a second. The
first channel stops to answer, refuses, is gone, and works again. `--fault-rounds` and `--seed` make a longer drill of it.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from messa_platform.demo.api_users import V2_KEY
from messa_platform.messaging.failover import MOVED
from messa_platform.messaging.outcomes import ABSENT, IN_DOUBT
from messa_platform.providers.breaker import LONGEST_PAUSE, TRIALS
from tests.support.drill_book import Way, turns, ways
from tests.support.faulty_gateway import FaultyGateway, Phase, a_faulty_gateway, submits
from tests.support.platform import Platform, a_platform
from tests.support.processes import HOST, ask, free_port, wait_for
from tests.support.steady_load import TEXT, Load, SteadyLoad

RATE = 200
FIRST, SECOND = "first", "simulator"
TIMEOUT = 3.5
"""Seconds after which the first channel's plugin gives up an answer."""
OPENS_WITHIN = 5.0
GROUNDS = 2.0
"""Seconds until every process has heard that a channel's breaker turned: by which channel texts go is read anew after a second."""
BEFORE, AFTER = 5.0, 15.0
"""Seconds of load before the first fault, and after the channel works again."""
OURS = f"{TEXT} %"

Submits = list[dict[str, Any]]


@dataclass(frozen=True)
class Stage:
    """A fault that lasts so many seconds, and then until the query is true."""

    phase: Phase
    seconds: float
    until: str = ""


@dataclass
class Round:
    """Faults in a row, and then none: since when the first was there, and since when all is well again, in seconds since 1970."""

    stages: Sequence[Stage]
    fault_at: float = 0.0
    well_at: float = 0.0


NO_DOUBTS = "NOT EXISTS (SELECT FROM dispatch_queue WHERE doubts > 0)"
SETTLED = f"SELECT {NO_DOUBTS} FROM channel WHERE name = :first"
WORKS = "SELECT breaker = 'closed' FROM channel WHERE name = :first"
TRIED = f"SELECT openings > 1 AND {NO_DOUBTS} FROM channel WHERE name = :first"


def the_short_round() -> Round:
    """The breaker opens while the gateway is silent; the test goes well and the trial badly while it refuses; then it is gone for as long as
    a new process takes to start, and the next test finds it well."""
    return Round([Stage(Phase.SILENT, 7.0), Stage(Phase.REFUSING, 1.0, TRIED), Stage(Phase.GONE, 0.5)])


def a_random_round(chance: random.Random) -> Round:
    """Some faults in any order; the first lasts long enough to be noticed for sure."""
    faults = chance.sample([phase for phase in Phase if phase is not Phase.WELL], chance.randint(1, 3))
    lasting = [chance.uniform(1, 5) + (0 if place else OPENS_WITHIN) for place in range(len(faults))]
    return Round([Stage(fault, seconds) for fault, seconds in zip(faults, lasting, strict=True)])


@dataclass
class Drill:
    """Two channels, the first of which fails, and two processes of the platform that share the load."""

    platform: Platform
    first: FaultyGateway
    ports: tuple[int, int]
    rounds: list[Round] = field(default_factory=list)

    def run(self, round_: Round) -> None:
        """Let the first channel fail, then work again, and wait until texts leave by it and no doubt is left."""
        self.rounds.append(round_)
        for stage in round_.stages:
            began = self.first.become(stage.phase)
            round_.fault_at = round_.fault_at or began
            time.sleep(stage.seconds)
            if stage.until:
                with suppress(AssertionError):  # what did not come about is judged in the end
                    self.wait(stage.until, 15)
        round_.well_at = self.first.become(Phase.WELL)
        self.wait(WORKS, LONGEST_PAUSE + 15)
        self.wait(SETTLED, 120)

    def wait(self, query: str, seconds: float) -> None:
        """Wait until a query of the first channel is true."""
        wait_for(lambda: self.platform.value(query, first=FIRST), seconds, query)


@contextmanager
def a_drill(server: str, template: str, directory: Path) -> Iterator[Drill]:
    """The platform, started, with the first channel before the demo's own."""
    with a_platform(server, template, directory) as platform:
        callbacks = f"http://{HOST}:{platform.web_port}/providers/{FIRST}"
        arguments = ("--callback-url", callbacks, "--delivery-ms", "50")
        with a_faulty_gateway(directory / FIRST, *arguments) as first:
            settings = {"port": first.port, "timeout": TIMEOUT}
            platform.do(
                "INSERT INTO channel (id, name, plugin, settings, priority, refilled_at) SELECT :id, :name, plugin, settings"
                " || jsonb_build_object('port', CAST(:port AS int), 'timeout', CAST(:timeout AS float)), -1, now()"
                " FROM channel WHERE name = :second",
                **settings,
                **{"id": uuid4(), "name": FIRST, "second": SECOND},
            )
            ports = _two_processes(platform)
            yield Drill(platform, first, ports)


def _two_processes(platform: Platform) -> tuple[int, int]:
    """Start the platform twice over its one database; their ports."""
    ports = (platform.web_port, free_port())
    platform.environment.update(MESSA_MESSA_LOG_FORMAT="json", MESSA_MESSA_LOG_LEVEL="INFO")
    children = [platform.run("serve")]
    platform.environment.update(MESSA_WEB_PORT=str(ports[1]), MESSA_SMTP_PORT=str(free_port()))
    children.append(platform.run("serve", log="messa-2.log"))
    for child, port in zip(children, ports, strict=True):
        child.until(partial(_is_ready, port))
    return ports


def _is_ready(port: int) -> bool:
    try:
        return ask(port, "GET", "/readyz", None).status == 200
    except OSError:
        return False


def test_a_channel_that_times_out_refuses_and_recovers_under_load_loses_and_doubles_nothing(
    server: str, template: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    rounds, seed = request.config.getoption("--fault-rounds"), request.config.getoption("--seed")
    chance = random.Random(seed)
    print(f"fault drill: {f'{rounds} rounds, seed {seed}' if rounds else 'the short form'}")
    with a_drill(server, template, tmp_path) as drill:
        load = SteadyLoad(drill.ports, RATE)
        try:
            time.sleep(BEFORE)
            for round_ in [a_random_round(chance) for _ in range(rounds)] or [the_short_round()]:
                drill.run(round_)
                time.sleep(AFTER)
        finally:
            handed_in = load.end()
        _every_text_is_final(drill, handed_in)
        books = ways(drill.platform, OURS)
        first, second = drill.first.submits(), submits(drill.platform.simulator)
        _tell(drill, handed_in, books, first)
        _the_load_was_handed_in(handed_in)
        _each_text_has_one_end(handed_in, books)
        _each_text_was_taken_once(books, first, second)
        _each_way_is_told(books, first)
        _the_breaker_opened_and_closed(drill, books)
        _v2_tells_the_same(drill, books)
        _the_load_was_stored(books)
        if not rounds:
            _every_fault_struck(drill, books, first)


def _every_text_is_final(drill: Drill, load: Load) -> None:
    count = "SELECT count(*) FROM message WHERE text LIKE :pattern AND status NOT IN ('QUEUED', 'SENT', 'BUFFERED')"
    drill.platform.until(
        lambda: drill.platform.value(count, pattern=OURS) >= len(load.numbers), 30, "every text final"
    )


def _tell(drill: Drill, load: Load, books: Sequence[Way], first: Submits) -> None:
    turned = turns([child.log for child in drill.platform.children], FIRST)
    for round_ in drill.rounds:
        told = [
            f"{'opened' if t.opened else 'closed'} {t.at - round_.fault_at:.1f} s"
            for t in turned
            if t.at > round_.fault_at
        ]
        faults = ", ".join(stage.phase.name for stage in round_.stages)
        print(f"{faults}, well after {round_.well_at - round_.fault_at:.1f} s: {', '.join(told[:6])}")
    kinds = Counter(" · ".join(["by " + way.channel, *way.words]) for way in books)
    waits = sorted(way.seconds_to("SENT") for way in books if not _doubted(way))
    print(f"{len(load.numbers)} texts, {load.rate:.0f} a second; {len(first)} submits at the first channel")
    print(
        f"sent after {waits[len(waits) // 2]:.2f} s, 99 of 100 {waits[len(waits) * 99 // 100]:.2f} s, all {waits[-1]:.2f} s"
    )
    print("\n".join(f"{count:7} {kind}" for kind, count in kinds.most_common()))


def _doubted(way: Way) -> bool:
    return any(word.startswith(IN_DOUBT) for word in way.words)


BUSY = f"the machine was too busy for this drill, which asks for {RATE} texts a second"


def _the_load_was_handed_in(load: Load) -> None:
    """Otherwise this drill has shown nothing, and says so."""
    assert load.rate >= 0.98 * RATE, f"{BUSY}: {load.rate:.0f} were handed in"
    assert min(load.rates(5)) >= 0.8 * RATE, f"{BUSY}: in each 5 s so many were handed in: {load.rates(5)}"


def _the_load_was_stored(books: Sequence[Way]) -> None:
    created = sorted(way.created for way in books)
    stored = len(created) / (created[-1] - created[0])
    assert stored >= 0.9 * RATE, f"{BUSY}: {stored:.0f} were stored"


def _each_text_has_one_end(load: Load, books: Sequence[Way]) -> None:
    found = Counter(way.number for way in books)
    lost = sorted(load.numbers - found.keys())
    more = [number for number, count in found.items() if count > 1 or number not in load.numbers]
    assert not lost and not more, (lost[:10], more[:10])
    strange = [(way.number, way.statuses) for way in books if way.statuses != ["QUEUED", "SENT", "DELIVERED"]]
    assert not strange, (len(strange), strange[:10])


def _each_text_was_taken_once(books: Sequence[Way], first: Submits, second: Submits) -> None:
    taken: dict[str, list[str]] = {}
    for channel, journal in ((FIRST, first), (SECOND, second)):
        for submit in journal:
            if submit["taken"]:
                taken.setdefault(submit["id"], []).append(channel)
    twice = {way.number: by for way in books if len(by := taken.get(way.id, [])) > 1}
    assert not twice, (len(twice), list(twice.items())[:10])
    wrong = {way.number: by for way in books if (by := taken.get(way.id, [])) != [way.channel]}
    assert not wrong, (len(wrong), list(wrong.items())[:10])


def _each_way_is_told(books: Sequence[Way], first: Submits) -> None:
    """What the first channel's journal has of a text, and by which channel it left, is in the text's events."""
    codes: dict[str, set[str]] = {}
    for submit in first:
        codes.setdefault(submit["id"], set()).add(submit["code"])
    untold = []
    for way in books:
        known = codes.get(way.id, set())
        may_have_left = [[FIRST]] if known else [[FIRST], []]
        is_told = way.left in (may_have_left if way.channel == SECOND else [[]])
        is_told &= "lost" not in known or (_doubted(way) and ABSENT in way.words)
        is_told &= "temporarily_unavailable" not in known or "temporarily_unavailable" in way.words
        if not is_told:
            untold.append((way.number, known, way.channel, way.words))
    assert not untold, (len(untold), untold[:10])


def _the_breaker_opened_and_closed(drill: Drill, books: Sequence[Way]) -> None:
    turned = turns([child.log for child in drill.platform.children], FIRST)
    for round_, following in zip(drill.rounds, [*drill.rounds[1:], None], strict=True):
        end = following.fault_at if following else float("inf")
        within = [turn for turn in turned if round_.fault_at <= turn.at < end]
        assert within and within[0].opened, within
        assert within[0].at - round_.fault_at <= OPENS_WITHIN, within[0].at - round_.fault_at
        closed = within[-1]
        assert not closed.opened and closed.at > round_.well_at - 1, (within, round_)
        again = Counter(way.channel for way in books if closed.at + GROUNDS < way.created < end - GROUNDS)
        assert again.keys() == {FIRST} and again[FIRST] > RATE, again
    before = {way.channel for way in books if way.created < drill.rounds[0].fault_at - GROUNDS}
    assert before == {FIRST}, before


def _as_told(code: str) -> str:
    """A code as a tenant's API user reads it: what the platform's channels are called is not for them."""
    return MOVED if code.startswith(f"{MOVED} ") else code


def _v2_tells_the_same(drill: Drill, books: Sequence[Way]) -> None:
    """Some texts of each kind, as whoever sent them sees them."""
    kinds: dict[tuple[str, ...], list[Way]] = {}
    for way in books:
        kinds.setdefault((way.channel, *way.words), []).append(way)
    for way in (way for kind in kinds.values() for way in kind[:3]):
        answer = ask(
            drill.ports[0], "GET", f"/v2/messages/{way.id}/events", None, Authorization=f"Bearer {V2_KEY}"
        )
        assert answer.status == 200, answer.body
        told = [(item["status"], item["code"], item["changed"]) for item in answer.json["items"]]
        # in the order of their times: a receipt may be older than our own record of the send
        steps = sorted(way.steps, key=lambda step: step.at)
        assert told == [(step.status, _as_told(step.code), step.changed) for step in steps]


def _every_fault_struck(drill: Drill, books: Sequence[Way], first: Submits) -> None:
    """The short form brings about what it is to show: doubts of both kinds, texts that moved, and a trial that failed."""
    (round_,) = drill.rounds
    doubted = [way for way in books if _doubted(way)]
    kept = [way for way in doubted if way.channel == FIRST and ABSENT not in way.words]
    moved = [way for way in doubted if way.channel == SECOND and ABSENT in way.words]
    assert len(kept) > RATE / 4 and len(moved) > RATE / 4, (len(kept), len(moved))
    refused = sum(submit["code"] == "temporarily_unavailable" for submit in first)
    assert 0 < refused <= 2 * TRIALS, refused
    # while it did not work, no text was handed to it but those of the trial
    late = [
        way
        for way in books
        if way.channel == FIRST and round_.fault_at + OPENS_WITHIN + GROUNDS < way.created < round_.well_at
    ]
    assert not late, late[:10]
