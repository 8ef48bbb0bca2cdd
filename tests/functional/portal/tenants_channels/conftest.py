"""An organisation's admin at the pages of its own channels, with a fake of 46elks that can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.providers.elks.fake import PASSWORD, USER, ElksFake
from messa_platform.providers.secrets import whole
from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from tests.support.operators import at_the_pages, page
from tests.support.portal import seen
from tests.support.visitors import Visitor, a_runtime, path_of
from tests.support.world import World


@dataclass
class Office:
    """An admin of an organisation's Master at work."""

    world: World
    runtime: Runtime
    master: Group
    slug: str
    visitor: Visitor

    @property
    def base(self) -> str:
        """The address of the list."""
        return f"/t/{self.slug}/@@channels"

    def shown(self) -> TestResponse:
        """The list of the organisation's own channels."""
        return page(self.visitor, self.base)

    def names(self) -> list[str]:
        """The channels' names as they stand in the list."""
        shown = self.shown().html.find("ol", attrs={"data-order": True})
        return [] if shown is None else [str(h.contents[0]).strip()[3:] for h in shown.find_all("h3")]

    def fill_in(self, plugin: str = "elks", **fields: str) -> TestResponse:
        """Send the form for a new channel; `s_` in a field's name stands for its `s-`."""
        address = f"{self.base}/new/{plugin}"
        return self.visitor.send(address, spelt(fields))

    def connect(self, fake: ElksFake, name: str = "46elks") -> UUID:
        """Connect a channel that leads to the fake."""
        answer = self.fill_in(name=name, s_username=USER, s_password=PASSWORD, s_url=fake.base)
        assert answer.status_int == 200, seen(answer)
        return self.id_of(name)

    def id_of(self, name: str) -> UUID:
        found: UUID = self.world.value(
            "SELECT id FROM channel WHERE name = :name AND tenant_id = :tenant ORDER BY id DESC LIMIT 1",
            name=name,
            tenant=self.master.tenant_id,
        )
        return found

    def kept(self, name: str) -> dict[str, Any]:
        """A channel's settings, opened."""
        row = self.world.rows("SELECT settings, sealed FROM channel WHERE id = :id", id=self.id_of(name))[0]
        return whole(self.runtime.keys, row.settings, bytes(row.sealed))

    def change(self, channel: UUID, **fields: str) -> TestResponse:
        """Send the form of a channel, with what stands in it but for these fields."""
        address = f"{self.base}/{channel}"
        opened = page(self.visitor, address)
        form = next(form for form in opened.forms.values() if "version" in form.fields)
        for name, value in spelt(fields).items():
            form[name] = value
        return form.submit(status="*")

    def press(self, channel: UUID, what: str, **fields: str) -> TestResponse:
        """Press a button of a channel's; gives the page that it leads to."""
        answer = self.visitor.send(self.base, fields, f"{self.base}/{channel}/{what}")
        assert answer.status_int == 303, answer.status
        return page(self.visitor, path_of(answer))


def spelt(fields: dict[str, str]) -> dict[str, str]:
    return {
        f"s-{name[2:]}" if name.startswith("s_") else name.replace("__", "-"): value
        for name, value in fields.items()
    }


def an_office(world: World, runtime: Runtime, slug: str, name: str) -> Office:
    """An organisation with an admin who reads English."""
    master = world.tenant(slug, name)
    admin = world.account(master, f"admin@{slug}.example", language="en")
    world.administer(master, admin)
    return Office(world, runtime, master, slug, at_the_pages(runtime, admin))


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process that may reach this machine, where the fakes are."""
    with a_runtime(database_url, tmp_path / "key", clock, **{"outbound.allow_private": "true"}) as made:
        yield made


@pytest.fixture
def office(world: World, runtime: Runtime) -> Office:
    return an_office(world, runtime, "kommun", "Kommunen")


@pytest.fixture
def neighbour(world: World, runtime: Runtime) -> Office:
    return an_office(world, runtime, "annan", "Annan kommun")


@pytest.fixture
def fake() -> Iterator[ElksFake]:
    """46elks, which answers."""
    made = ElksFake()
    with made.running():
        yield made
