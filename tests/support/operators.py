"""The platform's operator at the pages."""

from __future__ import annotations

from uuid import UUID

from webtest import TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.accounts import Newcomer, find_or_create
from tests.support.portal import seen
from tests.support.visitors import FIREFOX, HOME, Visitor, path_of
from tests.support.world import World

OPERATOR = "drift@messa.example"


def an_operator(world: World, address: str = OPERATOR, *, second_factor: bool = True) -> UUID:
    """An operator who reads English, by default with a second factor."""
    with world.database.unit_of_work() as session:
        account_id = find_or_create(session, world.clock.now(), {address: Newcomer("Driften", "en")})[
            address
        ].id
    since = world.clock.now() if second_factor else None
    world.run(
        "UPDATE account SET is_operator = true, totp_since = :since WHERE id = :id",
        since=since,
        id=account_id,
    )
    return account_id


def at_the_pages(runtime: Runtime, account_id: UUID) -> Visitor:
    """A browser in which an account is signed in, however it did so."""
    with runtime.database.unit_of_work() as session:
        now = runtime.clock.now()
        token = sessions.begin(session, now, account_id, SessionKind.BROWSER, FIREFOX, HOME)
    visitor = Visitor(runtime)
    visitor.app.set_cookie("messa_session", token)
    return visitor


def page(visitor: Visitor, path: str, status: int = 200) -> TestResponse:
    """A page, which must answer with `status`."""
    answer = visitor.get(path)
    assert answer.status_int == status, f"{path}: {answer.status}\n{seen(answer)[:1500]}"
    return answer


def done(visitor: Visitor, opened: str, fields: dict[str, str], to: str | None = None) -> TestResponse:
    """Open a page with a form, send that filled in, and give the page that it leads to."""
    answer = visitor.send(opened, fields, to)
    assert answer.status_int == 303, f"{to or opened}: {answer.status}\n{seen(answer)[:1500]}"
    return page(visitor, path_of(answer))
