"""Texts that are handed in: stored, to whom, and as what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.core.segments import segment
from messa_platform.messaging.drafts import Receipted
from messa_platform.messaging.statuses import Status
from messa_platform.tenants.group_settings import Key, TooLong
from messa_platform.tenants.models import Group, Lock
from tests.support.network import Network
from tests.support.submits import OTHER, PHONE, waiting
from tests.support.world import World

LONG = "Kom till skolan i morgon klockan åtta. " * 10  # 390 characters, three parts


def row(world: World) -> Any:
    """The only message."""
    [found] = world.rows("SELECT * FROM message")
    return found


def test_a_text_is_stored_waits_and_is_announced(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    mail = new_id()
    result = world.submit(anna, [PHONE], "Hej på dig", mail_id=mail, mail_reference="<1@kommun.example>")
    assert isinstance(result, Receipted)
    [entry] = result.entries
    assert (entry.recipient, entry.status, entry.word) == ("+46701740605", Status.QUEUED, "QUEUED")
    message, [queued] = row(world), world.rows("SELECT * FROM dispatch_queue")
    assert (message.id, message.tenant_id, message.group_id, message.account_id, message.mail_id) == (
        entry.message_id, master.tenant_id, master.id, anna, mail,
    )  # fmt: skip
    assert (message.direction, message.door, message.status, message.parts, message.encoding) == (
        "out", "mail", "QUEUED", 1, "GSM",
    )  # fmt: skip
    assert (message.remote, message.local, message.text) == ("+46701740605", "messa", "Hej på dig")
    assert message.created_at == message.status_at == world.clock.now()
    assert (queued.id, queued.remote, queued.local, queued.text, queued.parts) == (
        message.id, "+46701740605", "messa", "Hej på dig", 1,
    )  # fmt: skip
    assert [thread.mail_reference for thread in world.rows("SELECT * FROM thread")] == ["<1@kommun.example>"]
    assert network.history(message.id) == ["QUEUED"]
    assert world.heard.waiting_channels == [network.channel_id]


def test_messages_to_one_number_share_a_thread_and_accounts_have_their_own(
    world: World, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    world.words(anna, [PHONE], "Hej", mail_reference="<1@kommun.example>")
    world.words(anna, [PHONE, OTHER], "Hej igen")
    world.words(anna, [PHONE], "Hej en gång till", mail_reference="<2@kommun.example>")
    world.words(bo, [PHONE])
    threads = world.rows("SELECT account_id, remote, mail_reference FROM thread ORDER BY account_id, remote")
    assert [tuple(thread) for thread in threads] == [
        (anna, "+46701740605", "<2@kommun.example>"),
        (anna, "+46701740606", None),
        (bo, "+46701740605", None),
    ]
    assert world.value("SELECT count(DISTINCT thread_id) FROM message") == 3


# Recipients


def test_a_number_named_twice_gets_one_text(world: World, anna: UUID) -> None:
    result = world.submit(anna, [PHONE, "+46701740605", OTHER, "0046 70-174 06 05"])
    assert isinstance(result, Receipted)
    assert [entry.recipient for entry in result.entries] == ["+46701740605", "+46701740606"]
    assert waiting(world) == 2


def test_an_impossible_number_is_told_as_written_and_stops_nobody(world: World, anna: UUID) -> None:
    result = world.submit(anna, ["anna", PHONE, " 12 ", "anna"])
    assert isinstance(result, Receipted)
    assert [(entry.recipient, entry.word) for entry in result.entries] == [
        ("anna", "invalid_number"),
        ("+46701740605", "QUEUED"),
        ("12", "invalid_number"),
    ]
    refused = world.rows("SELECT * FROM message WHERE status = 'invalid_number'")
    assert [(m.parts, m.thread_id, m.channel_id, m.quota_buckets) for m in refused] == [
        (0, None, None, None)
    ] * 2


def test_a_national_number_gets_the_country_code_of_the_senders_group(
    world: World, master: Group, anna: UUID
) -> None:
    norway = world.group(master, "Norge")
    world.set(norway, Key.COUNTRY_CODE, "47")
    nils = world.account(norway, "nils@kommun.example")
    result = world.submit(nils, ["040123456", "+46701740605"])
    assert isinstance(result, Receipted)
    assert [entry.recipient for entry in result.entries] == ["+4740123456", "+46701740605"]


def test_a_submission_to_nobody_is_nothing(world: World, anna: UUID) -> None:
    result = world.submit(anna, [], reference="ref-1")
    assert isinstance(result, Receipted)
    assert result.entries == ()
    assert world.value("SELECT count(*) FROM message") == 0


# The text


def test_the_signature_stands_on_a_line_of_its_own_and_counts(
    world: World, master: Group, anna: UUID
) -> None:
    world.set(master, Key.SIGNATURE, "/Kommunen")
    world.words(anna, [PHONE], "x" * 151)
    message = row(world)
    assert message.text == "x" * 151 + "\n/Kommunen"
    assert (len(message.text), message.parts) == (161, 2)


def test_an_own_signature_goes_out_where_all_may_change_it(
    world: World, network: Network, master: Group
) -> None:
    world.set(master, Key.SIGNATURE, "/Kommunen", Lock.ALL)
    anna = world.account(master, "anna@kommun.example", signature="/Anna")
    world.words(anna, [PHONE], "Hej")
    assert row(world).text == "Hej\n/Anna"


def test_smart_characters_keep_a_text_in_gsm_unless_the_group_has_them_off(
    world: World, master: Group, anna: UUID
) -> None:
    world.words(anna, [PHONE], "”Hej” – vi ses…")
    assert (row(world).text, row(world).encoding) == ('"Hej" - vi ses...', "GSM")
    world.set(master, Key.SMART_CHARACTERS, False)
    world.words(anna, [OTHER], "”Hej” – vi ses…")
    [message] = world.rows("SELECT * FROM message WHERE remote = '+46701740606'")
    assert (message.text, message.encoding) == ("”Hej” – vi ses…", "UCS2")


def test_a_text_of_too_many_parts_is_refused(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 100, max_parts=2)
    assert world.words(anna, [PHONE, OTHER], LONG) == ["too_many_parts"] * 2
    assert waiting(world) == 0
    assert world.value("SELECT max(parts) FROM message") == 0
    assert world.value("SELECT count(*) FROM quota_usage") == 0


def test_a_text_of_too_many_parts_is_cut_where_the_group_says_so(
    world: World, master: Group, anna: UUID
) -> None:
    world.set(master, Key.TOO_LONG, TooLong.CUT.value)
    world.set(master, Key.SIGNATURE, "/Kommunen")
    world.account_quota(master, 100, max_parts=2)
    assert world.words(anna, [PHONE], LONG) == ["QUEUED"]
    message = row(world)
    assert message.parts == segment(message.text).count == 2
    assert message.text.endswith("...\n/Kommunen")
    assert LONG.startswith(message.text.removesuffix("...\n/Kommunen"))
    assert message.text.removesuffix("...\n/Kommunen").split()[-1] in LONG.split()


def test_nine_parts_go_and_ten_do_not(world: World, anna: UUID) -> None:
    assert world.words(anna, [PHONE], "x" * 153 * 9) == ["QUEUED"]
    assert world.words(anna, [PHONE], "x" * (153 * 9 + 1)) == ["too_many_parts"]


@pytest.mark.parametrize(
    "text", ["a\x00b", "\x00", "a\ud83db", "\U0001f600" * 40, "e\u0301" * 30, "a\ufffeb"]
)
def test_any_text_that_a_computer_can_hold_can_be_handed_in(world: World, anna: UUID, text: str) -> None:
    assert world.words(anna, [PHONE], text) == ["QUEUED"]
    message = row(world)
    assert message.parts == segment(message.text).count
