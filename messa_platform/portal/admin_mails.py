"""The mail to who becomes an admin of a group."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from messa_platform.core.i18n import speech
from messa_platform.core.post import Mail, own_mail


@dataclass(frozen=True, slots=True)
class AdminMails:
    """Writes it for one deployment."""

    domain: str
    public_url: str

    def admin_added(
        self, *, address: str, language: str, group: str, organisation: str, tenant_id: UUID, key: str
    ) -> Mail:
        """Word that the account administers the group from now on, and where."""
        s = speech(language)
        _ = s.gettext
        text = _(
            "Hello!\n\n"
            "You are now an admin of the group %(group)s of %(organisation)s at messa.\n"
            "You look after that group and the groups below it: who is in them, how many\n"
            "texts they may send, and what their texts look like.\n\n"
            "Sign in with %(address)s, and choose Admin in the menu:\n\n"
            "%(link)s\n\n"
            "Not what you expected? Another admin of the group can change it.\n\n"
            "messa\n%(site)s\n",
            group=group,
            organisation=organisation,
            address=address,
            link=f"{self.public_url.rstrip('/')}/t",
            site=self.public_url,
        )
        subject = _("You are now an admin of %(group)s", group=group)
        return own_mail(self.domain, key, address, subject, text, tenant_id=tenant_id)
