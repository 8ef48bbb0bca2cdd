"""The accounts that a domain is about: those whose longest verified domain it is, or will be (spec D3, D4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.tenants.places import Place

_NAME = "split_part(a.address, '@', 2)"

# What lies at or below a domain is, read backwards, what begins with it: `se.kommun` and `se.kommun.skola`. "/" follows on "." in ASCII. That
# also finds `se.kommun-x` and addresses with a second @ in quotes, which the last condition leaves out. These operators are those of
# text_pattern_ops; LIKE with a parameter would find no index once the statement is prepared.
OF_DOMAIN = (
    f"reverse({_NAME}) ~>=~ reverse(:name) AND reverse({_NAME}) ~<~ (reverse(:name) || '/')"
    " AND right(a.address, length(:name) + 1) IN ('@' || :name, '.' || :name)"
)
"""In SQL: whether the account `a` has an address of the domain `:name`, or of one below it."""

# What an admin has placed stays from that admin's own organisation alone: else whoever adds addresses before their domain is proven would keep
# them from its owner. In another organisation only those stay who have said themselves that they want to be there (spec G11).
_BY_HAND = "(a.tenant_id = :tenant_id AND a.placed_by_hand)"
_BY_CONSENT = (
    "(a.tenant_id <> :tenant_id AND EXISTS (SELECT FROM consent_request q WHERE q.address = a.address AND q.tenant_id = a.tenant_id"
    " AND q.accepted))"
)
MAY_MOVE = (
    "a.removed_at IS NULL AND NOT a.is_operator AND a.group_id <> :group_id"
    f" AND (:by_hand OR NOT {_BY_HAND}) AND NOT {_BY_CONSENT}"
)
"""In SQL: whether the account `a` may come to the group `:group_id` of `:tenant_id`; with `:by_hand` also what an admin of that organisation
has placed elsewhere by hand."""

_ABOVE = (
    "FROM string_to_array({name}, '.') AS l (labels) CROSS JOIN generate_series(1, cardinality(l.labels)) AS n (i)"
    " JOIN domain d ON d.name = array_to_string(l.labels[n.i:], '.') AND d.state = 'verified'"
)


def nearer(name: str) -> str:
    """In SQL: whether a verified domain has `name` (an SQL expression) that is nearer to it than `:name`, or is another tenant's `:name`."""
    return (
        f"EXISTS (SELECT {_ABOVE.format(name=name)}"
        " WHERE length(d.name) > length(:name) OR length(d.name) = length(:name) AND d.tenant_id <> :tenant_id)"
    )


_COUNTED = (
    "SELECT coalesce(sum(moving), 0) AS moving, coalesce(sum(by_hand), 0) AS by_hand FROM"
    f" (SELECT {_NAME} AS name, count(*) FILTER (WHERE NOT {_BY_HAND}) AS moving, count(*) FILTER (WHERE {_BY_HAND}) AS by_hand"
    f" FROM account a WHERE {OF_DOMAIN} AND {MAY_MOVE}{{where}} GROUP BY 1) hit WHERE NOT {{nearer}}"
)
_COUNT = text(_COUNTED.format(where="", nearer=nearer("hit.name")))
# Nothing of another organisation has a say in it, not even by a domain that it has proven.
_COUNT_SEEN = text(
    _COUNTED.format(
        where=' AND a.tenant_id = :tenant_id AND EXISTS (SELECT FROM "group" g WHERE g.id = a.group_id AND g.tenant_id = :tenant_id'
        " AND g.path <@ ANY(CAST(:tops AS ltree[])))",
        nearer=f"EXISTS (SELECT {_ABOVE.format(name='hit.name')} AND d.tenant_id = :tenant_id WHERE length(d.name) > length(:name))",
    )
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
    """What will move to the tenant's group with a domain that is proven to be the tenant's; `platform` is a session that sees every tenant.

    Nobody else is to be told: how many accounts a stranger's domain has is not theirs to know (`preview_seen`).
    """
    row = platform.execute(_COUNT, asked(name, tenant_id, group_id, by_hand=True)).one()
    return Preview(int(row.moving), int(row.by_hand))


def preview_seen(
    platform: Session, name: str, tenant_id: UUID, group_id: UUID, tops: Sequence[Place]
) -> Preview:
    """What would move if the domain were proven, of the tenant's accounts in the groups from `tops` down alone: what whoever administers
    those sees anyhow. It does not depend on what other tenants have."""
    parameters = asked(name, tenant_id, group_id, by_hand=True) | {"tops": [top.path for top in tops]}
    row = platform.execute(_COUNT_SEEN, parameters).one()
    return Preview(int(row.moving), int(row.by_hand))
