"""What texts cost in the demo: what the simulator "charges", what the platform does, a change to come, and a route. All of it is made up."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from messa_platform.core.clock import stockholm_day
from messa_platform.providers.models import Channel
from messa_platform.providers.prices import lists
from messa_platform.providers.prices.lists import OfChannel, Sale, Stored
from messa_platform.providers.prices.models import PriceList
from messa_platform.providers.prices.table import Price
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.routes import Wanted
from messa_platform.tenants.audit import SYSTEM

ORE = 10_000
"""Millionths of a krona in an öre."""
STANDARD = "Standard"
DESTINATIONS = (
    # prefix, country or network, what the provider charges and what we charge, in öre a part
    ("46", "Sverige", 30, 39),
    ("4670", "Sverige, mobil", 28, 35),
    ("4672", "Sverige, mobil", 28, 35),
    ("4673", "Sverige, mobil", 28, 35),
    ("4676", "Sverige, mobil", 28, 35),
    ("4679", "Sverige, mobil", 28, 35),
    ("4673012", "Egna nummer", 0, 0),
    ("47", "Norge", 45, 60),
    ("45", "Danmark", 30, 45),
    ("358", "Finland", 50, 65),
    ("354", "Island", 60, 80),
    ("49", "Tyskland", 75, 95),
    ("44", "Storbritannien", 40, 55),
    ("48", "Polen", 25, 40),
    ("1", "USA och Kanada", 10, 20),
)


def bring_up_to_date(session: Session, now: datetime) -> None:
    """Put the prices there once; what a visitor has changed since stays so."""
    if session.execute(select(PriceList.id).limit(1)).first():
        return
    channel = session.execute(select(Channel.id).where(Channel.name == "simulator")).scalar()
    today = stockholm_day(now)
    if channel is not None:
        _put(session, now, OfChannel(channel), today, 0)
        # no other route, so that whoever adds a channel to the demo sees it used
        routes.add(session, now, SYSTEM, Wanted(None, "47", None, ("receipts",), (channel,), True))
    _put(session, now, Sale(STANDARD), today, 1)
    _put(session, now, Sale(STANDARD), _next_month(today), 1, 1)


def _put(
    session: Session, now: datetime, of: OfChannel | Sale, day: date, which: int, dearer: int = 0
) -> None:
    prices = [
        Price(prefix, (amounts[which] + (dearer if amounts[which] else 0)) * ORE, name)
        for prefix, name, *amounts in DESTINATIONS
    ]
    made = lists.put(session, now, SYSTEM, of, day, prices)
    assert isinstance(made, Stored), made


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
