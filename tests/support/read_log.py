"""An audit log, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants import audit_view
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import SYSTEM, Action, Author, Change, record
from messa_platform.tenants.audit_view import Asked, Entry, Named, Reader
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import Place, place_of
from tests.support.world import World

ME = new_id()


class Log:
    """A municipality: Master, below it Skolor with Norra and Södra, and Omsorgen; and another organisation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.master = world.tenant()
        self.schools = world.group(self.master, "Skolor")
        self.north = world.group(self.schools, "Norra")
        self.south = world.group(self.schools, "Södra")
        self.care = world.group(self.master, "Omsorgen")
        self.elsewhere = world.tenant("annan", "Annan kommun")

    def author(self, group: Group, address: str = "", account_id: UUID | None = None) -> Author:
        return Author(Actor.ADMIN, account_id or new_id(), address or f"admin@{group.slug}.example", group.id)

    def wrote(
        self,
        group: Group,
        subject: str,
        author: Author = SYSTEM,
        action: Action = Action.ACCOUNT_ADDED,
        **change: Any,
    ) -> None:
        with self.world.database.unit_of_work() as session:
            entry = Change(group.tenant_id, group.id, action, subject, **change)
            record(session, self.world.clock.now(), author, [entry])

    @contextmanager
    def confined(self, group: Group) -> Iterator[Session]:
        """A session as a request of the group's organisation has it."""
        with self.world.database.sessions() as session:
            confine(session, Confinement(group.tenant_id, ME))
            with session.begin():
                yield session

    def read(
        self,
        at: Group,
        authority: Group | None = None,
        before: UUID | None = None,
        most: int = 50,
        **asked: Any,
    ) -> tuple[list[Entry], UUID | None]:
        """What an admin of `authority` reads in the log of `at`."""
        with self.confined(at) as session:
            reader = Reader(place(session, authority or at), ME)
            return audit_view.entries(session, reader, Asked(place(session, at), **asked), before, most)

    def subjects(self, at: Group, authority: Group | None = None, **asked: Any) -> list[str | Named]:
        return [entry.subject for entry in self.read(at, authority, **asked)[0]]

    def only(self, at: Group, authority: Group | None = None) -> Entry:
        (entry,), _ = self.read(at, authority)
        return entry


def place(session: Session, group: Group) -> Place:
    found = place_of(session, group.tenant_id, group.id)
    assert found is not None
    return found
