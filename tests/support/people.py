"""A municipality with a small tree and a neighbour, and all that adds people to it; for tests of its people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from messa_platform.core.post import Post
from messa_platform.portal.people_mails import PeopleLetters
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import Actor, TaskKind
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Group
from messa_platform.tenants.people import add
from messa_platform.tenants.people.adding import Adding
from messa_platform.tenants.people.mails import PeoplePost
from messa_platform.tenants.people.plan import Planned, Questions, plan
from messa_platform.tenants.people.reading import read_lines
from messa_platform.tenants.people.recall import Recall
from messa_platform.tenants.places import Place, place_of
from messa_platform.tenants.tasks import TaskRow
from tests.support.world import World

KARIN = "karin@kommun.example"


@dataclass
class Town:
    """The municipality: Master with Skolan, below it Klassen, and beside them Omsorgen. Karin administers Master."""

    world: World
    master: Group
    school: Group
    form: Group
    care: Group
    other: Group
    woken: list[str] = field(default_factory=list)

    @property
    def post(self) -> PeoplePost:
        writer = Post("messa.example", lambda session, actor: self.woken.append(actor))
        return PeoplePost(PeopleLetters("messa.example", "https://messa.example"), writer)

    @property
    def adding(self) -> Adding:
        return Adding(self.post)

    def place(self, group: Group) -> Place:
        with self.world.database.unit_of_work() as session:
            found = place_of(session, group.tenant_id, group.id)
            assert found is not None
            return found

    def admin(self, group: Group, address: str, **values: Any) -> UUID:
        """An account in a group that administers it."""
        account_id = self.world.account(group, address, **values)
        self.make_admin(group, account_id)
        return account_id

    def make_admin(self, group: Group, account_id: UUID) -> None:
        self.world.administer(group, account_id)

    def admins(self, group: Group) -> list[str]:
        rows = self.world.rows(
            "SELECT a.address FROM group_admin ga JOIN account a ON a.id = ga.account_id WHERE ga.group_id = :id ORDER BY 1",
            id=group.id,
        )
        return [row.address for row in rows]

    def author(self, authority: Group, address: str = KARIN, account_id: UUID | None = None) -> Author:
        """Somebody who acts by the adminship of a group."""
        if account_id is not None or (authority.id == self.master.id and address == KARIN):
            return Author(Actor.ADMIN, account_id or self.account(address).id, address, authority.id)
        return self.world.author(authority, "" if address == KARIN else address)

    def plan(self, group: Group, authority: Group, text: str) -> list[Planned]:
        place = self.place(group)
        with self.world.database.unit_of_work() as session:
            now, may_ask = self.world.clock.now(), Questions(10_000)
            return plan(session, now, place, authority.id, read_lines(text), may_ask)

    def words(self, group: Group, authority: Group, *addresses: str) -> list[str]:
        """What would become of each address."""
        return [planned.word.value for planned in self.plan(group, authority, "\n".join(addresses))]

    def draft(self, group: Group, authority: Group, text: str) -> UUID:
        """What was pasted, by an admin of `authority`, waits for a yes."""
        place, top = self.place(group), self.place(authority)
        with self.world.database.unit_of_work() as session:
            now, author = self.world.clock.now(), self.author(authority)
            lines = read_lines(text, "messa.example")
            return add.draft(session, now, author, place, [top, place], lines, self.adding.asks_a_day)

    def confirm(self, group: Group, task_id: UUID, author: Author | None = None) -> TaskRow | None:
        """Whoever has pasted it says yes, or `author`."""
        author = author or self.task(group, task_id).author
        with self.world.database.unit_of_work() as session:
            return add.confirm(session, self.world.clock.now(), author, group.tenant_id, task_id)

    def work(self) -> None:
        """The actor works off what waits."""
        handlers = {TaskKind.ADD_PEOPLE: self.adding.step, TaskKind.RECALL_NUMBERS: Recall().step}
        while tasks.work_off_tasks(self.world.database, self.world.clock, handlers):
            pass

    def add(self, group: Group, authority: Group, *addresses: str) -> dict[str, str]:
        """Add people by a task; gives what became of each address."""
        task_id = self.draft(group, authority, "\n".join(addresses))
        self.confirm(group, task_id)
        self.work()
        return self.became(group, task_id)

    def became(self, group: Group, task_id: UUID) -> dict[str, str]:
        with self.world.database.unit_of_work() as session:
            told = add.lines(session, group.tenant_id, task_id, most=30_000)
        return {line.address or line.written: line.word.value for line in told}

    def task(self, group: Group, task_id: UUID) -> TaskRow:
        with self.world.database.unit_of_work() as session:
            found = tasks.get(session, group.tenant_id, task_id)
        assert found is not None
        return found

    def account(self, address: str) -> Any:
        [row] = self.world.rows("SELECT * FROM account WHERE address = :address", address=address)
        return row

    def log(self, group: Group) -> list[tuple[str, str]]:
        """The log of a very group, the oldest entry first."""
        rows = self.world.rows(
            "SELECT action, subject FROM audit_entry WHERE group_id = :id ORDER BY id", id=group.id
        )
        return [(row.action, row.subject) for row in rows]

    def mails(self, key: str = "") -> list[Any]:
        return self.world.rows("SELECT * FROM outgoing_mail WHERE key LIKE :key ORDER BY id", key=f"{key}%")

    def lent(self, account_ids: Sequence[UUID]) -> None:
        """Each of these borrows a number."""
        for account_id in account_ids:
            self.world.words(account_id, ["0701740605"], f"Hej {account_id}")
