"""What is wrong with a price list that was uploaded, in words: what to do, and where (spec X4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from messa_platform.core.i18n import Speech, msgid
from messa_platform.core.sheets import SheetFault
from messa_platform.portal.sheets import sheet_words
from messa_platform.providers.prices.amounts import DECIMALS, MICROS, MOST
from messa_platform.providers.prices.cells import LONGEST_NAME, LONGEST_PREFIX, Wrong
from messa_platform.providers.prices.lists import LONGEST_NAME as LONGEST_LIST_NAME
from messa_platform.providers.prices.lists import Refusal
from messa_platform.providers.prices.reading import NoColumns, RowFault

MOST_TOLD = 200
"""Rows that are told of at once."""

_WRONG: Mapping[Wrong, str] = {
    Wrong.NO_PREFIX: msgid(
        "The prefix is missing. Write the digits that the numbers begin with, such as 46 or 4670."
    ),
    Wrong.NOT_A_PREFIX: msgid(
        "“%(cell)s” is no prefix. Write one prefix in each row, of digits alone, such as 46 or 4670."
    ),
    Wrong.NATIONAL: msgid("“%(cell)s” begins with 0. Begin with the country code, such as 46 for Sweden."),
    Wrong.PREFIX_TOO_LONG: msgid("“%(cell)s” is too long for a prefix: %(digits)s digits at the most."),
    Wrong.NO_AMOUNT: msgid("The price is missing. Write what a part costs in kronor, such as 0,35."),
    Wrong.NOT_AN_AMOUNT: msgid("“%(cell)s” is no price. Write what a part costs in kronor, such as 0,35."),
    Wrong.NEGATIVE: msgid("“%(cell)s” is below zero. A price is 0 or more."),
    Wrong.TOO_PRECISE: msgid("“%(cell)s” has too many decimals: %(decimals)s at the most."),
    Wrong.TOO_HIGH: msgid(
        "“%(cell)s” is more than %(most)s kronor. Write kronor, not öre, and look for a missing decimal comma."
    ),
    Wrong.OTHER_CURRENCY: msgid("“%(cell)s” is not in kronor. Convert all prices to kronor (SEK)."),
    Wrong.NAME_TOO_LONG: msgid("“%(cell)s” is too long for a name: %(characters)s characters at the most."),
    Wrong.NAME_IS_A_NUMBER: msgid(
        "“%(cell)s” stands where the country's name should be. If it belongs to the price, divide the columns by semicolons."
    ),
    Wrong.TWICE: msgid("The prefix “%(cell)s” stands in row %(other)s already. Remove one of them."),
    Wrong.CONTRADICTS: msgid(
        "The prefix “%(cell)s” stands in row %(other)s with another price. Remove the one that is wrong."
    ),
}
REFUSALS: Mapping[Refusal, tuple[str, str]] = {
    Refusal.PAST: (
        "valid_from",
        msgid("Choose tomorrow or a later day: what has been sent must not change its price."),
    ),
    Refusal.NO_CHANNEL: ("of", msgid("That channel is gone. Choose another one.")),
    Refusal.NO_NAME: ("name", msgid("Give the new price list a name.")),
    Refusal.NAME_TOO_LONG: ("name", msgid("The name is too long: %(num)s characters at the most.")),
}
"""The field that each is about, and what to do."""
NO_COLUMNS = msgid(
    "It does not show which columns hold the prefixes and the prices. Head one column “Prefix” and one “Price”, and no others so."
    " The first row says: %(heading)s."
)


@dataclass(frozen=True, slots=True)
class Row:
    """What is wrong in a row of the file, from 1."""

    line: int
    sentence: str


def row_words(speech: Speech, fault: RowFault) -> Row:
    """A fault in words."""
    values = {
        "cell": fault.cell,
        "other": speech.number(fault.other),
        "digits": speech.number(LONGEST_PREFIX),
        "decimals": speech.number(DECIMALS),
        "most": speech.number(MOST // MICROS),
        "characters": speech.number(LONGEST_NAME),
    }
    return Row(fault.line, speech.gettext(_WRONG[fault.wrong], **values))


def file_words(speech: Speech, fault: SheetFault | NoColumns) -> str:
    """Why a file cannot be read at all."""
    if isinstance(fault, NoColumns):
        heading = ", ".join(f"“{cell[:40]}”" for cell in fault.heading[:10])
        return speech.gettext(NO_COLUMNS, heading=heading)
    return sheet_words(speech, fault)


def refusal_words(speech: Speech, refusal: Refusal) -> tuple[str, str]:
    """The field, and what to do."""
    name, sentence = REFUSALS[refusal]
    return name, speech.gettext(sentence, num=speech.number(LONGEST_LIST_NAME))
