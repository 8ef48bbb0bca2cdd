"""Settings changed by random admins in random trees: what `support/rules_model` lets them, and nobody's rights but those of admins below them
(spec G2, G3, G12).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.tenants.admin_models import Actor, GroupAdmin
from messa_platform.tenants.audit import Author
from messa_platform.tenants.group_settings import NO_LIMIT, Key
from messa_platform.tenants.models import Account, Lock
from messa_platform.tenants.places import Place
from messa_platform.tenants.set_settings import INHERIT, Conflict, NotAllowed, Wish, change
from tests.support.rules_model import Row
from tests.support.rules_trees import (
    DEEPEST,
    EXAMPLES,
    LOCKS,
    PICK,
    TENANT,
    Tree,
    of_keys,
    plant,
    tried,
)

LEVEL = st.integers(0, DEEPEST - 1)
# few keys, so that groups above and below each other speak of the same
KEYS = (Key.SIGNATURE, Key.GROUP_QUOTA)
WISHES = st.lists(
    st.tuples(
        PICK,
        LEVEL,
        of_keys(KEYS),
        st.sampled_from(["set", "set", "set", "inherit", "clear"]),
        LOCKS,
        st.sampled_from([0, 0, 0, 1]),
    ),
    min_size=3,
    max_size=10,
)

Right = tuple[UUID, UUID, Key]
"""That an admin of the first group may change a setting of the second."""


class Play:
    """Admins who change settings, one after the other. After each the model is told what stands in the database."""

    def __init__(self, session: Session, tree: Tree) -> None:
        self.session, self.tree, self.rules = session, tree, tree.rules
        self.versions: dict[tuple[UUID, Key], int] = {}
        plant(session, tree)
        self.admins = {group: new_id() for group in tree.groups}
        self._appoint()

    def _appoint(self) -> None:
        """An admin for each group."""
        accounts, rows = [], []
        for group, account in self.admins.items():
            home = {"tenant_id": TENANT, "group_id": group}
            accounts.append({**home, "id": account, "address": f"admin@{group.hex}.example"})
            rows.append({**home, "account_id": account})
        insert_rows(self.session, cast(Table, Account.__table__), accounts)
        insert_rows(self.session, cast(Table, GroupAdmin.__table__), rows)

    def rights(self) -> set[Right]:
        return {
            (admin_of, group, key)
            for group in self.tree.groups
            for admin_of in self.rules.way_up(group)
            for key in KEYS
            if self.rules.may_change(admin_of, group, key)
        }

    def change(self, group: UUID, admin_of: UUID, key: Key, wish: Wish) -> Any:
        way = self.rules.way_up(group)[::-1]
        path = [self._place(way[: depth + 1]) for depth in range(len(way))]
        author = Author(Actor.ADMIN, self.admins[admin_of], "admin@kommun.example", admin_of)
        return change(self.session, self.tree.now, author, path, {key: wish}, lambda session, actor: None)

    def _place(self, way: list[UUID]) -> Place:
        name, parent = self.tree.name(way[-1]), way[-2] if len(way) > 1 else None
        return Place(way[-1], TENANT, parent, ".".join(g.hex for g in way), name, name, 1)

    def look(self) -> None:
        """Tell the model what stands there now."""
        rows = self.session.execute(
            text("SELECT group_id, key, value, lock, authority_id, set_at, version FROM group_setting")
        ).all()
        ours = [row for row in rows if row.group_id in self.rules.parent]
        self.rules.own = {
            (r.group_id, Key(r.key)): Row(r.value, Lock(r.lock), r.authority_id, r.set_at) for r in ours
        }
        self.versions = {(r.group_id, Key(r.key)): r.version for r in ours}

    def entries(self) -> int:
        """Lines in the audit log."""
        return int(self.session.execute(text("SELECT count(*) FROM audit_entry")).scalar_one())


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A transaction that is never committed."""
    with database.sessions() as opened:
        yield opened
        opened.rollback()


@settings(tried, max_examples=EXAMPLES // 5)
@given(st.lists(PICK, max_size=6), WISHES)
def test_a_change_is_what_the_rules_allow_and_touches_nobodys_rights_but_those_of_admins_below(
    session: Session, picks: list[int], wishes: list[Any]
) -> None:
    session.rollback()  # what the last tree left
    play = Play(session, Tree(picks))
    for pick, level, (key, value), deed, lock, late in wishes:
        group = play.tree.group(pick)
        above = play.rules.way_up(group)
        wish = Wish(
            INHERIT if deed == "inherit" else dict(NO_LIMIT) if value is None else value,
            Lock.SUBADMIN if lock is Lock.ALL and key is not Key.SIGNATURE else lock,
            play.versions.get((group, key), 0) + late,
            clear_below=deed == "clear",
        )
        follow(play, group, above[level % len(above)], key, wish)


def follow(play: Play, group: UUID, admin_of: UUID, key: Key, wish: Wish) -> None:
    """One change, and what must be so after it."""
    rules, own, rights, entries = play.rules, dict(play.rules.own), play.rights(), play.entries()
    outcome = play.change(group, admin_of, key, wish)
    play.look()
    event(type(outcome).__name__)
    assert isinstance(outcome, NotAllowed) == ((admin_of, group, key) not in rights)
    if isinstance(outcome, NotAllowed | Conflict):
        assert (rules.own, play.entries()) == (own, entries)
        return
    gone = {place for place in own.keys() - rules.own.keys() if place != (group, key)}
    assert play.entries() == entries + len(outcome.keys) + outcome.cleared
    assert outcome.cleared == len(gone)

    # what was wished is so, and nothing else was touched
    row = rules.own.get((group, key))
    assert row is None if wish.value is INHERIT else row is not None and row.value == wish.value
    rest = {place: row for place, row in rules.own.items() if place != (group, key)}
    assert rest == {place: row for place, row in own.items() if place != (group, key) and place not in gone}

    # those of the groups below inherit, which the admin was allowed to change
    below = {(g, k) for g, k in own if k is key and group in rules.way_up(g)[1:]}
    assert gone == ({(g, k) for g, k in below if (admin_of, g, k) in rights} if wish.clear_below else set())

    # nobody but admins below the author have other rights than before; and a lock binds them all
    bound = {right for right in rights ^ play.rights() if admin_of not in rules.way_up(right[0])[1:]}
    assert bound == set()
    if wish.value is not INHERIT and wish.lock is Lock.LOCKED:
        assert not [
            r
            for r in play.rights()
            if r[2] is key and group in rules.way_up(r[1]) and admin_of in rules.way_up(r[0])[1:]
        ]
