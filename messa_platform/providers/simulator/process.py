"""The simulator's process: opens the journal and the doors, and closes them again when told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Final

from aiohttp import web

from messa_platform.core.clock import SystemClock
from messa_platform.providers.simulator.callbacks import Callbacks, Target
from messa_platform.providers.simulator.config import SimulatorConfig
from messa_platform.providers.simulator.gateway import Gateway
from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.mailbox import Mailbox
from messa_platform.providers.simulator.network import Network, restore
from messa_platform.providers.simulator.smpp_door import Deliveries, SmppDoor
from messa_platform.providers.simulator.store import Store
from messa_platform.providers.simulator.web import Web

ADDRESSES_FILE: Final = "addresses.json"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running simulator listens, and its process id."""

    host: str
    http_port: int
    gateway_port: int
    smtp_port: int
    smpp_port: int
    pid: int

    @property
    def http(self) -> str:
        """Where HTTP is spoken, without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.http_port}"

    def as_json(self) -> dict[str, Any]:
        """As `addresses.json` has it."""
        return {
            "http": self.http,
            "host": self.host,
            "http_port": self.http_port,
            "gateway_port": self.gateway_port,
            "smtp_port": self.smtp_port,
            "smpp_port": self.smpp_port,
            "pid": self.pid,
        }


def run(config: SimulatorConfig) -> None:
    """Run a simulator until SIGTERM or SIGINT. Raises `OSError` if an address is taken, `JournalDamaged`."""
    asyncio.run(_run(config))


async def _run(config: SimulatorConfig) -> None:
    stop = asyncio.Event()
    with _stopped_by_signals(stop):
        async with serving(config) as addresses:
            gateway, smtp, smpp = addresses.gateway_port, addresses.smtp_port, addresses.smpp_port
            sys.stdout.write(
                f"simulator: {addresses.http}/simulator, gateway port {gateway}, smtp port {smtp}, smpp port {smpp}\n"
            )
            sys.stdout.flush()
            await stop.wait()


@contextlib.asynccontextmanager
async def serving(config: SimulatorConfig) -> AsyncIterator[Addresses]:
    """A running simulator for the length of the block.

    Raises as `run` does; the block is cancelled if the journal fails.
    """
    async with contextlib.AsyncExitStack() as stack:
        # The addresses come first: a second simulator on them must not touch the first one's journal.
        ports = (config.http_port, config.gateway_port, config.smtp_port, config.smpp_port)
        http, gateway_door, smtp, smpp = (
            stack.enter_context(_listening(config.host, port)) for port in ports
        )
        addresses_file = config.journal / ADDRESSES_FILE
        addresses_file.unlink(missing_ok=True)
        journal = Journal.open(config.journal)
        stack.callback(journal.close)
        clock = SystemClock()
        store = Store(journal, config.keep_texts)
        callbacks = Callbacks(Target(config.callback_url, config.secret), journal, clock, store.reference)
        deliveries = Deliveries(journal, clock, store.reference)
        restore(journal, store, callbacks, deliveries)
        random = Random(config.seed)  # noqa: S311 whom a fault strikes is no secret
        network = Network(journal, store, callbacks, clock, random, config.conditions, deliveries)
        jobs = callbacks.run(), deliveries.run(), journal.keep_synced(config.sync_ms)
        await stack.enter_async_context(_working(*jobs))
        await _serve_web(stack, Web(network, callbacks), http)
        gateway, mailbox = Gateway(network, callbacks, clock, config.secret), Mailbox(network, clock)
        stack.push_async_callback(gateway.close)
        stack.push_async_callback(mailbox.close)
        await gateway.serve(gateway_door)
        await mailbox.serve(smtp)
        centre = SmppDoor(network, deliveries, config.smpp_password)
        stack.push_async_callback(centre.close)
        await centre.serve(smpp)
        addresses = Addresses(
            config.host, _port(http), _port(gateway_door), _port(smtp), _port(smpp), os.getpid()
        )
        _write_whole(addresses_file, json.dumps(addresses.as_json()))
        stack.callback(addresses_file.unlink, missing_ok=True)
        yield addresses


async def _serve_web(stack: contextlib.AsyncExitStack, pages: Web, listener: socket.socket) -> None:
    runner = web.AppRunner(pages.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()


@contextlib.asynccontextmanager
async def _working(*jobs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run endless jobs beside the block; one that fails ends the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket: who connects while the journal is read waits, rather than being refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=512) as listener:
        listener.setblocking(False)
        yield listener


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


@contextlib.contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` at SIGTERM and SIGINT.

    By `signal.signal`: the loop's own handlers do not exist on Windows.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    former = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
