"""Outgoing HTTP to addresses that tenants name: webhooks, `api_url`, identity providers (spec V8).

Whoever names an address must not reach our own network with it. So a name is looked up once, every address that it has is checked, and the
connection goes to one that was checked: a second answer of the DNS changes nothing. No redirect is followed; time and size have limits.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar
from urllib.parse import urlencode

from messa_platform.core.destinations import PRIVATE, IPAddress, Target, is_public, split, unwrapped, within
from messa_platform.core.i18n import msgid
from messa_platform.core.settings import Networks, key
from messa_platform.core.timed_socket import Deadline, Stream, TooMuch

Resolve = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host's name, for a port. Raises OSError if there are none."""
Connect = Callable[[str, int, float], socket.socket]
"""Connects to an address and port within so many seconds. Raises OSError."""

MAX_TRIES = 4
"""Addresses of a host that are tried at the most."""
HEADER_ROOM = 65_536
"""Bytes that an answer's headers and the frames of its chunks may take besides its body."""


@dataclass(frozen=True)
class OutboundSettings:
    """How far requests to addresses that tenants name may go."""

    SECTION: ClassVar[str] = "outbound"
    allow_private: bool = key(
        False, "Whether they may use http and reach this machine and private networks. For development only."
    )
    refused: Networks = key(
        (), "Networks that they may not reach besides those that are nobody's business anyway."
    )
    ports: str = key(
        "443 8443",
        "Ports that they may reach; where allow_private is set, every one. Behind others are services that are not for this.",
    )
    channels: Networks = key(
        (),
        "Networks of one's own that the platform's own channels may reach all the same, on any port and without TLS: where a gateway stands.",
    )
    session_ports: str = key(
        "2775 3550",
        "Ports that sessions of tenants' channels (SMPP) may reach; where allow_private is set, and for the platform's own channels, every one.",
    )
    timeout: float = key(10.0, "Seconds that one of them may take, from the look-up to the last byte.")
    max_bytes: int = key(1_048_576, "Bytes of an answer's body that are read at the most.")

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 60:
            raise ValueError(f"outbound.timeout: {self.timeout} is not between 0 and 60 seconds")
        if self.max_bytes < 1:
            raise ValueError(f"outbound.max_bytes: {self.max_bytes} is less than 1")
        for name, ports in (("ports", self.ports), ("session_ports", self.session_ports)):
            if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports.split()):
                raise ValueError(f"outbound.{name}: {ports!r} is no list of ports such as 443 8443")

    def admits_port(self, port: int) -> bool:
        """Whether a port may be reached."""
        return self.allow_private or str(port) in self.ports.split()


class Fault(StrEnum):
    """Why there is no answer."""

    BAD_URL = "bad_url"
    NOT_HTTPS = "not_https"
    UNKNOWN_HOST = "unknown_host"
    INTERNAL = "internal"
    PORT = "port"
    UNREACHABLE = "unreachable"
    BAD_CERTIFICATE = "bad_certificate"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    REDIRECT = "redirect"
    BROKEN = "broken"


SENTENCES: Mapping[Fault, str] = {
    Fault.BAD_URL: msgid("The address is not a web address."),
    Fault.NOT_HTTPS: msgid("The address does not begin with https."),
    Fault.UNKNOWN_HOST: msgid("There is no server by that name."),
    Fault.INTERNAL: msgid("The address leads into an internal network."),
    Fault.PORT: msgid("The address names a port that is not for web servers."),
    Fault.UNREACHABLE: msgid("The server cannot be reached."),
    Fault.BAD_CERTIFICATE: msgid("The server's certificate is not valid for its name."),
    Fault.TOO_SLOW: msgid("The server did not answer in time."),
    Fault.TOO_LARGE: msgid("The server's answer is too large."),
    Fault.REDIRECT: msgid("The server sends us on to another address, which we do not follow."),
    Fault.BROKEN: msgid("The server broke off, or what it answered is not HTTP."),
}
"""What to tell of each fault; for people in their language."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. The names of `headers` are in lower case. `status` is never that of a redirect."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server says that all is well (2xx)."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """There is no answer to be used. `sent`: bytes of the request may have left, so that it may have been heeded."""

    fault: Fault
    sent: bool = False


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host, by the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """A connection to an address; nothing is looked up. Raises OSError."""
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect((address, port))
    except BaseException:
        connection.close()
        raise
    return connection


class _Failed(Exception):
    """Ends a request from within."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


@cache
def _trusting() -> ssl.SSLContext:
    """Whom this machine trusts. Read once a process: it takes a twentieth of a second."""
    return ssl.create_default_context()


def _split(url: str) -> Target:
    """Where a URL leads. Raises `_Failed`."""
    target = split(url)
    if target is None:
        raise _Failed(Fault.BAD_URL)
    return target


class Outbound:
    """The guarded way out. May be used by many threads at once; blocks for `timeout` seconds at the most.

    `admitted` are networks of the operator's own that may be reached all the same, on any port and without TLS. `every_port`: sessions may
    reach every port.
    """

    def __init__(
        self,
        settings: OutboundSettings,
        *,
        resolve: Resolve = look_up,
        connect: Connect = connect,
        context: ssl.SSLContext | None = None,
        admitted: Networks = (),
        every_port: bool = False,
    ) -> None:
        self._every_port = every_port or settings.allow_private
        self._settings = settings
        self._admitted = admitted
        self._resolve = resolve
        self._connect = connect
        self._context = context or _trusting()

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, seconds: float | None = None
    ) -> Answer | NoAnswer:
        """Ask for what is at `url`. `seconds`: fewer than the settings allow."""
        return self._request("GET", url, None, dict(headers or {}), seconds)

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json_: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Answer | NoAnswer:
        """Send a form, or JSON, or bytes as they are. `seconds`: fewer than the settings allow."""
        sent = dict(headers or {})
        if form is not None:
            body = urlencode(form).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif body is None:
            body = json.dumps(json_, ensure_ascii=False, separators=(",", ":")).encode()
            sent.setdefault("Content-Type", "application/json")
        return self._request("POST", url, body, sent, seconds)

    def allows(self, url: str) -> bool:
        """Whether a URL looks like one that may be asked; for URLs that a browser is sent to, or that wait to be used."""
        target = split(url)
        if target is None or not self._settings.admits_port(target.port):
            return False
        return target.secure or self._settings.allow_private

    @property
    def settings(self) -> OutboundSettings:
        """How far requests may go."""
        return self._settings

    @property
    def context(self) -> ssl.SSLContext:
        """Whom it trusts."""
        return self._context

    def may_ask(self, target: Target) -> Fault | None:
        """What speaks against where a URL leads, as far as can be told before its host is looked up."""
        if not target.secure and not self._settings.allow_private and not self._admitted:
            return Fault.NOT_HTTPS
        return None

    def addresses(self, host: str, port: int, secure: bool = True) -> list[str] | NoAnswer:
        """The addresses of a host, every one checked, to be connected to as they are. Blocks as long as a look-up takes."""
        try:
            return list(self._target(Target(secure, host, port, "/", ()), self._deadline(None)).addresses)
        except _Failed as failed:
            return NoAnswer(failed.fault)

    def session_addresses(self, host: str, port: int) -> list[str] | NoAnswer:
        """The addresses of a host to which a session may be held, every one checked. Blocks as long as a look-up takes."""
        if not self._every_port and str(port) not in self._settings.session_ports.split():
            return NoAnswer(Fault.PORT)
        try:
            addresses = self._addresses(Target(False, host, port, "/", ()), self._deadline(None))
        except _Failed as failed:
            return NoAnswer(failed.fault)
        if not all(within(a, self._admitted) or self._admits(a) for a in addresses):
            return NoAnswer(Fault.INTERNAL)
        return [str(address) for address in addresses]

    def target(self, url: str, seconds: float | None = None) -> Target | NoAnswer:
        """Where a URL leads, with addresses that were checked; to be connected to as they are."""
        try:
            return self._target(_split(url), self._deadline(seconds))
        except _Failed as failed:
            return NoAnswer(failed.fault)

    def _deadline(self, seconds: float | None) -> Deadline:
        return Deadline(min(self._settings.timeout, seconds or self._settings.timeout))

    def _target(self, target: Target, deadline: Deadline) -> Target:
        if fault := self.may_ask(target):
            raise _Failed(fault)
        addresses = self._addresses(target, deadline)
        is_own = all(within(address, self._admitted) for address in addresses)
        # one bad address spoils the name: what is honest has none
        if not is_own and not all(self._admits(address) for address in addresses):
            raise _Failed(Fault.INTERNAL)
        if not is_own and not target.secure and not self._settings.allow_private:
            raise _Failed(Fault.NOT_HTTPS)
        if not is_own and not self._settings.admits_port(target.port):
            raise _Failed(Fault.PORT)
        return replace(target, addresses=tuple(map(str, addresses)))

    def _addresses(self, target: Target, deadline: Deadline) -> list[IPAddress]:
        """Look a host up, in a thread of its own: the system's resolver knows no time limit, and whose server is slow chooses the name."""
        with contextlib.suppress(ValueError):  # an address is nobody's to look up
            return [ipaddress.ip_address(target.host)]
        found: Future[Sequence[str]] = Future()

        def ask() -> None:
            try:
                found.set_result(self._resolve(target.host, target.port))
            except Exception as error:
                found.set_exception(error)

        threading.Thread(target=ask, name="outbound-look-up", daemon=True).start()
        try:
            addresses = [ipaddress.ip_address(address) for address in found.result(deadline.left())]
        except TimeoutError:
            raise _Failed(Fault.TOO_SLOW) from None
        except (OSError, ValueError):
            raise _Failed(Fault.UNKNOWN_HOST) from None
        if not addresses:
            raise _Failed(Fault.UNKNOWN_HOST)
        return addresses

    def _admits(self, address: IPAddress) -> bool:
        if within(address, self._settings.refused) or within(unwrapped(address), self._settings.refused):
            return False
        return is_public(address) or (self._settings.allow_private and within(address, PRIVATE))

    def _request(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], seconds: float | None
    ) -> Answer | NoAnswer:
        deadline = self._deadline(seconds)
        try:
            target = self._target(_split(url), deadline)
            connection = self._open(target, deadline)
        except _Failed as failed:
            return NoAnswer(failed.fault)
        except TimeoutError:
            return NoAnswer(Fault.TOO_SLOW)
        headers |= {"Host": target.authority, "Connection": "close", "Accept-Encoding": "identity"}
        headers.setdefault("User-Agent", "messa")
        with connection:
            try:
                return self._exchange(connection, deadline, target, (method, body, headers))
            except _Failed as failed:
                return NoAnswer(failed.fault, sent=True)
            except TooMuch:
                return NoAnswer(Fault.TOO_LARGE, sent=True)
            except TimeoutError:
                return NoAnswer(Fault.TOO_SLOW, sent=True)
            except (OSError, http.client.HTTPException):
                return NoAnswer(Fault.BROKEN, sent=True)

    def _open(self, target: Target, deadline: Deadline) -> socket.socket:
        """Connect to the first checked address that answers, each with its share of the time."""
        addresses = target.addresses[:MAX_TRIES]
        for tried, address in enumerate(addresses):
            try:
                connection = self._connect(address, target.port, deadline.left() / (len(addresses) - tried))
            except OSError:
                continue
            return self._secured(connection, target, deadline) if target.secure else connection
        deadline.left()
        raise _Failed(Fault.UNREACHABLE)

    def _secured(self, connection: socket.socket, target: Target, deadline: Deadline) -> socket.socket:
        """TLS for the name that was asked for, whichever address it has."""
        try:
            connection.settimeout(deadline.left())
            return self._context.wrap_socket(connection, server_hostname=target.host)
        except ssl.SSLCertVerificationError:
            fault = Fault.BAD_CERTIFICATE
        except TimeoutError:
            fault = Fault.TOO_SLOW
        except OSError:
            fault = Fault.UNREACHABLE
        connection.close()
        raise _Failed(fault)

    def _exchange(
        self,
        connection: socket.socket,
        deadline: Deadline,
        target: Target,
        message: tuple[str, bytes | None, dict[str, str]],
    ) -> Answer:
        max_bytes = self._settings.max_bytes
        method, body, headers = message
        client = http.client.HTTPConnection(target.host, target.port)
        client.sock = Stream(connection, deadline, max_bytes + HEADER_ROOM)
        client.request(method, target.path, body, headers)
        with client.getresponse() as response:
            if 300 <= response.status < 400:
                raise _Failed(Fault.REDIRECT)
            content = response.read(max_bytes + 1)
            if len(content) > max_bytes:
                raise _Failed(Fault.TOO_LARGE)
            if response.length:  # less came than was announced
                raise _Failed(Fault.BROKEN)
            return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, content)
