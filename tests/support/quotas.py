"""What accounts send of their quotas, and what is left of these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from messa_platform.core.clock import STOCKHOLM
from messa_platform.tenants import quota
from messa_platform.tenants.quota import Answer, Granted, Left
from tests.support.world import World


def stockholm(day: str) -> datetime:
    """An instant by Stockholm's clocks: `2026-10-25 00:30`."""
    return datetime.fromisoformat(day).replace(tzinfo=STOCKHOLM)


def how_many(answers: Sequence[Answer]) -> int:
    """How many were granted, which must be the first ones."""
    granted = [isinstance(answer, Granted) for answer in answers]
    assert granted == sorted(granted, reverse=True)
    return sum(granted)


def sends(world: World, account_id: UUID, texts: int = 1) -> int:
    """How many of so many texts of one part an account may send now."""
    return how_many(world.reserve(account_id, *[1] * texts))


def left(world: World, account_id: UUID) -> list[Left]:
    sender = world.sender(account_id)
    with world.database.unit_of_work() as session:
        return quota.left(session, world.clock.now(), account_id, sender.tenant_since, sender.settings)
