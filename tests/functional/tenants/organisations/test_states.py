"""Organisations are suspended, closed and resumed, and what becomes of their texts, numbers and domains (spec O1)."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import numbers, tasks, tenant_states
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.domains import take
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.domains.verify import Claim, start_take
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, TenantState
from messa_platform.tenants.places import place_of
from messa_platform.tenants.tasks import Step
from messa_platform.tenants.tenant_states import Refusal
from tests.functional.tenants.organisations.conftest import OPERATOR, Office, free_account
from tests.support.observe import statements, wait_until_blocked
from tests.support.world import World


@pytest.fixture
def kommun(world: World) -> Group:
    """A municipality whose people may receive."""
    world.numbers()
    world.channel()
    master = world.tenant()
    world.set(master, Key.MAY_RECEIVE, True)
    return master


def test_a_suspended_organisation_sends_nothing_and_sends_again_when_it_is_resumed(
    office: Office, world: World, kommun: Group
) -> None:
    anna = world.account(kommun, "anna@kommun.example")
    assert office.turned(tenant_states.suspend, kommun.tenant_id).after is TenantState.SUSPENDED
    assert world.words(anna, ["0701740605"]) == ["tenant_suspended"]
    office.turned(tenant_states.resume, kommun.tenant_id)
    assert world.words(anna, ["0701740606"]) == ["QUEUED"]


def test_each_change_of_state_is_written_down_with_what_it_was_before(
    office: Office, world: World, kommun: Group
) -> None:
    for how in (tenant_states.suspend, tenant_states.close, tenant_states.resume):
        office.turned(how, kommun.tenant_id)
    entries = world.rows(
        "SELECT before, after, group_id FROM audit_entry WHERE action = 'tenant_changed' ORDER BY id"
    )
    assert [(e.before["state"], e.after["state"]) for e in entries] == [
        ("active", "suspended"),
        ("suspended", "closed"),
        ("closed", "active"),
    ]
    assert {e.group_id for e in entries} == {kommun.id}


def test_who_has_seen_an_older_state_is_told_and_nothing_happens(
    office: Office, world: World, kommun: Group
) -> None:
    office.turned(tenant_states.suspend, kommun.tenant_id)
    assert office.turn(tenant_states.close, kommun.tenant_id, version=1) is Refusal.STALE
    assert world.value("SELECT state FROM tenant WHERE id = :id", id=kommun.tenant_id) == "suspended"
    assert office.turn(tenant_states.suspend, kommun.tenant_id) is Refusal.IMPOSSIBLE
    assert len(office.log(kommun.tenant_id)) == 1


@pytest.mark.parametrize("how", [tenant_states.suspend, tenant_states.close])
def test_nothing_stops_the_platforms_own(office: Office, world: World, how: Any) -> None:
    free = world.value("SELECT id FROM tenant WHERE is_free")
    assert office.turn(how, free) is Refusal.IMPOSSIBLE


def test_a_closed_organisations_numbers_rest_and_go_to_others_afterwards(
    office: Office, world: World, kommun: Group, clock: FixedClock
) -> None:
    anna, bo = (world.account(kommun, f"{name}@kommun.example") for name in ("anna", "bo"))
    other = world.tenant("other", "Annan kommun")
    world.set(other, Key.MAY_RECEIVE, True)
    olle = world.account(other, "olle@other.example")
    for account in (anna, bo, olle):
        world.words(account, ["0701740605"])
    closed = office.turned(tenant_states.close, kommun.tenant_id)
    assert closed.numbers == 2
    held = world.rows("SELECT account_id FROM number WHERE account_id IS NOT NULL")
    assert [row.account_id for row in held] == [olle]
    rests = {row.rests_until for row in world.rows("SELECT rests_until FROM number WHERE account_id IS NULL")}
    assert rests == {clock.now() + numbers.REST}
    ended = world.value("SELECT count(*) FROM number_lending WHERE returned_at = :now", now=clock.now())
    assert ended == 2
    assert ("numbers_recalled", "") in office.log(kommun.tenant_id)
    assert world.words(anna, ["0701740607"]) == ["tenant_suspended"]


def test_a_closed_organisations_domains_can_be_proven_by_others_and_it_proves_them_anew_when_it_is_resumed(
    office: Office, world: World, kommun: Group, clock: FixedClock
) -> None:
    school = world.group(kommun, "Skolan")
    world.domain(kommun, "kommun.example")
    world.domain(school, "skolan.example")
    world.run("UPDATE domain SET check_at = :now, proof = 'dns'", now=clock.now())
    tokens = {row.token for row in world.rows("SELECT token FROM domain")}
    assert office.turned(tenant_states.close, kommun.tenant_id).domains == 2
    rows = world.rows("SELECT state, check_at, token FROM domain")
    assert {(row.state, row.check_at) for row in rows} == {("suspended", None)}
    # what stands in the DNS still must prove nothing
    assert not tokens & {row.token for row in rows}
    world.domain(world.tenant("other", "Annan kommun"), "kommun.example")
    logs = world.rows(
        "SELECT group_id, subject FROM audit_entry WHERE action = 'domain_suspended' ORDER BY id"
    )
    assert [tuple(row) for row in logs] == [(kommun.id, "kommun.example"), (school.id, "skolan.example")]
    office.turned(tenant_states.resume, kommun.tenant_id)
    rows = world.rows("SELECT state, check_at FROM domain WHERE tenant_id = :id", id=kommun.tenant_id)
    assert {(row.state, row.check_at) for row in rows} == {("waiting", clock.now())}


def test_whoever_else_waits_for_a_released_domain_is_looked_at_at_once(
    office: Office, world: World, kommun: Group, clock: FixedClock
) -> None:
    world.domain(kommun, "kommun.example")
    other = world.tenant("other", "Annan kommun")
    world.run(
        "INSERT INTO domain (id, tenant_id, group_id, name, state) VALUES (gen_random_uuid(), :tenant, :group, 'kommun.example', 'waiting')",
        tenant=other.tenant_id,
        group=other.id,
    )
    office.turned(tenant_states.close, kommun.tenant_id)
    assert world.value("SELECT check_at FROM domain WHERE tenant_id = :id", id=other.tenant_id) == clock.now()


def test_suspending_leaves_numbers_and_domains_where_they_are(
    office: Office, world: World, kommun: Group
) -> None:
    world.domain(kommun, "kommun.example")
    world.words(world.account(kommun, "anna@kommun.example"), ["0701740605"])
    office.turned(tenant_states.suspend, kommun.tenant_id)
    assert world.value("SELECT state FROM domain") == "verified"
    assert world.value("SELECT count(*) FROM number WHERE account_id IS NOT NULL") == 1


def test_mail_from_a_new_address_of_a_released_domain_belongs_to_nobody(
    office: Office, world: World, kommun: Group
) -> None:
    world.domain(kommun, "kommun.example")
    office.turned(tenant_states.close, kommun.tenant_id)
    account = free_account(world, "ny@kommun.example")
    assert world.value(
        "SELECT t.is_free FROM account a JOIN tenant t ON t.id = a.tenant_id WHERE a.id = :id", id=account
    )


def test_people_on_their_way_to_a_domains_group_stay_where_they_are_when_it_closes(
    office: Office, world: World, kommun: Group, clock: FixedClock
) -> None:
    anna = free_account(world, "anna@kommun.example")
    world.domain(kommun, "kommun.example")
    [domain] = world.rows("SELECT id, tenant_id, group_id, name FROM domain")
    with world.database.unit_of_work() as session:
        start_take(session, session, clock.now(), OPERATOR, Claim(*domain))
    office.turned(tenant_states.close, kommun.tenant_id)
    told = DomainPost(cast(Any, None), office.post, "drift@messa.example")
    tasks.work_off_tasks(world.database, clock, take.handlers(told))
    assert world.value("SELECT result->>'stopped' FROM task WHERE finished_at IS NOT NULL") == "true"
    assert world.value("SELECT tenant_id FROM account WHERE id = :id", id=anna) != kommun.tenant_id


def test_closing_waits_for_what_a_task_is_just_doing(
    office: Office, world: World, kommun: Group, clock: FixedClock
) -> None:
    with world.database.unit_of_work() as session:
        place = place_of(session, kommun.tenant_id, kommun.id)
        assert place
        task = tasks.draft(session, clock.now(), OPERATOR, place, TaskKind.ADD_PEOPLE, {}, 1)
        tasks.start(session, clock.now(), kommun.tenant_id, task)
    states: list[str] = []

    def handle(session: Any, _now: Any, _row: Any) -> Step:
        closing.start()
        wait_until_blocked(world.database)
        states.append(
            session.execute(
                text("SELECT state FROM tenant WHERE id = :id"), {"id": kommun.tenant_id}
            ).scalar_one()
        )
        return Step(1, True)

    closing = threading.Thread(target=lambda: office.turned(tenant_states.close, kommun.tenant_id))
    tasks.work_off_tasks(world.database, clock, {TaskKind.ADD_PEOPLE: handle})
    closing.join(30)
    assert states == ["active"]
    assert world.value("SELECT state FROM tenant WHERE id = :id", id=kommun.tenant_id) == "closed"


def test_closing_takes_as_many_statements_for_many_as_for_few(
    office: Office, world: World, kommun: Group
) -> None:
    other = world.tenant("other", "Annan kommun")
    world.set(other, Key.MAY_RECEIVE, True)
    for group, people in ((kommun, 1), (other, 20)):
        for i in range(people):
            account = world.account(group, f"p{i}@{group.tenant_id.hex}.example")
            world.words(account, ["0701740605"])
            world.domain(group, f"d{i}.{group.tenant_id.hex}.example")
    counts = []
    for group in (kommun, other):
        with statements(world.database.engine) as seen:
            office.turned(tenant_states.close, group.tenant_id)
        counts.append(len(seen))
    assert counts[0] == counts[1]
