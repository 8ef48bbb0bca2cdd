"""What tests are about: tenants with trees, people, numbers and a channel, made in a sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.messaging.drafts import Receipted, Result, Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.submit import submit
from messa_platform.providers.models import Channel
from messa_platform.tenants import numbers
from messa_platform.tenants.admin_models import Actor, GroupAdmin
from messa_platform.tenants.audit import Author
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Account, Domain, DomainState, Group, Lock, NumberRange
from messa_platform.tenants.quota import Answer, Demand
from messa_platform.tenants.senders import Sender, senders
from messa_platform.tenants.tree import add_group, create_tenant, set_here
from tests.support.reserving import reserve


@dataclass
class Heard:
    """An announcer that writes down what it is told."""

    waiting_channels: list[UUID] = field(default_factory=list)
    empty_pools: int = 0

    def waiting(self, session: Session, channel_id: UUID) -> None:
        self.waiting_channels.append(channel_id)

    def pool_empty(self, session: Session, now: datetime) -> None:
        self.empty_pools += 1


class World:
    """Makes things in a test's database, each in a transaction of its own."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database = database
        self.clock = clock
        self.heard = Heard()
        self.authors: dict[tuple[UUID, str], Author] = {}

    def tenant(self, slug: str = "kommun", name: str = "Kommunen") -> Group:
        """A tenant; gives its Master group."""
        with self.database.unit_of_work() as session:
            return create_tenant(session, slug, name)[1]

    def group(self, parent: Group, name: str) -> Group:
        """A group under another."""
        with self.database.unit_of_work() as session:
            return add_group(session, parent, name)

    def set(self, group: Group, key: Key, value: Any, lock: Lock = Lock.SUBADMIN) -> None:
        """Set a setting on a group itself."""
        with self.database.unit_of_work() as session:
            set_here(session, self.clock.now(), group, key, value, lock)

    def group_quota(
        self, group: Group, sms: int | None, window_days: int | None = None, max_parts: int = 9
    ) -> None:
        """Limit a group together with its subgroups."""
        self.set(group, Key.GROUP_QUOTA, {"sms": sms, "window_days": window_days, "max_parts": max_parts})

    def account_quota(
        self, group: Group, sms: int | None, window_days: int | None = None, max_parts: int = 9
    ) -> None:
        """Limit each account in a group."""
        self.set(group, Key.ACCOUNT_QUOTA, {"sms": sms, "window_days": window_days, "max_parts": max_parts})

    def account(self, group: Group, address: str, **values: Any) -> UUID:
        """An account in a group; gives its id."""
        with self.database.unit_of_work() as session:
            account = Account(
                id=new_id(),
                tenant_id=group.tenant_id,
                group_id=group.id,
                group_since=self.clock.now(),
                tenant_since=self.clock.now(),
                address=address,
                **values,
            )
            session.add(account)
            return account.id

    def author(self, group: Group, address: str = "") -> Author:
        """An admin of a group, who is in it: the same one each time, unless the address is another."""
        address = address or f"admin@{group.slug}-{group.id.hex[-8:]}.example"
        known = (group.id, address)
        if known not in self.authors:
            account_id = self.account(group, address)
            self.administer(group, account_id)
            self.authors[known] = Author(Actor.ADMIN, account_id, address, group.id)
        return self.authors[known]

    def administer(self, group: Group, account_id: UUID) -> None:
        """Let an account administer a group."""
        with self.database.unit_of_work() as session:
            row = {"group_id": group.id, "account_id": account_id, "tenant_id": group.tenant_id}
            session.add(GroupAdmin(**row))

    def dismiss(self, author: Author) -> None:
        """Let an author administer nothing any more."""
        self.run("DELETE FROM group_admin WHERE account_id = :id", id=author.account_id)

    def move_account(self, account_id: UUID, group: Group) -> None:
        """Put an account into another group, now."""
        self.run(
            "UPDATE account SET tenant_id = :tenant, group_id = :group, group_since = :now,"
            " tenant_since = CASE WHEN tenant_id = :tenant THEN tenant_since ELSE :now END WHERE id = :id",
            tenant=group.tenant_id,
            group=group.id,
            now=self.clock.now(),
            id=account_id,
        )

    def domain(self, group: Group, name: str) -> None:
        """A verified domain of a group."""
        with self.database.unit_of_work() as session:
            session.add(
                Domain(tenant_id=group.tenant_id, group_id=group.id, name=name, state=DomainState.VERIFIED)
            )

    def numbers(self, first: int = 467301214000000, last: int = 467301214999999) -> None:
        """A range of numbers to lend."""
        with self.database.unit_of_work() as session:
            session.add(NumberRange(first=first, last=last, next_number=first))

    def channel(self, name: str = "simulator", **values: Any) -> UUID:
        """The platform's channel; gives its id."""
        with self.database.unit_of_work() as session:
            settings = values.pop("settings", {"secret": "a-secret-of-the-test"})
            values.setdefault("refilled_at", self.clock.now())
            channel = Channel(
                id=values.pop("id", None) or new_id(),
                name=name,
                plugin=values.pop("plugin", "simulator"),
                settings=settings,
                **values,
            )
            session.add(channel)
            return channel.id

    def submit(
        self, account_id: UUID, recipients: Sequence[str], text_: str = "Hej", **values: Any
    ) -> Result:
        """Hand in one submission as the mail door does."""
        submission = Submission(account_id, values.pop("door", Door.MAIL), text_, recipients, **values)
        with self.database.unit_of_work() as session:
            return submit(session, self.clock, self.heard, [submission])[0]

    def words(
        self, account_id: UUID, recipients: Sequence[str], text_: str = "Hej", **values: Any
    ) -> list[str]:
        """Hand in one submission; gives the status word of each recipient."""
        result = self.submit(account_id, recipients, text_, **values)
        assert isinstance(result, Receipted), result
        return [entry.word for entry in result.entries]

    def sender(self, account_id: UUID) -> Sender:
        """An account as the sending of a text sees it."""
        with self.database.unit_of_work() as session:
            return senders(session, [account_id])[account_id]

    def demand(self, account_id: UUID, parts: int = 1) -> Demand:
        """What an account asks its quotas for."""
        sender = self.sender(account_id)
        return Demand(account_id, sender.tenant_since, sender.settings, parts)

    def reserve(self, account_id: UUID, *parts: int) -> list[Answer]:
        """Ask for these parts, one message after the other, in one reservation."""
        demands = [self.demand(account_id, p) for p in parts]
        with self.database.unit_of_work() as session:
            return reserve(session, self.clock.now(), demands)

    def lend(self, *account_ids: UUID) -> dict[UUID, str]:
        """Lend numbers to accounts, now; gives the number of each that got one."""
        borrowers = [self.sender(account_id) for account_id in account_ids]
        with self.database.unit_of_work() as session:
            return numbers.lend(session, self.clock.now(), borrowers)

    def take_back_number(self, account_id: UUID) -> bool:
        """Take an account's number back, now; whether it had one."""
        with self.database.unit_of_work() as session:
            return numbers.take_back_many(session, self.clock.now(), [account_id]) == 1

    def run(self, statement: str, **parameters: Any) -> None:
        """Do a statement."""
        with self.database.unit_of_work() as session:
            session.execute(text(statement), parameters)

    def rows(self, statement: str, **parameters: Any) -> list[Any]:
        """The rows of a query."""
        with self.database.unit_of_work() as session:
            return list(session.execute(text(statement), parameters))

    def value(self, statement: str, **parameters: Any) -> Any:
        """The one value of a query."""
        return self.rows(statement, **parameters)[0][0]
