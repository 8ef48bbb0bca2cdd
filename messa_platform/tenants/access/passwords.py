"""Passwords: which will do, how they are kept, and how they are checked (spec I3)."""

from __future__ import annotations

import base64
import os
import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

SHORTEST, LONGEST = 10, 200
"""Characters of a password."""


class Weakness(StrEnum):
    """Why a password will not do."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_COMMON = "too_common"
    LIKE_ADDRESS = "like_address"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password is the stored one. `rehashed`: to be stored in its place, since today's parameters are others."""

    ok: bool
    rehashed: str | None


def _decoy(parameters: Parameters) -> str:
    """A hash that no password has, as costly to check as any: its digest is random."""

    def b64(length: int) -> str:
        return base64.b64encode(os.urandom(length)).decode().rstrip("=")

    p = parameters
    costs = f"m={p.memory_cost},t={p.time_cost},p={p.parallelism}"
    return f"$argon2id$v={p.version}${costs}${b64(p.salt_len)}${b64(p.hash_len)}"


def _bytes(password: str) -> bytes:
    # an å is one character on one keyboard and two on another (NIST SP 800-63B-4, 3.1.1.2)
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


class Passwords:
    """Hashes and checks passwords with Argon2id, at most `at_once` at a time in the process; who comes later waits.

    `parameters` are those of RFC 9106 for where memory is dear (4, second choice): 64 MB, three passes.
    """

    def __init__(self, at_once: int, parameters: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._decoy = _decoy(parameters)
        self._slots = threading.BoundedSemaphore(at_once)

    def hash(self, password: str) -> str:
        """What is stored of a password."""
        with self._slots:
            return self._hasher.hash(_bytes(password))

    def verify(self, stored: str | None, password: str) -> Verdict:
        """Whether `password` is the one of which `stored` was kept; None, for nobody's, takes as long and is never right."""
        candidate = stored if stored is not None and len(password) <= LONGEST else self._decoy
        with self._slots:
            try:
                self._hasher.verify(candidate, _bytes(password[: LONGEST + 1]))
            except VerifyMismatchError:
                return Verdict(False, None)
            stale = self._hasher.check_needs_rehash(candidate)
            return Verdict(True, self._hasher.hash(_bytes(password)) if stale else None)


# What people choose who want to be done, in Swedish and English, without accents.
_COMMON_WORDS = (
    "password passwort passord losenord losen hemligt hemlig secret access login inloggning valkommen welcome hejsan hello hej admin "
    "administrator user anvandare guest gast testing test default changeme change letmein master root system server dator computer messa "
    "sverige sweden svensk stockholm goteborg malmo uppsala kommunen kommun skolan skola foretaget foretag company kontor jobbet jobb "
    "sommaren sommar vinter hosten host varen winter spring summer autumn januari februari mars april juni juli augusti september oktober "
    "november december mandag tisdag onsdag torsdag fredag lordag sondag monday friday sunday fotboll football hockey baseball arsenal "
    "liverpool chelsea barcelona djurgarden hammarby frolunda brynas alskar alskling iloveyou sunshine princess prinsessa dragon monkey "
    "shadow superman batman pokemon starwars minecraft mamma pappa mormor morfar familjen familj family hund katt bulle kaffe "
    "qwerty qwert qwer asdfgh asdf zxcvbn zxcv abcdef abcd abc trustno"
)
_COMMON = _COMMON_WORDS.split()
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "qwertyuiopa", "asdfghjkloa", "zxcvbnm", "1234567890", "qazwsxedcrfvtgbyhnujm", "1q2w3e4r5t6y7u8i9o0p",
)  # fmt: skip
_NO_LETTER = re.compile(r"[\W_]+")
_STEPS = {pair for row in _ROWS for way in (row, row[::-1]) for pair in pairwise(way)}
_STANDS_FOR = str.maketrans("@$!013457", "asioieast")

_FEWEST_DIFFERENT = 5
"""Different characters of a password."""
_ENOUGH_LEFT = 4
"""Letters that a password has beyond words that are guessed first."""
_MOST_STEPS = 0.7
"""Of the pairs of neighbours in a password, those that are neighbours on the keyboard or in the alphabet, too."""


def weakness(password: str, address: str) -> Weakness | None:
    """What is wrong with a password that the owner of `address` wants; None if it will do."""
    if len(password) < SHORTEST:
        return Weakness.TOO_SHORT
    if len(password) > LONGEST:
        return Weakness.TOO_LONG
    if _is_like(password, address):
        return Weakness.LIKE_ADDRESS
    return Weakness.TOO_COMMON if _is_common(password) else None


def _plain(text: str) -> str:
    """Small letters without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _letters(text: str) -> str:
    """Letters and figures alone."""
    return _NO_LETTER.sub("", text)


def _letters_beyond(text: str, words: Iterable[str]) -> int | None:
    """How many letters remain of a text without `words`; None if none of them is in it, or so many that their order is a secret."""
    found = set()
    for word in sorted(words, key=len, reverse=True):
        if word in text:
            found.add(word)
            text = text.replace(word, " ")
    return sum(c.isalpha() for c in text) if 0 < len(found) <= 2 else None


def _is_like(password: str, address: str) -> bool:
    """Whether a password is the address, or little more than names in it."""
    local, _, domain = _plain(address).partition("@")
    names = (*_NO_LETTER.split(local), *domain.split(".")[:-1], local, domain, local + domain)
    words = {_letters(name) for name in names}
    said = _letters(_plain(password))
    for word in sorted((w for w in words if len(w) > 2), key=len, reverse=True):
        said, before = said.replace(word, " "), said
        if said != before and sum(c.isalpha() for c in said) < _ENOUGH_LEFT:
            return True
    return False


def _is_common(password: str) -> bool:
    """Whether a password is among those that are guessed first: figures alone, a pattern, or a word that everybody thinks of with a tail."""
    plain = _plain(password)
    said = _letters(plain)
    period = (plain + plain).find(plain, 1)
    steps = sum(a == b or (a, b) in _STEPS for a, b in pairwise(said))
    if len(set(plain)) < _FEWEST_DIFFERENT or period < SHORTEST or steps >= _MOST_STEPS * (len(plain) - 1):
        return True
    if said.isdigit():  # birthdays, telephone and personal numbers
        return True
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    readings = (core.translate(_STANDS_FOR), re.sub(r"\d", "", core))
    beyond = [_letters_beyond(_letters(reading), _COMMON) for reading in readings]
    return any(letters is not None and letters < _ENOUGH_LEFT for letters in beyond)
