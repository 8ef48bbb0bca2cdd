"""The journal outlives whoever writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.journal import FILE_NAME, Journal, JournalDamaged


def entries(directory: Path) -> list[dict[str, object]]:
    journal = Journal.open(directory)
    try:
        return list(journal.read())
    finally:
        journal.close()


def written(directory: Path, *values: object) -> str:
    journal = Journal.open(directory)
    journal.append(wire.encode(value) for value in values)
    identity = journal.identity
    journal.close()
    return identity


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    written(tmp_path, {"kind": "mail", "n": 1})
    written(tmp_path, {"kind": "mail", "n": 2}, {"kind": "mail", "n": 3})
    assert [entry["n"] for entry in entries(tmp_path)] == [1, 2, 3]


def test_what_was_appended_is_in_the_file_before_any_sync_or_close(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.append([wire.encode({"n": 1})])
    assert (tmp_path / FILE_NAME).read_bytes().endswith(b'{"n":1}\n')
    journal.close()


def test_a_journal_keeps_its_identity_and_another_has_another(tmp_path: Path) -> None:
    first = written(tmp_path / "a")
    assert written(tmp_path / "a") == first
    assert written(tmp_path / "b") != first


@pytest.mark.parametrize("torn", [b'{"kind":"ma', b"x" * 200_000])
def test_a_last_line_torn_by_a_kill_is_cut_off_and_the_next_one_is_whole(tmp_path: Path, torn: bytes) -> None:
    written(tmp_path, {"n": 1})
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(torn)
    written(tmp_path, {"n": 2})
    assert [entry["n"] for entry in entries(tmp_path)] == [1, 2]


def test_a_heading_torn_by_a_kill_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"kind":"jour')
    written(tmp_path, {"n": 1})
    assert [entry["n"] for entry in entries(tmp_path)] == [1]


def test_damage_in_the_middle_is_told_with_its_line(tmp_path: Path) -> None:
    written(tmp_path, {"n": 1})
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b"not json\n")
    written(tmp_path, {"n": 2})
    with pytest.raises(JournalDamaged, match=r"journal\.jsonl, line 3"):
        entries(tmp_path)


def test_a_stranger_s_file_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"hej": 1}\n')
    with pytest.raises(JournalDamaged, match="line 1"):
        Journal.open(tmp_path)
