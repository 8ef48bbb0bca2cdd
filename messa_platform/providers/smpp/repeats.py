"""Which texts from phones came before. SMPP gives them no id, and a service centre that does not know whether one was taken brings it again:
after a connection that ended, or where the answer was late. Only such a repeat is one; a person may well write the same twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from messa_platform.core.ids import new_id

LATE = 5.0
"""Seconds after which an answer may have come too late for the one who waited for it."""
REMEMBERED = 600.0
"""Seconds for which a doubtful text may come again."""
MOST, MOST_ALIKE = 10_000, 100
"""Texts that are remembered, and how many of them may be alike."""


@dataclass(slots=True, eq=False)
class _Came:
    """A text that came at a time by a session. `is_open`: that session lives, and waits for our answer. `is_doubtful`: it may come again."""

    digest: str
    reference: str
    at: float
    session: int
    is_open: bool = True
    is_doubtful: bool = True


class Repeats:
    """The texts that came lately, by what they are. `now` is in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._came: dict[str, _Came] = {}  # by their references, in the order in which they came last
        self._alike: dict[str, list[_Came]] = {}  # by their digests

    def reference(self, digest: str, session: int, age: float = 0.0) -> str:
        """What a text is to be known by that came by a session, so many seconds ago: its old reference if it is a repeat, else a new one."""
        at = self._now() - age
        alike = self._alike.setdefault(digest, [])
        came = next((came for came in alike if _may_be(came, at)), None)
        if came is None:
            came = _Came(digest, new_id().hex, at, session)
            alike.append(came)
        else:
            del self._came[came.reference]
            came.at, came.session, came.is_open, came.is_doubtful = at, session, True, True
        self._came[came.reference] = came
        if len(alike) > MOST_ALIKE:
            self._forget(alike[0])
        if len(self._came) > MOST:
            self._forget(next(iter(self._came.values())))
        return came.reference

    def _forget(self, came: _Came) -> None:
        del self._came[came.reference]
        alike = self._alike[came.digest]
        alike.remove(came)
        if not alike:
            del self._alike[came.digest]

    def answered(self, digest: str, *, is_stored: bool) -> None:
        """A text was answered. Once it is stored, the same again is another, unless the answer was late, or its session ends soon."""
        came = next((came for came in self._alike.get(digest, ()) if came.is_open), None)
        if came is not None:
            came.is_open = False
            came.is_doubtful = not is_stored or self._now() - came.at >= LATE

    def ended(self, session: int) -> None:
        """A session is no more: what it brought lately may come again, since nobody knows whether our answers arrived."""
        now = self._now()
        for came in self._came.values():
            if came.session == session:
                came.is_doubtful |= now - came.at < 2 * LATE
                came.is_open = False


def _may_be(came: _Came, at: float) -> bool:
    """Whether what comes at a time may be this again. Nobody brings again what waits for its answer, unless that is late."""
    if at - came.at >= REMEMBERED or not came.is_doubtful:
        return False
    return not came.is_open or at - came.at >= LATE
