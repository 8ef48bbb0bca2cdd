"""What the demo's people find in the portal besides their history: saved lists, a text for later, a number that said STOP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from messa_platform.core.clock import STOCKHOLM, FixedClock, stockholm_day
from messa_platform.core.ids import new_id
from messa_platform.messaging import lists
from messa_platform.messaging.drafts import Submission
from messa_platform.messaging.lists import Listed
from messa_platform.messaging.models import Door, OptOut
from messa_platform.messaging.submit import submit
from messa_platform.tenants.models import Account

SCHOOL, POOL, MEMBER = "sub@demo.example", "vikarie@demo.example", "user@demo.example"

LISTS: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]] = {
    SCHOOL: {
        "Föräldrar 4B": (("Elias mamma", 11), ("Noras pappa", 12), ("Alvas mamma", 13), ("Hugos pappa", 14), ("Saga, mormor", 15)),
        "Fritids Björken": (("Lena", 21), ("Mehmet", 22), ("Kajsa", 23)),
    },
    POOL: {"Vikarier låg- och mellanstadiet": (("Vidar", 31), ("Fatima", 32), ("Jan-Erik", 33), ("Oda", 34))},
}  # fmt: skip

LATER = "Påminnelse: utvecklingssamtal i morgon kl 15.20, sal B12. /Sofia Åkesson"


class _Nobody:
    """Nobody needs to be woken: what the demo submits is for later."""

    def waiting(self, session: Session, channel_id: UUID) -> None:
        return

    def pool_empty(self, session: Session, now: datetime) -> None:
        return


def bring_up_to_date(session: Session, now: datetime) -> None:
    """Make what is missing; what a visitor has changed or removed stays so, but for the text for later, which is made anew when it is sent."""
    accounts = _accounts(session)
    for address, saved in LISTS.items():
        if lists.all_lists(session, accounts[address].id):
            continue
        for name, people in saved.items():
            entries = [Listed(f"+467017406{number}", person) for person, number in people]
            lists.create(session, now, accounts[address].id, name, entries)
    _for_later(session, now, accounts[SCHOOL].id)
    _opted_out(session, now, accounts[MEMBER])


def _accounts(session: Session) -> dict[str, Account]:
    wanted = select(Account).where(Account.address.in_((SCHOOL, POOL, MEMBER)))
    return {account.address: account for account in session.execute(wanted).scalars()}


_WAITING = text("SELECT FROM scheduled_text WHERE account_id = :account LIMIT 1")


_NAME = text(
    "UPDATE thread SET display_name = :name WHERE account_id = :account AND remote = :remote AND display_name = ''"
)


def _for_later(session: Session, now: datetime, account_id: UUID) -> None:
    if session.execute(_WAITING, {"account": account_id}).first() is not None:
        return
    day = stockholm_day(now) + timedelta(days=1)
    at = datetime.combine(day, time(7, 30), STOCKHOLM)
    reminder = Submission(account_id, Door.PORTAL, LATER, ["+46701740611"], guard=False, send_at=at)
    submit(session, FixedClock(now), _Nobody(), [reminder])
    session.execute(_NAME, {"account": account_id, "remote": "+46701740611", "name": "Elias mamma"})


_LAST_ANSWERED = text(
    "SELECT t.remote, t.last_message_id FROM thread t WHERE t.account_id = :account AND t.unread = 0 ORDER BY t.last_message_at LIMIT 1"
)


def _opted_out(session: Session, now: datetime, account: Account) -> None:
    if session.execute(select(OptOut.remote).where(OptOut.account_id == account.id)).first() is not None:
        return
    thread = session.execute(_LAST_ANSWERED, {"account": account.id}).first()
    if thread is not None:
        opted = OptOut(
            account_id=account.id,
            remote=thread.remote,
            tenant_id=account.tenant_id,
            message_id=thread.last_message_id or new_id(),
            at=now - timedelta(days=40),
        )
        session.add(opted)
        session.flush()
