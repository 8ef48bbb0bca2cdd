"""From the raw bytes of an arrived mail to what its SMS says (spec M3, M4, M8)."""

from __future__ import annotations

import re

from messa_platform.mail.reading.addresses import senders_of
from messa_platform.mail.reading.automatic import classify
from messa_platform.mail.reading.charsets import clean, guess
from messa_platform.mail.reading.headers import Fields, first, text_of
from messa_platform.mail.reading.html import MAX_ELEMENTS, MAX_TEXT, render, slimmed
from messa_platform.mail.reading.parts import Part, Piece, Walk, read_part
from messa_platform.mail.reading.quotes import own_words
from messa_platform.mail.reading.subject import Kind, read_subject
from messa_platform.mail.reading.values import Reading, Unreadable, UnreadableReason

MAX_SMS_TEXT = 20_000
"""Characters; nine parts hold 1,377 (spec S2), so what is cut here is refused or cut again later."""

MAX_SUBJECT = 1000
MAX_IDS = 100
MAX_ID = 990
"""Characters of a message id; RFC 5322 allows lines of 998."""


def read(raw: bytes, *, envelope_sender: str, our_domain: str) -> Reading | Unreadable:
    """Read a mail as it came over SMTP. Never raises, and takes about a second at most for 10 MB of anything.

    `envelope_sender` is MAIL FROM's address, `""` for the null sender. `our_domain` is the mail domain by which our own mails are
    known: their message ids end with it, and their X-Loop says it.
    """
    raw = _with_plain_newlines(raw)
    root = read_part(raw, 0, len(raw))
    if not root.fields:
        return Unreadable(UnreadableReason.NOT_A_MAIL)
    subject = text_of(first(root.fields, b"subject"))[:MAX_SUBJECT]
    drop, automatic = classify(
        root.fields, root.content_type, subject, envelope_sender=envelope_sender, our_domain=our_domain
    )
    message_id = _message_id(root.fields)
    senders, sender_name = senders_of(root.fields)
    language = _language(root.fields)
    answered = _ids(root.fields, b"in-reply-to", b"references")
    # A program threads its alarms to keep them together; they answer nobody, and a `>` in one is no quote.
    topic = read_subject(subject, threaded=bool(answered) and not automatic)
    answers_ours = topic.kind is not Kind.FORWARD and _has_ours(answered, our_domain)
    found = ("", 0) if drop else _text_in(raw, root, topic.kind)
    if isinstance(found, UnreadableReason):
        return Unreadable(found, senders, subject, message_id, automatic, language)
    body, left_out = found
    return Reading(
        senders=senders,
        sender_name=sender_name,
        subject=subject,
        body=body,
        sms_text="" if drop else _sms_text("" if answers_ours else topic.bare, body),
        message_id=message_id,
        in_reply_to=answered,
        answers_ours=answers_ours,
        automatic=automatic,
        drop=drop,
        left_out=left_out,
        language=language,
    )


def _with_plain_newlines(raw: bytes) -> bytes:
    """The mail with `\\n` as newline, without what stands before its first header field: a mbox line, a byte order mark."""
    raw = raw.replace(b"\r\n", b"\n")
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\n")
    return raw.partition(b"\n")[2] if raw.startswith((b"From ", b">From ")) else raw


def _text_in(raw: bytes, root: Part, kind: Kind) -> tuple[str, int] | UnreadableReason:
    """The sender's own words in a mail and how much is left out, or why there is no text."""
    walk = Walk(raw)
    pieces = walk.pieces(root)
    if walk.problem and (walk.stopped or not any(piece.text.strip() for piece in pieces)):
        return walk.problem
    return _body(pieces, kind), walk.left_out


def _sms_text(subject: str, body: str) -> str:
    return "\n".join(filter(None, (subject, body)))[:MAX_SMS_TEXT].rstrip()


def _body(pieces: list[Piece], kind: Kind) -> str:
    texts: list[str] = []
    rendered = False
    tags_left = 2 * MAX_ELEMENTS  # in all pieces together: rendering them is what takes time
    for piece in pieces:
        if not piece.html:
            texts.append(piece.text)
        elif tags_left > 0:
            html = slimmed(piece.text)
            tags_left -= html.count("<") + 100  # each document costs something, however short
            texts.append(render(html, answer=kind is Kind.ANSWER))
            rendered = True
    text = "\n".join(filter(None, (each.strip("\n") for each in texts)))[:MAX_TEXT]
    return own_words(text, kind, rendered=rendered)[:MAX_SMS_TEXT].rstrip()


_ID = re.compile(rf"<([^<>\s]{{1,{MAX_ID}}})>")


def _ids(fields: Fields, *names: bytes) -> tuple[str, ...]:
    """The message ids in all fields of these names, each once, without brackets."""
    if not any(name in fields for name in names):
        return ()
    values = [clean(guess(value.replace(b"\n", b" "))) for name in names for value in fields.get(name, ())]
    return tuple(dict.fromkeys(_ID.findall(" ".join(values))))[:MAX_IDS]


def _message_id(fields: Fields) -> str | None:
    if ids := _ids(fields, b"message-id"):
        return ids[0]
    bare = clean(guess(first(fields, b"message-id")))
    return bare if 0 < len(bare) <= MAX_ID and not re.search(r"[<>\s]", bare) else None


def _has_ours(ids: tuple[str, ...], our_domain: str) -> bool:
    ending = f"@{our_domain}".lower()
    return any(each.lower().endswith(ending) for each in ids)


def _language(fields: Fields) -> str | None:
    """Swedish or English, whichever the mail's own headers name first; Outlook and Exchange write both of these."""
    for name in (b"content-language", b"accept-language"):
        for tag in first(fields, name)[:200].lower().split(b","):
            primary = re.split(rb"[-_;]", tag.strip(), maxsplit=1)[0]
            if primary in (b"sv", b"en"):
                return primary.decode("ascii")
    return None
