"""The accounts that a domain is about: those whose longest verified domain it is, or will be (spec D3, D4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_NAME = "split_part(a.address, '@', 2)"

# What lies at or below a domain is, read backwards, what begins with it: `se.kommun` and `se.kommun.skola`. "/" follows on "." in ASCII. That
# also finds `se.kommun-x` and addresses with a second @ in quotes, which the last condition leaves out. These operators are those of
# text_pattern_ops; LIKE with a parameter would find no index once the statement is prepared.
OF_DOMAIN = (
    f"reverse({_NAME}) ~>=~ reverse(:name) AND reverse({_NAME}) ~<~ (reverse(:name) || '/')"
    " AND right(a.address, length(:name) + 1) IN ('@' || :name, '.' || :name)"
)
"""In SQL: whether the account `a` has an address of the domain `:name`, or of one below it."""

MAY_MOVE = (
    "a.removed_at IS NULL AND NOT a.is_operator AND a.group_id <> :group_id"
    " AND (NOT a.placed_by_hand OR :by_hand AND a.tenant_id = :tenant_id)"
)
"""In SQL: whether the account `a` may come to the group `:group_id` of `:tenant_id`; with `:by_hand` also what an admin of that organisation
has placed elsewhere by hand."""


def nearer(name: str) -> str:
    """In SQL: whether a verified domain has `name` (an SQL expression) that is nearer to it than `:name`, or is another tenant's `:name`."""
    return (
        f"EXISTS (SELECT FROM string_to_array({name}, '.') AS l (labels) CROSS JOIN generate_series(1, cardinality(l.labels)) AS n (i)"
        " JOIN domain d ON d.name = array_to_string(l.labels[n.i:], '.') AND d.state = 'verified'"
        " WHERE length(d.name) > length(:name) OR length(d.name) = length(:name) AND d.tenant_id <> :tenant_id)"
    )


_COUNT = text(
    f"SELECT coalesce(sum(moving), 0) AS moving, coalesce(sum(by_hand), 0) AS by_hand FROM (SELECT {_NAME} AS name,"
    " count(*) FILTER (WHERE NOT a.placed_by_hand) AS moving, count(*) FILTER (WHERE a.placed_by_hand) AS by_hand"
    f" FROM account a WHERE {OF_DOMAIN} AND {MAY_MOVE} GROUP BY 1) hit WHERE NOT {nearer('hit.name')}"
)


@dataclass(frozen=True, slots=True)
class Preview:
    """How many accounts come to a group with its domain: `moving`, from wherever they are; `by_hand` stay, in other groups of the same
    organisation, unless they are taken along."""

    moving: int
    by_hand: int


def asked(name: str, tenant_id: UUID, group_id: UUID, *, by_hand: bool) -> dict[str, Any]:
    """The parameters of the conditions above."""
    return {"name": name, "tenant_id": tenant_id, "group_id": group_id, "by_hand": by_hand}


def preview(platform: Session, name: str, tenant_id: UUID, group_id: UUID) -> Preview:
    """What will move to the tenant's group once the domain is verified there; `platform` is a session that sees every tenant."""
    row = platform.execute(_COUNT, asked(name, tenant_id, group_id, by_hand=True)).one()
    return Preview(int(row.moving), int(row.by_hand))
