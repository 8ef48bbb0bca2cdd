"""Who may change a setting (spec G3).

A row that is locked binds every admin whose own authority begins below the group by whose adminship it was set: they can change that key
neither at the row's group nor anywhere below it. A lock says who may change; values that groups below had set before stay in force.
"""

from __future__ import annotations

from collections.abc import Sequence

from messa_platform.tenants.models import Lock

RowOnPath = tuple[int, Lock, int]
"""A row of one key: the depth of its group, its lock, and the depth of the group by whose adminship it was set; Master's is 0."""


def may_change(rows_on_path: Sequence[RowOnPath], target_depth: int, actor_depth: int) -> bool:
    """Whether an admin whose authority begins at `actor_depth` may change a key at the group of `target_depth`.

    `rows_on_path` are the key's rows on one path. A row by the adminship of a group that is not on the path, since one was moved, binds
    nobody and is left out. That the admin administers the target at all is for the caller to know.
    """
    return not any(
        depth <= target_depth and lock is Lock.LOCKED and authority_depth < actor_depth
        for depth, lock, authority_depth in rows_on_path
    )
