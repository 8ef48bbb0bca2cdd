"""Two organisations of the same shape, each with something in every table that a tenant has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from messa_platform.core.clock import STOCKHOLM
from messa_platform.core.ids import new_id
from messa_platform.messaging import conversation, lists
from messa_platform.messaging.log import exports
from messa_platform.messaging.log.asked import Asked, scope_of
from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.exports import Manner
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.models import Door
from messa_platform.messaging.sending_rows import rows_of_pasted
from messa_platform.messaging.sendings import prepare
from messa_platform.runtime import Runtime
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import (
    Actor,
    ConsentRequest,
    GroupAdmin,
    TaskKind,
    TaskLine,
)
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Domain, DomainState, Group
from messa_platform.tenants.places import place_of
from tests.support.visitors import PASSWORD
from tests.support.world import World


@dataclass(frozen=True)
class Organised:
    """An organisation: its Master group, a school below, who administers each, and somebody who just writes.

    `mark` stands in every name, address and text that is its own.
    """

    mark: str
    master: Group
    school: Group
    admin_id: UUID
    sub_id: UUID
    user_id: UUID

    @property
    def admin(self) -> str:
        return f"admin@{self.mark}.example"

    @property
    def sub(self) -> str:
        return f"sub@{self.mark}.example"

    @property
    def user(self) -> str:
        return f"user@{self.mark}.example"


def organise(world: World, runtime: Runtime, mark: str, phone: str) -> Organised:
    """An organisation that has used everything; its user has texted `phone`. Numbers to lend and a channel must be there."""
    master = world.tenant(mark, f"{mark} kommun")
    school = world.group(master, f"{mark}-skolan")
    world.set(master, Key.MAY_RECEIVE, True)
    world.set(master, Key.SIGNATURE, f"/{mark}")
    world.group_quota(school, 500, 7)
    word = runtime.passwords.hash(PASSWORD)
    people = {"language": "en", "password_hash": word}
    made = Organised(
        mark,
        master,
        school,
        world.account(master, f"admin@{mark}.example", display_name=f"{mark} admin", **people),
        world.account(school, f"sub@{mark}.example", display_name=f"{mark} sub", **people),
        world.account(school, f"user@{mark}.example", display_name=f"{mark} user", **people),
    )
    _administer(world, made)
    _write(world, made, phone)
    _export(world, runtime, made)
    return made


def _administer(world: World, made: Organised) -> None:
    now = world.clock.now()
    tenant_id, mark = made.master.tenant_id, made.mark
    author = Author(Actor.ADMIN, made.admin_id, made.admin, made.master.id)
    world.domain(made.master, f"{mark}.example")
    with world.database.unit_of_work() as session:
        for group, account_id in ((made.master, made.admin_id), (made.school, made.sub_id)):
            session.add(GroupAdmin(group_id=group.id, account_id=account_id, tenant_id=tenant_id))
        waiting = Domain(
            tenant_id=tenant_id,
            group_id=made.school.id,
            name=f"skolan-{mark}.example",
            state=DomainState.WAITING,
        )
        session.add(waiting)
        place = place_of(session, tenant_id, made.school.id)
        assert place
        task_id = tasks.draft(session, now, author, place, TaskKind.ADD_PEOPLE, {"mark": mark}, 1)
        session.flush()
        session.add(
            TaskLine(task_id=task_id, place=0, tenant_id=tenant_id, address=f"ny@{mark}.example", word="add")
        )
        tasks.start(session, now, tenant_id, task_id)
        session.add(
            ConsentRequest(
                tenant_id=tenant_id,
                group_id=made.school.id,
                address=f"fri@{mark}.example",
                digest=new_id().bytes,
                asked_at=now,
                expires_at=now + timedelta(days=14),
            )
        )
        change = Change(tenant_id, made.school.id, Action.GROUP_ADDED, made.school.name, made.school.id)
        record(session, now, author, [change])


def _export(world: World, runtime: Runtime, made: Organised) -> None:
    """A log that has become a file, and one that waits to."""
    now, settings = runtime.clock.now(), runtime.settings[ExportSettings]
    for group, account_id, address in (
        (made.master, made.admin_id, made.admin),
        (made.school, made.sub_id, made.sub),
    ):
        with world.database.unit_of_work() as session:
            place = place_of(session, group.tenant_id, group.id)
            assert place
            asked = Asked(scope_of(session, place), now - timedelta(days=7), now + timedelta(days=1))
            author = Author(Actor.ADMIN, account_id, address, group.id)
            exports.ask(
                session, now, author, place, asked, Manner(Format.TEXT, "en", STOCKHOLM.key), settings
            )
        if group is made.master:
            runtime.exporter.run()


def _write(world: World, made: Organised, phone: str) -> None:
    now = world.clock.now()
    for account_id in (made.user_id, made.sub_id, made.admin_id):
        world.words(account_id, [phone], f"{made.mark} hälsar")
    world.words(
        made.user_id, [phone], f"{made.mark} senare", send_at=now + timedelta(days=1), door=Door.PORTAL
    )
    with world.database.unit_of_work() as session:
        thread_id = conversation.find_thread(session, made.user_id, phone)
        assert thread_id
        conversation.rename(session, made.user_id, thread_id, f"{made.mark} Göran")
        parsed = lists.parse_for(session, made.user_id, phone)
        lists.create(session, now, made.user_id, f"{made.mark} lista", parsed.entries)
        prepare(session, now, made.user_id, f"{made.mark} till många", rows_of_pasted(parsed))
