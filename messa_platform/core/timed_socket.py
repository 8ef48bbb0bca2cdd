"""A connection under a deadline: a socket's own time limit begins anew with each byte, and counts none of them."""

from __future__ import annotations

import io
import socket
import time
from typing import Any


class TooMuch(Exception):
    """More came than there was room for."""


class Deadline:
    """When a request must be done."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left. Raises TimeoutError when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Incoming(io.RawIOBase):
    """What comes from a server. A socket's own time limit begins anew with each byte; this one does not."""

    def __init__(self, connection: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._room = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left())
        count = self._connection.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise TooMuch
        return count


class Stream:
    """A connection as `http.client` uses one: it sends, makes a file to read from, and is closed by who opened it."""

    def __init__(self, connection: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._max_bytes = max_bytes

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._connection.settimeout(self._deadline.left())
            rest = rest[self._connection.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._connection, self._deadline, self._max_bytes))

    def close(self) -> None:
        """Nothing: `http.client` closes before it has read the body."""
