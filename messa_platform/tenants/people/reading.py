"""Many addresses as people paste them: one on each line, or a mail program's list of recipients, or columns of a spreadsheet.

Nothing is passed over but blank lines: what holds no address is answered with what is wrong with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import islice

import dns.exception
import dns.name

from messa_platform.tenants.profile import MAX_NAME

MOST_LINES = 20_000
"""Addresses that are taken at once."""
MOST_PIECES = 4 * MOST_LINES
MOST_ROWS = 4 * MOST_LINES
"""Pieces between separators that are looked at on one line."""
LONGEST_ADDRESS = 254
"""Characters of an address: a path has 256 at the most, with its angle brackets (RFC 5321 4.5.3.1.3)."""
LONGEST_LOCAL = 64
MOST_LABELS = 20
"""Labels of a host; those of real ones are a handful, and each is looked up."""
LONGEST_WRITTEN = 200
"""Characters that are kept of what is no address."""


class Fault(StrEnum):
    """What is wrong with a line."""

    NO_ADDRESS = "no_address"
    """Nothing in it looks like an address."""
    NOT_AN_ADDRESS = "not_an_address"
    """It looks like one, and is none that mail can reach."""
    TOO_LONG = "too_long"
    OURS = "ours"
    """Under our own mail domain: that is a phone's address, and nobody's who sends."""


@dataclass(frozen=True, slots=True)
class Line:
    """One address, or what was in the place of one. `place` counts from 1. `address` as accounts have it, None if there is a `fault`.

    `name` is the display name beside it, "" if there is none. `written` is what stood there.
    """

    place: int
    written: str
    address: str | None
    name: str
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two separators. `glue` is the separator before it. `addresses` are the words in it that have an `@`."""

    written: str
    glue: str
    name: str
    addresses: tuple[str, ...]


def read_lines(text: str, own: str = "") -> list[Line]:
    """Every address of what was pasted, in order; at most one more than `MOST_LINES`, so that too many can be told. `own` is our mail domain.

    A line with one address takes its name from what stands around it: `Anna Ek <anna@x.se>`, `Ek; Anna; anna@x.se`. On one with several,
    separated by commas, semicolons, tabs or blanks, each has the name that stands right before it in its own way of writing.
    """
    rows = (row for row in text.splitlines() if row and not row.isspace())
    found = (one for row in islice(rows, MOST_ROWS) for one in _row(_seen(row)))
    return [
        _line(place, written, address, name, own.lower())
        for place, (written, address, name) in enumerate(islice(found, MOST_LINES + 1), 1)
    ]


def read_one(place: int, address: str, name: str = "", own: str = "") -> Line:
    """One address and the name beside it, that somebody has told apart already; read as those that were pasted are."""
    return _line(place, address, _seen(address).strip(), _seen(name), own.lower())


def _seen(row: str) -> str:
    """A row without what cannot be seen; columns stay apart."""
    if row.isprintable():
        return row
    kept = (
        "" if unicodedata.category(c) == "Cf" else c if c == "\t" or c.isprintable() else " " for c in row
    )
    return "".join(kept)


_ROW = re.compile(r'"[^"]*"|<[^<>]*>|[,;\t]|[^"<,;\t]+|.')


def _pieces(row: str) -> Iterator[_Piece]:
    glue, held = "", ""
    for token in _ROW.finditer(row):
        if token[0] in (",", ";", "\t"):
            yield _piece(glue, held)
            glue, held = token[0], ""
        else:
            held += token[0]
    yield _piece(glue, held)


_ANGLE = re.compile(r"<([^<>]*)>?")


def _piece(glue: str, held: str) -> _Piece:
    angle = _ANGLE.search(held)
    if angle and "@" in angle[1]:
        return _Piece(held, glue, held[: angle.start()], (angle[1].strip(),))
    words = held.replace('"', " ").split()
    name = " ".join(word for word in words if "@" not in word)
    return _Piece(held, glue, name, tuple(word for word in words if "@" in word))


def _row(row: str) -> Iterator[tuple[str, str, str]]:
    """What was written, the address in it ("" if there is none) and the name, of each address of a row."""
    pieces = [piece for piece in islice(_pieces(row), MOST_PIECES) if piece.written.strip()]
    addresses = [address for piece in pieces for address in piece.addresses]
    if len(addresses) == 1:
        yield row, addresses[0], _name_in(pieces)
        return
    if pieces and not addresses:
        yield row, "", ""
        return
    before = ""
    for piece in pieces:
        if not piece.addresses:
            if before:
                yield before, "", ""
            before = piece.written
            continue
        # `Ek, Anna <anna@x.se>` is one person; what stands before a bare address may be anything
        belongs = bool(before) and piece.glue == "," and "<" in piece.written
        if before and not belongs:
            yield before, "", ""
        name = f"{before}, {piece.name}" if belongs else piece.name
        before = ""
        for address in piece.addresses:
            alone = len(piece.addresses) == 1
            yield piece.written if alone else address, address, name if alone else ""
    if before:
        yield before, "", ""


def _name_in(pieces: list[_Piece]) -> str:
    """The name on a row with one address."""
    place = next(i for i, piece in enumerate(pieces) if piece.addresses)
    own = pieces[place]
    before = [piece.name for piece in pieces[:place] if _says(piece.name)]
    if _says(own.name):
        # a mail program's way of writing the family name first
        return ", ".join([*before, own.name]) if own.glue == "," else own.name
    after = [piece.name for piece in pieces[place + 1 :] if _says(piece.name)]
    return " ".join(before or after[:1])


def _says(name: str) -> bool:
    return any(c.isalpha() for c in name)


def _line(place: int, written: str, typed: str, name: str, own: str) -> Line:
    kept = _plain(written)[:LONGEST_WRITTEN]
    address = _address(typed, own)
    if isinstance(address, Fault):
        return Line(place, kept, None, "", address)
    shown = _plain(name.replace('"', " ")).strip(" ,;'")[:MAX_NAME]
    return Line(place, kept, address, shown if _says(shown) and shown.lower() != address else "", None)


def _plain(written: str) -> str:
    return " ".join(written.split())


# Without quoted locals, which nobody has; a dot neither begins nor ends one, and no two stand together (RFC 5322 3.2.3).
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def _address(typed: str, own: str) -> str | Fault:
    if not typed:
        return Fault.NO_ADDRESS
    local, _, host = _bare(typed).rpartition("@")
    if len(local) > LONGEST_LOCAL or len(local) + 1 + len(host) > LONGEST_ADDRESS:
        return Fault.TOO_LONG
    name = _host(host)
    if name is None or not _LOCAL.fullmatch(local):
        return Fault.NOT_AN_ADDRESS
    if own and (name == own or name.endswith(f".{own}")):
        return Fault.OURS
    return f"{local}@{name}" if len(local) + 1 + len(name) <= LONGEST_ADDRESS else Fault.TOO_LONG


def _bare(typed: str) -> str:
    """An address without what programs and people leave around it."""
    return typed.lower().removeprefix("mailto:").strip("'`()[]{}:.,;")


@lru_cache(maxsize=1024)
def _host(written: str) -> str | None:
    """The host of an address as it stands in mails: in A-labels (IDNA 2008); None if it is none."""
    name = written
    if not written.isascii():
        try:
            read = dns.name.from_text(written, idna_codec=dns.name.IDNA_2008_UTS_46)
        except (dns.exception.DNSException, UnicodeError):
            return None
        name = read.to_text(omit_final_dot=True).lower()
    labels = name.split(".")
    fits = 2 <= len(labels) <= MOST_LABELS and all(_LABEL.fullmatch(label) for label in labels)
    return name if fits and not labels[-1].isdecimal() else None
