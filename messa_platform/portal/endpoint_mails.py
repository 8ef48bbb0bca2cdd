"""The mail that tells of a webhook, or an API user's `api_url`, that we have switched off."""

from __future__ import annotations

from dataclasses import dataclass

from messa_platform.core.i18n import Speech, speech, spoken
from messa_platform.core.post import Mail, own_mail
from messa_platform.messaging.outward.models import DisabledWhy
from messa_platform.portal.pages import address
from messa_platform.tenants.readers import Reader


@dataclass(frozen=True, slots=True)
class EndpointLetters:
    """Writes them for one deployment."""

    domain: str
    public_url: str

    def disabled(self, to: Reader, url: str, api_user: str, why: DisabledWhy, key: str) -> Mail:
        """An endpoint is told nothing any more."""
        s = speech(spoken(to.language))
        _ = s.gettext
        what = _("your group's webhook")
        if api_user:
            what = _("the api_url of the API user %(name)s", name=api_user)
        text = _(
            "Hello!\n\n"
            "messa no longer tells %(what)s of messages:\n\n"
            "%(address)s\n\n"
            "%(why)s\n"
            "What happens from now on it will not hear of. What waited for it is kept for\n"
            "30 days, and told as soon as you switch it on again:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            what=what,
            address=url,
            why=_why(s, why),
            link=f"{self.public_url.rstrip('/')}{address(*to.page)}",
            site=self.public_url,
        )
        subject = _("messa has switched off %(what)s", what=what)
        return own_mail(self.domain, key, to.address, subject, text, tenant_id=to.tenant_id)


def _why(s: Speech, why: DisabledWhy) -> str:
    if why is DisabledWhy.GONE:
        return s.gettext("It answered 410 Gone, which says that it wants nothing any more.")
    return s.gettext("For five days it has taken nothing that we sent.")
