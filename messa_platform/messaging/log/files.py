"""A search of the log as a file (spec L2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Protocol

from sqlalchemy.orm import Session

from messa_platform.core.i18n import Speech
from messa_platform.messaging.log import stream, told
from messa_platform.messaging.log.asked import Asked
from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.sheet_file import SheetFile
from messa_platform.messaging.log.stream import Line
from messa_platform.messaging.log.text_file import TextFile
from messa_platform.messaging.log.told import Asking, Fact


class _Writer(Protocol):
    def add(self, lines: Sequence[Line]) -> None: ...

    def finish(self, facts: Sequence[Fact]) -> None: ...

    def close(self) -> None: ...


def write(
    session: Session,
    asked: Asked,
    asking: Asking,
    kind: Format,
    speech: Speech,
    out: BinaryIO,
    folder: Path,
    progress: Callable[[int], None] = lambda _done: None,
) -> int:
    """Write all that is asked for to `out`; gives how many messages that were.

    The file speaks as `speech`. `folder` is for what lies on the disk meanwhile. `progress` is told now and then how many are written.
    """
    facts = told.facts(session, speech, asked, asking)
    writer: _Writer = TextFile(out, speech) if kind is Format.TEXT else SheetFile(out, folder, speech)
    done = 0
    with closing(writer), closing(stream.lines(session, asked)) as found:
        for lines in found:
            writer.add(lines)
            done += len(lines)
            progress(done)
        writer.finish(facts)
    return done
