"""Who is told of what becomes of a domain: the admins of its group, and the operator where nobody else can help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.core.post import Mail, Post
from messa_platform.tenants.domains.faults import Fault
from messa_platform.tenants.places import ways
from messa_platform.tenants.readers import Reader, readers


class DomainMails(Protocol):
    """Writes the mails; `key` names the reason, so that none is sent twice."""

    def verified(self, to: Reader, domain: str, moving: int, key: str) -> Mail:
        """The domain is the group's from now on, and so many accounts are on their way to it."""

    def lost(self, to: Reader, domain: str, fault: Fault, until: datetime, key: str) -> Mail:
        """Its proof is gone; if it does not come back, the domain is suspended at `until`."""

    def suspended(self, to: Reader, domain: str, key: str) -> Mail:
        """New addresses of the domain no longer come to the group."""

    def healed(self, to: Reader, domain: str, key: str) -> Mail:
        """The proof of which `lost` told is there again."""

    def refused(self, to: Reader, domain: str, key: str) -> Mail:
        """The operator did not approve it."""

    def left(self, to: Reader, domain: str, groups: Sequence[tuple[str, int]], key: str) -> Mail:
        """Accounts have left the reader's groups, since another group has proven their domain: names of groups, and how many of each."""

    def contested(
        self, to: str, domain: str, organisation: str, holder: str, tenant_id: UUID, key: str
    ) -> Mail:
        """For the operator: one organisation has proven a domain that another one holds."""


@dataclass(frozen=True, slots=True)
class DomainPost:
    """Writes mails and puts them into the queue. `operator` is the address of the platform's owner."""

    letters: DomainMails
    post: Post
    operator: str

    def readers(
        self, session: Session, tenant_id: UUID, group_ids: Iterable[UUID]
    ) -> dict[UUID, list[Reader]]:
        """For each of the tenant's groups its admins; where it has none, those of the nearest group above it that has."""
        return readers(session, tenant_id, sorted(set(group_ids)), _VIEW)

    def of_group(self, session: Session, tenant_id: UUID, group_id: UUID) -> list[Reader]:
        """The same for one group; the operator if nobody administers it."""
        found = self.readers(session, tenant_id, [group_id]).get(group_id)
        if found:
            return found
        return [Reader(self.operator, _OPERATORS_LANGUAGE, tenant_id, _page(session, tenant_id, group_id))]

    def put(self, session: Session, now: datetime, mails: Sequence[Mail]) -> None:
        """Queue the mails in the session's transaction."""
        self.post.put(session, now, mails)


_OPERATORS_LANGUAGE = "sv"
_VIEW = "@@domains"

_SLUG = text("SELECT slug FROM tenant WHERE id = :id")


def _page(session: Session, tenant_id: UUID, group_id: UUID) -> tuple[str, ...]:
    slug = session.execute(_SLUG, {"id": tenant_id}).scalar_one()
    return ("t", slug, *ways(session, tenant_id, [group_id])[group_id].slugs[1:], _VIEW)


_NAMES = text('SELECT id, name FROM "group" WHERE id = ANY(CAST(:ids AS uuid[])) AND tenant_id = :tenant_id')


def tell_who_lost(
    session: Session,
    now: datetime,
    told: DomainPost,
    domain: str,
    counts: Mapping[UUID, Mapping[UUID, int]],
    but: str,
) -> None:
    """Tell the admins of groups that accounts have left for another: `counts` are how many, by tenant and group. `but` is the address of
    who did it. Each gets one mail, whatever number of groups; statements by tenant."""
    mails = []
    for tenant_id, of_groups in counts.items():
        readers = told.readers(session, tenant_id, of_groups)
        asked = {"ids": list(readers), "tenant_id": tenant_id}
        names = {row.id: row.name for row in session.execute(_NAMES, asked)}
        of_reader: dict[str, list[UUID]] = {}
        for group_id, found in readers.items():
            for reader in found:
                of_reader.setdefault(reader.address, []).append(group_id)
        known = {reader.address: reader for found in readers.values() for reader in found}
        mails += [
            told.letters.left(
                known[address],
                domain,
                sorted((names[i], of_groups[i]) for i in group_ids),
                f"domain_left:{new_id()}",
            )
            for address, group_ids in of_reader.items()
            if address != but
        ]
    told.put(session, now, mails)
