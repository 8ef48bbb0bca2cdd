"""Sheets that people upload: taken out of their form, and what is wrong with one as a whole, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.request import Request

from messa_platform.core.i18n import Speech, msgid
from messa_platform.core.sheets import MOST_BYTES, Problem, SheetFault

LARGEST_FORM = MOST_BYTES + 2**20
"""Bytes of the whole form: a file, and what is written beside it."""

PROBLEMS: Mapping[Problem, str] = {
    Problem.EMPTY: msgid("The file is empty. Choose another one."),
    Problem.TOO_LARGE: msgid(
        "The file is too large: %(num)s MB at most. Leave out pictures and columns, or divide it."
    ),
    Problem.TOO_MANY_ROWS: msgid("The file has too many rows: %(num)s at most. Divide it."),
    Problem.TOO_MANY_COLUMNS: msgid(
        "The file has too many columns: %(num)s at most. Leave out those that are not needed."
    ),
    Problem.OLD_OR_LOCKED: msgid(
        "The file is of an old Excel, or has a password. Save it as .xlsx without a password."
    ),
    Problem.UNKNOWN_FORMAT: msgid("The file is neither CSV nor Excel (.xlsx). Save it as one of them."),
    Problem.DAMAGED: msgid("The file cannot be read. Open it in Excel or the like, and save it anew."),
}


def uploaded(request: Request, upload: Any) -> bytes | SheetFault:
    """What a form's file field holds. Of what is too large nothing is read."""
    with upload.file as file:
        if (request.content_length or 0) > LARGEST_FORM:
            return SheetFault(Problem.TOO_LARGE, MOST_BYTES)
        data: bytes = file.read(MOST_BYTES + 1)
        return data


def sheet_words(speech: Speech, fault: SheetFault) -> str:
    """Why a sheet cannot be read, and what to do."""
    limit = fault.limit // 2**20 if fault.problem is Problem.TOO_LARGE else fault.limit
    return speech.gettext(PROBLEMS[fault.problem], num=speech.number(limit))
