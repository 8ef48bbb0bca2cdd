"""Where the settings of groups are seen and changed, by sessions that see their tenant alone, as in the portal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants import quota_view
from messa_platform.tenants.audit import Author
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.held_settings import Held, held
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.places import Place, place_of
from messa_platform.tenants.quota import Granted
from messa_platform.tenants.quota_view import QuotaView
from messa_platform.tenants.set_settings import (
    Changed,
    Conflict,
    NotAllowed,
    Wish,
    change,
)
from tests.support.world import World

Answer = Changed | Conflict | NotAllowed


def quota_of(sms: int | None, window_days: int | None = None, max_parts: int = 9) -> dict[str, Any]:
    return {"sms": sms, "window_days": window_days, "max_parts": max_parts}


@dataclass
class Desk:
    """Where a municipality's settings are changed: Master, a school and a class, each with an admin of its own."""

    world: World
    master: Group
    school: Group
    class_: Group
    woken: list[str] = field(default_factory=list)

    def path(self, session: Session, group: Group) -> list[Place]:
        place = place_of(session, group.tenant_id, group.id)
        assert place is not None
        found = [place_of(session, group.tenant_id, above) for above in place.ancestors]
        return [p for p in found if p is not None]

    def confined(self) -> Session:
        session = self.world.database.sessions()
        confine(session, Confinement(self.master.tenant_id, None))
        return session

    def held(self, group: Group, by: Group) -> dict[Key, Held]:
        """What an admin of `by` sees of a group's settings."""
        with self.confined() as session:
            path = self.path(session, group)
            return dict(held(session, path, next(p for p in path if p.id == by.id)))

    def view(self, group: Group, by: Group) -> QuotaView:
        """What an admin of `by` sees of a group's quotas."""
        with self.confined() as session:
            path = self.path(session, group)
            authority = next(p for p in path if p.id == by.id)
            return quota_view.quota_view(session, self.world.clock.now(), path, authority)

    def author(self, by: Group) -> Author:
        return self.world.author(by, f"admin@{by.slug}.example")

    def change(self, group: Group, by: Group, wishes: dict[Key, Wish]) -> Answer:
        with self.confined() as session, session.begin():
            path = self.path(session, group)
            return change(
                session,
                self.world.clock.now(),
                self.author(by),
                path,
                wishes,
                lambda _, name: self.woken.append(name),
            )

    def wish(
        self, group: Group, by: Group, key: Key, value: Any, lock: Lock | None = None, **more: Any
    ) -> Answer:
        """Open the page of a group, change one thing there, and save."""
        seen = self.held(group, by)[key]
        wish = Wish(value, lock or seen.lock, more.pop("version", seen.version), **more)
        return self.change(group, by, {key: wish})

    def set(
        self, group: Group, by: Group, key: Key, value: Any, lock: Lock | None = None, **more: Any
    ) -> None:
        answer = self.wish(group, by, key, value, lock, **more)
        assert isinstance(answer, Changed), answer

    def log(self, group: Group) -> list[tuple[str, Any, Any]]:
        """What a group's log says, oldest first."""
        rows = self.world.rows(
            "SELECT subject, before, after FROM audit_entry WHERE group_id = :id AND action = 'setting_set' ORDER BY id",
            id=group.id,
        )
        return [tuple(row) for row in rows]

    def set_at(self, group: Group, key: Key) -> Any:
        return self.world.value(
            "SELECT set_at FROM group_setting WHERE group_id = :id AND key = :key", id=group.id, key=key.value
        )

    def sends(self, account_id: UUID, texts: int) -> int:
        return sum(isinstance(answer, Granted) for answer in self.world.reserve(account_id, *[1] * texts))


def tasks_of(desk: Desk, group: Group) -> list[Any]:
    return desk.world.rows(
        "SELECT kind FROM task JOIN task_work USING (id) WHERE group_id = :id", id=group.id
    )
