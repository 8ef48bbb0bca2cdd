"""The gateway: TCP, newline-delimited JSON, many texts in flight on one connection.

All lines that arrive in one piece are decided together, journalled in one write and answered in one write. Whoever
has not proved in a greeting that it knows the secret is refused.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from messa_platform.core.clock import Clock
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.behaviour import Answer
from messa_platform.providers.simulator.callbacks import Callbacks
from messa_platform.providers.simulator.network import Network, Verdict, refusal

log = logging.getLogger(__name__)

FIND_DELAY_SECONDS: Final = 0.05
"""A question is answered a moment later, so that what a connection that broke still holds is read first."""
LONGEST_WAIT_FOR_RECEIPT_SECONDS: Final = 2.0
"""How long an answer that waits for its receipt waits for a platform that is down."""


class Gateway:
    """The listener, and what its connections share. `secret` is what a platform must know that hands over texts."""

    def __init__(self, network: Network, callbacks: Callbacks, clock: Clock, secret: str) -> None:
        self.network = network
        self.callbacks = callbacks
        self._clock = clock
        self._secret = secret
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections on a listening socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=listener)

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def knows(self, hello: Mapping[str, Any]) -> bool:
        """Whether a greeting proves that its sender knows the secret."""
        return wire.is_genuine(self._secret, hello, self._clock.now().timestamp())

    def opened(self, connection: Connection) -> None:
        """A connection was made."""
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)

    def start(self, work: Any) -> None:
        """Run a coroutine beside the connections."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Connection(asyncio.Protocol):
    """One connection of a platform's. `_is_known`: it has proved that it knows the secret."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._is_known = False
        self._lines = wire.Lines()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._gateway.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._gateway.closed(self)

    def pause_writing(self) -> None:
        # Who does not read the answers is not heard either.
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def close(self) -> None:
        """Close once what is written has left."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            # What is no JSON object is an object that asks for nothing.
            requests = [wire.decode(line) or {} for line in self._lines.feed(data)]
        except wire.LineTooLong:
            requests = [{}]
        submits: list[dict[str, Any]] = []
        strange: list[bytes] = []
        for request in requests:
            match request:
                case {"op": "submit"} if self._is_known:
                    submits.append(request)
                case {"op": "submit" | "find"} if not self._is_known:
                    strange.append(refusal(request, wire.WRONG_KEY))
                case {"op": "find", "id": str(message_id)} if not self._gateway.network.drops_question():
                    self._gateway.start(self._find(request.get("seq"), message_id))
                case {"op": "find", "id": str()}:
                    pass  # a fault that was asked for
                case {"op": "hello"}:
                    self._greeted(request)
                case _:
                    self._write(wire.encode({"error": "malformed_request"}))
                    self.close()
        self._write(b"".join(strange))
        if submits:
            self._answer(self._gateway.network.take(submits))

    def _greeted(self, hello: dict[str, Any]) -> None:
        self._is_known = self._gateway.knows(hello)
        if not self._is_known:
            log.warning(
                "a platform has another secret, or another time; it is refused with %s", wire.WRONG_KEY
            )

    def _answer(self, verdicts: Iterable[Verdict]) -> None:
        prompt: list[bytes] = []
        cut = False
        for verdict in verdicts:
            match verdict.kind:
                case Answer.PROMPT | Answer.MALFORMED:
                    prompt.append(verdict.answer)
                case Answer.AFTER_RECEIPT:
                    self._gateway.start(self._answer_after_receipt(verdict))
                case Answer.CUT:
                    cut = True
                case Answer.NONE:
                    pass
        latency_ms = self._gateway.network.conditions.latency_ms
        if not latency_ms:
            self._finish(prompt, cut)
        else:
            asyncio.get_running_loop().call_later(latency_ms / 1000, self._finish, prompt, cut)

    def _finish(self, answers: list[bytes], cut: bool) -> None:
        self._write(b"".join(answers))
        if cut:
            self.close()

    async def _answer_after_receipt(self, verdict: Verdict) -> None:
        await self._gateway.callbacks.wait_until_told(verdict.key, LONGEST_WAIT_FOR_RECEIPT_SECONDS)
        self._write(verdict.answer)

    async def _find(self, seq: object, message_id: str) -> None:
        await asyncio.sleep(FIND_DELAY_SECONDS)
        store = self._gateway.network.store
        n = store.find(message_id)
        if n is None and store.has_forgotten:
            n = await asyncio.to_thread(store.find_in_journal, message_id)
        if n is None:
            self._write(wire.encode({"seq": seq, "found": False}))
        else:
            self._write(wire.encode({"seq": seq, "found": True, "reference": store.reference(n)}))

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
