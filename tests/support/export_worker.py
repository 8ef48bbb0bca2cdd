"""A worker that makes exports until it is killed: `python -m tests.support.export_worker DATABASE_URL LEASE_SECONDS FOLDER`."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from messa_platform.core.clock import SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.messaging.log.export_work import Exporter
from messa_platform.messaging.log.settings import ExportSettings


def an_exporter(database: Database, lease_seconds: float, folder: Path | None = None) -> Exporter:
    """The part of a process that makes exports, by the machine's clock."""
    settings = ExportSettings(lease_seconds=lease_seconds)
    return Exporter(database, SystemClock(), settings, threading.Event(), folder)


def main() -> None:
    """Work."""
    url, lease_seconds, folder = sys.argv[1:]
    exporter = an_exporter(Database(make_engine(url, pool_size=2)), float(lease_seconds), Path(folder))
    while True:
        exporter.run()
        time.sleep(0.05)


if __name__ == "__main__":
    main()
