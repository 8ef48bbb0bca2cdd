"""Exports of large logs, and how they stand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from messa_platform.messaging.log import files
from messa_platform.messaging.log.export_models import Format
from tests.functional.messaging.log.conftest import MONDAY, Town
from tests.support.log_rows import Sent, store

MANY = 12_000
SECOND = timedelta(seconds=1)
Write = Callable[..., int]


def many(town: Town, count: int = MANY) -> None:
    """So many messages more."""
    anna = town.people["anna"]
    store(town.world, [Sent(MONDAY + n * SECOND, town.school, anna) for n in range(count)])


def stands(town: Town, export_id: UUID) -> Any:
    """The export's row as it is."""
    [row] = town.world.rows("SELECT * FROM export WHERE id = :id", id=export_id)
    return row


def stored(town: Town, export_id: UUID) -> list[int]:
    """The sizes of the pieces that are stored."""
    rows = town.world.rows(
        "SELECT octet_length(data) AS size FROM export_chunk WHERE export_id = :id ORDER BY place",
        id=export_id,
    )
    return [row.size for row in rows]


def instead(monkeypatch: pytest.MonkeyPatch, write: Callable[[Write], Write]) -> None:
    """Put something before the writing of files."""
    monkeypatch.setattr(files, "write", write(files.write))


def messages_in(file: bytes, kind: Format) -> int:
    if kind is Format.TEXT:
        return file.decode().count("\n") - 1
    sheet = openpyxl.load_workbook(BytesIO(file), read_only=True)["Logg"]
    return sum(1 for _ in sheet.iter_rows()) - 2
