"""Doing something once, however often it is asked for with one `Idempotency-Key` (spec V3)."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2.identity import Caller, caller
from messa_platform.api_v2.operations import Answer, Asked
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.messaging import idempotency
from messa_platform.messaging.idempotency import Claimed, Kept, Keyed, Other

HEADER = "Idempotency-Key"
_LETTERS = frozenset(string.printable) - frozenset(string.whitespace) | {" "}


def once(request: Request, asked: Asked, do: Callable[[Session], Answer]) -> Answer:
    """What `do` answers, committed with what it did; or, with a key that stood for the same request before, what it answered then."""
    key, database = key_of(request), request.registry["messa.runtime"].database

    def work(session: Session) -> Answer:
        if key is None:
            return do(session)
        named = keyed(caller(request), key, whole(request, asked))
        [claimed] = claim(session, request.registry["messa.runtime"].clock.now(), [named])
        if isinstance(claimed, Wrong):
            raise claimed
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


def keyed(who: Caller, key: str, request: bytes) -> Keyed:
    """The request of a caller with its key."""
    return Keyed(who.account_id, key, who.tenant_id, request)


def claim(session: Session, now: datetime, asked: Sequence[Keyed]) -> list[Claimed | Answer | Wrong]:
    """Take keys for their requests, or what was answered to them before; what is wrong with one that stands for another request."""
    return [_claimed(found) for found in idempotency.claim(session, now, asked)]


def _claimed(found: Claimed | Kept | Other) -> Claimed | Answer | Wrong:
    match found:
        case Claimed():
            return found
        case Kept(_, answer):
            return Answer(**answer)
    return Wrong(Problem.KEY_REUSED)


def keep(session: Session, claimed: Claimed, answer: Answer | Exception) -> None:
    """Keep an answer with its key. What came to none, or says that the client should come again, may come again with the same key."""
    if isinstance(answer, Answer) and answer.status < 500:
        idempotency.keep(session, claimed, answer.status, asdict(answer))
    else:
        idempotency.let_go(session, claimed)
