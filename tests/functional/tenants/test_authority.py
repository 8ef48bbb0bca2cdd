"""Who changes something by an adminship still has it when it is written (spec G10)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants import admins, move_groups, organisation
from messa_platform.tenants.access import sign_on_setup
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import SYSTEM, Author
from messa_platform.tenants.authority import NotAdmin, administers, authorities
from messa_platform.tenants.domains import claims, take
from messa_platform.tenants.domains.verify import Claim
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.people import chosen, member
from messa_platform.tenants.places import Place, place_of
from messa_platform.tenants.set_settings import Wish, change
from tests.support.observe import wait_until_blocked
from tests.support.world import World

ANNA = "anna@kommun.example"


@dataclass
class Town:
    """Master with Skolan and, below it, Klassen; beside them Omsorgen. `head` administers the school; Anna is in the class."""

    world: World
    master: Group
    school: Group
    form: Group
    care: Group
    anna: UUID

    @property
    def head(self) -> Author:
        return self.world.author(self.school)

    def place(self, group: Group) -> Place:
        with self.world.database.unit_of_work() as session:
            found = place_of(session, group.tenant_id, group.id)
        assert found is not None
        return found

    def confined(self) -> Session:
        session = self.world.database.sessions()
        confine(session, Confinement(self.master.tenant_id, None))
        return session

    def administers(self, author: Author, group: Group, *, confined: bool = True) -> bool:
        with self.confined() if confined else self.world.database.sessions() as session, session.begin():
            return administers(session, author, group.tenant_id, group.id)

    def entries(self) -> int:
        return int(self.world.value("SELECT count(*) FROM audit_entry"))


@pytest.fixture
def town(world: World) -> Town:
    master = world.tenant("kommun", "Kommunen")
    school = world.group(master, "Skolan")
    form = world.group(school, "Klassen")
    made = Town(
        world, master, school, form, world.group(master, "Omsorgen"), world.account(form, ANNA, version=1)
    )
    world.author(master)
    assert made.head.group_id == school.id
    return made


# Who does


def test_an_admin_administers_the_own_group_and_what_is_below_it_and_nothing_else(town: Town) -> None:
    found = [town.administers(town.head, group) for group in (town.school, town.form, town.care, town.master)]
    assert found == [True, True, False, False]
    boss = town.world.author(town.master)
    assert all(town.administers(boss, g) for g in (town.school, town.form, town.care, town.master))


@pytest.mark.parametrize("change", ["blocked = true", "removed_at = now()"])
def test_who_is_blocked_or_removed_administers_nothing(town: Town, change: str) -> None:
    town.world.run(f"UPDATE account SET {change} WHERE id = :id", id=town.head.account_id)
    assert not town.administers(town.head, town.school)


def test_who_has_come_to_another_organisation_administers_nothing_here(town: Town) -> None:
    other = town.world.tenant("annan", "Annan")
    town.world.run(
        "UPDATE account SET tenant_id = :tenant WHERE id = :id",
        tenant=other.tenant_id,
        id=town.head.account_id,
    )
    assert not town.administers(town.head, town.school, confined=False)
    assert not town.administers(town.head, other, confined=False)


def test_who_was_made_an_admin_further_up_instead_still_does(town: Town) -> None:
    head = town.head
    town.world.dismiss(head)
    assert not town.administers(head, town.form)
    assert head.account_id
    town.world.administer(town.master, head.account_id)
    assert town.administers(head, town.form)
    # but acts by the adminship of the school alone
    assert not town.administers(head, town.care)


def test_who_administers_less_by_now_does_not_act_by_more(town: Town) -> None:
    head = town.head
    town.world.dismiss(head)
    assert head.account_id
    town.world.administer(town.form, head.account_id)
    assert not town.administers(head, town.form)
    assert town.administers(replace(head, group_id=town.form.id), town.form)


def test_what_is_gone_or_stands_elsewhere_by_now_is_nobodys(town: Town) -> None:
    head, boss = town.head, town.world.author(town.master)
    move = 'UPDATE "group" SET parent_id = :parent, path = CAST(:path AS ltree) WHERE id = :id'
    town.world.run(move, parent=town.care.id, path=f"{town.care.path}.{town.form.id.hex}", id=town.form.id)
    assert not town.administers(head, town.form) and town.administers(boss, town.form)
    town.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=town.form.id)
    assert not town.administers(boss, town.form)


def test_of_several_groups_those_are_told_that_are_still_administered(town: Town) -> None:
    head = town.head
    assert head.account_id
    town.world.administer(town.care, head.account_id)
    also = [town.care.id, town.master.id, town.form.id]
    with town.confined() as session:
        found = authorities(session, head, town.master.tenant_id, also)
    assert found == {town.school.id, town.care.id, town.form.id}


def test_messa_itself_and_the_operator_need_no_adminship(town: Town) -> None:
    assert town.administers(SYSTEM, town.school)
    operator = Author(Actor.OPERATOR, UUID(int=7), "drift@messa.example", town.master.id)
    assert town.administers(operator, town.school)
    assert not town.administers(operator, town.world.tenant("annan", "Annan"))


def test_one_who_is_the_operator_no_longer_is_nothing_in_what_goes_on_by_itself(town: Town) -> None:
    free = town.world.tenant("drift", "Drift")
    account_id = town.world.account(free, "drift@messa.example", is_operator=True)
    operator = Author(Actor.OPERATOR, account_id, "drift@messa.example", town.master.id)
    assert town.administers(operator, town.school, confined=False)
    town.world.run("UPDATE account SET is_operator = false WHERE id = :id", id=account_id)
    assert not town.administers(operator, town.school, confined=False)


# What is written


Write = Callable[[Session, Town], Any]


def _set(session: Session, town: Town) -> Any:
    path = [town.place(group) for group in (town.master, town.school, town.form)]
    wishes = {Key.SENDER_NAME: Wish("Klassen", Lock.SUBADMIN, 0)}
    return change(session, town.world.clock.now(), town.head, path, wishes, lambda *_: None)


def _add_group(session: Session, town: Town) -> Any:
    return move_groups.add(session, town.world.clock.now(), town.head, town.place(town.form), "Ny")


def _rename(session: Session, town: Town) -> Any:
    return move_groups.rename(session, town.world.clock.now(), town.head, town.place(town.form), "Ny", 1)


def _move(session: Session, town: Town) -> Any:
    form, school = town.place(town.form), town.place(town.school)
    return move_groups.move(session, town.world.clock.now(), town.head, form, school, 1)


def _remove_group(session: Session, town: Town) -> Any:
    form, school = town.place(town.form), town.place(town.school)
    return move_groups.remove(session, town.world.clock.now(), town.head, form, school, school, 1)


def _add_admin(session: Session, town: Town) -> Any:
    return admins.add(session, town.world.clock.now(), town.head, town.place(town.form), [ANNA])


def _remove_admin(session: Session, town: Town) -> Any:
    return admins.remove(session, town.world.clock.now(), town.head, town.place(town.form), town.anna)


def _claim(session: Session, town: Town) -> Any:
    now, place = town.world.clock.now(), town.place(town.form)
    return claims.add(session, session, now, town.head, place, "klassen.example")


CONFINED: dict[str, Write] = {
    "a setting is set": _set,
    "a group is added": _add_group,
    "a group is renamed": _rename,
    "a group is moved": _move,
    "a group is removed": _remove_group,
    "an admin is made": _add_admin,
    "an admin is let go": _remove_admin,
    "a domain is claimed": _claim,
}


def _member(what: Callable[..., Any], *given: Any, **more: Any) -> Write:
    def do(session: Session, town: Town) -> Any:
        tenant_id = town.master.tenant_id
        places = [town.place(town.school)] if what is member.move else []
        return what(
            session, town.world.clock.now(), town.head, tenant_id, town.anna, 1, *given, *places, **more
        )

    return do


def _chosen(what: Callable[..., Any], **more: Any) -> Write:
    def do(session: Session, town: Town) -> Any:
        places = [town.place(town.school)] if what is chosen.move else []
        now, tenant_id = town.world.clock.now(), town.master.tenant_id
        return what(session, now, town.head, tenant_id, [town.anna], *places, **more)

    return do


OPEN: dict[str, Write] = {
    "a member is changed": _member(member.change, member.Wish("Anna", None, False)),
    "a member is moved": _member(member.move),
    "a member is removed": _member(member.remove, block=False),
    "some are moved": _chosen(chosen.move),
    "some are removed": _chosen(chosen.remove, block=False),
}
WRITES = CONFINED | OPEN


def written(town: Town, name: str) -> Any:
    with town.confined() if name in CONFINED else town.world.database.sessions() as session, session.begin():
        return WRITES[name](session, town)


@pytest.mark.parametrize("name", WRITES)
def test_who_is_an_admin_no_longer_writes_nothing(town: Town, name: str) -> None:
    town.world.dismiss(town.head)
    standing = (town.entries(), everything(town))
    assert written(town, name) == NotAdmin()
    assert (town.entries(), everything(town)) == standing


@pytest.mark.parametrize(
    "name", [name for name in WRITES if name not in ("a group is moved", "an admin is let go")]
)
def test_who_is_one_does(town: Town, name: str) -> None:
    standing = everything(town)
    assert not isinstance(written(town, name), NotAdmin)
    assert everything(town) != standing


def everything(town: Town) -> list[Any]:
    """All that these could change."""
    tables = ("group_setting", '"group"', "group_admin", "account", "domain")
    return [town.world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


LOCKS = {
    "a setting is set": 'SELECT FROM "group" WHERE id = :form FOR NO KEY UPDATE',
    "a group is added": "SELECT FROM tenant WHERE id = :tenant FOR NO KEY UPDATE",
    "a group is renamed": "SELECT FROM tenant WHERE id = :tenant FOR NO KEY UPDATE",
    "a group is removed": "SELECT FROM tenant WHERE id = :tenant FOR NO KEY UPDATE",
    "an admin is made": "SELECT FROM account WHERE id = :anna FOR NO KEY UPDATE",
    "a member is changed": "SELECT FROM account WHERE id = :anna FOR NO KEY UPDATE",
    "a member is moved": "SELECT FROM account WHERE id = :anna FOR NO KEY UPDATE",
    "a member is removed": "SELECT FROM account WHERE id = :anna FOR NO KEY UPDATE",
    "some are moved": "SELECT FROM account WHERE id = :anna FOR NO KEY UPDATE",
    "some are removed": "SELECT FROM account WHERE id = :anna FOR NO KEY UPDATE",
}


@pytest.mark.parametrize("name", LOCKS)
def test_nor_does_who_is_let_go_while_the_write_waits_for_its_lock(town: Town, name: str) -> None:
    head, answers = town.head, []
    with town.world.database.unit_of_work() as session:
        ids = {"form": town.form.id, "tenant": town.master.tenant_id, "anna": town.anna}
        session.execute(text(LOCKS[name]), {k: v for k, v in ids.items() if f":{k}" in LOCKS[name]})
        writing = threading.Thread(target=lambda: answers.append(written(town, name)))
        writing.start()
        wait_until_blocked(town.world.database)
        session.execute(text("DELETE FROM group_admin WHERE account_id = :id"), {"id": head.account_id})
    writing.join(30)
    assert answers == [NotAdmin()]
    assert town.entries() == 0


def test_of_two_admins_of_master_who_let_each_other_go_the_second_is_one_no_longer(town: Town) -> None:
    world, master = town.world, town.place(town.master)
    first, second = world.author(town.master), world.author(town.master, "andra@kommun.example")
    world.author(town.master, "tredje@kommun.example")
    answers: list[Any] = []

    def let_go(author: Author, other: Author) -> None:
        with town.confined() as session, session.begin():
            assert other.account_id
            answers.append(admins.remove(session, world.clock.now(), author, master, other.account_id))

    with town.confined() as session, session.begin():
        assert second.account_id
        answers.append(admins.remove(session, world.clock.now(), first, master, second.account_id))
        other = threading.Thread(target=let_go, args=(second, first))
        other.start()
        wait_until_blocked(world.database)
    other.join(30)
    assert answers == [admins.Removal.REMOVED, NotAdmin()]


def test_the_organisation_is_its_admins_alone(town: Town) -> None:
    boss, master = town.world.author(town.master), town.place(town.master)
    wish = organisation.Wish("Ny", "sv", "Europe/Stockholm", False)

    def save(version: int) -> Any:
        with town.confined() as session, session.begin():
            now = town.world.clock.now()
            return organisation.change(session, now, boss, master, wish, version, has_second_factor=False)

    assert save(1) == organisation.Saved(changed=True)
    town.world.dismiss(boss)
    assert save(2) == NotAdmin()


def test_domains_are_their_groups_admins_alone(town: Town) -> None:
    world, head, now = town.world, town.head, town.world.clock.now()
    world.domain(town.form, "klassen.example")
    domain_id = world.value("SELECT id FROM domain")
    form, school = town.place(town.form), town.place(town.school)
    claim = Claim(domain_id, form.tenant_id, form.id, "klassen.example")
    provider = sign_on_setup.Provider("Inloggning", "https://id.example", "x", enabled=True)
    keys = Keys([Fernet.generate_key().decode()])

    def tried() -> list[Any]:
        with world.database.unit_of_work() as session:
            return [
                sign_on_setup.save(session, now, keys, head, form, domain_id, provider, "hemligt", ""),
                sign_on_setup.remove(session, now, head, form, domain_id, _mark(session, form, domain_id)),
                take.take_along(session, session, now, head, claim),
                moved := claims.move(session, session, now, head, form, domain_id, school),
                claims.remove(session, now, head, school if moved else form, domain_id),
            ]

    world.dismiss(head)
    gone = sign_on_setup.Outcome.GONE
    assert tried() == [gone, gone, None, None, None]
    assert world.value("SELECT group_id FROM domain") == form.id and town.entries() == 0
    assert head.account_id
    world.administer(town.school, head.account_id)
    saved = sign_on_setup.Outcome.SAVED
    found = tried()
    assert found[:2] == [saved, saved] and None not in found


def _mark(session: Session, place: Place, domain_id: UUID) -> str:
    held = sign_on_setup.set_up(session, place, domain_id)
    return held.mark if held else ""
