"""A gateway that fails on command: a simulator in a process of its own, with a journal of its own that testifies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from messa_platform.providers.simulator.launch import Running

SILENT = {"drop_answers": 1.0, "drop_questions": 1.0}
WELL = dict.fromkeys(("drop_submits", "refuse", "drop_answers", "drop_questions"), 0.0)


class Phase(Enum):
    """What becomes of what a gateway is handed."""

    WELL = "takes texts and answers"
    SILENT = "never answers; half of the texts it takes all the same"
    FORGETFUL = "takes texts and answers none, but answers questions"
    REFUSING = "refuses texts for now, and answers questions"
    GONE = "refuses connections: its process was killed"
    FROZEN = "its process stands still; what it was handed it reads when it goes on"


_FAULTS: dict[Phase, dict[str, float]] = {
    Phase.WELL: WELL,
    Phase.SILENT: {**WELL, **SILENT, "drop_submits": 0.5},
    Phase.FORGETFUL: {**WELL, "drop_answers": 1.0},
    Phase.REFUSING: {**WELL, "refuse": 1.0},
}


class FaultyGateway:
    """It keeps its ports and its journal through every death."""

    def __init__(self, journal: Path, *arguments: str) -> None:
        self._journal, self._arguments = journal, arguments
        self._running = Running.start(journal, *arguments)
        self._phase = Phase.WELL
        at = self._running.addresses
        self._ports = tuple(
            word
            for name in ("http", "gateway", "smtp")
            for word in (f"--{name}-port", str(getattr(at, f"{name}_port")))
        )
        self.port: int = at.gateway_port

    def become(self, phase: Phase) -> float:
        """Change what it does; when it began to, in seconds since 1970: at the earliest for a fault, at the latest for its end."""
        began = time.time()
        if self._phase is Phase.FROZEN:
            self._signal(signal.SIGCONT)
        if self._phase is Phase.GONE:
            self._running = Running.start(self._journal, *self._arguments, *self._ports)
        match phase:
            case Phase.GONE:
                self._running.kill()
            case Phase.FROZEN:
                self._signal(signal.SIGSTOP)
            case _:
                self._running.ask("POST", "/simulator/faults", _FAULTS[phase])
        self._phase = phase
        return time.time() if phase is Phase.WELL else began

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self._running.addresses.pid, number)

    def submits(self) -> list[dict[str, Any]]:
        """All that it was handed, taken or not, oldest first."""
        return submits(self._running)

    def close(self) -> None:
        """End it, however it stands."""
        self._running.kill()


def submits(simulator: Running) -> list[dict[str, Any]]:
    """All that a simulator was handed, taken or not, oldest first, by its journal."""
    found: list[dict[str, Any]] = []
    since = 0
    while page := simulator.ask("GET", f"/simulator/submits?since={since}")["submits"]:
        found += page
        since = page[-1]["n"]
    return found


@contextmanager
def a_faulty_gateway(journal: Path, *arguments: str) -> Iterator[FaultyGateway]:
    """One for the length of the block."""
    gateway = FaultyGateway(journal, *arguments)
    try:
        yield gateway
    finally:
        gateway.close()
