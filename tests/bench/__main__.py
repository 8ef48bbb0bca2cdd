"""`python -m tests.bench`: every bench with its baseline, measured in one run; ratios first."""

from __future__ import annotations

import argparse
import os
import platform as machine
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from messa_platform.core.embedded import attach
from tests.bench import api, callbacks, dispatch, exports, logs, organisations, portal
from tests.bench.bare import insert_rates
from tests.bench.platforms import CONNECTIONS, Layout, bare, platform

ACCEPT_AIM, WHOLE_AIM = 0.7, 0.4


_OPTIONS: tuple[tuple[str, type, float, str], ...] = (
    ("--mails", int, 6000, "mails in each measurement"),
    ("--rounds", int, 3, "how often each is measured"),
    ("--pages", int, portal.PAGES, "open pages of the portal"),
    ("--groups", int, organisations.LARGE[0], "groups of the large organisation"),
    ("--messages", int, logs.MESSAGES, "messages in the large log"),
    ("--exported", int, exports.TEXT, "rows of the large export"),
    ("--requests", float, api.SECONDS, "seconds of requests to the API"),
    ("--recipients", int, api.MANY, "recipients in one call of the API"),
    ("--callbacks", float, callbacks.SECONDS, "seconds of providers' callbacks"),
    ("--dispatched", int, dispatch.TEXTS, "texts that leave by each way, beside gateways of others"),
)


def _chosen() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="Mails and messages a second, beside bare baselines.")
    for name, kind, default, meaning in _OPTIONS:
        parser.add_argument(name, type=kind, default=default, help=f"{meaning} (%(default)s)")
    parser.add_argument(
        "--gateway",
        type=float,
        help="a gateway's messages a second, beside which callbacks are shown (default: Jasmin's, if that is measured)",
    )
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    chosen = _chosen()
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        base = Path(folder)
        base.chmod(0o755)  # root's server runs as another user
        held = stack.enter_context(attach(base / "postgresql"))
        for _ in range(chosen.rounds):  # in turns, so that whatever else the machine does meets all of them
            measure(figures, held.url, base, chosen.mails)
        report(figures, chosen.mails)
        if chosen.requests:
            api.report(held.url, chosen.rounds, chosen.requests, chosen.recipients)
        jasmin = dispatch.report(held.url, chosen.rounds, chosen.dispatched) if chosen.dispatched else None
        if chosen.callbacks:
            beside = chosen.gateway or jasmin
            callbacks.report(held.url, chosen.rounds, chosen.callbacks, reference=beside)
        if chosen.pages:
            portal.report(held.url, chosen.pages)
        if chosen.groups:
            organisations.report(held.url, (chosen.groups, 40 * chosen.groups))
        if chosen.messages:
            logs.report(held.url, chosen.messages, chosen.messages // 10)
        if chosen.exported:
            exports.report(held.url, chosen.exported, chosen.exported // 5)


def measure(figures: dict[str, list[float]], url: str, base: Path, mails: int) -> None:
    """One round: each figure once."""

    def note(name: str, figure: float) -> None:
        figures.setdefault(name, []).append(figure)

    note("bare aiosmtpd, mails a second", bare(mails))
    with platform(Layout.ONE, url, base) as running:
        note("accepted, 250 after commit, mails a second", running.accept_only(mails))
    for layout in Layout:
        with platform(layout, url, base) as running:
            note(f"mail to provider's answer, a second: {layout}", running.end_to_end(mails))
    single, batch = insert_rates(url)
    note("bare PostgreSQL insert, one a commit, rows a second", single)
    note("bare PostgreSQL insert, 100 a commit, rows a second", batch)


def report(figures: dict[str, list[float]], mails: int) -> None:
    """Ratios to the bare aiosmtpd first, then every figure: the median, and each measurement."""
    print(
        f"{machine.machine()}, {os.cpu_count()} cores, Python {machine.python_version()}; {mails} mails, {CONNECTIONS} connections"
    )
    baseline = statistics.median(figures["bare aiosmtpd, mails a second"])
    for name, measured in figures.items():
        aim = ACCEPT_AIM if name.startswith("accepted") else WHOLE_AIM if name.startswith("mail to") else None
        if aim:
            print(f"  {statistics.median(measured) / baseline:8.2f} of bare aiosmtpd (aim {aim})  {name}")
    for name, measured in figures.items():
        print(f"  {statistics.median(measured):8.0f}  {name}   ({', '.join(f'{m:.0f}' for m in measured)})")


if __name__ == "__main__":
    main()
