"""The shapes of numbers."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from messa_platform.api_v2.pages import a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, a_time, an_id, field, one_of


class Holder(StrEnum):
    """What a number's holder is."""

    ACCOUNT = "account"
    API_USER = "api_user"


class State(StrEnum):
    """What has become of a number."""

    LENT = "lent"
    RESTING = "resting"


_NUMBER: dict[str, Any] = {
    "number": field(
        "string", "In E.164 form; numbers of our own may have 15 digits.", "+467301214000042", **MUST
    ),
    "group_id": an_id("The group for which it counts.", **MUST),
    "account_id": an_id("Who holds it, or held it last.", **MUST),
    "holder": one_of(Holder, "What that is.", **MUST),
    "state": one_of(State, "`resting`: it was taken back, and nobody gets it yet.", **MUST),
    "lent_at": a_time("Since when its holder has had it, in this group.", **MUST),
    "returned_at": a_time("When it was taken back.", **MAYBE),
    "rests_until": a_time("When it can be lent again.", **MAYBE),
}
NUMBERS = a_list("Numbers", _NUMBER, "Numbers of a group and those below it, the earliest lent first.")
