"""Large trees of groups, made in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Table

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from messa_platform.tenants.tree import free_slug, slug_of, swedish_sort_key
from tests.support.world import World

GROUP = cast(Table, Group.__table__)


def grow(world: World, above: Group, widths: Sequence[int], name: str = "Grupp") -> list[list[Group]]:
    """Below a group as many as the first of `widths`, below each of those as many as the second, and so on; gives them level by level.

    They are called `Grupp 1`, `Grupp 2`, … under each one.
    """
    levels: list[list[Group]] = []
    tops = [above]
    for width in widths:
        tops = [group for top in tops for group in _below(top, [f"{name} {n + 1}" for n in range(width)])]
        levels.append(tops)
    rows = [
        {
            "id": group.id,
            "tenant_id": group.tenant_id,
            "parent_id": group.parent_id,
            "path": group.path,
            "slug": group.slug,
            "name": group.name,
            "sort_key": group.sort_key,
        }
        for level in levels
        for group in level
    ]
    with world.database.unit_of_work() as session:
        for begin in range(0, len(rows), 2000):
            insert_rows(session, GROUP, rows[begin : begin + 2000])
    world.run('ANALYZE "group"')
    return levels


def _below(top: Group, names: Sequence[str]) -> list[Group]:
    taken: set[str] = set()
    made = []
    for name in names:
        identifier = new_id()
        slug = free_slug(slug_of(name), taken)
        taken.add(slug)
        made.append(
            Group(
                id=identifier,
                tenant_id=top.tenant_id,
                parent_id=top.id,
                path=f"{top.path}.{identifier.hex}",
                slug=slug,
                name=name,
                sort_key=swedish_sort_key(name),
            )
        )
    return made
