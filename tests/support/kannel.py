"""Kannel, a gateway of others in C, from Debian: `sendsms` in front, an SMSC behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import HOST, Child, ask, free_port, listens, program

USER, PASSWORD = "messa", "secret-8"

# What is not said here is as Kannel has it, but for its pause before it connects again.
SETTINGS = """
group = core
admin-port = {admin}
admin-interface = {host}
admin-password = {password}
smsbox-port = {inner}
smsbox-interface = {host}
dlr-storage = internal
{store}

group = smsc
smsc = smpp
smsc-id = sink
host = {host}
port = {sink}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
address-range = ""
reconnect-delay = 1
instances = {connectors}
max-pending-submits = {window}

group = smsbox
bearerbox-host = {host}
sendsms-port = {http}
sendsms-interface = {host}

group = sendsms-user
username = {user}
password = {password}
"""


@dataclass
class Kannel:
    """A running Kannel."""

    http_port: int
    """Of `/cgi-bin/sendsms`."""
    user: str
    password: str
    directory: Path
    children: list[Child]
    """Its processes."""


@contextlib.contextmanager
def running_kannel(
    sink_port: int, directory: Path, *, spool: bool, connectors: int = 1, window: int = 10
) -> Iterator[Kannel]:
    """A Kannel that sends all that comes to the SMSC at `sink_port`, over so many sessions, each with `window` texts on their way.

    With `spool` each text is in a file of its own until the SMSC has it; without, texts end with the process. `directory` is an empty folder.
    A window of 10 is what it has by itself.
    """
    commands = [program(name, "kannel") for name in ("bearerbox", "smsbox")]
    ports = {name: free_port() for name in ("admin", "inner", "http")}
    (directory / "spool").mkdir()
    settings = directory / "kannel.conf"
    settings.write_text(
        SETTINGS.format(
            **ports,
            **{"host": HOST, "sink": sink_port, "user": USER, "password": PASSWORD},
            **{"connectors": connectors, "window": window},
            store=f"store-type = spool\nstore-location = {directory / 'spool'}" if spool else "",
        )
    )
    kannel = Kannel(ports["http"], USER, PASSWORD, directory, [])

    def is_online() -> bool:
        status = ask(ports["admin"], "GET", f"/status.txt?password={PASSWORD}", None).body.decode()
        return status.count("(online") == connectors and "smsbox:" in status

    try:
        for command in commands:
            # of itself it says a dozen lines about each text
            log = directory / f"{Path(command).name}.log"
            kannel.children.append(Child([command, "-v", "1", str(settings)], log))
            kannel.children[-1].until(lambda: listens(ports["inner"]))
        kannel.children[-1].until(lambda: listens(ports["http"]) and is_online())
        yield kannel
    finally:
        for child in reversed(kannel.children):
            child.kill()
