"""Word to the platform's operator that there will soon be no numbers to lend (spec R6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from messa_platform.core.i18n import DEFAULT, Speech, speech
from messa_platform.core.ids import new_id
from messa_platform.core.post import Post, own_mail
from messa_platform.tenants.numbers import RangeUse


@dataclass(frozen=True, slots=True)
class NumberLetters:
    """Writes them for one deployment, to the address `operator`. `tell` is what `tenants.numbers.warn_low` takes."""

    public_url: str
    operator: str
    post: Post

    def tell(self, session: Session, now: datetime, low: Sequence[RangeUse]) -> None:
        """Of these ranges few numbers, or none, can be lent any more."""
        s = speech(DEFAULT)
        _ = s.gettext
        text = _(
            "Hello!\n\n"
            "These number ranges are running low:\n\n"
            "%(ranges)s\n\n"
            "When there is none left, texts go out under the groups' sender names, and nobody can answer them.\n"
            "Add a range here:\n\n"
            "%(link)s\n\n"
            "messa\n%(site)s\n",
            ranges="\n".join(_row(s, use) for use in low),
            link=f"{self.public_url.rstrip('/')}/operator/ranges",
            site=self.public_url,
        )
        key, subject = f"numbers_low:{new_id()}", _("The numbers are running low")
        mail = own_mail(self.post.domain, key, self.operator, subject, text)
        self.post.put(session, now, [mail])


def _row(s: Speech, use: RangeUse) -> str:
    return s.gettext(
        "+%(first)s to +%(last)s: %(left)s of %(size)s left",
        first=use.first,
        last=use.last,
        left=s.number(use.left),
        size=s.number(use.size),
    )
