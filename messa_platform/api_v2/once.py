"""Doing something once, however often it is asked for with one `Idempotency-Key` (spec V3)."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import replace

from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.operations import Answer, Asked
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.messaging import idempotency
from messa_platform.messaging.idempotency import Claimed, Kept, Other

HEADER = "Idempotency-Key"
_LETTERS = frozenset(string.printable) - frozenset(string.whitespace) | {" "}


def once(request: Request, asked: Asked, do: Callable[[Session], Answer]) -> Answer:
    """What `do` answers, committed with what it did; or, with a key that stood for the same request before, what it answered then."""
    database = request.registry["messa.runtime"].database
    key = key_of(request)
    if key is None:
        answer: Answer = database.in_turn(do)
        return answer
    answer = database.in_turn(lambda session: _with_key(session, request, asked, key, do))
    return answer


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


def _with_key(
    session: Session, request: Request, asked: Asked, key: str, do: Callable[[Session], Answer]
) -> Answer:
    now, who = request.registry["messa.runtime"].clock.now(), caller(request)
    match idempotency.claim(session, now, who.tenant_id, who.account_id, key, whole(request, asked)):
        case Other():
            raise Wrong(Problem.KEY_REUSED)
        case Kept(_, kept):
            return Answer(**kept)
        case Claimed() as claimed:
            answer = do(session)
            kept = {"content": answer.content, "status": answer.status, "headers": dict(answer.headers)}
            idempotency.keep(session, claimed, answer.status, {**kept, "is_problem": answer.is_problem})
            return replace(answer)
