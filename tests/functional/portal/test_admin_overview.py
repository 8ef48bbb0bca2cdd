"""The page that admins come to first: the last month of their group, what it may send, and what was refused (spec L3, G2, G6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import FixedClock, start_of_stockholm_day, stockholm_day
from messa_platform.core.i18n import LANGUAGES, speech
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.messaging.log import summary
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import MESSAGE
from messa_platform.portal.admin.logs.figures import KINDS, Kind
from messa_platform.portal.admin.overview import DAYS, REFUSALS
from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from tests.support.observe import statements
from tests.support.portal import seen
from tests.support.town import Town, build_town
from tests.support.visitors import path_of
from tests.support.world import World

MASTER, SCHOOL = "/t/kommun/@@overview", "/t/kommun/skolan/@@overview"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


def sent(
    town: Town,
    group: Group,
    at: datetime,
    status: Status,
    messages: int = 1,
    parts: int = 0,
    rule: UUID | None = None,
) -> None:
    """Messages of a group as of a time."""
    came = status is Status.INCOMING
    rows = [
        {
            "id": new_id_at(at), "tenant_id": group.tenant_id, "group_id": group.id, "account_id": new_id(),
            "direction": Direction.IN if came else Direction.OUT, "door": "mail", "status": status, "status_at": at,
            "rule_group_id": rule, "remote": "+46701740605", "local": "messa", "text": "Hemligheten", "encoding": "GSM",
            "parts": parts, "created_at": at,
        }
        for _ in range(messages)
    ]  # fmt: skip
    with town.world.database.unit_of_work() as session:
        ensure_partitions(session.connection(), at, at)
        insert_rows(session, MESSAGE, rows)


def table(page: TestResponse) -> list[list[str]]:
    """The picture's table."""
    return [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in page.html.select(".chart tbody tr")
    ]


def refused(page: TestResponse) -> dict[str, str]:
    """What was refused, and how often."""
    lines = page.html.select("section[aria-labelledby=refused-heading] dl > div")
    return {line.dt["title"]: line.dd.get_text() for line in lines}


def test_the_bare_address_of_a_group_and_the_way_in_lead_to_it(town: Town) -> None:
    assert path_of(town.head.get("/t/kommun/skolan", 303)) == SCHOOL
    assert path_of(town.chief.get("/t/kommun/", 303)) == MASTER
    assert path_of(town.head.get("/t", 303)) == SCHOOL
    page = town.head.get(SCHOOL)
    assert page.html.find("a", attrs={"aria-current": "page", "class": "nav-item", "href": SCHOOL})
    for link in page.html.select("ul.links a"):
        town.head.get(link["href"])


def test_without_a_message_it_says_so(town: Town) -> None:
    page = town.head.get(SCHOOL)
    assert "0 messages" in seen(page) and "None." in seen(page)
    assert page.html.find("svg", role="img") is None


def test_it_shows_the_last_thirty_days_by_stockholms_calendar_with_its_subgroups(
    town: Town, clock: FixedClock
) -> None:
    today = stockholm_day(clock.now())
    first = start_of_stockholm_day(today - timedelta(days=DAYS - 1))
    sent(town, town.school, first - timedelta(milliseconds=1), Status.DELIVERED, 7)
    sent(town, town.school, first, Status.DELIVERED, 2, parts=3)
    sent(town, town.class_4b, clock.now(), Status.SENT, 1, parts=1)
    sent(town, town.class_4b, clock.now(), Status.INCOMING, 4)
    sent(town, town.care, clock.now(), Status.UNDELIVERED, 5, parts=1)
    rows = table(town.head.get(SCHOOL))
    assert len(rows) == DAYS + 1
    assert [row[1:] for row in (rows[0], rows[1], rows[-2], rows[-1])] == [
        ["2", "0", "0", "0", "0", "2", "6"],
        ["0"] * 7,
        ["0", "1", "0", "0", "4", "5", "1"],
        ["2", "1", "0", "0", "4", "7", "7"],
    ]
    assert "7 messages , 7 SMS charged (count)" in seen(town.head.get(SCHOOL))
    assert table(town.chief.get(MASTER))[-1][1:] == ["2", "1", "5", "0", "4", "12", "12"]
    with town.world.database.unit_of_work() as session:
        assert summary.fold(session) > 0
    assert table(town.head.get(SCHOOL)) == rows


def test_what_rules_refused_is_told_by_rule_the_most_first(town: Town, clock: FixedClock) -> None:
    at = clock.now() - timedelta(days=3)
    sent(town, town.class_4b, at, Status.USED_UP_GROUP, 3, rule=town.master.id)
    sent(town, town.school, at, Status.USED_UP_GROUP, 2, rule=town.school.id)
    sent(town, town.school, at, Status.ALREADY_SENT, 9)
    sent(town, town.school, at, Status.UNSENT, 1)
    sent(town, town.care, at, Status.BLOCKED, 4)
    page = town.head.get(SCHOOL)
    assert list(refused(page).items()) == [("sms_already_sent_24H", "9"), ("no_sms_left:Group", "5")]
    assert "The group's SMS were used up" in seen(page)
    assert refused(town.chief.get(MASTER))["blocked"] == "4"


def test_no_text_and_nothing_of_the_other_tenant_stands_there(town: Town, clock: FixedClock) -> None:
    sent(town, town.elsewhere, clock.now(), Status.DELIVERED, 77, parts=1)
    sent(town, town.school, clock.now(), Status.DELIVERED)
    page = town.chief.get(MASTER)
    assert table(page)[-1][1] == "1"
    assert "Hemligheten" not in page.text


@pytest.mark.parametrize("status", [status for status, kind in KINDS.items() if kind is Kind.REFUSED])
def test_every_rule_has_words_in_every_language(status: Status) -> None:
    said = {speech(language).gettext(REFUSALS[status]) for language in LANGUAGES}
    assert len(said) == len(LANGUAGES)


def test_no_other_status_is_told_as_refused() -> None:
    assert REFUSALS.keys() == {status for status, kind in KINDS.items() if kind is Kind.REFUSED}


# Limits


def test_it_tells_how_much_is_left_and_what_limits_the_group(town: Town, world: World) -> None:
    world.group_quota(town.school, 50, window_days=30)
    world.group_quota(town.master, 1000)
    world.account_quota(town.school, 5, window_days=1)
    person = town.person(town.school, "ny@kommun.example")
    world.reserve(person, 3)
    told = seen(town.chief.get(SCHOOL))
    assert "This group : 3 of 50 SMS used, 47 left" in told
    assert "Master : 3 of 1,000 SMS used, 997 left" in told
    assert "Each user in this group may send 5 SMS a day." in told


def test_of_the_groups_above_a_subadmin_learns_only_that_they_limit(town: Town, world: World) -> None:
    assert "The group may send as much as it likes." in seen(town.head.get(SCHOOL))
    world.group_quota(town.master, 1000)
    told = seen(town.head.get(SCHOOL))
    assert "An overlying group has a limit, too." in told and "as much as it likes" not in told
    assert "1,000" not in told and "Master" not in told


def test_master_that_lets_nobody_send_is_warned(town: Town, world: World) -> None:
    world.group_quota(town.master, 0)
    assert "Nobody in the organisation can send." in seen(town.chief.get(MASTER))


# What it costs


def test_it_takes_the_same_few_statements_whatever_there_is(town: Town, clock: FixedClock) -> None:
    def cost() -> int:
        head = town.head
        head.get(SCHOOL)
        with statements(town.runtime.database.engine) as found:
            head.get(SCHOOL)
        return len(found)

    few = cost()
    for number in range(20):
        group = town.world.group(town.school, f"Klass {number}")
        sent(town, group, clock.now() - timedelta(days=number), Status.DELIVERED, 3, parts=1)
    assert cost() == few <= 9
