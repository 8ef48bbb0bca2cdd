"""Sendings to many, each step of them done in a word: put together, looked at, confirmed, worked off, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from messa_platform.messaging import sendings
from messa_platform.messaging.sending_rows import NotPrepared, Row, rows_of_sheet
from messa_platform.messaging.sending_work import work_off_sendings
from messa_platform.messaging.sendings import Confirmation, Outcome, Preview, Progress
from messa_platform.messaging.sheets import Sheet, read_sheet
from tests.support.world import World

ANNAS, BOS = "+46701740605", "+46701740606"
SHEET = """Elev;Mobil;Tid
Alva;070-174 06 05;14:00
Bo;0701740606;14:30
Cia;070;15:00
Dag;;15:30
"""
INVITATION = "Hej! Samtal om {elev} klockan {Tid}."


def phone(i: int) -> str:
    return f"+467017{i:05}"


def many(count: int, **fields: str) -> list[Row]:
    return [Row(i + 1, phone(i), fields) for i in range(count)]


def from_sheet(written: str = SHEET) -> list[Row]:
    sheet = read_sheet("klass.csv", written.encode())
    assert isinstance(sheet, Sheet)
    return rows_of_sheet(sheet, sheet.columns.index("Mobil"))


def try_to_prepare(world: World, account_id: UUID, text: str, rows: Sequence[Row]) -> UUID | NotPrepared:
    with world.database.unit_of_work() as session:
        return sendings.prepare(session, world.clock.now(), account_id, text, rows)


def prepared(world: World, account_id: UUID, text: str, rows: Sequence[Row]) -> UUID:
    made = try_to_prepare(world, account_id, text, rows)
    assert isinstance(made, UUID), made
    return made


def looked_at(world: World, account_id: UUID, sending_id: UUID, **values: Any) -> Preview:
    with world.database.unit_of_work() as session:
        seen = sendings.preview(session, world.clock, account_id, sending_id, **values)
    assert seen is not None
    return seen


def confirm(
    world: World, account_id: UUID, sending_id: UUID, guard: bool = True, **values: Any
) -> Confirmation:
    with world.database.unit_of_work() as session:
        now = world.clock.now()
        return sendings.confirm(session, now, account_id, sending_id, guard=guard, **values)


def confirmed(world: World, account_id: UUID, text: str, rows: Sequence[Row], **values: Any) -> UUID:
    sending_id = prepared(world, account_id, text, rows)
    assert confirm(world, account_id, sending_id, **values) is Confirmation.NOW
    return sending_id


def work(world: World) -> bool:
    return work_off_sendings(world.database, world.clock, world.heard)


def progress(world: World, account_id: UUID, sending_id: UUID) -> Progress:
    with world.database.unit_of_work() as session:
        found = sendings.progress(session, account_id, sending_id)
    assert found is not None
    return found


def outcomes(world: World, account_id: UUID, sending_id: UUID, **values: Any) -> list[Outcome]:
    with world.database.unit_of_work() as session:
        return sendings.outcomes(session, account_id, sending_id, most=10_000, **values)


def told(world: World, account_id: UUID, sending_id: UUID) -> list[tuple[str, str]]:
    return [(o.recipient, o.word) for o in outcomes(world, account_id, sending_id)]


def sent(world: World) -> list[tuple[str, str]]:
    """Numbers and texts of what waits to leave, in order."""
    return [(r.remote, r.text) for r in world.rows("SELECT remote, text FROM dispatch_queue ORDER BY id")]
