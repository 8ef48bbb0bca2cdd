"""The mails that signing in writes: a link to a new password, and word that the password was changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from messa_platform.core.i18n import speech_in
from messa_platform.core.post import Mail, own_mail


@dataclass(frozen=True, slots=True)
class AccessMails:
    """Writes them for one deployment."""

    domain: str
    public_url: str

    def reset(
        self,
        *,
        address: str,
        language: str,
        time_zone: str,
        word: str,
        until: datetime,
        tenant_id: UUID,
        key: str,
    ) -> Mail:
        """The link by which somebody chooses a new password; it works until `until`, once."""
        s = speech_in(language, time_zone)
        _ = s.gettext
        text = _(
            "Hello!\n\n"
            "Somebody, probably you, wants to choose a new password for %(address)s at messa.\n"
            "This link leads there. It works once, until %(until)s:\n\n"
            "%(link)s\n\n"
            "If it was not you, do nothing: your password stays as it is.\n\n"
            "messa\n%(site)s\n",
            address=address,
            until=s.clock(until),
            link=f"{self.public_url.rstrip('/')}/reset/{word}",
            site=self.public_url,
        )
        return self._mail(key, address, _("Choose a new password"), text, tenant_id)

    def password_changed(
        self, *, address: str, language: str, time_zone: str, at: datetime, tenant_id: UUID, key: str
    ) -> Mail:
        """Word to the owner that the password was changed, in case it was somebody else."""
        s = speech_in(language, time_zone)
        _ = s.gettext
        text = _(
            "Hello!\n\n"
            "The password for %(address)s at messa was changed on %(date)s at %(clock)s.\n"
            "Everywhere else you were signed in, you are signed out now.\n\n"
            "If it was not you, choose a new password at once:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            address=address,
            date=s.date(at),
            clock=s.clock(at),
            link=f"{self.public_url.rstrip('/')}/forgot",
            site=self.public_url,
        )
        return self._mail(key, address, _("Your password was changed"), text, tenant_id)

    def _mail(self, key: str, address: str, subject: str, text: str, tenant_id: UUID) -> Mail:
        return own_mail(self.domain, key, address, subject, text, tenant_id=tenant_id)
