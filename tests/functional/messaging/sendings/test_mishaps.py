"""Whatever goes wrong while a sending is worked off, nobody is missed and nobody gets it twice (spec P2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.messaging import sending_work
from messa_platform.messaging.sending_rows import Row
from messa_platform.messaging.sending_work import CHUNK, QUEUE, work_off_sendings
from messa_platform.tenants.models import Group
from tests.support.observe import together
from tests.support.sendings import confirmed, many, outcomes, phone, progress, sent, told, work
from tests.support.world import Heard, World


class Death(BaseException):
    """A worker's end: nothing catches it."""


class DyingAt(Heard):
    """An announcer whose worker dies when it has told of so many chunks."""

    def __init__(self, chunk: int) -> None:
        super().__init__()
        self.left = chunk

    def waiting(self, session: Session, channel_id: UUID) -> None:
        self.left -= 1
        if self.left == 0:
            raise Death


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_a_worker_that_dies_in_a_chunk_misses_nobody_and_sends_nothing_twice(
    world: World, clock: FixedClock, master: Group, anna: UUID, chunk: int
) -> None:
    world.account_quota(master, 10_000)
    sending_id = confirmed(world, anna, "Hej", many(2 * CHUNK + 10), guard=False)
    with pytest.raises(Death):
        work_off_sendings(world.database, clock, DyingAt(chunk))
    done = (chunk - 1) * CHUNK
    assert (progress(world, anna, sending_id).done, len(sent(world))) == (done, done)
    work(world)
    assert progress(world, anna, sending_id).done == done
    clock.move(QUEUE.lease)
    work(world)
    assert [number for number, _ in sent(world)] == [phone(i) for i in range(2 * CHUNK + 10)]
    ended = progress(world, anna, sending_id)
    assert (ended.done, ended.accepted, len(told(world, anna, sending_id))) == (2 * CHUNK + 10,) * 3
    assert world.value("SELECT parts FROM quota_usage WHERE scope_id = :id", id=anna) == 2 * CHUNK + 10


def test_a_worker_whose_lease_another_has_taken_changes_nothing(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    sending_id = confirmed(world, anna, "Hej", many(3), guard=False)

    class Slow(Heard):
        """Before its worker is done, another takes over and does it."""

        def waiting(self, session: Session, channel_id: UUID) -> None:
            world.run("UPDATE sending_work SET lease_id = :id", id=new_id())

    work_off_sendings(world.database, clock, Slow())
    assert (sent(world), progress(world, anna, sending_id).done) == ([], 0)
    clock.move(QUEUE.lease)
    work(world)
    assert len(sent(world)) == 3


def test_rows_that_are_handed_in_again_are_known_by_their_references(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.account_quota(master, CHUNK)
    sending_id = confirmed(world, anna, "Hej", many(CHUNK + 5), guard=False)
    work(world)
    before = outcomes(world, anna, sending_id)
    world.run("UPDATE sending SET done = 0, accepted = 0, finished_at = NULL")
    world.run("DELETE FROM sending_outcome")
    world.run(
        "INSERT INTO sending_work (id, tenant_id, next_attempt_at) SELECT id, tenant_id, :now FROM sending",
        now=clock.now(),
    )
    work(world)
    assert outcomes(world, anna, sending_id) == before
    assert len(sent(world)) == CHUNK
    assert world.value("SELECT count(*) FROM message") == CHUNK + 5
    assert progress(world, anna, sending_id).accepted == CHUNK


def test_a_sending_whose_account_is_blocked_meanwhile_ends_and_says_so(world: World, anna: UUID) -> None:
    rows = [*many(CHUNK + 2), Row(1000, "070"), Row(1001, phone(0))]
    sending_id = confirmed(world, anna, "Hej", rows)

    class Blocking(Heard):
        def waiting(self, session: Session, channel_id: UUID) -> None:
            world.run("UPDATE account SET blocked = true")

    work_off_sendings(world.database, world.clock, Blocking())
    ended = progress(world, anna, sending_id)
    assert (ended.done, ended.total, ended.accepted) == (CHUNK + 3, CHUNK + 3, CHUNK)
    assert ended.finished_at == world.clock.now()
    assert ended.words == {"QUEUED": CHUNK, "account_blocked": 2, "too_short": 1}
    assert told(world, anna, sending_id)[CHUNK:] == [
        (phone(CHUNK), "account_blocked"), (phone(CHUNK + 1), "account_blocked"), ("070", "too_short"),
    ]  # fmt: skip
    assert len(sent(world)) == CHUNK


def test_a_sending_that_fails_again_and_again_is_seen_to_be_stuck(
    world: World, clock: FixedClock, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending_id = confirmed(world, anna, "Hej", many(2))

    def fail(*_: Any) -> None:
        raise RuntimeError("something is broken")

    with monkeypatch.context() as broken:
        broken.setattr(sending_work, "submit", fail)
        for _ in range(len(QUEUE.pauses) + 1):
            work(world)
            clock.move(timedelta(hours=1))
    stuck = progress(world, anna, sending_id)
    assert (stuck.stuck, stuck.done, stuck.finished_at) == (True, 0, None)
    world.run("UPDATE sending_work SET state = 'ready', attempts = 0")
    work(world)
    ended = progress(world, anna, sending_id)
    assert (ended.stuck, ended.done) == (False, 2)


@pytest.mark.parametrize("attempt", range(2))
def test_sendings_of_many_that_many_work_off_at_once_reach_everybody_once(
    world: World, master: Group, attempt: int
) -> None:
    world.group_quota(master, 10_000)
    people = [world.account(master, f"person{i}@kommun.example") for i in range(4)]
    ids = {person: confirmed(world, person, "Hej", many(CHUNK + 40)) for person in people}
    together([lambda: work(world)] * 4)
    work(world)
    for person, sending_id in ids.items():
        assert progress(world, person, sending_id).accepted == CHUNK + 40
    assert len(sent(world)) == 4 * (CHUNK + 40)
    assert world.value("SELECT parts FROM quota_usage WHERE scope_id = :id", id=master.id) == 4 * (CHUNK + 40)
