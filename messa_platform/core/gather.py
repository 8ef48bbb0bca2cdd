"""Doing at once what many threads ask for at the same time.

Whoever comes while another is at work waits, and one of those who wait then does all of it in one go. So nobody waits longer than for the
work that is under way and the own, no timer is needed, and the more are asking the less each of them costs: a transaction, and each of its
statements, serves them all.

Who need not wait may `put` what is asked for, and is told. Then there is no thread to each of those who wait, and nobody to wake: whoever
works goes on while there is something that was put.

Where strangers ask, as many as they like, it can be limited how many wait and for how long; who would have to wait longer is turned away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from messa_platform.core.logs import logger

log = logger(__name__)

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class TurnedAway(Exception):
    """Too many wait already, or the work takes too long. Whether what was asked for is done is not known."""


class _Place(Generic[Asked, Answer]):
    """Where somebody waits: until there is an answer, or it is the own turn to work."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.called = threading.Event()
        self.answers: list[Answer | BaseException] = []

    def come(self, answer: Answer | BaseException) -> None:
        """Here is the answer."""
        self.answers.append(answer)
        self.called.set()


class _Put(Generic[Asked, Answer]):
    """What was put at the monotonic second `at`, and who is to be told."""

    def __init__(self, asked: Asked, tell: Callable[[Answer | BaseException], None]) -> None:
        self.asked = asked
        self.at = time.monotonic()
        self._tell = tell

    def come(self, answer: Answer | BaseException) -> None:
        """Here is the answer. Whoever works goes on, whatever becomes of it."""
        try:
            self._tell(answer)
        except Exception:
            log.exception("answer_not_told")


class Gathering(Generic[Asked, Answer]):
    """Gathers what is asked for. `do` gets some of it, at most `most`, in the order in which it came, and gives an answer for each, or an
    exception that is to be raised where it was asked for. What `do` itself raises is raised everywhere.

    `room` is how many may wait, `patience` for how many seconds, for one go of the work as well as in all; without them there is no limit.
    `pause`: seconds between two goes of what was put, in which more comes together. Who puts first, while nobody works, never waits for it.
    """

    def __init__(
        self,
        do: Callable[[Sequence[Asked]], Sequence[Answer | Exception]],
        most: int = 64,
        room: int | None = None,
        patience: float | None = None,
        pause: float = 0.0,
    ) -> None:
        self._do = do
        self._most = most
        self._room = room
        self._patience = patience
        self._pause = pause
        self._lock = threading.Lock()
        self._waiting: list[_Place[Asked, Answer] | _Put[Asked, Answer]] = []
        self._is_at_work = False
        self._begun = 0.0

    def ask(self, asked: Asked) -> Answer:
        """The answer, once the work is done. Raises what kept it from being done, and `TurnedAway`."""
        own: _Place[Asked, Answer] = _Place(asked)
        if not self._joins(own) and not own.called.wait(self._patience):
            self._leave(own)
        if not own.answers:
            self._work()
        answer = own.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def put(self, asked: Asked, tell: Callable[[Answer | BaseException], None]) -> None:
        """Ask without waiting: `tell` gets the answer, or what kept the work from being done, from whoever does it. That may be who puts, who
        then goes on working, before this returns, while others put more. Raises `TurnedAway`."""
        if self._joins(_Put(asked, tell)):
            self._work()

    @property
    def is_at_work(self) -> bool:
        """Whether somebody who asks now has to wait."""
        return self._is_at_work

    def _joins(self, own: _Place[Asked, Answer] | _Put[Asked, Answer]) -> bool:
        """Join those who wait; whether it is the own turn to work at once."""
        with self._lock:
            self._check_room()
            self._waiting.append(own)
            works = not self._is_at_work
            if works:
                self._begin()
        return works

    def _begin(self) -> None:
        self._is_at_work, self._begun = True, time.monotonic()

    def _check_room(self) -> None:
        if self._room is not None and len(self._waiting) >= self._room:
            raise TurnedAway(f"{len(self._waiting)} wait already")
        if self._patience is None or not self._is_at_work:
            return
        if (seconds := time.monotonic() - self._begun) > self._patience:
            raise TurnedAway(f"the work has taken {seconds:.0f} s")

    def _leave(self, own: _Place[Asked, Answer]) -> None:
        """Wait no longer; unless it is the own turn just now."""
        with self._lock:
            if own.called.is_set():
                return
            if own in self._waiting:  # else it is being done, and nobody will ask what came of it
                self._waiting.remove(own)
        raise TurnedAway("it waited too long")

    def _work(self) -> None:
        """Do what waits, the own among it, and again while what waits first was put; else call whoever waits first to go on."""
        while True:
            with self._lock:
                self._begin()
                taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            answers = self._answers(taken)
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._is_at_work = following is not None
                if isinstance(following, _Place):  # with the lock, as it may be about to leave
                    following.called.set()
            for place, answer in zip(taken, answers, strict=True):
                place.come(answer)
            if not isinstance(following, _Put):
                return
            time.sleep(self._pause)

    def _answers(
        self, taken: Sequence[_Place[Asked, Answer] | _Put[Asked, Answer]]
    ) -> Sequence[Answer | BaseException]:
        late = {i for i, place in enumerate(taken) if self._is_late(place)}
        done = iter(self._done([place.asked for i, place in enumerate(taken) if i not in late]))
        return [TurnedAway("it waited too long") if i in late else next(done) for i in range(len(taken))]

    def _is_late(self, place: _Place[Asked, Answer] | _Put[Asked, Answer]) -> bool:
        """Whether something that was put has waited too long; who waits in a thread leaves by itself."""
        return (
            isinstance(place, _Put)
            and self._patience is not None
            and time.monotonic() - place.at > self._patience
        )

    def _done(self, asked: Sequence[Asked]) -> Sequence[Answer | BaseException]:
        if not asked:
            return []
        try:
            answers = self._do(asked)
            if len(answers) != len(asked):
                raise ValueError(f"{len(answers)} answers to {len(asked)} who asked")
        except BaseException as error:
            return [error] * len(asked)
        return answers
