"""The mails about people who come and go: whether an address wants to belong to an organisation, and what a group has lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from messa_platform.core.i18n import speech, spoken
from messa_platform.core.post import Mail, own_mail


@dataclass(frozen=True, slots=True)
class PeopleLetters:
    """Writes them for one deployment; a `tenants.people.mails.PeopleMails`."""

    domain: str
    public_url: str

    def consent(
        self,
        *,
        address: str,
        language: str,
        organisation: str,
        asked_by: str,
        word: str,
        until: datetime,
        tenant_id: UUID,
        key: str,
    ) -> Mail:
        """The question whether an address wants to belong to an organisation; its link works until the day `until`, once."""
        s = speech(spoken(language))
        _ = s.gettext
        who = _("%(address)s at %(organisation)s", address=asked_by, organisation=organisation)
        text = _(
            "Hello!\n\n"
            "%(who)s wants to add %(address)s to %(organisation)s at messa,\n"
            "the service that turns e-mail into SMS.\n\n"
            "If you say yes, the organisation pays for what you send from then on, and its admins manage your account.\n"
            "The messages that you have now stay yours.\n\n"
            "Answer here, by %(until)s:\n\n"
            "%(link)s\n\n"
            "If you do nothing, everything stays as it is.\n\n"
            "messa\n%(site)s\n",
            who=who if asked_by else organisation,
            address=address,
            organisation=organisation,
            until=s.date(until),
            link=self._link("consent", word),
            site=self.public_url,
        )
        subject = _("Do you want to belong to %(organisation)s at messa?", organisation=organisation)
        return self._mail(key, address, subject, text, tenant_id)

    def left(
        self,
        *,
        address: str,
        language: str,
        organisation: str,
        group: str,
        way: Sequence[str],
        left: Sequence[str],
        more: int,
        tenant_id: UUID,
        key: str,
    ) -> Mail:
        """Word to an admin that addresses were moved away from a group."""
        s = speech(spoken(language))
        _ = s.gettext
        rest = s.ngettext("… and one more", "… and %(num)s more", more)
        text = _(
            "Hello!\n\n"
            "An admin of %(organisation)s has moved these addresses from %(group)s to another group:\n\n"
            "%(addresses)s\n\n"
            "What they have sent so far stays in the log of %(group)s. The move stands in its audit log:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            group=group,
            organisation=organisation,
            addresses="\n".join([*left, *([rest] if more else [])]),
            link=self._link("t", *way, "@@audit"),
            site=self.public_url,
        )
        subject = s.ngettext(
            "An address has left %(group)s",
            "%(num)s addresses have left %(group)s",
            len(left) + more,
            group=group,
        )
        return self._mail(key, address, subject, text, tenant_id)

    def _link(self, *path: str) -> str:
        return "/".join([self.public_url.rstrip("/"), *path])

    def _mail(self, key: str, recipient: str, subject: str, text: str, tenant_id: UUID) -> Mail:
        return own_mail(self.domain, key, recipient, subject, text, tenant_id=tenant_id)
