"""How long reading takes: an ordinary mail next to nothing, and the worst that fits into 10 MB less than a second or two."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable

import pytest

from messa_platform.mail.reading import MAX_SMS_TEXT, Unreadable, UnreadableReason
from tests.unit.mail.reading.letters import mail, reading_of, result_of

TEN_MB = 10_000_000
MAX_SECONDS = 2.0
MAX_ORDINARY_SECONDS = 250e-6


def seconds_for(raw: bytes) -> float:
    started = time.thread_time()
    result_of(raw)
    return time.thread_time() - started


def nested(depth: int) -> bytes:
    return mail(
        b"".join(
            b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (level, level + 1)
            for level in range(depth)
        ),
        "Content-Type: multipart/mixed; boundary=b0",
    )


def test_a_mail_of_ten_megabytes_gives_its_text_at_once() -> None:
    photo = base64.encodebytes(random.Random(1).randbytes(TEN_MB * 3 // 4))
    raw = mail(
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSe bild\r\n--b\r\nContent-Type: image/jpeg\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + photo + b"\r\n--b--\r\n",
        "Content-Type: multipart/mixed; boundary=b",
    )
    assert len(raw) > TEN_MB
    reading = reading_of(raw)
    assert (reading.sms_text, reading.left_out) == ("Ärende\nSe bild", 1)
    assert seconds_for(raw) < MAX_SECONDS


def test_ten_megabytes_of_text_are_cut() -> None:
    assert len(reading_of(mail("å rad\r\n" * 1_250_000)).sms_text) <= MAX_SMS_TEXT


@pytest.mark.parametrize("seed", range(3))
def test_eight_bit_junk_is_read_or_refused(seed: int) -> None:
    junk = random.Random(seed).randbytes(200_000)
    result = result_of(mail(junk, "Content-Type: text/plain; charset=utf-8"))
    assert isinstance(result, Unreadable)
    assert result.reason is UnreadableReason.NOT_TEXT


HTML = "Content-Type: text/html"
MIXED = "Content-Type: multipart/mixed; boundary=b"
HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty lines": lambda: mail(b"\r\n" * (TEN_MB // 2)),
    "header fields": lambda: b"a:\r\n" * (TEN_MB // 4),
    "one folded field": lambda: b"Subject: x" + b"\r\n a" * (TEN_MB // 4),
    "open comments": lambda: b"From: " + b"(" * TEN_MB,
    "encoded words": lambda: b"Subject: " + b"=?utf-8?q?a?= " * (TEN_MB // 14),
    "boundary look-alikes": lambda: mail(b"--b\r\n\r\n" + b"--bx\r\n" * (TEN_MB // 6), MIXED),
    "quoted lines": lambda: mail(b">\r\n" * (TEN_MB // 3), subject="Re: x"),
    "one long introduction": lambda: mail(b"On " + b"a " * (TEN_MB // 2), subject="Re: x"),
    "introductions": lambda: mail(b"On 10:12 <a@b> wrote\r\n" * (TEN_MB // 22), subject="Re: x"),
    "headers of earlier mails": lambda: mail("Från: a\r\n" * (TEN_MB // 10), subject="Re: x"),
    "forward marks": lambda: mail(b"> Begin forwarded message:\r\n>\r\n" * (TEN_MB // 30), subject="Fwd: x"),
    "tags": lambda: mail(b"<b>x</b>" * (TEN_MB // 8), HTML),
    "deep tags": lambda: mail(b"<div>" * (TEN_MB // 5), HTML),
    "angle brackets": lambda: mail(b"<" * TEN_MB, HTML),
    "a long style": lambda: mail(b"<p style='display" + b" " * TEN_MB + b"'>", HTML),
    "tables in tables": lambda: mail(b"<table><tr><td>x" * (TEN_MB // 16), HTML),
    "many HTML parts": lambda: mail(
        (b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>x</p>" * 2400 + b"\r\n") * 490, MIXED
    ),
    "many flowed parts": lambda: mail(
        (b"--b\r\nContent-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * 5000 + b"\r\n") * 490, MIXED
    ),
    "uuencoded files": lambda: mail(b"begin 644 x\r\n#0V%T\r\nend\r\n" * (TEN_MB // 25)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_fits_into_ten_megabytes_keeps_a_worker_busy(name: str) -> None:
    assert seconds_for(HOSTILE[name]()) < MAX_SECONDS


def test_twenty_levels_are_read_and_more_are_too_deep() -> None:
    assert reading_of(nested(20)).body == ""
    result = result_of(nested(3000))
    assert isinstance(result, Unreadable)
    assert result.reason is UnreadableReason.TOO_DEEP


def test_a_mail_of_very_many_parts_is_unreadable() -> None:
    result = result_of(mail(b"--b\r\n\r\nx\r\n" * 1_000_000, MIXED))
    assert isinstance(result, Unreadable)
    assert result.reason is UnreadableReason.TOO_MANY_PARTS


def test_an_ordinary_small_mail_takes_well_under_a_quarter_of_a_millisecond() -> None:
    raw = mail(
        "Hej! Mötet börjar 18.00 i aulan.\r\n",
        "Received: from mail.demo.example ([192.0.2.1]) by mx.messa.example; Mon, 3 Nov 2025 10:12:00 +0100",
        "DKIM-Signature: v=1; a=rsa-sha256; d=demo.example; s=s1; h=from:to:subject; bh=abc; b=def",
        "To: <0701740605@messa.example>",
        "Date: Mon, 3 Nov 2025 10:12:00 +0100",
        "Message-ID: <abc@demo.example>",
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: 8bit",
        subject="=?utf-8?q?F=C3=B6r=C3=A4ldram=C3=B6te?=",
    )
    # The quickest of many runs: the others measure what else the machine does.
    quickest = min(sum(seconds_for(raw) for _ in range(50)) / 50 for _ in range(20))
    assert quickest < MAX_ORDINARY_SECONDS
