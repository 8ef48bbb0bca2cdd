"""Whether a program sent the mail, and whether it may become an SMS (spec M8)."""

from __future__ import annotations

import re

from messa_platform.mail.reading.headers import Fields, first, word
from messa_platform.mail.reading.values import DropReason

MAX_HOPS = 50
"""Received fields above which a mail goes round in circles; Postfix's `hopcount_limit` has the same default."""


def classify(
    fields: Fields, content_type: str, subject: str, *, envelope_sender: str, our_domain: str
) -> tuple[DropReason | None, bool]:
    """Why the mail is dropped, if it is; and whether it is automatic: it sends, but gets no automatic answer."""
    precedence = word(fields, b"precedence")
    submitted = word(fields, b"auto-submitted")
    drop: DropReason | None = None
    if _loops(fields, our_domain):
        drop = DropReason.LOOP
    elif content_type == "multipart/report" or b"x-failed-recipients" in fields:
        drop = DropReason.BOUNCE
    elif _is_auto_reply(fields, submitted, precedence, subject):
        drop = (
            DropReason.AUTO_REPLY
        )  # before the null sender, which RFC 3834 wants of automatic replies: this says more
    elif _is_nobody(envelope_sender):
        drop = DropReason.BOUNCE
    elif b"list-id" in fields or (precedence == "list" and b"list-unsubscribe" in fields):
        drop = DropReason.MAILING_LIST
    automatic = (
        drop is not None
        or submitted not in ("", "no")
        or precedence in ("bulk", "junk", "list")
        or _wants_no_auto_reply(fields)
    )
    return drop, automatic


def _loops(fields: Fields, our_domain: str) -> bool:
    if len(fields.get(b"received", ())) > MAX_HOPS:
        return True
    ours = our_domain.lower().encode()
    return any(value.strip().lower() == ours for value in fields.get(b"x-loop", ()))


def _is_nobody(envelope_sender: str) -> bool:
    """Bounces have the null sender (RFC 5321 4.5.5); old programs send them as mailer-daemon."""
    return envelope_sender in ("", "<>") or envelope_sender.lower().startswith("mailer-daemon@")


# What Exchange and Outlook put before the subject of an out-of-office answer, in the languages of our users.
_OUT_OF_OFFICE = re.compile(
    r"(?:automatic reply|autoreply|auto[- ]reply|out of office|automatiskt svar|autosvar|frånvaro(?:meddelande)?"
    r"|automatisk svar|automatische antwort|abwesenheitsnotiz|fravær|automaattinen vastaus)\s?:",
    re.IGNORECASE,
)


def _is_auto_reply(fields: Fields, submitted: str, precedence: str, subject: str) -> bool:
    if submitted == "auto-replied" or precedence in ("auto_reply", "auto-reply"):
        return True
    if word(fields, b"x-autoreply") not in ("", "no") or word(fields, b"x-autorespond") not in ("", "no"):
        return True
    # Exchange says `auto-generated` of its out-of-office answers, and X-Auto-Response-Suppress stands on alarms as well: only
    # together with the subject do they tell. The subject alone may be a person's.
    by_program = submitted not in ("", "no") or b"x-auto-response-suppress" in fields
    return by_program and _OUT_OF_OFFICE.match(subject) is not None


def _wants_no_auto_reply(fields: Fields) -> bool:
    """Whether the sender's server asks for no automatic answer (X-Auto-Response-Suppress in [MS-OXCMAIL])."""
    suppressed = first(fields, b"x-auto-response-suppress").lower()
    return b"all" in suppressed or b"autoreply" in suppressed
