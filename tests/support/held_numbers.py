"""Who holds numbers, asked for by itself; incoming texts ask it together with what else they ask."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from messa_platform.core.pipeline import Pipeline
from messa_platform.tenants.numbers import Holder, ask_holders


def holders(session: Session, msisdns: Sequence[str]) -> dict[str, Holder]:
    """Who holds, or held last, each of these numbers; a number never lent is left out."""
    pipeline = Pipeline(session)
    asked = ask_holders(pipeline, msisdns)
    pipeline.send()
    return asked.found(session)[0]
