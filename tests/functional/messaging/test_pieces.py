"""Long incoming texts that come in pieces (messaging/pieces.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest

from messa_platform.messaging.pieces import PATIENCE
from messa_platform.messaging.sink import EventSink
from messa_platform.providers.base import IncomingText, Piece
from messa_platform.tenants.group_settings import Key
from tests.support.network import Network
from tests.support.observe import together
from tests.support.world import World

PHONE = "+46701740605"
WORDS = ("Hej på dig. ", "Vi ses i morgon ", "klockan åtta.")


@pytest.fixture
def own(world: World, network: Network) -> str:
    """A number that somebody holds."""
    world.numbers()
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    world.words(world.account(group, "anna@kommun.example"), [PHONE], "Den första")
    number: str = world.value("SELECT msisdn FROM number")
    return number


def pieces(
    own: str, group: str = "7", words: Sequence[str] = WORDS, sender: str = PHONE, name: str = "r"
) -> list[IncomingText]:
    return [
        IncomingText(f"{name}-{group}-{n}", sender, own, text, piece=Piece(group, n, len(words)))
        for n, text in enumerate(words, 1)
    ]


def came(world: World) -> list[str]:
    rows = world.rows("SELECT text FROM message WHERE direction = 'in' ORDER BY id")
    return [row.text for row in rows]


def give_up(world: World, network: Network) -> None:
    with world.database.unit_of_work() as session:
        EventSink(network).give_up(session, world.clock.now())


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_pieces_become_one_text_in_whatever_order_they_come(
    world: World, network: Network, own: str, order: tuple[int, ...]
) -> None:
    given = pieces(own)
    for n in order[:2]:
        network.brings(given[n])
    assert came(world) == []
    network.brings(given[order[2]])
    assert came(world) == ["".join(WORDS)]
    assert [a.text for a in network.arrived] == ["".join(WORDS)]
    assert world.value("SELECT count(*) FROM incoming_piece") == 0


def test_pieces_in_one_callback_and_between_other_texts(world: World, network: Network, own: str) -> None:
    first, second, third = pieces(own)
    network.brings(first, IncomingText("alone", PHONE, own, "Ensam"), third, second)
    assert sorted(came(world)) == ["Ensam", "".join(WORDS)]


def test_a_piece_that_comes_again_is_known(world: World, network: Network, own: str) -> None:
    given = pieces(own)
    network.brings(*given[:2], *given[:2])
    network.brings(given[0], given[2], given[2])
    network.brings(*given)
    assert came(world) == ["".join(WORDS)]


def test_pieces_of_others_and_of_other_texts_are_kept_apart(world: World, network: Network, own: str) -> None:
    one, two = pieces(own, "1", ("A1", "A2")), pieces(own, "2", ("B1", "B2"))
    stranger = pieces(own, "1", ("C1", "C2"), sender="+46701740699", name="s")
    network.brings(one[0], two[1], stranger[0])
    network.brings(stranger[1], two[0], one[1])
    assert sorted(came(world)) == ["A1A2", "B1B2", "C1C2"]


def test_pieces_that_come_at_once_are_put_together(world: World, network: Network, own: str) -> None:
    for n in range(6):
        given = pieces(own, str(n), [f"{n}{c}" for c in "abcd"])
        together([lambda piece=piece: network.brings(piece) for piece in given])  # type: ignore[misc]
    assert sorted(came(world)) == [f"{n}a{n}b{n}c{n}d" for n in range(6)]


def test_what_stays_incomplete_comes_through_after_a_while_and_is_marked(
    world: World, network: Network, own: str
) -> None:
    given = pieces(own)
    network.brings(given[0], given[2])
    world.clock.move(PATIENCE - timedelta(seconds=1))
    give_up(world, network)
    assert came(world) == []
    world.clock.move(timedelta(seconds=1))
    give_up(world, network)
    assert came(world) == ["Hej på dig.  […] klockan åtta."]
    [message] = world.rows("SELECT id FROM message WHERE direction = 'in'")
    assert [event.code for event in network.events(UUID(str(message.id)))] == ["partial"]
    give_up(world, network)
    assert len(came(world)) == 1


def test_a_number_of_a_group_that_is_used_again_begins_another_text(
    world: World, network: Network, own: str
) -> None:
    network.brings(pieces(own, "7", ("A1", "A2"))[0])
    network.brings(*pieces(own, "7", ("B1", "B2"), name="later"))
    assert came(world) == ["A1 […]", "B1B2"]


@pytest.mark.parametrize("piece", [Piece("7", 0, 2), Piece("7", 3, 2), Piece("7", 1, 1), Piece("7", 1, 4000)])
def test_a_piece_that_cannot_be_is_a_text_of_its_own(
    world: World, network: Network, own: str, piece: Piece
) -> None:
    network.brings(IncomingText("odd", PHONE, own, "Hej", piece=piece))
    assert came(world) == ["Hej"]
