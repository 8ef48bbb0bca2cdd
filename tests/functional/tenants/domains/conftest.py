"""A municipality with admins, a DNS server of its own, and what looks at domains and moves their accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from messa_platform.core.post import Post
from messa_platform.portal.domain_mails import DomainLetters
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import Actor, GroupAdmin
from messa_platform.tenants.audit import SYSTEM, Author
from messa_platform.tenants.domains import check, claims, take
from messa_platform.tenants.domains.check import Checker
from messa_platform.tenants.domains.claims import Added
from messa_platform.tenants.domains.proof import Resolver
from messa_platform.tenants.domains.settings import DnsSettings
from messa_platform.tenants.domains.standing import DomainRow, get
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.models import Group, Tenant
from messa_platform.tenants.places import Place, place_of
from tests.support.dns_server import DnsServer, a_dns_server
from tests.support.world import World

OPERATOR = "operator@messa.example"


@dataclass
class Town:
    """Groups with their domains: everything in a sentence each."""

    world: World
    dns: DnsServer
    master: Group
    admin_id: UUID
    woken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        post = Post("messa.example", lambda _session, _actor: None)
        letters = DomainLetters("messa.example", "https://messa.example")
        self.told = DomainPost(letters, post, OPERATOR)
        self.checker = self.checker_of()

    def checker_of(self, batch: int = check.BATCH) -> Checker:
        """A worker that looks at so many domains at a time."""
        return Checker(
            self.world.database,
            self.world.clock,
            Resolver(DnsSettings(self.dns.resolver, 2.0)),
            self.told,
            lambda _session, actor: self.woken.append(actor),
            batch=batch,
        )

    @property
    def author(self) -> Author:
        """The admin of Master."""
        return Author(Actor.ADMIN, self.admin_id, "chef@kommunen.example", self.master.id)

    def place(self, group: Group) -> Place:
        """Where a group stands."""
        with self.world.database.unit_of_work() as session:
            found = place_of(session, group.tenant_id, group.id)
        assert found is not None
        return found

    def administer(self, group: Group, address: str, **values: Any) -> UUID:
        """An admin of a group, who is in it."""
        account_id = self.world.account(group, address, **values)
        with self.world.database.unit_of_work() as session:
            session.add(GroupAdmin(group_id=group.id, account_id=account_id, tenant_id=group.tenant_id))
        return account_id

    def try_add(self, group: Group, name: str) -> Any:
        """Claim a name for a group, whatever becomes of it, as the admin of Master; in another tenant nobody has to be one."""
        place = self.place(group)
        author = self.author if group.tenant_id == self.master.tenant_id else SYSTEM
        with self.world.database.unit_of_work() as session:
            return claims.add(session, session, self.world.clock.now(), author, place, name)

    def add(self, group: Group, name: str) -> UUID:
        """Claim a name for a group; gives the claim's id."""
        added = self.try_add(group, name)
        assert isinstance(added, Added), added
        return added.domain_id

    def domain(self, group: Group, domain_id: UUID) -> DomainRow:
        """A domain of a group as it stands."""
        with self.world.database.unit_of_work() as session:
            found = get(session, self.place(group), domain_id)
        assert found is not None
        return found

    def prove(self, domain_id: UUID) -> None:
        """Put a claim's proof into the DNS."""
        name, token = self.world.rows("SELECT name, token FROM domain WHERE id = :id", id=domain_id)[0]
        self.dns.prove(name, token)

    def unprove(self, name: str) -> None:
        """Take a proof out of the DNS."""
        self.dns.drop(f"_messa.{name}")

    def look(self) -> None:
        """Look at what is due, and at what is due because of that."""
        for _ in range(20):
            with self.world.database.unit_of_work() as session:
                if not check.is_due(session, self.world.clock.now()):
                    return
            self.checker.run()
        raise AssertionError("there is always something due")

    def work(self) -> None:
        """Work off all tasks."""
        handlers = take.handlers(self.told)
        while tasks.work_off_tasks(self.world.database, self.world.clock, handlers):
            pass

    def verified(self, group: Group, name: str) -> UUID:
        """A domain of a group that is proven by DNS; its accounts have not been moved yet."""
        domain_id = self.add(group, name)
        self.prove(domain_id)
        self.look()
        assert self.domain(group, domain_id).state == "verified"
        return domain_id

    def mails(self) -> list[tuple[str, str]]:
        """Recipient and subject, as people read it, of each mail that was written since this was last asked; and no more of them."""
        found = [
            (row.recipient, str(make_header(decode_header(row.headers["Subject"]))))
            for row in self.world.rows("SELECT recipient, headers FROM outgoing_mail ORDER BY id")
        ]
        self.world.run("DELETE FROM outgoing_mail")
        return found

    def audit(self, group: Group) -> list[tuple[str, str]]:
        """Action and subject of each entry in a group's log, but those of single accounts."""
        rows = self.world.rows(
            "SELECT action, subject FROM audit_entry WHERE group_id = :id AND action <> 'account_moved' ORDER BY id",
            id=group.id,
        )
        return [tuple(row) for row in rows]

    def home(self, account_id: UUID) -> UUID:
        """The group of an account."""
        found: UUID = self.world.value("SELECT group_id FROM account WHERE id = :id", id=account_id)
        return found

    def free(self) -> Group:
        """The Master group of the platform's own tenant."""
        of_free = select(Group).join(Tenant, Tenant.id == Group.tenant_id)
        with self.world.database.unit_of_work() as session:
            return session.execute(of_free.where(Tenant.is_free, Group.parent_id.is_(None))).scalar_one()


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    with a_dns_server() as server:
        yield server


@pytest.fixture
def town(world: World, dns_server: DnsServer) -> Town:
    """A municipality whose Master group has one admin, who reads English."""
    master = world.tenant()
    admin_id = world.account(master, "chef@kommunen.example", language="en")
    with world.database.unit_of_work() as session:
        session.add(GroupAdmin(group_id=master.id, account_id=admin_id, tenant_id=master.tenant_id))
    return Town(world, dns_server, master, admin_id)
