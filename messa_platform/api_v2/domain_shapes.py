"""The shapes of domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, WORDS, a_time, an_id, field, one_of
from messa_platform.tenants.domains.faults import FaultKind
from messa_platform.tenants.domains.names import Refusal
from messa_platform.tenants.models import DomainState, Proof

LONGEST_WRITTEN = 300
"""Characters of a name as it is sent; in the DNS it has fewer."""

REFUSALS: Mapping[Refusal, str] = {
    Refusal.EMPTY: "names no domain",
    Refusal.NO_DOMAIN: "is no domain; write what stands behind the @ in your addresses",
    Refusal.ADDRESS: "is the number of a computer, not a domain",
    Refusal.ONE_LABEL: "has no dot in it, as every domain of an organisation has",
    Refusal.PUBLIC: "cannot be anybody's own: strangers have theirs below it",
    Refusal.OURS: "is our own, or lies below it",
}
"""Why a name is not taken."""

_GROUP = an_id("The group to which its addresses come.")

CREATE = Shape(
    "CreateDomain",
    {
        "name": field(
            "string",
            "What stands behind the @ in the addresses; malmö.se and xn--malm-8qa.se are one.",
            "kommun.se",
            maxlength=LONGEST_WRITTEN,
            **MUST,
            **WORDS,
        ),
        "group_id": an_id("The group to which its addresses come; without, the key's own."),
    },
    "A domain that is claimed.",
    {"name": "kommun.se"},
)
MOVE = Shape(
    "MoveDomain",
    {"group_id": {**_GROUP, **MUST}},
    "Where its addresses are to come.",
    {"group_id": "01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a"},
)
_RECORD: dict[str, Any] = {
    "type": field("string", "Its type.", "TXT", **MUST),
    "name": field("string", "Where it stands.", "_messa.kommun.se", **MUST),
    "value": field("string", "What it says.", "messa-verification=5f0c8c3f5d1f4d0f9f3e2a1b0c9d8e7f", **MUST),
}
_FAULT: dict[str, Any] = {
    "kind": one_of(
        FaultKind,
        "`missing`: there is no such record; `wrong`: it has another value; `unreachable`: the DNS could not be asked; `held`: it is right, but"
        " another organisation has the domain, and we look into it; `parent`: the domain above it, by which it was known, is suspended.",
        **MUST,
    ),
    "found": field("list", "What was found in its place.", schema={"type": "string"}, **MUST),
}
_DOMAIN: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "group_id": {**_GROUP, **MUST},
    "name": field("string", "As it stands in the DNS (IDNA 2008).", "xn--malm-8qa.se", **MUST),
    "shown": field("string", "As people read it.", "malmö.se", **MUST),
    "state": one_of(
        DomainState,
        "`waiting` for its proof; `verified`: new addresses come to the group; `suspended`: they no longer do.",
        **MUST,
    ),
    "proof": one_of(
        Proof, "By what it is known: its record, the domain above it, or our operator's word.", **MAYBE
    ),
    "record": field("dict", "What to publish in its DNS, and to leave there.", schema=_RECORD, **MUST),
    "fault": field("dict", "What the last look has found wrong.", schema=_FAULT, **MAYBE),
    "failing_since": a_time("Since when the proof of a verified domain is gone.", **MAYBE),
    "suspended_at": a_time("When it will be suspended if the proof does not come back.", **MAYBE),
    "created_at": a_time("When it was claimed.", **MUST),
    "verified_at": a_time("When it was proven.", **MAYBE),
    "checked_at": a_time("When it was looked at last.", **MAYBE),
    "next_check_at": a_time("When it is looked at next; in the past: just now.", **MAYBE),
}
DOMAIN = Shape("Domain", _DOMAIN, "A domain that an organisation has, or claims.")
DOMAINS = a_list("Domains", _DOMAIN, "Domains of a group and those below it, oldest first.")
PREVIEW = Shape(
    "DomainPreview",
    {
        "moving": field("integer", "Accounts that come to its group.", 12, **MUST),
        "by_hand": field(
            "integer", "Accounts that stay, since an admin has placed them where they are.", 2, **MUST
        ),
    },
    "What its proof does to accounts: of those in the key's group and below, so that nothing is told of others.",
)
_MOVE: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "total": field("integer", "Accounts that were to come when it began.", 12, **MUST),
    "done": field("integer", "Accounts that were looked at so far.", 12, **MUST),
    "moved": field("integer", "Accounts that came.", 11, **MUST),
    "stayed": field("integer", "Accounts that had changed meanwhile, and stay where they are.", 1, **MUST),
    "started_at": a_time("When it began.", **MUST),
    "finished_at": a_time("When it ended.", **MAYBE),
    "undo_until": a_time("Until when it can be undone; null: it cannot.", **MAYBE),
    "is_undone": field("boolean", "Whether it was undone, or is being.", False, **MUST),
}
MOVES = a_list("DomainMoves", _MOVE, "Moves of a domain's accounts, the newest first.")
BEGUN = Shape(
    "BegunMove",
    {
        "id": an_id("The move's id.", **MUST),
        "total": field("integer", "Accounts that are on their way.", 2, **MUST),
    },
    "Accounts on their way.",
)
UNDO = Shape(
    "UndoDomainMove",
    {"move_id": an_id("The move.", **MUST)},
    "Which move is to be undone.",
    {"move_id": "01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a"},
)
