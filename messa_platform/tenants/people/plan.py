"""What would become of many addresses, were they put into a group now (spec G11): told to the admin before, and done by the same rules.

An address is its account's for life, so what is decided is where that account goes. Without being asked it moves within its own tenant, and
to the tenant that has proven that the address lies in its domain; otherwise whoever reads its mail is asked first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.tenants.accounts import parents
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.people.reading import Line
from messa_platform.tenants.places import Place


class Word(StrEnum):
    """What is to become of an address, and, once it is done, what became of it."""

    ADD = "add"
    """A new account."""
    HERE = "here"
    """It is in this very group already."""
    MOVE = "move"
    """From a group of the same tenant that the admin sees."""
    MOVE_UNSEEN = "move_unseen"
    """From a group of the same tenant that the admin does not see, and that is not named."""
    TAKE = "take"
    """From elsewhere: the address lies in a domain of the tenant's own."""
    RETURN = "return"
    """It was removed from a group that the admin sees, and comes back; if it was blocked, it is no longer."""
    ASK = "ask"
    """It is somebody else's so far: a mail asks the address whether it wants to move."""
    ASKED = "asked"
    """It was asked just now, or has said no lately: no further mail is written."""
    TOMORROW = "tomorrow"
    """It would be asked, but the organisation has asked as many today as it may: it can be added again tomorrow."""
    PAUSED = "paused"
    """It would be asked, but no mails are written for an organisation that is suspended or closed."""
    BLOCKED = "blocked"
    """Blocked by an admin whose group this admin does not see."""
    OPERATOR = "operator"
    """One of the platform's own, which never move."""
    DUPLICATE = "duplicate"
    """It stands further up as well."""
    BAD = "bad"
    """No address."""
    GONE = "gone"
    """The group was removed, or the organisation closed, before its turn came."""
    STOPPED = "stopped"
    """Before its turn came, whoever had begun it was an admin of the group no longer."""


MOVING = frozenset({Word.MOVE, Word.MOVE_UNSEEN, Word.TAKE})
"""An account that is there comes from another group."""
MAKING = frozenset({Word.ADD, Word.RETURN})
"""An account is made, or comes back from having been removed."""
SETTLED = frozenset({Word.DUPLICATE, Word.BAD})
"""Nothing in the world can change these."""

ASKED_AGAIN = timedelta(days=1)
"""So long an address is not asked again by the same tenant (spec G11)."""
REST_AFTER_NO = timedelta(days=30)
"""So long one that has said no is not asked again by the same tenant."""


@dataclass(frozen=True, slots=True)
class Held:
    """The account that an address has, removed ones too, and where it stands. None of this is the admin's to see as such."""

    id: UUID
    tenant_id: UUID
    group_id: UUID
    path: str
    is_removed: bool
    is_blocked: bool
    is_operator: bool
    administers: bool = False
    """Some group, wherever."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One line and what is to become of it. `held` is for who does it; what an admin may be told of where an account comes from is
    `from_group_id`."""

    place: int
    written: str
    address: str | None
    name: str
    word: Word
    held: Held | None = None

    @property
    def from_group_id(self) -> UUID | None:
        """The group that the account leaves; None where there is none, or it is not to be named."""
        return self.held.group_id if self.held is not None and self.word is Word.MOVE else None


@dataclass(frozen=True, slots=True)
class Questions:
    """How many addresses the organisation may still ask today; `is_paused`: it is suspended or closed, and may ask none."""

    left: int
    is_paused: bool = False


_QUESTIONS = text(
    "SELECT t.state, (SELECT count(*) FROM consent_request q WHERE q.tenant_id = t.id AND q.asked_at >= :midnight) AS asked"
    " FROM tenant t WHERE t.id = :tenant_id"
)


def questions(session: Session, now: datetime, tenant_id: UUID, a_day: int) -> Questions:
    """What is left of the `a_day` addresses that the tenant may ask in a day of Stockholm's calendar; one statement."""
    midnight = start_of_stockholm_day(stockholm_day(now))
    row = session.execute(_QUESTIONS, {"tenant_id": tenant_id, "midnight": midnight}).one()
    return Questions(max(0, a_day - row.asked), row.state != TenantState.ACTIVE)


def plan(
    session: Session,
    now: datetime,
    place: Place,
    authority_id: UUID,
    lines: Sequence[Line],
    may_ask: Questions,
) -> list[Planned]:
    """What would become of each line in `place`, for an admin who sees what lies below the group `authority_id`, in three statements.

    Of those that are to be asked the first ones are, as many as `may_ask` says. `session` sees every tenant.
    """
    first = {line.address: line.place for line in reversed(lines) if line.address is not None}
    addresses = sorted(first)
    look = _Look(
        place=place,
        authority=authority_id.hex,
        held=find_held(session, addresses),
        owners=_owners(session, {address.rpartition("@")[2] for address in addresses}),
        asked=_asked(session, now, place.tenant_id, addresses),
    )
    return _within(may_ask, [_planned(look, line, first) for line in lines])


def _within(may_ask: Questions, planned: Sequence[Planned]) -> list[Planned]:
    asking = [p.place for p in planned if p.word is Word.ASK]
    late = set(asking[0 if may_ask.is_paused else may_ask.left :])
    instead = Word.PAUSED if may_ask.is_paused else Word.TOMORROW
    return [replace(p, word=instead) if p.place in late else p for p in planned]


@dataclass(frozen=True, slots=True)
class _Look:
    """All that a decision looks at. `owners` are the tenants that have proven a domain, by host; `asked` are not to be asked again."""

    place: Place
    authority: str
    held: Mapping[str, Held]
    owners: Mapping[str, UUID]
    asked: Collection[str]

    def sees(self, held: Held) -> bool:
        """Whether the group where an account stands is the admin's to see."""
        return held.tenant_id == self.place.tenant_id and self.authority in held.path.split(".")


def _planned(look: _Look, line: Line, first: Mapping[str, int]) -> Planned:
    if line.address is None:
        return Planned(line.place, line.written, None, "", Word.BAD)
    if first[line.address] != line.place:
        return Planned(line.place, line.written, line.address, line.name, Word.DUPLICATE)
    held = look.held.get(line.address)
    word = _word(look, line.address, held)
    if word is Word.ASK and line.address in look.asked:
        word = Word.ASKED
    return Planned(line.place, line.written, line.address, line.name, word, held)


def _word(look: _Look, address: str, held: Held | None) -> Word:
    owner = look.owners.get(address.rpartition("@")[2])
    ours = look.place.tenant_id
    if held is not None and held.is_operator:
        return Word.OPERATOR
    if held is not None and held.tenant_id == ours:
        return _word_within(look, held)
    if held is None or (held.is_removed and not held.is_blocked):
        # nobody's by now, unless the address is: then the domain's tenant is where its first mail would bring it
        return Word.ADD if owner in (None, ours) else Word.ASK
    return Word.TAKE if owner == ours else Word.ASK


def _word_within(look: _Look, held: Held) -> Word:
    """What becomes of an account of the tenant's own."""
    if held.group_id == look.place.id and not held.is_removed:
        return Word.HERE
    seen = look.sees(held)
    # an admin of what one does not see stays there: taking it away would end its adminship
    if (held.is_blocked or held.administers) and not seen:
        return Word.BLOCKED
    if held.is_removed:
        # that it was ever in a group that the admin does not see is nothing to be told
        return Word.RETURN if seen else Word.ADD
    return Word.MOVE if seen else Word.MOVE_UNSEEN


_HELD = text(
    "SELECT a.address, a.id, a.tenant_id, a.group_id, g.path::text AS path, a.removed_at IS NOT NULL AS is_removed, a.blocked, a.is_operator,"
    " EXISTS (SELECT FROM group_admin ga WHERE ga.account_id = a.id AND ga.tenant_id = a.tenant_id) AS administers"
    ' FROM account a JOIN "group" g ON g.id = a.group_id WHERE a.address = ANY(CAST(:addresses AS text[]))'
)


def find_held(session: Session, addresses: Sequence[str]) -> dict[str, Held]:
    """The accounts that these addresses have, removed ones too."""
    rows = session.execute(_HELD, {"addresses": list(addresses)})
    return {row.address: Held(*row[1:]) for row in rows}


_PROVEN = text(
    "SELECT name, tenant_id FROM domain WHERE name = ANY(CAST(:names AS text[])) AND state = 'verified'"
)


def _owners(session: Session, hosts: Collection[str]) -> dict[str, UUID]:
    """The tenant of the longest verified domain that each host lies in (spec D3); a host that lies in none is left out."""
    above = {host: parents(host) for host in hosts}
    names = sorted({name for chain in above.values() for name in chain})
    proven = {row.name: row.tenant_id for row in session.execute(_PROVEN, {"names": names})}
    found = ((host, next((proven[n] for n in chain if n in proven), None)) for host, chain in above.items())
    return {host: tenant_id for host, tenant_id in found if tenant_id is not None}


_ASKED = text(
    "SELECT DISTINCT address FROM consent_request WHERE tenant_id = :tenant_id AND address = ANY(CAST(:addresses AS text[]))"
    " AND (asked_at > :lately OR accepted = false AND answered_at > :no_since)"
)


def _asked(session: Session, now: datetime, tenant_id: UUID, addresses: Sequence[str]) -> set[str]:
    parameters = {
        "tenant_id": tenant_id,
        "addresses": list(addresses),
        "lately": now - ASKED_AGAIN,
        "no_since": now - REST_AFTER_NO,
    }
    return set(session.execute(_ASKED, parameters).scalars())
