"""A load of callbacks over connections that are kept: `python -m tests.bench.callback_load PORT FILE CONNECTIONS SECONDS`.

The file has requests as they go over the wire (see `written`), made beforehand: what this takes of the machine the server lacks. Prints the
seconds that it took, and the milliseconds of each request, as JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

_LENGTH = 4


def written(file: Path, requests: Iterable[bytes]) -> None:
    """Write requests down, each behind its length."""
    file.write_bytes(b"".join(len(r).to_bytes(_LENGTH) + r for r in requests))


def read(file: Path) -> Iterator[bytes]:
    """The requests of a file."""
    content, place = file.read_bytes(), 0
    while place < len(content):
        end = place + _LENGTH + int.from_bytes(content[place : place + _LENGTH])
        yield content[place + _LENGTH : end]
        place = end


class _Connection:
    """One connection, with a request on its way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came = b""

    def ask(self, wire: bytes) -> None:
        """Send a request."""
        self._began = time.perf_counter()
        self.socket.sendall(wire)

    def answered(self) -> float | None:
        """Seconds that the request took, if its answer is whole. Raises `RuntimeError` for one that is not 200."""
        self._came += self.socket.recv(65536)
        head, separator, body = self._came.partition(b"\r\n\r\n")
        if not separator:
            return None
        if len(body) < int(head.lower().partition(b"content-length:")[2].split()[0]):
            return None
        if head.split()[1] != b"200":
            raise RuntimeError(self._came.decode())
        self._came = b""
        return time.perf_counter() - self._began


def load(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> tuple[float, list[float]]:
    """Send requests, each once, until there are no more or the time is up; gives the seconds it took, and the milliseconds of each."""
    opened = {c.socket.fileno(): c for c in (_Connection(port) for _ in range(connections))}
    took: list[float] = []
    begin = time.perf_counter()
    with select.epoll() as ready:
        for descriptor, connection in opened.items():
            ready.register(descriptor, select.EPOLLIN)
            connection.ask(next(requests))
        waiting = len(opened)
        while waiting:
            for descriptor, _ in ready.poll(5):
                if (answered := opened[descriptor].answered()) is None:
                    continue
                took.append(answered * 1e3)
                following = next(requests, None) if time.perf_counter() - begin < seconds else None
                if following is None:
                    waiting -= 1
                else:
                    opened[descriptor].ask(following)
    return time.perf_counter() - begin, took


def main() -> None:
    """Load what the command line says."""
    port, file, connections, seconds = sys.argv[1:]
    print(json.dumps(load(int(port), read(Path(file)), int(connections), float(seconds))))


if __name__ == "__main__":
    main()
