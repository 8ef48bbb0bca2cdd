"""A server on loopback that answers each connection with what a test hands in: well-behaved, slow, endless, broken, or by TLS."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Behaviour = Callable[[socket.socket, bytes], None]
"""Gets a connection and the request that came by it, without its body where that came later."""


def answer(body: bytes = b"hej", status: str = "200 OK", *headers: str) -> Behaviour:
    """Answers like a decent server."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]

    def behave(connection: socket.socket, _request: bytes) -> None:
        connection.sendall("\r\n".join(lines).encode() + body)

    return behave


def says(raw: bytes) -> Behaviour:
    """Answers with these very bytes."""
    return lambda connection, _request: connection.sendall(raw)


def drips(raw: bytes, every: float) -> Behaviour:
    """Answers a byte at a time."""

    def behave(connection: socket.socket, _request: bytes) -> None:
        pause = threading.Event()
        for byte in raw:
            connection.sendall(bytes([byte]))
            pause.wait(every)

    return behave


@dataclass
class RawServer:
    """A listening server; `requests` are the bytes that came, `connections` how many came at all."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def raw_server(behave: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """A server on a free port of 127.0.0.1, for the length of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listener.getsockname()[1])
    open_: set[socket.socket] = set()
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(20)
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            with connection:
                open_.add(connection)
                server.requests.append(connection.recv(65_536))
                behave(connection, server.requests[-1])

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.connections += 1
                open_.add(connection)
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(20)
        for connection in open_:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in threads:
            thread.join(20)


@dataclass(frozen=True)
class Certified:
    """A server's context with a certificate for some names, and a client's that trusts its maker."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certified(folder: Path, *names: str) -> Certified:
    """A certificate for host names and addresses, signed by an authority that nobody else knows."""
    now = datetime.datetime.now(datetime.UTC)
    authority, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "The tests' authority")])

    def build(subject: x509.Name, key: ec.EllipticCurvePrivateKey, is_ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )

    root = build(issuer, authority, True).sign(authority, hashes.SHA256())
    known = x509.SubjectAlternativeName([_general(name) for name in names])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    certificate = (
        build(subject, leaf, False).add_extension(known, critical=False).sign(authority, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=root.public_bytes(serialization.Encoding.PEM).decode())
    return Certified(server, client)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
