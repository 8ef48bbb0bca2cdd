"""Settings in force, locks and quotas over random trees, against `support/rules_model`, which says the rules plainly (spec G2, G3, G6, G7).

The same examples are tried in every run. `MESSA_RANDOM=50000 pytest tests/functional/tenants/test_rules_model.py` tries so many others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import STOCKHOLM, start_of_stockholm_day, stockholm_day
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.tenants import quota
from messa_platform.tenants.group_settings import LONG_AGO, GroupNode, InForce, Key, in_force
from messa_platform.tenants.locks import may_change
from messa_platform.tenants.models import Group, GroupSetting, Lock, Tenant
from messa_platform.tenants.quota import Answer, Demand, Granted
from messa_platform.tenants.senders import settings_of
from messa_platform.tenants.tree import slug_of
from tests.support.rules_model import Blow, Row, Rules, Sent

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


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A transaction that is never committed."""
    with database.sessions() as opened:
        yield opened
        opened.rollback()


@tried
@given(TREES, SETTINGS)
def test_the_settings_in_force_are_those_of_the_nearest_group_that_has_set_them(
    picks: list[int], steps: list[Any]
) -> None:
    tree = furnished(picks, steps)
    for group in tree.groups:
        assert as_found(tree.in_force(group)) == as_said(tree.rules, group)


def as_found(found: InForce) -> dict[str, Any]:
    """What the platform says is in force."""
    limits = [*([found.account_quota] if found.account_quota else []), *found.group_quotas]
    return {
        "path": list(found.path),
        "max_parts": found.max_parts,
        "limits": [(q.group_id, q.sms, q.window_days, q.max_parts, q.since) for q in limits],
        "own signatures": found.signature_lock is Lock.ALL,
        **{key.value: getattr(found, key.value) for key in INHERITED},
    }


INHERITED = tuple(key for key in Key if key not in (Key.GROUP_QUOTA, Key.ACCOUNT_QUOTA))


def as_said(rules: Rules, group: UUID) -> dict[str, Any]:
    """What the model says is."""
    limits = rules.limits(group)
    signatures = rules.rows(group, Key.SIGNATURE)
    return {
        "path": rules.way_up(group)[::-1],
        "max_parts": rules.max_parts(group),
        "limits": [
            (g, r.value["sms"], r.value["window_days"], r.value["max_parts"], r.at) for _, g, r in limits
        ],
        "own signatures": not signatures or signatures[0][1].lock is Lock.ALL,
        **{key.value: rules.value(group, key) for key in INHERITED},
    }


@settings(tried, max_examples=EXAMPLES // 10)
@given(TREES, SETTINGS)
def test_the_database_tells_what_is_in_force_for_all_groups_at_once(
    session: Session, picks: list[int], steps: list[Any]
) -> None:
    session.rollback()  # what the last tree left
    tree = furnished(picks, steps)
    plant(session, tree)
    assert settings_of(session, tree.groups) == {group: tree.in_force(group) for group in tree.groups}


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


@tried
@given(TREES, SETTINGS)
def test_a_lock_binds_the_admins_below_whoever_set_it_and_nobody_else(
    picks: list[int], steps: list[Any]
) -> None:
    tree = furnished(picks, steps)
    rules = tree.rules
    for group in tree.groups:
        way = rules.way_up(group)[::-1]
        for key in {key for _, key in rules.own}:
            rows = [(way.index(g), row) for g, row in rules.rows(group, key)]
            on_path = [
                (depth, row.lock, way.index(row.authority)) for depth, row in rows if row.authority in way
            ]
            for depth, admin_of in enumerate(way):
                found = may_change(on_path, way.index(group), depth)
                assert found == rules.may_change(admin_of, group, key)
                event(f"may change: {found}")


# Quotas


WAITS: dict[str, Callable[[datetime], datetime]] = {
    "an hour": lambda at: at + timedelta(hours=1),
    "nine hours": lambda at: at + timedelta(hours=9),
    "until a second before midnight": lambda at: next_midnight(at) - timedelta(seconds=1),
    "until midnight": lambda at: next_midnight(at),
    "until a second after midnight": lambda at: next_midnight(at) + timedelta(seconds=1),
    "a day": lambda at: at + timedelta(days=1),
    "until the last hour of the sixth day": lambda at: (
        next_midnight(at + timedelta(days=6)) - timedelta(hours=1)
    ),
    "a week": lambda at: at + timedelta(days=7),
    "29 days": lambda at: at + timedelta(days=29),
    "until the clocks go back": lambda at: max(at, datetime(2026, 10, 25, 2, 30, tzinfo=STOCKHOLM)),
}


def next_midnight(at: datetime) -> datetime:
    """The next midnight in Stockholm."""
    return start_of_stockholm_day(stockholm_day(at) + timedelta(days=1))


PARTS = st.lists(st.integers(1, 3), min_size=1, max_size=3)
LEVEL = st.integers(0, DEEPEST - 1)
LIMIT = st.tuples(st.just("limit"), PICK, LEVEL, of_keys((Key.GROUP_QUOTA, Key.ACCOUNT_QUOTA)))
CHANGE = (
    LIMIT
    | st.tuples(st.just("inherit"), PICK, LEVEL, st.sampled_from([Key.ACCOUNT_QUOTA, Key.GROUP_QUOTA]))
    | st.tuples(st.just("move_group"), PICK, LEVEL, PICK)
    | st.tuples(st.just("move_account"), PICK, PICK)
    | st.tuples(st.just("unsent"), PICK)
    | st.tuples(st.just("wait"), st.sampled_from(sorted(WAITS)))
)
SEND = st.tuples(st.just("send"), st.lists(st.tuples(PICK, PARTS), min_size=1, max_size=3))
STORIES = st.tuples(
    st.lists(LIMIT, min_size=1, max_size=4), st.lists(st.tuples(SEND, CHANGE), min_size=1, max_size=6), SEND
).map(lambda story: [*story[0], *(step for pair in story[1] for step in pair), story[2]])


@dataclass
class Story:
    """What happens in a tree, told to the model and to the platform."""

    tree: Tree
    session: Session
    accounts: list[UUID]
    granted: list[tuple[Granted, Sent]] = field(default_factory=list)

    @property
    def rules(self) -> Rules:
        return self.tree.rules

    def act(self, name: str, *details: Any) -> None:
        self.tree.now += timedelta(seconds=1)
        getattr(self, name)(*details)

    def send(self, texts: list[tuple[int, list[int]]]) -> None:
        """Texts of several accounts in one reservation, in this order."""
        now, since = self.tree.now, len(self.rules.sent)
        wanted = [(self._account(pick), parts) for pick, of_one in texts for parts in of_one]
        said = [self.rules.send(account, parts, now) for account, parts in wanted]
        found = quota.reserve(self.session, now, [self._demand(account, parts) for account, parts in wanted])
        assert [self._blow(answer) for answer in found] == said
        granted = [answer for answer in found if isinstance(answer, Granted)]
        self.granted += zip(granted, self.rules.sent[since:], strict=True)
        for blow in said:
            event(f"{blow[0]}, used up: {blow[1]}" if blow else "granted")
        for account in dict.fromkeys(account for account, _ in wanted):
            self._left(account)

    def _left(self, account: UUID) -> None:
        """What the account is told that it has left."""
        group, joined = self.rules.home[account]
        now, limits = self.tree.now, self.rules.limits(group)
        told = quota.left(self.session, now, account, joined, self.tree.in_force(group))
        said = [
            (limit[0], limit[1], max(0, limit[2].value["sms"] - self.rules.used(account, limit, now)))
            for limit in limits
            if limit[2].value["sms"] is not None
        ]
        assert [(left.kind, left.quota.group_id, left.sms) for left in told] == said

    def _account(self, pick: int) -> UUID:
        return self.accounts[pick % len(self.accounts)]

    def _demand(self, account: UUID, parts: int) -> Demand:
        group, joined = self.rules.home[account]
        return Demand(account, joined, self.tree.in_force(group), parts)

    def _blow(self, answer: Answer) -> Blow | None:
        if isinstance(answer, Granted):
            return None
        assert answer.group_name == self.tree.name(answer.group_id)
        return answer.kind, answer.used_up, answer.group_id

    def limit(self, pick: int, level: int, limit: tuple[Key, Any]) -> None:
        self.tree.set(self._above(pick, level), *limit)

    def inherit(self, pick: int, level: int, key: Key) -> None:
        self.tree.inherit(self._above(pick, level), key)

    def move_group(self, pick: int, level: int, to: int) -> None:
        self.tree.move_group(self._above(pick, level), to)

    def _above(self, pick: int, level: int) -> int:
        """A group that an account is in, or one above it: what happens elsewhere says nothing."""
        above = self.rules.way_up(self.rules.home[self._account(pick)][0])
        return self.tree.groups.index(above[level % len(above)])

    def move_account(self, pick: int, to: int) -> None:
        self.rules.home[self._account(pick)] = (self.tree.group(to), self.tree.now)

    def unsent(self, pick: int) -> None:
        if self.granted:
            answer, sent = self.granted.pop(pick % len(self.granted))
            quota.give_back(self.session, [(answer.buckets, sent.parts)])
            sent.parts = 0

    def wait(self, how_long: str) -> None:
        self.tree.now = WAITS[how_long](self.tree.now)


@tried
@given(TREES, st.lists(PICK, min_size=1, max_size=4), STORIES)
def test_a_quota_decides_as_counting_every_text_anew_does(
    session: Session, picks: list[int], people: list[int], steps: list[Any]
) -> None:
    session.rollback()  # what the last story left
    tree = Tree(picks)
    story = Story(tree, session, [new_id() for _ in people])
    for account, pick in zip(story.accounts, people, strict=True):
        tree.rules.home[account] = (tree.group(pick), tree.now)
    for step in steps:
        story.act(*step)
