"""The demo's API user, with the keys that the front of the guide promises."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from messa_platform.demo.organisation import ADMIN
from messa_platform.tenants.accounts import digest
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.models import ApiKey, KeyKind, Scope
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Account, Group, Tenant
from messa_platform.tenants.places import place_of

SESSION_KEY = "DEMOAPISESSION0000000000000000000000000001"
V2_KEY = "msk_demo_0000000000000000000000000000000000000001"
NAME = "Larmsystemet"
_SINCE = timedelta(days=30)


def bring_up_to_date(session: Session, now: datetime) -> None:
    """Make the API user with its keys, unless either of them is known; the key of v2 has every scope that there is by now."""
    every = sorted(scope.value for scope in Scope)
    session.execute(update(ApiKey).where(ApiKey.digest == digest(V2_KEY)).values(scopes=every))
    known = select(ApiKey.id).where(ApiKey.digest.in_([digest(SESSION_KEY), digest(V2_KEY)]))
    if session.execute(known).first():
        return
    master = session.execute(
        select(Group)
        .join(Tenant, Tenant.id == Group.tenant_id)
        .where(Tenant.slug == "demo", Group.parent_id.is_(None))
    ).scalar_one()
    place = place_of(session, master.tenant_id, master.id)
    admin = session.execute(select(Account.id).where(Account.address == ADMIN)).scalar_one()
    assert place
    author, then = Author(Actor.ADMIN, admin, ADMIN, master.id), now - _SINCE
    user = users.create(session, then, author, place, NAME)
    assert isinstance(user, users.ApiUser), user
    for word, wish in (
        (SESSION_KEY, keys.Wish(KeyKind.SESSION, "Larmservern")),
        (V2_KEY, keys.Wish(KeyKind.V2, "Prova v2", frozenset(Scope))),
    ):
        session.add(keys.stored(then, author, user, wish, word))
    session.flush()
