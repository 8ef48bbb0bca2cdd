"""Numbers are taken back from accounts whose group may no longer receive (spec G5, R5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.tenants import numbers
from messa_platform.tenants.audit import SYSTEM, Action, Change, record
from messa_platform.tenants.authority import authorities
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.places import Place, place_of
from messa_platform.tenants.senders import settings_of
from messa_platform.tenants.tasks import CHUNK, Step, TaskRow

_HOLDING = text(
    'SELECT DISTINCT a.group_id FROM number n JOIN account a ON a.id = n.account_id JOIN "group" g ON g.id = a.group_id'
    " WHERE a.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree)"
)
# In the order in which lenders lock accounts; who has moved away meanwhile is looked at again once the lock is there.
_HOLDERS = text(
    "SELECT a.id FROM account a JOIN number n ON n.account_id = a.id WHERE a.group_id = ANY(CAST(:group_ids AS uuid[]))"
    " ORDER BY a.id LIMIT :most FOR NO KEY UPDATE OF a"
)


@dataclass(frozen=True, slots=True)
class Recall:
    """Does it, for one deployment; `rest` is how long the numbers rest."""

    rest: timedelta = REST

    def step(self, session: Session, now: datetime, task: TaskRow) -> Step:
        """One chunk of a task of the kind RECALL_NUMBERS; the handler of that kind. Who may receive keeps the number.

        It carries out what the settings say, whoever has set them: so it goes on when its author is an admin no longer, in messa's own name.
        """
        place = place_of(session, task.tenant_id, task.group_id)
        holders = [] if place is None else _holders(session, place)
        taken = numbers.take_back_many(session, now, holders, self.rest)
        so_far = int(task.result.get("numbers", 0)) + taken
        finished = len(holders) < CHUNK
        if finished and so_far and place is not None:
            after = {"numbers": so_far}
            change = Change(place.tenant_id, place.id, Action.NUMBERS_RECALLED, "", task.id, after=after)
            author = task.author if authorities(session, task.author, task.tenant_id) else SYSTEM
            record(session, now, author, [change])
        done = max(task.total, so_far) if finished else min(so_far, task.total)
        return Step(done, finished, {"numbers": so_far})


def _holders(session: Session, place: Place) -> list[UUID]:
    """Accounts, as many as one chunk takes, in the group and below it that hold a number and may not receive."""
    parameters = {"tenant_id": place.tenant_id, "path": place.path}
    holding = list(session.execute(_HOLDING, parameters).scalars())
    if not holding:
        return []
    settings = settings_of(session, holding)
    silent = [group_id for group_id in holding if not settings[group_id].may_receive]
    return list(session.execute(_HOLDERS, {"group_ids": silent, "most": CHUNK}).scalars())
