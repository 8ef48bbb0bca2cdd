"""A municipality with domains, and a provider that its process may reach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from tests.support.oidc_provider import OidcProvider, oidc_provider
from tests.support.sign_on_pages import CALLBACK
from tests.support.town import Town, build_town
from tests.support.visitors import a_runtime
from tests.support.world import World


@pytest.fixture
def idp(clock: FixedClock) -> Iterator[OidcProvider]:
    with oidc_provider(CALLBACK) as provider:
        provider.now = lambda: clock.now().timestamp()
        yield provider


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    settings = {"messa.public_url": "http://sms.kommun.example/", "outbound.allow_private": "true"}
    with a_runtime(database_url, tmp_path / "key", clock, **settings) as made:
        yield made


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    made = build_town(world, runtime)
    world.domain(made.school, "skolan.example")
    world.domain(made.master, "kommun.example")
    return made
