"""Exports that fail, and whose turn it is (spec L2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.log.export_models import Fault, Format
from messa_platform.messaging.log.export_work import QUEUE
from messa_platform.messaging.log.exports import Stage
from tests.functional.messaging.log.conftest import MONDAY, Ordering, Town
from tests.support.exports_at_work import SECOND, Write, instead, stands, stored
from tests.support.log_rows import Sent, store


def failing(times: int) -> Callable[[Write], Write]:
    """Fail so often."""
    left = [times]

    def fails(write: Write) -> Write:
        def fail(*given: Any) -> int:
            left[0] -= 1
            if left[0] >= 0:
                raise OSError("No space left on device")
            return write(*given)

        return fail

    return fails


def test_what_failed_is_tried_again_after_a_while(
    ordering: Ordering, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, failing(2))
    export_id = ordering.ask()
    ordering.work()
    assert ordering.get(export_id).stage is Stage.WAITING
    for pause in QUEUE.pauses:
        clock.move(pause)
        ordering.work()
    assert ordering.get(export_id).stage is Stage.READY


def test_what_fails_for_good_says_so_and_can_be_asked_for_again(
    ordering: Ordering, town: Town, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        instead(patched, failing(99))
        export_id = ordering.ask()
        for _ in range(9):
            ordering.work()
            clock.move(timedelta(hours=1))
    failed = ordering.get(export_id)
    assert (failed.stage, failed.fault, failed.is_open) == (Stage.FAILED, Fault.BROKEN, False)
    assert stands(town, export_id).attempts == len(QUEUE.pauses) + 1
    assert stored(town, export_id) == []
    assert ordering.made(ordering.ask()).id != export_id


def test_of_a_group_that_has_been_removed_there_is_nothing_to_make(ordering: Ordering, town: Town) -> None:
    export_id = ordering.ask(group=town.care)
    town.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=town.care.id)
    ordering.work()
    row = stands(town, export_id)
    assert (row.state, row.fault, row.attempts) == ("parked", Fault.GROUP_GONE, 1)


def test_a_worker_sees_no_other_tenants_messages_whatever_was_asked_for(
    ordering: Ordering, town: Town
) -> None:
    other = town.world.tenant("annan", "Annan kommun")
    olle = town.world.account(other, "olle@annan.example")
    store(town.world, [Sent(MONDAY, other, olle)])
    export_id = ordering.ask(asked=town.asked(account_id=olle))
    assert ordering.made(export_id).done == 0
    ours = ordering.made(ordering.ask(format=Format.TEXT))
    assert b"olle@annan.example" not in ordering.file(ours.id)


# In turn


def test_tenants_take_turns_however_many_one_has_waiting(
    ordering: Ordering, town: Town, clock: FixedClock
) -> None:
    other = town.world.tenant("annan", "Annan kommun")
    waiting = {ordering.ask(asked=town.asked(until=MONDAY + n * SECOND)): f"ours {n}" for n in (1, 2, 3)}
    waiting |= {
        ordering.ask(group=other, format=kind): f"theirs {kind}" for kind in (Format.TEXT, Format.XLSX)
    }
    order = []
    while ordering.runtime.exporter.run():
        clock.move(SECOND)
        done = town.world.rows(
            "SELECT id FROM export WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1"
        )
        order.append(waiting[done[0].id])
    assert order == ["ours 1", "theirs text", "ours 2", "theirs xlsx", "ours 3"]


def test_no_tenant_has_more_than_some_being_made_at_once(ordering: Ordering, town: Town) -> None:
    for n in (1, 2, 3):
        ordering.ask(asked=town.asked(until=MONDAY + n * SECOND))
    of_others = ordering.ask(group=town.world.tenant("annan", "Annan kommun"))
    at_work = (
        "UPDATE export SET state = 'leased', lease_id = id, next_attempt_at = :until WHERE id IN (SELECT id"
    )
    at_work += " FROM export ORDER BY id LIMIT 2)"
    town.world.run(at_work, until=ordering.runtime.clock.now() + timedelta(minutes=1))
    ordering.work()
    made = town.world.rows("SELECT id FROM export WHERE finished_at IS NOT NULL")
    assert [row.id for row in made] == [of_others]
    town.world.run(
        "UPDATE export SET state = 'done', finished_at = now(), expires_at = now() WHERE state = 'leased'"
    )
    ordering.work()
    assert town.world.value("SELECT count(*) FROM export WHERE state = 'ready'") == 0
