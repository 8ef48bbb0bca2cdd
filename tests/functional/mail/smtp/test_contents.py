"""What the SMTP server takes as a mail, and stores as it came: sizes, letters, lines, bytes, senders and greetings."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import pytest

from tests.support.platform import ANNA, mail
from tests.support.processes import HOST
from tests.support.smtp_server import SENDER, Serve, Served


def test_a_mail_that_says_it_is_too_big_is_refused_at_once(serve: Serve) -> None:
    with serve(max_bytes=100_000).connect() as smtp:
        assert smtp.docmd(f"MAIL FROM:<{SENDER}> SIZE=100001")[0] == 552


def test_a_mail_that_turns_out_too_big_is_refused_and_the_next_one_is_taken(serve: Serve) -> None:
    served = serve(max_bytes=100_000)
    with served.connect() as smtp:
        smtp.esmtp_features.clear()
        smtp.does_esmtp = False  # so that the client does not tell the size beforehand
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.sendmail(SENDER, [ANNA], bytes(mail("x " * 60_000)))
        assert refused.value.smtp_code == 552
        smtp.sendmail(SENDER, [ANNA], bytes(mail("Kort")))
    assert len(served.rows()) == 1


def test_the_null_sender_is_taken_and_stored_as_nothing(served: Served) -> None:
    with served.connect() as smtp:
        assert smtp.docmd("MAIL FROM:<>")[0] == 250
        assert smtp.docmd(f"RCPT TO:<{ANNA}>")[0] == 250
        smtp.data(bytes(mail()))
    assert [row.envelope_sender for row in served.rows()] == [""]


def test_a_mail_in_utf8_from_an_address_in_utf8_is_taken(served: Served) -> None:
    message = EmailMessage()
    message["From"] = "göran@kommun.example"
    message["To"] = ANNA
    message["Subject"] = "Överföring"
    message.set_content("Åäö\n")
    with served.connect() as smtp:
        assert smtp.has_extn("smtputf8")
        smtp.send_message(message, "göran@kommun.example", [ANNA])
    (row,) = served.rows()
    assert row.envelope_sender == "göran@kommun.example"
    assert "Subject: Överföring".encode() in row.raw


def test_a_line_far_over_the_limit_of_the_standard_is_taken_unchanged(served: Served) -> None:
    raw = b"From: anna@kommun.example\r\nSubject: Lang\r\n\r\n" + b"x" * 600_000 + b"\r\n"
    with served.connect() as smtp:
        smtp.sendmail(SENDER, [ANNA], raw)
    assert [row.raw for row in served.rows()] == [raw]


def test_a_line_that_begins_with_dots_keeps_them(served: Served) -> None:
    with served.connect() as smtp:
        smtp.sendmail(SENDER, [ANNA], b"Subject: Punkt\r\n\r\n.\r\n..\r\n.punkt\r\n")
    assert [row.raw for row in served.rows()] == [b"Subject: Punkt\r\n\r\n.\r\n..\r\n.punkt\r\n"]


def test_bytes_that_are_no_text_are_stored_as_they_came(served: Served) -> None:
    raw = b"Subject: \xff\xfe\r\n\r\n" + bytes(range(1, 10)) + bytes(range(14, 256)) + b"\x00\r\n"
    with served.connect() as smtp:
        smtp.sendmail(SENDER, [ANNA], raw)
    assert [row.raw for row in served.rows()] == [raw]


@pytest.mark.parametrize(
    "address", ["<anna\udcff@kommun.example>", "<an\x00na@kommun.example>", "<an\x1bna@kommun.example>"]
)
def test_a_sender_that_no_address_can_be_is_refused_and_the_connection_goes_on(
    served: Served, address: str
) -> None:
    with served.connect() as smtp:
        smtp.send(f"MAIL FROM:{address}\r\n".encode("utf-8", "surrogateescape"))
        assert smtp.getreply()[0] in (501, 553)
        smtp.sendmail(SENDER, [ANNA], bytes(mail()))
    assert len(served.rows()) == 1


def test_a_greeting_that_no_table_can_hold_does_not_cost_the_mail(served: Served) -> None:
    with smtplib.SMTP(HOST, served.port, timeout=20) as smtp:
        smtp.send("EHLO mx\x00\x1bö\r\n".encode())
        assert smtp.getreply()[0] == 250
        for command in (f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{ANNA}>"):
            assert smtp.docmd(command)[0] == 250
        smtp.data(bytes(mail()))
    (row,) = served.rows()
    assert row.helo.startswith("mx")
    assert row.helo.isprintable()
