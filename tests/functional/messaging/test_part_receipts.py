"""Receipts of texts whose parts have an id each (messaging/part_receipts.py)."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.messaging import receipts
from messa_platform.providers.base import Accepted, Receipt, ReceiptStatus
from tests.support.network import Network
from tests.support.observe import statements, together
from tests.support.world import World

PHONE = "0701740605"
PARTS = ("p-1", "p-2", "p-3")


@pytest.fixture
def anna(world: World, network: Network) -> UUID:
    return world.account(world.tenant(), "anna@kommun.example")


def sent(
    world: World, network: Network, anna: UUID, parts: tuple[str, ...] = PARTS, text: str = "Hej"
) -> UUID:
    world.words(anna, [PHONE], text)
    [message] = network._settle(lambda _: Accepted(parts[0], len(parts), more=parts[1:]))
    return message


def say(world: World, network: Network, *said: tuple[str, str]) -> None:
    """Receipts of parts, in one callback."""
    told = [Receipt(reference, ReceiptStatus(status), status.lower()) for reference, status in said]
    network._call(told)


@pytest.mark.parametrize("order", list(permutations(PARTS)))
def test_a_text_is_delivered_when_all_of_its_parts_are(
    world: World, network: Network, anna: UUID, order: tuple[str, ...]
) -> None:
    message = sent(world, network, anna)
    for n, part in enumerate(order):
        assert network.status(message) == "SENT", n
        say(world, network, (part, "DELIVERED"))
    assert network.status(message) == "DELIVERED"
    assert [e.code for e in network.events(message)][-3:] == [
        "delivered (1/3)",
        "delivered (2/3)",
        "delivered",
    ]


def test_a_text_is_undelivered_when_one_of_its_parts_is(world: World, network: Network, anna: UUID) -> None:
    message = sent(world, network, anna)
    say(world, network, ("p-1", "DELIVERED"), ("p-2", "UNDELIVERED"))
    assert network.status(message) == "UNDELIVERED"
    say(world, network, ("p-3", "DELIVERED"))
    assert network.status(message) == "UNDELIVERED"


def test_a_part_that_is_told_of_twice_counts_once_and_its_first_end_holds(
    world: World, network: Network, anna: UUID
) -> None:
    message = sent(world, network, anna)
    say(world, network, ("p-1", "DELIVERED"), ("p-1", "DELIVERED"), ("p-2", "DELIVERED"))
    assert network.status(message) == "SENT"
    say(world, network, ("p-3", "DELIVERED"))
    assert network.status(message) == "DELIVERED"


def test_what_parts_are_on_the_way_to_is_told_at_once(world: World, network: Network, anna: UUID) -> None:
    message = sent(world, network, anna)
    say(world, network, ("p-2", "BUFFERED"))
    assert network.status(message) == "BUFFERED"


def test_receipts_that_come_before_our_own_record_are_counted_too(
    world: World, network: Network, anna: UUID
) -> None:
    say(world, network, ("p-1", "DELIVERED"), ("p-3", "DELIVERED"))
    message = sent(world, network, anna)
    assert network.status(message) == "SENT"
    say(world, network, ("p-2", "DELIVERED"))
    assert network.status(message) == "DELIVERED"


def test_receipts_that_our_record_overtook_are_counted_too(
    world: World, network: Network, anna: UUID
) -> None:
    message = sent(world, network, anna)
    early = [
        receipts._early_row(network.channel_id, Receipt(p, ReceiptStatus.DELIVERED, "d"), world.clock.now())
        for p in PARTS
    ]
    with world.database.unit_of_work() as session:
        insert_rows(session, receipts.EARLY, early)
    with world.database.unit_of_work() as session:
        assert receipts.match_early(session) == 3
    assert network.status(message) == "DELIVERED"


def test_receipts_that_come_at_once_miss_none(world: World, network: Network, anna: UUID) -> None:
    for n in range(5):
        parts = tuple(f"n{n}-{p}" for p in range(6))
        message = sent(world, network, anna, parts, f"Nr {n}")
        together([lambda part=part: say(world, network, (part, "DELIVERED")) for part in parts])  # type: ignore[misc]
        assert network.status(message) == "DELIVERED"


def test_texts_of_one_part_cost_no_more(world: World, network: Network, anna: UUID) -> None:
    sent(world, network, anna, ("only",))

    def take(session: Session) -> None:
        receipts.take(
            session, world.clock.now(), network.channel_id, [Receipt("only", ReceiptStatus.DELIVERED, "d")]
        )

    with statements(world.database.engine) as seen:
        world.database.in_turn(take)
    assert not any("FOR UPDATE" in s.text and "provider_reference" in s.text for s in seen)
