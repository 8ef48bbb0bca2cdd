"""Doing at once what many threads ask for at the same time.

Whoever comes while another is at work waits, and one of those who wait then does all of it in one go. So nobody waits longer than for the
work that is under way and the own, no timer is needed, and the more are asking the less each of them costs: a transaction, and each of its
statements, serves them all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class _Place(Generic[Asked, Answer]):
    """Where somebody waits: until there is an answer, or it is the own turn to work."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.called = threading.Event()
        self.answers: list[Answer | BaseException] = []


class Gathering(Generic[Asked, Answer]):
    """Gathers what is asked for. `do` gets some of it, in the order in which it came, and gives an answer for each, or an exception that is
    to be raised where it was asked for. What `do` itself raises is raised everywhere."""

    def __init__(self, do: Callable[[Sequence[Asked]], Sequence[Answer | Exception]], most: int = 64) -> None:
        self._do = do
        self._most = most
        self._lock = threading.Lock()
        self._waiting: list[_Place[Asked, Answer]] = []
        self._is_at_work = False

    def ask(self, asked: Asked) -> Answer:
        """The answer, once the work is done. Raises what kept it from being done."""
        own: _Place[Asked, Answer] = _Place(asked)
        with self._lock:
            self._waiting.append(own)
            works, self._is_at_work = not self._is_at_work, True
        if not works:
            own.called.wait()
        if not own.answers:
            self._work()
        answer = own.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _work(self) -> None:
        """Do what waits, the own among it, and call whoever is next."""
        with self._lock:
            taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        for place, answer in zip(taken, self._done(taken), strict=True):
            place.answers.append(answer)
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._is_at_work = following is not None
        if following:
            following.called.set()
        for place in taken:
            place.called.set()

    def _done(self, taken: Sequence[_Place[Asked, Answer]]) -> Sequence[Answer | BaseException]:
        try:
            answers = self._do([place.asked for place in taken])
            if len(answers) != len(taken):
                raise ValueError(f"{len(answers)} answers to {len(taken)} who asked")
        except BaseException as error:
            return [error] * len(taken)
        return answers
