"""A book of messages for those who search, and a municipality whose log has something of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.row_security import Confinement, confine
from messa_platform.messaging.log import exports
from messa_platform.messaging.log.asked import Asked, scope_of
from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.exports import ExportRow, Manner, Refused, Stage
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.runtime import Runtime
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import Place, place_of
from tests.support.log_book import Book, write_book
from tests.support.log_rows import Sent, store
from tests.support.visitors import a_runtime
from tests.support.world import World

MONDAY = datetime(2026, 3, 2, 7, 30, 15, tzinfo=UTC)
"""08:30:15 in Stockholm."""


@dataclass
class Town:
    """The municipality: `school` and `care` below `master`, and who has sent from there."""

    world: World
    master: Group
    school: Group
    care: Group
    people: dict[str, UUID]

    def place(self, group: Group) -> Place:
        """Where a group stands."""
        with self.world.database.unit_of_work() as session:
            found = place_of(session, group.tenant_id, group.id)
        assert found is not None
        return found

    def asked(self, group: Group | None = None, *, subgroups: bool = True, **narrowed: object) -> Asked:
        """Everything of a group, Master if none is named, of March and April."""
        place = self.place(group or self.master)
        with self.world.database.unit_of_work() as session:
            scope = scope_of(session, place, subgroups=subgroups)
        return Asked(
            scope, datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 4, 30, 22, tzinfo=UTC)
        ).within(**narrowed)


@pytest.fixture
def town(world: World) -> Town:
    """With a log of two days in which every column has something to sort."""
    master = world.tenant("kommun", "Kommunen")
    school, care = world.group(master, "Skolan"), world.group(master, "Ömsorgen på Ängen")
    people = {
        "anna": world.account(school, "anna@kommun.example"),
        "formula": world.account(school, "=1+1"),
        "östen": world.account(care, "östen.åberg@kommun.example"),
    }
    town = Town(world, master, school, care, people)
    hour = timedelta(hours=1)
    store(
        world,
        [
            Sent(MONDAY, school, people["anna"], "+46701740605", parts=2),
            Sent(MONDAY + hour, school, people["formula"], "+46701740612", parts=3),
            Sent(MONDAY + 2 * hour, care, people["östen"], direction=Direction.IN, status=Status.INCOMING, parts=0),
            Sent(
                MONDAY + 26 * hour, care, people["östen"], "+467301214000001", status=Status.USED_UP_GROUP,
                parts=0, rule_group=school,
            ),
            Sent(MONDAY + 27 * hour, school, people["anna"], status=Status.UNDELIVERED, parts=1),
        ],
    )  # fmt: skip
    return town


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process, with the test's clock; a file whose worker died is begun anew after a second."""
    with a_runtime(database_url, tmp_path / "key", clock, **{"exports.lease_seconds": "1"}) as made:
        yield made


CHIEF = "chef@kommun.example"


@dataclass
class Ordering:
    """Exports of the town: asked for by who administers Master, made by a worker that is told when."""

    town: Town
    runtime: Runtime

    def asked_for(
        self,
        group: Group | None = None,
        asked: Asked | None = None,
        author: Author | None = None,
        format: Format = Format.TEXT,
        language: str = "sv",
    ) -> UUID | Refused:
        """Ask for one, of all there is in Master, if nothing else is said."""
        group = group or self.town.master
        author = author or Author(
            Actor.ADMIN, UUID(int=7), CHIEF, group.id if group.parent_id is None else self.town.master.id
        )
        manner = Manner(format, language, "Europe/Stockholm")
        place, search = self.town.place(group), asked or self.town.asked(group)
        with self.town.world.database.unit_of_work() as session:
            settings, now = self.runtime.settings[ExportSettings], self.runtime.clock.now()
            return exports.ask(session, now, author, place, search, manner, settings)

    def ask(self, **more: Any) -> UUID:
        """The same, which must not be refused."""
        found = self.asked_for(**more)
        assert isinstance(found, UUID), found
        return found

    def work(self) -> None:
        """Make all that wait."""
        while self.runtime.exporter.run():
            pass

    def made(self, export_id: UUID) -> ExportRow:
        """The export once it is ready."""
        self.work()
        found = self.get(export_id)
        assert found.stage is Stage.READY, found
        return found

    def find(self, group: Group, authority: Group, export_id: UUID) -> ExportRow | None:
        """An export of a group, for who administers another."""
        place, seen_from = self.town.place(group), self.town.place(authority)
        with self.town.world.database.unit_of_work() as session:
            return exports.get(session, self.runtime.clock.now(), place, seen_from, export_id)

    def get(self, export_id: UUID) -> ExportRow:
        """One of Master's."""
        found = self.find(self.town.master, self.town.master, export_id)
        assert found is not None
        return found

    def latest(self, group: Group, authority: Group) -> list[ExportRow]:
        """Those of a group, for who administers another."""
        place, seen_from = self.town.place(group), self.town.place(authority)
        with self.town.world.database.unit_of_work() as session:
            return exports.latest(session, self.runtime.clock.now(), place, seen_from)

    def cancel(self, export_id: UUID, group: Group | None = None) -> bool:
        """Call one off."""
        tenant_id = (group or self.town.master).tenant_id
        with self.town.world.database.unit_of_work() as session:
            return exports.cancel(session, self.runtime.clock.now(), tenant_id, export_id)

    def file(self, export_id: UUID, group: Group | None = None) -> bytes:
        """What can be fetched."""
        opened = self.town.world.database.unit_of_work
        return b"".join(exports.pieces(opened, (group or self.town.master).tenant_id, export_id))

    def forget(self) -> None:
        """What the chore does."""
        with self.town.world.database.unit_of_work() as session:
            exports.forget_old(session, self.runtime.clock.now())


@pytest.fixture
def ordering(town: Town, runtime: Runtime) -> Ordering:
    """Exports of the town."""
    return Ordering(town, runtime)


@pytest.fixture
def book(world: World) -> Book:
    """Two thousand messages of a tenant, beside some of another."""
    write_book(world, "annan", 400, seed=2)
    return write_book(world, "kommun", 2000, seed=1)


@pytest.fixture
def session(book: Book, database: Database) -> Iterator[Session]:
    """As a page of the tenant has it."""
    with database.sessions() as opened:
        confine(opened, Confinement(book.master.tenant_id, None))
        yield opened
        opened.rollback()
