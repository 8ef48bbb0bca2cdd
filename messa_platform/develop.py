"""`make run`: the demo as one command. Two processes, the platform and the simulator, started and ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from messa_platform.core.post import RelaySettings
from messa_platform.core.settings import Settings
from messa_platform.core.site import SiteSettings, WebSettings
from messa_platform.demo.people import PASSWORD
from messa_platform.mail.settings import SmtpSettings

PARENT_VARIABLE = "MESSA_END_WITH_PARENT"
"""Set by `run` for its children, whose standard input it holds."""

READY_VARIABLE = "MESSA_TELL_READY"
"""Set by `run` for its child, which then prints addresses and sign-ins once it listens."""

_READY = """
messa is up.

  Portal      http://{web}/
  Simulator   http://{web}/simulator   (the phones it reaches, every mail the platform sent, what the demo's webhooks were told)
  Health      http://{web}/healthz  http://{web}/readyz
  SMTP        {smtp}   (for example: mail from user@demo.example to 0701740605@{domain})

  Sign in     sub@demo.example (Skolan), user@demo.example (member of Master), admin@demo.example (admin of Master),
              admin@other.example (another tenant), operator@messa.example; password of all: {password}

  Send one    swaks --server {smtp} --from user@demo.example --to 0701740605@{domain} --header 'Subject: Hej' --body 'Från e-post till sms'

Ctrl-C ends everything.
"""


def tell_ready(settings: Settings) -> None:
    """Print where everything is, if this process was started by `run`."""
    if os.environ.get(READY_VARIABLE) != "1":
        return
    web, smtp = settings[WebSettings], settings[SmtpSettings]
    sys.stdout.write(
        _READY.format(
            web=f"{web.host}:{web.port}",
            smtp=f"{smtp.host}:{smtp.port}",
            domain=settings[SiteSettings].mail_domain,
            password=PASSWORD,
        )
    )
    sys.stdout.flush()


def _simulator(settings: Settings, here: Path) -> list[str]:
    """The arguments of a simulator that listens where the platform looks for it, and calls it where it listens."""
    web = settings[WebSettings]
    arguments = ["simulator", "--journal", str(here / "var" / "simulator")]
    arguments += ["--callback-url", f"http://{web.host}:{web.port}/providers/simulator"]
    arguments += ["--smtp-port", str(settings[RelaySettings].port)]
    if port := urlsplit(web.simulator_url).port:
        arguments += ["--http-port", str(port)]
    return arguments


def run(settings_file: Path, settings: Settings, simulator: Sequence[str] = ()) -> int:
    """Start the simulator, with more arguments if given, and the platform, wait, and end both; gives the exit code.

    Each child is in a session of its own, so that Ctrl-C reaches this process alone, which then ends them in order:
    the platform first, since what it hands over at the end needs the simulator.
    """
    messa = [sys.executable, "-m", "messa_platform.cli", "--settings", str(settings_file)]
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    # SIGHUP: the terminal was closed (there is none on Windows)
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, stop)
    network = _simulator(settings, settings_file.resolve().parent)
    children = [
        _start([*messa, *network, *simulator], {**os.environ, PARENT_VARIABLE: "1"}),
        _start([*messa, "serve"], {**os.environ, PARENT_VARIABLE: "1", READY_VARIABLE: "1"}),
    ]
    try:
        while not stopping and all(child.poll() is None for child in children):
            time.sleep(0.2)
    finally:
        ended_by_itself = [child.returncode for child in children if child.poll() is not None]
        for child in reversed(children):
            _end(child)
    if stopping:
        sys.stdout.write("messa has ended.\n")
        return 0
    return next((code for code in ended_by_itself if code), 1)


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # the pipe is never written to: it breaks when this process dies, kill -9 included
    return subprocess.Popen(command, start_new_session=True, env=environment, stdin=subprocess.PIPE)  # noqa: S603


def end_with_parent() -> None:
    """In a child of `run`: end like at Ctrl-C when the parent is gone."""
    if os.environ.get(PARENT_VARIABLE) != "1":
        return

    def watch() -> None:
        # not sys.stdin: whoever waits in its buffer when the interpreter ends takes it down with an abort
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(30)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
