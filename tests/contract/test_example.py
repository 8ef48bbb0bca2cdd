"""A plugin of somebody else's, from a distribution of its own: installed, found by its entry point, and tried by the kit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "messa-pigeon"


def _run(*command: str | Path, cwd: Path, path: Path) -> str:
    """Run a Python command with what is installed at `path`; its output, and that it ended well."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(path), str(ROOT)))}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example is installed, from a copy: building leaves files behind."""
    copy, target = tmp_path_factory.mktemp("example") / "copy", tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, copy)
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(target))
    _run("-m", "pip", "install", *options, ".", cwd=copy, path=target)
    assert (target / "messa_pigeon" / "plugin.py").exists()
    return target


LOADED = "from messa_platform.providers.registry import load_plugins; print({n: getattr(p, 'contract', p) for n, p in load_plugins().items()})"


def test_it_is_found_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    assert "'pigeon': 2" in _run("-c", LOADED, cwd=tmp_path, path=installed)


def test_it_passes_the_kit_from_there(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    told = _run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path, path=installed)
    assert "passed" in told
    assert "skipped" not in told


def test_one_for_another_contract_is_broken_and_stops_nobody(installed: Path, tmp_path: Path) -> None:
    old = tmp_path / "site"
    shutil.copytree(installed, old)
    plugin = old / "messa_pigeon" / "plugin.py"
    plugin.write_text(plugin.read_text().replace("= CONTRACT_VERSION", "= CONTRACT_VERSION - 1"))
    told = _run("-c", LOADED, cwd=tmp_path, path=old)
    assert "written for contract 1, this is contract 2" in told
    assert "'simulator': 2" in told
    plugin.write_text(
        plugin.read_text()
        .replace("= CONTRACT_VERSION - 1", "= CONTRACT_VERSION")
        .replace("def check", "def look")
    )
    assert "it has no check" in _run("-c", LOADED, cwd=tmp_path, path=old)
    plugin.write_text("raise SystemError('a stranger')\n")
    told = _run("-c", LOADED, cwd=tmp_path, path=old)
    assert "SystemError: a stranger" in told
    assert "'simulator': 2" in told
