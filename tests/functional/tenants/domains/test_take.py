"""Accounts come to the group of a domain that was verified, and go back if that is undone (spec D3, D4, B3, G13)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.tenants import numbers, tasks
from messa_platform.tenants.domains import claims, take
from messa_platform.tenants.domains.preview import Preview, preview, preview_seen
from messa_platform.tenants.domains.take import Takes, of_domain
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.tasks import Step, TaskRow
from tests.functional.tenants.domains.conftest import Town
from tests.support.observe import generic_plan, nodes
from tests.support.observe import statements as statements_of

NAME = "kommun.example"
CHEF = "chef@kommunen.example"


@pytest.fixture
def school(town: Town) -> Group:
    """A school of the municipality, whose people may receive."""
    school = town.world.group(town.master, "Skolan")
    town.world.set(school, Key.MAY_RECEIVE, True)
    return school


@pytest.fixture
def rival(town: Town) -> Group:
    """Another organisation, whose people may receive."""
    master = town.world.tenant("annan", "Annan kommun")
    town.world.set(master, Key.MAY_RECEIVE, True)
    return master


def seen(town: Town, group: Group, name: str = NAME) -> Preview:
    with town.world.database.unit_of_work() as platform:
        return preview(platform, name, group.tenant_id, group.id)


def takes(town: Town, group: Group, domain_id: UUID) -> Takes:
    claim = town.domain(group, domain_id).claim
    with town.world.database.unit_of_work() as session:
        return of_domain(session, town.world.clock.now(), claim)


def undo(town: Town, group: Group, task_id: UUID) -> UUID | None:
    place, now = town.place(group), town.world.clock.now()
    with town.world.database.unit_of_work() as session:
        return take.start_undo(session, now, town.author, place, task_id)


def moved_by(town: Town, address: str, group: Group) -> list[tuple[str, str]]:
    """From and to in the entries of an account in a group's log."""
    rows = town.world.rows(
        "SELECT before->>'group' AS was, after->>'group' AS is FROM audit_entry WHERE subject = :address AND group_id = :id",
        address=address,
        id=group.id,
    )
    return [tuple(row) for row in rows]


def test_all_accounts_of_a_domain_come_from_wherever_they_are(
    town: Town, school: Group, rival: Group
) -> None:
    free = town.free()
    comers = [
        town.world.account(free, f"fri@{NAME}"),
        town.world.account(free, f"djup@a.b.{NAME}"),
        town.world.account(town.master, f"master@{NAME}"),
        town.world.account(rival, f"annan@{NAME}"),
        town.world.account(rival, f"blockerad@{NAME}", blocked=True),
        town.world.account(rival, f"hand2@{NAME}", placed_by_hand=True),
    ]
    stayers = {
        town.world.account(free, "x@minkommun.example"): free,
        town.world.account(free, "x@kommun.example.se"): free,
        town.world.account(free, f'"x@{NAME}@"@annat.example'): free,
        town.world.account(town.master, f"hand@{NAME}", placed_by_hand=True): town.master,
        town.world.account(free, f"ops@{NAME}", is_operator=True): free,
        town.world.account(free, f"borta@{NAME}", removed_at=town.world.clock.now()): free,
        town.world.account(school, f"redan@{NAME}"): school,
    }
    since = town.world.clock.now()
    town.world.clock.move(timedelta(hours=1))
    assert seen(town, school) == Preview(moving=6, by_hand=1)
    domain_id = town.verified(school, NAME)
    (task,) = takes(town, school, domain_id).takes
    assert (task.total, task.done, task.finished_at) == (6, 0, None)
    town.work()
    assert {town.home(account) for account in comers} == {school.id}
    assert {account: town.home(account) for account in stayers} == {a: g.id for a, g in stayers.items()}
    (task,) = takes(town, school, domain_id).takes
    assert (task.done, dict(task.result)) == (6, {"moved": 6, "stayed": 0})
    rows = town.world.rows(
        "SELECT tenant_id, group_since, version FROM account WHERE id = ANY(:ids)", ids=comers
    )
    assert {tuple(row) for row in rows} == {(school.tenant_id, since + timedelta(hours=1), 2)}
    rows = town.world.rows("SELECT address, tenant_since FROM account WHERE id = ANY(:ids)", ids=comers)
    assert {row.address for row in rows if row.tenant_since == since} == {f"master@{NAME}"}
    assert ("domain_taken", NAME) in town.audit(school)
    assert seen(town, school) == Preview(moving=0, by_hand=1)


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


def test_the_longest_verified_domain_has_an_account_whoevers_it_is(
    town: Town, school: Group, rival: Group
) -> None:
    theirs = town.world.account(town.free(), f"a@friskolan.{NAME}")
    ours = town.world.account(town.free(), f"b@skolan.{NAME}")
    rest = town.world.account(town.free(), f"c@{NAME}")
    town.verified(rival, f"friskolan.{NAME}")
    town.verified(school, f"skolan.{NAME}")
    town.work()
    assert seen(town, town.master) == Preview(moving=1, by_hand=0)
    town.verified(town.master, NAME)
    town.work()
    assert [town.home(a) for a in (theirs, ours, rest)] == [rival.id, school.id, town.master.id]


def test_of_a_name_that_another_has_nobody_would_come(town: Town, rival: Group) -> None:
    town.world.account(town.free(), f"a@{NAME}")
    town.verified(rival, NAME)
    assert seen(town, town.master) == Preview(0, 0)


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


def agree(town: Town, group: Group, address: str, accepted: bool | None = True) -> None:
    """Let an address have answered the question of a group's organisation whether it wants to be there; None: it has not."""
    now = town.world.clock.now()
    town.world.run(
        "INSERT INTO consent_request (id, tenant_id, group_id, address, digest, asked_at, expires_at, answered_at, accepted)"
        " VALUES (:id, :tenant, :group, :address, :digest, :now, :now, :answered, :accepted)",
        id=new_id(),
        tenant=group.tenant_id,
        group=group.id,
        address=address,
        digest=new_id().bytes,
        now=now,
        answered=None if accepted is None else now,
        accepted=accepted,
    )


def test_what_another_organisations_admin_has_added_before_is_not_kept_from_a_domains_owner(
    town: Town, school: Group, rival: Group
) -> None:
    squatted = town.world.account(rival, f"kommunchef@{NAME}", placed_by_hand=True)
    agreed = town.world.account(rival, f"konsult@{NAME}", placed_by_hand=True)
    agree(town, rival, f"konsult@{NAME}")
    assert seen(town, school) == Preview(moving=1, by_hand=0)
    domain_id = town.verified(school, NAME)
    town.work()
    assert (town.home(squatted), town.home(agreed)) == (school.id, rival.id)
    (task,) = takes(town, school, domain_id).takes
    assert undo(town, school, task.id)
    town.work()
    assert town.home(squatted) == rival.id
    assert town.world.value("SELECT placed_by_hand FROM account WHERE id = :id", id=squatted)


def test_of_every_kind_of_account_those_move_that_the_preview_has_counted(
    town: Town, school: Group, rival: Group
) -> None:
    third = town.world.tenant("tredje", "Tredje kommun")
    homes = {"ours": town.master, "rival": rival, "free": town.free(), "here": school}
    answers = {"none": (), "yes": (True,), "no": (False,), "open": (None,), "changed": (False, True)}
    kinds = list(product(homes, (True, False), answers, (True, False), (True, False)))
    expected = {}
    for n, (home, by_hand, answer, to_another, is_gone) in enumerate(kinds):
        address, group = f"a{n}@{NAME}", homes[home]
        gone = {"removed_at": town.world.clock.now()} if is_gone else {}
        account = town.world.account(group, address, placed_by_hand=by_hand, **gone)
        for accepted in answers[answer]:
            agree(town, third if to_another else group, address, accepted)
        has_agreed = not to_another and answer in ("yes", "changed")
        stays = {"ours": by_hand, "here": True}.get(home, has_agreed) or is_gone
        expected[account] = group.id if stays else school.id
    moving = sum(expected[account] == school.id for account in expected) - sum(k[0] == "here" for k in kinds)
    by_hand = sum(home == "ours" and by_hand and not is_gone for home, by_hand, _, _, is_gone in kinds)
    assert seen(town, school) == Preview(moving, by_hand)
    domain_id = town.verified(school, NAME)
    town.work()
    assert {account: town.home(account) for account in expected} == expected
    (task,) = takes(town, school, domain_id).takes
    assert (task.total, dict(task.result)) == (moving, {"moved": moving, "stayed": 0})


def glimpse(town: Town, group: Group, *tops: Group, name: str = NAME) -> Preview:
    """What is told before the proof to who administers `tops`."""
    places = [town.place(top) for top in tops]
    with town.world.database.unit_of_work() as platform:
        return preview_seen(platform, name, group.tenant_id, group.id, places)


def test_before_the_proof_only_accounts_are_counted_that_the_admin_sees(
    town: Town, school: Group, rival: Group
) -> None:
    klass = town.world.group(school, "7A")
    for group in (town.free(), rival, town.master, klass):
        town.world.account(group, f"{group.slug}-{group.tenant_id.hex}@{NAME}")
    town.world.account(klass, f"hand@{NAME}", placed_by_hand=True)
    assert seen(town, school) == Preview(moving=4, by_hand=1)
    assert glimpse(town, school, town.master) == Preview(moving=2, by_hand=1)
    assert glimpse(town, school, school) == Preview(moving=1, by_hand=1)
    assert glimpse(town, school, town.world.group(town.master, "Vård")) == Preview(0, 0)


def test_before_the_proof_nothing_tells_what_other_organisations_have_proven(
    town: Town, school: Group, rival: Group
) -> None:
    town.world.account(town.master, f"a@{NAME}")
    town.world.account(town.master, f"b@skolan.{NAME}")
    town.world.account(town.master, f"c@vard.{NAME}")
    before = glimpse(town, school, town.master)
    town.world.domain(rival, NAME)
    town.world.domain(rival, f"skolan.{NAME}")
    assert before == glimpse(town, school, town.master) == Preview(moving=3, by_hand=0)
    # what their own organisation has is nearer
    town.world.domain(town.master, f"vard.{NAME}")
    assert glimpse(town, school, town.master) == Preview(moving=2, by_hand=0)


def test_those_placed_by_hand_can_be_taken_along(town: Town, school: Group, rival: Group) -> None:
    ours = town.world.account(town.master, f"a@{NAME}", placed_by_hand=True)
    theirs = town.world.account(rival, f"b@{NAME}", placed_by_hand=True)
    agree(town, rival, f"b@{NAME}")
    domain_id = town.verified(school, NAME)
    town.work()
    assert (town.home(ours), town.home(theirs)) == (town.master.id, rival.id)
    claim, now = town.domain(school, domain_id).claim, town.world.clock.now()
    with town.world.database.unit_of_work() as session:
        assert take.take_along(session, session, now, town.author, claim).moving == 1
    town.work()
    assert (town.home(ours), town.home(theirs)) == (school.id, rival.id)


def test_who_became_an_account_elsewhere_while_the_others_were_moved_comes_as_well(
    town: Town, school: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = town.world.account(town.free(), f"a@{NAME}")
    town.verified(school, NAME)
    late: list[UUID] = []
    really = take.take

    def slowly(session: Any, now: datetime, task: TaskRow, told: DomainPost, rest: timedelta) -> Step:
        step = really(session, now, task, told, rest)
        if not late:
            late.append(town.world.account(town.free(), f"b@{NAME}"))
        return step

    monkeypatch.setattr(take, "take", slowly)
    town.work()
    assert (town.home(first), town.home(late[0])) == (school.id, school.id)


def test_an_account_that_was_placed_by_hand_meanwhile_stays(
    town: Town, school: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = town.world.account(town.master, f"a@{NAME}")
    other = town.world.account(town.free(), f"b@{NAME}")
    domain_id = town.verified(school, NAME)
    really = take._take_lines

    def late(*given: Any) -> int:
        town.world.run("UPDATE account SET placed_by_hand = true WHERE id = :id", id=account)
        return really(*given)

    monkeypatch.setattr(take, "_take_lines", late)
    town.work()
    assert (town.home(account), town.home(other)) == (town.master.id, school.id)
    (task,) = takes(town, school, domain_id).takes
    assert dict(task.result) == {"moved": 1, "stayed": 1}


def test_a_domain_that_is_given_up_while_its_accounts_are_moved_lets_the_rest_stay(
    town: Town, school: Group
) -> None:
    many(town, town.free(), 600)
    domain_id = town.verified(school, NAME)
    handlers = take.handlers(town.told)
    chunks = 0

    def counted(session: Any, now: datetime, task: TaskRow) -> Step:
        nonlocal chunks
        chunks += 1
        if chunks == 3:  # the first lists, the second moves
            with town.world.database.unit_of_work() as platform:
                place = town.place(school)
                claims.remove(platform, now, town.author, place, domain_id)
        return handlers[task.kind](session, now, task)

    counting = dict.fromkeys(handlers, counted)
    while tasks.work_off_tasks(town.world.database, town.world.clock, counting):
        pass
    assert people(town, school) == 500
    assert town.world.value("SELECT result FROM task") == {"moved": 500, "stayed": 0, "stopped": True}
    assert town.world.value("SELECT finished_at IS NOT NULL FROM task")


def many(town: Town, group: Group, count: int) -> None:
    town.world.run(
        "INSERT INTO account (id, tenant_id, group_id, group_since, address) SELECT gen_random_uuid(), :tenant, :group, :now,"
        " 'a' || n || '@kommun.example' FROM generate_series(1, :count) n",
        tenant=group.tenant_id,
        group=group.id,
        now=town.world.clock.now(),
        count=count,
    )


def people(town: Town, group: Group) -> int:
    count: int = town.world.value("SELECT count(*) FROM account WHERE group_id = :id", id=group.id)
    return count


def test_a_chunk_costs_the_same_statements_however_many_it_moves(town: Town, school: Group) -> None:
    many(town, town.free(), 520)
    domain_id = town.verified(school, NAME)
    first, second = statements(town, 2)
    assert first == second <= 14
    (task,) = takes(town, school, domain_id).takes
    assert undo(town, school, task.id)
    first, second = statements(town, 2)
    assert first == second <= 14


def statements(town: Town, chunks: int) -> list[int]:
    """Work the tasks off; gives how many statements each of the chunks costs that move something."""
    counts: list[int] = []
    handlers = take.handlers(town.told)

    def counted(session: Any, now: datetime, task: TaskRow) -> Step:
        executed: list[str] = []
        engine = town.world.database.engine

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            executed.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        step = handlers[task.kind](session, now, task)
        event.remove(engine, "before_cursor_execute", note)
        if step.done > task.done:
            counts.append(len(executed))
        return step

    while tasks.work_off_tasks(town.world.database, town.world.clock, dict.fromkeys(handlers, counted)):
        pass
    assert len(counts) == chunks
    return counts


def test_a_move_is_undone_to_where_everybody_was(town: Town, school: Group, rival: Group) -> None:
    homes = {
        town.world.account(town.free(), f"a@{NAME}"): town.free(),
        town.world.account(town.master, f"b@{NAME}"): town.master,
        town.world.account(rival, f"c@{NAME}"): rival,
    }
    town.world.run("UPDATE account SET tenant_since = group_since - interval '9 days'")
    standing = "SELECT id, tenant_id, group_since, tenant_since FROM account ORDER BY id"
    before = town.world.rows(standing)
    town.world.clock.move(timedelta(hours=1))
    domain_id = town.verified(school, NAME)
    town.work()
    (task,) = takes(town, school, domain_id).takes
    assert takes(town, school, domain_id).can_undo(task, town.world.clock.now())
    town.world.clock.move(timedelta(hours=23))
    undoing = undo(town, school, task.id)
    assert undoing is not None and undo(town, school, task.id) is None
    town.work()
    assert {account: town.home(account) for account in homes} == {a: g.id for a, g in homes.items()}
    assert town.world.rows(standing) == before
    after = takes(town, school, domain_id)
    assert not after.can_undo(task, town.world.clock.now()) and not after.is_at_work
    assert dict(after.undone[task.id].result) == {"moved": 3, "stayed": 0}
    assert ("domain_take_undone", NAME) in town.audit(school)


def test_those_taken_along_are_placed_by_hand_again_after_the_undoing(town: Town, school: Group) -> None:
    account = town.world.account(town.master, f"a@{NAME}", placed_by_hand=True)
    domain_id = town.verified(school, NAME)
    town.work()
    now = town.world.clock.now()
    with town.world.database.unit_of_work() as session:
        take.take_along(session, session, now, town.author, town.domain(school, domain_id).claim)
    town.work()
    undo(town, school, takes(town, school, domain_id).takes[0].id)
    town.work()
    assert town.home(account) == town.master.id
    assert town.world.value("SELECT placed_by_hand FROM account WHERE id = :id", id=account)


def test_what_was_moved_again_or_removed_since_stays_when_a_move_is_undone(
    town: Town, school: Group, rival: Group
) -> None:
    away = town.world.account(town.free(), f"a@{NAME}")
    there_and_back = town.world.account(town.free(), f"b@{NAME}")
    removed = town.world.account(town.free(), f"c@{NAME}")
    wanted = town.world.account(town.free(), f"d@{NAME}")
    homeless = town.world.account(town.world.group(rival, "Läggs ner"), f"e@{NAME}")
    domain_id = town.verified(school, NAME)
    town.work()
    (task,) = takes(town, school, domain_id).takes
    town.world.clock.move(timedelta(hours=1))
    town.world.move_account(away, rival)
    town.world.move_account(there_and_back, rival)
    town.world.move_account(there_and_back, school)
    town.world.run(
        "UPDATE account SET removed_at = :now WHERE id = :id", now=town.world.clock.now(), id=removed
    )
    town.world.run("UPDATE account SET placed_by_hand = true WHERE id = :id", id=wanted)
    town.world.run(
        "UPDATE \"group\" SET removed_at = :now WHERE name = 'Läggs ner'", now=town.world.clock.now()
    )
    assert undo(town, school, task.id)
    town.work()
    expected = {away: rival, there_and_back: school, removed: school, wanted: school, homeless: school}
    assert {account: town.home(account) for account in expected} == {a: g.id for a, g in expected.items()}
    assert dict(takes(town, school, domain_id).undone[task.id].result) == {"moved": 0, "stayed": 5}


def test_after_a_day_nothing_is_undone(town: Town, school: Group) -> None:
    town.world.account(town.free(), f"a@{NAME}")
    domain_id = town.verified(school, NAME)
    town.work()
    (task,) = takes(town, school, domain_id).takes
    town.world.clock.move(timedelta(days=1))
    assert undo(town, school, task.id) is None
    assert takes(town, school, domain_id).takes == ()


def test_only_a_move_to_the_very_group_is_undone_there(town: Town, school: Group, rival: Group) -> None:
    town.world.account(town.free(), f"a@{NAME}")
    domain_id = town.verified(school, NAME)
    (running,) = takes(town, school, domain_id).takes
    assert undo(town, school, running.id) is None
    town.work()
    assert undo(town, town.master, running.id) is None
    assert undo(town, rival, running.id) is None


def test_a_worker_that_dies_in_the_middle_leaves_whole_chunks(
    town: Town, school: Group, database: Database
) -> None:
    many(town, town.free(), 1100)
    town.verified(school, NAME)
    handlers = take.handlers(town.told)
    chunks = 0

    def dies(session: Any, now: datetime, task: TaskRow) -> Step:
        nonlocal chunks
        chunks += 1
        step = handlers[task.kind](session, now, task)
        if chunks == 3:
            raise KeyboardInterrupt
        return step

    with pytest.raises(KeyboardInterrupt):
        tasks.work_off_tasks(database, town.world.clock, dict.fromkeys(handlers, dies))
    assert people(town, school) == 500
    town.world.clock.move(timedelta(minutes=5))
    town.work()
    assert people(town, school) == 1100
    assert town.world.value("SELECT result FROM task") == {"moved": 1100, "stayed": 0}


def test_the_index_finds_the_accounts_of_a_domain(town: Town, database: Database) -> None:
    many(town, town.free(), 50)
    town.world.run(
        "INSERT INTO account (id, tenant_id, group_id, address) SELECT gen_random_uuid(), :tenant, :group, 'a' || n || '@d' || n || '.se'"
        " FROM generate_series(1, 5000) n",
        tenant=town.master.tenant_id,
        group=town.master.id,
    )
    town.world.run("ANALYZE account")
    plan = "\n".join(
        row[0]
        for row in town.world.rows(
            "EXPLAIN SELECT count(*) FROM account a WHERE " + take.OF_DOMAIN, name=NAME
        )
    )
    assert "ix_account_domain" in plan, plan


def test_how_many_accounts_others_have_does_not_show_in_the_time_that_ones_own_take(
    town: Town, school: Group, rival: Group, database_url: str
) -> None:
    many(town, town.free(), 3000)
    town.world.account(town.master, f"ett@{NAME}")
    town.world.account(rival, f"tva@{NAME}")
    town.world.run("ANALYZE account")
    with statements_of(town.world.database.engine) as seen_statements:
        assert glimpse(town, school, town.master) == Preview(moving=1, by_hand=0)
    (counting,) = [statement for statement in seen_statements if "FROM account" in statement.text]
    of_accounts = [
        node
        for node in nodes(generic_plan(database_url, counting))
        if node.get("Relation Name") == "account" or node.get("Index Name", "").startswith("ix_account")
    ]
    assert {node["Index Name"] for node in of_accounts if "Index Name" in node} == {
        "ix_account_tenant_domain"
    }
    looked_at = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in of_accounts]
    assert max(looked_at) == 1
