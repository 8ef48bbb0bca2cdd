"""A municipality that runs itself: who administers which part of it, in a browser; and another one that must never show."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from webtest import TestResponse

from messa_platform.core.ids import new_id
from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from tests.support.portal import seen
from tests.support.visitors import PASSWORD, Visitor, path_of, signed_in, token_of
from tests.support.world import World

CHIEF, HEAD = "chef@kommun.example", "rektor@kommun.example"


def make_admin(world: World, group: Group, account_id: UUID) -> None:
    """Let an account administer a group."""
    world.administer(group, account_id)


def an_admin(world: World, runtime: Runtime, address: str, *groups: Group) -> UUID:
    """An account in the first of these groups that administers them all; it reads English, which is what the code says."""
    account_id = world.account(
        groups[0], address, language="en", password_hash=runtime.passwords.hash(PASSWORD)
    )
    for group in groups:
        world.administer(group, account_id)
    return account_id


@dataclass
class Desk:
    """An admin's browser, signed in. Pages are in English, as the code says."""

    visitor: Visitor

    def get(self, path: str, status: int = 200) -> TestResponse:
        """A page, which must answer with `status`."""
        page = self.visitor.get(path)
        assert page.status_int == status, f"{path}: {page.status}\n{seen(page)[:2000]}"
        return page

    def send(self, page: str, onto: str = "", /, **fields: str) -> TestResponse:
        """Open a page with a form, and send that filled in, to the page or `onto` another address."""
        return self.visitor.post(onto or page, {"csrf_token": token_of(self.get(page)), **fields})

    def sent(self, page: str, onto: str = "", /, **fields: str) -> TestResponse:
        """The same, and the page that it leads to."""
        answer = self.send(page, onto, **fields)
        assert answer.status_int == 303, f"{answer.status}\n{seen(answer)[:2000]}"
        return self.get(path_of(answer))


@dataclass
class Town:
    """The municipality `kommun`: `school` with the class `class_4b` in it, and `care` beside it; the other tenant is `elsewhere`.

    `chief` administers all of it, `head` the school alone.
    """

    world: World
    runtime: Runtime
    master: Group
    school: Group
    class_4b: Group
    care: Group
    elsewhere: Group
    chief_id: UUID
    head_id: UUID

    @property
    def chief(self) -> Desk:
        """The desk of who administers Master."""
        return Desk(signed_in(self.runtime, CHIEF))

    @property
    def head(self) -> Desk:
        """The desk of who administers the school."""
        return Desk(signed_in(self.runtime, HEAD))

    def person(self, group: Group, address: str, **values: object) -> UUID:
        """Somebody in a group."""
        return self.world.account(group, address, **values)

    def people(self, group: Group, count: int, name: str = "p") -> None:
        """Many of them, `p00000@kommun.example` and on."""
        rows = [
            {"id": str(new_id()), "address": f"{name}{n:05}@kommun.example", "called": f"Person {n}"}
            for n in range(count)
        ]
        self.world.run(
            "INSERT INTO account (id, tenant_id, group_id, group_since, tenant_since, address, display_name)"
            " SELECT unnest(CAST(:ids AS uuid[])), :tenant, :group, :now, :now, unnest(CAST(:addresses AS text[])),"
            " unnest(CAST(:names AS text[]))",
            ids=[row["id"] for row in rows],
            addresses=[row["address"] for row in rows],
            names=[row["called"] for row in rows],
            tenant=group.tenant_id,
            group=group.id,
            now=self.world.clock.now(),
        )

    def group_of(self, address: str) -> UUID:
        """Where somebody is."""
        found: UUID = self.world.value(
            "SELECT group_id FROM account WHERE address = :address", address=address
        )
        return found


def build_town(world: World, runtime: Runtime) -> Town:
    """The municipality as it is at first: nobody in it but its admins."""
    master = world.tenant("kommun", "Kommunen")
    school = world.group(master, "Skolan")
    chief = an_admin(world, runtime, CHIEF, master)
    head = an_admin(world, runtime, HEAD, school)
    return Town(
        world=world,
        runtime=runtime,
        master=master,
        school=school,
        class_4b=world.group(school, "Klass 4B"),
        care=world.group(master, "Omsorgen"),
        elsewhere=world.tenant("annan", "Annan kommun"),
        chief_id=chief,
        head_id=head,
    )
