"""Reading the mails that the platform sent, as a person would."""

from __future__ import annotations

import pytest

from messa_platform.providers.simulator.mailbox import read_mail
from messa_platform.providers.simulator.records import Mail


def read(raw: bytes) -> Mail:
    return read_mail(1, 0.0, ("anna@demo.example",), raw)


def test_an_encoded_mail_is_decoded() -> None:
    mail = read(
        b"From: =?utf-8?q?G=C3=B6rans_jobbmobil?= <46701740605@messa.example>\r\n"
        b"To: anna@demo.example\r\nSubject: =?iso-8859-1?Q?Sms_fr=E5n_G=F6ran?=\r\n"
        b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Jag kommer p=E5 m=F6tet.\r\nHej d=E5\r\n"
    )
    assert mail.sender == "46701740605@messa.example"
    assert mail.subject == "Sms från Göran"
    assert mail.text == "Jag kommer på mötet.\nHej då"
    assert mail.headers["From"] == "Görans jobbmobil <46701740605@messa.example>"


def test_raw_utf8_in_headers_and_body_is_read() -> None:
    mail = read(
        "From: Göran <göran@exempel.example>\r\nSubject: Påminnelse\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\nVi ses på fredag".encode()
    )
    assert (mail.sender, mail.subject, mail.text) == (
        "göran@exempel.example",
        "Påminnelse",
        "Vi ses på fredag",
    )


def test_the_text_part_of_a_report_is_its_text() -> None:
    mail = read(
        b'Subject: Kunde inte skickas\r\nContent-Type: multipart/report; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nNumret finns inte.\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; messa.example\r\n--b--\r\n"
    )
    assert mail.text == "Numret finns inte."


def test_an_attached_text_is_not_the_mail_s_text() -> None:
    mail = read(
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=x.txt\r\n\r\nbilaga\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nbrevet\r\n--b--\r\n"
    )
    assert mail.text == "brevet"


def test_a_mail_without_a_text_part_has_no_text() -> None:
    assert read(b"Content-Type: text/html\r\n\r\n<p>Hej</p>").text == ""


def test_of_a_header_that_repeats_the_last_one_is_kept_and_folds_are_gone() -> None:
    mail = read(b"X-Steg: ett\r\nX-Steg: tv=\r\n a\r\nReferences: <a@b>\r\n <c@d>\r\n\r\n")
    assert mail.headers == {"X-Steg": "tv= a", "References": "<a@b> <c@d>"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"From: \xff\xfe<\r\nSubject: =?utf-8?b?//8?=\r\nDate: not a date\r\n\r\nx",
        b"Content-Type: text/plain; charset=no-such-charset\r\n\r\nhej",
        b"Content-Type: text/plain; charset*=utf-8''%FF\r\n\r\nhej",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"To: undisclosed-recipients:;\r\nMessage-ID: <\r\nContent-Type: ;;;\r\n\r\nhej",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!!",
    ],
)
def test_what_is_broken_is_shown_as_well_as_it_goes(raw: bytes) -> None:
    assert read(raw).recipients == ("anna@demo.example",)
