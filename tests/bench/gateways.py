"""Gateways of others, HTTP to SMPP to the sink: Jasmin, and Kannel with its spool and without a store.

Texts are counted as they arrive at the sink, without receipts. Whoever wants to know how messa compares measures it in the same run, at the
same sink: figures of other runs tell what else the machine did. `python -m tests.bench.gateways` measures them alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform as machine
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import psutil

from tests.support.jasmin import Jasmin, running_jasmin
from tests.support.kannel import Kannel, running_kannel
from tests.support.processes import REPOSITORY, wait_for
from tests.support.sink import Sink, running_sink
from tests.support.sink_receipts import Options, ReceiptForm

CONNECTIONS = 32
WINDOW = 100
"""Kannel's texts on their way; its own 10 would hold it up where the machine is busy. Jasmin has one for each of its sessions."""

FIRST_NUMBER = 46701700000
TEXT = "Hej! Du har en kallelse till torsdag kl 13.15 i sal Eken."

Running = contextlib.AbstractContextManager[Jasmin | Kannel]


@dataclass(frozen=True)
class Gateway:
    """One of them, in one of the ways in which it can be set up."""

    name: str
    start: Callable[[int, Path], Running]
    path: str
    """Of its HTTP."""
    text_field: str
    accepted: int
    """The HTTP status of its consent."""
    share: float
    """How many of the texts it gets, so that it is at work for some seconds as the others are."""


GATEWAYS = (
    Gateway("Jasmin", running_jasmin, "/send", "content", 200, 0.15),
    Gateway(
        "Kannel, spool",
        partial(running_kannel, spool=True, window=WINDOW),
        "/cgi-bin/sendsms",
        "text",
        202,
        0.6,
    ),
    Gateway(
        "Kannel, no store",
        partial(running_kannel, spool=False, window=WINDOW),
        "/cgi-bin/sendsms",
        "text",
        202,
        1.0,
    ),
)


@dataclass(frozen=True)
class Figure:
    """What was measured of a gateway."""

    rate: float
    """Texts a second, from the first request until the last text was at the sink."""
    own: float
    """Processor seconds a text, of its own processes."""
    whole: float
    """The same, with the brokers that it needs."""


def measure(gateway: Gateway, directory: Path, texts: int, latency: float = 0.0) -> Figure:
    """Start a sink and a gateway, send `texts` texts through after a tenth as many to warm up, and end both. `directory` is an empty folder.

    The sink answers after `latency` seconds.
    """
    options = Options(latency=latency, receipts=ReceiptForm.NONE)
    with running_sink(directory, options) as sink:
        before = _descendants()
        with gateway.start(sink.port, directory) as running:
            _send(gateway, running, sink, texts // 10)
            own = [psutil.Process(child.process.pid) for child in running.children]
            whole = [each for each in _descendants() if each not in before]
            spent = _seconds(own), _seconds(whole)
            took = _send(gateway, running, sink, texts)
            return Figure(
                texts / took, (_seconds(own) - spent[0]) / texts, (_seconds(whole) - spent[1]) / texts
            )


def _descendants() -> list[psutil.Process]:
    return list(psutil.Process().children(recursive=True))


def _seconds(processes: Sequence[psutil.Process]) -> float:
    """Of the processors, that they have spent."""
    return sum(sum(each.cpu_times()[:2]) for each in processes)


def _send(gateway: Gateway, running: Jasmin | Kannel, sink: Sink, texts: int) -> float:
    """Seconds from the first request until the last text was at the sink."""
    known = sink.statistics()["taken"]
    query = {
        "username": running.user,
        "password": running.password,
        "from": "Messa",
        gateway.text_field: TEXT,
        "to": "",
    }
    arguments = [
        running.http_port,
        f"{gateway.path}?{urlencode(query)}",
        gateway.accepted,
        CONNECTIONS,
        texts,
    ]
    command = [sys.executable, "-m", "tests.bench.gateway_load", *map(str, arguments), str(FIRST_NUMBER)]
    begun = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY).stdout
    wait_for(lambda: sink.statistics()["taken"] >= known + texts, 120, f"{texts} texts at the sink")
    taken = sink.journal()[known:]
    assert len({each.message.destination for each in taken}) == len(taken) == texts
    return max(each.at for each in taken) - float(begun)


def report(rounds: int, texts: int) -> dict[str, list[Figure]]:
    """Measure each in turns, and print ratios to the first before every figure; gives the figures."""
    figures: dict[str, list[Figure]] = {gateway.name: [] for gateway in GATEWAYS}
    for _ in range(rounds):  # in turns, so that whatever else the machine does meets all of them
        for gateway in GATEWAYS:
            with tempfile.TemporaryDirectory() as place:
                figures[gateway.name].append(measure(gateway, Path(place), int(texts * gateway.share)))
    print(
        f"{machine.machine()}, {os.cpu_count()} cores; gateways of others, HTTP to SMPP to the sink, {CONNECTIONS} connections"
    )
    first = statistics.median(each.rate for each in figures[GATEWAYS[0].name])
    for name, measured in figures.items():
        median = statistics.median(each.rate for each in measured)
        own, whole = (
            statistics.median(getattr(each, kind) for each in measured) for kind in ("own", "whole")
        )
        print(
            f"  {median / first:6.2f} of {GATEWAYS[0].name}  {median:6.0f} texts a second"
            f"  {own * 1e3:6.2f} ms of processor a text, {whole * 1e3:6.2f} with its brokers  {name}"
            f"   ({', '.join(f'{each.rate:.0f}' for each in measured)})"
        )
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Texts a second through gateways of others.")
    parser.add_argument("--texts", type=int, default=10_000, help="to the quickest of them (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (%(default)s)")
    chosen = parser.parse_args()
    report(chosen.rounds, chosen.texts)


if __name__ == "__main__":
    main()
