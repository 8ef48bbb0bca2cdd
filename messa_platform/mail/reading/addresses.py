"""Who a mail says it is from. The account that pays hangs on this, so what is doubtful is no address."""

from __future__ import annotations

import re

from messa_platform.mail.reading.charsets import clean, guess
from messa_platform.mail.reading.headers import Fields, text_of

MAX_SENDERS = 20

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"?|<([^<>]*)>?|\\.|[(),;:]|[^"<(),;:\\]+|.', re.DOTALL)
_ADDRESS = re.compile(r'(?:[^\s<>"(),:;@\\]{1,64}|"[^"\\\s]{1,64}")@[^\s<>"(),:;@\\]{1,255}')


def senders_of(fields: Fields) -> tuple[tuple[str, ...], str]:
    """The addresses of all From fields in order, in lower case, each once; and the first one's display name.

    Addresses are taken before encoded words are undone: what hides in those is a name (RFC 2047 section 5).
    """
    found: dict[str, str] = {}
    for value in fields.get(b"from", ())[:MAX_SENDERS]:
        for name, address in _mailboxes(clean(guess(value.replace(b"\n", b"")))):
            found.setdefault(address.lower(), name)
    senders = tuple(found)[:MAX_SENDERS]
    if not senders:
        return (), ""
    return senders, text_of(found[senders[0]].encode())[:200]


def _mailboxes(value: str) -> list[tuple[str, str]]:
    """Names, still encoded, and addresses of an address list (RFC 5322 3.4), in time linear to its length."""
    boxes: list[tuple[str, str]] = []
    loose: list[str] = []  # what stands outside angle brackets: a name, or a bare address
    angles: list[str] = []
    comment = 0

    def flush() -> None:
        name = "".join(loose)
        for angle in angles:
            # `<@relay:anna@x>` names a route, which RFC 5321 says to ignore
            boxes.extend(_box(_without_quotes(name), angle.rpartition(":")[2].strip()))
        if not angles:
            boxes.extend(_bare(name))
        loose.clear()
        angles.clear()

    for token in _TOKEN.finditer(value):
        said = token[0]
        if said == "(":
            comment += 1
        elif said == ")":
            comment = max(0, comment - 1)
        elif comment:
            continue
        elif token[2] is not None:
            angles.append(token[2])
        elif said in (",", ";"):
            flush()
        elif said == ":":
            loose.clear()  # the name of a group
        else:
            loose.append(said)
    flush()
    return boxes


_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _without_quotes(name: str) -> str:
    return _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), name).strip()


def _box(name: str, address: str) -> list[tuple[str, str]]:
    return [(name, address)] if _ADDRESS.fullmatch(address) else []


def _bare(text: str) -> list[tuple[str, str]]:
    """An address without angle brackets; some programs write `Anna Berg anna@demo.example`."""
    words = text.split()
    candidates = [each for each in words if "@" in each]
    if len(candidates) != 1:
        return []
    return _box(" ".join(each for each in words if "@" not in each), candidates[0])
