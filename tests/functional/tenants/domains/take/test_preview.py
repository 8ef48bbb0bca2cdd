"""How many accounts would come is told before the proof, and nothing of what is other organisations' (spec D3, D4)."""

from __future__ import annotations

from messa_platform.tenants.domains.preview import Preview, preview_seen
from messa_platform.tenants.models import Group
from tests.functional.tenants.domains.conftest import Town
from tests.functional.tenants.domains.take.conftest import NAME, many, seen
from tests.support.observe import generic_plan, nodes
from tests.support.observe import statements as statements_of


def test_of_a_name_that_another_has_nobody_would_come(town: Town, rival: Group) -> None:
    town.world.account(town.free(), f"a@{NAME}")
    town.verified(rival, NAME)
    assert seen(town, town.master) == Preview(0, 0)


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
