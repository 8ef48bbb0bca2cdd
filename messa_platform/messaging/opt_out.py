"""STOP and START from remote numbers (spec R4).

What a number has said stands in `opt_out`; from then on `submit` refuses the account's texts to it, by whatever door. What is already on its
way is sent. What a STOP brings about besides, a confirmation and the end of what is scheduled for that number, is an actor's: to send a
confirmation takes locks in the order of `submit`, which storing an incoming text does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.logs import logger
from messa_platform.messaging import schedule
from messa_platform.messaging.drafts import Submission
from messa_platform.messaging.models import Door, OptOut
from messa_platform.messaging.outward.note import Push
from messa_platform.messaging.submit import Announcer, submit

log = logger(__name__)

OPT_OUT_ACTOR = "follow_stops"
BATCH = 500
MEMORY = timedelta(days=1)
"""For how long a STOP that no worker saw is still confirmed."""

OPT_OUT = cast(Table, OptOut.__table__)

CONFIRMATIONS = {
    "sv": "Du får inga fler sms från det här numret. Svara START om du ångrar dig.",
    "en": "You will get no more texts from this number. Reply START if you change your mind.",
}

Wake = Callable[[Session, str], None]
"""Wakes an actor, named by its name, once the session's transaction is committed."""


class Command(StrEnum):
    """What a number can tell us to do."""

    STOP = "stop"
    START = "start"


_COMMANDS = {"stop": Command.STOP, "stopp": Command.STOP, "start": Command.START}
_ENDING = re.compile(r"[\s.,;:!?…]+$")
# a name such as "Telia" is nobody whom a text could reach
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


def command(said: str) -> Command | None:
    """What `said` tells us to do: it must be the word alone, in any case, with spaces and final punctuation at most."""
    return _COMMANDS.get(_ENDING.sub("", said.strip()).casefold())


@dataclass(frozen=True, slots=True)
class Said:
    """An incoming text, `message_id`, of the number `remote` to an account."""

    tenant_id: UUID
    account_id: UUID
    remote: str
    message_id: UUID
    text: str


_START = text(
    "DELETE FROM opt_out o USING unnest(CAST(:accounts AS uuid[]), CAST(:remotes AS text[])) AS given (account_id, remote)"
    " WHERE o.account_id = given.account_id AND o.remote = given.remote"
)


def hear(session: Session, now: datetime, texts: Iterable[Said], wake: Wake | None = None) -> None:
    """Do what texts to accounts tell us to do, in order: the last word of a number to an account holds.

    Their threads are locked by the caller, so that two who hear from one number come one after the other. `wake` is for what follows
    a STOP; what nobody is woken for is found by the chore.
    """
    last: dict[tuple[UUID, str], tuple[Command, Said]] = {}
    for said in texts:
        told = command(said.text)
        if told and _NUMBER.fullmatch(said.remote):
            last[said.account_id, said.remote] = told, said
    stops = [last[key][1] for key in sorted(last) if last[key][0] is Command.STOP]
    starts = [key for key in sorted(last) if last[key][0] is Command.START]
    insert_rows(session, OPT_OUT, [_row(said, now) for said in stops], "ON CONFLICT DO NOTHING")
    if starts:
        session.execute(_START, {"accounts": [a for a, _ in starts], "remotes": [r for _, r in starts]})
    if stops and wake:
        wake(session, OPT_OUT_ACTOR)
    if last:
        log.info("opt_outs_heard", stops=[str(s.message_id) for s in stops], starts=len(starts))


def _row(said: Said, now: datetime) -> dict[str, object]:
    return {
        "account_id": said.account_id,
        "remote": said.remote,
        "tenant_id": said.tenant_id,
        "message_id": said.message_id,
        "at": now,
    }


def follow(database: Database, clock: Clock, announcer: Announcer, push: Push | None = None) -> bool:
    """Do what follows on each STOP; True if more may wait. Doing it twice does no harm."""
    with database.unit_of_work() as session:
        schedule.cancel_stopped(session, clock.now(), push)
    with database.unit_of_work() as session:
        return confirm(session, clock, announcer) == BATCH


# A confirmation is known by the text that it answers: who finds it in `client_reference` has nothing to do.
_UNCONFIRMED = text(
    "SELECT o.account_id, o.remote, o.message_id, coalesce(a.language, t.language) AS language"
    " FROM opt_out o JOIN account a ON a.id = o.account_id JOIN tenant t ON t.id = a.tenant_id"
    " WHERE o.at > :since AND NOT a.blocked AND a.removed_at IS NULL AND NOT EXISTS (SELECT FROM client_reference r"
    " WHERE r.account_id = o.account_id AND r.reference = 'stop:' || o.message_id) ORDER BY o.message_id LIMIT :most"
)


def confirm(session: Session, clock: Clock, announcer: Announcer) -> int:
    """Send those a confirmation who have said STOP of late and not got one; gives how many.

    It goes the way of every text: signed, counted, as the same sender. The 24-hour guard keeps one who says STOP, START and STOP from a
    second one. START has none: the next text that comes shows that it was heard.
    """
    parameters = {"since": clock.now() - MEMORY, "most": BATCH}
    rows = session.execute(_UNCONFIRMED, parameters).all()
    submit(session, clock, announcer, _confirmations(rows))
    return len(rows)


def _confirmations(rows: Sequence[Any]) -> list[Submission]:
    return [
        Submission(
            account_id=row.account_id,
            door=Door.PROVIDER,
            text=CONFIRMATIONS.get(row.language, CONFIRMATIONS["sv"]),
            recipients=[row.remote],
            reference=f"stop:{row.message_id}",
            despite_stop=True,
        )
        for row in rows
    ]
