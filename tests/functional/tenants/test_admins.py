"""Who administers a group: made and let go, by its rules (spec G10)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.db import Database
from messa_platform.core.post import Post
from messa_platform.core.row_security import Confinement, confine
from messa_platform.portal.admin_mails import AdminMails
from messa_platform.tenants import admins
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.admins import Answer, Removal, Word
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import Place, place_of
from tests.support.observe import statements, together, wait_until_blocked
from tests.support.world import World

MAILS = AdminMails("messa.example", "https://messa.example")


def place(world: World, group: Group) -> Place:
    with world.database.unit_of_work() as session:
        found = place_of(session, group.tenant_id, group.id)
    assert found is not None
    return found


@dataclass
class Office:
    """A municipality with a school and a class, and who changes its admins."""

    world: World
    master: Group
    school: Group
    other: Group
    post: Post = field(default_factory=lambda: Post("messa.example", lambda *_: None))

    @property
    def author(self) -> Author:
        return Author(Actor.OPERATOR, None, "chef@kommun.example", self.master.id)

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def add(self, group: Group, *lines: str) -> list[Answer]:
        """As the portal does: by a session that sees this tenant alone."""
        where = place(self.world, group)
        with self.world.database.sessions() as session:
            confine(session, Confinement(group.tenant_id, None))
            with session.begin():
                answers = admins.add(session, self.now, self.author, where, lines)
        with self.world.database.unit_of_work() as session:
            admins.tell_added(session, self.now, where, answers, MAILS, self.post)
        return answers

    def words(self, group: Group, *lines: str) -> list[str]:
        return [answer.word.value for answer in self.add(group, *lines)]

    def remove(self, group: Group, account_id: UUID) -> Removal:
        where = place(self.world, group)
        with self.world.database.sessions() as session:
            confine(session, Confinement(group.tenant_id, None))
            with session.begin():
                return admins.remove(session, self.now, self.author, where, account_id)

    def drop_strayed(self, *account_ids: UUID) -> None:
        with self.world.database.unit_of_work() as session:
            admins.drop_strayed(session, self.now, self.author, account_ids)

    def of(self, group: Group) -> list[str]:
        with self.world.database.unit_of_work() as session:
            return [admin.address for admin in admins.of_group(session, group.tenant_id, group.id)]

    def audit(self) -> list[tuple[Any, ...]]:
        rows = self.world.rows("SELECT group_id, action, subject, after FROM audit_entry ORDER BY id")
        return [tuple(row) for row in rows]


@pytest.fixture
def office(world: World) -> Office:
    master = world.tenant()
    return Office(world, master, world.group(master, "Skolan"), world.group(master, "Omsorgen"))


def test_a_member_of_the_groups_tree_becomes_its_admin_and_is_told(office: Office, world: World) -> None:
    class_ = world.group(office.school, "4B")
    world.account(office.school, "anna@kommun.example", language="sv")
    world.account(class_, "bo@kommun.example", language="en")
    assert office.add(office.school, "Anna@Kommun.example ", "bo@kommun.example") == [
        Answer("anna@kommun.example", Word.ADDED),
        Answer("bo@kommun.example", Word.ADDED),
    ]
    assert office.of(office.school) == ["anna@kommun.example", "bo@kommun.example"]
    mails = world.rows("SELECT recipient, headers, text FROM outgoing_mail ORDER BY recipient")
    assert [mail.recipient for mail in mails] == ["anna@kommun.example", "bo@kommun.example"]
    assert "Skolan" in mails[1].text and "Kommunen" in mails[1].text
    assert "https://messa.example/t\n" in mails[1].text
    assert "chef@kommun.example" not in mails[1].text + str(mails[1].headers)
    assert office.audit() == [
        (office.school.id, "admin_added", "anna@kommun.example", None),
        (office.school.id, "admin_added", "bo@kommun.example", None),
    ]


def test_each_line_is_answered_and_all_that_can_be_become_admins(office: Office, world: World) -> None:
    world.account(office.school, "anna@kommun.example")
    world.account(office.school, "blockerad@kommun.example", blocked=True)
    world.account(office.school, "borta@kommun.example", removed_at=world.clock.now())
    assert office.words(office.school, "anna@kommun.example") == ["added"]
    world.account(office.school, "ny@kommun.example")
    assert office.words(
        office.school,
        "anna@kommun.example",
        "blockerad@kommun.example",
        "borta@kommun.example",
        "ingen adress",
        "",
        "NY@kommun.example",
        "ny@kommun.example",
    ) == ["already", "blocked", "not_in_tree", "bad", "added"]
    assert office.of(office.school) == ["anna@kommun.example", "ny@kommun.example"]


def test_who_is_elsewhere_and_who_is_nowhere_get_the_same_answer(office: Office, world: World) -> None:
    stranger = world.tenant("annan", "Annan kommun")
    world.account(office.master, "over@kommun.example")
    world.account(office.other, "bredvid@kommun.example")
    world.account(stranger, "olle@annan.example")
    lines = ["over@kommun.example", "bredvid@kommun.example", "olle@annan.example", "nobody@nowhere.example"]
    assert office.words(office.school, *lines) == ["not_in_tree"] * 4
    assert office.of(office.school) == [] and office.audit() == []


def test_an_admin_is_let_go_and_the_log_has_it(office: Office, world: World) -> None:
    anna = world.account(office.school, "anna@kommun.example")
    office.add(office.school, "anna@kommun.example")
    assert office.remove(office.other, anna) is Removal.NO_ADMIN
    assert office.remove(office.school, anna) is Removal.REMOVED
    assert office.remove(office.school, anna) is Removal.NO_ADMIN
    assert office.of(office.school) == []
    assert office.audit()[1:] == [(office.school.id, "admin_removed", "anna@kommun.example", None)]


def test_the_last_admin_of_master_stays(office: Office, world: World) -> None:
    chief = world.account(office.master, "chef@kommun.example")
    second = world.account(office.school, "vice@kommun.example")
    office.add(office.master, "chef@kommun.example", "vice@kommun.example")
    assert office.remove(office.master, second) is Removal.REMOVED
    assert office.remove(office.master, chief) is Removal.LAST
    assert office.of(office.master) == ["chef@kommun.example"]


def test_an_admin_who_is_blocked_does_not_count_as_one_who_is_left(office: Office, world: World) -> None:
    chief = world.account(office.master, "chef@kommun.example")
    blocked = world.account(office.master, "vice@kommun.example")
    office.add(office.master, "chef@kommun.example", "vice@kommun.example")
    world.run("UPDATE account SET blocked = true WHERE id = :id", id=blocked)
    assert office.remove(office.master, chief) is Removal.LAST
    assert office.remove(office.master, blocked) is Removal.REMOVED


def test_two_who_let_each_other_go_leave_one(office: Office, world: World) -> None:
    chief = world.account(office.master, "chef@kommun.example")
    second = world.account(office.master, "vice@kommun.example")
    office.add(office.master, "chef@kommun.example", "vice@kommun.example")
    found = together(
        [lambda: office.remove(office.master, chief), lambda: office.remove(office.master, second)]
    )
    assert sorted(found) == [Removal.LAST, Removal.REMOVED]
    assert len(office.of(office.master)) == 1


def test_an_admin_who_leaves_the_tree_is_admin_no_longer(office: Office, world: World) -> None:
    anna = world.account(office.school, "anna@kommun.example")
    office.add(office.school, "anna@kommun.example")
    office.add(office.master, "anna@kommun.example")
    world.move_account(anna, office.other)
    office.drop_strayed(anna)
    assert office.of(office.school) == [] and office.of(office.master) == ["anna@kommun.example"]
    assert office.audit()[-1] == (office.school.id, "admin_removed", "anna@kommun.example", {"why": "moved"})


def test_an_admin_who_moves_within_the_tree_stays_admin(office: Office, world: World) -> None:
    anna = world.account(office.school, "anna@kommun.example")
    office.add(office.school, "anna@kommun.example")
    world.move_account(anna, world.group(office.school, "4B"))
    office.drop_strayed(anna)
    assert office.of(office.school) == ["anna@kommun.example"]


def test_who_leaves_the_organisation_or_is_removed_administers_nothing_of_it(
    office: Office, world: World
) -> None:
    stranger = world.tenant("annan", "Annan kommun")
    anna = world.account(office.master, "anna@kommun.example")
    bo = world.account(office.master, "bo@kommun.example")
    office.add(office.master, "anna@kommun.example", "bo@kommun.example")
    world.move_account(anna, stranger)
    world.run("UPDATE account SET removed_at = now() WHERE id = :id", id=bo)
    office.drop_strayed(anna, bo)
    assert office.of(office.master) == []
    assert [entry[1:3] for entry in office.audit()[-2:]] == [
        ("admin_removed", "anna@kommun.example"),
        ("admin_removed", "bo@kommun.example"),
    ]


def test_dropping_the_strayed_takes_two_statements_however_many_there_are(
    office: Office, world: World, database: Database
) -> None:
    people = [world.account(office.school, f"a{n}@kommun.example") for n in range(20)]
    office.add(office.school, *(f"a{n}@kommun.example" for n in range(20)))
    for account in people:
        world.move_account(account, office.other)
    with statements(database.engine) as seen:
        office.drop_strayed(*people)
    assert len(seen) == 2 and office.of(office.school) == []


def test_adding_takes_the_same_statements_for_one_and_for_fifty(
    office: Office, world: World, database: Database
) -> None:
    for n in range(51):
        world.account(office.school, f"a{n}@kommun.example")

    def count(*lines: str) -> int:
        with statements(database.engine) as seen:
            office.add(office.school, *lines)
        return len(seen)

    assert count("a0@kommun.example") == count(*(f"a{n}@kommun.example" for n in range(1, 51)))


def test_who_is_moved_away_at_the_same_moment_does_not_become_an_admin(
    office: Office, world: World, database: Database
) -> None:
    anna, locked = world.account(office.school, "anna@kommun.example"), threading.Event()

    def move() -> list[Answer]:
        with database.unit_of_work() as session:
            session.connection().exec_driver_sql(
                "UPDATE account SET group_id = %(group)s WHERE id = %(id)s",
                {"group": office.other.id, "id": anna},
            )
            locked.set()
            wait_until_blocked(database)
        return []

    def add() -> list[Answer]:
        assert locked.wait(30)
        return office.add(office.school, "anna@kommun.example")

    assert together([move, add])[1] == [Answer("anna@kommun.example", Word.NOT_IN_TREE)]
    assert office.of(office.school) == []
