"""The one way in: what becomes of each recipient of a text (spec M1, M2, S3-S8, G6-G9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.messaging.drafts import NotAllowed, Receipted, Repeated, Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.segments import segment
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.submit import submit
from messa_platform.tenants.group_settings import Key, TooLong
from messa_platform.tenants.models import Group, Lock
from tests.support.network import Network
from tests.support.observe import Statement, statements, together
from tests.support.world import World

PHONE, OTHER = "0701740605", "0701740606"
LONG = "Kom till skolan i morgon klockan åtta. " * 10  # 390 characters, three parts


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, network: Network, master: Group) -> UUID:
    """An account in Master, on a platform that has a channel."""
    return world.account(master, "anna@kommun.example")


def numbers(count: int) -> list[str]:
    return [f"+467017{i:05}" for i in range(count)]


def row(world: World) -> Any:
    """The only message."""
    [found] = world.rows("SELECT * FROM message")
    return found


def waiting(world: World) -> int:
    return int(world.value("SELECT count(*) FROM dispatch_queue"))


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


# Who may send, and how much


@pytest.mark.parametrize("change", ["blocked = true", "removed_at = now()"])
def test_a_blocked_account_sends_nothing_and_nothing_is_stored(world: World, anna: UUID, change: str) -> None:
    world.run(f"UPDATE account SET {change} WHERE id = :id", id=anna)
    assert isinstance(world.submit(anna, [PHONE], reference="ref-1"), NotAllowed)
    assert world.value("SELECT count(*) FROM message") == 0
    assert world.value("SELECT count(*) FROM client_reference") == 0


def test_an_account_that_is_not_there_is_not_allowed(world: World, anna: UUID) -> None:
    assert isinstance(world.submit(new_id(), [PHONE]), NotAllowed)


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_a_suspended_tenants_texts_are_refused_and_kept(world: World, anna: UUID, state: str) -> None:
    world.run("UPDATE tenant SET state = :state WHERE slug = 'kommun'", state=state)
    assert world.words(anna, [PHONE, "anna"]) == ["tenant_suspended", "invalid_number"]
    assert waiting(world) == 0
    assert world.value("SELECT count(*) FROM quota_usage") == 0
    world.run("UPDATE tenant SET state = 'active'")
    assert world.words(anna, [PHONE]) == ["QUEUED"]


def test_without_a_channel_there_is_no_route_and_no_quota_is_used(world: World, master: Group) -> None:
    world.group_quota(master, 1)
    anna = world.account(master, "anna@kommun.example")
    assert world.words(anna, [PHONE, OTHER]) == ["no_route", "no_route"]
    assert world.value("SELECT count(*) FROM quota_usage") == 0
    world.channel()
    assert world.words(anna, [PHONE]) == ["QUEUED"]


@pytest.mark.parametrize(
    ("limit", "sms", "sent", "word"),
    [
        ("account_quota", 0, 0, "Personal:Skolan"),
        ("account_quota", 1, 1, "no_sms_left:Personal:Skolan"),
        ("group_quota", 0, 0, "Group:Skolan"),
        ("group_quota", 1, 1, "no_sms_left:Group:Skolan"),
    ],
)
def test_a_limit_that_strikes_is_named_with_its_group(
    world: World, network: Network, master: Group, limit: str, sms: int, sent: int, word: str
) -> None:
    school = world.group(master, "Skolan")
    getattr(world, limit)(school, sms)
    teacher = world.account(world.group(school, "4B"), "larare@kommun.example")
    result = world.submit(teacher, numbers(3))
    assert isinstance(result, Receipted)
    assert [entry.word for entry in result.entries] == ["QUEUED"] * sent + [word] * (3 - sent)
    assert {entry.rule_group_name for entry in result.entries[sent:]} == {"Skolan"}
    refused = world.rows("SELECT * FROM message WHERE status <> 'QUEUED'")
    assert {(m.rule_group_id, m.parts, m.quota_buckets) for m in refused} == {(school.id, 0, None)}
    assert {m.status for m in refused} == {word.removesuffix(":Skolan")}
    assert waiting(world) == sent


def test_a_mail_to_500_with_two_left_sends_two_in_order(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 2)
    assert world.words(anna, numbers(500)) == ["QUEUED"] * 2 + ["no_sms_left:Group:Master"] * 498
    left = world.rows("SELECT remote FROM dispatch_queue ORDER BY id")
    assert [queued.remote for queued in left] == numbers(2)
    assert world.value("SELECT sum(parts) FROM message") == 2


def test_a_text_of_two_parts_with_one_left_is_refused(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 3)
    assert world.words(anna, [PHONE, OTHER], "x" * 161) == ["QUEUED", "no_sms_left:Group:Master"]
    assert world.words(anna, [OTHER], "x" * 160) == ["QUEUED"]


def test_a_refused_recipient_uses_no_quota(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 2)
    assert world.words(anna, ["anna", PHONE, "12"]) == ["invalid_number", "QUEUED", "invalid_number"]
    assert world.words(anna, [PHONE, OTHER]) == ["sms_already_sent_24H", "QUEUED"]
    assert world.words(anna, [OTHER], "Hej då") == ["no_sms_left:Group:Master"]


def test_20_people_who_send_at_once_spend_exactly_what_their_groups_have(
    world: World, network: Network, master: Group
) -> None:
    school, care = world.group(master, "Skolan"), world.group(master, "Omsorgen")
    world.group_quota(master, 100)
    people = [world.account((school, care)[i % 2], f"person{i}@kommun.example") for i in range(20)]

    def send(account_id: UUID) -> list[str]:
        return [w for i in range(3) for w in world.words(account_id, numbers(3), f"Hej nummer {i}")]

    words = [w for of_one in together([lambda a=a: send(a) for a in people]) for w in of_one]  # type: ignore[misc]
    assert words.count("QUEUED") == 100
    assert words.count("no_sms_left:Group:Master") == 80
    assert waiting(world) == world.value("SELECT sum(parts) FROM message") == 100
    assert world.value("SELECT sum(parts) FROM quota_usage WHERE scope_id = :id", id=master.id) == 100


# Submissions


def test_what_a_client_hands_in_twice_is_one(world: World, anna: UUID) -> None:
    first = world.submit(anna, [PHONE, OTHER], reference="ref-1")
    assert isinstance(first, Receipted)
    again = world.submit(anna, [PHONE, OTHER], reference="ref-1")
    assert isinstance(again, Repeated)
    assert again.message_id == first.entries[0].message_id
    assert world.value("SELECT count(*) FROM message") == 2
    assert waiting(world) == 2


def test_another_reference_or_another_account_is_another_submission(
    world: World, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    for account, reference, text in [(anna, "ref-1", "Hej"), (anna, "ref-2", "Hej då"), (bo, "ref-1", "Hej")]:
        assert world.words(account, [PHONE], text, reference=reference) == ["QUEUED"]


def test_a_submission_that_was_refused_is_known_too(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 0)
    assert world.words(anna, [PHONE], reference="ref-1") == ["Group:Master"]
    world.group_quota(master, None)
    assert isinstance(world.submit(anna, [PHONE], reference="ref-1"), Repeated)


def test_a_submission_handed_in_by_many_at_once_is_one(world: World, anna: UUID) -> None:
    results = together([lambda: world.submit(anna, [PHONE], reference="ref-1")] * 8)
    assert sum(isinstance(result, Receipted) for result in results) == 1
    assert sum(isinstance(result, Repeated) for result in results) == 7
    assert waiting(world) == 1


def hand_in(world: World, *submissions: Submission) -> list[Any]:
    with world.database.unit_of_work() as session:
        return submit(session, world.clock, world.heard, submissions)


def test_submissions_of_many_accounts_go_through_in_one_go_each_with_its_own_fate(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    school, other = world.group(master, "Skolan"), world.tenant("annan", "Annan kommun")
    world.set(school, Key.SENDER_NAME, "Skolan")
    world.group_quota(other, 1)
    teacher, stranger = (
        world.account(school, "larare@kommun.example"),
        world.account(other, "olle@annan.example"),
    )
    blocked = world.account(school, "spam@kommun.example", blocked=True)
    results = hand_in(
        world,
        Submission(stranger, Door.MAIL, "Hej", [PHONE, OTHER]),
        Submission(blocked, Door.MAIL, "Hej", [PHONE]),
        Submission(teacher, Door.V2, "Hej", [PHONE], reference="ref-1"),
        Submission(anna, Door.MAIL, "Hej", [PHONE]),
        Submission(teacher, Door.V2, "Hej igen", [PHONE], reference="ref-1"),
    )
    assert [type(result) for result in results] == [Receipted, NotAllowed, Receipted, Receipted, Repeated]
    assert [entry.word for entry in results[0].entries] == ["QUEUED", "no_sms_left:Group:Master"]
    assert results[4].message_id == results[2].entries[0].message_id
    sent = world.rows("SELECT account_id, local, door FROM message WHERE status = 'QUEUED' ORDER BY id")
    assert [tuple(m) for m in sent] == [
        (stranger, "messa", "mail"),
        (teacher, "Skolan", "v2"),
        (anna, "messa", "mail"),
    ]


def work_of(world: World, send: Callable[[], object]) -> list[Statement]:
    """The statements that handing in takes, reading and storing."""
    with statements(world.database.engine) as seen:
        send()
    return list(seen)


def test_a_text_to_500_takes_as_many_statements_as_one_to_5_and_one_reservation(
    world: World, master: Group, anna: UUID
) -> None:
    world.numbers()
    world.set(master, Key.MAY_RECEIVE, True)
    world.group_quota(master, 10_000, window_days=30)
    world.words(anna, [PHONE], "Den första, som lånar ett nummer")
    few = work_of(world, lambda: world.words(anna, numbers(5), "Till fem"))
    many = work_of(world, lambda: world.words(anna, numbers(500), "Till femhundra"))
    assert [statement.text for statement in many] == [statement.text for statement in few]
    assert len(many) <= 15
    assert sum("INTO quota_usage" in statement.text for statement in many) == 1
    assert (
        world.value("SELECT count(*) FROM message WHERE text = 'Till femhundra' AND status = 'QUEUED'") == 500
    )


def test_500_submissions_take_as_many_statements_as_5(world: World, anna: UUID) -> None:
    def batch(count: int, text: str) -> list[Submission]:
        return [Submission(anna, Door.MAIL, text, [n], reference=f"{text} {n}") for n in numbers(count)]

    few = work_of(world, lambda: hand_in(world, *batch(5, "Till fem")))
    many = work_of(world, lambda: hand_in(world, *batch(500, "Till femhundra")))
    assert [statement.text for statement in many] == [statement.text for statement in few]


def test_a_submission_that_fails_leaves_nothing_behind(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 1)
    with pytest.raises(RuntimeError), world.database.unit_of_work() as session:
        submit(
            session, world.clock, world.heard, [Submission(anna, Door.MAIL, "Hej", [PHONE], reference="r")]
        )
        raise RuntimeError("the process dies")
    assert world.value("SELECT count(*) FROM message") == 0
    world.clock.move(timedelta(seconds=1))
    assert world.words(anna, [PHONE], reference="r") == ["QUEUED"]
