"""The mails that tell of domains: proven, lost, suspended, found again; of accounts that have left; and of two that claim one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from messa_platform.core.i18n import speech, spoken
from messa_platform.core.post import Mail, own_mail
from messa_platform.portal.domain_words import found_in_words
from messa_platform.portal.pages import address
from messa_platform.tenants.domains.faults import Fault
from messa_platform.tenants.domains.names import shown
from messa_platform.tenants.readers import Reader

MOST_GROUPS = 20
"""Groups that a mail names."""


@dataclass(frozen=True, slots=True)
class DomainLetters:
    """Writes them for one deployment."""

    domain: str
    public_url: str

    def verified(self, to: Reader, domain: str, moving: int, key: str) -> Mail:
        """The domain is the group's from now on."""
        s = speech(spoken(to.language))
        _ = s.gettext
        if moving:
            coming = s.ngettext(
                "One account with that domain is being moved to the group now.",
                "%(num)s accounts with that domain are being moved to the group now.",
                moving,
            )
        else:
            coming = _("No account with that domain needs to be moved.")
        text = _(
            "Hello!\n\n"
            "%(domain)s now belongs to your group at messa: its proof is there.\n"
            "%(coming)s\n"
            "New addresses with the domain come to the group by themselves.\n\n"
            "Here you see how it goes, and can undo it for a day:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            domain=shown(domain),
            coming=coming,
            link=self._link(to),
            site=self.public_url,
        )
        return self._mail(key, to, _("%(domain)s is verified", domain=shown(domain)), text)

    def lost(self, to: Reader, domain: str, fault: Fault, until: datetime, key: str) -> Mail:
        """Its proof is gone."""
        s = speech(spoken(to.language))
        _ = s.gettext
        text = _(
            "Hello!\n\n"
            "The proof that %(domain)s is yours is not in the DNS any more.\n"
            "%(found)s\n\n"
            "Put the record back before %(date)s. If it is not there by then, new addresses\n"
            "with the domain no longer come to your group. Nobody is moved out of it.\n\n"
            "Here is what the record has to say:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            domain=shown(domain),
            found=found_in_words(s, fault),
            date=s.date(until),
            link=self._link(to),
            site=self.public_url,
        )
        return self._mail(key, to, _("The proof of %(domain)s is gone", domain=shown(domain)), text)

    def suspended(self, to: Reader, domain: str, key: str) -> Mail:
        """New addresses of the domain no longer come to the group."""
        s = speech(spoken(to.language))
        _ = s.gettext
        text = _(
            "Hello!\n\n"
            "%(domain)s is suspended at messa, since it is no longer proven to be yours.\n"
            "New addresses with the domain no longer come to your group. Everybody who is in\n"
            "it stays, and can send as before.\n\n"
            "Put the record into the DNS, and the domain is yours again:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            domain=shown(domain),
            link=self._link(to),
            site=self.public_url,
        )
        return self._mail(key, to, _("%(domain)s is suspended", domain=shown(domain)), text)

    def healed(self, to: Reader, domain: str, key: str) -> Mail:
        """The proof is there again."""
        s = speech(spoken(to.language))
        _ = s.gettext
        text = _(
            "Hello!\n\n"
            "The proof that %(domain)s is yours is there again. All is in order.\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            domain=shown(domain),
            link=self._link(to),
            site=self.public_url,
        )
        return self._mail(key, to, _("The proof of %(domain)s is there again", domain=shown(domain)), text)

    def refused(self, to: Reader, domain: str, key: str) -> Mail:
        """The operator did not approve it."""
        s = speech(spoken(to.language))
        _ = s.gettext
        text = _(
            "Hello!\n\n"
            "We could not see that %(domain)s is yours, and have taken it off your group's list.\n"
            "If it is yours, add it again and put its record into the DNS. Then nobody\n"
            "needs to decide:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            domain=shown(domain),
            link=self._link(to),
            site=self.public_url,
        )
        return self._mail(key, to, _("%(domain)s was not approved", domain=shown(domain)), text)

    def left(self, to: Reader, domain: str, groups: Sequence[tuple[str, int]], key: str) -> Mail:
        """Accounts have left the reader's groups."""
        s = speech(spoken(to.language))
        _ = s.gettext
        lines = [f"{name}: {s.number(count)}" for name, count in groups[:MOST_GROUPS]]
        if len(groups) > MOST_GROUPS:
            more = len(groups) - MOST_GROUPS
            lines.append(s.ngettext("and one more group", "and %(num)s more groups", more))
        text = _(
            "Hello!\n\n"
            "Accounts with addresses at %(domain)s have been moved out of your groups at messa,\n"
            "since another group has proven that the domain belongs to it.\n\n"
            "This many accounts have left:\n\n"
            "%(groups)s\n\n"
            "What they have sent stays in your log. Each move stands in the audit log:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            domain=shown(domain),
            groups="\n".join(lines),
            link=self._link(to),
            site=self.public_url,
        )
        subject = _("Accounts at %(domain)s have left your group", domain=shown(domain))
        return self._mail(key, to, subject, text)

    def contested(
        self, to: str, domain: str, organisation: str, holder: str, tenant_id: UUID, key: str
    ) -> Mail:
        """For the operator: one organisation has proven a domain that another one holds."""
        reader = Reader(to, "sv", tenant_id, ("operator", "domains"))
        _ = speech(reader.language).gettext
        text = _(
            "Hello!\n\n"
            "%(organisation)s has proven by DNS that %(domain)s is theirs. But %(holder)s has\n"
            "that domain here already, so nothing has changed. Find out whose it is, and\n"
            "approve or refuse the claim:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            organisation=organisation,
            domain=shown(domain),
            holder=holder,
            link=self._link(reader),
            site=self.public_url,
        )
        return self._mail(key, reader, _("Two organisations want %(domain)s", domain=shown(domain)), text)

    def _link(self, to: Reader) -> str:
        return f"{self.public_url.rstrip('/')}{address(*to.page)}"

    def _mail(self, key: str, to: Reader, subject: str, text: str) -> Mail:
        return own_mail(self.domain, key, to.address, subject, text, tenant_id=to.tenant_id)
