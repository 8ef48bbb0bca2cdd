"""The operator's pages are there for operators alone, and for them with a second factor (spec O1)."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from messa_platform.tenants.admin_models import GroupAdmin
from tests.support.observe import statements
from tests.support.operators import an_operator, at_the_pages, page
from tests.support.portal import seen
from tests.support.visitors import Visitor, a_runtime, path_of
from tests.support.world import World

PAGES = (
    "/operator",
    "/operator/tenants",
    "/operator/tenants/@@new",
    "/operator/tenants/kommun",
    "/operator/tenants/kommun/@@close",
    "/operator/tenants/kommun/@@suspend",
    "/operator/tenants/kommun/@@resume",
    "/operator/ranges",
    "/operator/ranges/@@new",
    "/operator/domains",
    f"/operator/domains/{uuid4()}",
    "/operator/channels",
    f"/operator/channels/{uuid4()}/pause",
    "/operator/prices",
    "/operator/prices/@@new",
    f"/operator/prices/{uuid4()}/csv",
    "/operator/routes",
    "/operator/routes/@@new",
    f"/operator/routes/{uuid4()}",
    "/operator/audit",
    "/operator/tenants/no-such",
    "/operator/no-such",
)
FORMS = (
    "/operator/tenants/@@new",
    "/operator/tenants/kommun/@@close",
    "/operator/ranges/@@new",
    "/operator/ranges/@@lending",
    "/operator/domains/@@approve",
    *(f"/operator/channels/{uuid4()}/{form}" for form in ("test", "pause", "resume", "move")),
    "/operator/prices/@@new",
    "/operator/prices/@@standard",
    f"/operator/prices/{uuid4()}/remove",
    "/operator/routes/@@new",
    f"/operator/routes/{uuid4()}",
    f"/operator/routes/{uuid4()}/remove",
)


@pytest.fixture
def admin(world: World, runtime: Runtime) -> Visitor:
    """The admin of a municipality's Master group, with a second factor."""
    master = world.tenant()
    anna = world.account(master, "anna@kommun.example", totp_since=world.clock.now())
    with world.database.unit_of_work() as session:
        session.add(GroupAdmin(group_id=master.id, account_id=anna, tenant_id=master.tenant_id))
    return at_the_pages(runtime, anna)


def test_there_is_nothing_there_for_an_admin_and_nothing_is_looked_up(
    admin: Visitor, runtime: Runtime
) -> None:
    elsewhere = page(admin, "/no-such", 404)
    costs = []
    for path in PAGES:
        with statements(runtime.database.engine) as asked:
            answer = page(admin, path, 404)
        assert seen(answer) == seen(elsewhere)
        costs.append(len(asked))
    assert len(set(costs)) == 1


def test_an_admins_forms_lead_nowhere_and_change_nothing(admin: Visitor, world: World) -> None:
    for path in FORMS:
        assert admin.send("/account", {"version": "1", "name": "x"}, path).status_int == 404
    assert world.value("SELECT count(*) FROM audit_entry") == 0
    assert world.value("SELECT state FROM tenant WHERE slug = 'kommun'") == "active"


def test_who_is_signed_out_is_asked_to_sign_in_whatever_there_may_be(visitor: Visitor, world: World) -> None:
    world.tenant()
    for path in PAGES:
        answer = visitor.get(path)
        assert answer.status_int == 303 and path_of(answer).startswith("/sign-in?"), path


def test_an_operator_without_a_second_factor_is_sent_to_set_one_up(world: World, runtime: Runtime) -> None:
    operator = at_the_pages(runtime, an_operator(world, second_factor=False))
    for path in ("/operator", "/operator/tenants", "/operator/no-such"):
        answer = operator.get(path)
        assert (answer.status_int, path_of(answer)) == (
            303,
            "/account/second-factor?said=second-factor-demanded",
        )
    assert operator.send("/account", {}, "/operator/ranges/@@new").status_int == 303
    assert world.value("SELECT count(*) FROM audit_entry") == 0


def test_the_demos_operator_needs_none(
    world: World, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    with a_runtime(database_url, tmp_path / "key", clock, **{"messa.demo": "true"}) as demo:
        operator = at_the_pages(demo, an_operator(world, second_factor=False))
        page(operator, "/operator/tenants")


def test_the_operators_menu_leads_to_the_organisations(world: World, runtime: Runtime) -> None:
    operator = at_the_pages(runtime, an_operator(world))
    assert 'href="/operator"' in page(operator, "/account").text
    answer = page(operator, "/operator", 303)
    assert path_of(answer) == "/operator/tenants"
    assert "Organisations" in seen(page(operator, "/operator/tenants"))
