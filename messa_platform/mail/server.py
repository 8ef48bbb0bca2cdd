"""Mail in over SMTP: what is answered 250 is on disk (spec M6)."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

from messa_platform.core.clock import Clock
from messa_platform.core.logs import logger
from messa_platform.mail.committer import Arrived, Committer
from messa_platform.mail.gatekeeper import Gatekeeper
from messa_platform.mail.settings import SmtpSettings

log = logger(__name__)

STOP_PATIENCE = 10.0
"""Seconds that the mails under way have at the end."""


# <local@domain>, both of plain atoms (RFC 5321, 4.1.2), and what follows: nearly every address there is.
_PLAIN_PATH = re.compile(r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+)>(?: +(.*))?", re.ASCII)


class Door(SMTP):
    """aiosmtpd's SMTP with room for the long lines that real mail programs send (RFC 5321 allows 998, few keep to it)."""

    line_length_limit = 2**20
    client: str | None = None
    """Whom a load balancer speaks for. aiosmtpd keeps it in the session, which STARTTLS begins anew."""

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address of a MAIL or RCPT command, and its parameters.

        aiosmtpd asks the standard library's header parser, which takes two fifths of all its time for a mail; it is asked
        here only for what is not plain.
        """
        plain = _PLAIN_PATH.fullmatch(arg.strip())
        if plain is None or ".." in plain[1] or plain[1][0] == "." or ".@" in plain[1]:
            parsed: tuple[str | None, str | None] = super()._getaddr(arg)
            return parsed
        return plain[1], plain[2] or ""


class Handler:
    """aiosmtpd's hooks: each answers with a line, or leaves the answer to aiosmtpd."""

    def __init__(
        self, gatekeeper: Gatekeeper, committer: Committer, clock: Clock, settings: SmtpSettings
    ) -> None:
        self._gatekeeper = gatekeeper
        self._committer = committer
        self._clock = clock
        self._settings = settings
        self._look_ups = ThreadPoolExecutor(4, thread_name_prefix="smtp-look-up")
        self.storing = 0
        """Mails that wait for their 250."""

    async def handle_PROXY(self, server: SMTP, session: Session, envelope: Envelope, proxy_data: Any) -> bool:
        """A load balancer tells whom it speaks for; only one that is listed is believed, for this decides who may hand mail over."""
        if not proxy_data.valid or not any(_address(session.peer) in n for n in self._settings.proxies):
            return False
        assert isinstance(server, Door)
        server.client = str(proxy_data.src_addr)
        return True

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self._gatekeeper.refuse_peer(_peer(server, session))
        if refusal:
            return refusal.answer
        if not address.isprintable():
            return "553 5.1.7 The sender's address has characters that no address can have"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= self._settings.max_recipients:
            return f"452 4.5.3 More than {self._settings.max_recipients} recipients; send the rest in another mail"
        sender = _sender(envelope)
        known = self._gatekeeper.cached(sender)
        if known is None:
            try:
                known = await asyncio.get_running_loop().run_in_executor(
                    self._look_ups, self._gatekeeper.look_up, sender
                )
            except Exception as error:
                log.error("look_up_failed", error=type(error).__name__)
                return "451 4.3.0 The address cannot be checked now; try again in a minute"
        refusal = self._gatekeeper.refuse_recipient(address, *known)
        if refusal:
            return refusal.answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = Arrived(
            received_at=self._clock.now(),
            peer=_peer(server, session),
            helo=_printable(session.host_name or "")[:255],
            envelope_sender=_sender(envelope),
            recipients=envelope.rcpt_tos,
            raw=bytes(envelope.original_content or b""),
        )
        self.storing += 1
        try:
            stored = await self._committer.store(mail)
        except Exception:
            return "451 4.3.0 The mail could not be stored; try again in a minute"
        finally:
            self.storing -= 1
        log.info("mail_stored", mail=str(stored), recipients=len(mail.recipients), size=len(mail.raw))
        return f"250 2.0.0 OK {stored}"

    async def handle_exception(self, error: Exception) -> str:
        """What we did not foresee must not cost a mail: aiosmtpd would answer 500, and quote the error."""
        log.exception("smtp_failed", error=type(error).__name__)
        return "451 4.3.0 Something went wrong here; try again in a minute"

    def close(self) -> None:
        """End the look-ups."""
        self._look_ups.shutdown(wait=False, cancel_futures=True)


def _address(peer: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address of a socket's other end."""
    address = ipaddress.ip_address(peer[0])
    return getattr(address, "ipv4_mapped", None) or address


def _peer(server: SMTP, session: Session) -> str:
    """The client's address; behind a proxy what the proxy said at the beginning, which STARTTLS must not make forgotten."""
    behind: str | None = server.client if isinstance(server, Door) else None
    if behind is not None:
        return behind
    return str(session.peer[0]) if isinstance(session.peer, tuple) else ""


def _sender(envelope: Envelope) -> str:
    """The envelope's sender in lower case; the null sender is the empty string."""
    sender = (envelope.mail_from or "").lower()
    return "" if sender == "<>" else sender


def _printable(text: str) -> str:
    """What the other side calls itself, without what a table or a log cannot hold."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)


class SmtpServer:
    """The SMTP server in a thread and event loop of its own. Raises OSError if the certificate cannot be used."""

    def __init__(self, handler: Handler, settings: SmtpSettings, hostname: str) -> None:
        self._tls: ssl.SSLContext | None = None
        if settings.tls_certificate:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(settings.tls_certificate, settings.tls_key)
        self._handler = handler
        self._settings = settings
        self._hostname = hostname
        self._loop = uvloop.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the SMTP server has not been started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def listening(self) -> bool:
        """Whether it takes connections."""
        return self._server is not None and self._server.is_serving()

    def start(self) -> None:
        """Begin to listen. Raises OSError if the address is taken."""
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    async def _listen(self) -> asyncio.Server:
        s = self._settings
        listening = await self._loop.create_server(
            self._protocol(), s.host, s.port, backlog=1024, reuse_address=True
        )
        return cast(asyncio.Server, listening)

    def _protocol(self) -> Callable[[], SMTP]:
        s = self._settings

        def make() -> SMTP:
            return Door(
                self._handler,
                data_size_limit=s.max_bytes,
                enable_SMTPUTF8=True,
                hostname=self._hostname,
                ident="messa",
                tls_context=self._tls,
                timeout=s.timeout,
                proxy_protocol_timeout=10 if s.proxies else None,
                loop=self._loop,
            )

        return make

    def close(self) -> None:
        """Stop listening, answer the mails that wait for it, then end the connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._handler.close()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        patience = self._loop.time() + STOP_PATIENCE
        while self._handler.storing and self._loop.time() < patience:
            await asyncio.sleep(0.01)
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        if connections:
            await asyncio.wait(connections, timeout=STOP_PATIENCE)
        await asyncio.sleep(0)  # the closing of their transports is a step of its own
