"""Organisations as a whole: made, listed, suspended, closed and resumed (spec O1)."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.core.post import Post
from messa_platform.portal.operator.mails import InvitationMails
from messa_platform.tenants import numbers, tasks, tenant_states, tenants
from messa_platform.tenants.access.links import Link, open_link
from messa_platform.tenants.accounts import WELCOME_LIFE, Newcomer, find_or_create
from messa_platform.tenants.admin_models import Actor, TaskKind
from messa_platform.tenants.audit import Author
from messa_platform.tenants.domains import take
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.domains.verify import Claim, start_take
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, TenantState, TokenKind
from messa_platform.tenants.places import place_of
from messa_platform.tenants.tasks import Step
from messa_platform.tenants.tenant_states import Refusal, Turned
from messa_platform.tenants.tenants import Created, Fault, Refused, Wish, sender_name_of
from tests.support.observe import statements, together, wait_until_blocked
from tests.support.world import World

OPERATOR = Author(Actor.OPERATOR, UUID(int=7), "drift@messa.example")
EVA = "eva@vasterhamn.example"
WISH = Wish("Västerhamns kommun", "", "sv", EVA, "Eva Lind")


@dataclass
class Office:
    """The operator at work."""

    world: World
    post: Post = field(default_factory=lambda: Post("messa.example", lambda *_: None))

    def create(self, wish: Wish = WISH) -> Created | Refused:
        with self.world.database.unit_of_work() as session:
            mails = InvitationMails("messa.example", "https://messa.example")
            return tenants.create(session, self.world.clock.now(), OPERATOR, wish, mails, self.post)

    def created(self, wish: Wish = WISH) -> Created:
        made = self.create(wish)
        assert isinstance(made, Created), made
        return made

    def faults(self, **changes: str) -> dict[str, Fault]:
        refused = self.create(replace(WISH, **changes))
        assert isinstance(refused, Refused), refused
        return dict(refused.faults)

    def turn(self, how: Any, tenant_id: UUID, version: int | None = None) -> Turned | Refusal:
        now_there = self.world.value("SELECT version FROM tenant WHERE id = :id", id=tenant_id)
        with self.world.database.unit_of_work() as session:
            seen = now_there if version is None else version
            outcome: Turned | Refusal = how(session, self.world.clock.now(), OPERATOR, tenant_id, seen)
            return outcome

    def turned(self, how: Any, tenant_id: UUID) -> Turned:
        outcome = self.turn(how, tenant_id)
        assert isinstance(outcome, Turned), outcome
        return outcome

    def mails(self) -> list[Any]:
        return self.world.rows("SELECT recipient, text, tenant_id FROM outgoing_mail ORDER BY id")

    def log(self, tenant_id: UUID | None) -> list[tuple[str, str]]:
        """What the audit log of a tenant says, the oldest first."""
        found = self.world.rows(
            "SELECT action, subject FROM audit_entry WHERE tenant_id IS NOT DISTINCT FROM :id ORDER BY id",
            id=tenant_id,
        )
        return [(row.action, row.subject) for row in found]


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def free_account(world: World, address: str) -> UUID:
    """An account that writes, and belongs to no organisation."""
    with world.database.unit_of_work() as session:
        return find_or_create(session, world.clock.now(), {address: Newcomer("", None)})[address].id


# Making


def test_a_new_organisation_has_a_master_group_and_a_first_admin_who_gets_a_link(
    office: Office, world: World, clock: FixedClock
) -> None:
    made = office.created()
    assert made.slug == "vasterhamns-kommun"
    [tenant] = world.rows(
        "SELECT name, state, language, is_free FROM tenant WHERE slug = 'vasterhamns-kommun'"
    )
    assert tuple(tenant) == ("Västerhamns kommun", "active", "sv", False)
    [group] = world.rows('SELECT id, parent_id FROM "group" WHERE tenant_id = :id', id=made.tenant_id)
    assert tuple(group) == (made.master_id, None)
    [eva] = world.rows("SELECT * FROM account WHERE id = :id", id=made.admin_id)
    assert (eva.address, eva.display_name, eva.group_id) == (EVA, "Eva Lind", made.master_id)
    assert eva.placed_by_hand
    [admin] = world.rows("SELECT group_id, account_id, tenant_id FROM group_admin")
    assert tuple(admin) == (made.master_id, made.admin_id, made.tenant_id)
    [mail] = office.mails()
    assert (mail.recipient, mail.tenant_id) == (EVA, made.tenant_id)
    assert "https://messa.example/t/vasterhamns-kommun" in mail.text
    word = re.search(r"https://messa\.example/welcome/(\S+)", mail.text)
    assert word
    clock.move(WELCOME_LIFE - timedelta(seconds=1))
    with world.database.unit_of_work() as session:
        link = open_link(session, clock.now(), word[1], TokenKind.WELCOME)
    assert link == Link(made.admin_id, EVA, "sv", TokenKind.WELCOME)


def test_its_sender_name_is_made_from_its_name_and_its_people_may_not_receive_until_that_is_switched_on(
    office: Office, world: World
) -> None:
    made = office.created()
    settings = world.sender(made.admin_id).settings
    assert (settings.sender_name, settings.may_receive) == ("Västerhamns", False)


@pytest.mark.parametrize(
    ("name", "sender_name"),
    [
        ("Demo kommun", "Demo kommun"),
        ("Länsförsäkringar Väst", "Länsförsäkr"),
        ("Å Ö", "Å Ö"),
        ("Karin & Co AB", "Karin Co AB"),
        ("112", None),
        ("北京", None),
        ("messa", None),
    ],
)
def test_a_sender_name_is_the_first_words_that_fit_and_never_figures_alone(
    name: str, sender_name: str | None
) -> None:
    assert sender_name_of(name) == sender_name


def test_making_one_is_written_down_in_its_log_by_the_operator(office: Office, world: World) -> None:
    made = office.created()
    assert office.log(made.tenant_id) == [
        ("tenant_created", "Västerhamns kommun"),
        ("setting_set", "sender_name"),
        ("account_added", EVA),
        ("admin_added", EVA),
    ]
    entries = world.rows("SELECT DISTINCT actor, actor_address, actor_group_id, group_id FROM audit_entry")
    assert [tuple(e) for e in entries] == [
        ("operator", "drift@messa.example", made.master_id, made.master_id)
    ]


def test_a_free_account_becomes_the_first_admin_and_leaves_its_number_behind(
    office: Office, world: World
) -> None:
    world.numbers()
    eva = free_account(world, EVA)
    with world.database.unit_of_work() as session:
        world_sender = world.sender(eva)
        numbers.lend(session, world.clock.now(), [world_sender])
    world.run("UPDATE account SET password_hash = 'x', display_name = 'Eva L' WHERE id = :id", id=eva)
    made = office.created()
    assert made.admin_id == eva
    [account] = world.rows("SELECT tenant_id, group_id, display_name FROM account WHERE id = :id", id=eva)
    assert tuple(account) == (made.tenant_id, made.master_id, "Eva L")
    assert world.value("SELECT count(*) FROM number WHERE account_id IS NOT NULL") == 0
    free = world.value("SELECT id FROM tenant WHERE is_free")
    assert office.log(free) == [("account_moved", EVA)]
    assert ("account_moved", EVA) in office.log(made.tenant_id)


def test_who_has_a_password_is_told_to_sign_in_with_it_and_gets_no_link(office: Office, world: World) -> None:
    eva = free_account(world, EVA)
    world.run("UPDATE account SET password_hash = 'x' WHERE id = :id", id=eva)
    office.created()
    [mail] = office.mails()
    assert "/sign-in" in mail.text and "/welcome/" not in mail.text
    assert world.value("SELECT count(*) FROM account_token") == 0


def test_an_address_of_another_organisation_is_refused_and_nothing_is_made(
    office: Office, world: World
) -> None:
    world.account(world.tenant("other", "Annan kommun"), EVA)
    refused = office.create()
    assert refused == Refused({"admin_address": Fault.OF_ANOTHER}, "Annan kommun")
    assert world.value("SELECT count(*) FROM tenant") == 2
    assert office.mails() == [] and office.log(None) == []


def test_an_address_in_a_domain_of_another_organisation_is_refused_though_nobody_has_it(
    office: Office, world: World
) -> None:
    world.domain(world.tenant("other", "Annan kommun"), "vasterhamn.example")
    assert office.create() == Refused({"admin_address": Fault.OF_ANOTHER}, "Annan kommun")
    assert world.value("SELECT count(*) FROM account") == 0


def test_an_operator_and_a_blocked_address_are_refused_and_a_removed_one_comes_back(
    office: Office, world: World
) -> None:
    eva = free_account(world, EVA)
    world.run("UPDATE account SET is_operator = true WHERE id = :id", id=eva)
    assert office.faults() == {"admin_address": Fault.OF_OPERATOR}
    world.run("UPDATE account SET is_operator = false, blocked = true WHERE id = :id", id=eva)
    assert office.faults() == {"admin_address": Fault.BLOCKED}
    other = world.tenant("other", "Annan kommun")
    world.move_account(eva, other)
    world.run("UPDATE account SET blocked = false, removed_at = now() WHERE id = :id", id=eva)
    made = office.created()
    assert made.admin_id == eva
    assert world.value("SELECT removed_at FROM account WHERE id = :id", id=eva) is None


def test_all_that_is_wrong_with_a_wish_is_told_at_once(office: Office) -> None:
    assert office.faults(name=" ", slug="a b", language="no", admin_address="eva") == {
        "name": Fault.EMPTY,
        "slug": Fault.BAD_SLUG,
        "language": Fault.UNKNOWN_LANGUAGE,
        "admin_address": Fault.BAD_ADDRESS,
    }
    assert office.faults(name="k" * 101, admin_name="e" * 101) == {
        "name": Fault.TOO_LONG,
        "admin_name": Fault.TOO_LONG,
    }


@pytest.mark.parametrize("slug", ["a", "-ab", "ab-", "a--b", "åäö", "a/b", "@@new", "ab\n", "x" * 41])
def test_a_slug_has_small_letters_and_figures_with_hyphens_between_them(office: Office, slug: str) -> None:
    # line ends around it are no part of what was written
    assert office.faults(slug=slug.replace("\n", "\x00")) == {"slug": Fault.BAD_SLUG}


def test_a_slug_is_one_organisations_and_free_is_the_platforms(office: Office) -> None:
    office.created()
    assert office.faults(admin_address="bo@vasterhamn.example") == {"slug": Fault.TAKEN}
    assert office.faults(slug="free", admin_address="bo@vasterhamn.example") == {"slug": Fault.TAKEN}
    long = office.created(replace(WISH, name="Sölvesborgs " * 8, admin_address="bo@vasterhamn.example"))
    assert long.slug == "solvesborgs-solvesborgs-solves"


def test_of_two_who_make_the_same_one_at_once_one_is_told(office: Office, world: World) -> None:
    wishes = [replace(WISH, admin_address=f"eva{i}@vasterhamn.example") for i in range(2)]
    made = together([lambda w=w: office.create(w) for w in wishes])  # type: ignore[misc]
    assert sorted(isinstance(m, Created) for m in made) == [False, True]
    assert [dict(m.faults) for m in made if isinstance(m, Refused)] == [{"slug": Fault.TAKEN}]
    assert len(office.mails()) == 1


# Listing


def names(world: World, *asked: Any, **more: Any) -> list[str]:
    with world.database.unit_of_work() as session:
        return [row.slug for row in tenants.listed(session, *asked, **more)]


def test_organisations_are_found_by_name_slug_and_domain_in_whatever_spelling(world: World) -> None:
    world.domain(world.tenant("orebro", "Örebro kommun"), "orebro.example")
    world.tenant("vaxjo", "Växjö 100%")
    assert names(world) == ["free", "orebro", "vaxjo"]
    for words in ("Örebro", "örebro", "OREBRO", "ebro k", "bro.exam"):
        assert names(world, words) == ["orebro"], words
    assert names(world, "100%") == ["vaxjo"]
    assert names(world, "%") == ["vaxjo"]
    assert names(world, "_") == []
    assert names(world, "北京") == []
    assert names(world, "privat") == ["free"]


def test_organisations_are_listed_a_page_at_a_time_and_by_state(world: World, office: Office) -> None:
    made = [world.tenant(f"kommun-{i}", f"Kommun {i}") for i in range(5)]
    office.turned(tenant_states.suspend, made[2].tenant_id)
    assert names(world, most=3) == ["free", "kommun-0", "kommun-1"]
    assert names(world, after="kommun-1", most=3) == ["kommun-2", "kommun-3", "kommun-4"]
    assert names(world, state=TenantState.SUSPENDED) == ["kommun-2"]
    assert names(world, "kommun", TenantState.ACTIVE, "kommun-3") == ["kommun-4"]


def test_living_groups_and_accounts_are_counted_in_one_statement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = world.tenant()
    school = world.group(master, "Skolan")
    for i in range(4):
        world.account(school, f"p{i}@kommun.example")
    world.run("UPDATE account SET removed_at = now() WHERE address = 'p0@kommun.example'")
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        [free, kommun] = tenants.listed(session)
    assert len(seen) == 1
    assert (kommun.groups, kommun.accounts, kommun.is_free, free.is_free) == (2, 3, False, True)
    monkeypatch.setattr(tenants, "MOST_COUNTED", 2)
    with world.database.unit_of_work() as session:
        assert tenants.listed(session)[1].accounts == 2


def test_an_overview_tells_what_an_organisation_has(world: World, office: Office) -> None:
    made = office.created()
    world.numbers()
    with world.database.unit_of_work() as session:
        numbers.lend(session, world.clock.now(), [world.sender(made.admin_id)])
        seen = tenants.overview(session, made.slug)
        assert tenants.overview(session, "nowhere") is None
        assert tenants.overview(session, "\x00") is None
    assert seen
    assert (seen.groups, seen.accounts, seen.admins, seen.numbers, seen.domains) == (1, 1, 1, 1, 0)


# Suspended, closed, resumed


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
