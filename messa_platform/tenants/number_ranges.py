"""The ranges of numbers that the platform lends: new ones, and which are lent from (spec R1, O1). What is left of each: `numbers.ranges`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.models import NumberRange
from messa_platform.tenants.numbers import OwnRange

RANGE = cast(Table, NumberRange.__table__)

FEWEST_DIGITS, MOST_DIGITS = 10, 15
"""Of a number with its country code. Mobile numbers have 10 to 12; E.164 allows 15, which ranges of our own make full use of."""
MOST_NUMBERS = 10_000_000
"""In one range."""

_BETWEEN = re.compile(r"[\s.\-()/\u2010-\u2015]+")
_DIGITS = re.compile(r"[1-9][0-9]*")


class Fault(StrEnum):
    """Why a range cannot be."""

    NOT_A_NUMBER = "not_a_number"
    NATIONAL = "national"
    """It begins with 0: the country code is missing."""
    WRONG_LENGTH = "wrong_length"
    LENGTHS_DIFFER = "lengths_differ"
    BACKWARDS = "backwards"
    """The last number is before the first."""
    TOO_MANY = "too_many"
    OVERLAP = "overlap"


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was added. `faults` by field, `first` or `last`; `overlapping` is a range that has some of the numbers already."""

    faults: Mapping[str, Fault]
    overlapping: OwnRange | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """The range is there, and open for lending."""

    id: UUID
    numbers: OwnRange


def read_number(written: str) -> int | Fault:
    """The number that somebody wrote, with its country code, `+` or `00` before it or not."""
    compact = _BETWEEN.sub("", written).removeprefix("+").removeprefix("00")
    if compact.startswith("0") and compact.isascii() and compact.isdigit():
        return Fault.NATIONAL
    if not _DIGITS.fullmatch(compact):
        return Fault.NOT_A_NUMBER
    return int(compact) if FEWEST_DIGITS <= len(compact) <= MOST_DIGITS else Fault.WRONG_LENGTH


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('messa.number_range'))")
_OVERLAPPING = text(
    "SELECT first, last FROM number_range WHERE first <= :last AND last >= :first ORDER BY first LIMIT 1"
)


def add(session: Session, now: datetime, author: Author, first: str, last: str) -> Added | Refused:
    """A new range, from and to the numbers that were written, open for lending."""
    read = {"first": read_number(first), "last": read_number(last)}
    if wrong := {name: value for name, value in read.items() if isinstance(value, Fault)}:
        return Refused(wrong)
    wanted = OwnRange(cast(int, read["first"]), cast(int, read["last"]))
    if fault := _fault(wanted):
        return Refused({"last": fault})
    session.execute(_ONE_AT_A_TIME)
    row = session.execute(_OVERLAPPING, {"first": wanted.first, "last": wanted.last}).first()
    if row is not None:
        return Refused({"first": Fault.OVERLAP}, OwnRange(row.first, row.last))
    identifier = new_id()
    made = {"id": identifier, "first": wanted.first, "last": wanted.last, "next_number": wanted.first}
    insert_rows(session, RANGE, [made])
    record(session, now, author, [_change(Action.RANGE_ADDED, identifier, wanted, None, {"is_open": True})])
    return Added(identifier, wanted)


def _fault(wanted: OwnRange) -> Fault | None:
    if len(str(wanted.first)) != len(str(wanted.last)):
        return Fault.LENGTHS_DIFFER
    if wanted.last < wanted.first:
        return Fault.BACKWARDS
    return Fault.TOO_MANY if wanted.last - wanted.first >= MOST_NUMBERS else None


_SET_OPEN = text(
    "UPDATE number_range SET is_open = :is_open WHERE id = :id AND is_open <> :is_open RETURNING first, last"
)


def set_open(session: Session, now: datetime, author: Author, range_id: UUID, *, is_open: bool) -> bool:
    """Let numbers be lent from a range, or no longer; those that are lent stay so. False if there was nothing to change."""
    row: Row[Any] | None = session.execute(_SET_OPEN, {"id": range_id, "is_open": is_open}).first()
    if row is None:
        return False
    before, after = {"is_open": not is_open}, {"is_open": is_open}
    numbers = OwnRange(row.first, row.last)
    record(session, now, author, [_change(Action.RANGE_CHANGED, range_id, numbers, before, after)])
    return True


def _change(action: Action, range_id: UUID, numbers: OwnRange, before: Any, after: Any) -> Change:
    return Change(None, None, action, f"+{numbers.first}–+{numbers.last}", range_id, before, after)
