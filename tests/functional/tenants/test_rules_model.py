"""Settings in force, locks and quotas over random trees, against `support/rules_model`, which says the rules plainly (spec G2, G3, G6, G7).

The same examples are tried in every run. `MESSA_RANDOM=50000 pytest tests/functional/tenants/test_rules_model.py` tries so many others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from messa_platform.core.clock import STOCKHOLM, start_of_stockholm_day, stockholm_day
from messa_platform.core.db import Database
from messa_platform.tenants import quota
from messa_platform.tenants.group_settings import InForce, Key
from messa_platform.tenants.locks import may_change
from messa_platform.tenants.models import Lock
from messa_platform.tenants.quota import Answer, Demand, Granted
from messa_platform.tenants.senders import settings_of
from tests.support.reserving import reserve
from tests.support.rules_model import Blow, Rules, Sent
from tests.support.rules_people import People
from tests.support.rules_trees import (
    DEEPEST,
    EXAMPLES,
    PICK,
    SETTINGS,
    TREES,
    Tree,
    furnished,
    of_keys,
    plant,
    tried,
)


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


MOST_PEOPLE = 4
PARTS = st.lists(st.integers(1, 3), min_size=1, max_size=3)
LEVEL = st.integers(0, DEEPEST - 1)
LIMIT = st.tuples(st.just("limit"), PICK, LEVEL, of_keys((Key.GROUP_QUOTA, Key.ACCOUNT_QUOTA)))
CHANGE = (
    LIMIT
    | st.tuples(st.just("inherit"), PICK, LEVEL, st.sampled_from([Key.ACCOUNT_QUOTA, Key.GROUP_QUOTA]))
    | st.tuples(st.just("move_group"), PICK, LEVEL, PICK)
    | st.tuples(st.just("move_account"), PICK, PICK)
    | st.tuples(st.just("remove"), PICK)
    | st.tuples(st.just("visit"), PICK, st.integers(0, 3), PICK)
    | st.tuples(st.just("unsent"), PICK)
    | st.tuples(st.just("wait"), st.sampled_from(sorted(WAITS)))
)
SEND = st.tuples(st.just("send"), st.lists(st.tuples(PICK, PARTS), min_size=1, max_size=3))
STORIES = st.tuples(
    st.lists(LIMIT, min_size=1, max_size=4), st.lists(st.tuples(SEND, CHANGE), min_size=1, max_size=6), SEND
).map(lambda story: [*story[0], *(step for pair in story[1] for step in pair), story[2]])


@pytest.fixture
def people(session: Session) -> People:
    """All who take part in stories; what becomes of them in one is forgotten before the next."""
    return People(session, MOST_PEOPLE)


@dataclass
class Story:
    """What happens in a tree, told to the model and to the platform; people come, go and move as they do there."""

    tree: Tree
    people: People
    accounts: list[UUID]
    granted: list[tuple[Granted, Sent]] = field(default_factory=list)
    removed: set[UUID] = field(default_factory=set)

    @property
    def session(self) -> Session:
        return self.people.session

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
        senders = list(dict.fromkeys(account for account, _ in wanted))
        for account in self.removed & set(senders):
            self._write(account)
        came = self.people.came(senders)
        said = [self.rules.send(account, parts, now) for account, parts in wanted]
        demands = [self._demand(account, came[account], parts) for account, parts in wanted]
        found = reserve(self.session, now, demands)
        assert [self._blow(answer) for answer in found] == said
        granted = [answer for answer in found if isinstance(answer, Granted)]
        self.granted += zip(granted, self.rules.sent[since:], strict=True)
        for blow in said:
            event(f"{blow[0]}, used up: {blow[1]}" if blow else "granted")
        for account in senders:
            self._left(account, came[account])

    def _left(self, account: UUID, came: datetime) -> None:
        """What the account is told that it has left."""
        group = self.rules.home[account]
        now, limits = self.tree.now, self.rules.limits(group)
        told = quota.left(self.session, now, account, came, self.tree.in_force(group))
        said = [
            (limit[0], limit[1], max(0, limit[2].value["sms"] - self.rules.used(account, limit, now)))
            for limit in limits
            if limit[2].value["sms"] is not None
        ]
        assert [(left.kind, left.quota.group_id, left.sms) for left in told] == said

    def _account(self, pick: int) -> UUID:
        return self.accounts[pick % len(self.accounts)]

    def _demand(self, account: UUID, came: datetime, parts: int) -> Demand:
        return Demand(account, came, self.tree.in_force(self.rules.home[account]), parts)

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
        above = self.rules.way_up(self.rules.home[self._account(pick)])
        return self.tree.groups.index(above[level % len(above)])

    def move_account(self, pick: int, to: int) -> None:
        """To another group; who was removed comes back to it."""
        account, group = self._account(pick), self.tree.group(to)
        self.people.move(self.tree.now, account, self.tree.groups.index(group))
        self.rules.home[account] = group
        self.removed.discard(account)

    def remove(self, pick: int) -> None:
        """What is removed sends nothing until it is back, which its next mail brings about."""
        account = self._account(pick)
        self.people.remove(self.tree.now, account)
        self.removed.add(account)

    def _write(self, account: UUID) -> None:
        self.people.write(self.tree.now, account)
        self.rules.home[account] = self.tree.groups[0]
        self.removed.discard(account)

    def visit(self, pick: int, parts: int, to: int) -> None:
        """To another tenant, where it sends something, and back again."""
        account = self._account(pick)
        there = self.people.leave(self.tree.now, account)
        self.tree.now += timedelta(seconds=1)
        if parts:
            demand = Demand(account, self.people.came([account])[account], there, parts)
            assert isinstance(reserve(self.session, self.tree.now, [demand])[0], Granted)
            self.rules.sent.append(Sent(account, [], parts, self.tree.now))
        self.tree.now += timedelta(seconds=1)
        self.move_account(pick, to)
        self.rules.came[account] = self.tree.now

    def unsent(self, pick: int) -> None:
        if self.granted:
            answer, sent = self.granted.pop(pick % len(self.granted))
            quota.give_back(self.session, [(answer.buckets, sent.parts)])
            sent.parts = 0

    def wait(self, how_long: str) -> None:
        self.tree.now = WAITS[how_long](self.tree.now)


@tried
@given(TREES, st.lists(PICK, min_size=1, max_size=MOST_PEOPLE), STORIES)
def test_a_quota_decides_as_counting_every_text_anew_does(
    people: People, picks: list[int], homes: list[int], steps: list[Any]
) -> None:
    tree = Tree(picks)
    story = Story(tree, people, people.ids[: len(homes)])
    for account, pick in zip(story.accounts, homes, strict=True):
        tree.rules.home[account], tree.rules.came[account] = tree.group(pick), tree.now
    savepoint = people.session.begin_nested()
    try:
        for step in steps:
            story.act(*step)
    finally:
        savepoint.rollback()
