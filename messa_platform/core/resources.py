"""The root of the traversal tree. Rooms mount their resources under it with `config.add_child`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.authorization import DENY_ALL, ACLHelper
from pyramid.config import Configurator
from pyramid.request import Request

Child = Callable[[Request, Any], Any]
"""Makes a child resource from the request and its parent. Raises KeyError if there is none."""

_CHILDREN = "messa.children"


class Resource:
    """A node of the tree: knows its name and parent, so that its lineage can be asked for permissions."""

    def __init__(self, request: Request, name: str, parent: Any) -> None:
        self.request = request
        self.__name__ = name
        self.__parent__ = parent


class Root(Resource):
    """The topmost resource; what no resource below allows is denied."""

    __acl__ = (DENY_ALL,)

    def __init__(self, request: Request) -> None:
        super().__init__(request, "", None)

    def __getitem__(self, name: str) -> Any:
        make = self.request.registry.get(_CHILDREN, {})[name]
        return make(self.request, self)


def add_child(config: Configurator, name: str, make: Child) -> None:
    """Mount resources under the root: `/<name>` is what `make` makes."""
    config.registry.setdefault(_CHILDREN, {})[name] = make


class SecurityPolicy:
    """Permissions come from the lineage's ACLs; nobody is signed in as yet but by a room's own means."""

    def __init__(self) -> None:
        self._acl = ACLHelper()

    def identity(self, request: Request) -> None:
        return None

    def authenticated_userid(self, request: Request) -> None:
        return None

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        return self._acl.permits(context, ["system.Everyone"], permission)

    def remember(self, request: Request, userid: str, **_: Any) -> list[tuple[str, str]]:
        return []

    def forget(self, request: Request, **_: Any) -> list[tuple[str, str]]:
        return []


def includeme(config: Configurator) -> None:
    """Set up traversal and the security policy."""
    config.set_root_factory(Root)
    config.set_security_policy(SecurityPolicy())
    config.add_directive("add_child", add_child)
