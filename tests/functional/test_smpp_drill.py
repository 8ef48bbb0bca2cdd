"""Texts by SMPP through somebody else's service centre, while the line is cut and the process that holds the session is killed (issue 7, 4).

Jasmin takes them by its SMPP server, and sends them on to a sink whose journal testifies. `--smpp-texts` says how many.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cut_line import CutLine
from tests.support.jasmin import Jasmin, running_jasmin
from tests.support.platform import Platform, a_platform, mail
from tests.support.processes import Child
from tests.support.sink import Sink, running_sink
from tests.support.sink_receipts import Options

WINDOW = 20
CUTS = 5
A_MAIL = 500
FINAL = {"DELIVERED", "UNCONFIRMED"}
LEASE_SECONDS = 6
BOUND = "SELECT count(*) FROM connector_lease JOIN channel ON channel.id = channel_id WHERE channel.name = 'operator' AND up = 1"
DOUBTS = CUTS * WINDOW + 4 * WINDOW
"""A window at each cut; and of the process that is killed what it had claimed for two windows, and what was answered and not written."""


@dataclass
class Drill:
    """The platform with a channel by SMPP, whose session another process than the rest holds."""

    platform: Platform
    sink: Sink
    line: CutLine
    connectors: list[Child]

    def statuses(self) -> Counter[str]:
        """How many texts stand where."""
        rows = self.platform.rows("SELECT status, count(*) AS n FROM message WHERE text = 'Drill' GROUP BY 1")
        return Counter({row.status: row.n for row in rows})

    def final(self) -> int:
        return sum(n for status, n in self.statuses().items() if status in FINAL)

    def left(self) -> int:
        """How many have left, as far as we know."""
        return sum(n for status, n in self.statuses().items() if status != "QUEUED")


@pytest.fixture
def drill(server: str, template: str, tmp_path: Path) -> Iterator[Drill]:
    for name in ("sink", "jasmin", "platform"):
        (tmp_path / name).mkdir()
    with (
        running_sink(tmp_path / "sink", Options()) as sink,
        running_jasmin(sink.port, tmp_path / "jasmin", connectors=4) as jasmin,
        CutLine(jasmin.smpp_port).up() as line,
        a_platform(server, template, tmp_path / "platform") as platform,
    ):
        _connect(platform, jasmin, line.port)
        platform.environment["MESSA_DISPATCH_LEASE_SECONDS"] = str(LEASE_SECONDS)
        # the first one holds the session; the other waits for its end, as the one within `serve` does
        first = platform.run("connector", log="connector-1.log")
        first.until(lambda: platform.value(BOUND) == 1)
        second = platform.run("connector", log="connector-2.log")
        platform.start()
        yield Drill(platform, sink, line, [first, second])


def _connect(platform: Platform, jasmin: Jasmin, port: int) -> None:
    platform.do("UPDATE channel SET enabled = false")
    platform.do(
        "INSERT INTO channel (id, name, plugin, settings, enabled, priority) VALUES (gen_random_uuid(), 'operator', 'smpp',"
        " jsonb_build_object('host', '127.0.0.1', 'port', CAST(:port AS int), 'system_id', CAST(:user AS text),"
        " 'password', CAST(:password AS text), 'window', CAST(:window AS int), 'answer_seconds', 3), true, 0)",
        port=port,
        user=jasmin.user,
        password=jasmin.password,
        window=WINDOW,
    )


@pytest.mark.timeout(0)  # each wait has its own end
def test_each_text_is_delivered_once_or_declared_unconfirmed(
    drill: Drill, request: pytest.FixtureRequest
) -> None:
    smpp_texts: int = request.config.getoption("--smpp-texts")
    begin = time.monotonic()
    for first in range(0, smpp_texts, A_MAIL):
        numbers = [
            f"+46701{8_00000 + n}@messa.example" for n in range(first, min(first + A_MAIL, smpp_texts))
        ]
        drill.platform.send(mail("Drill", subject=""), *numbers)
    share = smpp_texts // (CUTS + 2)
    for cut in range(1, CUTS + 1):
        drill.platform.until(
            lambda cut=cut: drill.left() >= cut * share, 120, f"{cut * share} texts have left"
        )  # type: ignore[misc]
        drill.line.cut()
    drill.platform.until(lambda: drill.left() >= (CUTS + 1) * share, 120, "more have left")
    drill.connectors[0].kill()
    assert drill.left() < smpp_texts, "all had left before the process was killed"
    drill.platform.until(lambda: drill.final() == smpp_texts, 180 + smpp_texts / 10, "each text has an end")
    seconds = time.monotonic() - begin

    statuses = drill.statuses()
    print(f"{smpp_texts} texts in {seconds:.0f} s: {dict(statuses)}; {drill.line.cuts} connections cut")
    assert drill.line.cuts >= CUTS
    journal = Counter(each.message.destination for each in drill.sink.journal())
    twice = [number for number, times in journal.items() if times > 1]
    assert twice == [], f"{len(twice)} sent twice"
    rows = drill.platform.rows("SELECT remote, status FROM message WHERE text = 'Drill'")
    unsent = [row.remote for row in rows if row.status == "DELIVERED" and row.remote[1:] not in journal]
    assert unsent == [], "delivered, and never sent"
    assert statuses["UNCONFIRMED"] <= DOUBTS
    assert statuses["DELIVERED"] == smpp_texts - statuses["UNCONFIRMED"]
