"""Who may know whom (the direction in the architecture's first pages), by import-linter and by looking."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = "messa_platform"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, cache_dir=None)


def test_every_contract_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def plugins(graph: grimp.ImportGraph) -> list[str]:
    """The folders in `providers`: each is a plugin, but for the kit that tries them, and what is about channels."""
    folders = [m for m in sorted(graph.find_children(f"{PACKAGE}.providers")) if graph.find_children(m)]
    others = {f"{PACKAGE}.providers.{name}" for name in ("kit", "prices", "routing")}
    return [folder for folder in folders if folder not in others]


OPEN_TO_PLUGINS = (
    "core",
    "providers.base",
    "providers.http",
    "providers.kit.fake",
    "providers.kit.http_fake",
    "providers.kit.serving",
)


def test_a_plugin_imports_the_contract_the_kernel_and_itself(graph: grimp.ImportGraph) -> None:
    assert f"{PACKAGE}.providers.simulator" in plugins(graph)
    strange = {
        (module, imported)
        for plugin in plugins(graph)
        for module in {plugin, *graph.find_descendants(plugin)}
        for imported in graph.find_modules_directly_imported_by(module)
        if not f"{imported}.".startswith((f"{plugin}.", *(f"{PACKAGE}.{name}." for name in OPEN_TO_PLUGINS)))
    }
    assert strange == set()


def test_the_kernel_imports_nothing_but_itself(graph: grimp.ImportGraph) -> None:
    strange = {
        (module, imported)
        for module in graph.find_descendants(f"{PACKAGE}.core")
        for imported in graph.find_modules_directly_imported_by(module)
        if not imported.startswith(f"{PACKAGE}.core")
    }
    assert strange == set()


def test_no_two_modules_of_different_rooms_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    rooms = sorted(m for m in graph.find_children(PACKAGE) if graph.find_children(m))
    assert f"{PACKAGE}.mail" in rooms
    both_ways = {
        (one, other)
        for one in rooms
        for other in rooms
        if one < other
        and graph.chain_exists(one, other, as_packages=True)
        and graph.chain_exists(other, one, as_packages=True)
    }
    assert both_ways == set()
