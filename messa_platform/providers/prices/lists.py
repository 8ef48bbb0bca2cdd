"""Price lists as the operator keeps them: a version is put there for a day to come, and never changes once that day has begun (spec B9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import copy_rows
from messa_platform.core.clock import stockholm_day
from messa_platform.core.ids import new_id
from messa_platform.providers.prices.kept import Dated, in_force, table
from messa_platform.providers.prices.models import PriceRow
from messa_platform.providers.prices.table import Price
from messa_platform.providers.stamp import changing
from messa_platform.tenants.audit import Action, Author, Change, record

PRICE = cast(Table, PriceRow.__table__)
LONGEST_NAME = 60


class Phase(StrEnum):
    """Where a version stands on a day."""

    PAST = "past"
    IN_FORCE = "in_force"
    COMING = "coming"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a list; `prices` is how many there are in it. `created_at`: when it was put there."""

    id: UUID
    valid_from: date
    prices: int
    created_at: datetime
    phase: Phase


@dataclass(frozen=True, slots=True)
class PricesOf:
    """A list. `channel_id` is the channel whose cost it is, None for a sale list; `name` the channel's, or the sale list's own. `versions` are
    the latest first; a channel without a list has none, and `id` None."""

    id: UUID | None
    channel_id: UUID | None
    name: str
    is_standard: bool
    versions: tuple[Version, ...]


_LISTS = text(
    "SELECT * FROM (SELECT l.id, c.id AS channel_id, c.name, false AS is_standard FROM channel c LEFT JOIN price_list l ON l.channel_id = c.id"
    " WHERE c.tenant_id IS NULL AND c.removed_at IS NULL"
    " UNION ALL SELECT id, channel_id, name, is_standard FROM price_list WHERE channel_id IS NULL)"
    " AS lists ORDER BY channel_id IS NOT NULL, is_standard DESC, name"
)
_VERSIONS = text(
    "SELECT id, list_id, valid_from, prices, created_at FROM price_version ORDER BY valid_from DESC"
)


def lists(session: Session, now: datetime) -> list[PricesOf]:
    """The sale lists, then each of the platform's channels with its list."""
    today = stockholm_day(now)
    versions: dict[UUID, list[Row[Any]]] = {}
    for row in session.execute(_VERSIONS):
        versions.setdefault(row.list_id, []).append(row)
    return [
        PricesOf(
            row.id,
            row.channel_id,
            row.name,
            row.is_standard,
            _phased(versions.get(row.id, []), today),
        )
        for row in session.execute(_LISTS)
    ]


def _phased(rows: Sequence[Row[Any]], today: date) -> tuple[Version, ...]:
    holds = in_force([Dated(row.valid_from, row.id) for row in rows], today)
    return tuple(
        Version(row.id, row.valid_from, row.prices, row.created_at, _phase(row, today, holds)) for row in rows
    )


def _phase(row: Row[Any], today: date, holds: UUID | None) -> Phase:
    if row.valid_from > today:
        return Phase.COMING
    return Phase.IN_FORCE if row.id == holds else Phase.PAST


@dataclass(frozen=True, slots=True)
class OfChannel:
    """What a channel costs us."""

    channel_id: UUID


@dataclass(frozen=True, slots=True)
class Sale:
    """What we charge by the sale list of this name."""

    name: str


class Refusal(StrEnum):
    """Why prices are not taken."""

    PAST = "past"
    """The day is today or before, and prices hold already: they would change the past. A list without any may begin today."""
    NO_CHANNEL = "no_channel"
    """There is no such channel of the platform's."""
    NO_NAME = "no_name"
    NAME_TOO_LONG = "name_too_long"


_PRICED = text(
    "SELECT DISTINCT c.plugin FROM price_list l JOIN channel c ON c.id = l.channel_id WHERE c.tenant_id IS NULL AND c.removed_at IS NULL"
    " AND EXISTS (SELECT FROM price_version v WHERE v.list_id = l.id)"
)


def priced_plugins(session: Session) -> frozenset[str]:
    """The plugins by which the platform has a channel whose prices are known."""
    return frozenset(session.execute(_PRICED).scalars())


@dataclass(frozen=True, slots=True)
class Stored:
    """The version that was made. `replaced`: it took the place of one for the same day."""

    version_id: UUID
    replaced: bool


_CHANNEL = text(
    "SELECT name FROM channel WHERE id = :id AND tenant_id IS NULL AND removed_at IS NULL FOR KEY SHARE"
)
_LIST_OF_CHANNEL = text("SELECT id FROM price_list WHERE channel_id = :channel")
_SALE_LIST = text("SELECT id FROM price_list WHERE channel_id IS NULL AND lower(name) = lower(:name)")
_MAKE_LIST = text(
    "INSERT INTO price_list (id, channel_id, name, is_standard, created_at) SELECT :id, :channel, :name,"
    " CAST(:name AS varchar) IS NOT NULL AND NOT EXISTS (SELECT FROM price_list WHERE is_standard), :now"
)
_BEGUN = text("SELECT EXISTS (SELECT FROM price_version WHERE list_id = :list AND valid_from <= :today)")
_TAKE_AWAY = text("DELETE FROM price_version WHERE list_id = :list AND valid_from = :day RETURNING id")
_MAKE_VERSION = text(
    "INSERT INTO price_version (id, list_id, valid_from, prices, created_at) VALUES (:id, :list, :day, :prices, :now)"
)


def put(
    session: Session,
    now: datetime,
    author: Author,
    of: OfChannel | Sale,
    valid_from: date,
    prices: Sequence[Price],
) -> Stored | Refusal:
    """Let prices hold from a day on, from midnight in Stockholm. Of a day to come they replace what was put there for it. The first sale list
    is the standard one."""
    changing(session)
    name = _name(session, of)
    if isinstance(name, Refusal):
        return name
    list_id, today = _list(session, of, name), stockholm_day(now)
    begun = list_id is not None and session.execute(_BEGUN, {"list": list_id, "today": today}).scalar_one()
    if valid_from < today or (valid_from == today and begun):
        return Refusal.PAST
    list_id = list_id or _made(session, now, of, name)
    day = {"list": list_id, "day": valid_from}
    replaced = session.execute(_TAKE_AWAY, day).first() is not None
    version_id = new_id()
    row = {"id": version_id, "prices": len(prices), "now": now, **day}
    session.execute(_MAKE_VERSION, row)
    rows = [
        {"version_id": version_id, "prefix": p.prefix, "amount": p.micros, "name": p.name} for p in prices
    ]
    copy_rows(session, PRICE, rows)
    after = {"kind": "sale" if isinstance(of, Sale) else "cost", **_told(valid_from, len(prices))}
    record(session, now, author, [Change(None, None, Action.PRICES_ADDED, name, version_id, None, after)])
    return Stored(version_id, replaced)


def _told(valid_from: date, prices: int) -> dict[str, Any]:
    return {"valid_from": valid_from.isoformat(), "prices": prices}


def _name(session: Session, of: OfChannel | Sale) -> str | Refusal:
    if isinstance(of, OfChannel):
        return session.execute(_CHANNEL, {"id": of.channel_id}).scalar() or Refusal.NO_CHANNEL
    name = " ".join(of.name.split())
    if not name:
        return Refusal.NO_NAME
    return name if len(name) <= LONGEST_NAME else Refusal.NAME_TOO_LONG


def _list(session: Session, of: OfChannel | Sale, name: str) -> UUID | None:
    found: UUID | None
    if isinstance(of, OfChannel):
        found = session.execute(_LIST_OF_CHANNEL, {"channel": of.channel_id}).scalar()
    else:
        found = session.execute(_SALE_LIST, {"name": name}).scalar()
    return found


def _made(session: Session, now: datetime, of: OfChannel | Sale, name: str) -> UUID:
    channel_id = of.channel_id if isinstance(of, OfChannel) else None
    list_id = new_id()
    row = {"id": list_id, "channel": channel_id, "name": None if channel_id else name, "now": now}
    session.execute(_MAKE_LIST, row)
    return list_id


@dataclass(frozen=True, slots=True)
class Found:
    """What a list says of a number on a day; `price` None: nothing."""

    of: PricesOf
    valid_from: date
    price: Price | None


def look_up(session: Session, now: datetime, day: date, number: str) -> list[Found]:
    """What each list that holds on a day says of a number, E.164."""
    found = []
    for of in lists(session, now):
        dated = {v.id: v for v in of.versions}
        holds = in_force([Dated(v.valid_from, v.id) for v in of.versions], day)
        if holds is not None:
            price = table(session, holds).find(number)
            found.append(Found(of, dated[holds].valid_from, price))
    return found


class Outcome(StrEnum):
    """What became of a change."""

    DONE = "done"
    GONE = "gone"
    """There is no such thing any more."""
    BEGUN = "begun"
    """It holds, or has held: it stays."""


_VERSION = text(
    "SELECT v.id, v.valid_from, v.prices, l.id AS list_id, coalesce(c.name, l.name) AS name, l.channel_id FROM price_version v"
    " JOIN price_list l ON l.id = v.list_id LEFT JOIN channel c ON c.id = l.channel_id"
    " WHERE v.id = :id AND c.tenant_id IS NULL"
)
_REMOVE = text("DELETE FROM price_version WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Named:
    """A version, with its list's or channel's name; `is_cost`: it is what the channel costs us."""

    id: UUID
    name: str
    is_cost: bool
    valid_from: date
    prices: int


def version(session: Session, version_id: UUID) -> Named | None:
    """A version of a sale list or of one of the platform's channels; None if there is no such."""
    row = session.execute(_VERSION, {"id": version_id}).first()
    if row is None:
        return None
    return Named(row.id, row.name, row.channel_id is not None, row.valid_from, row.prices)


def remove(session: Session, now: datetime, author: Author, version_id: UUID) -> Outcome:
    """Take away a version whose day is still to come; the one before it then holds on."""
    changing(session)
    found = version(session, version_id)
    if found is None:
        return Outcome.GONE
    if found.valid_from <= stockholm_day(now):
        return Outcome.BEGUN
    session.execute(_REMOVE, {"id": version_id})
    before = {"kind": "cost" if found.is_cost else "sale", **_told(found.valid_from, found.prices)}
    change = Change(None, None, Action.PRICES_REMOVED, found.name, version_id, before)
    record(session, now, author, [change])
    return Outcome.DONE


_STANDARD = text("SELECT id, name, is_standard FROM price_list WHERE id = :id AND channel_id IS NULL")
_NO_STANDARD = text("UPDATE price_list SET is_standard = false WHERE is_standard")
_MAKE_STANDARD = text("UPDATE price_list SET is_standard = true WHERE id = :id")


def make_standard(session: Session, now: datetime, author: Author, list_id: UUID) -> Outcome:
    """Let a sale list hold where no other was agreed on."""
    changing(session)
    row = session.execute(_STANDARD, {"id": list_id}).first()
    if row is None:
        return Outcome.GONE
    if not row.is_standard:
        session.execute(_NO_STANDARD)
        session.execute(_MAKE_STANDARD, {"id": list_id})
        change = Change(None, None, Action.PRICES_STANDARD, row.name, list_id)
        record(session, now, author, [change])
    return Outcome.DONE
