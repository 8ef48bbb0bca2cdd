"""The watchdog: parent of the server, ends it with its last holder. A script; the standard library only.

    python -I -S watch.py PLAN       (PLAN: the fields of `Plan` as JSON)

Started by the first holder, it returns as soon as the server is under way and goes on in the background, in a
session of its own. It sleeps in the kernel until nobody has a share of the holders' lock any more, which is
also so at once when the last of them is ended by kill -9. It imports nothing of the platform, and so costs
8 MB and a few hundredths of a second.

A server that crashed is started again while there are holders. A watchdog that was ended itself is replaced
by the next one who attaches or leaves; the new one takes over the server that it finds.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 60.0
"""How long the server may take to write everything down before it is stopped the way a crash would."""

LOG_BYTES = 4_000_000
"""The log's size at which it is put aside, in the place of the one put aside before."""

_LOOK_AT_LOG_EVERY = 60.0
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Plan:
    """What to watch. `lend` is (uid, gid) when the server is to run as another user than the watchdog."""

    command: list[str]
    environment: dict[str, str]
    lend: list[int] | None
    cluster: str
    sockets: str
    log: str
    starting: str
    holders: str
    watchdog: str
    running: str


class Watch:
    """One server, from its start (or from taking it over) to its end."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.server: subprocess.Popen[bytes] | None = None  # None: a server that another watchdog started
        self.ending = False
        self.changing = threading.Lock()  # between starting the server again and ending it

    def start_or_take_over(self) -> None:
        """Starts the server, unless one of its processes still lives."""
        running = _open(self.plan.running)
        try:
            fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("taking over a server whose watchdog is gone")
        else:
            self._start(running)
        finally:
            os.close(running)

    def follow(self) -> None:
        """Waits for the server's end. A crashed one starts again, one that was stopped ends the watchdog."""
        pause, begun = 0.0, time.monotonic()
        while True:
            code = self._wait()
            if self.ending:
                return
            if not self._has_crashed():
                self._end(f"the server has ended (exit code {code}), and so does its watchdog")
            lived = time.monotonic() - begun
            pause = 0.1 if lived > _LONGEST_PAUSE else min(2 * pause + 0.1, _LONGEST_PAUSE)
            say(f"the server ended unexpectedly (exit code {code}); starting it again in {pause:.1f} s")
            time.sleep(pause)
            begun = time.monotonic()
            try:
                self._start_again()
            except OSError as error:
                self._end(f"the server cannot be started again: {error}")

    def end_with_last_holder(self) -> None:
        """Sleeps until nobody holds the server, then stops it."""
        # Opened while they are there: the folder may be removed under a running server.
        holders, starting = _open(self.plan.holders), _open(self.plan.starting)
        while True:
            fcntl.lockf(holders, fcntl.LOCK_EX)
            # Given back at once: somebody who is about to hold has `starting` and waits for this one, so
            # keeping it while waiting for `starting` would be a deadlock.
            fcntl.lockf(holders, fcntl.LOCK_UN)
            fcntl.lockf(starting, fcntl.LOCK_EX)
            try:
                fcntl.lockf(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                fcntl.lockf(starting, fcntl.LOCK_UN)  # somebody came meanwhile
                continue
            self._stop()
            return  # the locks end with this process: who waits for `starting` finds neither it nor a server

    def keep_log_small(self) -> None:
        """Puts the log aside when it has grown; the server goes on with the same, emptied file."""
        while True:
            time.sleep(_LOOK_AT_LOG_EVERY)
            put_log_aside(self.plan.log)

    def _start(self, running: int) -> None:
        clear_what_a_crash_left(Path(self.plan.cluster), Path(self.plan.sockets))
        lend = self.plan.lend
        self.server = subprocess.Popen(  # noqa: S603  (the command line that our own starter made)
            self.plan.command,
            env=self.plan.environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=2,  # the log
            pass_fds=[running],  # the server's processes inherit the lock that says that they live
            start_new_session=True,
            umask=0o077,
            user=lend[0] if lend else None,
            group=lend[1] if lend else None,
            extra_groups=[] if lend else None,
        )

    def _start_again(self) -> None:
        running = _open(self.plan.running)
        try:
            # Waits for the processes that the crash left: until they are gone the data is in use.
            fcntl.flock(running, fcntl.LOCK_EX)
            with self.changing:
                if not self.ending:
                    self._start(running)
        finally:
            os.close(running)

    def _wait(self) -> int | None:
        if self.server is not None:
            return self.server.wait()
        running = _open(self.plan.running)
        try:
            fcntl.flock(running, fcntl.LOCK_SH)
        finally:
            os.close(running)
        return None

    def _has_crashed(self) -> bool:
        # The postmaster removes its file whenever it ends by its own will, also when a start fails.
        left = postmaster_pid(Path(self.plan.cluster))
        return left is not None and (self.server is None or left == self.server.pid)

    def _stop(self) -> None:
        with self.changing:
            self.ending = True
            self._signal(signal.SIGINT)  # "fast": connections are cut, everything is written down
            if not self._is_gone_within(STOP_SECONDS):
                say("the server did not stop in time; stopping it at once, the next start will recover it")
                self._signal(signal.SIGQUIT)
                self._is_gone_within(STOP_SECONDS)
            shutil.rmtree(self.plan.sockets, ignore_errors=True)

    def _end(self, words: str) -> None:
        # With holders left, who have no server now. Whoever attaches next starts another, with what it finds then.
        say(words)
        shutil.rmtree(self.plan.sockets, ignore_errors=True)
        os._exit(1)

    def _signal(self, number: signal.Signals) -> None:
        if self.server is not None:
            self.server.send_signal(number)
            return
        left = postmaster_pid(Path(self.plan.cluster))
        # The number means the server only while one of its processes lives, and even then it may be another's.
        if left is not None and not self._is_gone() and is_server_of(left, Path(self.plan.cluster)):
            os.kill(left, number)

    def _is_gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._is_gone():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _is_gone(self) -> bool:
        """Whether no process of the server lives any more."""
        if self.server is not None and self.server.poll() is None:
            return False
        try:
            running = _open(self.plan.running)
        except FileNotFoundError:
            return True  # the folder has been removed; without it the server's processes end by themselves
        try:
            fcntl.flock(running, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(running)
        return True


def postmaster_pid(cluster: Path) -> int | None:
    """The number that the server wrote into its data folder; None when it ended by its own will."""
    try:
        return int((cluster / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def is_server_of(pid: int, cluster: Path) -> bool:
    """Whether the process is the server of this data folder, not another that was given the same number."""
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").samefile(cluster)  # the postmaster works in its data folder
        except OSError:
            return False  # gone, or not this user's
    try:
        command = ["ps", "-o", "comm=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  (a number)
    except OSError:
        return True  # in doubt PostgreSQL decides, which then refuses to start
    return b"postgres" in shown.stdout


def clear_what_a_crash_left(cluster: Path, sockets: Path) -> None:
    """Removes the server's own lock files when no server has them.

    After a crash of the machine the number in them may be another process's of the same user, and PostgreSQL
    then refuses to start (CreateLockFile in its miscinit.c). Call it with the `running` lock only.
    """
    left = postmaster_pid(cluster)
    if left is not None and not is_server_of(left, cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
    for socket in sockets.glob(".s.PGSQL.*"):
        socket.unlink(missing_ok=True)


def put_log_aside(log: str) -> None:
    """Keeps the last `LOG_BYTES` or so beside the log and empties it (it is written with O_APPEND)."""
    try:
        if os.stat(log).st_size > LOG_BYTES:  # noqa: PTH116
            shutil.copyfile(log, log + ".1")
            os.truncate(log, 0)
    except OSError as error:
        say(f"the log stays as large as it is: {error}")


def say(words: str) -> None:
    """Writes a line to the log, which is the standard error stream here."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    os.write(2, f"{moment} UTC [{os.getpid()}] WATCHDOG:  {words}\n".encode())


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)


def _watch(plan: Plan, under_way: int) -> None:
    # It ends with the last holder, not with a Ctrl-C or with the signal that a service manager sends to all
    # of a service's processes: the holders need the database for their own orderly end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    own = _open(plan.watchdog)
    fcntl.lockf(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
    watch = Watch(plan)
    watch.start_or_take_over()
    os.write(under_way, b"+")
    os.close(under_way)
    threading.Thread(target=watch.follow, daemon=True).start()
    threading.Thread(target=watch.keep_log_small, daemon=True).start()
    watch.end_with_last_holder()


def main() -> int:
    """Leaves a watchdog in the background. 0 when the server is under way, 1 (the log says why) when not."""
    plan = Plan(**json.loads(sys.argv[1]))
    put_log_aside(plan.log)
    read, write = os.pipe()
    if os.fork() == 0:
        os.close(read)
        _watch(plan, write)
        return 0
    os.close(write)
    return 0 if os.read(read, 1) else 1


if __name__ == "__main__":
    sys.exit(main())
