"""Sendings are worked off in chunks, by turns, and everybody finds what became of theirs (spec P2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.messaging import feed, sendings
from messa_platform.messaging.sending_rows import Row
from messa_platform.messaging.sending_work import CHUNK, work_off_sendings
from messa_platform.tenants.models import Group
from tests.support.sendings import (
    ANNAS,
    BOS,
    INVITATION,
    confirmed,
    from_sheet,
    looked_at,
    many,
    outcomes,
    phone,
    prepared,
    progress,
    sent,
    told,
    work,
)
from tests.support.world import Heard, World

# Working it off


def test_every_row_gets_its_own_text_in_order_and_its_outcome(world: World, anna: UUID) -> None:
    sending_id = confirmed(world, anna, INVITATION, from_sheet())
    assert not work(world)
    assert sent(world) == [
        (ANNAS, "Hej! Samtal om Alva klockan 14:00."),
        (BOS, "Hej! Samtal om Bo klockan 14:30."),
    ]
    assert told(world, anna, sending_id) == [
        (ANNAS, "QUEUED"), (BOS, "QUEUED"), ("070", "too_short"), ("", "no_number"),
    ]  # fmt: skip
    ended = progress(world, anna, sending_id)
    assert (ended.done, ended.total, ended.accepted, ended.finished_at) == (4, 4, 2, world.clock.now())
    assert ended.words == {"QUEUED": 2, "too_short": 1, "no_number": 1}
    ids = {row.id for row in world.rows("SELECT id FROM message WHERE door = 'portal'")}
    assert {o.message_id for o in outcomes(world, anna, sending_id)} == {*ids, None}
    refused = outcomes(world, anna, sending_id, refused_only=True)
    assert [(o.place, o.word) for o in refused] == [(2, "too_short"), (3, "no_number")]
    assert outcomes(world, anna, sending_id, after=2)[0].place == 3
    assert world.value("SELECT count(*) FROM sending_work") == 0


def test_a_parent_of_two_gets_a_text_for_each_child_and_one_where_both_are_the_same(
    world: World, anna: UUID
) -> None:
    rows = [Row(1, ANNAS, {"elev": "Alva"}), Row(2, ANNAS, {"elev": "Ali"}), Row(3, ANNAS, {"elev": "Alva"})]
    sending_id = confirmed(world, anna, "Samtal om {elev}", rows, guard=False)
    work(world)
    assert [text for _, text in sent(world)] == ["Samtal om Alva", "Samtal om Ali"]
    assert progress(world, anna, sending_id).total == 2


def test_what_is_left_goes_to_the_first_rows_across_chunks(world: World, master: Group, anna: UUID) -> None:
    world.account_quota(master, CHUNK + 50)
    sending_id = confirmed(world, anna, "Hej", many(2 * CHUNK + 7))
    work(world)
    assert [number for number, _ in sent(world)] == [phone(i) for i in range(CHUNK + 50)]
    words = [word for _, word in told(world, anna, sending_id)]
    assert words == ["QUEUED"] * (CHUNK + 50) + ["no_sms_left:Personal:Master"] * (CHUNK - 43)
    ended = progress(world, anna, sending_id)
    assert (ended.done, ended.accepted) == (2 * CHUNK + 7, CHUNK + 50)


def test_each_chunk_is_told_to_the_pages_of_the_account(world: World, database_url: str, anna: UUID) -> None:
    confirmed(world, anna, "Hej", many(CHUNK + 1))
    url = database_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"LISTEN {feed.CHANNEL}")
        work(world)
        heard = [notice.payload for notice in connection.notifies(timeout=0.2)]
    assert heard == [str(anna)] * 2


def test_sendings_are_worked_off_by_turns(world: World, master: Group, anna: UUID) -> None:
    bo = world.account(master, "bo@kommun.example")
    confirmed(world, anna, "Annas", many(3 * CHUNK))
    world.clock.move(timedelta(seconds=1))
    confirmed(world, bo, "Bos", many(CHUNK))
    order = []

    class Watching(Heard):
        def waiting(self, session: Session, channel_id: UUID) -> None:
            world.clock.move(timedelta(seconds=1))
            order.append(1)

    work_off_sendings(world.database, world.clock, Watching())
    texts = [text for _, text in sent(world)]
    assert (len(order), len(texts)) == (4, 4 * CHUNK)
    assert texts[::CHUNK] == ["Annas", "Bos", "Annas", "Annas"]


def test_a_sending_for_later_is_scheduled_and_one_past_its_time_goes_at_once(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    later = clock.now() + timedelta(days=1)
    first = confirmed(world, anna, "Imorgon", many(2), send_at=later)
    work(world)
    assert told(world, anna, first) == [(phone(0), "SCHEDULED"), (phone(1), "SCHEDULED")]
    assert progress(world, anna, first).accepted == 2
    assert (world.value("SELECT count(*) FROM scheduled_text"), sent(world)) == (2, [])
    second = confirmed(world, anna, "Snart", many(1), send_at=clock.now() + timedelta(hours=1))
    clock.move(timedelta(hours=2))
    work(world)
    assert told(world, anna, second) == [(phone(0), "QUEUED")]


def test_without_the_guard_who_has_had_it_gets_it_again(world: World, anna: UUID) -> None:
    world.words(anna, [phone(0)], "Hej")
    for guard, word in ((True, "sms_already_sent_24H"), (False, "QUEUED")):
        sending_id = confirmed(world, anna, "Hej", many(1), guard=guard)
        work(world)
        assert told(world, anna, sending_id) == [(phone(0), word)]


# Afterwards


def test_an_accounts_sendings_stand_newest_first_once_they_are_confirmed(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    prepared(world, anna, "Aldrig bekräftad", many(1))
    made = []
    for text in ("Första", "Andra", "Tredje"):
        made.append(confirmed(world, anna, text, many(1)))
        clock.move(timedelta(minutes=1))
    with world.database.unit_of_work() as session:
        assert [(p.id, p.text) for p in sendings.latest(session, anna, 2)] == [
            (made[2], "Tredje"), (made[1], "Andra"),
        ]  # fmt: skip


def test_what_was_never_confirmed_is_forgotten_and_what_was_handed_in_is_emptied_in_time(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    unconfirmed = prepared(world, anna, "Hej", many(1))
    finished = confirmed(world, anna, "Hej då", many(2))
    work(world)

    def rows() -> Mapping[UUID, int]:
        with world.database.unit_of_work() as session:
            sendings.forget_old(session, clock.now())
        found = world.rows("SELECT id, jsonb_array_length(rows) AS rows FROM sending")
        return {row.id: row.rows for row in found}

    clock.move(sendings.UNCONFIRMED_LIFE)
    assert rows() == {unconfirmed: 1, finished: 2}
    clock.move(timedelta(microseconds=1))
    assert rows() == {finished: 2}
    waiting = confirmed(world, anna, "Väntar", many(3))
    clock.move(sendings.ROWS_LIFE)
    assert rows() == {finished: 0, waiting: 3}
    assert len(told(world, anna, finished)) == 2
    assert looked_at(world, anna, finished).recipients == 0
