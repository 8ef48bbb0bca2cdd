"""Doing something once, however often it is asked for with one `Idempotency-Key` (spec V3)."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2.identity import Caller, caller
from messa_platform.api_v2.operations import Answer, Asked
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.messaging import idempotency
from messa_platform.messaging.idempotency import Claimed, Kept

HEADER = "Idempotency-Key"
_LETTERS = frozenset(string.printable) - frozenset(string.whitespace) | {" "}


def once(request: Request, asked: Asked, do: Callable[[Session], Answer]) -> Answer:
    """What `do` answers, committed with what it did; or, with a key that stood for the same request before, what it answered then."""
    key, database = key_of(request), request.registry["messa.runtime"].database

    def work(session: Session) -> Answer:
        if key is None:
            return do(session)
        claimed = claim(
            session,
            request.registry["messa.runtime"].clock.now(),
            caller(request),
            key,
            whole(request, asked),
        )
        if isinstance(claimed, Answer):
            return claimed
        answer = do(session)
        keep(session, claimed, answer)
        return answer

    done: Answer = database.in_turn(work)
    return done


def key_of(request: Request) -> str | None:
    """The request's key, if it has one. Raises `Wrong` if it cannot be used."""
    key: str | None = request.headers.get(HEADER)
    if key is None:
        return None
    if not key or len(key) > idempotency.LONGEST or not set(key) <= _LETTERS:
        said = f"must be 1 to {idempotency.LONGEST} printable ASCII characters"
        raise Wrong(Problem.INVALID_PARAMETERS, faults=[Fault(HEADER, "invalid", said)])
    return key


def whole(request: Request, asked: Asked) -> bytes:
    """Everything that makes a request that one."""
    return f"{request.method} {request.path_info}\n".encode() + asked.raw


def claim(session: Session, now: datetime, who: Caller, key: str, request: bytes) -> Claimed | Answer:
    """Take a key for a request, or what was answered to it before. Raises `Wrong` if it stands for another one."""
    match idempotency.claim(session, now, who.tenant_id, who.account_id, key, request):
        case Claimed() as claimed:
            return claimed
        case Kept(_, answer):
            return Answer(**answer)
    raise Wrong(Problem.KEY_REUSED)


def keep(session: Session, claimed: Claimed, answer: Answer | Exception) -> None:
    """Keep an answer with its key. What came to none, or says that the client should come again, may come again with the same key."""
    if isinstance(answer, Answer) and answer.status < 500:
        idempotency.keep(session, claimed, answer.status, asdict(answer))
    else:
        idempotency.let_go(session, claimed)
