"""Single texts taken in: those that come at the same time in one transaction, and what each is answered (spec V3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pyramid.request import Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from messa_platform.api_v2.identity import Caller, caller
from messa_platform.api_v2.message_words import not_its_sender, told_new
from messa_platform.api_v2.once import claim, keep, key_of, keyed, whole
from messa_platform.api_v2.operations import Answer, Asked, failure
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.shapes import moment
from messa_platform.messaging.drafts import Entry, NotItsSender, Receipted, Result, Submission
from messa_platform.messaging.grounds import Grounds
from messa_platform.messaging.idempotency import Claimed, Keyed
from messa_platform.messaging.models import Door
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.submit import submit

ACCEPTED = (Status.QUEUED, Status.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Sending:
    """A text that somebody wants sent; `keyed` is the request with its `Idempotency-Key`, if it has one."""

    web: Request
    who: Caller
    submission: Submission
    keyed: Keyed | None


def sending(request: Request, asked: Asked) -> Sending:
    """What the request asks for. Raises `Wrong`."""
    who, key = caller(request), key_of(request)
    named = None if key is None else keyed(who, key, whole(request, asked))
    return Sending(request, who, submission(request, asked), named)


def submission(request: Request, asked: Asked) -> Submission:
    """The text as `submit` takes it."""
    body = asked.body
    return Submission(
        caller(request).account_id,
        Door.V2,
        body["text"],
        [body["to"]],
        guard=not body.get("allow_duplicate", False),
        send_at=moment(body["send_at"]) if "send_at" in body else None,
        client_ref=body.get("client_ref"),
        sender_id=body.get("from"),
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes texts in."""

    runtime: Any

    def take(self, sendings: Sequence[Sending]) -> list[Answer | Exception]:
        """Take in texts, in one transaction; if that fails, each in one of its own, so that one cannot harm the others. Not so where the
        connection was lost: the transaction may have been committed, and another would double it."""
        try:
            answers: list[Answer | Exception] = self.runtime.database.in_turn(
                lambda s: self._take(s, sendings)
            )
        except DBAPIError as error:
            if len(sendings) == 1 or error.connection_invalidated:
                return [error for _ in sendings]
            return [answer for one in sendings for answer in self.take([one])]
        return answers

    def _take(self, session: Session, sendings: Sequence[Sending]) -> list[Answer | Exception]:
        first: dict[tuple[UUID, str], int] = {}
        for place, one in enumerate(sendings):
            if one.keyed is not None:
                first.setdefault(one.keyed.name, place)
        answers, claimed = self._claim(session, sendings, list(first.values()))
        fresh = [p for p, s in enumerate(sendings) if s.keyed is None or p in claimed]
        answers |= self._submit(session, sendings, fresh)
        for place, held in claimed.items():
            keep(session, held, answers[place])
        for place, one in enumerate(sendings):
            if place not in answers and one.keyed is not None:  # the same key at the same time
                former = first[one.keyed.name]
                same = sendings[former].keyed == one.keyed
                answers[place] = answers[former] if same else Wrong(Problem.KEY_REUSED)
        return [answers[place] for place in range(len(sendings))]

    def _claim(
        self, session: Session, sendings: Sequence[Sending], places: Sequence[int]
    ) -> tuple[dict[int, Answer | Exception], dict[int, Claimed]]:
        """Take keys, or find what came of their requests before."""
        named = [keyed for place in places if (keyed := sendings[place].keyed) is not None]
        answers: dict[int, Answer | Exception] = {}
        claimed: dict[int, Claimed] = {}
        if named:
            for place, found in zip(places, claim(session, self.runtime.clock.now(), named), strict=True):
                if isinstance(found, Claimed):
                    claimed[place] = found
                else:
                    answers[place] = found
        return answers, claimed

    def _submit(
        self, session: Session, sendings: Sequence[Sending], places: Sequence[int]
    ) -> dict[int, Answer | Exception]:
        taken = [sendings[place] for place in places]
        if not taken:
            return {}
        grounds = Grounds.joined(one.who.grounds for one in taken if one.who.grounds is not None)
        asked = [one.submission for one in taken]
        results = submit(session, self.runtime.clock, self.runtime.announcements, asked, grounds)
        return {
            place: _answer(sendings[place].web, result) for place, result in zip(places, results, strict=True)
        }


def _answer(request: Request, result: Result) -> Answer | Exception:
    if isinstance(result, NotItsSender):
        return Wrong(Problem.REFUSED, faults=[not_its_sender(result.allowed)])
    if not isinstance(result, Receipted):  # removed since its key was recognised
        return Wrong(Problem.UNAUTHORIZED)
    entry = result.entries[0]
    if entry.status not in ACCEPTED:
        return failure(request, _refusal(entry))
    return Answer(told_new(result, entry), 201, {"Location": f"/v2/messages/{entry.message_id}"})


def _refusal(entry: Entry) -> Wrong:
    """Why a text was not taken in; it is in the log all the same."""
    more = {"message_id": str(entry.message_id), "message_status": entry.word}
    match entry.status:
        case Status.INVALID_NUMBER:
            fault = Fault(
                "/to", "invalid_number", "is no number that a text could reach, such as +46701234567"
            )
            return Wrong(Problem.REFUSED, faults=[fault], more=more)
        case Status.TOO_MANY_PARTS:
            fault = Fault("/text", "too_many_parts", "takes more parts than the group allows")
            return Wrong(Problem.REFUSED, faults=[fault], more=more)
        case Status.ALREADY_SENT:
            return Wrong(Problem.DUPLICATE, more=more)
        case Status.NO_ROUTE:
            return Wrong(Problem.UNAVAILABLE, more=more, headers={"Retry-After": "60"})
    return Wrong(Problem.REFUSED, more=more)
