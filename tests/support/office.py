"""Where the tree of a tenant is changed, and what one looks at afterwards."""

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


def admins(world: World, group: Group) -> set[UUID]:
    return {
        r.account_id
        for r in world.rows("SELECT account_id FROM group_admin WHERE group_id = :id", id=group.id)
    }


def grow(world: World, above: Group, count: int) -> None:
    """So many groups in threes below a group, with a subgroup in each third."""
    for n in range(count // 3):
        world.run(
            'WITH made AS (SELECT gen_random_uuid() AS id, gen_random_uuid() AS low, gen_random_uuid() AS side), top AS (SELECT * FROM "group"'
            ' WHERE id = :above) INSERT INTO "group" (id, tenant_id, parent_id, path, slug, name, sort_key)'
            " SELECT made.id, tenant_id, top.id, path || replace(made.id::text, '-', '')::ltree, :slug, :slug, :slug FROM made, top"
            " UNION ALL SELECT made.side, tenant_id, top.id, path || replace(made.side::text, '-', '')::ltree, :slug || 's', :slug, :slug"
            " FROM made, top"
            " UNION ALL SELECT made.low, tenant_id, made.id, path || replace(made.id::text, '-', '')::ltree"
            " || replace(made.low::text, '-', '')::ltree, 'low', 'low', 'low' FROM made, top",
            above=above.id,
            slug=f"g{n}",
        )


def paths_are_true(world: World) -> bool:
    """Whether every path is its parent's with the group's own label behind it."""
    wrong = world.value(
        'SELECT count(*) FROM "group" g LEFT JOIN "group" p ON p.id = g.parent_id WHERE g.path IS DISTINCT FROM'
        " coalesce(p.path || replace(g.id::text, '-', '')::ltree, replace(g.id::text, '-', '')::ltree)"
    )
    return bool(wrong == 0)


def recalls(world: World) -> list[Any]:
    return world.rows(
        "SELECT t.id, t.group_id, t.total, w.state FROM task t JOIN task_work w ON w.id = t.id WHERE t.kind = 'recall_numbers' ORDER BY t.id"
    )
