"""What keeps a domain from being proven: as it stands in `domain.fault`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from messa_platform.tenants.domains.proof import Missing, Unreachable, Wrong


class FaultKind(StrEnum):
    """Why a domain is not proven, or not just now."""

    MISSING = "missing"
    """The record is not there."""
    WRONG = "wrong"
    """There is a record of ours with another token."""
    UNREACHABLE = "unreachable"
    """Nobody could tell."""
    HELD = "held"
    """The record is right, and another organisation has the domain: the operator decides."""
    PARENT = "parent"
    """The domain above it, by which it was known, is suspended."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`found` are the records that were found instead, as far as they are told."""

    kind: FaultKind
    found: tuple[str, ...] = ()


def fault_of(outcome: Missing | Wrong | Unreachable) -> Fault:
    """The fault that asking the DNS has found."""
    match outcome:
        case Missing(found):
            return Fault(FaultKind.MISSING, found)
        case Wrong(found):
            return Fault(FaultKind.WRONG, found)
        case Unreachable(reason):
            return Fault(FaultKind.UNREACHABLE, (reason,))


def written(fault: Fault | None) -> str | None:
    """A fault as the column has it."""
    return None if fault is None else json.dumps([fault.kind.value, *fault.found], ensure_ascii=False)


def read(stored: str | None) -> Fault | None:
    """What `written` has made."""
    if stored is None:
        return None
    kind, *found = json.loads(stored)
    return Fault(FaultKind(kind), tuple(found))
