"""Accounts come to the group of a domain that was verified: which of them, and from where (spec D3, D4)."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

from messa_platform.core.ids import new_id
from messa_platform.tenants.domains import take
from messa_platform.tenants.domains.preview import Preview
from messa_platform.tenants.models import Group
from tests.functional.tenants.domains.conftest import Town
from tests.functional.tenants.domains.take.conftest import NAME, seen, takes, undo


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
