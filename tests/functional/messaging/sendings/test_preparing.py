"""Sendings to many are put together: rows, placeholders, and what cannot be sent (spec P2)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.messaging import sendings
from messa_platform.messaging.lists import LineFault, Listed, parse
from messa_platform.messaging.recipients import Fault
from messa_platform.messaging.sending_rows import (
    NotPrepared,
    Reason,
    Row,
    RowFault,
    fill,
    placeholders,
    rows_of_list,
    rows_of_pasted,
)
from messa_platform.messaging.sendings import MOST, BadRow, Confirmation
from messa_platform.tenants.models import Group
from tests.support.sendings import (
    ANNAS,
    BOS,
    INVITATION,
    confirm,
    from_sheet,
    looked_at,
    many,
    prepared,
    progress,
    sent,
    try_to_prepare,
    work,
)
from tests.support.world import World

# Placeholders


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("Hej {namn}", "Hej Åsa"),
        ("Hej {NAMN}, {  Namn }!", "Hej Åsa, Åsa!"),
        ("{namn}{tid}", "Åsa14:00"),
        ("Skriv {{namn}}", "Skriv {namn}"),
        ("{{{namn}}}", "{Åsa}"),
        ("Nej :{ eller { }", "Nej :{ eller { }"),
        ("Ja }: {namn", "Ja }: {namn"),
        ("{ej\nnamn}", "{ej\nnamn}"),
        ("{tom}.", "."),
        ("{vårdnadshavares mobil}", "0701740605"),
    ],
)
def test_placeholders_are_filled_in_whatever_their_case(template: str, filled: str) -> None:
    fields = {"Namn": "Åsa", "TID": "14:00", "tom": "", "Vårdnadshavares mobil": "0701740605"}
    assert fill(template, fields) == filled


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert fill("{a}{b}", {"a": "{b}", "b": "{a}"}) == "{b}{a}"
    assert placeholders("{a} {{b}} {C d} { }") == ["a", "C d"]


# Putting together


def test_rows_come_from_what_is_pasted_with_what_is_wrong_with_them() -> None:
    parsed = parse("0701740605 Anna\nÅsa\n0701740606, 0701740605\n0701740605 0701740607", "46")
    assert rows_of_pasted(parsed) == [
        Row(1, ANNAS),
        Row(2, "Åsa", {}, Fault.NOT_A_NUMBER),
        Row(3, BOS),
        Row(3, ANNAS),
        Row(4, "0701740605 0701740607", {}, LineFault.SEVERAL_NUMBERS),
    ]


def test_rows_come_from_a_saved_list_in_its_order() -> None:
    assert rows_of_list([Listed(BOS, "Bo"), Listed(ANNAS)]) == [Row(1, BOS), Row(2, ANNAS)]


def test_a_sending_is_kept_until_it_is_confirmed_and_sends_nothing(world: World, anna: UUID) -> None:
    sending_id = prepared(world, anna, INVITATION, from_sheet())
    work(world)
    kept = progress(world, anna, sending_id)
    assert (kept.text, kept.total, kept.done, kept.accepted) == (INVITATION, 4, 0, 0)
    assert (kept.created_at, kept.confirmed_at, kept.finished_at) == (world.clock.now(), None, None)
    assert world.value("SELECT count(*) FROM message") == 0


@pytest.mark.parametrize(
    ("text", "rows", "fault"),
    [
        ("  \n ", [Row(1, ANNAS)], NotPrepared(Reason.EMPTY_TEXT)),
        ("\u200b\ufeff", [Row(1, ANNAS)], NotPrepared(Reason.EMPTY_TEXT)),
        ("Hej", [], NotPrepared(Reason.NO_RECIPIENTS)),
        ("Hej", [Row(1, "070"), Row(2, "")], NotPrepared(Reason.NO_RECIPIENTS)),
        ("{namn}", [Row(1, ANNAS, {"Namn": " "})], NotPrepared(Reason.NO_RECIPIENTS)),
        ("Hej", many(MOST + 1), NotPrepared(Reason.TOO_MANY)),
        ("Hej {namn}", [Row(1, ANNAS)], NotPrepared(Reason.UNKNOWN_FIELD, "namn")),
        (
            "Hej {Elevens namn} {tid}",
            [Row(1, ANNAS, {"Elev": "Alva", "Tid": "14:00"})],
            NotPrepared(Reason.UNKNOWN_FIELD, "Elevens namn", ("Elev", "Tid")),
        ),
    ],
)
def test_what_cannot_be_sent_is_not_put_together_and_says_why(
    world: World, anna: UUID, text: str, rows: Sequence[Row], fault: NotPrepared
) -> None:
    assert try_to_prepare(world, anna, text, rows) == fault
    assert world.value("SELECT count(*) FROM sending") == 0


@pytest.mark.parametrize("hinder", ["blocked = true", "removed_at = now()"])
def test_an_account_that_may_not_send_puts_nothing_together(world: World, anna: UUID, hinder: str) -> None:
    world.run(f"UPDATE account SET {hinder}")
    assert try_to_prepare(world, anna, "Hej", [Row(1, ANNAS)]) == NotPrepared(Reason.NOT_ALLOWED)
    assert try_to_prepare(world, new_id(), "Hej", [Row(1, ANNAS)]) == NotPrepared(Reason.NOT_ALLOWED)


def test_another_text_is_another_sending_of_the_same_rows(world: World, anna: UUID) -> None:
    rows = [Row(1, ANNAS, {"elev": "Alva"}), Row(2, ANNAS, {"elev": "Ali"}), Row(3, BOS, {"elev": ""})]
    sending_id = prepared(world, anna, "Samtal!", rows)
    assert looked_at(world, anna, sending_id).repeated == (2,)
    with world.database.unit_of_work() as session:
        assert sendings.revise(session, anna, sending_id, "{elev}") is None
    seen = looked_at(world, anna, sending_id)
    assert ([s.text for s in seen.samples], seen.repeated) == (["Alva", "Ali"], ())
    assert seen.invalid == (BadRow(3, BOS, RowFault.EMPTY_TEXT),)
    with world.database.unit_of_work() as session:
        assert sendings.revise(session, anna, sending_id, "Samtal om {elev}") is None
        unknown = NotPrepared(Reason.UNKNOWN_FIELD, "tid", ("elev",))
        assert sendings.revise(session, anna, sending_id, "{tid}") == unknown
    seen = looked_at(world, anna, sending_id)
    assert [s.text for s in seen.samples] == ["Samtal om Alva", "Samtal om Ali", "Samtal om "]
    assert (seen.invalid, seen.incomplete) == ((), (3,))


def test_nobody_changes_sees_or_discards_what_is_anothers_or_confirmed(
    world: World, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    annas = prepared(world, anna, "Hej", [Row(1, ANNAS)])
    with world.database.unit_of_work() as session:
        assert sendings.revise(session, bo, annas, "Hej då") == NotPrepared(Reason.GONE)
        assert sendings.preview(session, world.clock, bo, annas) is None
        assert sendings.progress(session, bo, annas) is None
        assert not sendings.discard(session, bo, annas)
        assert sendings.latest(session, bo) == []
    assert confirm(world, bo, annas) is Confirmation.GONE
    assert confirm(world, anna, annas) is Confirmation.NOW
    work(world)
    with world.database.unit_of_work() as session:
        assert sendings.revise(session, anna, annas, "Hej då") == NotPrepared(Reason.GONE)
        assert not sendings.discard(session, anna, annas)
        assert sendings.outcomes(session, bo, annas) == []
    assert sent(world) == [(ANNAS, "Hej")]


def test_a_discarded_sending_is_gone(world: World, anna: UUID) -> None:
    sending_id = prepared(world, anna, "Hej", [Row(1, ANNAS)])
    with world.database.unit_of_work() as session:
        assert sendings.discard(session, anna, sending_id)
        assert not sendings.discard(session, anna, sending_id)
    assert confirm(world, anna, sending_id) is Confirmation.GONE
