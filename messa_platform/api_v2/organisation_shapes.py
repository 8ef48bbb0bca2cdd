"""The shapes of the organisation as a whole."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.shapes import MUST, WORDS, field
from messa_platform.core.i18n import LANGUAGES
from messa_platform.tenants.organisation import MAX_NAME, MOST_TEXT_DAYS, TIME_ZONES

CONFIRM = "confirm_removal"
"""The field that says that the words of older messages are to be removed."""

_NAME = field("string", "Its name.", "Demo kommun", maxlength=MAX_NAME, **WORDS)
_LANGUAGE = field("string", "Of whoever has chosen none.", "sv", allowed=list(LANGUAGES))
_TIME_ZONE = "Of the times that its people see, as the IANA database names it."
_FACTOR = "Whether its admins need a second factor."
_DAYS: dict[str, Any] = field(
    "integer",
    "For how many days the words of messages are kept; null: for ever.",
    365,
    min=1,
    max=MOST_TEXT_DAYS,
    nullable=True,
)

CHANGE = Shape(
    "ChangeOrganisation",
    {
        "name": _NAME,
        "language": _LANGUAGE,
        "time_zone": field("string", _TIME_ZONE, "Europe/Stockholm", allowed=list(TIME_ZONES)),
        "demands_second_factor": field(
            "boolean", f"{_FACTOR} Can be made false here; to make it true takes an admin who has one."
        ),
        "keep_text_days": _DAYS,
        CONFIRM: field(
            "boolean", "True: with fewer days than so far, the words of older messages are to be removed."
        ),
    },
    "What is to be different; what is left out stays.",
    {"language": "sv", "time_zone": "Europe/Stockholm"},
)
ORGANISATION = Shape(
    "Organisation",
    {
        "name": {**_NAME, **MUST},
        "language": {**_LANGUAGE, **MUST},
        # one that was set before the list was made stays
        "time_zone": field("string", _TIME_ZONE, "Europe/Stockholm", **MUST),
        "demands_second_factor": field("boolean", _FACTOR, **MUST),
        "keep_text_days": {**_DAYS, **MUST},
    },
    "What holds for an organisation as a whole.",
)
