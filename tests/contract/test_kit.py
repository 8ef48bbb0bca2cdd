"""The kit finds what is wrong with a plugin: each mutant fails the case that is for it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.contract.mutants import CASES

ROOT = Path(__file__).parents[2]


def test_each_mutant_fails_the_case_that_is_for_it() -> None:
    cases = [f"tests/contract/mutants.py::{name}::{case}" for name, case in CASES.items()]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-rA",
        "--tb=no",
        "--show-capture=no",
        "-p",
        "no:cacheprovider",
        *cases,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    found = dict(re.findall(r"^(?:FAILED|ERROR) .*::(Test\w+)::(\S+)", done.stdout, re.M))
    assert found == CASES, done.stdout[-6000:]
