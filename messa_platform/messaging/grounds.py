"""By what submissions are judged: who sends and how its group is set, which numbers are our own, and which way a tenant's texts leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.pipeline import Pipeline
from messa_platform.providers.routing import ask_routes
from messa_platform.tenants.numbers import OwnRange, ask_own_ranges
from messa_platform.tenants.senders import Sender, Whose, ask_senders, senders, those


@dataclass(frozen=True, slots=True)
class Grounds:
    """`senders` by account, `channels` by tenant; who or what is missing there is unknown, or has no way out."""

    senders: Mapping[UUID, Sender]
    own: tuple[OwnRange, ...]
    channels: Mapping[UUID, UUID]

    @classmethod
    def joined(cls, several: Iterable[Grounds]) -> Grounds:
        """Grounds that were read one after the other: where they say of one thing what differs, the later ones hold."""
        senders: dict[UUID, Sender] = {}
        channels: dict[UUID, UUID] = {}
        own: tuple[OwnRange, ...] = ()
        for each in several:
            senders |= each.senders
            channels |= each.channels
            own = each.own
        return cls(senders, own, channels)


def ask(pipeline: Pipeline, whose: Whose) -> Callable[[], Grounds]:
    """The grounds on which submissions of these accounts are judged, once the pipeline was sent; without a sender who was moved to another
    group just then."""
    asked = ask_senders(pipeline, whose)
    own, channels = ask_own_ranges(pipeline), ask_routes(pipeline, whose)
    return lambda: Grounds(asked.found(), own(), channels())


def read(session: Session, account_ids: Iterable[UUID]) -> Grounds:
    """The grounds on which submissions of these accounts are judged, in one round trip."""
    ids = set(account_ids)
    pipeline = Pipeline(session)
    asked = ask(pipeline, those(ids))
    pipeline.send()
    found = asked()
    missing = ids - set(found.senders)
    return replace(found, senders={**found.senders, **senders(session, missing)}) if missing else found
