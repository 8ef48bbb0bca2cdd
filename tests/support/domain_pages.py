"""The pages of a group's domains, their two admins, and the DNS and the worker behind them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from webtest import TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import GroupAdmin
from messa_platform.tenants.models import Group
from tests.support.dns_server import DnsServer
from tests.support.visitors import PASSWORD, Visitor
from tests.support.world import World

NAME = "kommun.example"
CHEF, REKTOR = "chef@annat.example", "rektor@annat.example"


@dataclass
class Office:
    """A municipality with a school, whose admins read English: that of Master, and that of the school."""

    world: World
    runtime: Runtime
    dns: DnsServer
    master: Group
    school: Group
    chef: Visitor
    rektor: Visitor

    def administer(self, group: Group, address: str) -> None:
        """An admin of a group."""
        stored = self.runtime.passwords.hash(PASSWORD)
        account_id = self.world.account(group, address, language="en", password_hash=stored)
        with self.world.database.unit_of_work() as session:
            session.add(GroupAdmin(group_id=group.id, account_id=account_id, tenant_id=group.tenant_id))

    def add(self, visitor: Visitor, place: str, name: str) -> TestResponse:
        """Write a domain into the form and send it."""
        return visitor.send(f"/t/kommun{place}/@@domains", {"domain": name})

    def id_of(self, name: str, group: Group | None = None) -> UUID:
        """The id of a domain."""
        found: UUID = self.world.value(
            "SELECT id FROM domain WHERE name = :name AND tenant_id = :tenant",
            name=name,
            tenant=(group or self.master).tenant_id,
        )
        return found

    def prove(self, name: str) -> None:
        """Put its proof into the DNS, and let the worker look."""
        self.dns.prove(name, self.world.value("SELECT token FROM domain WHERE name = :name", name=name))
        self.look()

    def look(self) -> None:
        """Let the worker look at what is due."""
        self.runtime.administration.checker.run()
        self.runtime.administration.checker.run()

    def work(self) -> None:
        """Let the worker move accounts."""
        handlers = self.runtime.administration.handlers
        while tasks.work_off_tasks(self.world.database, self.world.clock, handlers):
            pass

    def verified(self, name: str = NAME) -> UUID:
        """A domain of Master that is proven; its accounts have come."""
        self.add(self.chef, "", name)
        self.prove(name)
        self.work()
        return self.id_of(name)

    def free(self, address: str) -> UUID:
        """An account of nobody's."""
        rows = self.world.rows(
            'SELECT g.* FROM "group" g JOIN tenant t ON t.id = g.tenant_id WHERE t.is_free AND g.parent_id IS NULL'
        )
        return self.world.account(rows[0], address)

    def home(self, account_id: UUID) -> UUID:
        """The group of an account."""
        found: UUID = self.world.value("SELECT group_id FROM account WHERE id = :id", id=account_id)
        return found


def words(page: TestResponse) -> str:
    """What is to be read in a page."""
    main = page.text.partition("<main")[2].partition("</main>")[0] or page.text
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())
