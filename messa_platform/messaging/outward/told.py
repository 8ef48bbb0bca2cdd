"""Who is told that an endpoint was disabled: the admins of its group, or of its API user's; and the entry in their audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.core.post import Mail, Post
from messa_platform.messaging.outward.models import DisabledWhy
from messa_platform.tenants.audit import SYSTEM, Action, Author, Change, record
from messa_platform.tenants.readers import Reader, readers

VIEW = "@@api"
"""The group's page on which endpoints are looked after."""


def shown(url: str) -> str:
    """An address without what follows its path, where secrets stand; for mails, audit logs and lists."""
    return url.partition("#")[0].partition("?")[0]


@dataclass(frozen=True, slots=True)
class Disabled:
    """An endpoint that was disabled; of a group, or of an account."""

    id: UUID
    tenant_id: UUID
    group_id: UUID | None
    account_id: UUID | None
    url: str
    why: DisabledWhy


class EndpointMails(Protocol):
    """Writes the mails; `key` names the reason, so that none is sent twice."""

    def disabled(self, to: Reader, url: str, api_user: str, why: DisabledWhy, key: str) -> Mail:
        """An endpoint is told nothing any more. `url` is as it may be shown; `api_user` the name of whose `api_url` it was, "" for a webhook."""


_OWNER = text("SELECT group_id, display_name FROM account WHERE id = :id AND tenant_id = :tenant_id")


@dataclass(frozen=True, slots=True)
class EndpointPost:
    """Writes mails about endpoints and puts them into the queue."""

    letters: EndpointMails
    post: Post

    def disabled(self, session: Session, now: datetime, endpoint: Disabled) -> None:
        """Tell of an endpoint that we have disabled, in the transaction that does it: so once."""
        group_id, name = endpoint.group_id, ""
        if group_id is None:
            owner = {"id": endpoint.account_id, "tenant_id": endpoint.tenant_id}
            if (row := session.execute(_OWNER, owner).first()) is None:
                return
            group_id, name = row.group_id, row.display_name
        note_disabled(session, now, SYSTEM, endpoint, group_id)
        key = f"endpoint_disabled:{new_id()}"
        mails: Sequence[Mail] = [
            self.letters.disabled(reader, shown(endpoint.url), name, endpoint.why, f"{key}:{reader.address}")
            for reader in readers(session, endpoint.tenant_id, [group_id], VIEW).get(group_id, ())
        ]
        self.post.put(session, now, mails)


def note_disabled(
    session: Session, now: datetime, author: Author, endpoint: Disabled, group_id: UUID
) -> None:
    """Write it into the audit log of a group."""
    subject, after = shown(endpoint.url), {"why": endpoint.why.value}
    change = Change(endpoint.tenant_id, group_id, Action.WEBHOOK_DISABLED, subject, endpoint.id, None, after)
    record(session, now, author, [change])
