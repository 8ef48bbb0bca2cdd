"""The `messa` command."""

from __future__ import annotations

import argparse
import configparser
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from messa_platform import demo, develop
from messa_platform.core import logs, migrations
from messa_platform.core.clock import SystemClock
from messa_platform.core.crypto import SecuritySettings, open_keys
from messa_platform.core.db import Database, make_engine
from messa_platform.core.embedded import EmbeddedError
from messa_platform.core.settings import Settings, WrongSettings, declared
from messa_platform.core.site import SiteSettings, WebSettings
from messa_platform.providers.simulator import config as simulator_config
from messa_platform.providers.simulator import process as simulator
from messa_platform.providers.simulator.config import SimulatorConfig
from messa_platform.providers.simulator.journal import JournalDamaged
from messa_platform.runtime import (
    SECTIONS,
    CannotStart,
    build,
    open_database,
    read_settings,
    refuse_unread_broker,
)
from messa_platform.runtime.sealed import reseal
from messa_platform.serve import serve, start_connector, start_smtp, start_sweeper, start_workers, stop_signal
from messa_platform.tenants.tree import ensure_free_tenant


def read_ini(path: Path) -> dict[str, str]:
    """The keys of the `[app:main]` section of an ini file. Raises `WrongSettings` if there is none."""
    parser = configparser.ConfigParser(defaults={"here": str(path.resolve().parent)})
    if not path.is_file():
        raise WrongSettings(f"{path}: no such file; name the settings with --settings")
    parser.read(path, encoding="utf-8")
    if not parser.has_section("app:main"):
        raise WrongSettings(f"{path}: has no section [app:main]")
    values = dict(parser.items("app:main"))
    values.pop("use", None)
    return values


def _migrate(settings: Settings) -> None:
    """Bring the database up to date, and load what every deployment, and the demo, has."""
    held, url = open_database(settings)
    with ExitStack() as stack:
        if held:
            stack.callback(held.close)
        migrations.upgrade(url)
        database = Database(make_engine(url, pool_size=1))
        stack.callback(database.close)
        with database.unit_of_work() as session:
            # processes that start at once take turns, as the migrations do
            session.execute(text("SELECT pg_advisory_xact_lock(hashtext('messa.first_data'))"))
            now = SystemClock().now()
            if settings[SiteSettings].demo:
                demo.load(session, now)
            else:
                ensure_free_tenant(session, now)


def _serve(settings: Settings) -> None:
    with ExitStack() as stack:
        held, _ = open_database(settings)  # held over both, so that the embedded server need not start twice
        if held:
            stack.callback(held.close)
        _migrate(settings)
        runtime = build(settings, reads_queue=True)
        stack.callback(runtime.close)
        if settings[SiteSettings].demo:
            with runtime.database.unit_of_work() as session:
                simulator_url = settings[WebSettings].simulator_url
                demo.connect(session, runtime.clock.now(), runtime.endpoints, simulator_url)
        serve(runtime, stop_signal(), ready=lambda: develop.tell_ready(settings))


def _apart(start: Callable[..., object]) -> Callable[[Settings], None]:
    def run(settings: Settings) -> None:
        refuse_unread_broker(settings)
        with ExitStack() as stack:
            runtime = build(settings, reads_queue=True)
            stack.callback(runtime.close)
            stopped = stop_signal()
            start(runtime, stack)
            stopped.wait()

    return run


def _connect(settings: Settings) -> None:
    """Hold sessions. No broker is needed: what follows from what comes in is found in the tables."""
    with ExitStack() as stack:
        runtime = build(settings, reads_queue=False)
        stack.callback(runtime.close)
        stopped = stop_signal()
        start_connector(runtime, stack)
        stopped.wait()


def _reseal(settings: Settings) -> None:
    """Seal everything with the first of the keys."""
    held, url = open_database(settings)
    with ExitStack() as stack:
        if held:
            stack.callback(held.close)
        database = Database(make_engine(url, pool_size=1))
        stack.callback(database.close)
        for name, count in reseal(database, open_keys(settings[SecuritySettings])).items():
            print(f"{name}: {count}")
    print(
        "Done. Keys that stand behind the first in security.keys open nothing any more, but what is named as lost."
    )


def _settings_table(settings: Settings) -> None:
    del settings
    for name, (_, field) in declared(SECTIONS).items():
        shown = "from the environment" if field.metadata["secret"] else repr(field.default)
        print(f"{name}  ({shown})\n    {field.metadata['says']}")


def _simulate(config: SimulatorConfig) -> int:
    try:
        simulator.run(config)
    except (OSError, JournalDamaged) as fault:
        print(f"messa simulator: {fault}", file=sys.stderr)
        return 1
    return 0


COMMANDS: Mapping[str, tuple[str, Callable[[Settings], None]]] = {
    "serve": ("web, SMTP, workers and scheduler in one process", _serve),
    "smtp": ("the SMTP server alone", _apart(start_smtp)),
    "worker": ("workers alone", _apart(start_workers)),
    "scheduler": ("the scheduler alone", _apart(lambda runtime, stack: start_sweeper(runtime))),
    "connector": ("the sessions of SMPP channels alone", _connect),
    "migrate": ("bring the database up to date", _migrate),
    "reseal": ("seal all secrets in the database with the first of security.keys", _reseal),
    "settings": ("list every setting with its default", _settings_table),
    "run": (
        "the demo: serve and the simulator, which gets the arguments that follow, together (what make run calls)",
        lambda settings: None,
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="messa", description="E-mail to SMS, and the answer back to e-mail."
    )
    parser.add_argument(
        "--settings",
        type=Path,
        default=Path(os.environ.get("MESSA_SETTINGS", "development.ini")),
        help="the ini file (default: development.ini, or MESSA_SETTINGS)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (says, _) in COMMANDS.items():
        commands.add_parser(name, help=says, description=says)
    simulator_config.add_arguments(commands.add_parser("simulator", help="the simulated SMS network"))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code."""
    parser = _parser()
    chosen, more = parser.parse_known_args(arguments)
    if more and chosen.command != "run":
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    develop.end_with_parent()
    if chosen.command == "simulator":
        return _simulate(simulator_config.config_of(chosen))
    try:
        settings = read_settings(read_ini(chosen.settings))
        if chosen.command == "run":
            return develop.run(chosen.settings, settings, more)
        site = settings[SiteSettings]
        logs.configure(json=site.log_format == "json", level=site.log_level)
        COMMANDS[chosen.command][1](settings)
    except (WrongSettings, CannotStart, EmbeddedError) as fault:
        print(f"messa: {fault}", file=sys.stderr)
        return 2
    except OperationalError as fault:
        print(f"messa: the database does not answer: {fault.orig}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
