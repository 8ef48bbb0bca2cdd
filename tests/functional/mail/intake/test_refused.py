"""Mails that are not sent: what is refused, dropped or parked, and what their senders are told (spec M8, M10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from messa_platform.core.clock import FixedClock, stockholm_day
from messa_platform.core.post import Post
from messa_platform.mail.letters import Letters
from messa_platform.mail.replies import UnsentMails
from messa_platform.tenants.accounts import WELCOME_LIFE
from messa_platform.tenants.models import Group
from tests.support.mail_desk import ANNA, PHONES, Desk
from tests.support.platform import mail
from tests.support.world import World


def test_the_failure_mail_names_who_failed_and_why_with_the_subject(
    desk: Desk, kommun: Group, world: World
) -> None:
    world.group_quota(kommun, 2)
    asked = mail("Sal Eken kl 13", "Kallelse", sender=ANNA)
    desk.read(asked, *PHONES[:4])
    (letter,) = desk.letters()
    assert letter.headers["Subject"] == "Alla dina sms skickades inte: Kallelse"
    assert letter.headers["In-Reply-To"] == letter.headers["References"] == asked["Message-ID"]
    assert letter.headers["Auto-Submitted"] == "auto-generated"
    assert letter.envelope_sender == ""
    assert "Sms:en i gruppen Master är slut" in letter.text
    assert [number in letter.text for number in PHONES[:4]] == [False, False, True, True]


def test_the_failure_mail_is_in_the_senders_language(desk: Desk, kommun: Group, world: World) -> None:
    world.group_quota(kommun, 0)
    world.account(kommun, "john@kommun.example", language="en")
    desk.read(mail("Hello", sender="john@kommun.example"))
    (letter,) = desk.letters("john@kommun.example")
    assert letter.headers["Subject"] == "Your SMS was not sent: Hej"
    assert "The group Master is not allowed to send texts" in letter.text


def test_a_cause_is_told_at_most_once_an_hour_and_another_cause_at_once(
    desk: Desk, kommun: Group, world: World, clock: FixedClock
) -> None:
    def again() -> int:
        desk.read(mail("Samma text", sender=ANNA))
        return len(desk.failures())

    assert [again() for _ in range(4)] == [0, 1, 1, 1]
    world.group_quota(kommun, 0)
    desk.read(mail("En annan text", sender=ANNA))
    assert len(desk.failures()) == 2
    clock.move(timedelta(minutes=59))
    assert again() == 2
    clock.move(timedelta(minutes=2))
    assert again() == 3


def test_three_refusals_in_one_batch_are_told_once(desk: Desk, kommun: Group, world: World) -> None:
    world.group_quota(kommun, 0)
    for i in range(3):
        desk.arrive(mail(f"Nummer {i}", sender=ANNA))
    desk.intake.run()
    assert len(desk.failures()) == 1


def test_a_refused_alarm_is_stored_but_nobody_writes_to_a_program(
    desk: Desk, kommun: Group, world: World
) -> None:
    world.group_quota(kommun, 0)
    desk.read(mail("11 grader", sender=ANNA, Precedence="bulk"))
    assert desk.words() == [("+46701740605", "Group")]
    assert desk.letters() == []


REPORT = b"From: MAILER-DAEMON@mx.example\r\nSubject: failed\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x--\r\n"
AUTOMATIC: dict[str, tuple[EmailMessage | bytes, str | None, str]] = {
    "an out-of-office answer": (
        mail("Borta", "Automatiskt svar: Hej", ANNA, Auto_Submitted="auto-replied"),
        None,
        "auto_reply",
    ),
    "a newsletter": (mail("Nytt", sender=ANNA, List_Id="<nyheter.kommun.example>"), None, "mailing_list"),
    "a bounce": (REPORT, "", "bounce"),
    "a mail from the null sender": (mail("Hej", sender=ANNA), "", "bounce"),
    "a mail of our own that came back": (mail("Hej", sender=ANNA, X_Loop="messa.example"), None, "loop"),
}


@pytest.mark.parametrize("kind", AUTOMATIC)
def test_what_is_dropped_is_stored_with_its_reason_and_answered_by_nothing(
    desk: Desk, kommun: Group, kind: str
) -> None:
    message, sender, reason = AUTOMATIC[kind]
    row = desk.read(message, envelope_sender=sender)
    assert (row.outcome, row.reason, row.state) == ("dropped", reason, "done")
    assert desk.words() == []
    assert desk.world.value("SELECT count(*) FROM outgoing_mail") == 0


def test_a_drop_is_noted_on_the_account_that_exists_and_makes_none(desk: Desk, kommun: Group) -> None:
    known = desk.read(mail("Borta", sender=ANNA, Auto_Submitted="auto-replied"))
    unknown = desk.read(mail("Borta", sender="ny@annan.example", Auto_Submitted="auto-replied"))
    assert known.account_id is not None
    assert unknown.account_id is None
    assert desk.world.value("SELECT count(*) FROM account") == 1


def test_a_mail_without_anything_to_say_is_refused_and_told(desk: Desk, kommun: Group) -> None:
    row = desk.read(mail("", subject="", sender=ANNA))
    assert (row.outcome, row.reason, row.state) == ("refused", "empty", "done")
    assert "varken ärende eller text" in desk.failures()[0]


def test_a_mail_that_cannot_be_read_is_parked_with_its_reason_and_its_sender_is_told(
    desk: Desk, kommun: Group
) -> None:
    sealed = b"From: anna@kommun.example\r\nSubject: Hemligt\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nMIIB\r\n"
    row = desk.read(sealed)
    assert (row.outcome, row.reason, row.state, row.last_error) == (
        "refused",
        "encrypted",
        "parked",
        "encrypted",
    )
    assert row.raw == sealed
    (told,) = desk.failures()
    assert "Hemligt" in told
    assert "krypterat" in told
    assert desk.words() == []


def test_a_mail_that_is_none_is_parked_and_the_envelopes_sender_is_told(desk: Desk, kommun: Group) -> None:
    row = desk.read(b"\x00\x01\x02 no header at all")
    assert (row.state, row.reason) == ("parked", "not_a_mail")
    assert len(desk.failures()) == 1


def test_a_mail_in_the_name_of_two_is_refused_and_only_the_envelopes_sender_is_told(
    desk: Desk, kommun: Group
) -> None:
    row = desk.read(mail("Hej", sender=f"{ANNA}, rektor@kommun.example"), envelope_sender=ANNA)
    assert (row.outcome, row.reason) == ("refused", "several_senders")
    assert len(desk.failures()) == 1
    assert desk.letters("rektor@kommun.example") == []
    assert desk.words() == []


def test_a_blocked_account_sends_nothing_and_is_told(desk: Desk, kommun: Group, world: World) -> None:
    world.account(kommun, "stopp@kommun.example", blocked=True)
    row = desk.read(mail("Hej", sender="stopp@kommun.example"))
    assert (row.outcome, row.reason) == ("refused", "account_blocked")
    assert desk.words() == []
    assert "spärrat" in desk.failures("stopp@kommun.example")[0]


# Times


def test_the_time_of_a_mail_that_failed_is_told_as_the_clock_goes_where_its_sender_belongs(
    desk: Desk, kommun: Group, clock: FixedClock
) -> None:
    clock.at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    desk.world.run("UPDATE tenant SET time_zone = 'Europe/Helsinki' WHERE id = :id", id=kommun.tenant_id)
    desk.read(mail("", subject="", sender=ANNA))
    desk.read(mail("Hej", sender=ANNA), "12")
    desk.read(b"no header at all", envelope_sender="Anna@kommun.example")
    assert ["2026-07-02 01:30" in text for text in desk.failures()] == [True, True]
    assert "2026-07-02 01:30" in desk.failures("Anna@kommun.example")[0]
    desk.read(mail("", subject="", sender="ny@annan.example"))
    assert "2026-07-02 00:30" in desk.failures("ny@annan.example")[0]


def test_so_is_that_of_one_that_the_network_refused_and_the_last_day_of_a_welcome(
    desk: Desk, kommun: Group, clock: FixedClock
) -> None:
    clock.at = datetime(2026, 7, 1, 21, 30, tzinfo=UTC)
    desk.world.run("UPDATE tenant SET time_zone = 'Europe/Helsinki' WHERE id = :id", id=kommun.tenant_id)
    desk.read(mail("Hej", sender="bo@kommun.example"))
    [welcome] = desk.letters("bo@kommun.example")
    last_day = (clock.now() + WELCOME_LIFE).astimezone(ZoneInfo("Europe/Helsinki")).date()
    assert last_day.isoformat() in welcome.text and last_day != stockholm_day(clock.now() + WELCOME_LIFE)
    message = desk.world.value("SELECT id FROM message")
    with desk.world.database.unit_of_work() as session:
        letters = Letters("messa.example", "https://messa.example")
        post = Post("messa.example", lambda *_: None)
        UnsentMails(letters, post).unsent(session, clock.now(), [message])
    assert "2026-07-02 00:30" in desk.letters("bo@kommun.example")[-1].text
