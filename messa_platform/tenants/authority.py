"""Whether who changes something still may. A page is opened by an adminship that may be taken away before what was sent from it is written,
and a task may outlive its author's; so whatever acts by an adminship asks again where it writes (spec G10).

To be asked after the lock under which the change is made: such a statement sees what was committed while that lock was waited for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.row_security import is_confined
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author


@dataclass(frozen=True, slots=True)
class NotAdmin:
    """Who wanted this administers the group no longer, or it is gone; nothing was done. They are answered as if there were no such page."""


_LABELS = "CAST(string_to_array({path}::text, '.') AS uuid[])"
_ADMINISTERED = (
    "EXISTS (SELECT FROM group_admin ga JOIN account a ON a.id = ga.account_id AND a.tenant_id = ga.tenant_id"
    " WHERE ga.account_id = :account_id AND ga.tenant_id = :tenant_id AND NOT a.blocked AND a.removed_at IS NULL"
    f" AND ga.group_id = ANY({_LABELS.format(path='top.path')}))"
)
# An API user acts in its own group and everything below, as long as it is there (spec V2).
_MEMBER = (
    "EXISTS (SELECT FROM account a WHERE a.id = :account_id AND a.tenant_id = :tenant_id AND a.kind = 'api' AND NOT a.blocked"
    f" AND a.removed_at IS NULL AND a.group_id = ANY({_LABELS.format(path='top.path')}))"
)
_MAY = f"(:is_operator OR CASE WHEN :is_api THEN {_MEMBER} ELSE {_ADMINISTERED} END)"
_STANDING = 'SELECT top.id FROM "group" top WHERE top.id = ANY(CAST(:ids AS uuid[])) AND top.tenant_id = :tenant_id AND top.removed_at IS NULL'
_OVER = (
    'EXISTS (SELECT FROM "group" g WHERE g.id = :group_id AND g.tenant_id = :tenant_id AND g.removed_at IS NULL'
    f" AND top.id = ANY({_LABELS.format(path='g.path')}))"
)
_AUTHORITIES = text(f"{_STANDING} AND {_MAY}")
_ADMINISTERS = text(f"{_STANDING} AND {_MAY} AND {_OVER}")
_IS_OPERATOR = text(
    "SELECT FROM account a WHERE a.id = :id AND a.is_operator AND NOT a.blocked AND a.removed_at IS NULL"
)


def authorities(
    session: Session, author: Author, tenant_id: UUID, also: Collection[UUID] = ()
) -> frozenset[UUID]:
    """Those groups, of the one by which the author acts and those in `also`, that the author administers now: each or one above it."""
    if not _is_held(author):
        return frozenset(also) | ({author.group_id} if author.group_id else set())
    if _is_operator_no_more(session, author):
        return frozenset()
    ids = {author.group_id, *also}
    found = session.execute(_AUTHORITIES, {**_parameters(author, tenant_id), "ids": list(ids)})
    return frozenset(found.scalars())


def administers(session: Session, author: Author, tenant_id: UUID, group_id: UUID) -> bool:
    """Whether a group is there, and stands where the author still administers by the group by which they act, or one above that."""
    if not _is_held(author):
        return True
    if _is_operator_no_more(session, author):
        return False
    parameters = {**_parameters(author, tenant_id), "ids": [author.group_id], "group_id": group_id}
    return session.execute(_ADMINISTERS, parameters).first() is not None


def _is_held(author: Author) -> bool:
    """Whether the author acts by an adminship at all, or as the operator in its place."""
    return author.group_id is not None and author.actor in (Actor.ADMIN, Actor.OPERATOR, Actor.API)


def _is_operator_no_more(session: Session, author: Author) -> bool:
    """The operator's account is of another tenant, so a session that is confined to this one cannot see it; nor has the command line any."""
    if author.actor is not Actor.OPERATOR or author.account_id is None or is_confined(session):
        return False
    return session.execute(_IS_OPERATOR, {"id": author.account_id}).first() is None


def _parameters(author: Author, tenant_id: UUID) -> dict[str, object]:
    return {
        "account_id": author.account_id,
        "tenant_id": tenant_id,
        "is_operator": author.actor is Actor.OPERATOR,
        "is_api": author.actor is Actor.API,
    }
