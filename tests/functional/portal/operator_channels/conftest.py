"""The operator at the page of channels, with a fake of 46elks that can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.providers.elks.fake import ElksFake
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.secrets import divide
from messa_platform.runtime import Runtime
from tests.support.operators import an_operator, at_the_pages, page
from tests.support.visitors import Visitor, a_runtime, path_of
from tests.support.world import World

CHANNELS = "/operator/channels"


@dataclass
class Desk:
    """The operator at work."""

    world: World
    runtime: Runtime
    visitor: Visitor

    def page(self) -> TestResponse:
        """The page of channels."""
        return page(self.visitor, CHANNELS)

    def press(self, channel: UUID, what: str, **fields: str) -> TestResponse:
        """Press a button of a channel's; gives the page that it leads to."""
        answer = self.visitor.send(CHANNELS, fields, f"{CHANNELS}/{channel}/{what}")
        assert answer.status_int == 303, answer.status
        return page(self.visitor, path_of(answer))

    def order(self) -> list[str]:
        """The channels' names as they stand on the page."""
        shown = self.page().html.find("ol")
        return [" ".join(str(heading.contents[0]).split()) for heading in shown.find_all("h3")]

    def elks(self, fake: ElksFake, name: str = "elks", **values: Any) -> UUID:
        """A channel that leads to the fake."""
        kept = divide(self.runtime.keys, ElksProvider, fake.settings())
        return self.world.channel(name, plugin="elks", settings=kept.plain, sealed=kept.sealed, **values)

    def audited(self) -> list[tuple[Any, ...]]:
        """What was written down of channels: by whom, what, of which, from what to what."""
        rows = self.world.rows(
            "SELECT actor, action, subject, before, after FROM audit_entry WHERE action LIKE 'channel%' ORDER BY id"
        )
        return [tuple(row) for row in rows]


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process that may reach this machine, where the fakes are."""
    with a_runtime(database_url, tmp_path / "key", clock, **{"outbound.allow_private": "true"}) as made:
        yield made


@pytest.fixture
def desk(world: World, runtime: Runtime) -> Desk:
    return Desk(world, runtime, at_the_pages(runtime, an_operator(world)))


@pytest.fixture
def fake() -> Iterator[ElksFake]:
    """46elks, which answers."""
    made = ElksFake()
    with made.running():
        yield made
