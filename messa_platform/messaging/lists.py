"""Saved lists of recipients, an account's own (spec P2), and lists as people paste them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.core.segments import normalise as clean
from messa_platform.messaging.models import ListedRecipient
from messa_platform.messaging.recipients import Fault, normalise
from messa_platform.tenants import numbers
from messa_platform.tenants.numbers import OwnRange
from messa_platform.tenants.senders import senders
from messa_platform.tenants.tree import swedish_sort_key

LISTED = cast(Table, ListedRecipient.__table__)

MOST_ENTRIES = 5_000
LONGEST_NAME = 100
"""Characters in the name of a list, or of one of its recipients."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A recipient of a list: an E.164 number, and a name that is for the reader alone."""

    number: str
    name: str = ""


class LineFault(StrEnum):
    """Why a line names no recipient, beside what `recipients.Fault` knows."""

    SEVERAL_NUMBERS = "several_numbers"


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that names no recipient; `line` counts from 1."""

    line: int
    written: str
    fault: Fault | LineFault


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a pasted list says: its recipients in order, each number once, the lines that name none, and those that name one again.

    `lines` are where the recipients stand; what is repeated has its line with it.
    """

    entries: tuple[Listed, ...]
    lines: tuple[int, ...]
    bad: tuple[BadLine, ...]
    repeated: tuple[tuple[int, Listed], ...]


def parse(pasted: str, country_code: str, own: Sequence[OwnRange] = ()) -> Parsed:
    """Read a pasted list: a line a recipient, its number and perhaps its name, in either order, with or without `;`, `,` or a tab between.

    A line of numbers alone, divided so, is several recipients.
    """
    entries: dict[str, tuple[Listed, int]] = {}
    bad = []
    repeated = []
    for place, line in enumerate(clean(pasted).split("\n"), start=1):
        if not line.strip():
            continue
        read = _line(line, country_code, own)
        if not isinstance(read, list):
            bad.append(BadLine(place, line.strip()[:LONGEST_NAME], read))
            continue
        for listed in read:
            if listed.number in entries:
                repeated.append((place, listed))
            else:
                entries[listed.number] = listed, place
    found = entries.values()
    return Parsed(tuple(e for e, _ in found), tuple(at for _, at in found), tuple(bad), tuple(repeated))


def parse_for(session: Session, account_id: UUID, pasted: str) -> Parsed:
    """The same, as an account means it: its group says which country a national number belongs to. Raises KeyError if it is unknown."""
    sender = senders(session, [account_id])[account_id]
    return parse(pasted, sender.settings.country_code, numbers.own_ranges(session))


_DIVIDERS = re.compile(r"[;,\t]")
_RUN = r"[0-9][0-9\s.\-()/\u2010-\u2015]*[0-9]"
_SURE = rf"(?P<number>(?:\+\s*|(?=\(?0))\(?{_RUN})"
_PERHAPS = r"(?P<number>[0-9]{6,15})"  # as a spreadsheet leaves one, its zero lost; with spaces in it the wrong digits may be taken
# the surer form first: a number that begins as one does, so that "Klass 4 0701740605" is not 4 0701740605
_INSIDE = tuple(
    re.compile(form)
    for number in (_SURE, _PERHAPS)
    for form in (rf"{number}[\s:]+(?P<name>\D.*)", rf"(?P<name>.*?)[\s:]+\(?{number}\)?")
)
_ENUMERATION = re.compile(r"[1-9][0-9]{0,3}[.):]?\s+(?=[+0](?:[^0-9]*[0-9]){9})")
"""The place in a numbered list, before what is long enough for a number; together they would be another number."""
_LONGEST_PIECE = 150
"""Characters in which a number and a name are looked for: such a search may take the cube of them."""


def _line(line: str, country_code: str, own: Sequence[OwnRange]) -> list[Listed] | Fault | LineFault:
    pieces = [p for p in (piece.strip(" \"'") for piece in _DIVIDERS.split(line)) if p]
    read = [_piece(p, country_code, own) for p in pieces]
    found = [r for r in read if isinstance(r, Listed)]
    names = [p for p, r in zip(pieces, read, strict=True) if not isinstance(r, Listed)]
    if not found:
        faults = [r for r in read if not isinstance(r, Listed)]
        return next((f for f in faults if f is not Fault.NOT_A_NUMBER), Fault.NOT_A_NUMBER)
    if len(found) > 1 and (names or any(listed.name for listed in found)):
        # beside a name stand customer numbers and dates of birth, too: only what begins as a number does is surely one
        sure = [r for p, r in zip(pieces, read, strict=True) if isinstance(r, Listed) and p[:1] in "+0("]
        if len(sure) != 1:
            return LineFault.SEVERAL_NUMBERS
        found = sure
    if not names:
        return found
    [listed] = found
    return [Listed(listed.number, _name(" ".join([*names, listed.name])))]


def _piece(piece: str, country_code: str, own: Sequence[OwnRange]) -> Listed | Fault | LineFault:
    """A number alone, or a number and a name with nothing but a space between."""
    if place := _ENUMERATION.match(piece):
        piece = piece[place.end() :]
    number = normalise(piece, country_code, own)
    if isinstance(number, str):
        return Listed(number)
    fault = number.fault
    for form in _INSIDE if len(piece) <= _LONGEST_PIECE else ():
        if inside := form.fullmatch(piece):
            number = normalise(inside["number"], country_code, own)
            if isinstance(number, str):
                called = _name(inside["name"].strip("()"))
                another = isinstance(normalise(called, country_code, own), str)
                return LineFault.SEVERAL_NUMBERS if another else Listed(number, called)
            fault = number.fault
    return fault


def _name(written: str) -> str:
    return " ".join(clean(written).split())[:LONGEST_NAME].strip()


@dataclass(frozen=True, slots=True)
class ListRow:
    """A saved list as the list of lists shows it; `size` counts its recipients."""

    id: UUID
    name: str
    size: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SavedList:
    """A saved list with its recipients, in order."""

    id: UUID
    name: str
    entries: tuple[Listed, ...]


class ListFault(StrEnum):
    """Why a list is not saved."""

    NO_NAME = "no_name"
    NAME_TOO_LONG = "name_too_long"
    NAME_TAKEN = "name_taken"
    EMPTY = "empty"
    TOO_MANY = "too_many"
    GONE = "gone"


_ALL = text(
    "SELECT l.id, l.name, l.created_at, (SELECT count(*) FROM listed_recipient r WHERE r.list_id = l.id) AS size"
    " FROM recipient_list l WHERE l.account_id = :account"
)


def all_lists(session: Session, account_id: UUID) -> list[ListRow]:
    """An account's lists, by name."""
    rows = session.execute(_ALL, {"account": account_id})
    found = [ListRow(row.id, row.name, row.size, row.created_at) for row in rows]
    return sorted(found, key=lambda row: swedish_sort_key(row.name))


_GET = text(
    "SELECT l.id, l.name, r.number, r.name AS called FROM recipient_list l LEFT JOIN listed_recipient r ON r.list_id = l.id"
    " WHERE l.id = :id AND l.account_id = :account ORDER BY r.place"
)


def get(session: Session, account_id: UUID, list_id: UUID) -> SavedList | None:
    """One of an account's lists; None if it has none of that id."""
    rows = session.execute(_GET, {"id": list_id, "account": account_id}).all()
    if not rows:
        return None
    entries = tuple(Listed(row.number, row.called) for row in rows if row.number is not None)
    return SavedList(list_id, rows[0].name, entries)


# Names are given one after the other in an account, so that of two who want one name the second is told.
_IN_TURN = text("SELECT pg_advisory_xact_lock(hashtext('messa.lists'), hashtext(CAST(:account AS text)))")
_CREATE = text(
    "INSERT INTO recipient_list (id, tenant_id, account_id, name, created_at)"
    " SELECT CAST(:id AS uuid), a.tenant_id, a.id, :name, :now FROM account a WHERE a.id = :account"
    " ON CONFLICT (account_id, name) DO NOTHING RETURNING id"
)


def create(
    session: Session, now: datetime, account_id: UUID, name: str, entries: Sequence[Listed]
) -> UUID | ListFault:
    """Save a new list; gives its id."""
    name = " ".join(clean(name).split())
    if fault := _fault(name, entries):
        return fault
    session.execute(_IN_TURN, {"account": account_id})
    parameters = {"id": new_id(), "account": account_id, "name": name, "now": now}
    made = session.execute(_CREATE, parameters).scalar()
    if made is None:
        return ListFault.NAME_TAKEN
    _fill(session, made, entries)
    return cast(UUID, made)


_RENAME = text(
    "UPDATE recipient_list SET name = :name WHERE id = :id AND account_id = :account AND NOT EXISTS"
    " (SELECT FROM recipient_list o WHERE o.account_id = :account AND o.name = :name AND o.id <> :id) RETURNING id"
)
_EMPTY = text(
    "DELETE FROM listed_recipient r USING recipient_list l WHERE l.id = r.list_id AND l.id = :id AND l.account_id = :account"
)


def replace(
    session: Session, account_id: UUID, list_id: UUID, name: str, entries: Sequence[Listed]
) -> ListFault | None:
    """Give a list another name and other recipients; None if that is done."""
    name = " ".join(clean(name).split())
    if fault := _fault(name, entries):
        return fault
    key = {"id": list_id, "account": account_id}
    session.execute(_IN_TURN, {"account": account_id})
    if session.execute(_RENAME, {**key, "name": name}).first() is None:
        return ListFault.GONE if get(session, account_id, list_id) is None else ListFault.NAME_TAKEN
    session.execute(_EMPTY, key)
    _fill(session, list_id, entries)
    return None


_DELETE = text("DELETE FROM recipient_list WHERE id = :id AND account_id = :account RETURNING id")


def delete(session: Session, account_id: UUID, list_id: UUID) -> bool:
    """Delete a list; False if the account has none of that id."""
    return session.execute(_DELETE, {"id": list_id, "account": account_id}).first() is not None


def _fault(name: str, entries: Sequence[Listed]) -> ListFault | None:
    if not name:
        return ListFault.NO_NAME
    if len(name) > LONGEST_NAME:
        return ListFault.NAME_TOO_LONG
    if not entries:
        return ListFault.EMPTY
    return ListFault.TOO_MANY if len(entries) > MOST_ENTRIES else None


def _fill(session: Session, list_id: UUID, entries: Sequence[Listed]) -> None:
    once: dict[str, Listed] = {}
    for listed in entries:
        once.setdefault(listed.number, listed)
    rows = [
        {"list_id": list_id, "number": listed.number, "place": place, "name": listed.name}
        for place, listed in enumerate(once.values())
    ]
    insert_rows(session, LISTED, rows)
