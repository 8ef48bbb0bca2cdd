"""Texts of a channel on their way to its provider."""

from __future__ import annotations

import time
from collections.abc import Callable

from messa_platform.providers.breaker import FAILURES, STALLED


class Flight:
    """How many are on their way, and since when nothing was heard of any. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.size = 0
        self._clock = clock
        self._heard = 0.0
        self._is_told = False
        # What a stall was told of is old: it says nothing of those that begin later.
        self._old = 0

    @property
    def fresh(self) -> int:
        """How many of them began after the last stall."""
        return self.size - self._old

    def begun(self, texts: int) -> None:
        """So many more are on their way."""
        if texts and self.size <= self._old:
            self._heard = self._clock()
        self.size += texts

    def answered(self, texts: int) -> None:
        """So many are not any more."""
        self.size -= texts
        self._old = min(self._old, self.size)
        if texts:
            self._heard, self._is_told = self._clock(), False

    def stalled(self) -> bool:
        """Whether several have been without an answer for too long; said once."""
        is_late = self.fresh >= FAILURES and self._clock() - self._heard > STALLED
        is_new, self._is_told = is_late and not self._is_told, self._is_told or is_late
        if is_new:
            self._old = self.size
        return is_new
