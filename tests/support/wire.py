"""What goes over the wire to PostgreSQL, looked at where nobody can talk himself out of it: between the client and the server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.engine import make_url

_WAITED_FOR = frozenset(b"ZG")
"""Messages of the server for which a client waits before it goes on: ready for the next, and ready for a copy's rows (PostgreSQL's manual,
55.7)."""


@dataclass
class Wire:
    """Counts round trips: how often the client waited for the server. `url` leads to the database by way of it."""

    url: str
    trips: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kinds: bytes) -> None:
        """The server said this; a letter a message."""
        with self._lock:
            self.trips += sum(kind in _WAITED_FOR for kind in kinds)

    @contextmanager
    def counted(self) -> Iterator[list[int]]:
        """Round trips within the block, as the one element of the list once the block is over."""
        before, found = self.trips, list[int]()
        yield found
        found.append(self.trips - before)


@contextmanager
def tapped(url: str) -> Iterator[Wire]:
    """A way to a database on which is counted."""
    parsed = make_url(url)
    host, port = (
        str(parsed.query.get("host", parsed.host)),
        int(str(parsed.query.get("port", parsed.port or 5432))),
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = parsed.set(host="127.0.0.1", port=listening.getsockname()[1]).difference_update_query(
            ["host", "port"]
        )
        plain = here.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
        wire = Wire(plain.render_as_string(hide_password=False))
        threading.Thread(target=_accept, args=(listening, host, port, wire), daemon=True).start()
        yield wire


def _accept(listening: socket.socket, host: str, port: int, wire: Wire) -> None:
    with contextlib.suppress(OSError):  # closed
        while True:
            client, _ = listening.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = _connected(host, port)
            threading.Thread(target=_pass, args=(client, server), daemon=True).start()
            threading.Thread(target=_listen, args=(server, client, wire), daemon=True).start()


def _connected(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _close(source, target)


def _listen(server: socket.socket, client: socket.socket, wire: Wire) -> None:
    """Pass on what the server says, message by message: a letter, then four bytes that count themselves and what follows."""
    held = b""
    with contextlib.suppress(OSError):
        while data := server.recv(65536):
            held, kinds = _read(held + data)
            wire.note(kinds)  # before the client can have it
            client.sendall(data)
    _close(client, server)


def _read(held: bytes) -> tuple[bytes, bytes]:
    kinds, at = bytearray(), 0
    while len(held) >= at + 5 and len(held) >= (end := at + 1 + int.from_bytes(held[at + 1 : at + 5], "big")):
        kinds.append(held[at])
        at = end
    return held[at:], bytes(kinds)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
