"""A load of mails over SMTP on connections that are kept, as cheap for the machine as Python lets it be."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """`connections` connections send `mails` mails in all, each waiting for its answer, to one recipient each."""

    host: str
    port: int
    connections: int
    mails: int
    first_number: int = 46701700000


def _mail(number: int) -> bytes:
    return (
        f"From: Ulf Bergstroem <user@demo.example>\r\nTo: +{number}@messa.example\r\n"
        f"Subject: Kallelse {number}\r\nMessage-ID: <{number}.{time.time_ns()}@demo.example>\r\n"
        "Date: Mon, 02 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"Hej! Du är kallad till möte torsdag kl 13.15 i sal Eken, plats {number}.\r\nVälkommen!\r\n.\r\n"
    ).encode()


class _Client(asyncio.Protocol):
    """One connection; `numbers` is shared, so that a quick connection sends more."""

    def __init__(self, numbers: list[int], done: asyncio.Future[None]) -> None:
        self._numbers = numbers
        self._done = done
        self._steps: list[bytes] = []
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._steps = [b"EHLO load.example\r\n"]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            if line[3:4] != b"-":
                self._answered(line)

    def _answered(self, line: bytes) -> None:
        if line[:1] not in b"23":
            self._done.set_exception(RuntimeError(line.decode()))
            self._transport.close()
            return
        if not self._steps:
            if not self._numbers:
                self._transport.write(b"QUIT\r\n")
                self._transport.close()
                if not self._done.done():
                    self._done.set_result(None)
                return
            number = self._numbers.pop()
            self._steps = [
                _mail(number),
                b"DATA\r\n",
                b"RCPT TO:<+%d@messa.example>\r\n" % number,
                b"MAIL FROM:<user@demo.example>\r\n",
            ]
        self._transport.write(self._steps.pop())


async def _send(load: Load) -> float:
    loop = asyncio.get_running_loop()
    numbers = list(range(load.first_number, load.first_number + load.mails))
    begin = time.perf_counter()
    done = []
    for _ in range(load.connections):
        future: asyncio.Future[None] = loop.create_future()
        done.append(future)
        await loop.create_connection(lambda f=future: _Client(numbers, f), load.host, load.port)  # type: ignore[misc]
    await asyncio.gather(*done)
    return time.perf_counter() - begin


def main() -> None:
    """`python -m tests.bench.load HOST PORT CONNECTIONS MAILS FIRST_NUMBER`; prints the seconds it took."""
    host, port, connections, mails, first = sys.argv[1:6]
    print(asyncio.run(_send(Load(host, int(port), int(connections), int(mails), int(first)))), flush=True)


if __name__ == "__main__":
    main()
