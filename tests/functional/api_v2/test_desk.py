"""Texts taken in together: what becomes of them when the database lets them down (api_v2/sending.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from webob import Request

from messa_platform.api_v2.identity import Caller
from messa_platform.api_v2.operations import Answer
from messa_platform.api_v2.sending import Desk, Sending
from messa_platform.core.pipeline import at_commit
from messa_platform.messaging.drafts import Submission
from messa_platform.messaging.models import Door
from messa_platform.tenants.api_users.models import KeyKind
from tests.functional.api_v2.conftest import ANNA, KARIN, Api, Program


@dataclass
class Saboteur:
    """An announcer that spoils the commit of the first transactions, as `how` says."""

    how: str
    times: int

    def waiting(self, session: Session, _channel_id: UUID) -> None:
        """Spoil it."""
        self.times -= 1
        if self.times >= 0:
            at_commit(session).ask(text(self.how), {})

    def pool_empty(self, _session: Session, _now: datetime) -> None:
        """Nothing."""


@pytest.fixture
def take(api: Api, school: Program) -> Callable[[Saboteur], list[Answer | Exception]]:
    def taken(announcer: Saboteur) -> list[Answer | Exception]:
        holder = api.ring.recognise(school.key, KeyKind.V2)
        assert holder is not None
        asked = [Submission(school.user.id, Door.V2, "Larm", [to]) for to in (ANNA, KARIN)]
        web = Request.blank("/v2/messages")
        desk = Desk(replace(api.runtime, announcements=announcer))  # type: ignore[arg-type]
        return desk.take([Sending(web, Caller(holder), each, None) for each in asked])

    return taken


def test_after_a_fault_of_one_each_is_taken_in_alone(
    api: Api, take: Callable[[Saboteur], list[Answer | Exception]]
) -> None:
    answers = take(Saboteur("SELECT 1 / 0", 1))
    assert all(isinstance(answer, Answer) and answer.status == 201 for answer in answers), answers
    assert api.world.value("SELECT count(*) FROM message") == 2


def test_one_that_fails_alone_too_harms_no_other(
    api: Api, take: Callable[[Saboteur], list[Answer | Exception]]
) -> None:
    first, second = take(Saboteur("SELECT 1 / 0", 2))
    assert isinstance(first, DBAPIError)
    assert isinstance(second, Answer)
    assert api.world.rows("SELECT remote FROM message") == [(KARIN,)]


def test_where_the_connection_was_lost_nothing_is_tried_again_since_it_may_have_been_committed(
    api: Api, take: Callable[[Saboteur], list[Answer | Exception]]
) -> None:
    answers = take(Saboteur("SELECT pg_terminate_backend(pg_backend_pid())", 1))
    assert all(isinstance(answer, DBAPIError) for answer in answers), answers
    assert api.world.value("SELECT count(*) FROM message") == 0
