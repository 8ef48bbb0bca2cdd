"""API users and their keys, made in a sentence each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.keys import Holder, Made, Wish
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import ApiUser
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import Place, place_of
from tests.support.world import World


@dataclass(frozen=True)
class Keyring:
    """Makes and changes API users of a world's groups, as their admins."""

    world: World

    def place(self, group: Group) -> Place:
        """Where a group stands."""
        found = self._do(lambda session: place_of(session, group.tenant_id, group.id))
        assert isinstance(found, Place)
        return found

    def author(self, group: Group) -> Author:
        """The admin of a group."""
        return self.world.author(group)

    def create(self, group: Group, name: str = "Larmsystemet", author: Author | None = None) -> Any:
        """What comes of making an API user."""
        place, who = self.place(group), author or self.author(group)
        return self._do(lambda session: users.create(session, self.world.clock.now(), who, place, name))

    def user(self, group: Group, name: str = "Larmsystemet") -> ApiUser:
        """A new API user."""
        made = self.create(group, name)
        assert isinstance(made, ApiUser), made
        return made

    def change(
        self, what: Callable[..., Any], group: Group, *arguments: Any, author: Author | None = None
    ) -> Any:
        """What comes of one of the services that change an API user or its keys, by the group's admin."""
        place, who = self.place(group), author or self.author(group)
        return self._do(lambda session: what(session, self.world.clock.now(), who, place, *arguments))

    def key(self, group: Group, user: ApiUser, kind: KeyKind = KeyKind.SESSION, **values: Any) -> Made:
        """A new key; one of v2 has every scope unless some are named."""
        scopes = values.pop("scopes", frozenset(Scope) if kind is KeyKind.V2 else frozenset())
        made = self.change(keys.make, group, user.id, Wish(kind, scopes=frozenset(scopes), **values))
        assert isinstance(made, Made), made
        return made

    def recognise(
        self, word: str, kind: KeyKind = KeyKind.SESSION, later: timedelta = timedelta()
    ) -> Holder | None:
        """Who is known by a key."""
        at = self.world.clock.now() + later
        return self._do(lambda session: keys.recognise(session, at, kind, word))  # type: ignore[no-any-return]

    def keys_of(self, user_id: UUID) -> list[Any]:
        """The rows of an API user's keys."""
        return self.world.rows("SELECT * FROM api_key WHERE account_id = :id ORDER BY id", id=user_id)

    def _do(self, what: Callable[[Session], Any]) -> Any:
        with self.world.database.unit_of_work() as session:
            return what(session)
