"""The messages page of an account with many threads costs hardly more than that of one with few: rendered, as it leaves us."""

from __future__ import annotations

from uuid import UUID

from messa_platform.core.db import Database
from messa_platform.runtime import Runtime
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from tests.bench.portal import FEW, MANY, RATIO_AIM, compare, two_accounts
from tests.support.visitors import FIREFOX, HOME, Visitor


def test_the_page_of_5000_threads_costs_at_most_half_as_much_again_as_that_of_50(
    runtime: Runtime, database: Database
) -> None:
    accounts = two_accounts(database, each=4)
    visitors: dict[UUID, Visitor] = {}
    for account in accounts:
        with database.unit_of_work() as session:
            now = runtime.clock.now()
            token = sessions.begin(session, now, account, SessionKind.BROWSER, FIREFOX, HOME)
        visitors[account] = Visitor(runtime)
        visitors[account].app.set_cookie("messa_session", token)

    def ask(account: UUID) -> object:
        page = visitors[account].get("/messages")
        assert page.status_int == 200 and page.text.count('class="thread') >= FEW
        return page

    # what else the machine does makes a measurement dearer now and then, never cheaper
    runs = [compare(ask, runtime.database, accounts, rounds=40) for _ in range(3)]
    assert MANY == 100 * FEW
    assert min(run.ratio for run in runs) <= RATIO_AIM, [run.ratio for run in runs]
    for run in runs:
        assert len(run.statements[0]) == len(run.statements[1]) <= 10
    print(" ".join(f"{run.ratio:.2f} ({run.many * 1e3:.1f}/{run.few * 1e3:.1f} ms)" for run in runs))
