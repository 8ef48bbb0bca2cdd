"""The mail sink: every mail that the platform sends ends here, and is shown as a person would read it."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from email.utils import parseaddr
from typing import Final, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from messa_platform.core.clock import Clock
from messa_platform.providers.simulator.network import Network
from messa_platform.providers.simulator.records import Mail

MAX_MAIL_BYTES: Final = 10 * 1024 * 1024

_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")


class Mailbox:
    """Takes mails over SMTP, SMTPUTF8 included. No sign-in and no TLS: it listens on loopback."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._network = network
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._sinks: set[_Sink] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections on a listening socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Sink(self, self._sinks, loop), sock=listener)

    async def close(self) -> None:
        """Stop listening and let go of every connection."""
        if self._server is not None:
            self._server.close()
        for sink in list(self._sinks):
            sink.hang_up()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keep a mail; called by aiosmtpd."""
        number, at = self._network.store.next_number(), self._clock.now().timestamp()
        recipients = tuple(str(recipient) for recipient in envelope.rcpt_tos)
        self._network.deliver(read_mail(number, at, recipients, cast(bytes, envelope.content)))
        return "250 2.0.0 Kept"


class _Sink(SMTP):
    """One SMTP connection, known to the mailbox as long as it is open."""

    def __init__(self, mailbox: Mailbox, known: set[_Sink], loop: asyncio.AbstractEventLoop) -> None:
        # A hostname is given, since aiosmtpd would ask the resolver for one.
        super().__init__(
            mailbox,
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="simulator.messa.example",
            ident="messa simulator",
            loop=loop,
        )
        self._known = known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._known.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._known.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()


def read_mail(n: int, at: float, recipients: tuple[str, ...], raw: bytes) -> Mail:
    """A mail as people read it. What is broken in it is shown as well as it goes; nothing is raised."""
    message = message_from_bytes(raw, policy=default_policy)
    headers = {name: _header(name, value) for name, value in message.raw_items()}
    by_name = {name.lower(): value for name, value in headers.items()}
    return Mail(
        n=n,
        at=at,
        sender=parseaddr(by_name.get("from", ""))[1],
        recipients=recipients,
        subject=by_name.get("subject", ""),
        text=_text(message),
        headers=headers,
    )


def _header(name: str, raw: object) -> str:
    # Raw UTF-8 (SMTPUTF8) was read as ASCII with escapes; a parsed header would show question marks.
    value = _FOLD.sub("", str(raw)).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _readable(lambda: str(default_policy.header_factory(name, value)), value)


def _text(message: EmailMessage) -> str:
    part = _body(message)
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    charset = _readable(lambda: str(part.get_content_charset("utf-8")), "utf-8")
    text = _readable(lambda: raw.decode(charset, "replace"), raw.decode("utf-8", "replace"))
    return text.replace("\r\n", "\n").removesuffix("\n")


def _body(message: EmailMessage) -> EmailMessage | None:
    for part in message.walk():
        if part.get_content_type() == "text/plain" and not part.is_attachment():
            return part
    return None


def _readable(read: Callable[[], str], otherwise: str) -> str:
    # The email package raises whatever comes up where a mail is broken enough; here it is to be looked at.
    try:
        return read()
    except Exception:
        return otherwise
