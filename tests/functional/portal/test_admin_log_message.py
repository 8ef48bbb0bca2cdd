"""A message's own page in the log: what happened to it, in words, and the rule that stopped it (spec G2, L4, S6, S7)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from webtest import TestResponse

from messa_platform.core.i18n import LANGUAGES, speech
from messa_platform.messaging.log.asked import Column
from messa_platform.messaging.log.told import HEADINGS
from messa_platform.messaging.models import Door
from messa_platform.messaging.statuses import NAMES_GROUP, Direction, Status
from messa_platform.portal.admin.logs.words import ADVICE, DIRECTIONS, DOORS, MEANINGS
from messa_platform.providers.simulator.behaviour import DOCUMENTED
from messa_platform.providers.simulator.codes import CODES
from messa_platform.tenants.models import Group
from tests.support.operators import an_operator, at_the_pages
from tests.support.portal import seen
from tests.support.town import Desk
from tests.support.town_log import Book, Entry, Said

SCHOOL, MASTER = "/t/kommun/skolan", "/t/kommun"
A_SECOND = timedelta(seconds=1)


def shown(desk: Desk, message: UUID, group: str = MASTER) -> TestResponse:
    return desk.get(f"{group}/@@log-message?id={message}")


def facts(page: TestResponse) -> dict[str, str]:
    return {
        row.dt.get_text(): " ".join(row.dd.get_text(" ").split())
        for row in page.html.select("dl.facts > div")
    }


def happened(page: TestResponse) -> list[list[str]]:
    found = page.html.select("tbody tr")
    return [[" ".join(cell.get_text(" ").split()) for cell in row.find_all("td")] for row in found]


def rule(page: TestResponse) -> tuple[str, str | None]:
    """What is said of the rule, and where the link to it leads."""
    said = page.html.select_one("#rule")
    return " ".join(said.get_text(" ").split()).replace(" .", "."), said.a["href"] if said.a else None


# What it shows


def test_a_message_shows_all_but_its_text(book: Book) -> None:
    entry = Entry(book.town.class_4b, book.teacher, book.ago(1), parts=3, text="Hemlig text")
    (message,) = book.write(entry)
    page = shown(book.town.chief, message)
    assert facts(page) == {
        "Status": "DELIVERED The text is delivered to the mobile phone.",
        "Date": f"{book.day(1)} 09:00:00",
        "Group": "Master › Skolan › Klass 4B",
        "E-mail": "larare@kommun.example",
        "Mobile number": "+46 70 174 06 05",
        "in/out": "out, by e-mail",
        "Sender": "Kommunen",
        "Count": "3",
    }
    assert "Hemlig" not in page.text


def test_the_log_leads_to_it(book: Book) -> None:
    (message,) = book.write(Entry(book.town.school, book.office, book.ago(1)))
    log = book.town.head.get(f"{SCHOOL}/@@logs")
    (address,) = [a["href"] for a in log.html.select(".log tbody a")]
    assert address == f"{SCHOOL}/@@log-message?id={message}"
    assert facts(book.town.head.get(address))["Group"] == "Skolan"


def test_its_events_stand_in_their_order_with_the_networks_words(book: Book) -> None:
    channel = book.world.channel()
    events = (
        Said(timedelta(), Status.QUEUED),
        Said(A_SECOND, Status.SENT),
        Said(3 * A_SECOND, Status.BUFFERED, "phone_off"),
        Said(9 * A_SECOND, Status.DELIVERED, "000"),
        Said(11 * A_SECOND, Status.BUFFERED, "phone_off", changed=False),
        Said(12 * A_SECOND, Status.DELIVERED, "teleported", changed=False),
    )
    (message,) = book.write(
        Entry(book.town.school, book.office, book.ago(1), channel_id=channel, events=events[::-1])
    )
    page = shown(book.town.head, message, SCHOOL)
    phone_off = "The phone is switched off or out of reach; the network keeps the text. phone_off"
    assert happened(page) == [
        [f"{book.day(1)} 09:00:00", "QUEUED", "–"],
        [f"{book.day(1)} 09:00:01", "SENT", "–"],
        [f"{book.day(1)} 09:00:03", "BUFFERED", phone_off],
        [f"{book.day(1)} 09:00:09", "DELIVERED", "The phone has it. 000"],
        [f"{book.day(1)} 09:00:11", "BUFFERED changed nothing", phone_off],
        [f"{book.day(1)} 09:00:12", "DELIVERED changed nothing", "teleported"],
    ]


def test_why_a_text_went_another_way_is_told(book: Book) -> None:
    channel = book.world.channel()
    events = (
        Said(timedelta(), Status.QUEUED),
        Said(A_SECOND, Status.QUEUED, "moved_from 46elks", changed=False),
        Said(2 * A_SECOND, Status.SENT),
    )
    (message,) = book.write(
        Entry(book.town.school, book.office, book.ago(1), channel_id=channel, events=events)
    )
    said = "The channel did not work, or was paused; the text went on to another one. moved_from"
    assert happened(shown(book.town.head, message, SCHOOL))[1][1:] == ["QUEUED changed nothing", said]
    operator = at_the_pages(book.town.runtime, an_operator(book.world))
    whole = operator.get(f"{MASTER}/@@log-message?id={message}")
    assert happened(whole)[1][2] == f"{said} 46elks"
    book.world.channel("46elks", tenant_id=book.town.school.tenant_id)  # their own
    assert happened(shown(book.town.head, message, SCHOOL))[1][2] == f"{said} 46elks"


def test_a_doubt_and_what_came_of_it_are_told(book: Book) -> None:
    channel = book.world.channel()
    events = (
        Said(timedelta(), Status.QUEUED),
        Said(A_SECOND, Status.QUEUED, "in_doubt timeout", changed=False),
        Said(2 * A_SECOND, Status.QUEUED, "absent", changed=False),
        Said(3 * A_SECOND, Status.QUEUED, "sent_again", changed=False),
        Said(4 * A_SECOND, Status.SENT),
    )
    (message,) = book.write(
        Entry(book.town.school, book.office, book.ago(1), channel_id=channel, events=events)
    )
    assert [row[2] for row in happened(shown(book.town.head, message, SCHOOL))] == [
        "–",
        "It was not known whether the provider got the text, so it was asked. in_doubt timeout",
        "The provider never got the text, which was sent again. absent",
        "The text was sent again to the same provider, which recognises one that it has. sent_again",
        "–",
    ]


def test_codes_of_a_plugin_that_is_gone_show_as_they_are(book: Book) -> None:
    channel = book.world.channel("gone", plugin="a_plugin_that_is_gone")
    events = (Said(timedelta(), Status.UNSENT, "000"),)
    (message,) = book.write(
        Entry(
            book.town.school,
            book.office,
            book.ago(1),
            status=Status.UNSENT,
            channel_id=channel,
            events=events,
        )
    )
    assert happened(shown(book.town.chief, message))[0][2] == "000"


def test_a_message_taken_through_the_whole_platform_shows_what_happened(book: Book) -> None:
    book.world.channel()
    book.world.group_quota(book.town.school, 1)
    assert book.world.words(book.office, ["+46701740605", "+46701740606"]) == [
        "QUEUED",
        "no_sms_left:Group:Skolan",
    ]
    log = book.town.head.get(f"{SCHOOL}/@@logs?sort=number&order=desc")
    page = book.town.head.get(str(log.html.select_one("tbody a")["href"]))
    assert facts(page)["Status"].startswith("no_sms_left:Group:Skolan ")
    assert [row[1:] for row in happened(page)] == [["no_sms_left:Group:Skolan", "–"]]
    assert rule(page) == ("The limit is one of Skolan.", f"{SCHOOL}/@@settings")


def test_a_text_that_came_in_says_to_which_number(book: Book) -> None:
    entry = Entry(book.town.school, book.office, book.ago(1), status=Status.INCOMING, local="467301214000000")
    (message,) = book.write(entry)
    told = facts(shown(book.town.chief, message))
    assert told["Came to the number"] == "467301214000000"
    assert told["in/out"] == "in, from the mobile network"


# The rule that stopped it


def refused(book: Book, status: Status, by: Group | None = None) -> UUID:
    return book.write(Entry(book.town.class_4b, book.teacher, book.ago(1), status=status, rule=by))[0]


@pytest.mark.parametrize("status", sorted(NAMES_GROUP))
def test_a_limit_leads_to_the_permissions_of_the_group_that_has_it(book: Book, status: Status) -> None:
    message = refused(book, status, book.town.school)
    page = shown(book.town.head, message, SCHOOL)
    assert rule(page) == ("The limit is one of Skolan.", f"{SCHOOL}/@@settings")
    above = shown(book.town.chief, message)
    assert rule(above) == ("The limit is one of Master › Skolan.", f"{SCHOOL}/@@settings")


def test_a_limit_from_above_is_an_overlying_groups(book: Book) -> None:
    book.world.run('UPDATE "group" SET name = $$Överförvaltningen$$ WHERE id = :id', id=book.town.master.id)
    message = refused(book, Status.USED_UP_GROUP, book.town.master)
    page = shown(book.town.head, message, SCHOOL)
    assert rule(page) == ("The limit is one of an overlying group.", None)
    assert str(book.town.master.id) not in page.text
    # the status itself names it, once for the message and once where it happened, and nothing else does
    assert page.text.count("Överförvaltningen") == page.text.count("no_sms_left:Group:Överförvaltningen") == 2


def test_a_limit_of_a_group_that_is_gone_leads_nowhere(book: Book) -> None:
    message = refused(book, Status.USED_UP_PERSONAL, book.town.class_4b)
    book.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=book.town.class_4b.id)
    page = shown(book.town.head, message, SCHOOL)
    assert rule(page) == ("The limit is one of Skolan › Klass 4B (removed).", None)
    assert facts(page)["Group"] == "Skolan › Klass 4B (removed)"


@pytest.mark.parametrize(
    ("status", "view"), [(Status.TOO_MANY_PARTS, "@@settings"), (Status.SENDER_NOT_VERIFIED, "@@domains")]
)
def test_what_the_messages_own_group_decides_leads_there(book: Book, status: Status, view: str) -> None:
    page = shown(book.town.head, refused(book, status), SCHOOL)
    assert rule(page)[1] == f"{SCHOOL}/klass-4b/{view}"
    assert ADVICE[status] in page.html.select_one(".notice").get_text()


@pytest.mark.parametrize("status", sorted(ADVICE.keys() - NAMES_GROUP))
def test_each_other_refusal_says_what_to_do(book: Book, status: Status) -> None:
    page = shown(book.town.head, refused(book, status), SCHOOL)
    assert ADVICE[status] in page.html.select_one(".notice").get_text()
    assert MEANINGS[status] in seen(page)


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.INCOMING, Status.QUEUED])
def test_where_nothing_is_wrong_there_is_nothing_to_do(book: Book, status: Status) -> None:
    assert "What to do" not in seen(shown(book.town.head, refused(book, status), SCHOOL))


# Who may see it


def test_a_message_beyond_is_not_found_like_one_that_is_nowhere(book: Book) -> None:
    town = book.town
    messages = book.write(
        Entry(town.care, book.nurse, book.ago(1)),
        Entry(town.master, town.chief_id, book.ago(1)),
        Entry(town.elsewhere, uuid4(), book.ago(1)),
    )
    head, nowhere = town.head, str(uuid4())
    expected = head.get(f"{SCHOOL}/@@log-message?id={nowhere}", 404).text.replace(nowhere, "…")
    for message in map(str, messages):
        answer = head.get(f"{SCHOOL}/@@log-message?id={message}", 404)
        assert answer.text.replace(message, "…") == expected
        head.get(f"{MASTER}/@@log-message?id={message}", 404)


def test_a_group_shows_the_messages_below_it_and_none_beside(book: Book) -> None:
    (message,) = book.write(Entry(book.town.class_4b, book.teacher, book.ago(1)))
    chief = book.town.chief
    for group, status in (
        (MASTER, 200),
        (SCHOOL, 200),
        (f"{SCHOOL}/klass-4b", 200),
        (f"{MASTER}/omsorgen", 404),
    ):
        chief.get(f"{group}/@@log-message?id={message}", status)


@pytest.mark.parametrize(
    "written", ["", "x", "%00", "%ff", str(UUID(int=2**128 - 1)), str(UUID(int=0)), "1" * 32]
)
def test_what_is_no_message_is_not_found(book: Book, written: str) -> None:
    book.town.chief.get(f"{MASTER}/@@log-message?id={written}", 404)


# Words


def test_every_status_column_and_way_in_has_words() -> None:
    assert set(MEANINGS) == set(Status)
    assert set(DIRECTIONS) == set(Direction)
    assert set(DOORS) == set(Door)
    assert set(ADVICE) >= NAMES_GROUP
    assert HEADINGS.keys() == set(Column)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manuals_statuses_are_explained_apart_from_each_other(language: str) -> None:
    said = [speech(language).gettext(MEANINGS[status]) for status in Status]
    assert len(set(said)) == len(said)


def test_each_code_of_the_simulators_numbers_has_words() -> None:
    behaviours = DOCUMENTED.values()
    codes = {receipt.code for b in behaviours for receipt in b.receipts} | {b.code for b in behaviours}
    assert codes - CODES.keys() == {"", "999"}
