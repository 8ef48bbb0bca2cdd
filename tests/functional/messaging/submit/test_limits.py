"""Who may hand in texts, and how many."""

from __future__ import annotations

from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.messaging.drafts import NotAllowed, Receipted
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.observe import together
from tests.support.submits import OTHER, PHONE, numbers, waiting
from tests.support.world import World


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
