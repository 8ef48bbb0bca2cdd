"""Domains looked at: those that wait for their proof, ever more seldom, and daily those that have it (spec D1).

Those due are claimed by moving `check_at` on by a lease; the DNS is asked with no transaction open; what follows is written only where
`check_at` is still the lease's. So whoever changes a domain's state meanwhile changes `check_at` as well, and what was found is let be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.core.post import Mail
from messa_platform.tenants import tasks
from messa_platform.tenants.audit import SYSTEM
from messa_platform.tenants.domains import faults, judgement
from messa_platform.tenants.domains.faults import Fault, FaultKind
from messa_platform.tenants.domains.judgement import (
    Covered,
    Finding,
    News,
    Standing,
    Uncovered,
    Verdict,
    judge,
)
from messa_platform.tenants.domains.proof import Texts, look
from messa_platform.tenants.domains.standing import COLUMNS, DomainRow, domain_row, hold
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.domains.verify import Held, lock_name, suspend, verify
from messa_platform.tenants.models import Domain, Proof

log = logger(__name__)

ACTOR = "check_domains"
"""The name of the actor that looks at domains."""
LEASE = timedelta(minutes=2)
"""Longer than asking for a batch can take: see `DnsSettings.timeout_seconds`."""
BATCH = 20
AT_ONCE = 10
"""Domains of a batch that are asked for at the same time."""

DOMAIN = cast(Table, Domain.__table__)


def is_due(session: Session, now: datetime) -> bool:
    """Whether any domain is to be looked at; `ACTOR` is to be woken then."""
    return session.execute(_IS_DUE, {"now": now}).first() is not None


_IS_DUE = text("SELECT 1 FROM domain WHERE check_at <= :now LIMIT 1")
# Tenants take turns: the first that is due of each, then the second of each. One whose DNS is slow has then only itself to wait for.
_CLAIM = text(
    "WITH turn AS (SELECT id, row_number() OVER (PARTITION BY tenant_id ORDER BY check_at, id) AS place FROM domain WHERE check_at <= :now),"
    " due AS (SELECT d.id FROM turn JOIN domain d ON d.id = turn.id WHERE d.check_at <= :now ORDER BY turn.place, d.check_at LIMIT :most"
    " FOR UPDATE OF d SKIP LOCKED)"
    f" UPDATE domain d SET check_at = :until FROM due WHERE d.id = due.id RETURNING {COLUMNS}, d.told_at"
)
# Whose the nearest verified domain above each is, and whether the tenant itself has one above that is suspended.
_ABOVE = text(
    "SELECT c.id, (SELECT d.tenant_id FROM domain d WHERE d.name = ANY(up.names) AND d.state = 'verified' ORDER BY length(d.name) DESC LIMIT 1)"
    " AS holder, EXISTS (SELECT FROM domain d WHERE d.name = ANY(up.names) AND d.state = 'suspended' AND d.tenant_id = c.tenant_id)"
    " AS is_suspended FROM domain c CROSS JOIN LATERAL string_to_array(c.name, '.') AS l (labels) CROSS JOIN LATERAL"
    " (SELECT array_agg(array_to_string(l.labels[i:], '.')) AS names FROM generate_series(2, cardinality(l.labels)) AS i) up"
    " WHERE c.id = ANY(CAST(:ids AS uuid[]))"
)


@dataclass(frozen=True, slots=True)
class _Looked:
    """A claimed domain, and what was found."""

    row: DomainRow
    told_at: datetime | None
    finding: Finding

    @property
    def standing(self) -> Standing:
        row = self.row
        return Standing(row.state, row.proof, row.created_at, row.failing_since, self.told_at)


class Checker:
    """Looks at domains, `batch` at a time. `wake(session, actor)` wakes an actor after the commit."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        texts: Texts,
        told: DomainPost,
        wake: Callable[[Session, str], None],
        *,
        batch: int = BATCH,
    ) -> None:
        self._database = database
        self._clock = clock
        self._texts = texts
        self._told = told
        self._wake = wake
        self._batch = batch

    def run(self) -> bool:
        """Look at those that are due; True if more may wait. Runs as an actor; several may run at once."""
        now = self._clock.now()
        with self._database.unit_of_work() as session:
            claimed = session.execute(_CLAIM, {"now": now, "until": now + LEASE, "most": self._batch}).all()
            found = session.execute(_ABOVE, {"ids": [row.id for row in claimed]}).all() if claimed else []
        if claimed:
            above = {row.id: row for row in found}
            with ThreadPoolExecutor(AT_ONCE) as threads:
                looked = list(threads.map(lambda row: self._look(row, above[row.id]), claimed))
            self._settle(looked, now + LEASE)
        return len(claimed) == self._batch

    def _look(self, claimed: Row[Any], above: Row[Any]) -> _Looked:
        row = domain_row(claimed)
        return _Looked(row, claimed.told_at, self._find(row, above))

    def _find(self, row: DomainRow, above: Row[Any]) -> Finding:
        if above.holder == row.tenant_id:
            return Covered()
        own = look(self._texts, row.name, row.token)
        return Uncovered(own) if row.proof is Proof.PARENT and above.is_suspended else own

    def _settle(self, looked: Sequence[_Looked], lease: datetime) -> None:
        """What changes nothing is written for all in one statement, what is news in a transaction of its own."""
        now = self._clock.now()
        verdicts = [(each, judge(each.standing, each.finding, now)) for each in looked]
        quiet = [_written(each.row.id, verdict) for each, verdict in verdicts if verdict.news is News.NONE]
        if quiet:
            with self._database.unit_of_work() as session:
                session.execute(_WRITE, {"rows": as_parameter(quiet), "now": now, "lease": lease})
        for each, verdict in verdicts:
            if verdict.news is not News.NONE:
                try:
                    with self._database.unit_of_work() as session:
                        self._act(session, now, each, verdict, lease)
                except Exception:
                    # its lease runs out, and it is looked at again; the others must not wait for that
                    log.exception("domain_check_failed", domain=str(each.row.id))

    def _act(
        self, session: Session, now: datetime, looked: _Looked, verdict: Verdict, lease: datetime
    ) -> None:
        lock_name(session, looked.row.name)
        # as it stands by now: it may have been tied to another group while the DNS was asked
        row = hold(session, looked.row.id)
        if row is None or row.check_at != lease:
            return
        match verdict.news:
            case News.PROVEN:
                self._verify(session, now, row, verdict)
            case News.SUSPENDED:
                self._suspend(session, now, row, verdict)
            case News.LOST | News.REMIND | News.HEALED:
                rows = as_parameter([_written(row.id, verdict)])
                session.execute(_WRITE, {"rows": rows, "now": now, "lease": lease})
                self._tell(session, now, row, verdict)
            case News.NONE:
                raise AssertionError("no news")
            case _:
                assert_never(verdict.news)

    def _verify(self, session: Session, now: datetime, row: DomainRow, verdict: Verdict) -> None:
        proof = verdict.proof or Proof.DNS
        outcome = verify(session, session, now, SYSTEM, row.claim, proof, verdict.check_at)
        if isinstance(outcome, Held):
            self._hold(session, now, row, outcome)
            return
        readers = self._told.of_group(session, row.tenant_id, row.group_id)
        letters = self._told.letters
        mails = [
            letters.verified(to, row.name, outcome.moving, f"domain_verified:{new_id()}") for to in readers
        ]
        self._told.put(session, now, mails)
        self._wake(session, tasks.ACTOR)
        self._wake(session, ACTOR)

    def _hold(self, session: Session, now: datetime, row: DomainRow, held: Held) -> None:
        """Right as its proof is, the name is another tenant's: the operator is told, once a claim."""
        standing = Standing(row.state, row.proof, row.created_at, None, None)
        parameters = {
            "id": row.id,
            "now": now,
            "check_at": judgement.next_look(standing, now),
            "fault": faults.written(Fault(FaultKind.HELD)),
        }
        session.execute(_HOLD, parameters)
        organisation = session.execute(_TENANT, {"id": row.tenant_id}).scalar_one()
        key = f"domain_contested:{row.id}"
        mail = self._told.letters.contested(
            self._told.operator, row.name, organisation, held.organisation, row.tenant_id, key
        )
        self._told.put(session, now, [mail])
        log.warning("domain_contested", domain=str(row.id), holder=str(held.domain_id))

    def _suspend(self, session: Session, now: datetime, row: DomainRow, verdict: Verdict) -> None:
        suspend(
            session,
            now,
            SYSTEM,
            row.claim,
            fault=faults.written(verdict.fault),
            failing_since=verdict.failing_since,
            check_at=verdict.check_at,
        )
        self._tell(session, now, row, verdict)
        self._wake(session, ACTOR)

    def _tell(self, session: Session, now: datetime, row: DomainRow, verdict: Verdict) -> None:
        letters, mails = self._told.letters, list[Mail]()
        for to in self._told.of_group(session, row.tenant_id, row.group_id):
            key = f"domain_{verdict.news.value}:{new_id()}"
            match verdict.news:
                case News.SUSPENDED:
                    mails.append(letters.suspended(to, row.name, key))
                case News.HEALED:
                    mails.append(letters.healed(to, row.name, key))
                case _:
                    assert verdict.fault is not None and verdict.failing_since is not None
                    until = verdict.failing_since + judgement.SUSPEND
                    mails.append(letters.lost(to, row.name, verdict.fault, until, key))
        self._told.put(session, now, mails)


_COLUMNS = ("id", "proof", "check_at", "fault", "failing_since", "told_at")
_WRITE = text(
    "UPDATE domain SET checked_at = :now, check_at = given.check_at, proof = coalesce(given.proof, domain.proof), fault = given.fault,"
    f" failing_since = given.failing_since, told_at = given.told_at FROM {given(DOMAIN, _COLUMNS)}"
    " WHERE domain.id = given.id AND domain.check_at = :lease"
)
_HOLD = text("UPDATE domain SET checked_at = :now, check_at = :check_at, fault = :fault WHERE id = :id")
_TENANT = text("SELECT name FROM tenant WHERE id = :id")


def _written(domain_id: UUID, verdict: Verdict) -> dict[str, Any]:
    values = (
        domain_id,
        verdict.proof,
        verdict.check_at,
        faults.written(verdict.fault),
        verdict.failing_since,
        verdict.told_at,
    )
    return dict(zip(_COLUMNS, values, strict=True))
