"""Nothing is lost and nothing sent twice, however the platform dies (spec M6, X6; the kill drill).

Mails are sent without pause while the platform's processes are killed with -9 at random moments and started again. The simulator,
which is not killed and does not deduplicate, testifies. `--rounds` and `--seed` change the drill.
"""

from __future__ import annotations

import random
import smtplib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.platform import Platform, a_platform, mail
from tests.support.processes import wait_for

FINAL = {"DELIVERED", "UNDELIVERED", "UNSENT", "UNCONFIRMED"}
LEASE_SECONDS = 6
SENDERS = 3


@dataclass
class Sent:
    """What the senders know: the subjects of mails that were answered 250, and of those that broke off before an answer."""

    accepted: set[str] = field(default_factory=set)
    broken_off: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)


def _keep_sending(platform: Platform, sent: Sent, sender: int) -> None:
    """Send one mail after the other to a number each; on any trouble connect again, and send the next one."""
    number = 0
    while not sent.stop.is_set():
        try:
            with smtplib.SMTP("127.0.0.1", platform.smtp_port, timeout=5) as smtp:
                while not sent.stop.is_set():
                    number += 1
                    subject = f"Larm {sender}-{number}"
                    sent.broken_off.add(subject)
                    to = f"+4670174{sender}{number:04d}@messa.example"
                    message = mail("Kvittera larmet åäö", subject=subject, to=to)
                    smtp.sendmail("user@demo.example", [to], bytes(message))
                    sent.broken_off.discard(subject)
                    sent.accepted.add(subject)
        except (OSError, smtplib.SMTPException):
            time.sleep(0.05)


def _submits(platform: Platform) -> list[dict[str, Any]]:
    """Every submit that the network had, in order."""
    found: list[dict[str, Any]] = []
    since = 0
    while page := platform.simulator.ask("GET", f"/simulator/submits?since={since}")["submits"]:
        found += page
        since = page[-1]["n"]
    return found


@pytest.mark.timeout(900)
def test_what_was_answered_250_is_sent_once_however_often_the_platform_is_killed(
    server: str, template: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    rounds, seed = request.config.getoption("--rounds"), request.config.getoption("--seed")
    print(f"kill drill: {rounds} rounds, seed {seed}")
    chance = random.Random(seed)
    with a_platform(server, template, tmp_path) as platform:
        # now and then the network takes a text and its answer is lost: the doubt that must not become a double
        platform.simulator.ask("POST", "/simulator/faults", {"drop_answers": 0.02, "latency_ms": 5})
        platform.do("UPDATE channel SET settings = settings || '{\"timeout\": 2}'")
        settings = {"MESSA_DISPATCH_LEASE_SECONDS": str(LEASE_SECONDS), "MESSA_MESSA_LOG_LEVEL": "ERROR"}
        platform.start(**settings)
        sent = Sent()
        senders = [threading.Thread(target=_keep_sending, args=(platform, sent, n)) for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        try:
            for _ in range(rounds):
                time.sleep(chance.uniform(0.05, 1.2))
                platform.kill()
                platform.start(**settings)
            time.sleep(0.5)
        finally:
            sent.stop.set()
            for sender in senders:
                sender.join()
        _every_text_left_once(platform, sent)


def _every_text_left_once(platform: Platform, sent: Sent) -> None:
    open_texts = "SELECT count(*) FROM message WHERE status IN ('QUEUED', 'SENT', 'BUFFERED')"
    unread = "SELECT count(*) FROM inbound_mail WHERE state IN ('ready', 'leased')"
    wait_for(lambda: platform.value(unread) == 0, 90, "every mail read")
    wait_for(
        lambda: (
            platform.value(open_texts + " AND door = 'mail' AND created_at > now() - interval '1 hour'") == 0
        ),
        90,
        "every text final",
    )
    rows = platform.rows("SELECT id, status, text FROM message WHERE text LIKE 'Larm %'")
    messages = Counter(row.text.splitlines()[0] for row in rows)
    submits = _submits(platform)
    on_network = Counter(s["text"].splitlines()[0] for s in submits if s["taken"])
    lost = [s for s in sent.accepted if messages[s] != 1 or on_network[s] != 1]
    twice = [s for s, count in on_network.items() if count > 1]
    print(
        f"accepted {len(sent.accepted)}, broken off {len(sent.broken_off)}, messages {len(rows)}, on the network {len(submits)}"
    )
    assert not twice, twice[:10]
    assert not lost, [(s, messages[s], on_network[s]) for s in lost[:10]]
    assert {row.status for row in rows} <= FINAL, Counter(row.status for row in rows)
    assert len(sent.accepted) > 100, "the drill has hardly sent anything"
    # a mail whose 250 was lost on the way may have been taken, but not twice
    assert all(messages[s] <= 1 for s in sent.broken_off)
    undone = [row.status for row in rows if row.status != "DELIVERED"]
    assert not undone, Counter(undone)
