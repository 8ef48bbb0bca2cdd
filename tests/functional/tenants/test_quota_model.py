"""Quotas over random trees, against a model that remembers every text and counts them anew each time (spec G6, G7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from messa_platform.core.clock import STOCKHOLM
from messa_platform.tenants import quota
from messa_platform.tenants.models import Group
from messa_platform.tenants.quota import Answer, Granted, Kind, Struck
from tests.support.world import World

START = datetime(2026, 10, 23, 15, 30, tzinfo=STOCKHOLM)  # two days before the clocks change


@dataclass
class Sent:
    """A text that went: from whom, through which groups, how long, and when."""

    account: UUID
    path: tuple[UUID, ...]
    parts: int
    at: datetime


@dataclass(frozen=True)
class Limit:
    """A limit as its group set it."""

    sms: int | None
    window_days: int | None
    since: datetime

    def counts(self, sent: Sent, now: datetime, came: datetime | None) -> bool:
        if self.window_days is None:
            return sent.at >= self.since and (came is None or sent.at >= came)
        days = now.astimezone(STOCKHOLM).date() - sent.at.astimezone(STOCKHOLM).date()
        return days.days < self.window_days


@dataclass
class Model:
    """Groups from Master down, what each has set, where each account is, since when it is in the tenant, and all that was sent."""

    paths: dict[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)
    of_group: dict[UUID, Limit] = field(default_factory=dict)
    of_account: dict[UUID, Limit] = field(default_factory=dict)
    home: dict[UUID, tuple[UUID, datetime]] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def _blow(self, kind: Kind, group: UUID, limit: Limit, used: int, parts: int) -> Struck | None:
        if limit.sms is None or (limit.sms and parts <= limit.sms - used):
            return None
        return Struck(kind, limit.sms != 0, group, self.names[group])

    def reserve(self, account: UUID, parts: int, now: datetime) -> Struck | None:
        group, came = self.home[account]
        path = self.paths[group]
        for above in [g for g in reversed(path) if g in self.of_account][:1]:
            limit = self.of_account[above]
            used = sum(s.parts for s in self.sent if s.account == account and limit.counts(s, now, came))
            if blow := self._blow(Kind.PERSONAL, above, limit, used, parts):
                return blow
        for above in [g for g in reversed(path) if g in self.of_group]:
            limit = self.of_group[above]
            used = sum(s.parts for s in self.sent if above in s.path and limit.counts(s, now, None))
            if blow := self._blow(Kind.GROUP, above, limit, used, parts):
                return blow
        self.sent.append(Sent(account, path, parts, now))
        return None


QUOTA = st.tuples(st.sampled_from([None, 0, 1, 3, 3, 5, 8]), st.sampled_from([None, None, 1, 2, 7]))
ANY = st.integers(0, 1_000)
ACTIONS = st.lists(
    st.tuples(st.just("send"), ANY, st.lists(st.integers(1, 3), min_size=1, max_size=4))
    | st.tuples(st.just("send"), ANY, st.lists(st.integers(1, 3), min_size=1, max_size=4))
    | st.tuples(st.just("limit"), ANY, QUOTA)
    | st.tuples(st.just("limit_accounts"), ANY, QUOTA)
    | st.tuples(st.just("move"), ANY, ANY)
    | st.tuples(st.just("visit"), ANY, ANY)
    | st.tuples(st.just("unsent"), ANY, st.none())
    | st.tuples(st.just("wait"), st.sampled_from([1, 5, 9, 14, 24, 50]), st.none()),
    min_size=4,
    max_size=25,
)
TREES = st.lists(ANY, min_size=0, max_size=5)

_slugs = count()


@dataclass
class Play:
    """One random story, told to the model and to the platform."""

    world: World
    elsewhere: Group
    model: Model = field(default_factory=Model)
    groups: list[Group] = field(default_factory=list)
    accounts: list[UUID] = field(default_factory=list)
    granted: list[tuple[Granted, Sent]] = field(default_factory=list)

    def plant(self, tree: list[int]) -> None:
        """Groups, each under one that was there before it, and an account in each."""
        slug = f"kommun-{next(_slugs)}"
        self._add(self.world.tenant(slug), None)
        for index, pick in enumerate(tree):
            parent = self.groups[pick % len(self.groups)]
            self._add(self.world.group(parent, f"Grupp {index}"), parent)
        for index, group in enumerate(self.groups):
            account = self.world.account(group, f"konto{index}@{slug}.example")
            self.accounts.append(account)
            self.model.home[account] = (group.id, self.now)

    def _add(self, group: Group, parent: Group | None) -> None:
        self.groups.append(group)
        self.model.paths[group.id] = (*(self.model.paths[parent.id] if parent else ()), group.id)
        self.model.names[group.id] = group.name

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def act(self, action: str, pick: int, detail: Any) -> None:
        self.world.clock.move(timedelta(seconds=1))
        getattr(self, action)(pick, detail)

    def send(self, pick: int, parts: list[int]) -> None:
        account = self.accounts[pick % len(self.accounts)]
        wanted = [self.model.reserve(account, p, self.now) for p in parts]
        sent = iter(self.model.sent[len(self.model.sent) - wanted.count(None) :])
        answers = self.world.reserve(account, *parts)
        assert [_blow(answer) for answer in answers] == wanted
        self.granted += [(answer, next(sent)) for answer in answers if isinstance(answer, Granted)]
        for blow in wanted:
            event(f"{blow.kind}, used up: {blow.used_up}" if blow else "granted")

    def limit(self, pick: int, detail: tuple[int | None, int | None]) -> None:
        group = self.groups[pick % len(self.groups)]
        self.world.group_quota(group, *detail)
        self.model.of_group[group.id] = Limit(*detail, self.now)

    def limit_accounts(self, pick: int, detail: tuple[int | None, int | None]) -> None:
        group = self.groups[pick % len(self.groups)]
        self.world.account_quota(group, *detail)
        self.model.of_account[group.id] = Limit(*detail, self.now)

    def move(self, pick: int, to: int) -> None:
        account, group = self.accounts[pick % len(self.accounts)], self.groups[to % len(self.groups)]
        self.world.move_account(account, group)
        self.model.home[account] = (group.id, self.model.home[account][1])

    def visit(self, pick: int, to: int) -> None:
        """To another tenant, and back."""
        account, group = self.accounts[pick % len(self.accounts)], self.groups[to % len(self.groups)]
        self.world.move_account(account, self.elsewhere)
        self.world.clock.move(timedelta(seconds=1))
        self.world.move_account(account, group)
        self.model.home[account] = (group.id, self.now)

    def unsent(self, pick: int, _: None) -> None:
        if self.granted:
            answer, sent = self.granted.pop(pick % len(self.granted))
            with self.world.database.unit_of_work() as session:
                quota.give_back(session, [(answer.buckets, sent.parts)])
            sent.parts = 0

    def wait(self, hours: int, _: None) -> None:
        self.world.clock.move(timedelta(hours=hours))


def _blow(answer: Answer) -> Struck | None:
    return answer if isinstance(answer, Struck) else None


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(TREES, ACTIONS)
def test_every_answer_is_the_one_that_counting_all_texts_anew_gives(
    world: World, tree: list[int], actions: list[tuple[str, int, Any]]
) -> None:
    world.clock.at = START
    play = Play(world, world.tenant(f"annan-{next(_slugs)}"))
    play.plant(tree)
    for action in actions:
        play.act(*action)
