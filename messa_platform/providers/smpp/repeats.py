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
MOST = 10_000


@dataclass(slots=True)
class _Came:
    reference: str
    at: float
    session: int
    is_doubtful: bool


class Repeats:
    """The texts that came lately, by what they are. `now` is in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._came: dict[str, _Came] = {}  # in the order in which they came last

    def reference(self, digest: str, session: int) -> str:
        """What a text is to be known by that came by a session: its old reference if it is a repeat, else a new one."""
        now = self._now()
        before = self._came.pop(digest, None)
        is_repeat = before is not None and now - before.at < REMEMBERED and before.is_doubtful
        reference = before.reference if before is not None and is_repeat else new_id().hex
        self._came[digest] = _Came(reference, now, session, is_doubtful=True)
        while len(self._came) > MOST:
            del self._came[next(iter(self._came))]
        return reference

    def answered(self, digest: str) -> None:
        """A text was acknowledged: unless that was late, or its session ends soon, the same again is another."""
        came = self._came.get(digest)
        if came is not None and self._now() - came.at < LATE:
            came.is_doubtful = False

    def ended(self, session: int) -> None:
        """A session is no more: what it brought lately may come again, since nobody knows whether our answers arrived."""
        now = self._now()
        for came in self._came.values():
            if came.session == session and now - came.at < 2 * LATE:
                came.is_doubtful = True
