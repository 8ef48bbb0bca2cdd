"""Random trees in which groups have set things, for tests against `rules_model`: in memory, or put into a database.

The same examples are tried in every run; with `MESSA_RANDOM=50000` in the environment so many others are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import STOCKHOLM
from messa_platform.core.ids import new_id
from messa_platform.tenants.group_settings import LONG_AGO, GroupNode, InForce, Key, in_force
from messa_platform.tenants.models import Group, GroupSetting, Lock, Tenant
from messa_platform.tenants.tree import slug_of
from tests.support.rules_model import Row, Rules

RANDOM = int(os.environ.get("MESSA_RANDOM", "0"))
EXAMPLES = RANDOM or 2000
MOST_GROUPS, DEEPEST = 12, 5
TENANT = new_id()

START = datetime(2026, 3, 26, 21, 30, tzinfo=STOCKHOLM)
"""Three days before the clocks go forward; with the longest waits it becomes summer, and with some luck winter again."""

tried = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not RANDOM,
    phases=[phase for phase in Phase if phase is not Phase.explain],  # it takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

PICK = st.integers(0, MOST_GROUPS - 1)
QUOTAS = st.none() | st.fixed_dictionaries(
    {
        "sms": st.sampled_from([None, 0, 1, 2, 3, 3, 5, 8]),
        "window_days": st.sampled_from([None, None, 1, 7, 30]),
        "max_parts": st.integers(1, 9),
    }
)
VALUES: dict[Key, st.SearchStrategy[Any]] = {
    Key.COUNTRY_CODE: st.sampled_from(["46", "47"]),
    Key.MAY_RECEIVE: st.booleans(),
    Key.SENDER_NAME: st.sampled_from(["Skolan", "Kommunen", "4B"]),
    Key.SMART_CHARACTERS: st.booleans(),
    Key.TOO_LONG: st.sampled_from(["refuse", "cut"]),
    Key.SIGNATURE: st.sampled_from(["", "/Skolan", "/4B"]),
    Key.GROUP_QUOTA: QUOTAS,
    Key.ACCOUNT_QUOTA: QUOTAS,
}


def of_keys(keys: Sequence[Key]) -> st.SearchStrategy[tuple[Key, Any]]:
    """A setting and a value that it may have."""
    return st.sampled_from(keys).flatmap(lambda key: st.tuples(st.just(key), VALUES[key]))


LOCKS = st.sampled_from([Lock.LOCKED, Lock.LOCKED, Lock.SUBADMIN, Lock.ALL])
TREES = st.lists(PICK, max_size=MOST_GROUPS - 1)


class Tree:
    """A model with groups in it, and a clock that never stands still."""

    def __init__(self, picks: Sequence[int]) -> None:
        self.rules = Rules()
        self.groups: list[UUID] = []
        self.now = START
        for pick in [0, *picks]:
            above = [g for g in self.groups if len(self.rules.way_up(g)) < DEEPEST]
            group = new_id()
            self.rules.parent[group] = above[pick % len(above)] if above else None
            self.groups.append(group)

    def set(self, pick: int, key: Key, value: Any, lock: Lock = Lock.SUBADMIN, authority: int = 0) -> None:
        """A group sets something itself, by an admin of its own or of a group above it."""
        group = self.group(pick)
        above = self.rules.way_up(group)
        self.rules.own[group, key] = Row(value, lock, above[authority % len(above)], self.now)

    def inherit(self, pick: int, key: Key) -> None:
        """A group sets something no longer itself."""
        self.rules.own.pop((self.group(pick), key), None)

    def move_group(self, pick: int, to: int) -> None:
        """Put a group, with all below it, under another one that does not stand below it."""
        group = self.group(pick)
        goals = [g for g in self.groups if group not in self.rules.way_up(g)]
        if goals and self.rules.parent[group] is not None:
            self.rules.parent[group] = goals[to % len(goals)]

    def group(self, pick: int) -> UUID:
        return self.groups[pick % len(self.groups)]

    def name(self, group: UUID) -> str:
        return f"Grupp {self.groups.index(group)}"

    def path(self, group: UUID) -> list[GroupNode]:
        """The way from Master down to a group, as it is read from the database."""
        return [
            GroupNode(
                g,
                self.name(g),
                {k: (r.value, r.lock, r.at) for (of, k), r in self.rules.own.items() if of == g},
            )
            for g in reversed(self.rules.way_up(group))
        ]

    def in_force(self, group: UUID) -> InForce:
        limits = [row.at for (_, key), row in self.rules.own.items() if key is Key.ACCOUNT_QUOTA]
        return in_force(TENANT, self.path(group), max(limits, default=LONG_AGO))


SETTINGS = st.lists(
    st.tuples(st.just("set"), PICK, of_keys(tuple(Key)), LOCKS, PICK)
    | st.tuples(st.just("move_group"), PICK, PICK),
    max_size=20,
)


def furnished(picks: Sequence[int], steps: Sequence[Any]) -> Tree:
    """A tree in which groups have set things and were moved."""
    tree = Tree(picks)
    for step in steps:
        tree.now += timedelta(seconds=1)
        match step:
            case "set", pick, (key, value), lock, authority:
                tree.set(pick, key, value, lock, authority)
            case "move_group", pick, to:
                tree.move_group(pick, to)
    return tree


def plant(session: Session, tree: Tree) -> None:
    """Put a tree into the database, with all that is set in it."""
    tenant = {"id": TENANT, "slug": "kommun", "name": "Kommunen", "state": "active", "language": "sv"}
    insert_rows(session, cast(Table, Tenant.__table__), [{**tenant, "is_free": False}])
    insert_rows(session, cast(Table, Group.__table__), [_group(tree, group) for group in tree.groups])
    rows = [
        {
            "group_id": group,
            "key": key.value,
            "tenant_id": TENANT,
            "value": row.value,
            "lock": row.lock,
            "authority_id": row.authority,
            "set_at": row.at,
        }
        for (group, key), row in tree.rules.own.items()
    ]
    if rows:
        session.execute(insert(GroupSetting), rows)  # which knows a null of JSON from one of SQL


def _group(tree: Tree, group: UUID) -> dict[str, Any]:
    name, way = tree.name(group), tree.rules.way_up(group)[::-1]
    return {
        "id": group,
        "tenant_id": TENANT,
        "parent_id": tree.rules.parent[group],
        "path": ".".join(g.hex for g in way),
        "slug": slug_of(name),
        "name": name,
        "sort_key": name,
    }
