"""Who sends: an account, with the settings in force for its group, in two statements, and one round trip, for any number of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from messa_platform.core.pipeline import Pipeline, Reply
from messa_platform.tenants.group_settings import GroupNode, InForce, Key, in_force, signature_for
from messa_platform.tenants.models import AccountKind, Lock, TenantState


@dataclass(frozen=True, slots=True)
class Sender:
    """An account as the sending of a text needs it. `number` is the one lent to it, if any; `time_zone` its tenant's.

    An API user's `display_name` is its name, and no mail reaches its `address`.
    """

    account_id: UUID
    kind: AccountKind
    address: str
    display_name: str
    language: str
    time_zone: str
    group_since: datetime
    tenant_since: datetime
    blocked: bool
    tenant_state: TenantState
    settings: InForce
    own_signature: str | None
    number: str | None

    @property
    def signature(self) -> str:
        """The signature that goes on its texts."""
        return signature_for(self.settings, self.own_signature)


@dataclass(frozen=True, slots=True)
class Whose:
    """Which accounts: a condition on `account a`, and its parameters. The condition is a constant: statements that have it are kept."""

    condition: str
    parameters: Mapping[str, Any]


def those(account_ids: Iterable[UUID]) -> Whose:
    """The accounts with these ids."""
    return Whose("a.id = ANY(CAST(:ids AS uuid[]))", {"ids": list(set(account_ids))})


_ACCOUNTS = (
    "SELECT a.id, a.kind, a.address, a.display_name, coalesce(a.language, t.language) AS language, t.time_zone, a.group_id, a.group_since,"
    " a.tenant_since, a.tenant_id, (a.blocked OR a.removed_at IS NOT NULL) AS blocked, a.signature, t.state AS tenant_state, n.msisdn"
    " FROM account a JOIN tenant t ON t.id = a.tenant_id LEFT JOIN number n ON n.account_id = a.id WHERE "
)

_PATHS = (
    'SELECT g.id AS group_id, g.tenant_id, cut.at AS cut, above.id, above.name, s.key, s.value, s.lock, s.set_at FROM "group" g'
    " CROSS JOIN LATERAL (SELECT max(c.set_at) AS at FROM group_setting c WHERE c.tenant_id = g.tenant_id AND c.key = 'account_quota') cut"
    ' JOIN "group" above ON above.path @> g.path LEFT JOIN group_setting s ON s.group_id = above.id'
    " WHERE g.id = ANY({}) ORDER BY g.id, nlevel(above.path), above.id"
)
_PATHS_OF_GROUPS = text(_PATHS.format("CAST(:ids AS uuid[])"))


@cache
def _statements(condition: str) -> tuple[TextClause, TextClause]:
    """Those that read the accounts, and the settings above them."""
    groups = f"ARRAY(SELECT a.group_id FROM account a WHERE {condition})"
    return text(_ACCOUNTS + condition), text(_PATHS.format(groups))


def settings_of(session: Session, group_ids: Iterable[UUID]) -> dict[UUID, InForce]:
    """The settings in force for each of the groups."""
    return _by_group(session.execute(_PATHS_OF_GROUPS, {"ids": list(set(group_ids))}))


def _by_group(rows: Iterable[Row[Any]]) -> dict[UUID, InForce]:
    return {
        group_id: _in_force(list(of_group))
        for group_id, of_group in groupby(rows, key=lambda row: UUID(str(row.group_id)))
    }


def _in_force(rows: Sequence[Row[Any]]) -> InForce:
    path = []
    for group_id, of_node in groupby(rows, key=lambda row: (row.id, row.name)):
        own = {Key(r.key): (r.value, Lock(r.lock), r.set_at) for r in of_node if r.key is not None}
        path.append(GroupNode(*group_id, own))
    return in_force(rows[0].tenant_id, path, rows[0].cut)


def senders(session: Session, account_ids: Iterable[UUID]) -> Mapping[UUID, Sender]:
    """The accounts as senders, by id; an unknown id is left out."""
    pipeline = Pipeline(session)
    asked = ask_senders(pipeline, those(account_ids))
    pipeline.send()
    overtaken = asked.overtaken()
    return {**asked.found(), **senders(session, overtaken)} if overtaken else asked.found()


@dataclass(frozen=True, slots=True)
class AskedSenders:
    """Senders that were asked for in a pipeline."""

    accounts: Reply
    paths: Reply

    def found(self) -> Mapping[UUID, Sender]:
        """The accounts as senders, by id, but for those `overtaken`; once the pipeline was sent."""
        settings = _by_group(self.paths.rows)
        return {
            row.id: _sender(row, settings[row.group_id])
            for row in self.accounts.rows
            if row.group_id in settings
        }

    def overtaken(self) -> set[UUID]:
        """Those who were moved to another group between the two statements: to be asked for again."""
        groups = {row.group_id for row in self.paths.rows}
        return {row.id for row in self.accounts.rows if row.group_id not in groups}


def ask_senders(pipeline: Pipeline, whose: Whose) -> AskedSenders:
    """Ask for accounts as senders."""
    accounts, paths = _statements(whose.condition)
    return AskedSenders(pipeline.ask(accounts, whose.parameters), pipeline.ask(paths, whose.parameters))


def _sender(row: Row[Any], settings: InForce) -> Sender:
    return Sender(
        account_id=row.id,
        kind=AccountKind(row.kind),
        address=row.address,
        display_name=row.display_name,
        language=row.language,
        time_zone=row.time_zone,
        group_since=row.group_since,
        tenant_since=row.tenant_since,
        blocked=row.blocked,
        tenant_state=TenantState(row.tenant_state),
        settings=settings,
        own_signature=row.signature,
        number=row.msisdn,
    )
