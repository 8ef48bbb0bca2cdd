"""The sender's own words out of a mail's text: without the earlier mail that is quoted, and without the signature (spec M3).

Our own rules. The library mail-parser-reply was tried: a single line of 20,000 characters that begins with `On` keeps it busy for
nine seconds, it takes `- mjölk` in a list for a signature, and a small answer costs it 100 µs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from messa_platform.mail.reading.marks import (
    MAYBE_QUOTED,
    advertisement,
    attribution,
    header_block,
    is_quoted_next,
    rule,
    separator,
)
from messa_platform.mail.reading.subject import Kind

_EMPTY_LINES = re.compile(r"\n{3,}")

_MAX_FORWARDS = 8
"""How many times a mail may have been forwarded before its headers stay in the text."""


def own_words(text: str, kind: Kind, *, rendered: bool) -> str:
    """What the sender wrote in `text`, whose line ends still have their blanks. `rendered`: it was HTML.

    Of an answer the quoted lines go, and what follows an earlier mail's header. Of a forward that header goes, and its text stays,
    since it is the message. In a mail that is neither, a `>` is the sender's own.
    """
    if kind is Kind.NEW or MAYBE_QUOTED.search(text) is None:
        return _joined(_without_signature(text.split("\n"), rendered=rendered))
    lines = text.split("\n")
    own = (
        _of_forward(lines, rendered=rendered)
        if kind is Kind.FORWARD
        else _of_answer(lines, rendered=rendered)
    )
    return _EMPTY_LINES.sub("\n\n", own)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join([line.rstrip() for line in lines]).strip()


def _of_answer(lines: Sequence[str], *, rendered: bool) -> str:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if separator(line) or header_block(lines, at):
            return _joined(_without_signature(_without_rules(kept), rendered=rendered))
        if span := attribution(lines, at):
            at += span if is_quoted_next(lines, at + span) else len(lines)
            continue
        if line.startswith(">From "):
            kept.append(line[1:])  # an mbox file put the mark there
        elif not line.startswith(">"):
            kept.append(line)
        at += 1
    return _joined(_without_signature(kept, rendered=rendered))


def _of_forward(lines: Sequence[str], *, rendered: bool) -> str:
    start = next((at for at in range(len(lines)) if _forward_mark(lines, at)), None)
    if start is None:
        return _joined(_without_signature(lines, rendered=rendered))
    note = _joined(_without_signature(_without_rules(lines[:start]), rendered=rendered))
    forwarded = lines[start:]
    for _ in range(_MAX_FORWARDS):
        forwarded = _unquoted(_without_blank_start(forwarded))
        forwarded = forwarded[_forward_mark(forwarded, 0) :]
    # What was forwarded may itself be an answer; what that one quoted is no part of it.
    told = _of_answer(forwarded, rendered=rendered) or _joined(forwarded)
    return f"{note}\n{told}".strip()


def _forward_mark(lines: Sequence[str], at: int) -> int:
    """How many lines at `at` stand between the note and the forwarded text: a separator, the earlier mail's header, or both."""
    if at >= len(lines):
        return 0
    if separator(lines[at]):
        below = at + 1
        while below < len(lines) and not lines[below].strip():
            below += 1
        return below - at + header_block(lines, below, any_field_first=True)
    return header_block(lines, at)


def _without_blank_start(lines: Sequence[str]) -> Sequence[str]:
    at = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    return lines[at:]


def _unquoted(lines: Sequence[str]) -> Sequence[str]:
    """Apple Mail quotes what it forwards: take one level of `>` off, if the text begins with it."""
    if not lines or not lines[0].startswith(">"):
        return lines
    return [line[1:].removeprefix(" ") if line.startswith(">") else line for line in lines]


def _without_rules(lines: Sequence[str]) -> Sequence[str]:
    """Without the strokes and blank lines at the end, which stood above the earlier mail."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or rule(lines[end - 1])):
        end -= 1
    return lines[:end]


def _without_signature(lines: Sequence[str], *, rendered: bool) -> Sequence[str]:
    """Without what follows the line `-- `, and without the advertisements of phones at the end.

    A bare `--` counts in rendered HTML only, where no line can end with a blank. In plain text it may be the sender's own stroke, and
    a signature too many is better than a text too short.
    """
    end = len(lines)
    for at, line in enumerate(lines):
        if line == "-- " or (rendered and line == "--"):
            end = at
            break
    while end and (not lines[end - 1].strip() or advertisement(lines[end - 1])):
        end -= 1
    return lines[:end]
