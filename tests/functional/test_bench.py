"""The bench in its short form: it runs, and tells what it says it tells. Its figures are for `make bench`, on a quiet machine."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.bench.platforms import ROOT


def test_the_bench_measures_the_platform_beside_the_bare_machine() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.bench",
        "--mails",
        "200",
        "--rounds",
        "1",
        "--pages",
        "0",
        "--groups",
        "0",
        "--messages",
        "0",
        "--exported",
        "0",
        "--requests",
        "1",
        "--recipients",
        "500",
        "--dispatched",
        "0",
        "--callbacks",
        "1",
        "--gateway",
        "310",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    ratios = re.findall(r"^ +(\d+\.\d\d) of bare aiosmtpd", done.stdout, re.M)
    figures = re.findall(r"^ +(\d+)  (.+?)   \(", done.stdout, re.M)
    assert len(ratios) == 3, done.stdout
    assert len(figures) == 6, done.stdout
    assert all(int(figure) > 0 for figure, _ in figures), done.stdout
    assert "POST /v2/messages to one" in done.stdout
    assert "recipients in one call" in done.stdout
    assert "of a bare Pyramid view  receipts, by one provider, answered after commit" in done.stdout
    assert done.stdout.count("times the gateway's messages a second") == 3


def test_the_bench_measures_what_leaves_by_smpp() -> None:
    command = [sys.executable, "-m", "tests.bench.dispatch", "--texts", "200", "--rounds", "1", "--alone"]
    done = subprocess.run(
        [*command, "--way", "SMPP to the sink"], capture_output=True, text=True, cwd=ROOT, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [rate] = re.findall(r"^ +(\d+) texts a second.*SMPP to the sink", done.stdout, re.M)
    assert int(rate) > 0, done.stdout
