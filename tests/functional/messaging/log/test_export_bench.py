"""The bench of exports in its short form: it runs, and a worker's memory stays flat. Its speeds are for `make bench`, on a quiet machine."""

from __future__ import annotations

import pytest

from messa_platform.core.db import Database
from messa_platform.messaging.log.export_models import Format
from tests.bench.exports import MEMORY_AIM, Filled, fill, measure

ROWS, FEW = 40_000, 2_000
MOST_GROWTH = 32 * 2**20
"""Bytes above idle. So many rows, if they were all held, would take some 57 million; a piece of a file and a batch of rows take 12."""


@pytest.fixture
def filled(database: Database) -> Filled:
    """A tenant in whose log there are so many messages."""
    return fill(database, ROWS)


@pytest.mark.timeout(600)
def test_what_an_export_takes_of_memory_does_not_grow_with_its_rows(
    database_url: str, filled: Filled
) -> None:
    for kind in Format:
        found = measure(database_url, filled, ROWS, kind, most_bare=FEW)
        told = f"{kind}: {found.ours.growth / 2**20:.1f} MB, {found.ours.rate:.0f} rows a second beside {found.bare.rate:.0f}"
        print(told)
        assert found.ours.growth < MOST_GROWTH < MEMORY_AIM, told
        assert found.ours.rate > 0 < found.bare.rate, told
