"""Header fields, encoded words, parameters, and who a mail is from."""

from __future__ import annotations

import pytest

from messa_platform.mail.reading.headers import parse_fields, parse_parameterised, text_of
from tests.unit.mail.reading.letters import body_of, mail, reading_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"Hej", "Hej"),
        (b"=?utf-8?Q?=C3=85ka?=", "Åka"),
        (b"=?UTF-8?b?w4VrYQ==?=", "Åka"),
        (b"=?UTF-8?b?w4VrYQ?=", "Åka"),
        (b"=?iso-8859-1*sv?q?=C5ka_till_=D6?=", "Åka till Ö"),
        (b"=?utf-8?Q?=C3?= =?utf-8?Q?=85ka?=", "Åka"),
        (b"=?utf-8?B?w4?=\n =?utf-8?B?VrYQ==?=", "Åka"),
        (b"=?utf-8?Q?=C3=85?=\n\t=?iso-8859-1?Q?ka?=", "Åka"),
        (b"=?utf-8?Q?=C3=85?= ka", "Å ka"),
        (b"SV:=?utf-8?Q?=C3=85ka?=nu", "SV:Åkanu"),
        (b"=?utf-8?Q?G=C3=A5 hem nu?=", "Gå hem nu"),
        (b"=?utf-8?Q?Kommer_du?_Ja!?=", "Kommer du? Ja!"),
        (b"=?utf-8?Q?Avhugg=C3=A5", "Avhuggå"),
        (b"=?utf-8?Q??=", ""),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?okand?Q?=C3=85?=", "Å"),
        (b"=?utf-8?Q?En_rad=0D=0Aen_till=00?=", "En rad en till"),
        ("Rå åäö".encode(), "Rå åäö"),
        ("Rå åäö".encode("latin-1"), "Rå åäö"),
        (b"  tv\n  rader  ", "tv rader"),
    ],
)
def test_a_field_is_read_as_its_sender_wrote_it(value: bytes, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "head", "parameters"),
    [
        (b"Text/HTML; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        (
            b'multipart/mixed;\n\tboundary="a; charset=x \\"q\\""',
            "multipart/mixed",
            {"boundary": 'a; charset=x "q"'},
        ),
        (b"text/plain charset=utf-8", "text/plain", {"charset": "utf-8"}),
        (b"text/plain;charset = utf-8 (Plain)", "text/plain", {"charset": "utf-8"}),
        (b"a/b; name*=utf-8''%C3%A5.txt", "a/b", {"name": "å.txt"}),
        (b'a/b; name*0="lo"; name*1=ng; name*2*=%C3%A5', "a/b", {"name": "longå"}),
        (b'a/b; name="oavslutat', "a/b", {"name": "oavslutat"}),
        (b"", "", {}),
        (b";;;; =x; =", "", {}),
    ],
)
def test_parameters_survive_what_programs_make_of_them(
    value: bytes, head: str, parameters: dict[str, str]
) -> None:
    assert parse_parameterised(value) == (head, parameters)


def test_fields_end_at_the_empty_line_or_at_what_is_none() -> None:
    raw = b"A: 1\na: 2\n 3\n\nbody"
    assert parse_fields(raw, 0, len(raw)) == ({b"a": [b"1", b"2\n 3"]}, raw.index(b"body"))
    raw = b"A: 1\nthis is no field\nB: 2"
    assert parse_fields(raw, 0, len(raw)) == ({b"a": [b"1"]}, raw.index(b"this"))


@pytest.mark.parametrize(
    ("value", "senders", "name"),
    [
        ("anna@demo.example", ("anna@demo.example",), ""),
        ("<ANNA@Demo.Example>", ("anna@demo.example",), ""),
        ('"Berg, Anna \\"An\\"" <anna@demo.example>', ("anna@demo.example",), 'Berg, Anna "An"'),
        ("=?utf-8?q?Berg=2C_=C3=85sa?= <asa@demo.example>", ("asa@demo.example",), "Berg, Åsa"),
        ("anna@demo.example (Anna <x@y.example>)", ("anna@demo.example",), ""),
        ("chef@demo.example <okand@other.example>", ("okand@other.example",), "chef@demo.example"),
        ('"chef@demo.example" <okand@other.example>', ("okand@other.example",), "chef@demo.example"),
        ("Anna <anna@demo.example>, bo@demo.example", ("anna@demo.example", "bo@demo.example"), "Anna"),
        ("<a@demo.example> <b@demo.example>", ("a@demo.example", "b@demo.example"), ""),
        ("Skolan: anna@demo.example, bo@demo.example;", ("anna@demo.example", "bo@demo.example"), ""),
        ("<@relay.example:anna@demo.example>", ("anna@demo.example",), ""),
        ("Anna anna@demo.example", ("anna@demo.example",), "Anna"),
        ('"anna berg"@demo.example', (), ""),
        ('"anna.berg"@demo.example', ('"anna.berg"@demo.example',), ""),
        ("Anna", (), ""),
        ("", (), ""),
        ("<anna@@demo.example>", (), ""),
        ("a@x.example b@y.example", (), ""),
        ("=?utf-8?q?anna=40demo=2Eexample?=", (), ""),
    ],
)
def test_a_sender_is_an_address_that_stands_there_undoubtedly(
    value: str, senders: tuple[str, ...], name: str
) -> None:
    raw = f"From: {value}\r\nSubject: x\r\n\r\ny".encode()
    reading = reading_of(raw)
    assert (reading.senders, reading.sender_name) == (senders, name)


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        (("Content-Language: sv-SE",), "sv"),
        (("Accept-Language: en-US, sv",), "en"),
        (("Accept-Language: de-DE, sv_SE;q=0.5",), "sv"),
        (("Accept-Language: sv", "Content-Language: en"), "en"),
        (("Content-Language: fi",), None),
        ((), None),
    ],
)
def test_the_language_is_what_the_mail_program_says(headers: tuple[str, ...], language: str | None) -> None:
    assert reading_of(mail("Hej", *headers)).language == language


@pytest.mark.parametrize(
    ("header", "message_id"),
    [
        ("Message-ID: <a@x.example>", "a@x.example"),
        ("Message-Id:\r\n <a@x.example> (skum)", "a@x.example"),
        ("Message-ID: a@x.example", "a@x.example"),
        ("Message-ID: två ord", None),
        ("Message-ID:", None),
        (f"Message-ID: <{'a' * 2000}@x.example>", None),
        ("X-Other: <a@x.example>", None),
    ],
)
def test_a_message_id_is_taken_without_its_brackets(header: str, message_id: str | None) -> None:
    assert reading_of(mail("Hej", header)).message_id == message_id


def test_the_subject_is_kept_for_the_report_as_it_was_written() -> None:
    reading = reading_of(mail("Hej", subject="SV: VB: =?utf-8?q?M=C3=B6te?="))
    assert (reading.subject, reading.sms_text) == ("SV: VB: Möte", "Möte\nHej")


def test_a_mail_whose_lines_end_with_bare_carriage_returns_is_read() -> None:
    reading = reading_of(b"From: a@demo.example\rSubject: x\r\rHej\rhopp")
    assert (reading.senders, reading.sms_text) == (("a@demo.example",), "x\nHej\nhopp")


def test_the_body_of_a_mail_without_mime_is_utf8_or_windows_1252() -> None:
    assert body_of("Blåbär – 5 €".encode()) == "Blåbär – 5 €"
    assert body_of("Blåbär – 5 €".encode("cp1252")) == "Blåbär – 5 €"
