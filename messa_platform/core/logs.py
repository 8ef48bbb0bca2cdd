"""Structured logs: one JSON object a line, or readable lines for a terminal.

What may be logged: ids, counts, addresses of machines, states and codes. Never: a message's text, a secret, a raw mail. The ids `mail`,
`message` and `request` follow one message from SMTP to receipt.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_FORBIDDEN = frozenset(
    {"text", "body", "raw", "password", "secret", "token", "api_user", "subject", "sms_text"}
)


def _refuse_contents(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A second lock: whoever logs a message's text or a secret by mistake logs its length only."""
    for name in _FORBIDDEN & event.keys():
        event[name] = f"<{len(str(event[name]))} characters>"
    return event


def _bare_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """An exception as its class and where it came from. Not its words, nor any value: PostgreSQL quotes whole rows in its own."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["exception"] = type(error).__qualname__
        event["where"] = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames[-12:]]
    return event


def configure(*, json: bool, level: str = "INFO") -> None:
    """Set up structlog and the standard library's logging for this process, onto standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _bare_traceback,
        _refuse_contents,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # aiosmtpd and waitress tell of each connection; dramatiq of each message
    for noisy in ("mail.log", "waitress.queue", "dramatiq", "pika", "asyncio", "aiohttp.access"):
        logging.getLogger(noisy).setLevel("WARNING")
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    return structlog.stdlib.get_logger(name)
