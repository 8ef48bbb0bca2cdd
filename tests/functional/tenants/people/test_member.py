"""One member as its admins see and change it (spec G11, G12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock, stockholm_day
from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants.accounts import issue_token
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, TokenKind
from messa_platform.tenants.people import member
from messa_platform.tenants.people.member import Conflict, Done, Member, Refusal, Use, Wish
from messa_platform.tenants.profile import MAX_NAME
from tests.support.observe import statements, together
from tests.support.people import KARIN, Town
from tests.support.world import World

ANNA = "anna@kommun.example"


@pytest.fixture
def anna(town: Town, world: World) -> UUID:
    return world.account(town.form, ANNA, display_name="Anna")


def read(town: Town, authority: Group, account_id: UUID, tenant: Group | None = None) -> Member | None:
    with town.world.database.unit_of_work() as session:
        tenant_id = (tenant or town.master).tenant_id
        return member.read(session, town.world.clock.now(), tenant_id, authority.id, account_id)


def seen(town: Town, authority: Group, account_id: UUID) -> Member:
    found = read(town, authority, account_id)
    assert found is not None
    return found


def do(town: Town, what: Any, authority: Group, account_id: UUID, *args: Any, **more: Any) -> Any:
    """Change a member by the adminship of `authority`, as it stands now unless a version is given."""
    version = more.pop("version", None) or town.world.value(
        "SELECT version FROM account WHERE id = :id", id=account_id
    )
    author = more.pop("author", None) or town.author(authority, account_id=more.pop("by", None))
    with town.world.database.unit_of_work() as session:
        now, tenant_id = town.world.clock.now(), town.master.tenant_id
        return what(session, now, author, tenant_id, account_id, version, *args, **more)


def change(town: Town, account_id: UUID, authority: Group | None = None, **values: Any) -> Any:
    wish = {"display_name": "Anna", "language": None, "is_blocked": False}
    more = {name: values.pop(name) for name in ("version", "by", "author") if name in values}
    return do(town, member.change, authority or town.master, account_id, Wish(**{**wish, **values}), **more)


# Seeing


def test_a_member_is_shown_with_its_number_and_when_it_last_sent(
    town: Town, world: World, anna: UUID, clock: FixedClock
) -> None:
    world.channel()
    world.numbers()
    world.set(town.school, Key.MAY_RECEIVE, True)
    assert seen(town, town.school, anna).last_sent is None
    clock.move(timedelta(days=2))
    town.lent([anna])
    shown = seen(town, town.school, anna)
    assert (shown.address, shown.display_name, shown.group_id) == (ANNA, "Anna", town.form.id)
    assert shown.number == world.sender(anna).number is not None
    assert shown.last_sent == stockholm_day(clock.now())
    assert (shown.is_blocked, shown.language, shown.has_password, shown.version) == (False, None, False, 1)


def test_what_it_sent_before_it_came_is_not_told(
    town: Town, world: World, anna: UUID, clock: FixedClock
) -> None:
    world.channel()
    town.lent([anna])
    clock.move(timedelta(days=3))
    world.move_account(anna, town.care)
    assert seen(town, town.care, anna).last_sent is None


def test_who_stands_above_or_beside_or_elsewhere_or_is_removed_is_nobody(
    town: Town, world: World, anna: UUID
) -> None:
    others = {
        town.master: world.account(town.master, "chef@kommun.example"),
        town.care: world.account(town.care, "cia@kommun.example"),
        town.other: world.account(town.other, "bo@annan.example"),
    }
    assert [read(town, town.school, account_id) for account_id in others.values()] == [None] * 3
    assert read(town, town.other, others[town.other]) is None  # of another tenant than the one that is named
    world.run("UPDATE account SET removed_at = now() WHERE id = :id", id=anna)
    assert read(town, town.school, anna) is None


def test_of_what_it_administers_only_what_the_admin_sees_is_told(town: Town, anna: UUID) -> None:
    town.make_admin(town.form, anna)
    town.make_admin(town.school, anna)
    town.make_admin(town.master, anna)
    assert seen(town, town.school, anna).admin_of == (town.school.id, town.form.id)
    assert seen(town, town.master, anna).admin_of == (town.master.id, town.school.id, town.form.id)


def test_what_is_left_of_its_quota_is_told_where_its_limit_may_be_seen(
    town: Town, world: World, anna: UUID
) -> None:
    world.channel()
    assert seen(town, town.school, anna).use is None
    world.account_quota(town.master, 20, 30)
    town.lent([anna])
    assert seen(town, town.master, anna).use == Use(19, 20, 30, town.master.id)
    assert seen(town, town.school, anna).use == Use(None, None, None, None)
    world.account_quota(town.school, None)
    assert seen(town, town.school, anna).use == Use(None, None, None, town.school.id)


def test_a_member_is_shown_by_the_same_few_statements_whatever_it_has(
    town: Town, world: World, anna: UUID
) -> None:
    def count() -> int:
        with statements(world.database.engine) as executed:
            seen(town, town.school, anna)
        return len(executed)

    world.account_quota(town.school, 100, 30)
    before = count()
    for group in (town.master, town.school, town.form):
        town.make_admin(group, anna)
    assert count() == before <= 5


def test_a_member_is_shown_to_a_session_that_sees_its_tenant_alone(
    town: Town, world: World, anna: UUID
) -> None:
    world.channel()
    world.numbers()
    world.set(town.school, Key.MAY_RECEIVE, True)
    world.account_quota(town.school, 20, 30)
    town.lent([anna])
    town.make_admin(town.form, anna)
    with world.database.sessions() as session:
        confine(session, Confinement(town.master.tenant_id, None))
        shown = member.read(session, world.clock.now(), town.master.tenant_id, town.school.id, anna)
    assert shown == seen(town, town.school, anna)
    assert shown.number
    assert shown.use == Use(19, 20, 30, town.school.id)


# Changing


def test_a_change_is_written_down_with_what_was_before(town: Town, world: World, anna: UUID) -> None:
    assert change(town, anna, display_name="  Anna \n Ek ", language="en") == Done()
    row = town.account(ANNA)
    assert (row.display_name, row.language, row.version) == ("Anna Ek", "en", 2)
    [entry] = world.rows("SELECT * FROM audit_entry WHERE group_id = :id", id=town.form.id)
    assert (entry.action, entry.subject, entry.actor_address) == ("account_changed", ANNA, KARIN)
    assert entry.before == {"display_name": "Anna", "language": None}
    assert entry.after == {"display_name": "Anna Ek", "language": "en"}


def test_a_change_of_nothing_is_none(town: Town, anna: UUID) -> None:
    assert change(town, anna) == Done()
    assert town.account(ANNA).version == 1
    assert town.log(town.form) == []


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"display_name": "A" * (MAX_NAME + 1)}, Refusal.TOO_LONG),
        ({"language": "xx"}, Refusal.UNKNOWN_LANGUAGE),
    ],
)
def test_what_cannot_be_changes_nothing(
    town: Town, anna: UUID, values: dict[str, Any], refusal: Refusal
) -> None:
    assert change(town, anna, **{"is_blocked": True, **values}) is refusal
    row = town.account(ANNA)
    assert (row.display_name, row.blocked, row.version) == ("Anna", False, 1)


def test_the_second_of_two_admins_is_told_and_overwrites_nothing(town: Town, anna: UUID) -> None:
    assert change(town, anna, display_name="Anna Ek", version=1) == Done()
    assert change(town, anna, display_name="Anna Al", version=1) == Conflict(2)
    assert do(town, member.move, town.master, anna, town.place(town.care), version=1) == Conflict(2)
    assert do(town, member.remove, town.master, anna, block=False, version=1) == Conflict(2)
    assert town.account(ANNA).display_name == "Anna Ek"
    assert change(town, anna, display_name="Anna Al", version=2) == Done()
    assert town.account(ANNA).display_name == "Anna Al"


def test_of_two_at_the_very_same_time_one_is_told(town: Town, anna: UUID) -> None:
    outcomes = together(
        [lambda n=name: change(town, anna, display_name=n, version=1) for name in ("Ek", "Al")]  # type: ignore[misc]
    )
    assert sorted(map(str, outcomes)) == [str(Conflict(2)), str(Done())]


def test_nobody_above_or_beside_can_be_changed(town: Town, world: World) -> None:
    chef = world.account(town.master, "chef@kommun.example")
    cia = world.account(town.care, "cia@kommun.example")
    bo = world.account(town.other, "bo@annan.example")
    for account_id in (chef, cia, bo):
        assert change(town, account_id, town.school, is_blocked=True) is Refusal.UNKNOWN
        assert do(town, member.remove, town.school, account_id, block=True) is Refusal.UNKNOWN
        assert do(town, member.move, town.school, account_id, town.place(town.form)) is Refusal.UNKNOWN
    assert world.value("SELECT count(*) FROM account WHERE version > 1") == 0


@pytest.fixture
def at_home(town: Town, world: World, anna: UUID) -> UUID:
    """Anna with all that an account can have: a number, a session, a password, a second factor, links, an adminship."""
    world.channel()
    world.numbers()
    world.set(town.school, Key.MAY_RECEIVE, True)
    town.lent([anna])
    town.make_admin(town.school, anna)
    world.run(
        "INSERT INTO web_session (id, tenant_id, account_id, kind, digest, csrf, user_agent, address, created_at, seen_at, expires_at)"
        " SELECT gen_random_uuid(), tenant_id, id, 'browser', 'x', 'x', '', '', now(), now(), now() FROM account WHERE id = :id",
        id=anna,
    )
    world.run(
        "UPDATE account SET password_hash = 'x', totp_secret = 'x', totp_since = now(), totp_step = 1 WHERE id = :id",
        id=anna,
    )
    world.run("INSERT INTO recovery_code (account_id, digest) VALUES (:id, 'x')", id=anna)
    with world.database.unit_of_work() as session:
        issue_token(session, world.clock.now(), anna, TokenKind.RESET, timedelta(hours=1))
    return anna


def left_of(world: World, account_id: UUID) -> dict[str, int]:
    """What an account still has."""
    tables = ("web_session", "account_token", "recovery_code", "number", "group_admin")
    return {
        table: world.value(f"SELECT count(*) FROM {table} WHERE account_id = :id", id=account_id)
        for table in tables
    }


def test_who_is_blocked_is_signed_out_and_gives_the_number_back(
    town: Town, world: World, at_home: UUID
) -> None:
    assert change(town, at_home, is_blocked=True) == Done()
    assert town.account(ANNA).blocked
    has = left_of(world, at_home)
    assert (has["web_session"], has["number"], has["group_admin"]) == (0, 0, 1)
    assert town.log(town.form) == [("account_blocked", ANNA)]
    assert change(town, at_home, is_blocked=False) == Done()
    assert not town.account(ANNA).blocked
    assert town.log(town.form)[1:] == [("account_unblocked", ANNA)]


def test_a_removed_member_has_nothing_left_that_opens_the_account_and_keeps_what_it_sent(
    town: Town, world: World, at_home: UUID, clock: FixedClock
) -> None:
    assert do(town, member.remove, town.master, at_home, block=False) == Done()
    row = town.account(ANNA)
    assert (row.removed_at, row.blocked) == (clock.now(), False)
    assert (row.password_hash, row.totp_secret, row.totp_since, row.totp_step) == (None,) * 4
    assert set(left_of(world, at_home).values()) == {0}
    assert world.value("SELECT count(*) FROM message WHERE account_id = :id", id=at_home) == 1
    assert town.log(town.form) == [("account_removed", ANNA)]
    assert town.log(town.school) == [("admin_removed", ANNA)]
    assert world.value("SELECT after FROM audit_entry WHERE action = 'account_removed'") is None
    assert seen_as_nobody(town, at_home)


def seen_as_nobody(town: Town, account_id: UUID) -> bool:
    return read(town, town.master, account_id) is None


def test_a_removed_and_blocked_member_is_written_down_as_such(town: Town, world: World, anna: UUID) -> None:
    assert do(town, member.remove, town.school, anna, block=True) == Done()
    assert town.account(ANNA).blocked
    assert world.value("SELECT after FROM audit_entry") == {"blocked": True}
    assert do(town, member.remove, town.school, anna, block=True) is Refusal.UNKNOWN


def test_nobody_blocks_or_removes_themselves_or_one_of_the_platforms_own(
    town: Town, world: World, anna: UUID
) -> None:
    town.make_admin(town.master, anna)
    assert change(town, anna, by=anna, is_blocked=True) is Refusal.YOURSELF
    assert do(town, member.remove, town.master, anna, by=anna, block=False) is Refusal.YOURSELF
    world.run("UPDATE account SET is_operator = true WHERE id = :id", id=anna)
    assert change(town, anna, is_blocked=True) is Refusal.OPERATOR
    assert do(town, member.remove, town.master, anna, block=False) is Refusal.OPERATOR
    assert do(town, member.move, town.master, anna, town.place(town.care)) is Refusal.OPERATOR
    assert town.account(ANNA).version == 1


def test_the_last_admin_of_an_organisation_is_neither_blocked_nor_removed(town: Town, world: World) -> None:
    karin = town.account(KARIN).id
    operator = Author(Actor.OPERATOR, None, "drift@messa.example", town.master.id)
    assert change(town, karin, author=operator, is_blocked=True) is Refusal.LAST_ADMIN
    assert do(town, member.remove, town.master, karin, author=operator, block=False) is Refusal.LAST_ADMIN
    town.admin(town.master, "kim@kommun.example")
    assert do(town, member.remove, town.master, karin, author=operator, block=False) == Done()
    assert town.admins(town.master) == ["kim@kommun.example"]


def test_a_member_is_moved_with_all_that_follows(
    town: Town, world: World, at_home: UUID, clock: FixedClock
) -> None:
    clock.move(timedelta(days=1))
    assert do(town, member.move, town.master, at_home, town.place(town.care)) == Done()
    row = town.account(ANNA)
    assert (row.group_id, row.group_since, row.placed_by_hand) == (town.care.id, clock.now(), True)
    assert town.log(town.form) == town.log(town.care) == [("account_moved", ANNA)]
    has = left_of(world, at_home)
    assert (has["number"], has["group_admin"], has["web_session"]) == (0, 0, 1)


def test_a_member_is_not_moved_to_where_there_is_no_group(town: Town, world: World, anna: UUID) -> None:
    care, other = town.place(town.care), town.place(town.other)
    world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=town.care.id)
    assert do(town, member.move, town.master, anna, care) is Refusal.UNKNOWN
    assert do(town, member.move, town.master, anna, other) is Refusal.UNKNOWN
    assert do(town, member.move, town.master, anna, town.place(town.form)) == Done()
    assert town.account(ANNA).version == 1
