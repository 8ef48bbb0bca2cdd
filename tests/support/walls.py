"""A municipality with a school in its middle whose admin is to know nothing of what stands above and beside it.

All that is there has a mark by which it is known wherever it shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from webtest import TestResponse

from messa_platform.core.ids import new_id
from messa_platform.messaging.statuses import Status
from messa_platform.runtime import Runtime
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.keys import Made, Wish
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import ApiUser
from messa_platform.tenants.audit import Author
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.tree import set_here
from tests.support.api_users import Keyring
from tests.support.log_rows import an_export
from tests.support.operators import at_the_pages
from tests.support.town import make_admin
from tests.support.town_log import Entry, write_down
from tests.support.visitors import Visitor
from tests.support.webhooks import a_webhook
from tests.support.world import World

MARKS = ("overmark", "sidemark", "farmark")
"""In every name, address and domain above the school, beside it, and in the other tenant."""
FIGURES = ("987654", "876543", "765432", "123457", "1717")
"""Quotas above and beside, what is used of them, and how many people are beside."""
BESIDE = 1717
SCHOOL = "/t/kommun/mitten/skolan"


@dataclass
class Walls:
    """The tree `kommun`: Master › Mitten › Skolan › Klass 4B, with others beside Mitten and Skolan. `head` administers the school.

    In an address stand the segments of the groups above; here they have no mark.
    """

    world: World
    runtime: Runtime
    master: Group
    middle: Group
    school: Group
    class_4b: Group
    sibling: Group
    care: Group
    elsewhere: Group
    head: UUID
    above_ids: dict[str, UUID]
    beside_ids: dict[str, UUID]
    far_ids: dict[str, UUID]

    @property
    def visitor(self) -> Visitor:
        """The school's admin at the pages."""
        return at_the_pages(self.runtime, self.head)

    @property
    def hidden(self) -> list[UUID]:
        """Every id of what the school's admin may not see."""
        return [*self.above_ids.values(), *self.beside_ids.values(), *self.far_ids.values()]

    def leaks(self, answer: TestResponse) -> list[str]:
        """What of an answer, its headers included, tells something of above or beside."""
        text = f"{answer.headers}\n{answer.text}".lower()
        digits = re.sub(r"(?<=\d)[\s\u00a0\u202f.,]+(?=\d)", "", text)
        ids = [form for i in self.hidden for form in (str(i), i.hex)]
        return [m for m in (*MARKS, *ids) if m in text] + [f for f in FIGURES if f in digits]


def build_walls(world: World, runtime: Runtime) -> Walls:
    """The municipality, with one of everything on each side of the walls."""
    master = world.tenant("kommun", "Kommunen")
    middle = world.group(master, "Mitten")
    school = world.group(middle, "Skolan")
    groups = {
        "master": master,
        "middle": middle,
        "school": school,
        "class_4b": world.group(school, "Klass 4B"),
        "sibling": world.group(middle, "Sidemark skolan"),
        "care": world.group(master, "Sidemark omsorgen"),
        "elsewhere": world.tenant("annan", "Farmark kommun"),
    }
    for name in ("master", "middle", "elsewhere"):
        mark = "Farmark" if name == "elsewhere" else "Overmark"
        world.run('UPDATE "group" SET name = :name WHERE id = :id', name=f"{mark} {name}", id=groups[name].id)
    head = world.account(school, "rektor@kommun.example", language="en", display_name="Rektor Ek")
    make_admin(world, school, head)
    above, beside, far = (
        _side(world, groups[n], m)
        for n, m in (("master", "overmark"), ("sibling", "sidemark"), ("elsewhere", "farmark"))
    )
    above |= {"group": master.id, "middle": middle.id, **_people(world, middle, "overmark.mitt")}
    beside |= {"group": groups["sibling"].id, "care": groups["care"].id}
    far |= {"group": groups["elsewhere"].id, "tenant": groups["elsewhere"].tenant_id}
    walls = Walls(world, runtime, head=head, above_ids=above, beside_ids=beside, far_ids=far, **groups)
    _settings(walls)
    _log(walls)
    _inside(walls)
    _api_users(walls)
    _webhooks(walls)
    _exports(walls)
    _messages(walls)
    return walls


def _people(world: World, group: Group, name: str) -> dict[str, UUID]:
    account = world.account(group, f"{name}@kommun.example", display_name=f"{name.title()} Ek", language="en")
    make_admin(world, group, account)
    return {f"{name} admin": account}


def _side(world: World, group: Group, mark: str) -> dict[str, UUID]:
    """A person, a domain, a task and a question on one side of the walls; their ids."""
    ids = {name: new_id() for name in ("domain", "verified", "task", "draft", "consent")}
    of_group = {"tenant": group.tenant_id, "group": group.id}
    domain = "INSERT INTO domain (id, tenant_id, group_id, name, state) VALUES (:id, :tenant, :group, :name, :state)"
    world.run(domain, id=ids["domain"], name=f"{mark}.waiting.example", state="waiting", **of_group)
    world.run(domain, id=ids["verified"], name=f"{mark}.example", state="verified", **of_group)
    for name, kind in (("task", "take_domain"), ("draft", "add_people")):
        world.run(
            "INSERT INTO task (id, tenant_id, group_id, kind, parameters, actor, actor_address, created_at)"
            " VALUES (:id, :tenant, :group, :kind, CAST(:parameters AS jsonb), 'admin', :address, :now)",
            id=ids[name], kind=kind, parameters=json.dumps({"domain": f"{mark}.example"}), address=f"{mark}@kommun.example",
            now=world.clock.now(), **of_group,
        )  # fmt: skip
    world.run(
        "INSERT INTO consent_request (id, tenant_id, group_id, address, digest, asked_at, expires_at)"
        " VALUES (:id, :tenant, :group, :address, :digest, :now, :now + interval '1 day')",
        id=ids["consent"], address=f"{mark}.asked@kommun.example", digest=mark.encode(), now=world.clock.now(), **of_group,
    )  # fmt: skip
    person = world.account(group, f"{mark}.person@{mark}.example", display_name=f"{mark.title()} Person")
    return {**ids, "person": person, **_people(world, group, mark)}


def _settings(walls: Walls) -> None:
    """Quotas and what is used of them above and beside, and something that is locked from above in the school itself."""
    world, now = walls.world, walls.world.clock.now()
    limits = ((walls.master, 987654), (walls.middle, 876543), (walls.sibling, 765432), (walls.school, 100))
    for group, sms in limits:
        world.group_quota(group, sms, 30)
    for group in (walls.master, walls.middle, walls.sibling):
        world.run("INSERT INTO quota_counter VALUES (:id)", id=group.id)
        world.run(
            "INSERT INTO quota_usage (scope_id, bucket, parts) VALUES (:id, :now, 123457)",
            id=group.id,
            now=now,
        )
    world.set(walls.sibling, Key.SIGNATURE, "/Sidemark")
    world.set(walls.sibling, Key.SENDER_NAME, "Sidemark")
    with world.database.unit_of_work() as session:
        set_here(session, now, walls.school, Key.SENDER_NAME, "Skolan", Lock.LOCKED, walls.master.id)
        set_here(session, now, walls.school, Key.SIGNATURE, "/Skolan", Lock.SUBADMIN, walls.middle.id)
    _crowd(world, walls.sibling, BESIDE)


def _crowd(world: World, group: Group, count: int) -> None:
    world.run(
        "INSERT INTO account (id, tenant_id, group_id, group_since, address, display_name)"
        " SELECT gen_random_uuid(), :tenant, :group, :now,"
        " 'sidemark' || n || '@kommun.example', 'Sidemark ' || n FROM generate_series(1, :count) AS n",
        tenant=group.tenant_id, group=group.id, now=world.clock.now(), count=count,
    )  # fmt: skip


def _log(walls: Walls) -> None:
    """What was done above and beside, and what was done in the school by somebody above."""
    chief, beside, far = walls.above_ids["overmark admin"], str(walls.sibling.id), str(walls.elsewhere.id)
    here, above = str(walls.school.id), str(walls.middle.id)
    master = ("overmark@kommun.example", chief, walls.master.id)
    entries: Sequence[tuple[Group, str, str, Any, Any]] = (
        (walls.master, "group_renamed", "Overmark", {"name": "Overmark förr"}, {"name": "Overmark"}),
        (walls.sibling, "account_added", "sidemark.ny@kommun.example", None, {"group": beside}),
        (walls.school, "account_moved", "larare@kommun.example", {"group": beside}, {"group": here}),
        (walls.school, "account_moved", "rektor@kommun.example", {"group": above}, {"group": here}),
        (walls.school, "account_moved", "gast@kommun.example", {"group": far}, {"group": here}),
        (walls.school, "group_moved", "Skolan", {"parent": beside}, {"parent": above}),
        (walls.school, "setting_set", "sender_name", None, {"value": "Skolan", "lock": "locked"}),
        (walls.school, "group_removed", "Klass 5A", None, {"people": beside, "groups": above}),
    )
    for group, action, subject, before, after in entries:
        address, actor, of_group = master
        walls.world.run(
            "INSERT INTO audit_entry (id, tenant_id, group_id, at, actor, actor_id, actor_address, actor_group_id, action, subject,"
            " before, after)"
            " VALUES (:id, :tenant, :group, :now, 'admin', :actor, :address, :of_group, :action, :subject, CAST(:before AS jsonb),"
            " CAST(:after AS jsonb))",
            id=new_id(), tenant=group.tenant_id, group=group.id, now=walls.world.clock.now(), actor=actor, address=address,
            of_group=of_group, action=action, subject=subject, before=json.dumps(before), after=json.dumps(after),
        )  # fmt: skip


def _api_users(walls: Walls) -> None:
    """API users on each side of the walls, and one of the school with a key that was made from above."""
    ring, all_scopes = Keyring(walls.world), Wish(KeyKind.V2, "Nyckel", frozenset(Scope))

    def made(group: Group, name: str, *authors: Author) -> tuple[ApiUser, Made]:
        user = ring.create(group, name, authors[0])
        for author in authors:
            key = ring.change(keys.make, group, user.id, all_scopes, author=author)
        return user, key

    for group, mark, ids in (
        (walls.master, "overmark", walls.above_ids),
        (walls.sibling, "sidemark", walls.beside_ids),
        (walls.elsewhere, "farmark", walls.far_ids),
    ):
        by = Author(Actor.ADMIN, ids[f"{mark} admin"], f"{mark}@kommun.example", group.id)
        user, key = made(group, f"{mark.title()} larm", by)
        ids |= {"api user": user.id, "api key": key.id}
    above = walls.above_ids["overmark admin"]
    made(
        walls.school,
        "Larmsystemet",
        Author(Actor.ADMIN, above, "overmark@kommun.example", walls.master.id),
        Author(Actor.ADMIN, walls.head, "rektor@kommun.example", walls.school.id),
    )


def _webhooks(walls: Walls) -> None:
    """Webhooks on each side of the walls, and one of the school."""
    for group, mark, ids in (
        (walls.master, "overmark", walls.above_ids),
        (walls.sibling, "sidemark", walls.beside_ids),
        (walls.elsewhere, "farmark", walls.far_ids),
    ):
        ids["webhook"] = a_webhook(walls.world, group, f"https://93.184.216.34/{mark}", f"{mark} larm")
    a_webhook(walls.world, walls.school)


def _exports(walls: Walls) -> None:
    """Files of logs: those above and beside, one of the school that was asked for from above, and its own."""
    for group, by, mark, ids in (
        (walls.master, None, "overmark", walls.above_ids),
        (walls.school, walls.master, "overmark.above", walls.above_ids),
        (walls.sibling, None, "sidemark", walls.beside_ids),
        (walls.elsewhere, None, "farmark", walls.far_ids),
    ):
        ids[f"export {mark}"] = an_export(walls.world, group, by, f"{mark}@kommun.example")
    an_export(walls.world, walls.school, address="rektor@kommun.example")


def _messages(walls: Walls) -> None:
    """What was sent on each side of the walls: above and beside to numbers that have a figure in them, by people with a mark."""
    at = walls.world.clock.now() - timedelta(hours=2)
    sides = (
        (walls.master, walls.above_ids, FIGURES[0]),
        (walls.sibling, walls.beside_ids, FIGURES[1]),
        (walls.elsewhere, walls.far_ids, FIGURES[2]),
    )
    for group, ids, figure in sides:
        (ids["message"],) = write_down(walls.world, [Entry(group, ids["person"], at, f"+46{figure}001")])
    inside = (
        (walls.school, Status.DELIVERED),
        (walls.class_4b, Status.USED_UP_GROUP),
        (walls.school, Status.INCOMING),
    )
    write_down(
        walls.world,
        [Entry(group, walls.head, at, status=status, rule=walls.school) for group, status in inside],
    )


def _inside(walls: Walls) -> None:
    """People and a domain of the school."""
    world, group = walls.world, walls.school
    world.account(group, "larare@kommun.example", display_name="Lärare Berg")
    world.account(walls.class_4b, "elev@kommun.example", display_name="Elev Dal")
    world.run(
        "INSERT INTO domain (id, tenant_id, group_id, name, state, verified_at, proof) VALUES (:id, :tenant, :group, 'skolan.example',"
        " 'verified', :now, 'dns')",
        id=new_id(), tenant=group.tenant_id, group=group.id, now=world.clock.now(),
    )  # fmt: skip
