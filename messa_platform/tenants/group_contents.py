"""What is in a group, for who is about to remove it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.tenants.places import Place


@dataclass(frozen=True, slots=True)
class Contents:
    """What is right in a group, each counted up to `MOST_COUNTED` and one more."""

    people: int
    groups: int
    domains: int


MOST_COUNTED = 1000

_CONTENTS = text(
    "SELECT (SELECT count(*) FROM (SELECT FROM account a WHERE a.tenant_id = :tenant_id AND a.group_id = :id AND a.removed_at IS NULL"
    ' LIMIT :most) a) AS people, (SELECT count(*) FROM (SELECT FROM "group" g WHERE g.tenant_id = :tenant_id AND g.parent_id = :id'
    " AND g.removed_at IS NULL LIMIT :most) g) AS groups, (SELECT count(*) FROM (SELECT FROM domain d WHERE d.tenant_id = :tenant_id"
    " AND d.group_id = :id LIMIT :most) d) AS domains"
)


def contents(session: Session, place: Place) -> Contents:
    """What would have to go elsewhere if the group were removed."""
    parameters = {"tenant_id": place.tenant_id, "id": place.id, "most": MOST_COUNTED + 1}
    return Contents(*session.execute(_CONTENTS, parameters).one())
