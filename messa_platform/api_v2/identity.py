"""Who asks, by the key in `Authorization: Bearer msk_…` (RFC 6750)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2.resources import holder_of
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.keys import Holder
from messa_platform.tenants.api_users.models import KeyKind

PREFIX = "/v2"


def is_api(request: Request) -> bool:
    """Whether the request is for the API."""
    path: str = request.environ.get("PATH_INFO", "")
    return path == PREFIX or path.startswith(f"{PREFIX}/")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks by a key: an API user. It is no operator, whoever made its key."""

    holder: Holder
    is_operator: bool = False
    admin_of: frozenset[UUID] = frozenset()

    @property
    def account_id(self) -> UUID:
        """The API user."""
        return self.holder.account_id

    @property
    def tenant_id(self) -> UUID:
        """Its organisation."""
        return self.holder.tenant_id


class ApiKeys:
    """The identity source of the API."""

    def identify(self, request: Request) -> Caller | None:
        """The caller, by its key; asks the database once. Elsewhere than below `/v2` a key is nobody's."""
        scheme, _, word = request.headers.get("Authorization", "").strip().partition(" ")
        if not is_api(request) or scheme.lower() != "bearer" or not word.strip():
            return None
        runtime = request.registry["messa.runtime"]
        # in a transaction of its own: that it was used must not wait for what it is used for
        with runtime.database.unit_of_work() as session:
            holder = keys.recognise(session, runtime.clock.now(), KeyKind.V2, word.strip())
        return None if holder is None else Caller(holder)

    def principals(self, identity: object) -> Sequence[str]:
        """A holder of each of its scopes; a browser's session, which another source knows, is none."""
        return tuple(map(holder_of, identity.holder.scopes)) if isinstance(identity, Caller) else ()


def caller(request: Request) -> Caller:
    """Who asks; a view's permission has been asked for before."""
    identity = request.identity
    assert isinstance(identity, Caller)
    return identity


def includeme(config: Configurator) -> None:
    """Keys tell who asks, before any session does."""
    config.add_identity_source(ApiKeys())
