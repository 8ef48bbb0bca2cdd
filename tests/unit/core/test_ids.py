"""Identifiers, and the times that they stand for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.ids import id_at, new_id, new_id_at, time_of

TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


def test_an_id_is_a_uuid_of_version_7() -> None:
    for identifier in (new_id(), new_id_at(datetime(2026, 11, 22, tzinfo=UTC))):
        assert (identifier.version, identifier.variant) == (7, RFC_4122)


def test_later_calls_give_larger_ids() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)


def test_threads_never_get_the_same_id_and_each_gets_its_own_in_order() -> None:
    with ThreadPoolExecutor(8) as threads:
        batches = list(threads.map(lambda _: [new_id() for _ in range(2_000)], range(8)))
    assert len({identifier for batch in batches for identifier in batch}) == 16_000
    assert all(batch == sorted(batch) for batch in batches)


def test_an_id_tells_when_it_was_made() -> None:
    before = datetime.now(UTC)
    identifier = new_id()
    after = datetime.now(UTC)
    # ids run ahead of the clock by less than a millisecond even after thousands at once
    assert before - timedelta(milliseconds=1) <= time_of(identifier) <= after + timedelta(milliseconds=20)


def to_the_millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@given(TIMES)
def test_the_bound_of_a_time_gives_that_time_back(at: datetime) -> None:
    assert time_of(id_at(at)) == to_the_millisecond(at)


@given(TIMES)
def test_an_id_as_of_a_time_lies_between_the_bounds_of_its_millisecond(at: datetime) -> None:
    identifier = new_id_at(at)
    assert id_at(at) <= identifier < id_at(at + timedelta(milliseconds=1))
    assert (identifier.version, identifier.variant) == (7, RFC_4122)


def test_two_ids_as_of_the_same_time_differ() -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert len({new_id_at(at) for _ in range(1000)}) == 1000


def test_ids_stand_in_the_order_of_time_across_the_turn_of_a_year() -> None:
    old, new = datetime(2026, 12, 31, 23, 59, 59, 999000, UTC), datetime(2027, 1, 1, tzinfo=UTC)
    assert new_id_at(old) < id_at(new) <= new_id_at(new)
    assert UUID(int=0) < id_at(old)
