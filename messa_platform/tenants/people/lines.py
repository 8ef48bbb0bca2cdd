"""The lines of a task that adds people, as they are kept: the address, and the name behind it; of a bad one its fault, and what stood there."""

from __future__ import annotations

from messa_platform.tenants.people.reading import Fault, Line

_FAULTS = {fault.value: fault for fault in Fault}


def kept(line: Line) -> str:
    """A line as it is kept: no address and no fault has a blank in it."""
    return f"{line.address} {line.name}".rstrip() if line.address else f"{line.fault} {line.written}"


def read_back(place: int, written: str) -> Line:
    """A line that was kept. Of one with an address what stood around it is forgotten."""
    first, _, rest = written.partition(" ")
    fault = _FAULTS.get(first)
    return Line(place, rest, None, "", fault) if fault else Line(place, first, first, rest, None)
