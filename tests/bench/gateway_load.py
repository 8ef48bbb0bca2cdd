"""Texts to a gateway's HTTP over connections that are kept.

`python -m tests.bench.gateway_load PORT PATH ACCEPTED CONNECTIONS TEXTS FIRST_NUMBER`; PATH ends where the number goes, ACCEPTED is
the status of an answer that all is well. Prints when it began, in seconds since 1970.
"""

from __future__ import annotations

import select
import socket
import sys
import time


def _is_whole(answer: bytes) -> bool:
    """Whether nothing lacks of an answer of HTTP: Kannel's tell their length, Jasmin's come in chunks."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"\r\ncontent-length:")[2].split()[:1]
    return bool(separator) and (len(body) >= int(length[0]) if length else body.endswith(b"0\r\n\r\n"))


class _Connection:
    """One connection; `numbers` is shared, so that a quick connection sends more."""

    def __init__(self, port: int, path: str, accepted: bytes, numbers: list[int]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._path = b"GET " + path.encode()
        self._accepted, self._numbers, self._came = accepted, numbers, b""

    def ask(self) -> bool:
        """Send the next text; False when there is none."""
        if not self._numbers:
            self.socket.close()
            return False
        self.socket.sendall(b"%b%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % (self._path, self._numbers.pop()))
        return True

    def answered(self) -> bool:
        """Take what has come, and send the next text once the answer is whole; False when there is nothing more to send."""
        part = self.socket.recv(65536)
        self._came += part
        if part and not _is_whole(self._came):
            return True
        if not part or self._came.split(b" ", 2)[1] != self._accepted:
            raise RuntimeError(self._came.decode())
        self._came = b""
        return self.ask()


def load(port: int, path: str, accepted: int, connections: int, texts: int, first_number: int) -> float:
    """Send `texts` texts, to one number each, over `connections` connections at once; gives when it began."""
    numbers = list(range(first_number, first_number + texts))
    begun = time.time()
    opened = [_Connection(port, path, b"%d" % accepted, numbers) for _ in range(connections)]
    busy = {c.socket.fileno(): c for c in opened if c.ask()}
    with select.epoll() as ready:
        for descriptor in busy:
            ready.register(descriptor, select.EPOLLIN)
        while busy:
            for descriptor, _ in ready.poll():
                if not busy[descriptor].answered():
                    del busy[descriptor]
    return begun


if __name__ == "__main__":
    port, path, accepted, connections, texts, first = sys.argv[1:]
    print(load(int(port), path, int(accepted), int(connections), int(texts), int(first)))
