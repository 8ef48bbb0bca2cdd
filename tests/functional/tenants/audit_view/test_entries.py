"""Which entries of the audit log a reader has, page after page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.orm import Session

from messa_platform.tenants import audit_view
from messa_platform.tenants.audit_view import Asked, Named, Reader, Standing
from tests.support.read_log import ME, Log, place


def test_the_log_of_a_group_has_the_entries_of_those_below_it_the_newest_first(log: Log) -> None:
    for number, group in enumerate((log.master, log.schools, log.north, log.care, log.south, log.elsewhere)):
        log.wrote(group, f"{number}@x.example")
    assert log.subjects(log.schools) == ["4@x.example", "2@x.example", "1@x.example"]
    assert log.subjects(log.north) == ["2@x.example"]
    assert log.subjects(log.master) == [f"{n}@x.example" for n in (4, 3, 2, 1, 0)]


def test_without_subgroups_it_has_the_groups_own_entries_only(log: Log) -> None:
    for group in (log.master, log.schools, log.north):
        log.wrote(group, group.name)
    assert log.subjects(log.schools, with_subgroups=False) == ["Skolor"]
    assert log.subjects(log.master, with_subgroups=False) == ["Master"]


@pytest.mark.parametrize("recent", [5, 3000])
def test_page_after_page_has_every_entry_once(log: Log, recent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_view, "RECENT", recent)
    for number in range(23):
        log.wrote((log.schools, log.north, log.care)[number % 3], f"{number:02}")
    for at, numbers in ((log.schools, [n for n in range(23) if n % 3 != 2]), (log.master, list(range(23)))):
        read: list[str] = []
        before = None
        for _ in range(10):
            found, before = log.read(at, before=before, most=4)
            read += [entry.subject for entry in found]
            if before is None:
                break
        assert read == [f"{n:02}" for n in reversed(numbers)]


def test_a_page_that_ends_with_the_last_entry_promises_no_other(log: Log) -> None:
    for number in range(4):
        log.wrote(log.schools, str(number))
    found, older = log.read(log.schools, most=4)
    assert (len(found), older) == (4, None)
    assert log.read(log.schools, most=3)[1] == log.read(log.schools, most=3)[0][-1].id


def test_entries_far_behind_many_of_others_are_found(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_view, "RECENT", 3)
    log.wrote(log.north, "old")
    for number in range(12):
        log.wrote(log.care, str(number))
    log.wrote(log.south, "new")
    assert log.subjects(log.schools, most=2) == ["new", "old"]


def test_the_log_of_a_removed_group_stays_with_those_above_it(log: Log) -> None:
    log.wrote(log.north, "kept")
    log.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=log.north.id)
    assert log.subjects(log.schools) == ["kept"]
    assert log.only(log.schools).group == Named(Standing.SEEN, "Norra", is_gone=True)


def test_every_entry_is_read_in_chunks(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_view, "CHUNK", 4)
    for number in range(11):
        log.wrote(log.north, f"{number:02}")
    with log.confined(log.schools) as session:
        reader, asked = Reader(place(session, log.schools), ME), Asked(place(session, log.schools))
    opened = 0

    @contextmanager
    def open_one() -> Iterator[Session]:
        nonlocal opened
        opened += 1
        with log.confined(log.schools) as session:
            yield session

    found = [entry.subject for entry in audit_view.all_entries(open_one, reader, asked)]
    assert found == [f"{n:02}" for n in reversed(range(11))]
    assert opened == 3


def test_another_organisation_reads_nothing_of_ours_even_where_the_role_lets_it(log: Log) -> None:
    log.wrote(log.master, "ours")
    with log.world.database.unit_of_work() as session:
        theirs = place(session, log.elsewhere)
        assert audit_view.entries(session, Reader(theirs, ME), Asked(theirs))[0] == []
        own = Asked(theirs, with_subgroups=False)
        assert audit_view.entries(session, Reader(theirs, ME), own)[0] == []
