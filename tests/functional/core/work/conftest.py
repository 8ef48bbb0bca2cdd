"""A queue into which errands are put."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from tests.support.errands import SECOND, TABLE, OwnBase, Put


@pytest.fixture
def errands(database: Database, clock: FixedClock) -> Put:
    """Puts errands into the queue, due one second after the other from now; gives their ids."""
    OwnBase.metadata.create_all(database.engine)

    def put(count: int = 1, **values: Any) -> list[UUID]:
        ids = [new_id() for _ in range(count)]
        rows = [
            {"id": i, "kind": "post", "next_attempt_at": clock.now() + place * SECOND} | values
            for place, i in enumerate(ids)
        ]
        with database.unit_of_work() as session:
            insert_rows(session, TABLE, rows)
        return ids

    return put
