"""An account with a history: threads and messages over some months, stored as they would be by now."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

from messa_platform.core.bulk import copy_rows
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id_at
from messa_platform.core.segments import Encoding
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import MESSAGE, THREAD
from messa_platform.tenants.models import Group

NAMES = ("", "", "", "Anna Berg", "Görans jobbmobil", "Ekgården", "Mormor Ulla")
SENT = (
    "Hej! Du är kallad till möte torsdag kl 13.15 i sal Eken, plats {}. Välkommen!",
    "Passet i kväll är avbokat. Frågor? Ring vaktchefen på anknytning {}.",
    "Kan du jobba natt på Ekgården den {}:e? Svara JA eller NEJ.",
    "Vi saknar Elsa i klass {}B i dag. Hör av dig till expeditionen.",
)
ANSWERS = ("Ja, det går bra", "Nej, tyvärr", "Kommer {} minuter sent", "Tack!")


def give_history(
    database: Database,
    now: datetime,
    group: Group,
    account_id: UUID,
    *,
    threads: int,
    messages: int,
    span: timedelta = timedelta(days=365),
    seed: int = 7,
) -> None:
    """Store `messages` texts in `threads` threads, the first `span` ago and the last now. Each thread gets at least one."""
    chance = random.Random(seed)
    made = [(new_id_at(now - span), f"+4670{n:07}") for n in chance.sample(range(10_000_000), threads)]
    owner = {"tenant_id": group.tenant_id, "account_id": account_id}
    last: dict[UUID, tuple[datetime, UUID]] = {}
    texts = []
    for n in range(messages):
        at = now - span + span * ((n + 1) / messages)
        thread_id, remote = made[n] if n < threads else chance.choice(made)
        last[thread_id] = at, new_id_at(at)
        message = {"id": last[thread_id][1], "group_id": group.id, "thread_id": thread_id, "remote": remote}
        texts.append({**owner, **message, **_text(chance, at)})
    rows = [
        {
            **owner,
            "id": thread_id,
            "remote": remote,
            "display_name": chance.choice(NAMES),
            "last_message_at": last[thread_id][0],
            "last_message_id": last[thread_id][1],
            "unread": int(chance.random() < 0.1),
        }
        for thread_id, remote in made
    ]
    with database.unit_of_work() as session:
        ensure_partitions(session.connection(), now - span, now)
        copy_rows(session, THREAD, rows)
        copy_rows(session, MESSAGE, texts)


def _text(chance: random.Random, at: datetime) -> dict[str, object]:
    came = chance.random() < 0.3
    return {
        "direction": Direction.IN if came else Direction.OUT,
        "door": Door.PROVIDER if came else Door.PORTAL,
        "status": Status.INCOMING if came else Status.DELIVERED,
        "status_at": at,
        "local": "Kommunen",
        "text": chance.choice(ANSWERS if came else SENT).format(chance.randrange(1, 100)),
        "encoding": Encoding.GSM,
        "parts": 0 if came else 1,
        "created_at": at,
    }
