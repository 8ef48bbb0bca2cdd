"""The root of the traversal tree. Rooms mount their resources under it with `config.add_child`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pyramid.authorization import DENY_ALL, ACLHelper, Everyone
from pyramid.config import Configurator
from pyramid.request import Request, RequestLocalCache

Child = Callable[[Request, Any], Any]
"""Makes a child resource from the request and its parent. Raises KeyError if there is none."""

_CHILDREN = "messa.children"
_SOURCES = "messa.identity_sources"
_READS_BODIES = "messa.reads_bodies"


class Resource:
    """A node of the tree: knows its name and parent, so that its lineage can be asked for permissions."""

    def __init__(self, request: Request, name: str, parent: Any) -> None:
        self.request = request
        self.__name__ = name
        self.__parent__ = parent


class Hidden:
    """Marks resources of which nobody learns that they are there but those to whom they are open: what is forbidden is not found."""


class Root(Resource):
    """The topmost resource; what no resource below allows is denied."""

    __acl__ = (DENY_ALL,)

    def __init__(self, request: Request) -> None:
        super().__init__(request, "", None)

    def __getitem__(self, name: str) -> Any:
        make = self.request.registry.get(_CHILDREN, {})[name]
        return make(self.request, self)


def add_child(config: Configurator, name: str, make: Child, *, reads_bodies: bool = False) -> None:
    """Mount resources under the root: `/<name>` is what `make` makes. `reads_bodies`: below it views take bodies as they come, and set their
    own limits; elsewhere what is sent is a page's form."""
    config.registry.setdefault(_CHILDREN, {})[name] = make
    if reads_bodies:
        config.registry.setdefault(_READS_BODIES, set()).add(name)


def reads_bodies(request: Request) -> bool:
    """Whether the request is for a place whose views take bodies as they come."""
    first = request.environ.get("PATH_INFO", "").lstrip("/").partition("/")[0]
    return first in request.registry.get(_READS_BODIES, ())


class IdentitySource(Protocol):
    """One way of knowing who asks: a room's sessions, or its keys."""

    def identify(self, request: Request) -> Any | None:
        """Who asks, or None if this way does not tell."""

    def principals(self, identity: Any) -> Sequence[str]:
        """What `identity` is in ACLs: words such as `signed-in` and `admin:<group uuid>`."""


def add_identity_source(config: Configurator, source: IdentitySource) -> None:
    """Ask `source`, after those that were added before, who asks."""
    config.registry.setdefault(_SOURCES, []).append(source)


class SecurityPolicy:
    """Who asks is told by the first identity source that knows; permissions come from the lineage's ACLs."""

    def __init__(self) -> None:
        self._acl = ACLHelper()
        self._known = RequestLocalCache(self._find)

    def _find(self, request: Request) -> tuple[Any, tuple[str, ...]]:
        for source in request.registry.get(_SOURCES, ()):
            if (identity := source.identify(request)) is not None:
                return identity, tuple(source.principals(identity))
        return None, ()

    def identity(self, request: Request) -> Any:
        return self._known.get_or_create(request)[0]

    def authenticated_userid(self, request: Request) -> str | None:
        identity = self.identity(request)
        return None if identity is None else str(identity.account_id)

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        principals = [Everyone, *self._known.get_or_create(request)[1]]
        return self._acl.permits(context, principals, permission)

    def remember(self, request: Request, userid: str, **_: Any) -> list[tuple[str, str]]:
        return []  # signing in is the portal's affair (portal.sign_in)

    def forget(self, request: Request, **_: Any) -> list[tuple[str, str]]:
        return []


def includeme(config: Configurator) -> None:
    """Set up traversal and the security policy."""
    config.set_root_factory(Root)
    config.set_security_policy(SecurityPolicy())
    config.add_directive("add_child", add_child)
    config.add_directive("add_identity_source", add_identity_source)
