"""The mail to the first admin of an organisation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from messa_platform.core.i18n import Speech, speech_in, spoken
from messa_platform.core.post import Mail, own_mail


@dataclass(frozen=True, slots=True)
class InvitationMails:
    """Writes it for one deployment."""

    domain: str
    public_url: str

    def invitation(
        self,
        *,
        address: str,
        language: str,
        time_zone: str,
        organisation: str,
        slug: str,
        word: str | None,
        until: datetime,
        tenant_id: UUID,
        key: str,
    ) -> Mail:
        """Word that the organisation is there. `word` is the secret of the link that chooses a password; None: there is one already."""
        s = speech_in(spoken(language), time_zone)
        site = self.public_url.rstrip("/")
        way = (
            _sign_in(s, address, f"{site}/sign-in")
            if word is None
            else _choose(s, f"{site}/welcome/{word}", until)
        )
        text = self._text(s, organisation, way, f"{site}/t/{slug}")
        subject = s.gettext("%(organisation)s is now on messa", organisation=organisation)
        return own_mail(self.domain, key, address, subject, text, tenant_id=tenant_id)

    def _text(self, s: Speech, organisation: str, way: str, admin: str) -> str:
        return s.gettext(
            "Hello!\n\n"
            "%(organisation)s is now on messa, the service that turns e-mail into SMS, and you are\n"
            "its first admin.\n\n"
            "%(way)s\n\n"
            "Then you find everything that you look after here:\n\n"
            "%(admin)s\n\n"
            "A good start is to show that your domain is yours. After that all who write from it\n"
            "belong to %(organisation)s by themselves.\n\n"
            "messa\n%(site)s\n",
            organisation=organisation,
            way=way,
            admin=admin,
            site=self.public_url,
        )


def _choose(s: Speech, link: str, until: datetime) -> str:
    return s.gettext(
        "Begin by choosing a password. The link works once, until %(date)s:\n\n%(link)s",
        date=s.date(until),
        link=link,
    )


def _sign_in(s: Speech, address: str, link: str) -> str:
    return s.gettext("Sign in as you are used to, with %(address)s:\n\n%(link)s", address=address, link=link)
