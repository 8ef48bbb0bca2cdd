"""The mails about people who come and go, as this room sees them: what they are about, not how they are worded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from messa_platform.core.post import Mail, Post


class PeopleMails(Protocol):
    """Writes them."""

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
        """Whether the address wants to belong to the organisation: a link with the secret `word`, which works until `until`, once.

        `asked_by` is the admin's address, "" if it was the platform's operator, or a program of the organisation's.
        """

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
        """Word to an admin, `address`, that the addresses `left`, and so many `more`, were moved away from the group by an admin who does not
        see it. `way` are the slugs of its pages' address, the tenant's first."""


@dataclass(frozen=True, slots=True)
class PeoplePost:
    """How the mails are written, and how they leave."""

    mails: PeopleMails
    post: Post
