"""Mails broken in every way that a line, a relay or a hostile person breaks them: reading never raises, hangs or lets anything out
that a database or an SMS could not hold."""

from __future__ import annotations

import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messa_platform.mail.reading import MAX_SMS_TEXT, Reading, Unreadable, read

CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").glob("*.eml"))]
HTML_MAILS = [mail for mail in CORPUS if b"text/html" in mail]
MAX_SECONDS = 1.0

HEADER_JUNK = (
    b"Content-Type: multipart/mixed; boundary=",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n",
    b'Content-Type: text/plain; charset="unicode_escape"\r\n',
    b"Content-Type: text/plain; format=flowed; charset=utf-16\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"Subject: =?utf-8?B?////?= =?punycode?Q?=FF?= =?utf-7?Q?+2AA-?=\r\n",
    b'From: ((((("\\"<<<@@,;:>>\r\n',
    b"References: <a@messa.example\r\n <b@messa.example>\r\n",
    b"Message-ID: \x00<\xff\xfe>\r\n",
)
HTML_JUNK = (
    b"&#xD800;&#0;&#7;&#x2028;",
    b"<div style='padding-left:99999999em'>",
    b"<blockquote type=cite>" * 300,
    b"<table><tr><td>" * 50,
    "<ol start=²><li value=²>".encode(),
    b"<p id=divRplyFwdMsg><p class=gmail_attr>",
    b"<!--[if mso]><style>",
    b"<a href='http://x'><img alt=\xf0\x9f\x91\x8d></td></table></body></html>",
)
BODY_JUNK = (
    b"\r\n\r\n",
    b"--\r\n",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"=\r\n",
    b"begin 644 x\r\n#0V%T\r\n",
    b"\r\n> > > >",
    b"\r\nOn Mon, 3 Nov 2025 10:12 x@y wrote:\r\n",
    "\r\nFrån: a\r\nSkickat: b\r\nÄmne: c\r\n".encode(),
    b"-----BEGIN PGP SIGNED MESSAGE-----\r\n",
)


@st.composite
def broken_mails(draw: st.DrawFn) -> bytes:
    """A mail of the corpus after one to six accidents."""
    mail = draw(st.sampled_from(CORPUS) | st.sampled_from(HTML_MAILS))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(mail)))
        length = draw(st.integers(0, 200))
        kind = draw(st.sampled_from(("flip", "delete", "repeat", "cut", "header", "junk", "html", "splice")))
        match kind:
            case "flip":
                changed = bytes(byte ^ (1 << at % 8) for byte in mail[at : at + length % 8])
                mail = mail[:at] + changed + mail[at + length % 8 :]
            case "delete":
                mail = mail[:at] + mail[at + length :]
            case "repeat":
                mail = mail[:at] + mail[at : at + length] * draw(st.integers(2, 30)) + mail[at + length :]
            case "cut":
                mail = mail[:at]
            case "header":
                start = mail.find(b"\n", at) + 1
                mail = mail[:start] + draw(st.sampled_from(HEADER_JUNK)) + mail[start:]
            case "junk":
                mail = mail[:at] + draw(st.sampled_from(BODY_JUNK) | st.binary(max_size=40)) + mail[at:]
            case "html":  # where a tag ended, so that it is more often markup than an attribute's value
                start = mail.find(b">", at) + 1
                mail = mail[:start] + draw(st.sampled_from(HTML_JUNK)) + mail[start:]
            case "splice":
                mail = mail[:at] + draw(st.sampled_from(CORPUS))[at:]
    return mail


def assert_storable(text: str) -> None:
    text.encode("utf-8")  # a lone surrogate would raise
    assert not any(character < " " for character in text.replace("\n", ""))


@settings(
    max_examples=2000,
    derandomize=True,
    database=None,
    deadline=None,  # our own clock below counts the reading alone, not what the rest of the machine does
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(mail=broken_mails(), envelope_sender=st.sampled_from(("anna.berg@demo.example", "")))
def test_no_broken_mail_makes_reading_raise_or_hang(mail: bytes, envelope_sender: str) -> None:
    started = time.thread_time()
    result = read(mail, envelope_sender=envelope_sender, our_domain="messa.example")
    assert time.thread_time() - started < MAX_SECONDS

    assert isinstance(result, Reading | Unreadable)
    for text in (*result.senders, result.subject, result.message_id or ""):
        assert_storable(text)
        assert "\n" not in text
    if isinstance(result, Reading):
        for text in (result.sender_name, result.body, result.sms_text, *result.in_reply_to):
            assert_storable(text)
        assert result.sms_text == result.sms_text.strip()
        assert len(result.sms_text) <= MAX_SMS_TEXT
        assert not (result.drop and result.sms_text)
