"""What goes along with an account that is moved to its domain's group, and who is told (spec D4, B3, G13)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

from messa_platform.tenants import numbers
from messa_platform.tenants.models import Group
from tests.functional.tenants.domains.conftest import Town
from tests.functional.tenants.domains.take.conftest import NAME, takes, undo

CHEF = "chef@kommunen.example"


def moved_by(town: Town, address: str, group: Group) -> list[tuple[str, str]]:
    """From and to in the entries of an account in a group's log."""
    rows = town.world.rows(
        "SELECT before->>'group' AS was, after->>'group' AS is FROM audit_entry WHERE subject = :address AND group_id = :id",
        address=address,
        id=group.id,
    )
    return [tuple(row) for row in rows]


def test_both_groups_logs_have_each_account_and_only_ones_own_who_it_was(
    town: Town, school: Group, rival: Group
) -> None:
    town.verified(town.master, NAME)
    town.work()
    town.world.account(rival, f"a@skolan.{NAME}")
    town.world.account(town.master, f"b@skolan.{NAME}")
    town.add(school, f"skolan.{NAME}")
    town.work()
    for address, group in ((f"a@skolan.{NAME}", rival), (f"b@skolan.{NAME}", town.master)):
        way = [(str(group.id), str(school.id))]
        assert moved_by(town, address, group) == way == moved_by(town, address, school)
    rows = town.world.rows("SELECT group_id, actor_address FROM audit_entry WHERE action = 'account_moved'")
    assert Counter((row.group_id, row.actor_address) for row in rows) == {
        (rival.id, ""): 1,
        (town.master.id, CHEF): 1,
        (school.id, CHEF): 2,
    }


def test_the_admins_of_groups_that_lose_accounts_are_told_how_many(
    town: Town, school: Group, rival: Group
) -> None:
    town.administer(school, "rektor@skolan.example", language="en")
    town.administer(rival, "admin@annan.example", language="en")
    for n in range(3):
        town.world.account(school, f"a{n}@{NAME}")
    town.world.account(rival, f"b@{NAME}")
    town.verified(town.master, NAME)
    town.mails()
    town.work()
    texts = {row.recipient: row.text for row in town.world.rows("SELECT recipient, text FROM outgoing_mail")}
    assert sorted(texts) == ["admin@annan.example", "rektor@skolan.example"]
    assert "Skolan: 3" in texts["rektor@skolan.example"]
    assert "Master: 1" in texts["admin@annan.example"]
    assert "Kommunen" not in texts["admin@annan.example"]


def test_a_number_comes_along_where_the_group_may_receive_and_is_billed_there_from_then_on(
    town: Town, school: Group, rival: Group
) -> None:
    town.world.numbers()
    account = town.world.account(rival, f"anna@{NAME}")
    number = lend(town, account)
    town.world.clock.move(timedelta(days=1))
    town.verified(school, NAME)
    town.work()
    assert held(town, account) == number
    rows = town.world.rows("SELECT tenant_id, group_id, returned_at FROM number_lending ORDER BY lent_at")
    now = town.world.clock.now()
    assert [tuple(row) for row in rows] == [
        (rival.tenant_id, rival.id, now),
        (school.tenant_id, school.id, None),
    ]


def lend(town: Town, account: UUID) -> str:
    sender = town.world.sender(account)
    with town.world.database.unit_of_work() as session:
        return numbers.lend(session, town.world.clock.now(), [sender])[account]


def held(town: Town, account: UUID) -> str | None:
    rows = town.world.rows("SELECT msisdn FROM number WHERE account_id = :id", id=account)
    return rows[0].msisdn if rows else None


def test_a_number_is_given_back_where_the_group_may_not_receive_and_comes_back_with_the_undoing(
    town: Town, rival: Group
) -> None:
    town.world.numbers()
    account = town.world.account(rival, f"anna@{NAME}")
    number = lend(town, account)
    domain_id = town.verified(town.master, NAME)
    town.work()
    assert held(town, account) is None
    (task,) = takes(town, town.master, domain_id).takes
    town.world.clock.move(timedelta(hours=2))
    assert undo(town, town.master, task.id)
    town.work()
    assert held(town, account) == number
    rows = town.world.rows("SELECT group_id, returned_at FROM number_lending ORDER BY lent_at")
    assert [row.group_id for row in rows] == [rival.id, rival.id]
    assert [row.returned_at is None for row in rows] == [False, True]


def test_who_leaves_its_tenant_is_signed_out_and_administers_nothing_there(town: Town, rival: Group) -> None:
    leaver = town.administer(rival, f"admin@{NAME}")
    stayer = town.world.account(town.master, f"stannar@{NAME}")
    school = town.world.group(town.master, "Skolan")
    for account in (leaver, stayer):
        sign_in(town, account)
    town.verified(school, NAME)
    town.work()
    assert town.world.rows("SELECT * FROM group_admin WHERE account_id = :id", id=leaver) == []
    sessions = town.world.rows("SELECT account_id FROM web_session")
    assert [row.account_id for row in sessions] == [stayer]
    assert ("admin_removed", f"admin@{NAME}") in town.audit(rival)


def sign_in(town: Town, account: UUID) -> None:
    now = town.world.clock.now()
    town.world.run(
        "INSERT INTO web_session (id, tenant_id, account_id, kind, digest, csrf, user_agent, address, created_at, seen_at, expires_at)"
        " SELECT gen_random_uuid(), tenant_id, id, 'browser', decode(md5(address), 'hex'), '', '', '', :now, :now, :later"
        " FROM account WHERE id = :id",
        now=now,
        later=now + timedelta(days=1),
        id=account,
    )
