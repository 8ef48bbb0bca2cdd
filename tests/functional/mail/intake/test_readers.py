"""Those who read the mails: what makes them fail, dies with them or is read by two, and how long raw bytes are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.post import Mail
from messa_platform.mail import intake
from messa_platform.mail.letters import Letters, Report
from messa_platform.tenants.models import Group
from messa_platform.tenants.senders import Sender
from tests.support.mail_desk import ANNA, Desk
from tests.support.observe import together
from tests.support.platform import mail


class Poisoned(Letters):
    """Letters that fail on one subject, as a mistake of ours might."""

    def failure(self, report: Report) -> Mail:
        if report.subject == "gift":
            raise RuntimeError("poison")
        return super().failure(report)

    def welcome(self, sender: Sender, word: str, until: Any) -> Mail:
        if sender.address.startswith("gift"):
            raise RuntimeError("poison")
        return super().welcome(sender, word, until)


@pytest.fixture
def poisoned(desk: Desk) -> Desk:
    letters = Poisoned("messa.example", "https://messa.example")
    return replace(desk, intake=replace(desk.intake, letters=letters))


def test_a_mail_that_makes_us_fail_holds_up_no_other(poisoned: Desk, kommun: Group) -> None:
    before = [poisoned.arrive(mail(f"Före {i}", sender=ANNA)) for i in range(5)]
    bad = poisoned.arrive(mail("Hej", sender="gift@annan.example"))
    after = [poisoned.arrive(mail(f"Efter {i}", sender=ANNA)) for i in range(5)]
    poisoned.intake.run()
    assert {poisoned.row(one).outcome for one in before + after} == {"submitted"}
    row = poisoned.row(bad)
    assert (row.state, row.outcome, row.attempts, row.last_error) == ("ready", None, 1, "RuntimeError")
    assert len(poisoned.texts()) == 10


def test_a_mail_that_makes_us_fail_again_and_again_is_parked_and_its_sender_told(
    poisoned: Desk, clock: FixedClock
) -> None:
    bad = poisoned.arrive(mail("Hej", sender="gift@annan.example"))
    for _ in range(len(intake.QUEUE.pauses) + 1):
        poisoned.intake.run()
        clock.move(timedelta(hours=1))
    row = poisoned.row(bad)
    assert (row.state, row.last_error) == ("parked", "RuntimeError")
    assert row.raw is not None
    (told,) = poisoned.failures("gift@annan.example")
    assert "Något gick fel hos oss" in told
    poisoned.intake.run()
    assert poisoned.row(bad).attempts == row.attempts


def test_a_mail_whose_reader_died_is_read_again_when_its_lease_has_run_out(
    desk: Desk, kommun: Group, database: Database, clock: FixedClock
) -> None:
    identifier = desk.arrive(mail("Överlever", sender=ANNA))
    with database.unit_of_work() as session:
        intake.QUEUE.claim(session, clock.now(), 10)  # and then the process was gone
    desk.intake.run()
    assert desk.row(identifier).state == "leased"
    clock.move(intake.QUEUE.lease)
    desk.intake.run()
    assert desk.row(identifier).outcome == "submitted"
    assert desk.texts() == ["Hej\nÖverlever"]


def test_two_readers_at_once_submit_each_mail_once(desk: Desk, kommun: Group) -> None:
    arrived = [desk.arrive(mail(f"Nummer {i}", sender=ANNA)) for i in range(150)]
    together([desk.intake.run] * 4)
    desk.intake.run()
    assert {desk.row(one).outcome for one in arrived} == {"submitted"}
    assert sorted(desk.texts()) == sorted(f"Hej\nNummer {i}" for i in range(150))


def empty_raw(desk: Desk) -> None:
    with desk.intake.database.unit_of_work() as session:
        intake.empty_old(session, desk.intake.clock.now() - timedelta(days=7))


def test_raw_bytes_are_emptied_after_their_days_but_not_those_of_a_parked_mail(
    desk: Desk, kommun: Group, clock: FixedClock
) -> None:
    read = desk.read(mail("Hej", sender=ANNA))
    parked = desk.read(b"no header at all")
    clock.move(timedelta(days=6, hours=23))
    empty_raw(desk)
    assert desk.row(read.id).raw is not None
    clock.move(timedelta(hours=2))
    fresh = desk.read(mail("Ny", sender=ANNA))
    empty_raw(desk)
    assert [desk.row(row.id).raw is None for row in (read, parked, fresh)] == [True, False, False]


def test_raw_bytes_of_thousands_of_mails_are_emptied(desk: Desk, kommun: Group, clock: FixedClock) -> None:
    read = desk.read(mail("Hej", sender=ANNA))
    copies = (
        "INSERT INTO inbound_mail (id, received_at, next_attempt_at, peer, helo, envelope_sender, recipients, raw, state)"
        " SELECT CAST(left(CAST(id AS text), 24) || lpad(to_hex(i), 12, '0') AS uuid), received_at, next_attempt_at, peer, helo,"
        " envelope_sender, recipients, raw, state FROM inbound_mail, generate_series(1, 2100) AS i WHERE id = :id RETURNING 1"
    )
    assert len(desk.world.rows(copies, id=read.id)) == 2100
    clock.move(timedelta(days=8))
    empty_raw(desk)
    assert desk.world.value("SELECT count(*) FROM inbound_mail WHERE raw IS NOT NULL") == 0
