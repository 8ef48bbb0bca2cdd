"""Everything that is asked of the log, in one statement, from a cursor, in the order of its pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.row_security import Confinement, confine
from messa_platform.messaging.log import stream
from messa_platform.messaging.log.asked import Asked, Column
from messa_platform.messaging.log.pages import page
from messa_platform.messaging.log.stream import Line
from messa_platform.messaging.statuses import Direction, Status, status_word
from tests.functional.messaging.log.conftest import MONDAY, Town
from tests.support.log_rows import Sent, store
from tests.support.observe import statements


def streamed(town: Town, asked: Asked) -> list[Line]:
    with town.world.database.unit_of_work() as session:
        return [line for lines in stream.lines(session, asked) for line in lines]


def paged(town: Town, asked: Asked) -> list[Line]:
    """The same by pages of three."""
    found: list[Line] = []
    key = None
    while True:
        with town.world.database.unit_of_work() as session:
            shown = page(session, asked, key, most=3)
        for row in shown.rows:
            word = status_word(row.status, row.rule_group)
            found.append(
                Line(
                    row.at,
                    row.group,
                    row.group_removed,
                    row.address,
                    row.remote,
                    row.direction,
                    word,
                    row.parts,
                )
            )
        if not shown.has_after:
            return found
        key = shown.rows[-1].key


NARROWED: dict[str, dict[str, object]] = {
    "all": {},
    "in": {"direction": Direction.IN},
    "delivered": {"status": Status.DELIVERED},
    "a number": {"remote": "+46701740605"},
    "one part": {"parts": 1},
}


@pytest.mark.parametrize("narrowed", NARROWED)
@pytest.mark.parametrize("descending", [True, False], ids=["descending", "ascending"])
@pytest.mark.parametrize("column", Column)
def test_the_lines_are_those_of_the_pages_in_their_order(
    town: Town, column: Column, descending: bool, narrowed: str
) -> None:
    asked = town.asked(sort=column, descending=descending, **NARROWED[narrowed])
    lines = streamed(town, asked)
    assert lines == paged(town, asked)
    assert lines


def test_a_line_names_what_it_is_of(town: Town) -> None:
    lines = streamed(town, town.asked(descending=False))
    assert len(lines) == 5
    assert lines[0] == Line(
        MONDAY, "Skolan", False, "anna@kommun.example", "+46701740605", "out", "DELIVERED", 2
    )
    assert lines[3].status == "no_sms_left:Group:Skolan"


def test_of_a_group_its_own_and_those_below_and_nothing_beside(town: Town) -> None:
    assert {line.group for line in streamed(town, town.asked(town.school))} == {"Skolan"}
    assert streamed(town, town.asked(town.master, subgroups=False)) == []
    assert len(streamed(town, town.asked(account_id=town.people["östen"]))) == 2
    assert len(streamed(town, town.asked(group_id=town.care.id))) == 2


def test_a_removed_group_is_marked(town: Town) -> None:
    town.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=town.care.id)
    marked = {line.group: line.group_removed for line in streamed(town, town.asked())}
    assert marked == {"Skolan": False, "Ömsorgen på Ängen": True}


def test_the_days_asked_for_begin_and_end_where_they_do(town: Town) -> None:
    asked = town.asked(since=MONDAY, until=MONDAY + timedelta(hours=1))
    assert [line.at for line in streamed(town, asked)] == [MONDAY]


def test_however_many_there_are_it_is_one_statement(town: Town) -> None:
    store(
        town.world,
        [
            Sent(MONDAY + timedelta(seconds=n), town.school, town.people["anna"])
            for n in range(2 * stream.BATCH)
        ],
    )
    asked = town.asked()
    with town.world.database.unit_of_work() as session, statements(town.world.database.engine) as seen:
        sizes = [len(lines) for lines in stream.lines(session, asked)]
    assert sizes == [stream.BATCH, stream.BATCH, 5]
    assert [statement.text.split()[0] for statement in seen] == ["SET", "SELECT"]


def test_another_tenants_messages_are_not_among_them(town: Town) -> None:
    other = town.world.tenant("annan", "Annan kommun")
    olle = town.world.account(other, "olle@annan.example")
    store(town.world, [Sent(MONDAY, other, olle)])
    assert len(streamed(town, town.asked())) == 5
    with town.world.database.sessions() as session:
        confine(session, Confinement(other.tenant_id, None))
        with session.begin():
            assert list(stream.lines(session, town.asked())) == []
            assert stream.count(session, town.asked()) == 0


def test_they_are_counted_as_far_as_it_takes(town: Town) -> None:
    with town.world.database.unit_of_work() as session:
        assert stream.count(session, town.asked()) == 5
        assert stream.count(session, town.asked(), most=3) == 3
        assert stream.count(session, town.asked(direction=Direction.IN)) == 1
