"""What programs send: what is dropped, and what only gets no answer (spec M8)."""

from __future__ import annotations

import pytest

from messa_platform.mail.reading import DropReason, Unreadable
from tests.unit.mail.reading.letters import mail, reading_of, result_of


@pytest.mark.parametrize(
    "headers",
    [
        ("Auto-Submitted: auto-replied",),
        ("Auto-Submitted: Auto-Replied; owner-email=anna@demo.example",),
        ("Precedence: auto_reply",),
        ("X-Autorespond: semester",),
        ("X-Autoreply: yes",),
    ],
)
def test_an_automatic_reply_is_dropped(headers: tuple[str, ...]) -> None:
    assert reading_of(mail("Hej", *headers)).drop is DropReason.AUTO_REPLY


@pytest.mark.parametrize(
    "subject", ["Autosvar: Larm", "Automatic reply: Larm", "Frånvaro: Larm", "Automatiskt svar: Larm"]
)
@pytest.mark.parametrize("header", ["Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All"])
def test_exchanges_out_of_office_answer_is_known_by_subject_and_header_together(
    subject: str, header: str
) -> None:
    assert reading_of(mail("Borta", header, subject=subject)).drop is DropReason.AUTO_REPLY
    assert reading_of(mail("Borta", subject=subject)).drop is None
    assert reading_of(mail("Borta", header, subject="Larm")).drop is None


@pytest.mark.parametrize("envelope_sender", ["", "<>", "MAILER-DAEMON@mx.demo.example"])
def test_a_mail_from_nobody_is_a_bounce(envelope_sender: str) -> None:
    assert reading_of(mail("Hej"), envelope_sender=envelope_sender).drop is DropReason.BOUNCE


def test_a_vacation_reply_from_the_null_sender_is_called_an_automatic_reply() -> None:
    assert (
        reading_of(mail("Hej", "Auto-Submitted: auto-replied"), envelope_sender="").drop
        is DropReason.AUTO_REPLY
    )


def test_a_report_is_a_bounce_even_where_it_says_auto_replied() -> None:
    report = mail("Hej", "Auto-Submitted: auto-replied", 'Content-Type: Multipart/Report; boundary="x"')
    assert reading_of(report).drop is DropReason.BOUNCE


def test_list_mail_is_dropped() -> None:
    assert reading_of(mail("Hej", "List-Id: <x.demo.example>")).drop is DropReason.MAILING_LIST
    assert (
        reading_of(mail("Hej", "Precedence: list", "List-Unsubscribe: <x>")).drop is DropReason.MAILING_LIST
    )


@pytest.mark.parametrize(
    "headers",
    [
        ("Precedence: bulk", "List-Unsubscribe: <mailto:x@demo.example>"),
        ("Precedence: junk",),
        ("Auto-Submitted: auto-generated",),
        ("X-Auto-Response-Suppress: DR, AutoReply",),
    ],
)
def test_an_alarm_sends_but_gets_no_automatic_answer(headers: tuple[str, ...]) -> None:
    reading = reading_of(mail("Pump 3", *headers))
    assert (reading.drop, reading.automatic, reading.sms_text) == (None, True, "Ärende\nPump 3")


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: no", "X-Autoreply: no", "X-Auto-Response-Suppress: RN, NRN", "Precedence: normal"],
)
def test_a_person_s_mail_is_not_automatic(header: str) -> None:
    reading = reading_of(mail("Hej", header))
    assert (reading.drop, reading.automatic) == (None, False)


def test_fifty_hops_are_allowed_and_fifty_one_are_a_loop() -> None:
    hop = "Received: from a by b; Mon, 3 Nov 2025 10:12:00 +0100"
    assert reading_of(mail("Hej", *[hop] * 50)).drop is None
    assert reading_of(mail("Hej", *[hop] * 51)).drop is DropReason.LOOP


def test_our_own_mark_is_a_loop_and_another_s_is_not() -> None:
    assert reading_of(mail("Hej", "X-Loop: other.example", "X-Loop: MESSA.example")).drop is DropReason.LOOP
    assert reading_of(mail("Hej", "X-Loop: other.example")).drop is None


def test_an_answer_to_a_mail_of_ours_is_no_loop() -> None:
    assert reading_of(mail("Ja", "In-Reply-To: <r2@messa.example>")).drop is None


def test_an_encrypted_list_mail_is_dropped_and_not_called_unreadable() -> None:
    encrypted = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data"
    assert reading_of(mail("MIIC", encrypted, "List-Id: <x.demo.example>")).drop is DropReason.MAILING_LIST
    assert isinstance(result_of(mail("MIIC", encrypted)), Unreadable)


def test_what_is_dropped_has_no_text() -> None:
    reading = reading_of(mail("Hemligt", "List-Id: <x.demo.example>"))
    assert (reading.subject, reading.body, reading.sms_text) == ("Ärende", "", "")
