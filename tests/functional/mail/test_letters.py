"""The mails that messa writes, word for word where it matters (spec M5, M10, R2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.mail.causes import WORDS
from messa_platform.mail.letters import SHOWN, Failed, Letters, Report
from messa_platform.mail.reading import UnreadableReason
from messa_platform.mail.replies import ReplyMails
from messa_platform.messaging.incoming import Arrival
from messa_platform.messaging.sink import EventSink
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.store import Touched
from messa_platform.providers.base import IncomingText
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.senders import Sender, senders
from tests.support.world import World

LETTERS = Letters("messa.example", "https://messa.example")
NIGHT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
ANNAS_PHONE = "+46701740605"
UNNAMED = Touched(new_id(), "", None)
"""A thread that never sent a mail."""


@pytest.fixture
def anna(world: World) -> Sender:
    """A sender in a group whose people may receive."""
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    identifier = world.account(group, "anna@kommun.example")
    with world.database.unit_of_work() as session:
        return senders(session, [identifier])[identifier]


def arrival(holder: Sender, **values: Any) -> Arrival:
    usual = Arrival(new_id(), holder, UNNAMED, ANNAS_PHONE, "+467301214000000", "Jag kommer. /Åsa")
    return replace(usual, **values)


def report(**values: Any) -> Report:
    usual = Report(
        UUID(int=7),
        "anna@kommun.example",
        "sv",
        "Kallelse",
        "abc@kommun.example",
        NIGHT,
        0,
        [Failed(Status.INVALID_NUMBER, ["070"])],
    )
    return replace(usual, **values)


def test_a_reply_comes_from_the_phone_and_can_be_answered(anna: Sender) -> None:
    letter = LETTERS.reply(arrival(anna, thread=replace(UNNAMED, mail_reference="fraga.1@kommun.example")))
    assert letter.sender == "+46701740605@messa.example"
    assert letter.sender_name == "+46701740605"
    assert letter.recipient == "anna@kommun.example"
    assert letter.subject == "Sms från +46701740605"
    assert letter.text.startswith("Jag kommer. /Åsa\n\n-- \n")
    assert letter.headers == {
        "In-Reply-To": "<fraga.1@kommun.example>",
        "References": "<fraga.1@kommun.example>",
    }
    assert letter.message_id is not None
    assert letter.message_id.endswith("@messa.example>")


def test_a_thread_with_a_name_shows_it_beside_the_number(anna: Sender) -> None:
    letter = LETTERS.reply(arrival(anna, thread=replace(UNNAMED, display_name="Görans jobbmobil")))
    assert letter.sender_name == "Görans jobbmobil"
    assert letter.subject == "Sms från Görans jobbmobil (+46701740605)"
    assert letter.headers == {}


def test_a_text_from_a_name_cannot_be_answered_and_says_so(anna: Sender) -> None:
    letter = LETTERS.reply(arrival(anna, remote="Apoteket"))
    assert letter.sender == "no-reply@messa.example"
    assert letter.sender_name == "Apoteket"
    assert "kan inte ta emot svar" in letter.text


def test_a_reply_in_english_to_who_speaks_it(anna: Sender) -> None:
    letter = LETTERS.reply(arrival(replace(anna, language="en")))
    assert letter.subject == "SMS from +46701740605"


def test_the_welcome_has_the_link_and_the_last_day_of_it_in_stockholm(anna: Sender) -> None:
    letter = LETTERS.welcome(anna, "hemligt-ord", NIGHT)
    assert letter.subject == "Välkommen till messa"
    assert "https://messa.example/" in letter.text
    assert "hemligt-ord" in letter.text
    assert "2026-07-02" in letter.text  # half past midnight there
    assert "Svar på sms:et kommer tillbaka till dig som mejl" in letter.text


def test_the_welcome_tells_who_cannot_receive_what_the_recipient_sees(world: World) -> None:
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, False)
    world.set(group, Key.SENDER_NAME, "Kommunen")
    identifier = world.account(group, "bo@kommun.example")
    with world.database.unit_of_work() as session:
        bo = senders(session, [identifier])[identifier]
    letter = LETTERS.welcome(bo, "ord", NIGHT)
    assert "Kommunen" in letter.text
    assert "kan inte svara" in letter.text


def test_a_failure_names_subject_time_recipients_and_cause() -> None:
    letter = LETTERS.failure(report())
    assert letter.subject == "Ditt sms skickades inte: Kallelse"
    assert 'Ditt mejl "Kallelse" från 2026-07-02 00:30 kunde inte skickas' in letter.text
    assert "\nDet här är inte ett mobilnummer som går att nå." in letter.text
    assert "\n  070\n" in letter.text
    assert letter.headers["References"] == "<abc@kommun.example>"
    assert letter.sender == "no-reply@messa.example"


def test_a_failure_of_some_says_how_many_went() -> None:
    letter = LETTERS.failure(report(sent=498))
    assert letter.subject == "Alla dina sms skickades inte: Kallelse"
    assert "skickades som sms till 498 mottagare, men inte till alla" in letter.text


def test_a_failure_without_subject_or_id_is_still_a_letter() -> None:
    letter = LETTERS.failure(report(subject="", message_id=None, language=None))
    assert letter.subject == "Ditt sms skickades inte: (utan ärende)"
    assert "Ditt mejl utan ärende" in letter.text
    assert letter.headers == {}


def test_a_long_list_is_cut_and_its_rest_counted() -> None:
    numbers = [f"+4670{i:07d}" for i in range(SHOWN + 12)]
    letter = LETTERS.failure(
        report(failed=[Failed(Status.BLOCKED, numbers), Failed(Status.NO_ROUTE, ["+46"])])
    )
    assert all(f"  {number}\n" in letter.text for number in numbers[:SHOWN])
    assert numbers[SHOWN] not in letter.text
    assert "… och 12 till" in letter.text
    assert letter.text.count("… och") == 1


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("cause", sorted(WORDS["sv"]))
def test_every_cause_has_words_in_both_languages_with_nothing_left_to_fill_in(
    cause: str, language: str
) -> None:
    letter = LETTERS.failure(report(language=language, failed=[Failed(cause, ["+46701740605"], "Skolan", 9)]))
    assert "{" not in letter.text
    assert "  +46701740605\n" in letter.text


def test_whatever_may_refuse_a_mail_has_words() -> None:
    sending = {
        "SCHEDULED",
        "CANCELLED",
        "QUEUED",
        "UNCONFIRMED",
        "SENT",
        "BUFFERED",
        "DELIVERED",
        "UNDELIVERED",
        "UNSENT",
        "INCOMING",
    }
    refusing = {status.value for status in Status} - sending | {reason.value for reason in UnreadableReason}
    assert refusing <= {str(cause) for cause in WORDS["sv"]}
    assert WORDS["sv"].keys() == WORDS["en"].keys()


def test_what_a_sender_wrote_is_not_taken_for_a_template() -> None:
    letter = LETTERS.failure(
        report(subject="{{ 7 * 7 }} {0} {group}", failed=[Failed(Status.NOT_ALLOWED_GROUP, ["070"], "{0}")])
    )
    assert letter.subject.endswith("{{ 7 * 7 }} {0} {group}")
    assert '"{{ 7 * 7 }} {0} {group}"' in letter.text
    assert "Gruppen {0} får inte" in letter.text


def test_reply_mails_are_queued_with_the_threads_name_and_reference(world: World, anna: Sender) -> None:
    kept: list[Any] = []

    class Keeps:
        def put(self, _session: object, _now: datetime, mails: list[Any]) -> None:
            kept.extend(mails)

    channel = world.channel()
    world.numbers()
    world.submit(anna.account_id, [ANNAS_PHONE], mail_reference="fraga.1@kommun.example")
    world.run("UPDATE thread SET display_name = 'Göran'")
    number = world.sender(anna.account_id).number
    assert number is not None
    with world.database.unit_of_work() as session:
        came = IncomingText("a1", ANNAS_PHONE, number, "Jag kommer.", NIGHT)
        EventSink(ReplyMails(LETTERS, Keeps())).take(session, NIGHT, channel, [came])  # type: ignore[arg-type]
    (letter,) = kept
    assert letter.key == f"reply:{world.value('SELECT id FROM message WHERE direction = :way', way='in')}"
    assert letter.subject == "Sms från Göran (+46701740605)"
    assert letter.headers["In-Reply-To"] == "<fraga.1@kommun.example>"


@pytest.mark.parametrize(
    ("zone", "moment", "last_day"),
    [
        ("Europe/Helsinki", "2026-07-02 01:30", "2026-07-02"),
        ("Atlantic/Reykjavik", "2026-07-01 22:30", "2026-07-01"),
        ("", "2026-07-02 00:30", "2026-07-02"),  # Stockholm
    ],
)
def test_times_are_told_as_the_clock_goes_where_the_recipients_organisation_is(
    anna: Sender, zone: str, moment: str, last_day: str
) -> None:
    assert f"från {moment} kunde inte skickas" in LETTERS.failure(report(time_zone=zone)).text
    assert last_day in LETTERS.welcome(replace(anna, time_zone=zone), "ord", NIGHT).text
