"""The connector: holds the sessions of channels whose providers have such, lets their texts leave and stores what comes by them.

A channel's sessions are held by one process at a time, by a lease. When that process dies, another takes the channel over once the lease has
run out; at an orderly end at once. A lease that is held twice for a moment would do no harm: a text is claimed by one process however many ask.
Other processes only poke the one that holds a channel; one that nobody holds does not work, and its texts go another way.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DataError, SQLAlchemyError

from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.core.listen import Listener
from messa_platform.core.logs import logger
from messa_platform.messaging.dispatch import Dispatcher
from messa_platform.providers import breaker, leases
from messa_platform.providers.base import Bound, Inbox, IncomingText, Receipt
from messa_platform.providers.callback_desk import Sink
from messa_platform.providers.pool import Line
from messa_platform.providers.registry import NoProvider

log = logger(__name__)

POKED = "messa_connector"
"""The notification by which the process is woken that holds a channel; it says which."""
LOOK = 2.0
"""Seconds between two looks at what is to be held."""
IDLE = 1.0
"""Seconds after which a channel is looked at though nobody poked."""

LONGEST_END = 30.0
"""Seconds for which what is on its way is waited for at the end."""
LONGEST_LOOK = 120.0
"""Seconds after which a look that has not come to its end is believed in no more, and others may take what is held here."""
STORES = 16
"""Channels whose events are stored at the same time."""

_NOTIFY = text(f"SELECT pg_notify('{POKED}', :channel)")
_PLUGIN = text("SELECT plugin FROM channel WHERE id = :id")


@dataclass(eq=False)
class _Held:
    """A channel that this process holds; `bound` as it was told last."""

    line: Line
    bound: Bound
    poked: threading.Event = field(default_factory=threading.Event)
    given_up: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def take_poke(self) -> bool:
        """Whether somebody poked since this was last asked."""
        was = self.poked.is_set()
        self.poked.clear()
        return was


class Connector:
    """Holds sessions once it is started. Every process has one, which pokes where it does not hold."""

    def __init__(
        self, database: Database, clock: Clock, dispatcher: Dispatcher, sink: Sink, listener: Listener
    ) -> None:
        self._database = database
        self._clock = clock
        self._dispatcher = dispatcher
        self._providers = dispatcher.providers
        self._sink = sink
        self._holder = new_id()
        self._held: dict[UUID, _Held] = {}
        self._has_sessions: dict[UUID, bool] = {}
        self._stop = threading.Event()
        self._looked_at = time.monotonic()
        # not the threads in which the loop looks names up: those may all wait for a slow answer
        self._storing = ThreadPoolExecutor(STORES, "connector inbox")
        self._thread = threading.Thread(target=self._run, name="connector", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="connector leases", daemon=True)
        listener.subscribe(POKED, self._poked)

    # What other processes, and other threads, ask

    def has_sessions(self, channel_id: UUID) -> bool:
        """Whether a channel's texts leave by sessions. A channel's plugin never changes, so it is asked once."""
        if channel_id not in self._has_sessions:
            with self._database.unit_of_work() as session:
                plugin = session.execute(_PLUGIN, {"id": channel_id}).scalar_one_or_none()
            self._has_sessions[channel_id] = plugin in self._providers.session_plugins
        return self._has_sessions[channel_id]

    def poke(self, channel_id: UUID) -> None:
        """Wake the process that holds a channel. If none does, its breaker is opened and what waits goes another way."""
        with self._database.unit_of_work() as session:
            session.execute(_NOTIFY, {"channel": str(channel_id)})
            now = self._clock.now()
            if leases.is_held(session, now, channel_id):
                return
            breaker.give_up(session, now, channel_id)
        log.warning("no_connector", channel_id=str(channel_id))
        self._dispatcher.move_all(channel_id)

    def _poked(self, channel_id: str) -> None:
        held = self._held.get(UUID(channel_id))
        if held is not None:
            held.poked.set()

    # What the process that holds does

    def start(self) -> None:
        """Begin to hold what nobody else does."""
        self._look()
        self._thread.start()
        self._keeper.start()

    def _run(self) -> None:
        while not self._stop.wait(LOOK):
            try:
                self._look()
            except Exception:  # the next look may go well; without any, all that is held would be lost
                log.exception("connector_failed")

    def _keep(self) -> None:
        """Renew what is held while a look takes its time: to end the sessions of a channel may take longer than a lease of all of them."""
        while not self._stop.wait(LOOK):
            held = list(self._held)
            if not held or time.monotonic() - self._looked_at > LONGEST_LOOK:
                continue
            try:
                with self._database.unit_of_work() as session:
                    leases.renew(session, self._clock.now(), self._holder, held)
            except SQLAlchemyError as error:
                log.warning("leases_not_renewed", error=type(error).__name__)

    def _look(self) -> None:
        """Renew what is held, take what is free, and let go of what is another's or gone."""
        self._looked_at = time.monotonic()
        plugins = self._providers.session_plugins
        try:
            with self._database.unit_of_work() as session:
                lines = {c.id: Line.of(c) for c in leases.channels(session, plugins)}
                standing = {i: self._held[i].bound if i in self._held else Bound(0, 0) for i in lines}
                ours = leases.take(session, self._clock.now(), self._holder, standing)
        except SQLAlchemyError as error:
            # what is held is held on: without the database nobody else can take it either
            log.warning("leases_not_renewed", error=type(error).__name__)
            return
        for channel_id in set(self._held) - ours:
            self._let_go(channel_id)
        for channel_id in sorted(ours):
            self._hold(lines[channel_id])

    def _hold(self, line: Line) -> None:
        held = self._held.get(line.channel_id)
        try:
            bound = self._providers.hold(line, self._inbox(line.channel_id))
        except NoProvider as error:
            bound = Bound(0, 0, str(error)[:200])
        except Exception as error:  # a stranger's plugin: its channel does not work, the others do
            log.error("plugin_failed", channel=line.name, error=type(error).__name__)
            bound = Bound(0, 0, type(error).__name__)
        if held is not None:
            held.line, held.bound = line, bound
            return
        held = self._held[line.channel_id] = _Held(line, bound)
        held.poked.set()
        held.thread = threading.Thread(
            target=self._dispatch, args=(held,), name=f"connector {line.name}", daemon=True
        )
        held.thread.start()
        log.info("channel_held", channel=line.name)

    def _let_go(self, channel_id: UUID) -> None:
        held = self._held.pop(channel_id)
        held.given_up.set()
        held.poked.set()
        if held.thread is not None:
            held.thread.join(LONGEST_END)
        self._providers.release(channel_id)
        log.info("channel_let_go", channel=held.line.name)

    def _dispatch(self, held: _Held) -> None:
        channel_id = held.line.channel_id
        while not held.given_up.is_set():
            held.poked.wait(IDLE)
            held.poked.clear()
            try:
                while self._dispatcher.run(channel_id, held.take_poke, held.given_up.is_set):
                    if held.given_up.is_set() or self._dispatcher.stopping.is_set():
                        break
            except Exception:  # the database is away: what is claimed comes back when its lease has run out
                log.exception("dispatch_failed", channel=held.line.name)
                held.given_up.wait(IDLE)

    def _inbox(self, channel_id: UUID) -> Inbox:
        def store(events: Sequence[Receipt | IncomingText]) -> None:
            try:
                with self._database.unit_of_work() as session:
                    self._sink.take(session, self._clock.now(), channel_id, events)
            except DataError:
                # one that the database does not take must not hold up for ever what comes with it: the others are stored, and all are
                # brought again, which does no harm
                for event in events if len(events) > 1 else ():
                    with contextlib.suppress(DataError):
                        store([event])
                raise

        async def take(events: Sequence[Receipt | IncomingText]) -> None:
            await asyncio.get_running_loop().run_in_executor(self._storing, store, events)

        return take

    def close(self) -> None:
        """Let go of everything, and let others take it at once."""
        self._stop.set()
        if self._thread.ident is None:
            return
        self._thread.join(10)
        self._keeper.join(10)
        channel_ids = list(self._held)
        for held in self._held.values():  # all at once, as each waits for what is on its way
            held.given_up.set()
            held.poked.set()
        for channel_id in channel_ids:
            self._let_go(channel_id)
        self._storing.shutdown(wait=False)
        try:
            with self._database.unit_of_work() as session:
                leases.release(session, self._clock.now(), self._holder, channel_ids)
        except SQLAlchemyError as error:  # it runs out by itself
            log.warning("leases_not_released", error=type(error).__name__)
