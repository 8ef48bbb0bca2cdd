"""Mails that are read: the messages, accounts and welcome mails that they become (spec M2-M5, M9)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.tenants.models import Group
from tests.support.mail_desk import ANNA, PHONES, Desk
from tests.support.observe import statements
from tests.support.platform import mail
from tests.support.world import World


def test_a_mail_becomes_a_message_to_each_recipient_once(desk: Desk, kommun: Group) -> None:
    row = desk.read(mail("Kom i tid", sender=ANNA), "0701740605", "+46701740606", "070-174 06 05")
    assert (row.outcome, row.state, row.reason) == ("submitted", "done", None)
    assert desk.words() == [("+46701740605", "QUEUED"), ("+46701740606", "QUEUED")]
    assert desk.texts() == ["Hej\nKom i tid"] * 2
    assert desk.letters() == []
    assert row.tenant_id == kommun.tenant_id
    assert row.account_id == desk.world.value("SELECT id FROM account WHERE address = :a", a=ANNA)


def test_many_mails_are_read_in_one_go(desk: Desk, kommun: Group) -> None:
    arrived = [desk.arrive(mail(f"Nummer {i}", subject="", sender=ANNA)) for i in range(30)]
    desk.intake.run()
    assert {desk.row(one).outcome for one in arrived} == {"submitted"}
    assert desk.texts() == [f"Nummer {i}" for i in range(30)]
    assert len(desk.world.rows("SELECT DISTINCT xmin FROM message")) == 1


def test_the_first_mail_makes_an_account_in_the_group_of_the_longest_domain(
    desk: Desk, kommun: Group, world: World
) -> None:
    school = world.group(kommun, "Skolan")
    world.domain(school, "skolan.kommun.example")
    for address in ("eva@vik.skolan.kommun.example", "per@annat.kommun.example", "bo@xkommun.example"):
        desk.read(mail("Hej", sender=f"Någon <{address}>"), envelope_sender=address)
    rows = world.rows(
        'SELECT a.address, a.display_name, g.id AS group_id, t.is_free FROM account a JOIN "group" g ON g.id = a.group_id'
        " JOIN tenant t ON t.id = a.tenant_id WHERE a.address <> :anna ORDER BY a.address",
        anna=ANNA,
    )
    assert [(r.address, r.display_name, r.is_free) for r in rows] == [
        ("bo@xkommun.example", "Någon", True),
        ("eva@vik.skolan.kommun.example", "Någon", False),
        ("per@annat.kommun.example", "Någon", False),
    ]
    assert [r.group_id for r in rows[1:]] == [school.id, kommun.id]


def test_a_newcomer_is_welcomed_once_with_a_link_whose_word_is_kept_as_a_digest_only(
    desk: Desk, world: World
) -> None:
    for body in ("Första", "Andra"):
        desk.read(mail(body, sender="ny@annan.example"))
    desk.arrive(mail("Tredje", sender="ny@annan.example"))
    (welcome,) = desk.letters("ny@annan.example")
    assert welcome.key.startswith("welcome:")
    assert welcome.envelope_sender == ""
    (link,) = [line for line in welcome.text.splitlines() if line.startswith("https://messa.example/")]
    word = link.rsplit("/", 1)[-1].rsplit("=", 1)[-1]
    (token,) = world.rows("SELECT digest, kind, expires_at FROM account_token")
    assert word.encode() not in bytes(token.digest)
    assert len(word) >= 40
    assert token.kind == "welcome"


def test_two_first_mails_in_one_batch_are_welcomed_once(desk: Desk) -> None:
    for i in range(3):
        desk.arrive(mail(f"Nummer {i}", sender="ny@annan.example"))
    desk.intake.run()
    assert len(desk.letters("ny@annan.example")) == 1
    assert len(desk.texts()) == 3


def test_a_program_that_is_new_here_is_served_without_a_welcome(desk: Desk) -> None:
    row = desk.read(mail("11 grader", "LARM", sender="larm@annan.example", Auto_Submitted="auto-generated"))
    assert row.outcome == "submitted"
    assert desk.texts() == ["LARM\n11 grader"]
    assert desk.letters("larm@annan.example") == []


def test_a_free_account_has_twenty_five_in_all(desk: Desk, clock: FixedClock) -> None:
    desk.read(mail("Tjugo", sender="ny@annan.example"), *PHONES[:20])
    clock.move(timedelta(days=400))
    desk.read(mail("Tio till", sender="ny@annan.example"), *PHONES[:10])
    assert [status for _, status in desk.words()] == ["QUEUED"] * 25 + ["no_sms_left:Personal"] * 5
    (told,) = desk.failures("ny@annan.example")
    assert all(number in told for number in PHONES[5:10])
    assert PHONES[4] not in told


def test_one_mail_delivered_twice_is_one_and_no_refusal(desk: Desk, kommun: Group) -> None:
    message = mail("En gång", sender=ANNA)
    outcomes = [desk.read(message, "0701740605", "0701740606").outcome for _ in range(2)]
    assert outcomes == ["submitted", "repeated"]
    assert [status for _, status in desk.words()] == ["QUEUED"] * 2
    assert desk.letters() == []


def test_one_mail_delivered_twice_in_one_batch_is_one(desk: Desk, kommun: Group) -> None:
    message = mail("En gång", sender=ANNA)
    arrived = [desk.arrive(message) for _ in range(2)]
    desk.intake.run()
    assert [desk.row(one).outcome for one in arrived] == ["submitted", "repeated"]
    assert desk.words() == [("+46701740605", "QUEUED")]


def test_the_same_mail_to_others_is_another_mail(desk: Desk, kommun: Group) -> None:
    message = mail("Till två", sender=ANNA)
    assert [desk.read(message, number).outcome for number in PHONES[:2]] == ["submitted"] * 2
    assert [status for _, status in desk.words()] == ["QUEUED"] * 2


def test_a_mail_without_a_from_line_is_its_envelope_senders(desk: Desk, kommun: Group) -> None:
    row = desk.read(b"Subject: Utan avsandare\r\n\r\nHej\r\n", envelope_sender=ANNA)
    assert row.outcome == "submitted"
    assert row.account_id == desk.world.value("SELECT id FROM account WHERE address = :a", a=ANNA)


ODD_SENDERS = [
    "a..b@annan.example",  # real ones in Japan
    "a.@annan.example",
    '"anna andersson"@annan.example',
    "göran@annan.example",
    "anna@[192.0.2.7]",
    "anna",
    "anna@annan.example\x85bcc: x@y.example",
    "o'brien+sms@annan.example",
    "=?utf-8?q?anna?=@annan.example",
]


@pytest.mark.parametrize("address", ODD_SENDERS)
def test_an_odd_address_is_served_and_written_to_like_any_other(desk: Desk, address: str) -> None:
    row = desk.read(b"Subject: Udda\r\n\r\nHej\r\n", *PHONES[:26], envelope_sender=address)
    assert (row.outcome, row.state) == ("submitted", "done")
    assert [letter.key.split(":")[0] for letter in desk.letters(address)] == ["welcome", "failure"]


def test_what_was_left_out_of_a_mail_is_counted(desk: Desk, kommun: Group) -> None:
    message = mail("Se bilaga", sender=ANNA)
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="karta.pdf")
    assert desk.read(message).left_out == 1


def test_the_thread_remembers_the_mail_that_an_answer_belongs_to(desk: Desk, kommun: Group) -> None:
    message = mail("Kommer du?", sender=ANNA)
    desk.read(message)
    assert desk.world.value("SELECT mail_reference FROM thread") == str(message["Message-ID"]).strip("<>")


def test_five_hundred_recipients_take_one_reservation_and_as_many_statements_as_one(
    desk: Desk, kommun: Group, world: World, database: Database
) -> None:
    world.group_quota(kommun, 1000)
    desk.read(mail("Till en först", sender=ANNA))
    with statements(database.engine) as for_one:
        desk.read(mail("Till en", sender=ANNA))
    with statements(database.engine) as for_all:
        desk.read(mail("Till alla", sender=ANNA), *PHONES[:500])
    assert [remote for remote, status in desk.words()[2:] if status == "QUEUED"] == PHONES[:500]
    assert len(for_all) <= len(for_one)  # many rows are copied, which takes no statement
    assert sum("quota_usage AS u SET" in one.text for one in for_all) == 1
