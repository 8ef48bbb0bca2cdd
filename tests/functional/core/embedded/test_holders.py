"""Who starts the embedded PostgreSQL, who joins it and who ends it, also at the same moment."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, text

from messa_platform.core.embedded import Binaries, attach
from tests.support.embedded_server import (
    FOUND,
    Holder,
    ask,
    attach_here,
    in_time,
    lives,
    nothing_runs,
    of_folder,
    postmaster,
    tell,
)


def test_the_first_starts_a_server_and_the_next_joins_it(
    folder: Path, binaries: Binaries, holder: Callable[..., Holder]
) -> None:
    first = holder().dsn()
    server = postmaster(folder)
    with attach_here(folder, binaries) as held:
        assert held.dsn == first
        assert held.version == binaries.version
        assert postmaster(folder) == server
        assert len(of_folder(folder)) == 2


def test_joining_a_running_server_costs_little(
    folder: Path, binaries: Binaries, holder: Callable[..., Holder]
) -> None:
    holder().dsn()
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        attach_here(folder, binaries).close()
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.05


def test_the_server_is_gone_when_the_last_holder_has_closed(folder: Path, binaries: Binaries) -> None:
    held, again = attach_here(folder, binaries), attach_here(folder, binaries)
    server = postmaster(folder)
    again.close()
    again.close()
    assert ask(held.dsn, "SELECT 1") == 1
    held.close()
    assert not lives(server)
    assert not of_folder(folder)
    assert "database system is shut down" in held.log.read_text()


def test_a_holder_that_stays_keeps_the_server_when_the_first_leaves(
    folder: Path, holder: Callable[..., Holder]
) -> None:
    first = holder()
    first.dsn()
    second = holder()
    dsn = second.dsn()
    first.close()
    assert ask(dsn, "SELECT 1") == 1
    second.close()
    assert not of_folder(folder)


def test_the_address_serves_sqlalchemy(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        engine = create_engine(held.url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT current_database()")) == "messa"
        engine.dispose()


# -- at the same moment


def test_four_that_come_to_a_fresh_folder_at_once_share_one_server(
    empty: Path, holder: Callable[..., Holder]
) -> None:
    holders = [holder(empty / "fresh") for _ in range(4)]
    assert len({each.dsn() for each in holders}) == 1
    assert len(of_folder(empty)) == 2
    assert not list((empty / "fresh").glob("*unfinished*"))
    for each in holders:
        each.process.send_signal(signal.SIGTERM)
    assert nothing_runs(empty)


def test_one_who_comes_while_the_last_leaves_gets_a_server(
    folder: Path, binaries: Binaries, holder: Callable[..., Holder]
) -> None:
    with attach_here(folder, binaries) as held:
        tell(held.dsn, "CREATE TABLE seen (number int)")
    for round_number in range(4):
        leaving, coming = holder(), holder()
        leaving.dsn()
        # While the other is on its way: before, during or after its joining.
        time.sleep(0.07 * round_number)
        leaving.kill() if round_number % 2 else leaving.close()
        tell(coming.dsn(), f"INSERT INTO seen VALUES ({round_number})")
        coming.kill()
    with attach_here(folder, binaries) as held:
        assert ask(held.dsn, "SELECT count(*) FROM seen") == 4
    assert not of_folder(folder)


def test_a_folder_removed_under_its_server_can_be_used_again(empty: Path) -> None:
    data = empty / "db"
    with attach(data, binaries=FOUND) as held:
        tell(held.dsn, "CREATE TABLE removed ()")
        server = postmaster(empty)
        shutil.rmtree(data)
    assert in_time(lambda: not lives(server))
    with attach(data, binaries=FOUND) as held:
        assert ask(held.dsn, "SELECT to_regclass('removed')") is None
