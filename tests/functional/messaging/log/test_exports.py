"""Exports asked for, looked at by those who may, called off, fetched and forgotten."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.messaging.log import exports
from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.exports import ExportRow, Refused, Stage
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.runtime import Runtime
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from tests.functional.messaging.log.conftest import MONDAY, Ordering, Town
from tests.support.observe import together

# Small or not


@pytest.mark.parametrize(("narrowed", "count"), [({}, 5), ({"remote": "+46701740605"}, 3)])
def test_what_is_no_more_than_the_setting_says_comes_at_once(
    town: Town, narrowed: dict[str, str], count: int
) -> None:
    asked = town.asked(**narrowed)
    with town.world.database.unit_of_work() as session:
        assert exports.is_small(session, asked, ExportSettings(at_once_rows=count))
        assert not exports.is_small(session, asked, ExportSettings(at_once_rows=count - 1))


def test_of_what_the_summaries_know_nothing_is_counted(town: Town) -> None:
    with town.world.database.unit_of_work() as session:
        assert exports.foreseen(session, town.asked()) == 5
        assert exports.foreseen(session, town.asked(direction=Direction.IN)) == 1
        assert exports.foreseen(session, town.asked(status=Status.BLOCKED)) == 0


# Asking


def test_the_same_asked_for_twice_is_one_until_it_is_ready(ordering: Ordering) -> None:
    first = ordering.ask()
    assert ordering.ask() == first
    others = {
        ordering.ask(format=Format.XLSX),
        ordering.ask(language="en"),
        ordering.ask(asked=ordering.town.asked(direction=Direction.IN)),
        ordering.ask(asked=ordering.town.asked(subgroups=False)),
        ordering.ask(author=Author(Actor.ADMIN, new_id(), "b@kommun.example", ordering.town.master.id)),
    }
    assert len(others | {first}) == 6
    ordering.work()
    assert ordering.ask() != first


def test_asked_for_at_the_same_moment_it_is_one_too(ordering: Ordering) -> None:
    assert len(set(together([ordering.ask] * 4))) == 1


def test_a_tenant_may_have_so_many_waiting_and_another_tenant_then_still_may(ordering: Ordering) -> None:
    most = ExportSettings().open_per_tenant
    dates = [ordering.town.asked(until=MONDAY + timedelta(days=n)) for n in range(most + 1)]
    for asked in dates[:most]:
        ordering.ask(asked=asked)
    assert ordering.asked_for(asked=dates[most]) is Refused.TOO_MANY
    assert ordering.ask(asked=dates[0])  # there is one already
    world = ordering.town.world
    other = world.tenant("annan", "Annan kommun")
    assert isinstance(ordering.asked_for(group=other), UUID)
    ordering.work()
    assert isinstance(ordering.asked_for(asked=dates[most]), UUID)


def test_what_was_asked_for_is_kept_whole(ordering: Ordering) -> None:
    town = ordering.town
    narrowed = town.asked(
        group_id=town.school.id, account_id=town.people["anna"], remote="+46701740605", direction=Direction.OUT,
        status=Status.DELIVERED, parts=2, descending=False,
    )  # fmt: skip
    made = ordering.made(ordering.ask(asked=narrowed))
    assert (made.done, made.total) == (1, 1)


# Looking


def test_it_stands_where_it_stands(ordering: Ordering, clock: FixedClock) -> None:
    export_id = ordering.ask()
    waiting = ordering.get(export_id)
    assert (waiting.stage, waiting.is_open, waiting.size, waiting.created_at) == (
        Stage.WAITING,
        True,
        0,
        clock.now(),
    )
    assert waiting.author.address == "chef@kommun.example"
    ordering.work()
    ready = ordering.get(export_id)
    assert (ready.stage, ready.is_open, ready.done, ready.total) == (Stage.READY, False, 5, 5)
    assert (ready.finished_at, ready.expires_at) == (clock.now(), clock.now() + timedelta(days=7))
    assert ready.size == len(ordering.file(export_id)) > 300
    clock.move(timedelta(days=7))
    assert ordering.get(export_id).stage is Stage.EXPIRED


def test_who_administers_below_sees_none_that_was_asked_for_from_above(ordering: Ordering) -> None:
    """The file names its asker, whom they may not see."""
    town = ordering.town
    head = Author(Actor.ADMIN, new_id(), "rektor@kommun.example", town.school.id)
    from_above = ordering.ask(group=town.school)
    own = ordering.ask(group=town.school, author=head)
    assert ids(ordering.latest(town.school, town.school)) == [own]
    assert ids(ordering.latest(town.school, town.master)) == [own, from_above]
    assert ordering.find(town.school, town.school, from_above) is None
    assert ordering.find(town.school, town.master, own) is not None


def ids(rows: list[ExportRow]) -> list[UUID]:
    return [row.id for row in rows]


def test_an_export_is_of_its_group_alone(ordering: Ordering) -> None:
    town = ordering.town
    of_master = ordering.ask()
    assert ordering.find(town.school, town.master, of_master) is None
    assert ordering.latest(town.school, town.master) == []
    other = town.world.tenant("annan", "Annan kommun")
    assert ordering.find(other, other, of_master) is None


# Calling off


def test_what_is_called_off_is_not_made(ordering: Ordering) -> None:
    export_id = ordering.ask()
    assert ordering.cancel(export_id)
    assert ordering.get(export_id).stage is Stage.CANCELLED
    ordering.work()
    assert ordering.get(export_id).stage is Stage.CANCELLED
    assert ordering.file(export_id) == b""
    assert not ordering.cancel(export_id)


def test_what_is_ready_is_not_called_off_nor_anothers(ordering: Ordering) -> None:
    export_id = ordering.ask()
    other = ordering.town.world.tenant("annan", "Annan kommun")
    assert not ordering.cancel(export_id, other)
    ordering.work()
    assert not ordering.cancel(export_id)
    assert ordering.get(export_id).stage is Stage.READY


# Fetching and forgetting


def test_another_tenant_fetches_nothing(ordering: Ordering) -> None:
    export_id = ordering.made(ordering.ask()).id
    other = ordering.town.world.tenant("annan", "Annan kommun")
    assert ordering.file(export_id)
    assert ordering.file(export_id, other) == b""


def chunks(town: Town) -> int:
    count: int = town.world.value("SELECT count(*) FROM export_chunk")
    return count


def test_the_file_goes_after_its_days_and_what_is_known_of_it_later(
    ordering: Ordering, clock: FixedClock
) -> None:
    town = ordering.town
    old, waiting = ordering.made(ordering.ask()).id, ordering.ask(format=Format.XLSX)
    clock.move(timedelta(days=6, hours=23))
    ordering.forget()
    assert chunks(town) == 1
    clock.move(timedelta(hours=1))
    ordering.forget()
    assert chunks(town) == 0
    assert ordering.get(old).stage is Stage.EXPIRED
    clock.move(timedelta(days=84))
    ordering.forget()
    assert ids(ordering.latest(town.master, town.master)) == [waiting]  # not while it waits


def test_that_is_a_chore_of_the_platform(runtime: Runtime, ordering: Ordering, clock: FixedClock) -> None:
    ordering.made(ordering.ask())
    clock.move(timedelta(days=8))
    runtime.sweeper.sweep()
    assert chunks(ordering.town) == 0
