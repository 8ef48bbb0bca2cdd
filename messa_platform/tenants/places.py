"""Where a group stands: the path from Master down to it, the ids below it, and the part of the tree that a page shows.

Everything here is one statement, however large the tree, and serves sessions that are confined to a tenant: there no operator of `ltree`
may use an index, since it is not leakproof, so ancestors are found by the ids that a path is made of, and children by their parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.tenants.models import TenantState

SMALL_TREE = 120
"""Groups up to which a page shows a tree whole."""
MOST_CHILDREN = 40
"""Children of one group that a page shows of a larger tree."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """The tenant that a page is about."""

    id: UUID
    slug: str
    name: str
    state: TenantState
    language: str
    is_free: bool
    demands_second_factor: bool
    version: int


@dataclass(frozen=True, slots=True)
class Place:
    """A group in its tree. `path` is the ltree of hexadecimal ids from Master down to it."""

    id: UUID
    tenant_id: UUID
    parent_id: UUID | None
    path: str
    slug: str
    name: str
    version: int

    @property
    def ancestors(self) -> tuple[UUID, ...]:
        """The ids from Master down to this very group."""
        return tuple(UUID(label) for label in self.path.split("."))


@dataclass(frozen=True, slots=True)
class Found:
    """An organisation, and as much of the path asked for as there is, Master first; never empty."""

    organisation: Organisation
    path: tuple[Place, ...]


_COLUMNS = "g.id, g.tenant_id, g.parent_id, g.path::text AS path, g.slug, g.name, g.version"
_PATH = text(
    f'WITH RECURSIVE step AS (SELECT {_COLUMNS}, 0 AS depth FROM "group" g JOIN tenant t ON t.id = g.tenant_id'
    " WHERE t.slug = :tenant AND g.parent_id IS NULL AND g.removed_at IS NULL"
    f' UNION ALL SELECT {_COLUMNS}, step.depth + 1 FROM step JOIN "group" g ON g.tenant_id = step.tenant_id AND g.parent_id = step.id'
    " AND g.slug = (CAST(:slugs AS text[]))[step.depth + 1] AND g.removed_at IS NULL)"
    " SELECT step.*, t.slug AS tenant_slug, t.name AS tenant_name, t.state, t.language, t.is_free, t.demands_second_factor,"
    " t.version AS tenant_version FROM step JOIN tenant t ON t.id = step.tenant_id ORDER BY step.depth"
)


def _place(row: Row[tuple[object, ...]]) -> Place:
    return Place(row.id, row.tenant_id, row.parent_id, row.path, row.slug, row.name, row.version)


def find_path(session: Session, tenant: str, slugs: Sequence[str]) -> Found | None:
    """The tenant of this slug and its groups along `slugs` below Master; None if there is no such tenant to be seen."""
    rows = session.execute(_PATH, {"tenant": tenant, "slugs": list(slugs)}).all()
    if not rows:
        return None
    first = rows[0]
    organisation = Organisation(
        first.tenant_id,
        first.tenant_slug,
        first.tenant_name,
        TenantState(first.state),
        first.language,
        first.is_free,
        first.demands_second_factor,
        first.tenant_version,
    )
    return Found(organisation, tuple(_place(row) for row in rows))


_BY_ID = text(
    f'SELECT {_COLUMNS} FROM "group" g WHERE g.id = :id AND g.tenant_id = :tenant_id AND g.removed_at IS NULL'
)


def place_of(session: Session, tenant_id: UUID, group_id: UUID) -> Place | None:
    """A living group of the tenant by its id."""
    row = session.execute(_BY_ID, {"id": group_id, "tenant_id": tenant_id}).first()
    return None if row is None else _place(row)


_BELOW = text(
    'SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree) AND g.removed_at IS NULL'
)


def with_subgroups(session: Session, place: Place) -> list[UUID]:
    """The ids of a group and all living groups below it."""
    return list(session.execute(_BELOW, {"tenant_id": place.tenant_id, "path": place.path}).scalars())


@dataclass(frozen=True, slots=True)
class Branch:
    """A group as a page's tree shows it. `slugs` lead to it from Master. `hidden`: children that are there and are not shown."""

    id: UUID
    name: str
    slugs: tuple[str, ...]
    is_open: bool
    is_here: bool
    hidden: int
    children: tuple[Branch, ...]


# The whole tree below `top` while it is small, else the children of every group that stands open, so many of each; and always the path itself.
_TREE = text(
    'WITH open AS (SELECT unnest(CAST(:open AS uuid[])) AS id), below AS (SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id'
    " AND g.removed_at IS NULL AND g.path <@ CAST(:top AS ltree) LIMIT :small + 1), small AS (SELECT count(*) <= :small AS is_small FROM below),"
    " shown AS (SELECT b.id FROM below b, small WHERE small.is_small"
    ' UNION SELECT c.id FROM small, open o CROSS JOIN LATERAL (SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id AND g.parent_id = o.id'
    " AND g.removed_at IS NULL ORDER BY g.sort_key, g.id LIMIT :most) c WHERE NOT small.is_small UNION SELECT o.id FROM open o)"
    ' SELECT g.id, g.parent_id, g.name, g.slug, (SELECT count(*) FROM "group" c WHERE c.tenant_id = :tenant_id AND c.parent_id = g.id'
    ' AND c.removed_at IS NULL) AS children FROM shown JOIN "group" g ON g.id = shown.id WHERE g.tenant_id = :tenant_id'
    " ORDER BY g.sort_key, g.id"
)


def tree(session: Session, path: Sequence[Place], top: Place) -> Branch:
    """The tree from `top` down, open along `path`, whose last place is the one that is looked at; in Swedish order."""
    shown_path = path[path.index(top) :]
    parameters = {
        "tenant_id": top.tenant_id,
        "top": top.path,
        "open": [p.id for p in shown_path],
        "small": SMALL_TREE,
        "most": MOST_CHILDREN,
    }
    rows = session.execute(_TREE, parameters).all()
    under: dict[UUID, list[Row[tuple[object, ...]]]] = {}
    for row in rows:
        under.setdefault(row.parent_id, []).append(row)
    start = next(row for row in rows if row.id == top.id)
    slugs_of_top = tuple(p.slug for p in path[1 : path.index(top) + 1])
    return _branch(start, slugs_of_top, under, {p.id for p in shown_path}, path[-1].id)


def _branch(
    row: Row[tuple[object, ...]],
    slugs: tuple[str, ...],
    under: dict[UUID, list[Row[tuple[object, ...]]]],
    is_open: set[UUID],
    here: UUID,
) -> Branch:
    below = under.get(row.id, [])
    children = tuple(_branch(child, (*slugs, child.slug), under, is_open, here) for child in below)
    return Branch(
        row.id, row.name, slugs, row.id in is_open, row.id == here, row.children - len(children), children
    )


_FIND = text(
    f'SELECT {_COLUMNS} FROM "group" g WHERE g.tenant_id = :tenant_id AND g.removed_at IS NULL AND g.path <@ CAST(:top AS ltree)'
    " AND g.name ILIKE :pattern ORDER BY g.sort_key, g.id LIMIT :most"
)


def search(session: Session, top: Place, words: str, most: int = 50) -> list[Place]:
    """The groups from `top` down whose names hold `words`, in Swedish order."""
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = session.execute(
        _FIND, {"tenant_id": top.tenant_id, "top": top.path, "pattern": f"%{escaped}%", "most": most}
    )
    return [_place(row) for row in rows]


_WAYS = text(
    "SELECT g.id, array_agg(above.slug ORDER BY nlevel(above.path)) AS slugs, array_agg(above.name ORDER BY nlevel(above.path)) AS names,"
    ' array_agg(above.id ORDER BY nlevel(above.path)) AS ids FROM "group" g'
    " CROSS JOIN LATERAL unnest(CAST(string_to_array(g.path::text, '.') AS uuid[])) AS label (id)"
    ' JOIN "group" above ON above.id = label.id WHERE g.id = ANY(CAST(:ids AS uuid[])) AND g.tenant_id = :tenant_id GROUP BY g.id'
)


@dataclass(frozen=True, slots=True)
class Way:
    """How a group is reached: ids, slugs and names from Master down to it. Master's own slug is no part of an address."""

    ids: tuple[UUID, ...]
    slugs: tuple[str, ...]
    names: tuple[str, ...]


def ways(session: Session, tenant_id: UUID, group_ids: Iterable[UUID]) -> dict[UUID, Way]:
    """The way to each of these groups of a tenant, tombstones too; one statement."""
    rows = session.execute(_WAYS, {"ids": list(set(group_ids)), "tenant_id": tenant_id})
    return {row.id: Way(tuple(row.ids), tuple(row.slugs), tuple(row.names)) for row in rows}
