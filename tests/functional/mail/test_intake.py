"""Reading what has arrived: accounts, messages, welcome mails and failure mails (spec M2-M5, M8-M10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock, stockholm_day
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id_at
from messa_platform.core.post import Mail, Post
from messa_platform.mail import intake
from messa_platform.mail.intake import Intake
from messa_platform.mail.letters import Letters, Report
from messa_platform.mail.replies import UnsentMails
from messa_platform.tenants.accounts import WELCOME_LIFE
from messa_platform.tenants.models import Group
from messa_platform.tenants.senders import Sender
from tests.support.observe import statements, together
from tests.support.platform import mail
from tests.support.world import World

ANNA = "anna@kommun.example"
PHONES = [f"+4670174{i:04d}" for i in range(1000, 1600)]


@dataclass
class Desk:
    """Lays arrived mails down, has them read, and looks at what came of it."""

    world: World
    intake: Intake
    moments: Iterator[int] = field(default_factory=count)

    def arrive(
        self,
        message: EmailMessage | bytes,
        to: Sequence[str] = ("0701740605",),
        envelope_sender: str | None = None,
    ) -> UUID:
        """A mail as the committer lays it down; gives its row's id."""
        raw = bytes(message)
        sender = str(message["From"]) if isinstance(message, EmailMessage) else ANNA
        identifier = new_id_at(self.intake.clock.now() + next(self.moments) * timedelta(milliseconds=1))
        with self.intake.database.unit_of_work() as session:
            session.execute(
                text(
                    "INSERT INTO inbound_mail (id, received_at, next_attempt_at, peer, helo, envelope_sender, recipients, raw)"
                    " VALUES (:id, :now, :now, '127.0.0.1', 'mx', :sender, :to, :raw)"
                ),
                {
                    "id": identifier,
                    "now": self.intake.clock.now(),
                    "sender": sender if envelope_sender is None else envelope_sender,
                    "to": [local if "@" in local else f"{local}@messa.example" for local in to],
                    "raw": raw,
                },
            )
        return identifier

    def read(self, message: EmailMessage | bytes, *to: str, **values: Any) -> Any:
        """A mail arrives and is read; gives its row."""
        identifier = self.arrive(message, to or ("0701740605",), **values)
        self.intake.run()
        return self.row(identifier)

    def row(self, identifier: UUID) -> Any:
        return self.world.rows("SELECT * FROM inbound_mail WHERE id = :id", id=identifier)[0]

    def letters(self, to: str = ANNA) -> list[Any]:
        """The mails queued for an address, oldest first."""
        return self.world.rows("SELECT * FROM outgoing_mail WHERE recipient = :to ORDER BY id", to=to)

    def failures(self, to: str = ANNA) -> list[str]:
        """The texts of the failure mails queued for an address."""
        return [row.text for row in self.letters(to) if row.key.startswith("failure:")]

    def words(self) -> list[tuple[str, str]]:
        """Every message's recipient and status, in order."""
        rows = self.world.rows("SELECT remote, status FROM message ORDER BY id")
        return [(row.remote, row.status) for row in rows]

    def texts(self) -> list[str]:
        """What every message says, in order."""
        return [row.text for row in self.world.rows("SELECT text FROM message ORDER BY id")]


@pytest.fixture
def desk(world: World, database: Database, clock: FixedClock) -> Desk:
    world.channel()
    world.numbers()
    post = Post("messa.example", lambda session, actor: None)
    letters = Letters("messa.example", "https://messa.example")
    return Desk(world, Intake(database, clock, world.heard, letters, post))


@pytest.fixture
def kommun(world: World) -> Group:
    """A tenant with the domain kommun.example, where Anna has an account."""
    group = world.tenant()
    world.domain(group, "kommun.example")
    world.account(group, ANNA)
    return group


def test_a_mail_becomes_a_message_to_each_recipient_once(desk: Desk, kommun: Group) -> None:
    row = desk.read(mail("Kom i tid", sender=ANNA), "0701740605", "+46701740606", "070-174 06 05")
    assert (row.outcome, row.state, row.reason) == ("submitted", "done", None)
    assert desk.words() == [("+46701740605", "QUEUED"), ("+46701740606", "QUEUED")]
    assert desk.texts() == ["Hej\nKom i tid"] * 2
    assert desk.letters() == []
    assert row.tenant_id == kommun.tenant_id
    assert row.account_id == desk.world.value("SELECT id FROM account WHERE address = :a", a=ANNA)


def test_many_mails_are_read_in_one_go(desk: Desk, kommun: Group) -> None:
    arrived = [desk.arrive(mail(f"Nummer {i}", subject="", sender=ANNA)) for i in range(30)]
    desk.intake.run()
    assert {desk.row(one).outcome for one in arrived} == {"submitted"}
    assert desk.texts() == [f"Nummer {i}" for i in range(30)]
    assert len(desk.world.rows("SELECT DISTINCT xmin FROM message")) == 1


def test_the_first_mail_makes_an_account_in_the_group_of_the_longest_domain(
    desk: Desk, kommun: Group, world: World
) -> None:
    school = world.group(kommun, "Skolan")
    world.domain(school, "skolan.kommun.example")
    for address in ("eva@vik.skolan.kommun.example", "per@annat.kommun.example", "bo@xkommun.example"):
        desk.read(mail("Hej", sender=f"Någon <{address}>"), envelope_sender=address)
    rows = world.rows(
        'SELECT a.address, a.display_name, g.id AS group_id, t.is_free FROM account a JOIN "group" g ON g.id = a.group_id'
        " JOIN tenant t ON t.id = a.tenant_id WHERE a.address <> :anna ORDER BY a.address",
        anna=ANNA,
    )
    assert [(r.address, r.display_name, r.is_free) for r in rows] == [
        ("bo@xkommun.example", "Någon", True),
        ("eva@vik.skolan.kommun.example", "Någon", False),
        ("per@annat.kommun.example", "Någon", False),
    ]
    assert [r.group_id for r in rows[1:]] == [school.id, kommun.id]


def test_a_newcomer_is_welcomed_once_with_a_link_whose_word_is_kept_as_a_digest_only(
    desk: Desk, world: World
) -> None:
    for body in ("Första", "Andra"):
        desk.read(mail(body, sender="ny@annan.example"))
    desk.arrive(mail("Tredje", sender="ny@annan.example"))
    (welcome,) = desk.letters("ny@annan.example")
    assert welcome.key.startswith("welcome:")
    assert welcome.envelope_sender == ""
    (link,) = [line for line in welcome.text.splitlines() if line.startswith("https://messa.example/")]
    word = link.rsplit("/", 1)[-1].rsplit("=", 1)[-1]
    (token,) = world.rows("SELECT digest, kind, expires_at FROM account_token")
    assert word.encode() not in bytes(token.digest)
    assert len(word) >= 40
    assert token.kind == "welcome"


def test_two_first_mails_in_one_batch_are_welcomed_once(desk: Desk) -> None:
    for i in range(3):
        desk.arrive(mail(f"Nummer {i}", sender="ny@annan.example"))
    desk.intake.run()
    assert len(desk.letters("ny@annan.example")) == 1
    assert len(desk.texts()) == 3


def test_a_program_that_is_new_here_is_served_without_a_welcome(desk: Desk) -> None:
    row = desk.read(mail("11 grader", "LARM", sender="larm@annan.example", Auto_Submitted="auto-generated"))
    assert row.outcome == "submitted"
    assert desk.texts() == ["LARM\n11 grader"]
    assert desk.letters("larm@annan.example") == []


def test_a_free_account_has_twenty_five_in_all(desk: Desk, clock: FixedClock) -> None:
    desk.read(mail("Tjugo", sender="ny@annan.example"), *PHONES[:20])
    clock.move(timedelta(days=400))
    desk.read(mail("Tio till", sender="ny@annan.example"), *PHONES[:10])
    assert [status for _, status in desk.words()] == ["QUEUED"] * 25 + ["no_sms_left:Personal"] * 5
    (told,) = desk.failures("ny@annan.example")
    assert all(number in told for number in PHONES[5:10])
    assert PHONES[4] not in told


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


def test_one_mail_delivered_twice_is_one_and_no_refusal(desk: Desk, kommun: Group) -> None:
    message = mail("En gång", sender=ANNA)
    outcomes = [desk.read(message, "0701740605", "0701740606").outcome for _ in range(2)]
    assert outcomes == ["submitted", "repeated"]
    assert [status for _, status in desk.words()] == ["QUEUED"] * 2
    assert desk.letters() == []


def test_one_mail_delivered_twice_in_one_batch_is_one(desk: Desk, kommun: Group) -> None:
    message = mail("En gång", sender=ANNA)
    arrived = [desk.arrive(message) for _ in range(2)]
    desk.intake.run()
    assert [desk.row(one).outcome for one in arrived] == ["submitted", "repeated"]
    assert desk.words() == [("+46701740605", "QUEUED")]


def test_the_same_mail_to_others_is_another_mail(desk: Desk, kommun: Group) -> None:
    message = mail("Till två", sender=ANNA)
    assert [desk.read(message, number).outcome for number in PHONES[:2]] == ["submitted"] * 2
    assert [status for _, status in desk.words()] == ["QUEUED"] * 2


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


def test_a_mail_without_a_from_line_is_its_envelope_senders(desk: Desk, kommun: Group) -> None:
    row = desk.read(b"Subject: Utan avsandare\r\n\r\nHej\r\n", envelope_sender=ANNA)
    assert row.outcome == "submitted"
    assert row.account_id == desk.world.value("SELECT id FROM account WHERE address = :a", a=ANNA)


def test_a_blocked_account_sends_nothing_and_is_told(desk: Desk, kommun: Group, world: World) -> None:
    world.account(kommun, "stopp@kommun.example", blocked=True)
    row = desk.read(mail("Hej", sender="stopp@kommun.example"))
    assert (row.outcome, row.reason) == ("refused", "account_blocked")
    assert desk.words() == []
    assert "spärrat" in desk.failures("stopp@kommun.example")[0]


ODD_SENDERS = [
    "a..b@annan.example",  # real ones in Japan
    "a.@annan.example",
    '"anna andersson"@annan.example',
    "göran@annan.example",
    "anna@[192.0.2.7]",
    "anna",
    "anna@annan.example\x85bcc: x@y.example",
    "o'brien+sms@annan.example",
    "=?utf-8?q?anna?=@annan.example",
]


@pytest.mark.parametrize("address", ODD_SENDERS)
def test_an_odd_address_is_served_and_written_to_like_any_other(desk: Desk, address: str) -> None:
    row = desk.read(b"Subject: Udda\r\n\r\nHej\r\n", *PHONES[:26], envelope_sender=address)
    assert (row.outcome, row.state) == ("submitted", "done")
    assert [letter.key.split(":")[0] for letter in desk.letters(address)] == ["welcome", "failure"]


class Poisoned(Letters):
    """Letters that fail on one subject, as a mistake of ours might."""

    def failure(self, report: Report) -> Mail:
        if report.subject == "gift":
            raise RuntimeError("poison")
        return super().failure(report)

    def welcome(self, sender: Sender, word: str, until: Any) -> Mail:
        if sender.address.startswith("gift"):
            raise RuntimeError("poison")
        return super().welcome(sender, word, until)


@pytest.fixture
def poisoned(desk: Desk) -> Desk:
    letters = Poisoned("messa.example", "https://messa.example")
    return replace(desk, intake=replace(desk.intake, letters=letters))


def test_a_mail_that_makes_us_fail_holds_up_no_other(poisoned: Desk, kommun: Group) -> None:
    before = [poisoned.arrive(mail(f"Före {i}", sender=ANNA)) for i in range(5)]
    bad = poisoned.arrive(mail("Hej", sender="gift@annan.example"))
    after = [poisoned.arrive(mail(f"Efter {i}", sender=ANNA)) for i in range(5)]
    poisoned.intake.run()
    assert {poisoned.row(one).outcome for one in before + after} == {"submitted"}
    row = poisoned.row(bad)
    assert (row.state, row.outcome, row.attempts, row.last_error) == ("ready", None, 1, "RuntimeError")
    assert len(poisoned.texts()) == 10


def test_a_mail_that_makes_us_fail_again_and_again_is_parked_and_its_sender_told(
    poisoned: Desk, clock: FixedClock
) -> None:
    bad = poisoned.arrive(mail("Hej", sender="gift@annan.example"))
    for _ in range(len(intake.QUEUE.pauses) + 1):
        poisoned.intake.run()
        clock.move(timedelta(hours=1))
    row = poisoned.row(bad)
    assert (row.state, row.last_error) == ("parked", "RuntimeError")
    assert row.raw is not None
    (told,) = poisoned.failures("gift@annan.example")
    assert "Något gick fel hos oss" in told
    poisoned.intake.run()
    assert poisoned.row(bad).attempts == row.attempts


def test_a_mail_whose_reader_died_is_read_again_when_its_lease_has_run_out(
    desk: Desk, kommun: Group, database: Database, clock: FixedClock
) -> None:
    identifier = desk.arrive(mail("Överlever", sender=ANNA))
    with database.unit_of_work() as session:
        intake.QUEUE.claim(session, clock.now(), 10)  # and then the process was gone
    desk.intake.run()
    assert desk.row(identifier).state == "leased"
    clock.move(intake.QUEUE.lease)
    desk.intake.run()
    assert desk.row(identifier).outcome == "submitted"
    assert desk.texts() == ["Hej\nÖverlever"]


def test_two_readers_at_once_submit_each_mail_once(desk: Desk, kommun: Group) -> None:
    arrived = [desk.arrive(mail(f"Nummer {i}", sender=ANNA)) for i in range(150)]
    together([desk.intake.run] * 4)
    desk.intake.run()
    assert {desk.row(one).outcome for one in arrived} == {"submitted"}
    assert sorted(desk.texts()) == sorted(f"Hej\nNummer {i}" for i in range(150))


def empty_raw(desk: Desk) -> None:
    with desk.intake.database.unit_of_work() as session:
        intake.empty_old(session, desk.intake.clock.now() - timedelta(days=7))


def test_raw_bytes_are_emptied_after_their_days_but_not_those_of_a_parked_mail(
    desk: Desk, kommun: Group, clock: FixedClock
) -> None:
    read = desk.read(mail("Hej", sender=ANNA))
    parked = desk.read(b"no header at all")
    clock.move(timedelta(days=6, hours=23))
    empty_raw(desk)
    assert desk.row(read.id).raw is not None
    clock.move(timedelta(hours=2))
    fresh = desk.read(mail("Ny", sender=ANNA))
    empty_raw(desk)
    assert [desk.row(row.id).raw is None for row in (read, parked, fresh)] == [True, False, False]


def test_raw_bytes_of_thousands_of_mails_are_emptied(desk: Desk, kommun: Group, clock: FixedClock) -> None:
    read = desk.read(mail("Hej", sender=ANNA))
    copies = (
        "INSERT INTO inbound_mail (id, received_at, next_attempt_at, peer, helo, envelope_sender, recipients, raw, state)"
        " SELECT CAST(left(CAST(id AS text), 24) || lpad(to_hex(i), 12, '0') AS uuid), received_at, next_attempt_at, peer, helo,"
        " envelope_sender, recipients, raw, state FROM inbound_mail, generate_series(1, 2100) AS i WHERE id = :id RETURNING 1"
    )
    assert len(desk.world.rows(copies, id=read.id)) == 2100
    clock.move(timedelta(days=8))
    empty_raw(desk)
    assert desk.world.value("SELECT count(*) FROM inbound_mail WHERE raw IS NOT NULL") == 0


def test_what_was_left_out_of_a_mail_is_counted(desk: Desk, kommun: Group) -> None:
    message = mail("Se bilaga", sender=ANNA)
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="karta.pdf")
    assert desk.read(message).left_out == 1


def test_the_thread_remembers_the_mail_that_an_answer_belongs_to(desk: Desk, kommun: Group) -> None:
    message = mail("Kommer du?", sender=ANNA)
    desk.read(message)
    assert desk.world.value("SELECT mail_reference FROM thread") == str(message["Message-ID"]).strip("<>")


def test_five_hundred_recipients_take_one_reservation_and_as_many_statements_as_one(
    desk: Desk, kommun: Group, world: World, database: Database
) -> None:
    world.group_quota(kommun, 1000)
    desk.read(mail("Till en först", sender=ANNA))
    with statements(database.engine) as for_one:
        desk.read(mail("Till en", sender=ANNA))
    with statements(database.engine) as for_all:
        desk.read(mail("Till alla", sender=ANNA), *PHONES[:500])
    assert [remote for remote, status in desk.words()[2:] if status == "QUEUED"] == PHONES[:500]
    assert len(for_all) == len(for_one)
    assert sum("INSERT INTO quota_usage" in one.text for one in for_all) == 1


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
