"""The mails that messa writes: welcome, reply and failure report; Swedish and English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined

from messa_platform.core.clock import zone_called
from messa_platform.core.post import Mail, no_reply, own_mail
from messa_platform.mail.causes import Cause, in_words
from messa_platform.messaging.incoming import Arrival
from messa_platform.tenants.senders import Sender

_NUMBER = re.compile(r"\+[0-9]{5,15}")

SHOWN = 50
"""Recipients listed for a cause at the most; the rest are counted."""

_TEMPLATES = Environment(
    loader=PackageLoader("messa_platform.mail"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 -- plain text mails
    keep_trailing_newline=True,
)

_SUBJECTS = {
    "sv": {"welcome": "Välkommen till messa", "failure": "Ditt sms skickades inte: {0}", "partly": "Alla dina sms skickades inte: {0}",
           "reply": "Sms från {0}", "none": "(utan ärende)"},
    "en": {"welcome": "Welcome to messa", "failure": "Your SMS was not sent: {0}", "partly": "Not all of your texts were sent: {0}",
           "reply": "SMS from {0}", "none": "(no subject)"},
}  # fmt: skip


def spoken(language: str | None) -> str:
    """The language that we write in to somebody who wants `language`."""
    return language if language in _SUBJECTS else "sv"


@dataclass(frozen=True, slots=True)
class Failed:
    """The recipients that failed for one cause; `group` is the name of the group whose rule struck, "" if none."""

    cause: Cause
    recipients: Sequence[str]
    group: str = ""
    max_parts: int = 0


@dataclass(frozen=True, slots=True)
class Letters:
    """Writes letters for one deployment."""

    domain: str
    public_url: str

    def welcome(self, sender: Sender, word: str, until: datetime) -> Mail:
        """The answer to an account's first mail, with its link for choosing a password."""
        language = spoken(sender.language)
        text = _TEMPLATES.get_template(f"welcome.{language}.txt.jinja2").render(
            address=sender.address,
            link=f"{self.public_url.rstrip('/')}/welcome/{word}",
            until=until.astimezone(zone_called(sender.time_zone)).date().isoformat(),
            domain=self.domain,
            receives=sender.settings.may_receive,
            sender_name=sender.settings.sender_name,
        )
        return own_mail(
            self.domain,
            # who was removed, and comes back, is welcomed again
            key=f"welcome:{sender.account_id}:{sender.group_since.isoformat()}",
            recipient=sender.address,
            subject=_SUBJECTS[language]["welcome"],
            text=text,
            tenant_id=sender.settings.tenant_id,
        )

    def reply(self, arrival: Arrival) -> Mail:
        """An incoming text as a mail that can be answered; it stands in the sender's thread by the mail that it answers."""
        language = spoken(arrival.holder.language)
        answerable = _NUMBER.fullmatch(arrival.remote) is not None
        text = _TEMPLATES.get_template(f"reply.{language}.txt.jinja2").render(
            text=arrival.text, remote=arrival.remote, local=arrival.local, answerable=answerable
        )
        thread, name = arrival.thread, arrival.thread.display_name
        shown = f"{name} ({arrival.remote})" if name else arrival.remote
        reference = f"<{thread.mail_reference}>" if thread.mail_reference else None
        return Mail(
            key=f"reply:{arrival.message_id}",
            sender=f"{arrival.remote}@{self.domain}" if answerable else no_reply(self.domain),
            sender_name=name or arrival.remote,
            recipient=arrival.holder.address,
            subject=_SUBJECTS[language]["reply"].format(shown),
            text=text,
            message_id=f"<sms.{arrival.message_id}@{self.domain}>",
            headers={"In-Reply-To": reference, "References": reference} if reference else {},
            tenant_id=arrival.holder.settings.tenant_id,
        )

    def failure(self, report: Report) -> Mail:
        """The one mail that says which recipients failed and why (spec M10)."""
        language = spoken(report.language)
        words = _SUBJECTS[language]
        causes = [
            {
                "words": in_words(f.cause, language, group=f.group, max_parts=f.max_parts),
                "recipients": list(f.recipients[:SHOWN]),
                "more": max(0, len(f.recipients) - SHOWN),
            }
            for f in report.failed
        ]
        text = _TEMPLATES.get_template(f"failure.{language}.txt.jinja2").render(
            subject=report.subject,
            date=report.received_at.astimezone(zone_called(report.time_zone)).strftime("%Y-%m-%d %H:%M"),
            sent=report.sent,
            causes=causes,
            url=self.public_url,
        )
        reference = f"<{report.message_id}>" if report.message_id else None
        return own_mail(
            self.domain,
            key=f"{'unsent' if report.later else 'failure'}:{report.mail_id}",
            recipient=report.address,
            subject=words["partly" if report.sent else "failure"].format(report.subject or words["none"]),
            text=text,
            headers={"In-Reply-To": reference, "References": reference} if reference else {},
            tenant_id=report.tenant_id,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a failure report is written from: the mail, to whom it is told, what failed, and how many recipients were sent to.

    `later`: the network refused it after we had taken it, which may follow a report of what we refused ourselves. `time_zone`: of the sender's
    tenant; "" where it has none, and Stockholm's clock is told."""

    mail_id: UUID
    address: str
    language: str | None
    subject: str
    message_id: str | None
    received_at: datetime
    sent: int
    failed: Sequence[Failed]
    tenant_id: UUID | None = None
    later: bool = False
    time_zone: str = ""
