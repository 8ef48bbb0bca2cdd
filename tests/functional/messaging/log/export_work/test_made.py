"""Exports are made, piece by piece and seen (spec L2)."""

from __future__ import annotations

from typing import Any

import pytest

from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.exports import ACTOR
from messa_platform.runtime import Runtime
from messa_platform.runtime.jobs import ACTORS, looks
from tests.functional.messaging.log.conftest import Ordering, Town
from tests.support.exports_at_work import MANY, Write, instead, many, messages_in, stands, stored


@pytest.mark.parametrize("kind", Format)
def test_the_file_is_whole_in_pieces_of_a_mebibyte(
    ordering: Ordering, town: Town, kind: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messa_platform.messaging.log.export_work.PIECE", 10_000)
    many(town, 500)
    made = ordering.made(ordering.ask(format=kind))
    sizes = stored(town, made.id)
    assert set(sizes[:-1]) == {10_000} and 0 < sizes[-1] <= 10_000
    file = ordering.file(made.id)
    assert len(file) == sum(sizes) == made.size
    assert messages_in(file, kind) == made.done == made.total == 505


def test_it_speaks_the_language_that_was_asked_for(ordering: Ordering) -> None:
    for language, heading in (("sv", b"Datum\tGrupp"), ("en", b"Date\tGroup")):
        assert ordering.file(ordering.made(ordering.ask(language=language)).id).startswith(heading)


def test_how_far_it_has_come_is_seen_meanwhile(
    ordering: Ordering, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(town)
    seen = []

    def watched(write: Write) -> Write:
        def watching(*given: Any) -> int:
            *others, progress = given

            def look(done: int) -> None:
                progress(done)
                row = stands(town, export_id)
                seen.append((row.done, row.total, stored(town, export_id)))

            return write(*others, look)

        return watching

    instead(monkeypatch, watched)
    export_id = ordering.ask()
    ordering.made(export_id)
    assert [done for done, _, _ in seen] == [0, 4000, 4000, 8000, 8000, 12_000, 12_000]
    assert {total for _, total, _ in seen} == {MANY + 5}
    assert not any(pieces for _, _, pieces in seen)  # before it is whole there is nothing of it


def test_it_is_woken_by_its_queue(ordering: Ordering, runtime: Runtime) -> None:
    def woken() -> list[tuple[str, ...]]:
        with runtime.database.unit_of_work() as session:
            return [key for look in looks() for key in look(session, runtime.clock.now())]

    assert (ACTOR,) not in woken()
    ordering.ask()
    assert (ACTOR,) in woken()
    [spec] = [spec for spec in ACTORS if spec.name == ACTOR]
    assert spec.run(runtime, lambda: False)
    assert not spec.run(runtime, lambda: False)
    assert (ACTOR,) not in woken()
