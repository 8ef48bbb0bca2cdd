"""What `/readyz` says of the monthly partitions: that a person should see to them, and that the process works all the same."""

from __future__ import annotations

from datetime import UTC, datetime

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.messaging.partitions import month_start, next_month, partition_name
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.store import EVENT, event_row
from tests.support.visitors import Visitor
from tests.support.world import World


def test_where_nothing_is_to_be_seen_to_there_are_no_warnings(visitor: Visitor) -> None:
    assert visitor.get("/readyz").json == {"ready": True, "missing": {}}


def test_a_month_that_is_missing_and_rows_of_none_are_warnings(
    visitor: Visitor, world: World, clock: FixedClock
) -> None:
    coming = next_month(month_start(clock.now()))
    world.run(f"DROP TABLE {partition_name('message', coming)}")
    far = datetime(2199, 1, 1, tzinfo=UTC)
    with world.database.unit_of_work() as session:
        insert_rows(
            session, EVENT, [event_row(new_id(), new_id(), Status.SENT, far) | {"id": new_id_at(far)}]
        )
    answer = visitor.get("/readyz")
    assert answer.status_int == 200
    assert answer.json == {
        "ready": True,
        "missing": {},
        "warnings": {
            "partitions": f"message has no partition for {coming:%Y-%m}; message_event_default holds rows of no month: 1"
        },
    }


def test_what_is_missing_is_told_before_any_warning(visitor: Visitor, world: World) -> None:
    world.run("UPDATE alembic_version SET version_num = '0001'")
    answer = visitor.get("/readyz")
    assert answer.status_int == 503
    assert answer.json == {
        "ready": False,
        "missing": {"database": "the database is not migrated; run: messa migrate"},
    }
