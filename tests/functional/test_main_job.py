"""The main job on real processes: a mail becomes an SMS, and the answer a mail (the issue's lines 1, 2 and 5)."""

from __future__ import annotations

import random
import smtplib
import subprocess
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock, SystemClock
from tests.support.platform import ANNA, ANNAS_PHONE, USER, Platform, a_platform, mail
from tests.support.processes import HOST, never, program
from tests.support.world import World

SOON = 2.0
"""Seconds that a text, or a mail of ours, may take."""


@pytest.fixture(scope="module")
def platform(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with a_platform(server, template, tmp_path_factory.mktemp("platform")) as made:
        yield made.start(MESSA_DISPATCH_LEASE_SECONDS="5")


@pytest.fixture(scope="module")
def people(platform: Platform) -> World:
    """Makes tenants and people beside the demo's."""
    return World(platform.database, FixedClock(SystemClock().now()))


def took(begun: float, what: str) -> float:
    seconds = time.monotonic() - begun
    print(f"{what}: {seconds:.3f} s")
    return seconds


def numbers(count: int, first: int) -> list[str]:
    return [f"+46701{first + i:06d}" for i in range(count)]


def at_messa(of: list[str]) -> list[str]:
    return [f"{number}@messa.example" for number in of]


def outcome(platform: Platform, message: EmailMessage) -> Any:
    """What was noted on the arrived mail, once it was read."""
    statement = "SELECT outcome, reason, state FROM inbound_mail WHERE strpos(convert_from(raw, 'UTF8'), :id) > 0 AND state = 'done'"
    return platform.until(
        lambda: next(iter(platform.rows(statement, id=message["Message-ID"])), None), says="the mail is read"
    )


def test_a_mail_from_smtplib_is_on_the_phone_at_once_and_is_delivered(platform: Platform) -> None:
    begun = platform.send(
        mail("Vi ses på Åsögatan 5, kl 8.\nÖl och räkor ingår.", subject="Påminnelse: årsmöte")
    )
    content = "Påminnelse: årsmöte\nVi ses på Åsögatan 5, kl 8.\nÖl och räkor ingår."
    text = platform.until_on_phone(content)
    assert took(begun, "smtplib to phone") < SOON
    assert text["from"].startswith("+467301214")
    platform.until(lambda: platform.statuses(content) == ["QUEUED", "SENT", "DELIVERED"], says="DELIVERED")


def test_a_mail_from_swaks_is_on_the_phone_at_once(platform: Platform) -> None:
    swaks = program("swaks", "swaks")
    begun = time.monotonic()
    subprocess.run(
        [
            *(swaks, "--server", f"{HOST}:{platform.smtp_port}", "--from", USER, "--to", ANNA),
            *("--header", "Subject: Från swaks", "--body", "Räksmörgås på Östra ån"),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    platform.until_on_phone("Från swaks\nRäksmörgås på Östra ån")
    assert took(begun, "swaks, its start included, to phone") < SOON


def test_the_answer_comes_back_as_a_mail_and_its_answer_goes_out_without_quote_or_subject(
    platform: Platform,
) -> None:
    asked = mail("Kommer du på mötet?", subject="Fråga")
    platform.send(asked)
    number = platform.until_on_phone("Fråga\nKommer du på mötet?")["from"]
    known = len(platform.mails(USER))

    begun = time.monotonic()
    platform.reply("Jag kommer på mötet, hälsar Åsa", to=number)
    answer = platform.until_mails(USER, known + 1)[-1]
    assert took(begun, "reply from the phone to mail") < SOON
    assert answer["from"] == f"{ANNAS_PHONE}@messa.example"
    assert ANNAS_PHONE in answer["subject"]
    assert answer["text"].startswith("Jag kommer på mötet, hälsar Åsa\n")
    headers = answer["headers"]
    assert headers["To"] == USER
    assert headers["In-Reply-To"] == headers["References"] == asked["Message-ID"]
    assert headers["Auto-Submitted"].startswith("auto-")
    assert headers["X-Loop"] == "messa.example"

    quoted = "\n".join(f"> {line}".rstrip() for line in answer["text"].splitlines())
    body = f"Vad bra, då ses vi där!\n\n/Ulf\n\nDen tors 5 mars 2026 kl 10:12 skrev {ANNAS_PHONE} <{ANNAS_PHONE}@messa.example>:\n\n{quoted}"
    back = mail(body, f"Sv: {answer['subject']}", to=answer["from"])
    back["In-Reply-To"] = headers["Message-ID"]
    back["References"] = f"{headers['References']} {headers['Message-ID']}"
    begun = platform.send(back, answer["from"])
    platform.until_on_phone("Vad bra, då ses vi där!\n\n/Ulf")
    assert took(begun, "answer to the mail to phone") < SOON


def test_a_mail_to_five_hundred_is_five_hundred_texts(platform: Platform, people: World) -> None:
    group = people.tenant("stor", "Storkommun")
    people.domain(group, "stor.example")
    people.account(group, "anna@stor.example")
    to = numbers(500, 100_000)
    begun = platform.send(
        mail("Till alla", sender="anna@stor.example"), *at_messa(to), sender="anna@stor.example"
    )
    sent = "SELECT count(*) FROM message WHERE text = 'Hej' || chr(10) || 'Till alla' AND status IN ('SENT', 'DELIVERED')"
    platform.until(lambda: platform.value(sent) == 500, 30, "500 sent")
    took(begun, "500 recipients sent")
    assert {number: platform.texts(number) for number in to} == {number: ["Hej\nTill alla"] for number in to}
    assert platform.mails("anna@stor.example") == []


def test_with_two_left_exactly_two_go_in_order_and_one_mail_tells_of_the_rest(
    platform: Platform, people: World
) -> None:
    group = people.tenant("snal", "Snålkommun")
    people.domain(group, "snal.example")
    people.group_quota(group, 2)
    people.account(group, "bo@snal.example")
    to = numbers(500, 200_000)
    random.Random(7).shuffle(to)
    asked = mail("Till somliga", subject="Utskick", sender="bo@snal.example")
    platform.send(asked, *at_messa(to), sender="bo@snal.example")
    for number in to[:2]:
        platform.until_on_phone("Utskick\nTill somliga", number)
    (told,) = platform.until_mails("bo@snal.example")
    platform.settled()
    assert [number for number in to if platform.texts(number)] == to[:2]
    assert platform.mails("bo@snal.example") == [told]
    assert "Utskick" in told["subject"]
    assert told["headers"]["In-Reply-To"] == asked["Message-ID"]
    assert "Sms:en i gruppen Master är slut" in told["text"]
    assert "till 2 mottagare" in told["text"]
    listed = [line.strip() for line in told["text"].splitlines() if line.startswith("  +")]
    assert listed == to[2:52]
    assert "… och 448 till" in told["text"]
    words = platform.rows(
        "SELECT DISTINCT status FROM message WHERE text = 'Utskick' || chr(10) || 'Till somliga' AND parts = 0"
    )
    assert [row.status for row in words] == ["no_sms_left:Group"]


def test_the_same_text_again_is_refused_and_told_once_an_hour(platform: Platform) -> None:
    number, sender = "+46701300001", "jour@demo.example"
    body = "Glöm inte nyckeln"

    def send_again() -> EmailMessage:
        message = mail(body, sender=sender)
        platform.send(message, f"{number}@messa.example", sender=sender)
        outcome(platform, message)
        return message

    send_again()
    platform.until_on_phone(f"Hej\n{body}", number)
    second = send_again()
    (told,) = platform.until_mails(sender)
    assert "Samma text har redan skickats" in told["text"]
    assert number in told["text"]
    assert told["headers"]["In-Reply-To"] == second["Message-ID"]
    send_again()
    platform.settled()
    assert platform.texts(number) == [f"Hej\n{body}"]
    assert platform.mails(sender) == [told]
    statuses = [
        row.status
        for row in platform.rows("SELECT status FROM message WHERE remote = :n ORDER BY id", n=number)
    ]
    assert statuses == ["DELIVERED", "sms_already_sent_24H", "sms_already_sent_24H"]


def automatic_mails() -> dict[str, tuple[EmailMessage, str, str]]:
    """By name: a mail that no person wrote, its envelope's sender, and the reason by which it is dropped."""
    away = mail(
        "Jag är på semester till den 14 augusti.", "Automatiskt svar: Kallelse", Auto_Submitted="auto-replied"
    )
    bounce = EmailMessage()
    bounce["From"] = "MAILER-DAEMON@mx.demo.example"
    bounce["To"] = ANNA
    bounce["Subject"] = "Undelivered Mail Returned to Sender"
    bounce["Message-ID"] = "<bounce.1@mx.demo.example>"
    bounce.set_content("Mailboxen finns inte.\n")
    letter = mail(
        "Veckans nyheter", "Nyhetsbrev v 23", List_Id="Nyheter <nyheter.demo.example>", Precedence="bulk"
    )
    return {
        "out of office": (away, USER, "auto_reply"),
        "bounce": (bounce, "", "bounce"),
        "newsletter": (letter, USER, "mailing_list"),
    }


@pytest.mark.parametrize("kind", automatic_mails())
def test_what_no_person_wrote_sends_nothing_and_gets_no_answer(platform: Platform, kind: str) -> None:
    message, sender, reason = automatic_mails()[kind]
    number = "+46701300002"
    known = len(platform.simulator.ask("GET", "/simulator/mails"))
    platform.send(message, f"{number}@messa.example", sender=sender)
    noted = outcome(platform, message)
    assert (noted.outcome, noted.reason) == ("dropped", reason)
    platform.settled()
    assert platform.texts(number) == []
    assert len(platform.simulator.ask("GET", "/simulator/mails")) == known


def test_a_mail_that_smtp_delivers_twice_is_one_and_no_refusal(platform: Platform) -> None:
    number = "+46701300003"
    message = mail("En enda gång")
    for _ in range(2):
        platform.send(message, f"{number}@messa.example")
    counted = "SELECT outcome FROM inbound_mail WHERE strpos(convert_from(raw, 'UTF8'), :id) > 0 AND state = 'done' ORDER BY id"
    outcomes = platform.until(
        lambda: rows if len(rows := platform.rows(counted, id=message["Message-ID"])) == 2 else None,
        says="both are read",
    )
    assert [row.outcome for row in outcomes] == ["submitted", "repeated"]
    platform.settled()
    assert platform.texts(number) == ["Hej\nEn enda gång"]
    assert platform.value("SELECT count(*) FROM message WHERE remote = :n", n=number) == 1


def test_a_newcomer_gets_an_account_in_the_group_of_its_domain_and_one_welcome(
    platform: Platform, people: World
) -> None:
    sender, number = "nils@barnomsorg.demo.example", "+46701300004"
    for body in ("Första", "Andra"):
        platform.send(mail(body, subject="", sender=sender), f"{number}@messa.example", sender=sender)
        platform.until_on_phone(body, number)
    (welcome,) = platform.until_mails(sender)
    platform.settled()
    assert platform.mails(sender) == [welcome]
    assert f"http://{HOST}:{platform.web_port}/" in welcome["text"]
    home = 'SELECT t.slug, g.name FROM account a JOIN tenant t ON t.id = a.tenant_id JOIN "group" g ON g.id = a.group_id WHERE a.address = :a'
    assert tuple(platform.rows(home, a=sender)[0]) == ("demo", "Master")


def test_an_alarm_from_a_program_is_sent_but_gets_no_welcome(platform: Platform) -> None:
    sender, number = "larm@okand.example", "+46701300005"
    alarm = mail("Temperaturen i kylen är 11 grader", "LARM", sender=sender, Auto_Submitted="auto-generated")
    platform.send(alarm, f"{number}@messa.example", sender=sender)
    platform.until_on_phone("LARM\nTemperaturen i kylen är 11 grader", number)
    platform.settled()
    assert platform.mails(sender) == []
    assert platform.value(
        "SELECT t.is_free FROM account a JOIN tenant t ON t.id = a.tenant_id WHERE a.address = :a", a=sender
    )


def test_texts_wait_while_the_platform_is_dead_and_leave_once_when_it_is_back(platform: Platform) -> None:
    number = "+46701300006"
    platform.simulator.ask("POST", "/simulator/faults", {"latency_ms": 300})
    try:
        platform.send(mail("Överlever"), f"{number}@messa.example")
        platform.restart()
    finally:
        platform.simulator.ask("DELETE", "/simulator/faults")
    platform.until_on_phone("Hej\nÖverlever", number, 30)
    platform.until(lambda: platform.statuses("Hej\nÖverlever")[-1:] == ["DELIVERED"], 30, "DELIVERED")
    never(lambda: len(platform.texts(number)) > 1, 0.2)


def test_a_wrong_number_is_refused_before_the_mail_is_taken(platform: Platform) -> None:
    with (
        smtplib.SMTP(HOST, platform.smtp_port, timeout=30) as smtp,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        smtp.sendmail(USER, ["070@messa.example"], bytes(mail()))
    ((code, why),) = refused.value.recipients.values()
    assert code == 550
    assert why.startswith(b"5.1.1 ")
