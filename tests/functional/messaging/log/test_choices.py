"""What a search of the log can be narrowed to is what a plain filter over the messages finds, by whichever way it is looked for (spec L1)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.messaging.log import choices, suggestions, summary, total
from messa_platform.messaging.log.asked import Asked, Scope
from messa_platform.messaging.log.suggestions import MOST
from messa_platform.messaging.log.written import beginnings
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.tenants.models import Group
from tests.support.forest import grow
from tests.support.observe import statements
from tests.support.town_log import Entry, write_down
from tests.support.world import World

STATUSES = (
    Status.DELIVERED,
    Status.DELIVERED,
    Status.UNDELIVERED,
    Status.INCOMING,
    Status.UNSENT,
    Status.SENT,
)
SPAN = 120
"""Days over which the messages lie."""


@dataclass
class Shelf:
    """A tenant's messages of some months, folded in part, and those of another tenant that must never show."""

    world: World
    groups: list[Group]
    people: dict[UUID, str]
    entries: list[Entry]
    today: date

    def ago(self, days: int) -> datetime:
        """The beginning of a day, so many days ago."""
        return start_of_stockholm_day(self.today - timedelta(days=days))

    def those(self, asked: Asked, *but: str) -> list[Entry]:
        """The messages that are asked for, whatever these columns are narrowed to."""
        ids = asked.scope.group_ids

        def fits(name: str, value: Any) -> bool:
            wanted = getattr(asked, name)
            return name in but or wanted is None or wanted == value

        return [
            e
            for e in self.entries
            if e.group.tenant_id == asked.scope.tenant_id
            and (ids is None or e.group.id in ids)
            and asked.since <= e.at < asked.until
            and fits("group_id", e.group.id)
            and fits("account_id", e.account_id)
            and fits("remote", e.remote)
            and fits("direction", Direction.IN if e.is_incoming else Direction.OUT)
            and fits("status", e.status)
            and fits("parts", e.charged)
        ]

    def run(self, find: Callable[[Session], Any]) -> Any:
        with self.world.database.unit_of_work() as session:
            return find(session)


@pytest.fixture
def shelf(world: World) -> Shelf:
    chance = random.Random(5)
    master = world.tenant()
    groups = [master, *(world.group(master, f"Grupp {n}") for n in range(5))]
    other = world.tenant("annan", "Annan kommun")
    people = {}
    for number, group in enumerate([*groups, other]):
        for name in ("anna", "bo"):
            address = f"{name}{number}@{group.slug}.example"
            people[world.account(group, address)] = address
    accounts = list(people)
    today = stockholm_day(world.clock.now())
    entries = []
    for _ in range(400):
        place = chance.choice([*range(len(groups)), len(groups)])
        entries.append(
            Entry(
                [*groups, other][place],
                # now and then somebody who has moved here since
                chance.choice(accounts)
                if place < len(groups) and chance.random() < 0.1
                else accounts[2 * place + chance.randrange(2)],
                datetime.now(UTC).replace(hour=9, microsecond=0)
                - timedelta(days=chance.randrange(1, SPAN), minutes=chance.randrange(500)),
                chance.choice([*(f"+4670174{n:04}" for n in range(25)), "+4618681605", "Banken", "0701"]),
                chance.choice(STATUSES),
                parts=chance.randrange(1, 4),
            )
        )
    write_down(world, entries[:300])
    with world.database.unit_of_work() as session:
        summary.fold(session)
    write_down(world, entries[300:])
    return Shelf(world, groups, people, entries, today)


@st.composite
def searches(draw: st.DrawFn) -> dict[str, Any]:
    """A search: from how many days ago to how many, and what it is narrowed to, by its place in what there is."""
    first = draw(st.integers(0, SPAN))
    narrowed = {
        "first": first,
        "last": draw(st.integers(0, first)),
        "scope": draw(st.sampled_from(["all", "some", "one"])),
    }
    for name, most in (
        ("group_id", 5),
        ("account_id", 13),
        ("remote", 27),
        ("direction", 1),
        ("status", 5),
        ("parts", 3),
    ):
        narrowed[name] = draw(st.none() | st.integers(0, most))
    return narrowed


def asked_of(shelf: Shelf, search: dict[str, Any]) -> Asked:
    groups = [g.id for g in shelf.groups]
    ids = {"all": None, "some": tuple(sorted(groups[1:4])), "one": (groups[2],)}[search["scope"]]
    remotes = sorted({e.remote for e in shelf.entries})
    known = {
        "group_id": groups,
        "account_id": list(shelf.people),
        "remote": remotes,
        "direction": list(Direction),
        "status": [*dict.fromkeys(STATUSES), Status.BLOCKED],
        "parts": [0, 1, 2, 3],
    }
    narrowed = {
        name: values[search[name] % len(values)] for name, values in known.items() if search[name] is not None
    }
    if ids is not None and narrowed.get("group_id") not in (None, *ids):
        narrowed["group_id"] = ids[0]
    scope = Scope(shelf.groups[0].tenant_id, ids)
    return Asked(scope, shelf.ago(search["first"]), shelf.ago(search["last"] - 1), **narrowed)


ALL = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ALL
@given(search=searches())
def test_columns_offer_what_is_there_with_the_others_as_they_are(
    shelf: Shelf, search: dict[str, Any]
) -> None:
    asked = asked_of(shelf, search)
    found = shelf.run(lambda session: choices.choices(session, asked, total.told(session, asked)))
    assert found.groups is not None
    groups = {e.group.id for e in shelf.those(asked, "group_id")}
    assert [g.id for g in found.groups] == [
        g.id for g in sorted(shelf.groups, key=lambda g: g.sort_key) if g.id in groups
    ]
    directions = {Direction.IN if e.is_incoming else Direction.OUT for e in shelf.those(asked, "direction")}
    assert set(found.directions) == directions
    assert set(found.statuses) == {e.status for e in shelf.those(asked, "status")}
    assert list(found.parts) == sorted({e.charged for e in shelf.those(asked, "parts")})


@ALL
@given(search=searches())
def test_the_total_is_what_is_counted(shelf: Shelf, search: dict[str, Any]) -> None:
    asked = asked_of(shelf, search)
    known = shelf.run(lambda session: total.total(asked, total.told(session, asked)))
    found = shelf.those(asked)
    if asked.is_plain:
        assert (known.messages, known.parts) == (len(found), sum(e.charged for e in found))
    else:
        assert known is None


def test_where_the_days_are_not_stockholms_the_summaries_cannot_tell(shelf: Shelf) -> None:
    asked = Asked(Scope(shelf.groups[0].tenant_id, None), shelf.ago(9), shelf.ago(2) + timedelta(hours=1))
    assert shelf.run(lambda session: total.total(asked, total.told(session, asked))) is None


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-03-05", "2026-04-30", [("2026-03-05", "2026-04-30", False)]),
        ("2026-01-01", "2026-03-31", [("2026-01-01", "2026-03-31", True)]),
        ("2026-01-02", "2026-03-31", [("2026-01-02", "2026-01-31", False), ("2026-02-01", "2026-03-31", True)]),
        ("2025-12-31", "2026-04-01",
         [("2025-12-31", "2025-12-31", False), ("2026-01-01", "2026-03-31", True), ("2026-04-01", "2026-04-01", False)]),
    ],
)  # fmt: skip
def test_a_long_time_is_its_whole_months_and_its_ends(
    first: str, last: str, expected: list[tuple[str, str, bool]]
) -> None:
    found = total.pieces(date.fromisoformat(first), date.fromisoformat(last))
    assert [(str(p.first), str(p.last), p.is_months) for p in found] == expected


# While something is written


WAYS = (20_000, 60, 1)
"""How many messages may be looked at: all of them, some, and one, which leaves the ways of those who have many."""


def in_order(values: Iterable[str]) -> list[str]:
    return sorted(set(values))[: MOST + 1]


@pytest.mark.parametrize("few", WAYS)
@ALL
@given(search=searches(), begun=st.sampled_from(["", "+46", "+4670174000", "+461", "B", "x", "+4670174001"]))
def test_numbers_are_those_of_the_messages_that_begin_so(
    shelf: Shelf, few: int, search: dict[str, Any], begun: str
) -> None:
    asked = asked_of(shelf, search)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suggestions, "FEW", few)
        found = shelf.run(lambda session: suggestions.numbers(session, asked, [begun]))
    there = in_order(
        e.remote
        for e in shelf.those(asked, "remote", "direction", "status", "parts")
        if e.remote.startswith(begun)
    )
    assert found == sorted(found)
    assert set(found) <= set(there)
    if few == max(WAYS) or (
        asked.account_id is None and asked.scope.group_ids is None and asked.group_id is None
    ):
        assert found == there


@pytest.mark.parametrize("few", WAYS)
@ALL
@given(search=searches(), words=st.sampled_from(["", "anna", "BO", "bo1", "example", "nobody"]))
def test_addresses_are_those_who_have_messages(
    shelf: Shelf, few: int, search: dict[str, Any], words: str
) -> None:
    asked = asked_of(shelf, search)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suggestions, "FEW", few)
        found = shelf.run(lambda session: suggestions.addresses(session, asked, words))
    theirs = [
        shelf.people[e.account_id] for e in shelf.those(asked, "account_id", "direction", "status", "parts")
    ]
    anywhere = in_order(a for a in theirs if words.lower() in a)
    beginning = in_order(a for a in theirs if a.startswith(words.lower()))
    assert found == sorted(found)
    assert set(beginning) <= set(found) or (asked.remote is not None and few < max(WAYS))
    assert set(found) <= set(anywhere)
    if few == max(WAYS):
        assert found == anywhere


def test_of_many_fifty_and_one_are_given(shelf: Shelf) -> None:
    world, master = shelf.world, shelf.groups[0]
    groups = grow(world, master, (60,), "Avdelning")[0]
    people = [world.account(group, f"p{n:02}@avdelning.example") for n, group in enumerate(groups)]
    at = shelf.ago(1)
    write_down(
        world, [Entry(g, p, at, f"+4673{n:07}") for n, (g, p) in enumerate(zip(groups, people, strict=True))]
    )
    asked = Asked(Scope(master.tenant_id, None), shelf.ago(2), shelf.ago(0))
    assert shelf.run(lambda s: choices.choices(s, asked, total.told(s, asked))).groups is None
    assert len(shelf.run(lambda s: choices.groups(s, asked, "avd"))) == MOST + 1
    assert len(shelf.run(lambda s: choices.called(s, asked.scope, "avd"))) == MOST + 1
    assert shelf.run(lambda s: suggestions.numbers(s, asked, ["+4673"])) == [
        f"+4673{n:07}" for n in range(MOST + 1)
    ]
    assert shelf.run(lambda s: suggestions.addresses(s, asked, "avdelning")) == [
        f"p{n:02}@avdelning.example" for n in range(MOST + 1)
    ]


def test_a_number_asked_for_by_several_beginnings_comes_once(shelf: Shelf) -> None:
    asked = Asked(Scope(shelf.groups[0].tenant_id, None), shelf.ago(SPAN), shelf.ago(0))
    found = shelf.run(lambda s: suggestions.numbers(s, asked, ["+4618", "+46186", "Bank"]))
    assert found == ["+4618681605", "Banken"]


def test_a_group_that_is_called_just_so_hides_those_with_longer_names(shelf: Shelf) -> None:
    world = shelf.world
    world.group(shelf.groups[0], "Grupp 11")
    scope = Scope(shelf.groups[0].tenant_id, None)
    assert [g.name for g in shelf.run(lambda s: choices.called(s, scope, "grupp  1"))] == ["Grupp 1"]
    assert [g.name for g in shelf.run(lambda s: choices.called(s, scope, "rupp 1"))] == [
        "Grupp 1",
        "Grupp 11",
    ]
    assert (
        shelf.run(lambda s: choices.called(s, Scope(scope.tenant_id, (shelf.groups[3].id,)), "Grupp 1")) == []
    )


def test_names_are_put_to_the_scopes_groups_alone(shelf: Shelf) -> None:
    tenant_id, inside, outside = shelf.groups[0].tenant_id, shelf.groups[1], shelf.groups[2]
    scope = Scope(tenant_id, (inside.id,))
    found = shelf.run(lambda s: choices.named(s, scope, [inside.id, outside.id, uuid4()]))
    assert [g.id for g in found] == [inside.id]


def test_who_has_never_sent_from_the_scope_is_nobody_there(shelf: Shelf) -> None:
    account_id, address = next(iter(shelf.people.items()))
    everywhere, elsewhere = (Scope(shelf.groups[0].tenant_id, ids) for ids in (None, ()))
    assert shelf.run(lambda s: suggestions.sender(s, everywhere, account_id)).address == address
    assert (
        shelf.run(lambda s: suggestions.senders_called(s, everywhere, address.upper()))[0].account_id
        == account_id
    )
    for scope in (elsewhere, Scope(uuid4(), None)):
        assert shelf.run(lambda s, scope=scope: suggestions.sender(s, scope, account_id)) is None
        assert shelf.run(lambda s, scope=scope: suggestions.senders_called(s, scope, address)) == []


def test_the_choices_of_a_page_take_one_statement_each(shelf: Shelf) -> None:
    asked = Asked(Scope(shelf.groups[0].tenant_id, None), shelf.ago(29), shelf.ago(-1))
    with statements(shelf.world.database.engine) as seen:
        shelf.run(lambda s: choices.choices(s, asked, total.told(s, asked)))
    assert len(seen) == 2


# As people write numbers


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("+46 70-174", ["+4670174"]),
        ("0046 70", ["+4670"]),
        ("070-174", ["+4670174"]),
        ("+46 (0)70 174", ["+4670174"]),
        ("70174", ["+70174", "+4670174"]),
        ("Banken", ["Banken"]),
        ("", [""]),
        ("٠٧٠", ["٠٧٠"]),
    ],
)
def test_a_number_begins_as_it_is_meant(written: str, expected: list[str]) -> None:
    assert beginnings(written, "46")[: len(expected)] == expected


def test_what_was_no_number_is_found_as_it_was_written() -> None:
    assert "0701" in beginnings("0701", "46")
    assert "07-01" in beginnings("07-01", "46")
