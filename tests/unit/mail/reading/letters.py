"""Mails in one line, for the tests of reading."""

from __future__ import annotations

from messa_platform.mail.reading import Reading, Unreadable, read

OUR_DOMAIN = "messa.example"


def mail(body: str | bytes = "Hej", *headers: str, subject: str = "Ärende") -> bytes:
    """A mail from anna@demo.example with these further header fields, in UTF-8."""
    head = "\r\n".join(("From: Anna <anna@demo.example>", f"Subject: {subject}", *headers))
    return head.encode() + b"\r\n\r\n" + (body if isinstance(body, bytes) else body.encode())


def result_of(raw: bytes, *, envelope_sender: str = "anna@demo.example") -> Reading | Unreadable:
    return read(raw, envelope_sender=envelope_sender, our_domain=OUR_DOMAIN)


def reading_of(raw: bytes, *, envelope_sender: str = "anna@demo.example") -> Reading:
    """The reading of a mail that must be readable."""
    result = result_of(raw, envelope_sender=envelope_sender)
    assert isinstance(result, Reading)
    return result


def body_of(body: str | bytes, *headers: str, subject: str = "Ärende") -> str:
    return reading_of(mail(body, *headers, subject=subject)).body


def answer_of(body: str, *, subject: str = "SV: Ärende") -> str:
    """What is left of the text of an answer."""
    return body_of(
        body, "In-Reply-To: <x@demo.example>", "Content-Type: text/plain; charset=utf-8", subject=subject
    )
