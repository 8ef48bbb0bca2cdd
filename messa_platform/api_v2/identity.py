"""Who asks, by the key in `Authorization: Bearer msk_…` (RFC 6750)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2.resources import holder_of
from messa_platform.core.gather import Gathering
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
    """Who asks by a key: an API user."""

    holder: Holder

    @property
    def account_id(self) -> UUID:
        """The API user."""
        return self.holder.account_id

    @property
    def tenant_id(self) -> UUID:
        """Its organisation."""
        return self.holder.tenant_id


class ApiKeys:
    """The identity source of the API. Keys that come at the same time are looked up together."""

    def identify(self, request: Request) -> Caller | None:
        """The caller, by its key; asks the database once. Elsewhere than below `/v2` a key is nobody's."""
        scheme, _, word = request.headers.get("Authorization", "").strip().partition(" ")
        if not is_api(request) or scheme.lower() != "bearer" or not word.strip():
            return None
        desk: Gathering[str, Holder | None] = request.registry[_DESK]
        holder = desk.ask(word.strip())
        return None if holder is None else Caller(holder)

    def principals(self, identity: object) -> Sequence[str]:
        """A holder of each of its scopes; a browser's session, which another source knows, is none."""
        return tuple(map(holder_of, identity.holder.scopes)) if isinstance(identity, Caller) else ()


def caller(request: Request) -> Caller:
    """Who asks; a view's permission has been asked for before."""
    identity = request.identity
    assert isinstance(identity, Caller)
    return identity


_DESK = "messa.v2_keys"


def _known(runtime: Any, words: Sequence[str]) -> Sequence[Holder | None]:
    """Whose keys these are; in a transaction of its own: that they were used must not wait for what they are used for."""
    with runtime.database.unit_of_work() as session:
        return keys.recognise_many(session, runtime.clock.now(), KeyKind.V2, words)


def includeme(config: Configurator) -> None:
    """Keys tell who asks, before any session does."""
    config.registry[_DESK] = Gathering(partial(_known, config.registry["messa.runtime"]))
    config.add_identity_source(ApiKeys())
