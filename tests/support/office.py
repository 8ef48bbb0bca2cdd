"""Who changes the tree of a tenant, in a session that sees this tenant only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants import move_groups
from messa_platform.tenants.models import Group
from messa_platform.tenants.move_groups import Conflict, Moved, Refusal
from messa_platform.tenants.places import Place, place_of
from tests.support.world import World

T = TypeVar("T")


class Office:
    """Who changes the tree of a tenant: as the admin of a group, in a session that sees this tenant only."""

    def __init__(self, world: World, authority: Group) -> None:
        self.world = world
        self.authority = authority
        self.author = world.author(authority)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.world.database.sessions() as session:
            confine(session, Confinement(self.authority.tenant_id, None))
            with session.begin():
                yield session

    def place(self, group: Group | UUID) -> Place:
        with self.session() as session:
            found = place_of(
                session, self.authority.tenant_id, group if isinstance(group, UUID) else group.id
            )
        assert found
        return found

    def _do(self, change: Callable[..., T], *given: Any, **more: Any) -> T:
        with self.session() as session:
            return change(session, self.world.clock.now(), self.author, *given, **more)

    def add(self, parent: Group, name: str) -> Place | Refusal:
        return self._do(move_groups.add, self.place(parent), name)

    def rename(self, group: Group, name: str, version: int = 1) -> Place | Conflict | Refusal:
        return self._do(move_groups.rename, self.place(group), name, version)

    def move(self, group: Group, to: Group, version: int = 1, **more: Any) -> Moved | Conflict | Refusal:
        return self._do(move_groups.move, self.place(group), self.place(to), version, **more)

    def remove(
        self, group: Group, people_to: Group, groups_to: Group | None = None, version: int = 1, **more: Any
    ) -> Moved | Conflict | Refusal:
        places = (self.place(g) for g in (group, people_to, groups_to or people_to))
        return self._do(move_groups.remove, *places, version, **more)

    def log(self, group: Group | UUID, action: str) -> list[Any]:
        """The entries of a kind in a group's own log, oldest first."""
        return self.world.rows(
            "SELECT subject, subject_id, before, after, actor_address FROM audit_entry"
            " WHERE group_id = :id AND action = :action ORDER BY id",
            id=group if isinstance(group, UUID) else group.id,
            action=action,
        )
