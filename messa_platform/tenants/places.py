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
from messa_platform.tenants.tree import swedish_sort_key

SMALL_TREE = 60
"""Groups up to which a page shows a tree whole."""
MOST_CHILDREN = 30
"""Of a larger tree, the children that a page shows of the group that is looked at, and as many in all of those above it."""
PAGE = 30
"""Groups that a search gives, and a page of the children of one."""


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
# Which name comes next is reckoned beside the row, not in the condition: arithmetic there would keep it from the index (it might leak).
_PATH = text(
    f'WITH RECURSIVE step AS (SELECT {_COLUMNS}, 1 AS depth, (CAST(:slugs AS text[]))[1] AS next FROM "group" g JOIN tenant t'
    " ON t.id = g.tenant_id WHERE t.slug = :tenant AND g.parent_id IS NULL AND g.removed_at IS NULL"
    f" UNION ALL SELECT {_COLUMNS}, step.depth + 1, (CAST(:slugs AS text[]))[step.depth + 1]"
    ' FROM step JOIN "group" g ON g.tenant_id = step.tenant_id AND g.parent_id = step.id AND g.slug = step.next AND g.removed_at IS NULL)'
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
    f'SELECT {_COLUMNS} FROM "group" g WHERE g.id = ANY(CAST(:ids AS uuid[])) AND g.tenant_id = :tenant_id AND g.removed_at IS NULL'
)


def places_of(session: Session, tenant_id: UUID, group_ids: Iterable[UUID]) -> dict[UUID, Place]:
    """The living groups of the tenant among these, by their ids."""
    rows = session.execute(_BY_ID, {"ids": list(set(group_ids)), "tenant_id": tenant_id})
    return {row.id: _place(row) for row in rows}


def place_of(session: Session, tenant_id: UUID, group_id: UUID) -> Place | None:
    """A living group of the tenant by its id."""
    return places_of(session, tenant_id, [group_id]).get(group_id)


def path_to(session: Session, place: Place) -> tuple[Place, ...]:
    """The groups from Master down to one, itself last."""
    found = places_of(session, place.tenant_id, place.ancestors)
    return tuple(found[group_id] for group_id in place.ancestors if group_id in found)


_HOLD = text(
    f'SELECT {_COLUMNS} FROM "group" g WHERE g.id = :id AND g.tenant_id = :tenant_id AND g.removed_at IS NULL FOR SHARE'
)


def hold(session: Session, tenant_id: UUID, group_id: UUID) -> Place | None:
    """The same, and it is neither removed nor moved until the transaction ends. To be held before any task, domain or account is locked: so
    does who removes it, and finds then what was tied to it meanwhile."""
    row = session.execute(_HOLD, {"id": group_id, "tenant_id": tenant_id}).first()
    return None if row is None else _place(row)


_BELOW = text(
    'SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree) AND g.removed_at IS NULL'
)


def with_subgroups(session: Session, place: Place) -> list[UUID]:
    """The ids of a group and all living groups below it."""
    return list(session.execute(_BELOW, {"tenant_id": place.tenant_id, "path": place.path}).scalars())


@dataclass(frozen=True, slots=True)
class Branch:
    """A group as a page's tree shows it. `slugs` lead to it from Master. `has_more`: it has children that are not shown."""

    id: UUID
    name: str
    slugs: tuple[str, ...]
    is_open: bool
    is_here: bool
    has_more: bool
    children: tuple[Branch, ...]

    @property
    def shown(self) -> int:
        """How many groups are shown from this one down."""
        return 1 + sum(child.shown for child in self.children)


# An index hands out the children of a group in order, and no more of them than are asked for, however many there are.
_OF = 'FROM "group" g WHERE g.tenant_id = :tenant_id AND g.parent_id = {above}.id AND g.removed_at IS NULL'
_FIRST_OF = (
    f"SELECT g.id, g.parent_id, g.name, g.slug, g.sort_key {_OF} ORDER BY g.sort_key, g.id LIMIT {{most}}"
)
_SHOWN = "id, parent_id, name, slug, sort_key"
# The whole tree below `top` while it is small, else the first children of each group that stands open; and always the path itself. How
# large the tree is, nobody counts: the walk through it ends with the first group that is too many.
_TREE = text(
    "WITH RECURSIVE open AS (SELECT g.id, g.parent_id, g.name, g.slug, g.sort_key, o.most FROM"
    ' unnest(CAST(:open AS uuid[]), CAST(:most AS int[])) AS o (id, most) JOIN "group" g ON g.id = o.id AND g.tenant_id = :tenant_id),'
    f" below AS (SELECT {_SHOWN} FROM open WHERE id = :top UNION ALL"
    f" SELECT c.* FROM below CROSS JOIN LATERAL ({_FIRST_OF.format(above='below', most=':small + 1')}) c),"
    " first AS MATERIALIZED (SELECT * FROM below LIMIT :small + 1), size AS (SELECT count(*) <= :small AS is_small FROM first),"
    f" shown AS (SELECT first.* FROM first, size WHERE is_small UNION SELECT {_SHOWN} FROM (SELECT c.*, o.most,"
    " row_number() OVER (PARTITION BY c.parent_id ORDER BY c.sort_key, c.id) AS place FROM size, open o"
    f" CROSS JOIN LATERAL ({_FIRST_OF.format(above='o', most=':most_of_all')}) c WHERE NOT is_small) n WHERE place <= most"
    f" UNION SELECT {_SHOWN} FROM open)"
    " SELECT s.id, s.parent_id, s.name, s.slug, CASE WHEN size.is_small THEN 0"
    f" WHEN s.id IN (SELECT o.id FROM open o) THEN (SELECT count(*) FROM (SELECT {_OF.format(above='s')} LIMIT :most_of_all + 2) c)"
    # with EXISTS all groups of the tenant would be read into a hash
    f" ELSE (SELECT count(*) FROM (SELECT {_OF.format(above='s')} LIMIT 1) c) END AS children FROM size, shown s ORDER BY s.sort_key, s.id"
)


def tree(session: Session, path: Sequence[Place], top: Place) -> Branch:
    """The tree from `top` down, open along `path`, whose last place is the one that is looked at; in Swedish order."""
    shown_path = path[path.index(top) :]
    above = len(shown_path) - 1
    parameters = {
        "tenant_id": top.tenant_id,
        "top": top.id,
        "open": [p.id for p in shown_path],
        "most": [*[MOST_CHILDREN // above] * above, MOST_CHILDREN] if above else [MOST_CHILDREN],
        "most_of_all": MOST_CHILDREN,
        "small": SMALL_TREE,
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
    has_more = row.children > len(children)
    return Branch(row.id, row.name, slugs, row.id in is_open, row.id == here, has_more, children)


# No index serves: a look into each key costs least then. A hit may be none: in keys, ä is `{b`, and nobody who writes a b means that. Only
# what begins or ends within such a pair has to be looked at twice.
_FIND = text(
    f'SELECT {_COLUMNS} FROM "group" g WHERE g.tenant_id = :tenant_id AND g.removed_at IS NULL AND strpos(g.sort_key, :key) > 0'
    " AND (NOT CAST(:may_split AS boolean) OR strpos(replace(replace(replace(g.sort_key, '{a', 'å'), '{b', 'ä'), '{c', 'ö'), :words) > 0)"
    " AND g.path <@ ANY(CAST(:tops AS ltree[])) ORDER BY g.sort_key, g.id LIMIT :most"
)


def search(
    session: Session, top: Place, words: str, most: int = PAGE, also: Sequence[Place] = ()
) -> list[Place]:
    """The groups from `top` down, and from those in `also`, whose names hold `words`, in Swedish order. Case and accents do not count."""
    key = swedish_sort_key(words)
    parameters = {
        "tenant_id": top.tenant_id,
        "tops": [place.path for place in (top, *also)],
        "key": key,
        "words": key.replace("{a", "å").replace("{b", "ä").replace("{c", "ö"),
        "may_split": key[:1] in ("a", "b", "c") or key.endswith("{"),
        "most": most,
    }
    return [_place(row) for row in session.execute(_FIND, parameters)]


_CHILDREN_OF = text(
    f'SELECT {_COLUMNS} FROM "group" g WHERE g.tenant_id = :tenant_id AND g.parent_id = :id AND g.removed_at IS NULL'
    " AND (g.sort_key, g.id) > (:key, CAST(:after AS uuid)) ORDER BY g.sort_key, g.id LIMIT :most"
)
_NONE = UUID(int=0)


def children(
    session: Session, place: Place, after: Place | None = None, most: int | None = PAGE
) -> list[Place]:
    """The groups right below one, in Swedish order; `most` (None: all) of those behind `after`."""
    key, behind = (swedish_sort_key(after.name), after.id) if after else ("", _NONE)
    parameters = {"tenant_id": place.tenant_id, "id": place.id, "key": key, "after": behind, "most": most}
    return [_place(row) for row in session.execute(_CHILDREN_OF, parameters)]


# By their ids a list stays in order, whoever renames or moves what is in it meanwhile.
_OLDEST_FIRST = "AND g.removed_at IS NULL AND g.id > CAST(:after AS uuid) ORDER BY g.id LIMIT :most"
_LISTED = text(
    f'SELECT {_COLUMNS} FROM "group" g WHERE g.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree) {_OLDEST_FIRST}'
)
_LISTED_UNDER = text(
    f'SELECT {_COLUMNS} FROM "group" g WHERE g.tenant_id = :tenant_id AND g.parent_id = :id {_OLDEST_FIRST}'
)


def listed(
    session: Session, top: Place, after: UUID | None, most: int, *, only_right_below: bool = False
) -> list[Place]:
    """A group and all below it, or those right below it alone, the oldest first: `most` of those behind the id `after`; one statement."""
    parameters = {
        "tenant_id": top.tenant_id,
        "path": top.path,
        "id": top.id,
        "after": after or _NONE,
        "most": most,
    }
    statement = _LISTED_UNDER if only_right_below else _LISTED
    return [_place(row) for row in session.execute(statement, parameters)]


_WAYS = text(
    "SELECT g.id, array_agg(above.slug ORDER BY nlevel(above.path)) AS slugs, array_agg(above.name ORDER BY nlevel(above.path)) AS names,"
    ' array_agg(above.id ORDER BY nlevel(above.path)) AS ids FROM "group" g'
    " CROSS JOIN LATERAL unnest(CAST(string_to_array(g.path::text, '.') AS uuid[])) AS label (id)"
    ' JOIN "group" above ON above.id = label.id AND above.tenant_id = :tenant_id'
    " WHERE g.id = ANY(CAST(:ids AS uuid[])) AND g.tenant_id = :tenant_id GROUP BY g.id"
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
