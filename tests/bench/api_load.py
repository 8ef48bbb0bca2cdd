"""A load of requests over connections that are kept: `python -m tests.bench.api_load PORT PATH KEY SECONDS CONNECTIONS`; prints milliseconds."""

from __future__ import annotations

import json
import select
import socket
import sys
import time


class _Connection:
    """One connection, with a request on its way."""

    def __init__(self, port: int, path: str, key: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self._head = head.encode() + b"Content-Length: %d\r\n\r\n"
        self._came = b""

    def ask(self, number: int) -> None:
        body = json.dumps(
            {"to": f"+4670{number % 10_000_000:07}", "text": f"Larm {number}: pumpen i Björkdalen"}
        ).encode()
        self._began = time.perf_counter()
        self.socket.sendall(self._head % len(body) + body)

    def answered(self) -> float | None:
        """Seconds that the request took, if its answer is whole."""
        self._came += self.socket.recv(65536)
        head, separator, body = self._came.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        if len(body) < length:
            return None
        if head.split()[1] != b"201":
            raise RuntimeError(self._came.decode())
        self._came = b""
        return time.perf_counter() - self._began


def load(port: int, path: str, key: str, seconds: float, connections: int) -> list[float]:
    """Ask for so long on so many connections at once; gives what each request took, in milliseconds."""
    number = time.time_ns() // 1000 % 1_000_000
    opened = {c.socket.fileno(): c for c in (_Connection(port, path, key) for _ in range(connections))}
    took: list[float] = []
    until = time.perf_counter() + seconds
    with select.epoll() as ready:
        for descriptor, connection in opened.items():
            ready.register(descriptor, select.EPOLLIN)
            connection.ask(number := number + 1)
        while time.perf_counter() < until:
            for descriptor, _ in ready.poll(1):
                if (answered := opened[descriptor].answered()) is not None:
                    took.append(answered * 1e3)
                    opened[descriptor].ask(number := number + 1)
    return took


if __name__ == "__main__":
    port, path, key, seconds, connections = sys.argv[1:]
    print(json.dumps(load(int(port), path, key, float(seconds), int(connections))))
