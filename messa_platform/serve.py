"""The servers of a process: web, SMTP, workers and sweeper, in one (`messa serve`) or each apart."""

from __future__ import annotations

import ipaddress
import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any

from dramatiq import Worker

from messa_platform.application import make_wsgi
from messa_platform.core.logs import logger
from messa_platform.core.site import BrokerSettings, SiteSettings, WebSettings
from messa_platform.core.web_server import WebServer
from messa_platform.mail.committer import Committer
from messa_platform.mail.gatekeeper import Gatekeeper
from messa_platform.mail.intake import READ_ACTOR
from messa_platform.mail.server import Handler, SmtpServer
from messa_platform.mail.settings import SmtpSettings
from messa_platform.providers import callbacks
from messa_platform.runtime import CannotStart, Runtime

log = logger(__name__)

MOST_BODY_BYTES = 20 * 2**20
"""A request's body at the most; waitress would take a gigabyte."""

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

Stopped = threading.Event


def stop_signal() -> Stopped:
    """An event that SIGTERM or SIGINT sets."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopped


def start_smtp(runtime: Runtime, stack: ExitStack) -> SmtpServer:
    """Listen for mail. Raises `CannotStart` if the address is taken."""
    settings, site = runtime.settings[SmtpSettings], runtime.settings[SiteSettings]
    trusted = settings.trusted_relays + (_LOOPBACK if site.demo else ())
    # Until senders are verified (SPF, DKIM, DMARC), whoever may hand mail over may send at others' cost.
    log.warning(
        "senders_not_verified",
        says="Mail is taken only from these relays, and what they hand over is believed.",
        relays=[str(network) for network in trusted],
    )
    gatekeeper = Gatekeeper(runtime.database, site.mail_domain, trusted)
    committer = Committer(runtime.database.engine, lambda: runtime.waker.wake(READ_ACTOR))
    stack.callback(committer.close)
    handler = Handler(gatekeeper, committer, runtime.clock, settings)
    try:
        server = SmtpServer(handler, settings, settings.hostname or site.mail_domain)
    except OSError as error:
        raise CannotStart(f"smtp.tls_certificate, smtp.tls_key: cannot be used: {error}") from error
    stack.callback(server.close)
    try:
        server.start()
    except OSError as error:
        raise _cannot_listen("smtp", settings.host, settings.port, error) from error
    runtime.checks["smtp"] = lambda: None if server.listening else "the SMTP server does not listen"
    log.info("smtp_listens", host=server.address[0], port=server.address[1])
    return server


def _cannot_listen(section: str, host: str, port: int, error: OSError) -> CannotStart:
    # asyncio and the resolver have words of their own for what the system says
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return CannotStart(f"{section}.port: cannot listen on {host}:{port}: {why}")


def start_workers(runtime: Runtime, stack: ExitStack) -> Worker:
    """Work off the actors' queues in threads of this process."""
    # an embedded broker's process is never forked by dramatiq, which otherwise says this; without it time limits never fire
    runtime.broker.emit_after("process_boot")
    worker = Worker(
        runtime.broker, worker_threads=runtime.settings[BrokerSettings].threads, worker_timeout=100
    )
    worker.start()

    def stop() -> None:
        runtime.stopping.set()  # nothing new is begun; what is in flight is waited for
        worker.stop(20_000)

    stack.callback(stop)
    return worker


def proxy_adjustments(settings: WebSettings) -> dict[str, Any]:
    """waitress's settings for a reverse proxy: what the one that is named says of a client is believed, what anybody else says is not."""
    if not settings.trusted_proxy:
        return {"clear_untrusted_proxy_headers": True}
    return {
        "clear_untrusted_proxy_headers": True,
        "trusted_proxy": settings.trusted_proxy,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
    }


def start_web(runtime: Runtime, stack: ExitStack) -> None:
    """Answer HTTP. Raises `CannotStart` if the address is taken."""
    settings = runtime.settings[WebSettings]
    runtime.listener.start()
    try:
        server = WebServer(
            make_wsgi(runtime),
            settings.host,
            settings.port,
            settings.threads,
            {callbacks.PREFIX: callbacks.MOST_BYTES},
            ident="messa",
            max_request_body_size=MOST_BODY_BYTES,
            **proxy_adjustments(settings),
        )
    except OSError as error:
        raise _cannot_listen("web", settings.host, settings.port, error) from error
    stack.callback(server.close)
    server.start()
    log.info("web_listens", host=settings.host, port=settings.port)


def start_sweeper(runtime: Runtime) -> None:
    """Sweep once, so that what a former process left is taken up at once, then go on."""
    runtime.sweeper.sweep()
    runtime.sweeper.start()


def start_connector(runtime: Runtime, stack: ExitStack) -> None:
    """Hold the sessions of channels that have such."""
    runtime.listener.start()
    stack.callback(
        runtime.stopping.set
    )  # nothing new is begun; what is in flight is waited for, as the runtime is closed
    runtime.connector.start()


def serve(runtime: Runtime, stopped: Stopped, ready: Callable[[], None] = lambda: None) -> None:
    """Everything in one process, until it is told to stop; what is under way is finished."""
    with ExitStack() as stack:
        # before anybody looks for who holds a channel: where nobody does, its texts go another way
        start_connector(runtime, stack)
        start_workers(runtime, stack)
        start_sweeper(runtime)
        start_smtp(runtime, stack)
        start_web(runtime, stack)
        ready()
        stopped.wait()
        log.info("stopping")
