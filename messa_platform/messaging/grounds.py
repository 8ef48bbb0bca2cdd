"""By what submissions are judged: who sends and how its group is set, which numbers are our own, and which way a tenant's texts leave."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.pipeline import Pipeline
from messa_platform.providers.routing.ask import Ways, ask_ways
from messa_platform.tenants.numbers import OwnRange, ask_own_ranges
from messa_platform.tenants.senders import Sender, Whose, ask_senders, those


@dataclass(frozen=True, slots=True)
class Grounds:
    """`senders` by account: an unknown one is missing. `ways` by tenant. `at`: when they were asked for, in monotonic seconds."""

    senders: Mapping[UUID, Sender]
    own: tuple[OwnRange, ...]
    ways: Mapping[UUID, Ways]
    at: float

    def hold_for(self, account_ids: Iterable[UUID]) -> bool:
        """Whether they are fresh, and say all that is to be known of these accounts. They are read by several statements: who was moved in
        between may be missing, or his new tenant's channels."""
        found = [self.senders.get(account_id) for account_id in account_ids]
        is_fresh = time.monotonic() - self.at < FRESH
        return is_fresh and all(s is not None and s.settings.tenant_id in self.ways for s in found)

    @classmethod
    def joined(cls, several: Iterable[Grounds]) -> Grounds:
        """Several grounds as one, as old as the oldest: where they say of one thing what differs, those that were asked for later hold."""
        senders: dict[UUID, Sender] = {}
        ways: dict[UUID, Ways] = {}
        own: tuple[OwnRange, ...] = ()
        in_order = sorted(several, key=lambda each: each.at)
        for each in in_order:
            senders |= each.senders
            ways |= each.ways
            own = each.own
        return cls(senders, own, ways, in_order[0].at if in_order else -math.inf)


FRESH = 1.0
"""Seconds for which grounds hold that were read before the transaction: whoever blocks an account or lowers a limit waits for no queue."""
TRIES = 3


def ask(pipeline: Pipeline, whose: Whose) -> Callable[[], Grounds]:
    """The grounds on which submissions of these accounts are judged, once the pipeline was sent; without a sender who was moved to another
    group just then."""
    at = time.monotonic()
    asked = ask_senders(pipeline, whose)
    own, ways = ask_own_ranges(pipeline), ask_ways(pipeline, whose)
    return lambda: Grounds(asked.found(), own(), ways(), at)


def read(session: Session, account_ids: Iterable[UUID]) -> Grounds:
    """The grounds on which submissions of these accounts are judged, in one round trip; in some more if one is unknown, or was just moved."""
    ids = set(account_ids)
    for _ in range(TRIES):
        pipeline = Pipeline(session)
        asked = ask(pipeline, those(ids))
        pipeline.send()
        found = asked()
        if found.hold_for(ids):
            break
    return found
