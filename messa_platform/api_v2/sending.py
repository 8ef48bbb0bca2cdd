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
from messa_platform.api_v2.message_words import not_its_sender, told_of
from messa_platform.api_v2.once import claim, keep, key_of, whole
from messa_platform.api_v2.operations import Answer, Asked, failure
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.shapes import moment
from messa_platform.messaging.drafts import Entry, NotItsSender, Receipted, Result, Submission
from messa_platform.messaging.idempotency import Claimed
from messa_platform.messaging.models import Door
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.submit import submit

ACCEPTED = (Status.QUEUED, Status.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Sending:
    """A text that somebody wants sent; `key` is the request's `Idempotency-Key`, `request` the whole of it."""

    web: Request
    who: Caller
    submission: Submission
    key: str | None
    request: bytes

    @property
    def name(self) -> tuple[UUID, str]:
        """Whose key it is; only of one that has a key."""
        return self.who.account_id, self.key or ""


def sending(request: Request, asked: Asked) -> Sending:
    """What the request asks for. Raises `Wrong`."""
    return Sending(
        request, caller(request), submission(request, asked), key_of(request), whole(request, asked)
    )


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
        """Take in texts, in one transaction; if that fails, each in one of its own, so that one cannot harm the others."""
        try:
            answers: list[Answer | Exception] = self.runtime.database.in_turn(
                lambda s: self._take(s, sendings)
            )
        except DBAPIError as error:
            if len(sendings) == 1:
                return [error]
            return [answer for one in sendings for answer in self.take([one])]
        return answers

    def _take(self, session: Session, sendings: Sequence[Sending]) -> list[Answer | Exception]:
        answers: dict[int, Answer | Exception] = {}
        claimed: dict[int, Claimed] = {}
        first: dict[tuple[UUID, str], int] = {}
        # in one order, so that two processes with the same keys do not wait for each other in a ring
        for place in sorted(
            (p for p, s in enumerate(sendings) if s.key is not None), key=lambda p: sendings[p].name
        ):
            if sendings[place].name in first:
                continue
            first[sendings[place].name] = place
            self._claim(session, sendings[place], place, answers, claimed)
        fresh = [
            p for p, s in enumerate(sendings) if p not in answers and (s.key is None or first[s.name] == p)
        ]
        answers |= self._submit(session, sendings, fresh)
        for place, held in claimed.items():
            keep(session, held, answers[place])
        for place, one in enumerate(sendings):
            if place not in answers:  # the same key at the same time
                same = sendings[first[one.name]].request == one.request
                answers[place] = answers[first[one.name]] if same else Wrong(Problem.KEY_REUSED)
        return [answers[place] for place in range(len(sendings))]

    def _claim(
        self,
        session: Session,
        one: Sending,
        place: int,
        answers: dict[int, Answer | Exception],
        claimed: dict[int, Claimed],
    ) -> None:
        """Take a key, or find what came of its request before."""
        assert one.key is not None
        try:
            found = claim(session, self.runtime.clock.now(), one.who, one.key, one.request)
        except Wrong as wrong:
            answers[place] = wrong
            return
        if isinstance(found, Answer):
            answers[place] = found
        else:
            claimed[place] = found

    def _submit(
        self, session: Session, sendings: Sequence[Sending], places: Sequence[int]
    ) -> dict[int, Answer | Exception]:
        asked = [sendings[place].submission for place in places]
        results = submit(session, self.runtime.clock, self.runtime.announcements, asked) if asked else []
        accepted = {
            result.entries[0].message_id: sendings[place].who
            for place, result in zip(places, results, strict=True)
            if isinstance(result, Receipted) and result.entries[0].status in ACCEPTED
        }
        messages = told_of(session, accepted)
        return {
            place: _answer(sendings[place].web, result, messages)
            for place, result in zip(places, results, strict=True)
        }


def _answer(request: Request, result: Result, messages: dict[UUID, dict[str, Any]]) -> Answer | Exception:
    if isinstance(result, NotItsSender):
        return Wrong(Problem.REFUSED, faults=[not_its_sender(result.allowed)])
    if not isinstance(result, Receipted):  # removed since its key was recognised
        return Wrong(Problem.UNAUTHORIZED)
    entry = result.entries[0]
    if entry.status not in ACCEPTED:
        return failure(request, _refusal(entry))
    return Answer(messages[entry.message_id], 201, {"Location": f"/v2/messages/{entry.message_id}"})


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
