"""A load of mails over SMTP on connections that are kept, as cheap for the machine as Python lets it be: what it takes, the server lacks."""

from __future__ import annotations

import select
import socket
import sys
import time


def _mail(number: int) -> bytes:
    return (
        f"From: Ulf Bergstroem <user@demo.example>\r\nTo: +{number}@messa.example\r\n"
        f"Subject: Kallelse {number}\r\nMessage-ID: <{number}.{time.time_ns()}@demo.example>\r\n"
        "Date: Mon, 02 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"Hej! Du är kallad till möte torsdag kl 13.15 i sal Eken, plats {number}.\r\nVälkommen!\r\n.\r\n"
    ).encode()


class _Connection:
    """One connection; `numbers` is shared, so that a quick connection sends more."""

    def __init__(self, address: tuple[str, int], numbers: list[int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._numbers = numbers
        self._steps = [b"EHLO load.example\r\n"]

    def answered(self) -> bool:
        """Take the server's answer and say the next thing; False when there is nothing more to send."""
        answer = self.socket.recv(4096)
        last = answer.rstrip(b"\r\n").rpartition(b"\r\n")[2]
        if last[3:4] == b"-" or not answer.endswith(b"\n"):
            return True  # there is more of the answer
        if last[:1] not in (b"2", b"3"):
            raise RuntimeError(answer.decode())
        if not self._steps:
            if not self._numbers:
                self.socket.close()
                return False
            number = self._numbers.pop()
            self._steps = [
                _mail(number),
                b"DATA\r\n",
                b"RCPT TO:<+%d@messa.example>\r\n" % number,
                b"MAIL FROM:<user@demo.example>\r\n",
            ]
        self.socket.sendall(self._steps.pop())
        return True


def send(address: tuple[str, int], connections: int, mails: int, first_number: int) -> float:
    """Send `mails` mails, to one recipient each, over `connections` connections at once; gives the seconds it took."""
    numbers = list(range(first_number, first_number + mails))
    begin = time.perf_counter()
    opened = {c.socket.fileno(): c for c in (_Connection(address, numbers) for _ in range(connections))}
    with select.epoll() as ready:
        for descriptor in opened:
            ready.register(descriptor, select.EPOLLIN)
        while opened:
            for descriptor, _ in ready.poll():
                if not opened[descriptor].answered():
                    del opened[descriptor]
    return time.perf_counter() - begin


def main() -> None:
    """`python -m tests.bench.load HOST PORT CONNECTIONS MAILS FIRST_NUMBER`; prints the seconds it took."""
    host, port, connections, mails, first = sys.argv[1:6]
    print(send((host, int(port)), int(connections), int(mails), int(first)), flush=True)


if __name__ == "__main__":
    main()
