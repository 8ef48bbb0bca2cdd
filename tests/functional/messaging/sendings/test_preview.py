"""What a sending would do is looked at before, and it is confirmed once (spec P2)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.messaging.recipients import Fault
from messa_platform.messaging.sending_rows import Row, RowFault
from messa_platform.messaging.sendings import BadRow, Confirmation
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.observe import statements, together
from tests.support.sendings import (
    ANNAS,
    INVITATION,
    confirm,
    from_sheet,
    looked_at,
    many,
    phone,
    prepared,
    progress,
    sent,
    work,
)
from tests.support.world import World

# Looking at it


def test_the_preview_shows_the_first_texts_and_what_would_become_of_all(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.set(master, Key.SIGNATURE, "/Skolan")
    seen = looked_at(world, anna, prepared(world, anna, INVITATION, from_sheet()), show=1)
    [sample] = seen.samples
    assert (sample.line, sample.number, sample.parts, sample.word) == (2, ANNAS, 1, "QUEUED")
    assert sample.text == "Hej! Samtal om Alva klockan 14:00.\n/Skolan"
    assert (seen.text, sorted(seen.columns), seen.confirmed) == (INVITATION, ["Elev", "Mobil", "Tid"], False)
    assert (seen.recipients, seen.needed, seen.left, seen.may_send) == (2, 2, None, True)
    assert seen.invalid == (BadRow(4, "070", Fault.TOO_SHORT), BadRow(5, "", RowFault.NO_NUMBER))
    assert (seen.repeated, seen.incomplete, seen.words) == ((), (), {"QUEUED": 2})


def test_the_preview_tells_who_has_had_it_who_wants_none_and_for_whom_nothing_is_left(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    sent_at = clock.now()
    world.words(anna, [phone(0)], "Hej")
    world.run(
        "INSERT INTO opt_out (account_id, remote, tenant_id, message_id, at) VALUES (:a, :r, :t, :m, :n)",
        a=anna, r=phone(1), t=master.tenant_id, m=new_id(), n=clock.now(),
    )  # fmt: skip
    world.account_quota(master, 5)
    clock.move(timedelta(hours=1))
    sending_id = prepared(world, anna, "Hej", [*many(9), Row(10, phone(3))])
    seen = looked_at(world, anna, sending_id)
    assert seen.words == {
        "sms_already_sent_24H": 1, "blocked": 1, "QUEUED": 5, "no_sms_left:Personal:Master": 2,
    }  # fmt: skip
    assert (seen.already_sent, seen.opted_out, seen.repeated) == ({phone(0): sent_at}, (phone(1),), (10,))
    assert (seen.recipients, seen.needed, seen.left) == (9, 7, 5)
    anyway = looked_at(world, anna, sending_id, guard=False)
    assert (anyway.needed, anyway.already_sent) == (8, {phone(0): sent_at})
    confirm(world, anna, sending_id)
    work(world)
    assert progress(world, anna, sending_id).words == seen.words


def test_a_preview_of_many_rows_takes_as_many_statements_as_one_of_few(
    world: World, master: Group, anna: UUID
) -> None:
    world.account_quota(master, 100_000)
    taken = []
    for how_many in (5, 2_000):
        rows = [Row(i + 1, phone(i), {"namn": f"elev {i}"}) for i in range(how_many)]
        sending_id = prepared(world, anna, "Hej {namn}", rows)
        with statements(world.database.engine) as seen:
            assert looked_at(world, anna, sending_id).recipients == how_many
        taken.append([statement.text for statement in seen])
    assert taken[0] == taken[1]
    assert len(taken[0]) <= 12


# Confirming it


def test_a_sending_is_confirmed_once(world: World, anna: UUID) -> None:
    woken: list[str] = []

    def wake(_session: Session, actor: str) -> None:
        woken.append(actor)

    sending_id = prepared(world, anna, "Hej", [Row(1, ANNAS)])
    assert confirm(world, anna, sending_id, guard=False, wake=wake) is Confirmation.NOW
    assert confirm(world, anna, sending_id, wake=wake) is Confirmation.BEFORE
    assert (woken, progress(world, anna, sending_id).guard) == (["work_off_sendings"], False)
    work(world)
    work(world)
    assert confirm(world, anna, sending_id) is Confirmation.BEFORE
    work(world)
    assert sent(world) == [(ANNAS, "Hej")]


def test_of_confirmations_at_once_one_counts(world: World, anna: UUID) -> None:
    sending_id = prepared(world, anna, "Hej", many(3))
    answers = together([lambda: confirm(world, anna, sending_id)] * 6)
    assert (answers.count(Confirmation.NOW), answers.count(Confirmation.BEFORE)) == (1, 5)
    together([lambda: work(world)] * 3)
    assert len(sent(world)) == 3
