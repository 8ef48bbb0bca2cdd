"""Charsets, transfer encodings, flowed text, and which parts are the text (spec M4)."""

from __future__ import annotations

import base64
import codecs
import encodings

import pytest

from messa_platform.mail.reading import Unreadable, UnreadableReason
from messa_platform.mail.reading.charsets import decode, is_junk
from messa_platform.mail.reading.text import unflow
from tests.unit.mail.reading.letters import body_of, mail, reading_of, result_of


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        ("åäö".encode(), "utf-8", "åäö"),
        ("åäö".encode(), "UTF8", "åäö"),
        ("åäö".encode(), "'utf-8'", "åäö"),
        ("åäö".encode("latin-1"), "utf-8", "åäö"),
        ("åäö".encode(), "iso-8859-1", "åäö"),
        ("å–ö".encode("cp1252"), "ISO_8859-1", "å–ö"),
        ("å€".encode("iso-8859-15"), "latin9", "å€"),
        ("åäö".encode("mac_roman"), "x-mac-roman", "åäö"),
        ("åäö".encode("cp865"), "cp865", "åäö"),
        ("жук".encode("koi8-r"), "KOI8-R", "жук"),
        ("жук".encode("cp1251"), "windows-1251", "жук"),
        ("日本語".encode("iso2022_jp"), "ISO-2022-JP", "日本語"),
        ("中文".encode("gb18030"), "gb2312", "中文"),
        ("åäö\n".encode("utf-16"), "utf-16", "åäö\n"),
        ("åäö\n".encode("utf-16-le"), "utf-16le", "åäö\n"),
        (codecs.BOM_UTF16_BE + "åäö".encode("utf-16-be"), "", "åäö"),
        (b"bara ascii", "utf-16", "bara ascii"),
        ("Åsa når ända hit".encode()[:-4] + b"\xc3", "utf-8", "Åsa når ända\ufffd"),
        (b"\xc3\xa5 \\u00e5", "unicode_escape", "å \\u00e5"),
        (b"\xc3\xa5", "punycode", "å"),
        (b"\xc3\xa5", "zlib", "å"),
        (b"\xc3\xa5", "../../etc/passwd", "å"),
        (b"\xc3\xa5", "x" * 5000, "å"),
    ],
)
def test_bytes_become_the_text_they_are(data: bytes, charset: str, text: str) -> None:
    assert decode(data, charset) == text


def test_a_strange_charset_name_imports_and_remembers_nothing() -> None:
    before = len(encodings._cache)
    for number in range(50):
        decode(b"x", f"okand-{number}")
    assert len(encodings._cache) == before


def test_a_file_is_junk_and_text_in_any_charset_is_not() -> None:
    assert is_junk("\x00\x01\x02\x03PK")
    assert not is_junk("Hej\tpå\r\ndig\x1b[0m åäö" * 20)


@pytest.mark.parametrize(
    ("encoding", "data", "text"),
    [
        ("quoted-printable", b"=C3=A5=\r\n=C3=A4 =zz 50%", "åä =zz 50%"),
        ("Quoted-Printable ", b"rad 1=20\r\nrad 2=", "rad 1\nrad 2"),
        ("base64", base64.b64encode("Grönt".encode()), "Grönt"),
        ("BASE64", b"R3LD\r\ntm50\r\n", "Grönt"),
        ("base64", b"R3L!DtmZ0bGp1cyBww6Uga29yc25pbmdlbg", "Gröftljus på korsningen"),
        ("base64", b"===== Larm =====", "===== Larm ====="),
        ("base64", b"SGVqIQ==\r\n--\r\nSidfot som en lista satte dit\r\n", "Hej!"),
        ("base64", b"SGVqIHAlMQ=\x20", "Hej p%1"),
        ("8bit", "Grönt".encode(), "Grönt"),
        ("", "Grönt".encode(), "Grönt"),
        ("x-okand", "Grönt".encode(), "Grönt"),
        ("x-uuencode", b"begin 644 x\n%1W+#MFX`\n!trasig\nend\n", "Grön"),
    ],
)
def test_a_transfer_encoding_is_undone_however_broken(encoding: str, data: bytes, text: str) -> None:
    assert (
        body_of(data, "Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {encoding}")
        == text
    )


@pytest.mark.parametrize(
    ("flowed", "text"),
    [
        ("ett \ntvå\ntre", "ett två\ntre"),
        ("> ett \n> två\n>> tre \n>> fyra\nfem", "> ett två\n>> tre fyra\nfem"),
        ("ett \n> två", "ett \n> två"),
        (" >inget citat\n Från \nnu", " >inget citat\nFrån nu"),
        ("ett \n-- \nAnna \nBerg", "ett \n-- \nAnna Berg"),
        ("ett ", "ett "),
        ("", ""),
    ],
)
def test_flowed_paragraphs_are_whole_again(flowed: str, text: str) -> None:
    assert unflow(flowed, delete_space=False) == text


def test_delsp_takes_the_blank_at_the_fold() -> None:
    assert unflow("Larm \ntelefon", delete_space=True) == "Larmtelefon"


def multipart(kind: str, *parts: str) -> bytes:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return mail(body, f"Content-Type: multipart/{kind}; boundary=b")


PLAIN = "Content-Type: text/plain; charset=utf-8\r\n\r\nren text"
HTML = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>rik text</p>"
EMPTY = "Content-Type: text/plain\r\n\r\n \t\r\n"
FILE = "Content-Type: image/png\r\n\r\nx"
CALENDAR = "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR"
LOG = 'Content-Type: text/plain; name="a.log"\r\n\r\nlogg'


@pytest.mark.parametrize(
    ("kind", "parts", "body", "left_out"),
    [
        ("alternative", (PLAIN, HTML), "ren text", 0),
        ("alternative", (HTML, PLAIN), "ren text", 0),
        ("alternative", (EMPTY, HTML), "rik text", 0),
        ("alternative", (EMPTY, HTML, CALENDAR), "rik text", 0),
        ("mixed", (PLAIN, FILE, FILE), "ren text", 2),
        ("mixed", (PLAIN, HTML), "ren text\nrik text", 0),
        ("mixed", (PLAIN, LOG), "ren text", 1),
        ("mixed", (LOG, FILE), "logg", 1),
        ("mixed", (PLAIN, CALENDAR), "ren text", 1),
        ("mixed", (FILE,), "", 1),
        ("related", (HTML, FILE), "rik text", 1),
        ("okand", (PLAIN,), "ren text", 0),
        ("digest", ("\r\nFrom: x\r\n\r\ny",), "", 1),
        ("mixed", (), "", 0),
    ],
)
def test_the_text_is_found_and_the_rest_is_counted(
    kind: str, parts: tuple[str, ...], body: str, left_out: int
) -> None:
    reading = reading_of(multipart(kind, *parts))
    assert (reading.body, reading.left_out) == (body, left_out)


def test_a_root_that_is_a_named_attachment_leaves_the_subject() -> None:
    raw = mail("rad", "Content-Type: text/plain", "Content-Disposition: attachment; filename=a.txt")
    assert (reading_of(raw).sms_text, reading_of(raw).left_out) == ("Ärende", 1)


def test_a_root_that_calls_itself_an_attachment_without_a_name_is_the_text() -> None:
    assert body_of("rad", "Content-Type: text/plain", "Content-Disposition: attachment") == "rad"


def test_a_multipart_that_lost_its_content_type_is_found_by_its_boundary() -> None:
    raw = mail(f"--b\r\n{PLAIN}\r\n--b\r\n{HTML}\r\n--b--\r\n")
    assert reading_of(raw).body == "ren text"


def test_a_boundary_that_begins_like_another_is_told_apart() -> None:
    inner = f"--ab\r\n{PLAIN}\r\n--ab--"
    raw = mail(
        f"--a\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n{inner}\r\n--a--\r\n",
        "Content-Type: multipart/mixed; boundary=a",
    )
    assert reading_of(raw).body == "ren text"


def test_a_pgp_block_is_unreadable() -> None:
    result = result_of(mail("\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQ\r\n"))
    assert isinstance(result, Unreadable)
    assert result.reason is UnreadableReason.ENCRYPTED


def test_an_encrypted_file_beside_a_text_is_an_attachment() -> None:
    reading = reading_of(multipart("mixed", PLAIN, "Content-Type: application/pkcs7-mime\r\n\r\nMIIC"))
    assert (reading.body, reading.left_out) == ("ren text", 1)


def test_an_unreadable_mail_tells_what_a_failure_report_needs() -> None:
    raw = mail(
        "MIIC",
        "Content-Type: application/pkcs7-mime",
        "Message-ID: <m@x.example>",
        "Precedence: bulk",
        "Content-Language: en",
    )
    assert result_of(raw) == Unreadable(
        UnreadableReason.ENCRYPTED,
        ("anna@demo.example",),
        "Ärende",
        "m@x.example",
        automatic=True,
        language="en",
    )


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"\xff\xfe\x00", b"bara text utan rubriker"])
def test_what_has_no_header_is_no_mail(raw: bytes) -> None:
    assert result_of(raw) == Unreadable(UnreadableReason.NOT_A_MAIL)


def test_tabs_and_invisible_characters_never_reach_the_sms() -> None:
    text = "a\tb\x00c\u200bd\u00ade\ufefff\u2028g\x85h\ufffci👩\u200d🏫"
    assert body_of(text, "Content-Type: text/plain; charset=utf-8") == "a bcdef\ng\nhi👩\u200d🏫"
