"""Arriving mails are committed in groups: one transaction for all that wait, then the 250 of each (spec M6).

While one group is being committed the next one gathers, so the groups grow with the load by themselves and a lone mail waits for nobody.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import psycopg
from sqlalchemy import Engine, Table

from messa_platform.core.bulk import copy_into
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.mail.models import InboundMail

log = logger(__name__)

INBOUND = cast(Table, InboundMail.__table__)

MOST = 500
"""Mails in one transaction at the most."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail as SMTP gave it."""

    received_at: datetime
    peer: str
    helo: str
    envelope_sender: str
    recipients: Sequence[str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    mail: Arrived
    id: UUID
    done: asyncio.Future[UUID]


class Committer:
    """A thread that stores mails; `committed` is called after each group."""

    def __init__(self, engine: Engine, committed: Callable[[], None]) -> None:
        self._engine = engine
        self._committed = committed
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    async def store(self, mail: Arrived) -> UUID:
        """Store a mail; returns once it is on disk. Raises what kept it from being stored; the client then sends it again."""
        done: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        self._queue.put(_Waiting(mail, new_id(), done))
        return await done

    def close(self) -> None:
        """Store what waits, then end."""
        self._queue.put(None)
        self._thread.join(30)

    def _run(self) -> None:
        ending = False
        while not ending:
            group = [self._queue.get()]
            while len(group) < MOST and not self._queue.empty():
                group.append(self._queue.get())
            ending = None in group
            self._commit([w for w in group if w is not None])

    def _commit(self, group: Sequence[_Waiting]) -> None:
        if not group:
            return
        try:
            self._insert(group)
        except Exception as error:
            if len(group) > 1 and isinstance(error, psycopg.DataError):
                for waiting in group:  # one that cannot be stored must not take the others along
                    self._commit([waiting])
                return
            log.error("mail_not_stored", mails=len(group), error=type(error).__name__)
            _answer(group, error)
            return
        _answer(group, None)
        self._committed()

    def _insert(self, group: Sequence[_Waiting]) -> None:
        connection = self._engine.raw_connection()
        try:
            copy_into(connection.cursor, INBOUND, [_row(w) for w in group])
            connection.commit()
        except BaseException:
            # a broken connection must not come back from the pool, and a failed COPY leaves an aborted transaction
            connection.invalidate()
            raise
        finally:
            connection.close()


def _row(waiting: _Waiting) -> dict[str, object]:
    mail = waiting.mail
    return {
        "id": waiting.id,
        "received_at": mail.received_at,
        "next_attempt_at": mail.received_at,
        "peer": mail.peer,
        "helo": mail.helo,
        "envelope_sender": mail.envelope_sender,
        "recipients": list(mail.recipients),
        "raw": mail.raw,
    }


def _answer(group: Sequence[_Waiting], error: Exception | None) -> None:
    def settle() -> None:
        for waiting in group:
            if waiting.done.done():  # its client has gone
                continue
            if error is None:
                waiting.done.set_result(waiting.id)
            else:
                waiting.done.set_exception(error)

    loop = group[0].done.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)
