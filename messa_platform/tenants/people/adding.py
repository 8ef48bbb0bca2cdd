"""Many addresses are put into a group, so many at a time: what was planned for each is decided anew when its turn comes, since the world
may have changed meanwhile (spec G11). The rules stand in `plan`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.tenants.admin_models import TaskLine
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import administers
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.people import consent, moving
from messa_platform.tenants.people.lines import read_back
from messa_platform.tenants.people.mails import PeoplePost
from messa_platform.tenants.people.moving import Comer
from messa_platform.tenants.people.plan import MAKING, MOVING, SETTLED, Planned, Word, plan, questions
from messa_platform.tenants.people.reading import Line
from messa_platform.tenants.people.settings import PeopleSettings
from messa_platform.tenants.places import Place, place_of, ways
from messa_platform.tenants.tasks import CHUNK, Step, TaskRow

LINE = cast(Table, TaskLine.__table__)

MOST_NAMED = 50
"""Addresses that a mail to an admin names."""


@dataclass(frozen=True, slots=True)
class Adding:
    """Does it, for one deployment. `rest` is how long numbers rest that are taken back; an organisation may ask `asks_a_day` addresses."""

    post: PeoplePost
    rest: timedelta = REST
    asks_a_day: int = PeopleSettings.consent_mails_a_day

    def step(self, session: Session, now: datetime, task: TaskRow) -> Step:
        """One chunk of a task of the kind ADD_PEOPLE; the handler of that kind. The session sees every tenant.

        `result`: `words` are the counts of each; `stopped` that its author administers the group no longer, so that the rest was not done.
        """
        rows = session.execute(_NEXT, {"id": task.id, "done": task.done, "most": CHUNK}).all()
        done = rows[-1].place if rows else task.total
        finished = len(rows) < CHUNK or done >= task.total
        lines = [read_back(row.place, row.address) for row in rows if row.word not in SETTLED]
        place = _place(session, task)
        if place is not None and not administers(session, task.author, place.tenant_id, place.id):
            return self._stop(session, now, task, place)
        if place is None:
            _note(session, task.id, [Planned(n.place, "", n.address, "", Word.GONE) for n in lines])
        elif lines:
            authority = UUID(task.parameters["authority"])
            _note(session, task.id, self._put(session, now, task.author, place, authority, lines))
        words = count_words(session, task.id, done)
        if finished and place is not None:
            self._finish(session, now, task, place, words)
        return Step(done, finished, {"words": words})

    def _stop(self, session: Session, now: datetime, task: TaskRow, place: Place) -> Step:
        """Do no more; what was done is told as if it were all."""
        session.execute(_STOP, {"id": task.id, "done": task.done, "settled": sorted(SETTLED)})
        words = count_words(session, task.id, task.total)
        self._finish(session, now, task, place, words)
        return Step(task.done, True, {"words": words, "stopped": True})

    def _finish(
        self, session: Session, now: datetime, task: TaskRow, place: Place, words: Mapping[str, int]
    ) -> None:
        self._tell(session, now, task)
        entry = Change(place.tenant_id, place.id, Action.PEOPLE_ADDED, "", task.id, after=words)
        record(session, now, task.author, [entry])

    def _put(
        self,
        session: Session,
        now: datetime,
        author: Author,
        place: Place,
        authority: UUID,
        lines: Sequence[Line],
    ) -> list[Planned]:
        """Put some addresses into the group; gives what became of each."""
        consent.take_turn(session, place.tenant_id)
        moving.lock(session, [line.address for line in lines if line.address])
        may_ask = questions(session, now, place.tenant_id, self.asks_a_day)
        planned = plan(session, now, place, authority, lines, may_ask)
        new = {p.address: p.name for p in planned if p.word is Word.ADD and p.held is None and p.address}
        made = moving.make(session, now, author, place, new)
        if late := new.keys() - made.keys():
            # an account was made between the look and the leap, by the address's first mail: what is planned for such a one holds
            moving.lock(session, late)
            again = [line for line in lines if line.address in late]
            asking = sum(p.word is Word.ASK for p in planned)
            left = replace(may_ask, left=may_ask.left - asking)
            seen = {p.place: p for p in plan(session, now, place, authority, again, left)}
            planned = [seen.get(p.place, p) for p in planned]
        comers = [
            Comer(p.address, p.held, p.name, unblock=p.word is Word.RETURN)
            for p in planned
            if p.held is not None and p.address and (p.word in MOVING or p.word in MAKING)
        ]
        moving.bring(session, now, author, place, comers, self.rest)
        asked = [p.address for p in planned if p.word is Word.ASK and p.address]
        consent.ask(session, now, author, place, asked, self.post)
        return planned

    def _tell(self, session: Session, now: datetime, task: TaskRow) -> None:
        """Tell the admins of the groups that were not the author's to see what they have lost, in one mail for each group."""
        lost = session.execute(_LOST, {"id": task.id}).all()
        if not lost:
            return
        left = {
            group_id: [read_back(row.place, row.address).address or "" for row in rows]
            for group_id, rows in groupby(lost, key=lambda row: UUID(str(row.from_group_id)))
        }
        found = ways(session, task.tenant_id, left)
        told = session.execute(_ADMINS, {"ids": list(left), "tenant_id": task.tenant_id}).all()
        mails = [
            self.post.mails.left(
                address=row.address,
                language=row.language,
                organisation=row.organisation,
                group=found[row.group_id].names[-1],
                way=(row.slug, *found[row.group_id].slugs[1:]),
                left=left[row.group_id][:MOST_NAMED],
                more=max(0, len(left[row.group_id]) - MOST_NAMED),
                tenant_id=task.tenant_id,
                key=f"people_left:{task.id}:{row.group_id}:{row.account_id}",
            )
            for row in told
        ]
        for first in range(0, len(mails), CHUNK):
            self.post.post.put(session, now, mails[first : first + CHUNK])


_NEXT = text(
    "SELECT place, address, word FROM task_line WHERE task_id = :id AND place > :done ORDER BY place LIMIT :most"
)


def _place(session: Session, task: TaskRow) -> Place | None:
    """The task's group, as long as it is there and its author's authority reaches it."""
    if moving.hold(session, task.tenant_id) is TenantState.CLOSED:
        return None
    place = place_of(session, task.tenant_id, task.group_id)
    is_theirs = place is not None and UUID(task.parameters["authority"]) in place.ancestors
    return place if is_theirs else None


# Where an account came from is kept for what the admins there are told; `add.lines` gives it only where it may be named.
_NOTE = text(
    "UPDATE task_line AS l SET word = given.word, from_group_id = given.from_group_id"
    f" FROM {given(LINE, ('place', 'word', 'from_group_id'))} WHERE l.task_id = :id AND l.place = given.place"
)
_OWN_MOVES = (Word.MOVE, Word.MOVE_UNSEEN)


def _note(session: Session, task_id: UUID, planned: Sequence[Planned]) -> None:
    """Write down what became of lines."""
    rows = [
        {
            "place": p.place,
            "word": p.word.value,
            "from_group_id": p.held.group_id if p.held is not None and p.word in _OWN_MOVES else None,
        }
        for p in planned
    ]
    session.execute(_NOTE, {"rows": as_parameter(rows), "id": task_id})


_STOP = text(
    "UPDATE task_line SET word = 'stopped', from_group_id = NULL WHERE task_id = :id AND place > :done"
    " AND word <> ALL(CAST(:settled AS text[]))"
)
_COUNT = text("SELECT word, count(*) FROM task_line WHERE task_id = :id AND place <= :done GROUP BY word")


def count_words(session: Session, task_id: UUID, done: int) -> dict[str, int]:
    """How many of the first `done` lines have each word."""
    rows = session.execute(_COUNT, {"id": task_id, "done": done}).all()
    return {word: int(count) for word, count in sorted((row[0], row[1]) for row in rows)}


_LOST = text(
    "SELECT place, address, from_group_id FROM task_line WHERE task_id = :id AND word = 'move_unseen' AND from_group_id IS NOT NULL"
    " ORDER BY from_group_id, place"
)
# Its own admins, or, where it has none, those of the nearest group above that has.
_ADMINS = text(
    "SELECT group_id, account_id, address, language, organisation, slug FROM (SELECT g.id AS group_id, a.id AS account_id, a.address,"
    " coalesce(a.language, t.language) AS language, t.name AS organisation, t.slug,"
    " rank() OVER (PARTITION BY g.id ORDER BY nlevel(above.path) DESC) AS distance"
    " FROM \"group\" g CROSS JOIN LATERAL unnest(CAST(string_to_array(g.path::text, '.') AS uuid[])) AS label (id)"
    ' JOIN "group" above ON above.id = label.id JOIN group_admin ga ON ga.group_id = above.id AND ga.tenant_id = g.tenant_id'
    " JOIN account a ON a.id = ga.account_id JOIN tenant t ON t.id = g.tenant_id"
    " WHERE g.id = ANY(CAST(:ids AS uuid[])) AND g.tenant_id = :tenant_id AND NOT a.blocked AND a.removed_at IS NULL) near"
    " WHERE distance = 1 ORDER BY group_id, address"
)
