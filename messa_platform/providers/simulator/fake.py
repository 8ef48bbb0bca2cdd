"""A fake of the simulator: its own network behind its own gateway, and in front of that a door that can be told to misbehave.

What the simulator does by itself is left to it: the door turns a text towards the number that is documented to cause the trouble, or hands a
connection to a gateway with another secret. What networks do to anybody the door does to the gateway's answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final
from uuid import UUID

from messa_platform.core.clock import SystemClock
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, TIME_LIMIT, Fake, Taken, Trouble
from messa_platform.providers.kit.serving import HOST, serving
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.callbacks import Callbacks, Target, body_of, headers_of
from messa_platform.providers.simulator.conditions import Conditions
from messa_platform.providers.simulator.events import Event
from messa_platform.providers.simulator.gateway import Gateway
from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.network import Network
from messa_platform.providers.simulator.records import Incoming, PromisedReceipt, Submit
from messa_platform.providers.simulator.store import Store

SECRET: Final = "a-secret-of-the-fake-network"  # noqa: S105 it protects a make-believe network
OTHER_SECRET: Final = "a-secret-of-another-network"  # noqa: S105

CAUSES: Final[Mapping[Trouble, str]] = {
    Trouble.REFUSED: "+46700000004",
    Trouble.DOWN: "+46700000005",
    Trouble.THROTTLED: "+46700000006",
}
"""The number that is documented to bring about a trouble."""
SPOILT: Final = frozenset({Trouble.SILENT, Trouble.CUT, Trouble.MALFORMED, Trouble.ENDLESS, Trouble.REDIRECT})
"""What befalls the gateway's answer on its way."""
_NEIGHBOUR: Final = "a text of somebody else's"
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "hello": frozenset({"op", "at", "proof"}),
    "submit": frozenset({"op", "seq", "id", "from", "to", "text", "parts"}),
    "find": frozenset({"op", "seq", "id"}),
}
_CODES: Final[Mapping[str, str]] = {"DELIVERED": "000", "BUFFERED": "phone_off", "UNDELIVERED": "unreachable"}


class SimulatorFake(Fake):
    """The simulator on this machine, in a thread of its own; its journal lasts as long as it runs."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "DELIVERED": ReceiptStatus.DELIVERED,
        "BUFFERED": ReceiptStatus.BUFFERED,
        "UNDELIVERED": ReceiptStatus.UNDELIVERED,
    }

    def __init__(self) -> None:
        super().__init__()
        self.port = wire.DEFAULT_GATEWAY_PORT
        self._gateway_port = self._strange_port = 0
        self._store: Store
        self._network: Network
        self._callbacks: Callbacks
        self._seen = 0
        self._doors: set[asyncio.Task[None]] = set()
        self._numbers: dict[str, int] = {}

    def settings(self) -> dict[str, Any]:
        """What leads here."""
        return {"host": HOST, "port": self.port, "secret": SECRET, "timeout": TIME_LIMIT}

    def refusal_code(self) -> str:
        """As the guide has it of the number that is refused for good."""
        return "invalid_destination"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve on a free port of this machine within the block."""
        with (
            TemporaryDirectory(prefix="simulator-") as directory,
            serving(self._serving(Path(directory))),
        ):
            yield

    @asynccontextmanager
    async def _serving(self, directory: Path) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            journal, clock = Journal.open(directory), SystemClock()
            stack.callback(journal.close)
            self._store = Store(journal)
            # Nothing runs that posts: the kit asks for callbacks when it wants some.
            self._callbacks = Callbacks(Target(CALLBACKS, SECRET), journal, clock, self._store.reference)
            random = Random(0)  # noqa: S311 nobody is struck by a fault
            self._network = Network(journal, self._store, self._callbacks, clock, random, Conditions())
            ports = []
            for secret in (SECRET, OTHER_SECRET):
                gateway = Gateway(self._network, self._callbacks, clock, secret)
                stack.push_async_callback(gateway.close)
                listener = socket.create_server((HOST, 0))
                listener.setblocking(False)
                await gateway.serve(listener)
                ports.append(int(listener.getsockname()[1]))
            self._gateway_port, self._strange_port = ports
            stack.push_async_callback(self._close_doors)
            server = await asyncio.start_server(self._opened, HOST, 0, limit=wire.MAX_LINE)
            stack.callback(server.close)
            self.port = int(server.sockets[0].getsockname()[1])
            yield

    async def _opened(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._strange_port if self.trouble is Trouble.WRONG_KEY else self._gateway_port
        task = asyncio.ensure_future(Door(self, reader, writer).stand(port))
        self._doors.add(task)
        task.add_done_callback(self._doors.discard)
        task.add_done_callback(lambda _task: writer.close())

    async def _close_doors(self) -> None:
        for task in self._doors:
            task.cancel()
        await asyncio.gather(*self._doors, return_exceptions=True)

    def take_up(self) -> None:
        """Somebody else's text comes first to the number that takes one a second."""
        number = CAUSES[Trouble.THROTTLED]
        request = {"seq": 0, "id": _NEIGHBOUR, "from": number, "to": number, "text": "", "parts": 1}
        self._network.take([request])

    def note(self) -> None:
        """Put into the journal what has reached phones since."""
        for entry in self._store.submits_since(self._seen, limit=1_000) or ():
            self._seen = entry["n"]
            if entry["taken"] and entry["id"] != _NEIGHBOUR:
                reference, message_id = entry["reference"], UUID(entry["id"])
                self.taken.append(Taken((reference,), entry["from"], entry["to"], entry["text"], message_id))

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """As the network makes them, with a status of one's choice."""
        receipt = PromisedReceipt(0, word, _CODES.get(word.upper(), "999"))
        n = int(taken.references[0].rpartition("-")[2])
        submit = Submit(n, time.time(), "", taken.sender, taken.recipient, taken.text, 1, "", (receipt,))
        return [_posted(event) for event in self._callbacks.receipts_of(submit)]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """As the network makes them; it gives its own reference, the same to the same text."""
        n = self._numbers.setdefault(reference, self._store.next_number())
        return [_posted(self._callbacks.incoming_of(Incoming(n, time.time(), sender, recipient, text)))]

    def forged(self, callback: Callback) -> list[Callback]:
        """Without a signature, changed, signed with another secret, and an old one once more."""
        now = time.time()
        return [
            replace(callback, headers={}),
            replace(callback, body=callback.body.replace(b"sim-", b"sin-")),
            replace(callback, headers=headers_of(callback.body, OTHER_SECRET, now)),
            replace(callback, headers=headers_of(callback.body, SECRET, now - wire.TOLERANCE_SECONDS - 2)),
        ]


class Door:
    """One connection of a plugin's, led on to a gateway. It looks at what is asked, and spoils answers."""

    def __init__(
        self, fake: SimulatorFake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._fake = fake
        self._reader = reader
        self._writer = writer
        self._spoilt: dict[int, Trouble] = {}
        self._is_first = True

    async def stand(self, port: int) -> None:
        """Lead on both ways until one end hangs up."""
        answers, gateway = await asyncio.open_connection(HOST, port, limit=wire.MAX_LINE)
        ways = [asyncio.ensure_future(way) for way in (self._lead_in(gateway), self._lead_out(answers))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Before anything is waited for: the fake may end meanwhile.
            gateway.close()
            for way in ways:
                way.cancel()
            faults = await asyncio.gather(*ways, return_exceptions=True)
            self._fake.wrong += [repr(fault) for fault in faults if isinstance(fault, Exception)]

    async def _lead_in(self, gateway: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await self._reader.readline():
                request = wire.decode(line) or {}
                self._look_at(request)
                gateway.write(self._turned(line, request))

    def _look_at(self, request: Mapping[str, Any]) -> None:
        op = request.get("op")
        if not isinstance(op, str) or frozenset(request) != _FIELDS.get(op):
            self._fake.wrong.append(f"{op} with the fields {sorted(request)}")
        if self._is_first != (op == "hello"):
            self._fake.wrong.append(f"{op}: a connection begins with hello, and has no other")
        self._is_first = False

    def _turned(self, line: bytes, request: dict[str, Any]) -> bytes:
        """What the gateway is asked, as the trouble wants it: mostly the line as it came."""
        # Looked at once: who sees `asked` grow may end the trouble.
        trouble = self._fake.trouble
        is_text = request.get("op") == "submit"
        self._fake.asked += is_text
        seq = request.get("seq")
        if seq is not None and (trouble is Trouble.SILENT or (is_text and trouble in SPOILT)):
            self._spoilt[seq] = trouble
        number = CAUSES.get(trouble) if is_text and trouble is not None else None
        if number is None:
            return line
        if trouble is Trouble.THROTTLED:
            self._fake.take_up()
        return wire.encode({**request, "to": number})

    async def _lead_out(self, answers: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await answers.readline():
                answer = wire.decode(line) or {}
                if "error" in answer or answer.get("code") == "bad_request":
                    self._fake.wrong.append(f"the gateway said {answer}")
                self._fake.note()
                trouble = self._spoilt.pop(answer.get("seq", 0), None)
                if trouble is not None:
                    await self._spoil(trouble, line, answer)
                else:
                    self._writer.write(line)
                if trouble is Trouble.CUT:
                    return

    async def _spoil(self, trouble: Trouble, line: bytes, answer: Mapping[str, Any]) -> None:
        """Put something else in an answer's place; nothing, if it is to be silence."""
        match trouble:
            case Trouble.CUT:
                self._writer.write(line[: len(line) // 2])
            case Trouble.MALFORMED:
                self._writer.write(b"<html>\x00 Welcome to nginx! {\n")
            case Trouble.REDIRECT:
                # Lines know no redirect: an answer to this very text that neither takes nor refuses it.
                self._writer.write(
                    wire.encode({"seq": answer.get("seq"), "moved": f"{HOST}:{self._fake.port}"})
                )
            case Trouble.ENDLESS:
                while True:
                    self._writer.write(b" " * 65_536)
                    await self._writer.drain()


def _posted(event: Event) -> Callback:
    body, now = body_of([event]), time.time()
    url = f"{CALLBACKS}/{wire.EVENTS_PATH}"
    return Callback("POST", wire.EVENTS_PATH, {}, headers_of(body, SECRET, now), body, url, datetime.now(UTC))
