"""What the admins of Master decide for their organisation as a whole: its name, the language of new people, the time zone, the second factor,
and for how long the words of its messages are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.i18n import LANGUAGES
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.places import Place

MAX_NAME = 100
"""Characters in an organisation's name at the most."""
MOST_TEXT_DAYS = 3650
"""Days that texts may be kept at the most, if not for ever: ten years."""
TIME_ZONES = tuple(
    f"Europe/{city}"
    for city in (
        "Amsterdam", "Andorra", "Athens", "Belgrade", "Berlin", "Bratislava", "Brussels", "Bucharest", "Budapest", "Chisinau",
        "Copenhagen", "Dublin", "Gibraltar", "Helsinki", "Istanbul", "Kyiv", "Lisbon", "Ljubljana", "London", "Luxembourg", "Madrid",
        "Malta", "Mariehamn", "Minsk", "Monaco", "Moscow", "Oslo", "Paris", "Podgorica", "Prague", "Riga", "Rome", "San_Marino",
        "Sarajevo", "Skopje", "Sofia", "Stockholm", "Tallinn", "Tirane", "Vaduz", "Vatican", "Vienna", "Vilnius", "Warsaw", "Zagreb",
        "Zurich",
    )
)  # fmt: skip
"""Those that an organisation may have: the names of the IANA database."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of an organisation; `language` is that of whoever has chosen none.

    `keep_text_days`: for how many days the words of messages are kept, None: for ever (spec L4).
    """

    name: str
    language: str
    time_zone: str
    demands_second_factor: bool
    keep_text_days: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The organisation as it stands; `version` counts its changes."""

    wish: Wish
    version: int


class Fault(StrEnum):
    """Why a wish is not granted."""

    NO_NAME = "no_name"
    NAME_TOO_LONG = "name_too_long"
    NO_LANGUAGE = "no_language"
    NO_TIME_ZONE = "no_time_zone"
    NO_FACTOR = "no_factor"
    """Who demands a second factor has none: it would lock them out themselves."""
    NO_DAYS = "no_days"


@dataclass(frozen=True, slots=True)
class Saved:
    """It is as wanted. `changed`: it was not before."""

    changed: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else has changed it meanwhile; nothing was saved."""

    held: Held


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Texts would be removed that are kept so far, which cannot be undone, and nobody has said that they are to be; nothing was saved.

    `held_days`: for how long they are kept so far, None: for ever.
    """

    days: int
    held_days: int | None


_HELD = (
    "SELECT t.name, t.language, t.time_zone, t.demands_second_factor, t.keep_text_days, t.version FROM tenant t"
    " WHERE t.id = :tenant_id"
)
_READ = text(_HELD)
_LOCKED = text(f"{_HELD} FOR NO KEY UPDATE")
_SAVE = text(
    "UPDATE tenant SET name = :name, language = :language, time_zone = :time_zone, demands_second_factor = :demands_second_factor,"
    " keep_text_days = :keep_text_days, version = version + 1 WHERE id = :tenant_id"
)


def held(session: Session, master: Place, *, locked: bool = False) -> Held:
    """The organisation as it stands."""
    row = session.execute(_LOCKED if locked else _READ, {"tenant_id": master.tenant_id}).one()
    wish = Wish(row.name, row.language, row.time_zone, row.demands_second_factor, row.keep_text_days)
    return Held(wish, row.version)


def change(
    session: Session,
    now: datetime,
    author: Author,
    master: Place,
    wish: Wish,
    version: int,
    *,
    has_second_factor: bool,
    confirmed_days: int | None = None,
) -> Saved | Conflict | Unconfirmed | NotAdmin | Mapping[str, Fault]:
    """Make the organisation as wanted, if it still is as `version` says; what cannot be stands by its field, and then nothing is changed.

    `has_second_factor`: of the author. `confirmed_days`: of the texts that are older, the author has said that they are to be removed.
    """
    wish = replace(wish, name=" ".join(wish.name.split()))
    before = held(session, master, locked=True)
    if not administers(session, author, master.tenant_id, master.id):
        return NotAdmin()
    if before.version != version:
        return Conflict(before)
    faults = _faults(wish, before.wish, has_second_factor)
    if faults:
        return faults
    if unconfirmed := _unconfirmed(wish.keep_text_days, before.wish.keep_text_days, confirmed_days):
        return unconfirmed
    was, becomes = asdict(before.wish), asdict(wish)
    changed = [name for name in was if was[name] != becomes[name]]
    if not changed:
        return Saved(changed=False)
    session.execute(_SAVE, {**becomes, "tenant_id": master.tenant_id})
    told = [{name: values[name] for name in changed} for values in (was, becomes)]
    entry = Change(master.tenant_id, master.id, Action.TENANT_CHANGED, wish.name, master.tenant_id, *told)
    record(session, now, author, [entry])
    return Saved(changed=True)


def _unconfirmed(days: int | None, held_days: int | None, confirmed: int | None) -> Unconfirmed | None:
    """Whether texts are to be kept for fewer days than so far, and nobody has said that the older ones are to go."""
    if days is None or days == confirmed or (held_days is not None and days >= held_days):
        return None
    return Unconfirmed(days, held_days)


def _faults(wish: Wish, before: Wish, has_second_factor: bool) -> dict[str, Fault]:
    faults: dict[str, Fault] = {}
    if not wish.name or not wish.name.isprintable():
        faults["name"] = Fault.NO_NAME
    elif len(wish.name) > MAX_NAME:
        faults["name"] = Fault.NAME_TOO_LONG
    if wish.language not in LANGUAGES:
        faults["language"] = Fault.NO_LANGUAGE
    if wish.time_zone not in (*TIME_ZONES, before.time_zone):
        faults["time_zone"] = Fault.NO_TIME_ZONE
    if wish.demands_second_factor and not (before.demands_second_factor or has_second_factor):
        faults["demands_second_factor"] = Fault.NO_FACTOR
    if wish.keep_text_days is not None and not 1 <= wish.keep_text_days <= MOST_TEXT_DAYS:
        faults["keep_text_days"] = Fault.NO_DAYS
    return faults


COUNTED = 1000
"""Admins without a second factor that are counted; more than that is only told to be more."""


@dataclass(frozen=True, slots=True)
class Without:
    """Admins that have no second factor: the first of them by address, and how many there are in all.

    `is_more`: there are that many and more, of whom any were looked at.
    """

    addresses: tuple[str, ...]
    count: int
    is_more: bool


# From the admins to their accounts: there are far fewer of the ones than of the others. OFFSET 0 keeps each a look-up of its own, so that
# it ends when enough are found.
_WITHOUT = text(
    "SELECT a.address, count(*) OVER () AS total FROM (SELECT a.address"
    " FROM (SELECT DISTINCT ga.account_id FROM group_admin ga WHERE ga.tenant_id = :tenant_id) ga CROSS JOIN LATERAL"
    " (SELECT a.address FROM account a WHERE a.id = ga.account_id AND a.tenant_id = :tenant_id AND a.totp_since IS NULL"
    " AND a.removed_at IS NULL AND NOT a.blocked OFFSET 0) a LIMIT :counted + 1) a ORDER BY a.address LIMIT :most"
)


def admins_without_second_factor(
    session: Session, master: Place, most: int = 50, counted: int = COUNTED
) -> Without:
    """The admins, of any group of the organisation, that have no second factor yet."""
    parameters: dict[str, Any] = {"tenant_id": master.tenant_id, "most": most, "counted": counted}
    rows = session.execute(_WITHOUT, parameters).all()
    total = rows[0].total if rows else 0
    return Without(tuple(row.address for row in rows), min(total, counted), total > counted)
