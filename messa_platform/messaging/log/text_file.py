"""The log as a text: UTF-8 without a mark, a line feed behind each line, cells divided by tabs, the columns' names first (spec L2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from messa_platform.core import text_files
from messa_platform.core.i18n import Speech
from messa_platform.messaging.log import told
from messa_platform.messaging.log.stream import Line
from messa_platform.messaging.log.told import Fact


class TextFile:
    """Writes line after line to `out`. What was asked for does not stand in it: every line but the first is a message."""

    def __init__(self, out: BinaryIO, speech: Speech) -> None:
        self._out = out
        self._zone = speech.zone
        self._directions = told.directions(speech)
        self._removed = told.removed_mark(speech)
        out.write(text_files.line(told.headings(speech)).encode())

    def add(self, lines: Sequence[Line]) -> None:
        """Write some more."""
        self._out.write("".join(map(self._written, lines)).encode())

    def _written(self, line: Line) -> str:
        return text_files.line(
            (
                line.at.astimezone(self._zone).replace(tzinfo=None).isoformat(" ", "seconds"),
                line.group + self._removed if line.group_removed else line.group,
                line.address,
                line.remote,
                self._directions[line.direction],
                line.status,
                str(line.parts),
            )
        )

    def finish(self, facts: Sequence[Fact]) -> None:
        """All lines are written."""
        self._out.flush()

    def close(self) -> None:
        """Let go of everything, whether it is finished or given up."""
