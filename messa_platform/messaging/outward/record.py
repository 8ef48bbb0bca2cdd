"""What came of requests, written down: deliveries done or tried again, endpoints paused, disabled, or well again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import copy_rows
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.core.outbound import Answer, NoAnswer
from messa_platform.messaging.outward.models import (
    DeliveryAttempt,
    DisabledWhy,
    EndpointKind,
    EndpointState,
)
from messa_platform.messaging.outward.queue import PAUSES, QUEUES, Taken
from messa_platform.messaging.outward.told import Disabled, EndpointPost

log = logger(__name__)

ATTEMPT = cast(Table, DeliveryAttempt.__table__)

GIVE_UP = timedelta(days=5)
"""An endpoint that has taken nothing for so long is disabled."""
LONGEST_WISH = timedelta(hours=1)
"""For how long an endpoint may ask us to stay away (`Retry-After`)."""
_BUSY = (429, 503)
_GONE = 410


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a request that began at `at` and took so many milliseconds."""

    taken: Taken
    answer: Answer | NoAnswer
    at: datetime
    milliseconds: int

    @property
    def delivered(self) -> bool:
        """Whether the endpoint has it."""
        return isinstance(self.answer, Answer) and self.answer.ok

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants nothing ever again. An `api_url` cannot say so: its convention is older."""
        is_gone = isinstance(self.answer, Answer) and self.answer.status == _GONE
        return is_gone and self.taken.kind is EndpointKind.WEBHOOK

    @property
    def stay_away(self) -> timedelta:
        """For how long the endpoint asks us to stay away. Only seconds are understood, and not more of them than `LONGEST_WISH`."""
        if not isinstance(self.answer, Answer) or self.answer.status not in _BUSY:
            return timedelta()
        wish = self.answer.headers.get("retry-after", "").strip()
        # nine digits are more than anybody waits, and none too many for a timedelta
        wanted = timedelta(seconds=int(wish[:9])) if wish.isascii() and wish.isdigit() else timedelta()
        return min(wanted, LONGEST_WISH)

    @property
    def reason(self) -> str:
        """Why it was not delivered, in a word."""
        return str(self.answer.status) if isinstance(self.answer, Answer) else self.answer.fault.value


# Locked in one order, whoever writes outcomes. Those that are well and stay so are not touched.
_TROUBLED = text(
    "SELECT id, tenant_id, group_id, account_id, kind, url, state, failures, failing_since, paused_until FROM event_endpoint"
    " WHERE id = ANY(CAST(:failed AS uuid[])) OR (id = ANY(CAST(:delivered AS uuid[])) AND failures > 0)"
    " ORDER BY id FOR NO KEY UPDATE"
)
_STANDING = text(
    "UPDATE event_endpoint SET failures = :failures, failing_since = :failing_since, paused_until = :paused_until, state = :state,"
    " disabled_at = :disabled_at, disabled_why = :disabled_why WHERE id = :id"
)
# A lease that is another's by now leaves the row alone: it will be told again.
_FINISH = text(
    "UPDATE event_delivery d SET state = 'done', lease_id = NULL, last_error = NULL, finished_at = :now"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:leases AS uuid[])) AS given (id, lease_id)"
    " WHERE d.id = given.id AND d.lease_id = given.lease_id RETURNING d.id"
)


def write(session: Session, now: datetime, post: EndpointPost, results: Sequence[Result]) -> None:
    """Write what came of requests, all in the session's transaction."""
    _settle_endpoints(session, now, post, results)
    delivered = [r.taken.claim for r in results if r.delivered]
    finished = {"ids": [c.id for c in delivered], "leases": [c.lease_id for c in delivered], "now": now}
    done = session.execute(_FINISH, finished).scalars().all() if delivered else []
    if len(done) < len(delivered):
        log.warning("lease_lost", queue="event_delivery", rows=len(delivered) - len(done))
    for result in results:
        if not result.delivered:
            QUEUES[result.taken.kind].put_back(session, result.taken.claim, now, result.reason)
    copy_rows(session, ATTEMPT, [_attempt(r) for r in results])
    failed = {str(r.taken.claim.id): r.reason for r in results if not r.delivered}
    log.info("events_told", delivered=[str(c.id) for c in delivered], failed=failed)


def _attempt(result: Result) -> dict[str, object]:
    answered = isinstance(result.answer, Answer)
    return {
        "id": new_id(),
        "tenant_id": result.taken.endpoint.tenant_id,
        "endpoint_id": result.taken.endpoint.id,
        "delivery_id": result.taken.claim.id,
        "at": result.at,
        "status": result.answer.status if isinstance(result.answer, Answer) else None,
        "fault": None if answered else result.reason,
        "milliseconds": result.milliseconds,
    }


def _settle_endpoints(session: Session, now: datetime, post: EndpointPost, results: Sequence[Result]) -> None:
    of_endpoint = {i: list(own) for i, own in groupby(sorted(results, key=_endpoint), key=_endpoint)}
    asked = {
        "failed": [i for i, own in of_endpoint.items() if not all(r.delivered for r in own)],
        "delivered": [i for i, own in of_endpoint.items() if any(r.delivered for r in own)],
    }
    for row in session.execute(_TROUBLED, asked).all():
        if row.state == EndpointState.DISABLED:  # while the request was on its way
            continue
        standing = _standing(row, now, of_endpoint[row.id])
        session.execute(_STANDING, {"id": row.id, **standing})
        if why := standing["disabled_why"]:
            log.warning("endpoint_disabled", endpoint=str(row.id), why=why)
            own = Disabled(row.id, row.tenant_id, row.group_id, row.account_id, row.url, DisabledWhy(why))
            post.disabled(session, now, own)


def _endpoint(result: Result) -> UUID:
    identifier: UUID = result.taken.endpoint.id
    return identifier


def _standing(row: Row[Any], now: datetime, results: Sequence[Result]) -> Mapping[str, Any]:
    """How an endpoint stands after results of its own. One success makes it well; what failed beside it is that delivery's fault."""
    standing: dict[str, Any] = {
        "failures": 0,
        "failing_since": None,
        "paused_until": None,
        "state": EndpointState.ACTIVE.value,
        "disabled_at": None,
        "disabled_why": None,
    }
    away = max(r.stay_away for r in results)
    why = DisabledWhy.GONE if any(r.gone for r in results) else None
    if any(r.delivered for r in results) and not why:
        return standing | {"paused_until": now + away if away else None}
    since = row.failing_since or min(r.at for r in results)
    # those that were on their way together, before the first of them failed, are one failure
    failures = row.failures + 1 if any(r.taken.is_probe for r in results) else max(row.failures, 1)
    waits = PAUSES[EndpointKind(row.kind)]
    pause = max(waits[min(failures, len(waits)) - 1], away)
    if not why and now - since >= GIVE_UP:
        why = DisabledWhy.FAILING
    standing |= {"failures": failures, "failing_since": since, "paused_until": now + pause}
    if why:
        standing |= {"state": EndpointState.DISABLED.value, "disabled_at": now, "disabled_why": why.value}
    return standing
