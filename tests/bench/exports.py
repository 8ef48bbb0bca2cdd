"""Exports of the log beside bare openpyxl: rows a second, and what a worker's memory grows by (spec L2).

    python -m tests.bench.exports --rows-text 1000000 --rows-excel 200000

The worker is a process of its own, as `messa worker` puts one together; what is measured is an export from its being claimed to its file's
standing in the database. Bare openpyxl gets the same rows from memory, in write-only mode, and writes a file that nobody keeps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import openpyxl
import psutil

from messa_platform.core import logs
from messa_platform.core.bulk import copy_rows
from messa_platform.core.clock import STOCKHOLM, SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.core.embedded import attach
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.core.migrations import upgrade
from messa_platform.core.segments import Encoding
from messa_platform.messaging.log import exports, stream
from messa_platform.messaging.log.asked import Asked, scope_of
from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.exports import Manner, Refused
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import MESSAGE
from messa_platform.runtime import build, read_settings
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Account, Group
from messa_platform.tenants.places import place_of
from messa_platform.tenants.tree import add_group, create_tenant
from tests.support.platform import database_of

ROOT = Path(__file__).parents[2]

TEXT, EXCEL = 1_000_000, 200_000
"""Rows of the two exports."""
SPEED_AIM = 0.7
"""Of bare openpyxl's rows a second."""
MEMORY_AIM = 150 * 2**20
"""Bytes above idle, at the most."""
GROUPS, PEOPLE = 40, 400
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
SPAN = timedelta(days=120)
_AT_ONCE = 20_000


# What is exported


@dataclass(frozen=True)
class Filled:
    """A tenant whose log holds `rows` messages, evenly over `SPAN`."""

    master: Group
    admin: UUID
    rows: int

    def asked(self, database: Database, rows: int) -> Asked:
        """The search that finds the first `rows` of them."""
        with database.unit_of_work() as session:
            place = place_of(session, self.master.tenant_id, self.master.id)
            assert place is not None
            scope = scope_of(session, place)
        return Asked(scope, FIRST, _at(rows, self.rows), descending=False)


def _at(number: int, rows: int) -> datetime:
    return FIRST + timedelta(milliseconds=number * int(SPAN / timedelta(milliseconds=1)) // rows)


def fill(database: Database, rows: int) -> Filled:
    """Make a tenant with groups and people who have sent and received so much."""
    with database.unit_of_work() as session:
        _, master = create_tenant(session, "kommun", "Kommunen")
        groups = [master, *(add_group(session, master, f"Förskolan Åsen {n}") for n in range(GROUPS - 1))]
        people = [_person(group, f"förnamn.efternamn{n}@kommun.example") for n, group in _dealt(groups)]
        session.add_all(people)
        ensure_partitions(session.connection(), FIRST, FIRST + SPAN)
    for start in range(0, rows, _AT_ONCE):
        numbers = range(start, min(rows, start + _AT_ONCE))
        with database.unit_of_work() as session:
            copy_rows(session, MESSAGE, [_message(people[n % PEOPLE], n, rows) for n in numbers])
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE message")
    return Filled(master, people[0].id, rows)


def _dealt(groups: Sequence[Group]) -> Iterator[tuple[int, Group]]:
    return ((n, groups[n % len(groups)]) for n in range(PEOPLE))


def _person(group: Group, address: str) -> Account:
    values = {"tenant_id": group.tenant_id, "group_id": group.id, "address": address}
    return Account(id=new_id(), group_since=FIRST, **values)


def _message(person: Account, number: int, rows: int) -> dict[str, object]:
    at, came = _at(number, rows), number % 5 == 0
    return {
        "id": new_id_at(at), "tenant_id": person.tenant_id, "group_id": person.group_id, "account_id": person.id, "thread_id": None,
        "direction": Direction.IN if came else Direction.OUT, "door": Door.PROVIDER if came else Door.MAIL,
        "status": Status.INCOMING if came else Status.DELIVERED, "status_at": at, "remote": f"+4670{number * 7919 % 10_000_000:07}",
        "local": "Kommunen", "text": "", "encoding": Encoding.GSM, "parts": 0 if came else 1 + number % 3, "created_at": at,
    }  # fmt: skip


# Who exports


def order(database: Database, filled: Filled, rows: int, kind: Format) -> UUID:
    """Ask for an export of so many rows."""
    asked = filled.asked(database, rows)
    with database.unit_of_work() as session:
        place = place_of(session, filled.master.tenant_id, filled.master.id)
        assert place is not None
        author = Author(Actor.ADMIN, filled.admin, "admin@kommun.example", filled.master.id)
        manner = Manner(kind, "sv", STOCKHOLM.key)
        found = exports.ask(session, SystemClock().now(), author, place, asked, manner, ExportSettings())
        assert not isinstance(found, Refused)
        return found


@dataclass(frozen=True)
class Measured:
    """Rows a second, the same of a second of the process's own time, and bytes of memory above idle."""

    rate: float
    cpu_rate: float
    growth: int


def _run_apart(what: str, rows: int, *arguments: str) -> Measured:
    """Run this module's `what` in a process of its own. It says when it is idle, waits for a word, and says what it took."""
    command = [sys.executable, "-m", "tests.bench.exports", what, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "idle\n"
        seen = psutil.Process(process.pid)
        idle, peak, done = seen.memory_info().rss, 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.02):
                peak = max(peak, seen.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        process.stdin.write("go\n")
        process.stdin.flush()
        said = process.stdout.readline()
        done.set()
        watcher.join()
        process.stdin.close()
    assert said, f"{command} said nothing"
    took = json.loads(said)
    assert took["rows"] == rows, took
    return Measured(rows / took["seconds"], rows / took["cpu"], peak - idle)


def _timed(rows: Iterator[int]) -> None:
    """Say that one is idle, wait, do what gives the number of rows, and say what that took."""
    print("idle", flush=True)
    sys.stdin.readline()
    begin, cpu = time.perf_counter(), time.process_time()
    count = next(rows)
    took = {"rows": count, "seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}
    print(json.dumps(took), flush=True)
    sys.stdin.read()


def _work(url: str, key: str) -> None:
    """Make the export that waits, as a worker does."""
    logs.configure(json=True, level="WARNING")
    runtime = build(read_settings({"security.key_file": key}, {"MESSA_DATABASE_URL": url}), reads_queue=False)

    def rows() -> Iterator[int]:
        assert runtime.exporter.run()
        with runtime.database.unit_of_work() as session:
            statement = "SELECT done FROM export WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1"
            yield session.connection().exec_driver_sql(statement).scalar_one()

    _timed(rows())
    runtime.close()


def _bare(url: str, tenant: str, master: str, admin: str, total: str, rows: str) -> None:
    """Write the same rows by bare openpyxl, from memory."""
    database = Database(make_engine(url, pool_size=1))
    with database.unit_of_work() as session:
        place = place_of(session, UUID(tenant), UUID(master))
        assert place is not None
        asked = Asked(scope_of(session, place), FIRST, _at(int(rows), int(total)), descending=False)
        held = [
            (line.at.astimezone(STOCKHOLM).replace(tzinfo=None), line.group, line.address, line.remote, line.direction, line.status, line.parts)
            for lines in stream.lines(session, asked)
            for line in lines
        ]  # fmt: skip
    database.close()

    def written() -> Iterator[int]:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        for row in held:
            sheet.append(row)
        with tempfile.TemporaryFile() as out:
            book.save(out)
        yield len(held)

    _timed(written())


@dataclass(frozen=True)
class Figures:
    """An export beside bare openpyxl with as many rows."""

    kind: Format
    rows: int
    ours: Measured
    bare: Measured


def measure(url: str, filled: Filled, rows: int, kind: Format, most_bare: int = EXCEL) -> Figures:
    """Make an export of `rows` rows, and write as many, up to `most_bare`, by bare openpyxl. `url` is the database's in which `filled` is."""
    database = Database(make_engine(url, pool_size=1))
    order(database, filled, rows, kind)
    database.close()
    with tempfile.TemporaryDirectory() as folder:
        ours = _run_apart("work", rows, url, str(Path(folder) / "key"))
    few = min(rows, most_bare)
    known = (str(filled.master.tenant_id), str(filled.master.id), str(filled.admin))
    return Figures(kind, rows, ours, _run_apart("bare", few, url, *known, str(filled.rows), str(few)))


def report(server_url: str, rows_text: int = TEXT, rows_excel: int = EXCEL) -> None:
    """Measure both and print; a minute or two."""
    with database_of(server_url, "template1") as url:
        upgrade(url)
        database = Database(make_engine(url, pool_size=1))
        filled = fill(database, max(rows_text, rows_excel))
        database.close()
        for kind, rows in ((Format.TEXT, rows_text), (Format.XLSX, rows_excel)):
            if rows:
                _print(measure(url, filled, rows, kind))


def _print(found: Figures) -> None:
    ours, bare = found.ours, found.bare
    print(
        f"  {ours.rate / bare.rate:8.2f} of bare openpyxl (aim {SPEED_AIM})  export of {found.rows} rows as {found.kind}:"
        f" {ours.rate:.0f} rows a second beside {bare.rate:.0f} ({ours.cpu_rate:.0f} and {bare.cpu_rate:.0f} by the processor's time)"
    )
    print(
        f"  {ours.growth / 2**20:8.0f} MB above the idle worker at the most (aim {MEMORY_AIM >> 20})",
        flush=True,
    )


def main() -> None:
    """One of the processes, or the bench itself."""
    match sys.argv[1:]:
        case ["work", url, key]:
            _work(url, key)
        case ["bare", url, tenant, master, admin, total, rows]:
            _bare(url, tenant, master, admin, total, rows)
        case _:
            parser = argparse.ArgumentParser(description="Exports of the log beside bare openpyxl.")
            parser.add_argument("--rows-text", type=int, default=TEXT, help="%(default)s")
            parser.add_argument("--rows-excel", type=int, default=EXCEL, help="%(default)s")
            chosen = parser.parse_args()
            with ExitStack() as stack:
                base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                base.chmod(0o755)  # root's server runs as another user
                held = stack.enter_context(attach(base / "postgresql"))
                report(held.url, chosen.rows_text, chosen.rows_excel)


if __name__ == "__main__":
    main()
