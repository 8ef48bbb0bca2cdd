"""How often one may ask: the same decisions in one process's memory and in a Redis that many share (spec V7)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messa_platform.core.rates import Bucket, MemoryStore, Rates, RateSettings, RedisStore, Store, make_store
from tests.support.brokers import redis
from tests.support.observe import together
from tests.support.processes import HOST, free_port


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis."""
    with redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each store."""
    if request.param == "memory":
        return MemoryStore(time.monotonic)
    memory = MemoryStore(time.monotonic)
    memory.take = _never  # type: ignore[method-assign]  # what Redis cannot do would be seen
    return RedisStore(request.getfixturevalue("redis_url"), memory)


def _never(*_: object) -> tuple[bool, list[float]]:
    raise AssertionError("Redis did not answer")


def rates(store: Store, **limits: float) -> Rates:
    """The limits that a test is about; the others are out of the way."""
    wide = {
        f"{n}_{k}": v for n in ("key", "tenant", "stranger") for k, v in (("rate", 1e6), ("burst", 1_000_000))
    }
    return Rates(RateSettings(**{**wide, **limits}), store)  # type: ignore[arg-type]


def test_a_burst_is_let_through_and_then_what_the_rate_gives(store: Store) -> None:
    limits = rates(store, key_rate=10, key_burst=5)
    first = [limits.ask("a", "t1") for _ in range(6)]
    assert [v.allowed for v in first] == [True] * 5 + [False]
    assert [v.remaining for v in first] == [4, 3, 2, 1, 0, 0]
    assert 0 < first[-1].retry_after <= 0.1
    time.sleep(0.25)
    assert [limits.ask("a", "t1").allowed for _ in range(4)][:2] == [True, True]
    assert limits.ask("b", "t1").allowed


def test_all_keys_of_a_tenant_share_its_bucket_and_who_is_refused_takes_from_none(store: Store) -> None:
    limits = rates(store, tenant_rate=0.001, tenant_burst=3, key_rate=0.001, key_burst=2)
    assert [limits.ask(k, "t2").allowed for k in "ccd"] == [True, True, True]
    refused = limits.ask("d", "t2")
    assert (refused.allowed, refused.bucket.name) == (False, "tenant")
    assert limits.ask("d", "t3").allowed  # of d's own two one is left


def test_it_is_told_in_the_headers_of_the_draft(store: Store) -> None:
    limits = rates(store, key_rate=2, key_burst=10)
    assert limits.ask("h", "t4").headers() == {
        "RateLimit-Policy": '"key";q=10;w=5',
        "RateLimit": '"key";r=9;t=1',
    }
    told = [limits.ask("h", "t4") for _ in range(10)][-1].headers()
    assert told == {"RateLimit-Policy": '"key";q=10;w=5', "RateLimit": '"key";r=0;t=5', "Retry-After": "1"}


def test_what_costs_more_takes_more(store: Store) -> None:
    limits = rates(store, key_rate=0.001, key_burst=10)
    assert limits.ask("m", "t5", cost=8).remaining == 2
    assert not limits.ask("m", "t5", cost=3).allowed
    assert limits.ask("m", "t5", cost=2).allowed


def test_threads_at_once_get_exactly_what_there_is(store: Store) -> None:
    limits = rates(store, key_rate=0.001, key_burst=37)
    answers = together([lambda: [limits.ask("x", "t6").allowed for _ in range(10)]] * 8)
    assert sum(map(sum, answers)) == 37


ASK = """
import sys, time
from messa_platform.core.rates import MemoryStore, Rates, RateSettings, RedisStore
settings = RateSettings(key_rate=0.001, key_burst=50, tenant_rate=1e6, tenant_burst=1000000)
limits = Rates(settings, RedisStore(sys.argv[1], MemoryStore(time.monotonic)))
print(sum(limits.ask("shared", "t7").allowed for _ in range(40)))
"""


def test_processes_that_share_a_redis_get_exactly_what_there_is(redis_url: str) -> None:
    command = [sys.executable, "-c", ASK, redis_url]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(child.communicate(timeout=60)[0]) for child in children) == 50


def test_without_its_redis_a_process_counts_by_itself() -> None:
    store = make_store(f"redis://{HOST}:{free_port()}/0", time.monotonic)
    assert isinstance(store, RedisStore)
    limits = rates(store, key_rate=0.001, key_burst=2)
    assert [limits.ask("a", "t").allowed for _ in range(3)] == [True, True, False]
    assert isinstance(make_store("embedded", time.monotonic), MemoryStore)


def test_a_process_forgets_buckets_that_are_full_again() -> None:
    clock = Hand()
    store = MemoryStore(clock)
    store.MOST = 10  # type: ignore[misc]
    for n in range(10):
        store.take([Bucket("key", str(n), 1, 1)], 1)
    clock.at += 1.5
    store.take([Bucket("key", "new", 1, 1)], 1)
    assert len(store._full_at) == 1


@settings(max_examples=300, deadline=None)
@given(
    st.floats(0.1, 50),
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5)), max_size=40),
)
def test_its_decisions_are_those_of_a_bucket_that_is_filled_drop_by_drop(
    rate: float, burst: int, asked: list[tuple[float, int]]
) -> None:
    clock = Hand()
    store = MemoryStore(clock)
    tokens = float(burst)
    for pause, cost in asked:
        clock.at += pause
        tokens = min(burst, tokens + pause * rate)
        done, _ = store.take([Bucket("key", "a", rate, burst)], cost)
        if abs(tokens - cost) > 1e-6:  # a hair's breadth may fall either way
            assert done == (tokens > cost)
        tokens -= cost if done else 0


@pytest.mark.parametrize("limits", [{"key_rate": 0.0}, {"tenant_burst": 0}, {"stranger_rate": -1.0}])
def test_a_limit_that_lets_nobody_through_stops_the_start(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        RateSettings(**limits)  # type: ignore[arg-type]
