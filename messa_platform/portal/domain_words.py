"""What a look at a domain's DNS has found, what was expected there, and what to do next, in words (spec D1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from messa_platform.core.i18n import Speech, msgid
from messa_platform.tenants.domains.faults import Fault, FaultKind
from messa_platform.tenants.domains.standing import DomainRow
from messa_platform.tenants.models import DomainState, Proof

FAULTS: Mapping[FaultKind, str] = {
    FaultKind.MISSING: msgid("The record is not there"),
    FaultKind.WRONG: msgid("There is a record with another token"),
    FaultKind.UNREACHABLE: msgid("Its DNS could not be asked"),
    FaultKind.HELD: msgid("The record is right, but another organisation has the domain"),
    FaultKind.PARENT: msgid("The domain above it is suspended"),
}
"""What was found, in a few words."""

_IN_PLACE: Mapping[Proof | None, str] = {
    Proof.DNS: msgid("The record was there. You need not do anything."),
    Proof.PARENT: msgid("The domain above it is still yours. You need not do anything."),
}
_TO_DO: Mapping[FaultKind, str] = {
    FaultKind.MISSING: msgid(
        "Put the record into the DNS and check again. If you have just done that, wait a while: it can take up to an hour until it is seen."
    ),
    FaultKind.WRONG: msgid(
        "Change the record's value to the expected one and check again. If you have just done that, wait a while: the old value can be seen for"
        " up to an hour."
    ),
    FaultKind.UNREACHABLE: msgid(
        "Check again in a while. If there is still no answer, ask whoever looks after the domain's DNS whether it works."
    ),
    FaultKind.HELD: msgid("You need not do anything. We have been told, and find out whose it is."),
    FaultKind.PARENT: msgid("Prove the domain above it again, or put this domain's own record into its DNS."),
}
_BESIDE = msgid("Leave those records as they are, put the expected one beside them, and check again.")


@dataclass(frozen=True, slots=True)
class Look:
    """What the last look has found, "" where all is in order. `kind` is a word for it; `is_record_expected`: a record that was not found."""

    kind: str
    found: str
    todo: str
    is_record_expected: bool


def look_of(s: Speech, row: DomainRow) -> Look | None:
    """What the last look at a domain has found; None if there was none yet, or it is not looked at."""
    if row.checked_at is None or not row.can_be_checked:
        return None
    fault = row.fault
    if fault is None:
        is_in_place = row.state is DomainState.VERIFIED and row.proof in _IN_PLACE
        return Look("there", "", s.gettext(_IN_PLACE[row.proof]), False) if is_in_place else None
    todo = _BESIDE if fault.kind is FaultKind.MISSING and fault.found else _TO_DO[fault.kind]
    return Look(fault.kind.value, found_in_words(s, fault), s.gettext(todo), fault.kind is not FaultKind.HELD)


def found_in_words(s: Speech, fault: Fault) -> str:
    """What was found in place of a domain's proof."""
    _ = s.gettext
    listed = ", ".join(f"”{text}”" if s.language == "sv" else f"“{text}”" for text in fault.found)
    match fault.kind:
        case FaultKind.MISSING if fault.found:
            return _("There is no such record. Instead we found: %(found)s.", found=listed)
        case FaultKind.MISSING:
            return _("There is no such record.")
        case FaultKind.WRONG:
            return _("There is a record, but with another value: %(found)s.", found=listed)
        case FaultKind.UNREACHABLE:
            return _("We got no answer from the DNS. We keep trying.")
        case FaultKind.HELD:
            return _("The record is right. But another organisation has the domain at messa.")
        case FaultKind.PARENT:
            return _("The domain above it is suspended, and it has no record of its own.")
