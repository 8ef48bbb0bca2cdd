"""Reserving quota by itself; `submit` does it together with what else it asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from messa_platform.core.pipeline import Pipeline
from messa_platform.tenants.quota import Answer, Demand, Reservation


def reserve(session: Session, now: datetime, demands: Sequence[Demand]) -> list[Answer]:
    """Reserve for each demand, in order, all its parts or nothing; gives an answer for each."""
    pipeline = Pipeline(session)
    reservation = Reservation(pipeline, now, demands)
    pipeline.send()
    return reservation.grant(demands)
