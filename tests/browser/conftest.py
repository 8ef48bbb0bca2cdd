"""What browser tests have: a platform that runs for all tests of a module, a browser, and visitors that may make no noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Chromium, Visitors, chromium
from tests.support.platform import Platform, a_platform
from tests.support.processes import HOST


@pytest.fixture(scope="module")
def platform(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform with the demo and a simulator, started."""
    with a_platform(server, template, tmp_path_factory.mktemp("platform")) as made:
        yield made.start()


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """Chromium, for one module: while it runs, no other test may use an event loop."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(platform: Platform) -> str:
    """Where the visitors go; a module that visits another site has a fixture of this name."""
    return f"http://{HOST}:{platform.web_port}"


@pytest.fixture
def visitor(browser: Chromium, site: str, tmp_path: Path) -> Iterator[Visitors]:
    """Makes visitors of the site; see `Visitors`. What went wrong in their browsers fails the test."""
    with Visitors(browser, site, tmp_path / "profiles") as visitors:
        yield visitors
