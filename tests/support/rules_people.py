"""People who come to a tenant, move in it, are removed and come back, as the platform does it; for tests against `rules_model`.

They stand in the database with as many groups as a random tree has at most. What is set in those groups, and which stands below which, is
told by the tree: here all stand beside each other.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants import accounts
from messa_platform.tenants.accounts import Newcomer
from messa_platform.tenants.audit import SYSTEM
from messa_platform.tenants.group_settings import GroupNode, InForce, in_force
from messa_platform.tenants.models import Account, Domain, Group, Tenant
from messa_platform.tenants.people import moving
from messa_platform.tenants.people.moving import Comer
from messa_platform.tenants.people.plan import find_held
from messa_platform.tenants.places import Place
from tests.support.rules_trees import MOST_GROUPS, START, TENANT

_CAME = text("SELECT id, tenant_since FROM account WHERE id = ANY(CAST(:ids AS uuid[]))")


class People:
    """So many accounts, all in the first group since `START`, whose domain brings them back there."""

    def __init__(self, session: Session, count: int) -> None:
        self.session = session
        self.ids = [new_id() for _ in range(count)]
        self._groups = [new_id() for _ in range(MOST_GROUPS)]
        self._elsewhere = [new_id(), new_id()]
        self._plant("kommun", TENANT, self._groups)
        self._plant("annan", self._elsewhere[0], self._elsewhere[1:])
        home = {"tenant_id": TENANT, "group_id": self._groups[0]}
        domain = {"id": new_id(), **home, "name": "kommun.example", "state": "verified"}
        insert_rows(session, cast(Table, Domain.__table__), [domain])
        since = {"group_since": START, "tenant_since": START}
        rows = [{"id": i, **home, **since, "address": _address(i)} for i in self.ids]
        insert_rows(session, cast(Table, Account.__table__), rows)

    def _plant(self, slug: str, tenant_id: UUID, groups: Collection[UUID]) -> None:
        tenant = {"id": tenant_id, "slug": slug, "name": slug, "state": "active", "language": "sv"}
        insert_rows(self.session, cast(Table, Tenant.__table__), [{**tenant, "is_free": False}])
        rows: list[dict[str, Any]] = [
            {"id": g, "tenant_id": tenant_id, "path": g.hex, "slug": g.hex, "name": slug, "sort_key": slug}
            for g in groups
        ]
        insert_rows(self.session, cast(Table, Group.__table__), rows)

    def came(self, ids: Collection[UUID]) -> dict[UUID, datetime]:
        """Since when each is in the tenant, as the platform knows it."""
        return {row.id: row.tenant_since for row in self.session.execute(_CAME, {"ids": list(ids)})}

    def move(self, now: datetime, account: UUID, group: int) -> None:
        """To the group of this place in the tree, from wherever it is, or back to it."""
        self._bring(now, account, TENANT, self._groups[group])

    def leave(self, now: datetime, account: UUID) -> InForce:
        """To another tenant; gives what is in force there."""
        tenant_id, group = self._elsewhere
        self._bring(now, account, tenant_id, group)
        return in_force(tenant_id, [GroupNode(group, "Master", {})])

    def _bring(self, now: datetime, account: UUID, tenant_id: UUID, group: UUID) -> None:
        address = _address(account)
        comer = Comer(address, find_held(self.session, [address])[address])
        place = Place(group, tenant_id, None, group.hex, "", "", 1)
        moving.bring(self.session, now, SYSTEM, place, [comer])

    def remove(self, now: datetime, account: UUID) -> None:
        """An admin removes it."""
        moving.part(self.session, now, SYSTEM, [account], block=False)

    def write(self, now: datetime, account: UUID) -> None:
        """Its mail comes: who was removed is back, in the first group."""
        writers = {_address(account): Newcomer("", None)}
        accounts.find_or_create(self.session, now, writers, bring_back=True)


def _address(account: UUID) -> str:
    return f"{account.hex}@kommun.example"
