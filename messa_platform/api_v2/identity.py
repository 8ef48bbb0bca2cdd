"""Who asks, by the key in `Authorization: Bearer msk_…` (RFC 6750)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2.resources import holder_of
from messa_platform.core.gather import Gathering
from messa_platform.core.pipeline import at_commit
from messa_platform.messaging.grounds import Grounds, ask
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
    """Who asks by a key: an API user. `grounds` are those on which a text of its is judged, where it asks to send one."""

    holder: Holder
    grounds: Grounds | None = None

    @property
    def account_id(self) -> UUID:
        """The API user."""
        return self.holder.account_id

    @property
    def tenant_id(self) -> UUID:
        """Its organisation."""
        return self.holder.tenant_id


class ApiKeys:
    """The identity source of the API. Keys that come at the same time are looked up together, in one round trip."""

    def identify(self, request: Request) -> Caller | None:
        """The caller, by its key; asks the database once. Elsewhere than below `/v2` a key is nobody's."""
        scheme, _, word = request.headers.get("Authorization", "").strip().partition(" ")
        if not is_api(request) or scheme.lower() != "bearer" or not word.strip():
            return None
        desk: Gathering[_Shown, Caller | None] = request.registry[_DESK]
        sends = request.method == "POST" and getattr(request.context, "takes_texts", False)
        return desk.ask(_Shown(word.strip(), sends))

    def principals(self, identity: object) -> Sequence[str]:
        """A holder of each of its scopes; a browser's session, which another source knows, is none."""
        return tuple(map(holder_of, identity.holder.scopes)) if isinstance(identity, Caller) else ()


def caller(request: Request) -> Caller:
    """Who asks; a view's permission has been asked for before."""
    identity = request.identity
    assert isinstance(identity, Caller)
    return identity


@dataclass(frozen=True, slots=True)
class _Shown:
    """A key that somebody shows; `sends`: to send a text."""

    word: str
    sends: bool


_DESK = "messa.v2_keys"


def _known(runtime: Any, shown: Sequence[_Shown]) -> Sequence[Caller | None]:
    """Whose keys these are; in a transaction of its own: that they were used must not wait for what they are used for."""
    sending = {s.word for s in shown if s.sends}
    with runtime.database.unit_of_work() as session:
        last = at_commit(session)
        recognised = keys.ask_recognised(last, runtime.clock.now(), KeyKind.V2, [s.word for s in shown])
        asked = ask(last, keys.whose(sending)) if sending else None
    callers = [None if holder is None else Caller(holder) for holder in recognised()]
    if asked is None:
        return callers
    grounds = asked()
    return [
        replace(caller, grounds=grounds) if caller and s.sends else caller
        for caller, s in zip(callers, shown, strict=True)
    ]


def includeme(config: Configurator) -> None:
    """Keys tell who asks, before any session does."""
    registry = config.registry
    registry[_DESK] = Gathering(lambda shown: _known(registry["messa.runtime"], shown))
    config.add_identity_source(ApiKeys())
