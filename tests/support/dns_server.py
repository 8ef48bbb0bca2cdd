"""A DNS server of the tests' own, over UDP and TCP on one free port of the loopback address: it answers as it was told for each name."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class Fault(StrEnum):
    """What a name may suffer from."""

    SERVFAIL = "servfail"
    SILENT = "silent"
    """It is not answered at all."""
    REFUSED = "refused"
    GARBLED = "garbled"
    """The answer is no DNS message."""


@dataclass
class DnsServer:
    """TXT records by name. A name that it does not know is NXDOMAIN; one with an empty tuple is there and has no TXT record.

    `truncated` names are cut short over UDP, so that they have to be asked for over TCP. `asked` has every question, with its way.
    """

    port: int
    records: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    truncated: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def resolver(self) -> str:
        """As the setting `dns.resolver` has it."""
        return f"127.0.0.1:{self.port}"

    def put(self, name: str, *texts: str) -> None:
        """Let a name have these TXT records, and be well again."""
        self.records[name] = texts
        self.faults.pop(name, None)

    def prove(self, domain: str, token: str) -> None:
        """Put the proof of a domain where it belongs."""
        self.put(f"_messa.{domain}", f"messa-verification={token}")

    def drop(self, name: str) -> None:
        """Let a name be gone."""
        self.records.pop(name, None)

    def break_(self, fault: Fault, *names: str) -> None:
        """Let names suffer from a fault."""
        self.faults.update(dict.fromkeys(names, fault))

    def answer(self, wire: bytes, way: str) -> bytes | None:
        """The answer to a question, None for none."""
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text(omit_final_dot=True).lower()
        self.asked.append((name, way))
        response = dns.message.make_response(question)
        response.flags |= dns.flags.RA
        match self.faults.get(name):
            case Fault.SILENT:
                return None
            case Fault.GARBLED:
                return wire[:2] + b"\xff" * 7
            case Fault.SERVFAIL:
                response.set_rcode(dns.rcode.SERVFAIL)
            case Fault.REFUSED:
                response.set_rcode(dns.rcode.REFUSED)
            case None:
                self._fill(response, name, way)
        return response.to_wire(max_size=65535)

    def _fill(self, response: dns.message.Message, name: str, way: str) -> None:
        if way == "udp" and name in self.truncated:
            response.flags |= dns.flags.TC
            return
        if name not in self.records:
            # a name between is there, even if nothing stands at it (RFC 8020)
            if not any(known.endswith(f".{name}") for known in self.records):
                response.set_rcode(dns.rcode.NXDOMAIN)
            return
        if texts := self.records[name]:
            rdatas = [_quoted(text) for text in texts]
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *rdatas))


def _quoted(text: str) -> str:
    """A text as it stands in a zone file: strings of 255 bytes at the most, one behind the other."""
    raw = text.encode()
    pieces = [raw[i : i + 255] for i in range(0, len(raw), 255)] or [b""]
    return " ".join('"' + "".join(f"\\{byte:03d}" for byte in piece) + '"' for piece in pieces)


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, sock = self.request
        if (answer := self.server.dns.answer(wire, "udp")) is not None:  # type: ignore[attr-defined]
            sock.sendto(answer, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        (length,) = struct.unpack("!H", self.rfile.read(2))
        answer = self.server.dns.answer(self.rfile.read(length), "tcp")  # type: ignore[attr-defined]
        if answer is not None:
            self.wfile.write(struct.pack("!H", len(answer)) + answer)


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def _two_servers() -> tuple[_UdpServer, _TcpServer]:
    """Both on one port, which is free for both."""
    while True:
        tcp = _TcpServer(("127.0.0.1", 0), _Tcp)
        try:
            return _UdpServer(tcp.server_address, _Udp), tcp
        except OSError:
            tcp.server_close()


@contextlib.contextmanager
def a_dns_server() -> Iterator[DnsServer]:
    """A server that runs as long as the block."""
    udp, tcp = _two_servers()
    server = DnsServer(tcp.server_address[1])
    both: tuple[Any, ...] = (udp, tcp)
    threads = []
    for each in both:
        each.dns = server
        thread = threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        threads.append(thread)
    try:
        yield server
    finally:
        for each, thread in zip(both, threads, strict=True):
            each.shutdown()
            each.server_close()
            thread.join(10)


def nobody_there() -> str:
    """A resolver's address where nothing answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
