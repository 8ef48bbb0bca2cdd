"""How the demo's people sign in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.demo.organisation import HEAD
from messa_platform.demo.people import OPERATOR, PASSWORD, PEOPLE
from messa_platform.tenants.access.passwords import Passwords
from messa_platform.tenants.accounts import FREE_MASTER
from messa_platform.tenants.models import Account

ADDRESSES = (*(person.address for person in PEOPLE), HEAD, "admin@other.example", OPERATOR)


def bring_up_to_date(session: Session, now: datetime) -> None:
    """Give each demo account that has none the demo's password, and the platform its operator."""
    if session.execute(select(Account.id).where(Account.address == OPERATOR)).first() is None:
        free = session.execute(FREE_MASTER).one()
        operator = Account(
            id=new_id(),
            tenant_id=free.tenant_id,
            group_id=free.group_id,
            group_since=now,
            tenant_since=now,
            address=OPERATOR,
            display_name="Driften",
            is_operator=True,
            created_at=now,
        )
        session.add(operator)
        session.flush()
    passwords = Passwords(1)
    without = select(Account).where(Account.address.in_(ADDRESSES), Account.password_hash.is_(None))
    for account in session.execute(without).scalars():
        account.password_hash = passwords.hash(PASSWORD)
    session.flush()
