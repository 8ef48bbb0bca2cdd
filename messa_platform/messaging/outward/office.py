"""Where endpoints are made and changed: their addresses are checked, before anything is locked, and their secrets sealed (spec A3, V6, V8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.core.ids import new_id
from messa_platform.core.outbound import NoAnswer, Outbound
from messa_platform.messaging.outward.bodies import new_secret
from messa_platform.messaging.outward.endpoints import (
    COLUMNS,
    LONGEST_DESCRIPTION,
    LONGEST_OVERLAP,
    LOOK_UP,
    MOST,
    OVERLAP,
    REMOVE,
    BadUrl,
    EndpointRow,
    Made,
    Refusal,
    Undone,
    Wish,
    api_urls,
    audited,
    endpoint_of,
    held,
    only_webhook,
    where,
    write_down,
)
from messa_platform.messaging.outward.models import EndpointKind
from messa_platform.messaging.outward.told import shown
from messa_platform.tenants.api_users import users
from messa_platform.tenants.api_users.users import ApiUser, Conflict, one_line
from messa_platform.tenants.audit import Action, Author
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.people.moving import hold
from messa_platform.tenants.places import Place

_INSERT = text(
    "INSERT INTO event_endpoint (id, tenant_id, group_id, account_id, kind, url, description, event_types, secret, created_at)"
    " VALUES (:id, :tenant_id, :group_id, :account_id, :kind, :url, :description, CAST(:event_types AS text[]), :secret, :now)"
    f" RETURNING {COLUMNS}"
)
# Another address begins anew: what the old one did says nothing about it.
_CHANGE = text(
    "UPDATE event_endpoint SET description = :description, event_types = CAST(:event_types AS text[]), version = version + 1,"
    " failures = CASE WHEN url = :url THEN failures ELSE 0 END, failing_since = CASE WHEN url = :url THEN failing_since END,"
    f" paused_until = CASE WHEN url = :url THEN paused_until END, url = :url WHERE id = :id RETURNING {COLUMNS}"
)
_ROTATE = text(
    "UPDATE event_endpoint SET old_secret = secret, old_secret_until = :until, secret = :secret, version = version + 1 WHERE id = :id"
    f" RETURNING {COLUMNS}"
)
_COUNT = text("SELECT count(*) FROM event_endpoint WHERE tenant_id = :tenant_id AND group_id = :group_id")
# Two who add to one group at once come one after the other.
_TURN = text('SELECT FROM "group" WHERE id = :group_id AND tenant_id = :tenant_id FOR NO KEY UPDATE')


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Changes endpoints. `outbound` checks their addresses, `keys` seal their secrets."""

    outbound: Outbound
    keys: Keys

    def create(
        self, session: Session, now: datetime, author: Author, place: Place, wish: Wish
    ) -> Made | BadUrl | Undone:
        """A new webhook of the group, which hears of the group and all below it."""
        wish = replace(wish, url=wish.url.strip(), description=one_line(wish.description))
        if fault := self._fault(wish):
            return fault
        hold(session, place.tenant_id)
        if not administers(session, author, place.tenant_id, place.id):
            return NotAdmin()
        session.execute(_TURN, where(place))
        if session.execute(_COUNT, where(place)).scalar_one() >= MOST:
            return Refusal.TOO_MANY
        secret = new_secret()
        values = _values(wish) | where(place, account_id=None, now=now, id=new_id())
        sealed = {"kind": EndpointKind.WEBHOOK.value, "secret": self.keys.seal(secret.encode())}
        endpoint = endpoint_of(session.execute(_INSERT, values | sealed).one())
        write_down(session, now, author, place, endpoint, Action.WEBHOOK_ADDED, after=audited(endpoint))
        return Made(endpoint, secret)

    def _fault(self, wish: Wish) -> BadUrl | Refusal | None:
        if len(wish.description) > LONGEST_DESCRIPTION:
            return Refusal.TOO_LONG
        found = self.outbound.target(wish.url, LOOK_UP)
        return BadUrl(found.fault) if isinstance(found, NoAnswer) else None

    def change(
        self,
        session: Session,
        now: datetime,
        author: Author,
        place: Place,
        endpoint_id: UUID,
        version: int | None,
        wish: Wish,
    ) -> EndpointRow | BadUrl | Undone:
        """Another address, description, or choice of events, for a webhook."""
        wish = replace(wish, url=wish.url.strip(), description=one_line(wish.description))
        if fault := self._fault(wish):
            return fault
        was = only_webhook(held(session, author, place, endpoint_id, version))
        if not isinstance(was, EndpointRow):
            return was
        if Wish(was.url, was.description, was.event_types) == wish:
            return was
        endpoint = endpoint_of(session.execute(_CHANGE, _values(wish) | {"id": was.id}).one())
        write_down(
            session, now, author, place, endpoint, Action.WEBHOOK_CHANGED, audited(was), audited(endpoint)
        )
        return endpoint

    def rotate_secret(
        self,
        session: Session,
        now: datetime,
        author: Author,
        place: Place,
        endpoint_id: UUID,
        version: int | None = None,
        overlap: timedelta = OVERLAP,
    ) -> Made | Undone:
        """A new secret; the old one signs as well while `overlap` lasts, so that a receiver has time to take the new one."""
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            return Refusal.TOO_FAR
        was = only_webhook(held(session, author, place, endpoint_id, version))
        if not isinstance(was, EndpointRow):
            return was
        secret = new_secret()
        values = {"id": was.id, "until": now + overlap, "secret": self.keys.seal(secret.encode())}
        endpoint = endpoint_of(session.execute(_ROTATE, values).one())
        write_down(session, now, author, place, endpoint, Action.WEBHOOK_SECRET_ROTATED)
        return Made(endpoint, secret)

    def set_api_url(
        self, session: Session, now: datetime, author: Author, place: Place, user_id: UUID, url: str
    ) -> EndpointRow | BadUrl | users.Refusal | Conflict | NotAdmin | None:
        """Where an API user of the group is told of its messages; an empty address removes it. Gives None where there is none now."""
        wish = Wish(url.strip())
        if wish.url and isinstance(found := self.outbound.target(wish.url, LOOK_UP), NoAnswer):
            return BadUrl(found.fault)
        user = users.held(session, author, place, user_id)
        if not isinstance(user, ApiUser):
            return user
        was = api_urls(session, place, [user.id]).get(user.id)
        if not wish.url:
            if was:
                session.execute(REMOVE, {"id": was.id})
                write_down(
                    session, now, author, place, was, Action.API_URL_REMOVED, _url(was), None, user.name
                )
            return None
        if was and was.url == wish.url:
            return was
        if was:
            row = session.execute(_CHANGE, _values(wish) | {"id": was.id}).one()
        else:
            own = {"tenant_id": user.tenant_id, "group_id": None, "account_id": user.id, "secret": None}
            made = {"id": new_id(), "kind": EndpointKind.API_URL.value, "now": now}
            row = session.execute(_INSERT, _values(wish) | own | made).one()
        endpoint = endpoint_of(row)
        urls = _url(was) if was else None, _url(endpoint)
        write_down(session, now, author, place, endpoint, Action.API_URL_SET, *urls, user.name)
        return endpoint


def _values(wish: Wish) -> dict[str, object]:
    return {
        "url": wish.url,
        "description": wish.description,
        "event_types": sorted(t.value for t in wish.event_types),
    }


def _url(endpoint: EndpointRow) -> dict[str, object]:
    return {"url": shown(endpoint.url)}
