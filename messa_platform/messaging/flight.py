"""Texts of a channel on their way to its provider."""

from __future__ import annotations

import time

from messa_platform.providers.breaker import FAILURES, STALLED


class Flight:
    """How many are on their way, and since when nothing was heard of any."""

    def __init__(self) -> None:
        self.size = 0
        self._heard = 0.0
        self._is_told = False

    def begun(self, texts: int) -> None:
        """So many more are on their way."""
        if texts and not self.size:
            self._heard = time.monotonic()
        self.size += texts

    def answered(self, texts: int) -> None:
        """So many are not any more."""
        self.size -= texts
        if texts:
            self._heard, self._is_told = time.monotonic(), False

    def stalled(self) -> bool:
        """Whether several have been without an answer for too long; said once."""
        is_late = self.size >= FAILURES and time.monotonic() - self._heard > STALLED
        is_new, self._is_told = is_late and not self._is_told, self._is_told or is_late
        return is_new
