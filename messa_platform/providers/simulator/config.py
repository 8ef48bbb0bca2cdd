"""What the simulator is started with, and its command line."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.conditions import Conditions
from messa_platform.providers.simulator.store import KEEP_TEXTS

DEFAULT_HTTP_PORT: Final = 6544
DEFAULT_SMTP_PORT: Final = 2526
DEFAULT_CALLBACK_URL: Final = "http://127.0.0.1:6543/providers/simulator"
DEFAULT_SECRET: Final = "messa-simulator-on-this-machine"  # noqa: S105 it protects a make-believe network on loopback
DEFAULT_SMPP_PASSWORD: Final = "messasms"  # noqa: S105 SMPP has no longer ones
SECRET_VARIABLE: Final = "MESSA_SIMULATOR_SECRET"  # noqa: S105 a variable's name


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """All that a simulator needs to know.

    A port of 0 takes a free one; `addresses.json` in `journal` then has it.

    `journal` is a directory, made if need be. `callback_url` is the platform's `/providers/<channel>`.
    `sync_ms` is how often the journal is brought to the disk, `keep_texts` how many texts the memory holds,
    `seed` makes the faults repeatable.
    """

    journal: Path
    host: str = wire.DEFAULT_HOST
    http_port: int = DEFAULT_HTTP_PORT
    gateway_port: int = wire.DEFAULT_GATEWAY_PORT
    smtp_port: int = DEFAULT_SMTP_PORT
    smpp_port: int = wire.DEFAULT_SMPP_PORT
    smpp_password: str = field(default=DEFAULT_SMPP_PASSWORD, repr=False)
    callback_url: str = DEFAULT_CALLBACK_URL
    secret: str = field(default=DEFAULT_SECRET, repr=False)
    conditions: Conditions = field(default_factory=Conditions)
    sync_ms: int = 250
    keep_texts: int = KEEP_TEXTS
    seed: int = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Put the simulator's arguments on `parser`; `config_of` reads them back."""
    usual = Conditions()
    parser.add_argument(
        "--journal", type=Path, required=True, metavar="DIR", help="where the network's memory lies"
    )
    parser.add_argument("--host", default=wire.DEFAULT_HOST, help="address to listen on (%(default)s)")
    ports = (
        ("http", DEFAULT_HTTP_PORT),
        ("gateway", wire.DEFAULT_GATEWAY_PORT),
        ("smtp", DEFAULT_SMTP_PORT),
        ("smpp", wire.DEFAULT_SMPP_PORT),
    )
    for name, port in ports:
        text = "%(default)s; 0 takes a free one"
        parser.add_argument(f"--{name}-port", type=_whole, default=port, metavar="PORT", help=text)
    parser.add_argument(
        "--callback-url", default=DEFAULT_CALLBACK_URL, help="the platform's channel (%(default)s)"
    )
    parser.add_argument(
        "--secret",
        default=os.environ.get(SECRET_VARIABLE, DEFAULT_SECRET),
        help=f"signs callbacks, and lets the platform in; better given as {SECRET_VARIABLE}",
    )
    times = (
        ("latency", usual.latency_ms, "until a submit is answered"),
        ("delivery", usual.delivery_ms, "until a text is delivered"),
        ("buffered", usual.buffered_ms, "that a buffered text waits"),
        ("late", usual.late_ms, "until a late receipt"),
    )
    for name, ms, text in times:
        parser.add_argument(
            f"--{name}-ms", type=_whole, default=ms, metavar="MS", help=f"{text} (%(default)s)"
        )
    parser.add_argument(
        "--sync-ms", type=_whole, default=250, metavar="MS", help="between fsyncs (%(default)s)"
    )
    parser.add_argument("--keep-texts", type=_whole, default=KEEP_TEXTS, help="texts in memory (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for whom a fault strikes (%(default)s)")


def config_of(arguments: argparse.Namespace) -> SimulatorConfig:
    """The configuration that a command line gives."""
    return SimulatorConfig(
        journal=arguments.journal,
        host=arguments.host,
        http_port=arguments.http_port,
        gateway_port=arguments.gateway_port,
        smtp_port=arguments.smtp_port,
        smpp_port=arguments.smpp_port,
        callback_url=arguments.callback_url,
        secret=arguments.secret,
        conditions=Conditions(
            latency_ms=arguments.latency_ms,
            delivery_ms=arguments.delivery_ms,
            buffered_ms=arguments.buffered_ms,
            late_ms=arguments.late_ms,
        ),
        sync_ms=max(1, arguments.sync_ms),
        keep_texts=max(1, arguments.keep_texts),
        seed=arguments.seed,
    )


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number
