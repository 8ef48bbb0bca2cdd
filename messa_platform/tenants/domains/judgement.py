"""What follows from looking at a domain: whether its state changes, who is told, and when it is looked at next (spec D1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from messa_platform.tenants.domains.faults import Fault, FaultKind, fault_of
from messa_platform.tenants.domains.proof import Missing, Outcome, Proven, Unreachable, Wrong
from messa_platform.tenants.models import DomainState, Proof

WAITING = (
    (timedelta(hours=1), timedelta(minutes=2)),
    (timedelta(hours=6), timedelta(minutes=15)),
    (timedelta(days=1), timedelta(hours=1)),
    (timedelta(days=7), timedelta(hours=6)),
    (timedelta(days=30), timedelta(days=1)),
)
"""How often a domain that waits is looked at, by its age; an older one only when somebody asks for it."""
DAILY = timedelta(days=1)
FAILING = timedelta(hours=6)
"""How often one is looked at whose proof is lost, so that it is soon in order again."""
NOBODY_TOLD = timedelta(hours=1)
"""When one is looked at again of which nobody could tell anything."""
REMIND = timedelta(days=7)
SUSPEND = timedelta(days=14)
"""How long a proof may be missing."""


class News(StrEnum):
    """What has changed."""

    NONE = "none"
    PROVEN = "proven"
    """It is to be verified: for the first time, or again after it was suspended."""
    LOST = "lost"
    REMIND = "remind"
    """Its proof is still missing, and its admins are told once more."""
    SUSPENDED = "suspended"
    HEALED = "healed"
    """The proof is there again before it was suspended."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A domain as it stands before it is looked at."""

    state: DomainState
    proof: Proof | None
    created_at: datetime
    failing_since: datetime | None
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Covered:
    """A domain above it is proven to be the same organisation's: nothing else needs to be asked."""


@dataclass(frozen=True, slots=True)
class Uncovered:
    """The domain above it by which it was known is suspended; `own` is what the DNS says of itself."""

    own: Outcome


Finding = Outcome | Covered | Uncovered


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a domain's row has to say from now on; `proof` None leaves what it has."""

    news: News
    check_at: datetime | None
    proof: Proof | None = None
    fault: Fault | None = None
    failing_since: datetime | None = None
    told_at: datetime | None = None


def judge(standing: Standing, finding: Finding, now: datetime) -> Verdict:
    """What follows from a finding. Whether a proven name is free to be taken is not asked here."""
    match finding:
        case Proven() | Uncovered(Proven()):
            return _proven(standing, Proof.DNS, now)
        case Covered():
            return _proven(standing, Proof.PARENT, now)
        case Uncovered():
            return _follows(standing, now)
    if standing.state is not DomainState.VERIFIED:
        return Verdict(News.NONE, next_look(standing, now), fault=fault_of(finding))
    return (
        _unsure(standing, finding, now) if isinstance(finding, Unreachable) else _lost(standing, finding, now)
    )


def _proven(standing: Standing, proof: Proof, now: datetime) -> Verdict:
    if standing.state is not DomainState.VERIFIED:
        return Verdict(News.PROVEN, now + DAILY, proof)
    news = News.NONE if standing.failing_since is None else News.HEALED
    return Verdict(news, now + DAILY, proof)


def _follows(standing: Standing, now: datetime) -> Verdict:
    news = News.SUSPENDED if standing.state is DomainState.VERIFIED else News.NONE
    return Verdict(news, next_look(standing, now) or now + DAILY, fault=Fault(FaultKind.PARENT))


def _unsure(standing: Standing, finding: Unreachable, now: datetime) -> Verdict:
    return Verdict(
        News.NONE,
        now + NOBODY_TOLD,
        fault=fault_of(finding),
        failing_since=standing.failing_since,
        told_at=standing.told_at,
    )


def _lost(standing: Standing, finding: Missing | Wrong, now: datetime) -> Verdict:
    since, told_at = standing.failing_since or now, standing.told_at
    fault = fault_of(finding)
    if now - since >= SUSPEND:
        return Verdict(News.SUSPENDED, now + DAILY, None, fault, since, now)
    if told_at is None or standing.failing_since is None:
        news = News.LOST
    elif now - since >= REMIND and told_at < since + REMIND:
        news = News.REMIND
    else:
        news = News.NONE
    check_at = min(now + FAILING, *(at for at in (since + REMIND, since + SUSPEND) if at > now))
    return Verdict(news, check_at, None, fault, since, told_at if news is News.NONE else now)


def next_look(standing: Standing, now: datetime) -> datetime | None:
    """When a domain that is not verified is looked at next; None: no more, unless somebody asks for it."""
    if standing.state is DomainState.SUSPENDED:
        return now + DAILY
    age = now - standing.created_at
    return next((now + pause for up_to, pause in WAITING if age < up_to), None)
