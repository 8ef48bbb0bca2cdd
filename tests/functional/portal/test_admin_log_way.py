"""Why a text went by its channel, on its page in the log: to an admin without the platform's names and costs, to the operator with all."""

from __future__ import annotations

from uuid import UUID

import pytest

from messa_platform.core.i18n import LANGUAGES, speech
from messa_platform.portal.way_words import HINDRANCES
from messa_platform.providers.routing.way import Hindrance
from messa_platform.runtime import Runtime
from tests.support.operators import an_operator, at_the_pages, page
from tests.support.portal import seen
from tests.support.prices import route, stored
from tests.support.town_log import Book
from tests.support.visitors import Visitor
from tests.support.world import World

MASTER, PHONE = "/t/kommun", "+46701740605"


@pytest.fixture
def operator(world: World, runtime: Runtime) -> Visitor:
    return at_the_pages(runtime, an_operator(world))


def sent(book: Book, text: str = "Hej") -> UUID:
    """A text of the office's; its id."""
    book.world.submit(book.office, [PHONE], text)
    found: UUID = book.world.value("SELECT max(id::text)::uuid FROM message")
    return found


def told(visitor: Visitor, message: UUID) -> dict[str, str]:
    """What the page tells of the way."""
    shown = page(visitor, f"{MASTER}/@@log-message?id={message}")
    rows = shown.html.select("#way > div")
    return {row.dt.get_text(): " ".join(row.dd.get_text(" ").split()) for row in rows}


def test_an_admin_reads_of_the_platforms_channels_and_the_operator_their_names(
    book: Book, operator: Visitor
) -> None:
    world = book.world
    telia, elks = world.channel("telia"), world.channel("elks", priority=1)
    world.channel("sinch", priority=2, enabled=False)
    stored(world, telia, {"46": 350_000})
    stored(world, elks, {"46": 345_001})
    route(world, telia, elks, prefix="46", is_cheapest=True)
    message = sent(book)
    assert told(book.town.chief.visitor, message) == {
        "Channel": "One of the platform's channels",
        "What decided": "A route of the platform's",
        "Passed over": "One of the platform's channels: it costs more",
    }
    assert told(operator, message) == {
        "Channel": "elks",
        "What decided": "The route for all organisations: to +46…, from any sender, the cheapest first",
        "Counted cost per part": "SEK\N{NO-BREAK SPACE}0.345001".replace("\N{NO-BREAK SPACE}", " "),
        "Passed over": "telia: it costs more",
    }
    whole = seen(page(book.town.chief.visitor, f"{MASTER}/@@log-message?id={message}"))
    assert not [word for word in ("telia", "elks", "0.345") if word in whole]


def test_an_admin_reads_the_names_of_the_tenants_own_channels_and_route(book: Book) -> None:
    world, tenant = book.world, book.town.school.tenant_id
    world.channel("plattformens")
    world.channel("kommunens trasiga", tenant_id=tenant, breaker="open")
    own = world.channel("kommunens", tenant_id=tenant, priority=1)
    message = sent(book)
    assert told(book.town.chief.visitor, message) == {
        "Channel": "kommunens",
        "What decided": "The order of the channels",
        "Passed over": "kommunens trasiga: it did not work just then",
    }
    route(world, own, tenant=tenant)
    said = told(book.town.chief.visitor, sent(book, "igen"))["What decided"]
    assert said.endswith(": to all numbers, from any sender, in the route's order")


def test_what_is_gone_by_now_is_told_to_be_gone(book: Book, operator: Visitor) -> None:
    world = book.world
    telia = world.channel("telia")
    made = route(world, telia)
    message = sent(book)
    world.run("DELETE FROM route WHERE id = :id", id=made)
    world.run("DELETE FROM channel WHERE id = :id", id=telia)
    assert told(operator, message) == {
        "Channel": "A channel that is gone by now",
        "What decided": "A route that is gone by now",
    }


def test_a_text_without_a_way_says_what_was_tried(book: Book, operator: Visitor) -> None:
    book.world.channel("telia", enabled=False)
    message = sent(book)
    assert told(operator, message) == {
        "Channel": "None",
        "What decided": "The order of the channels",
        "Passed over": "telia: it was paused",
    }


def test_of_what_was_refused_for_another_reason_no_way_is_told(book: Book, operator: Visitor) -> None:
    book.world.channel("telia")
    sent(book)
    assert told(operator, sent(book)) == {}  # the 24-hour guard


def test_every_reason_has_words_in_every_language() -> None:
    assert set(HINDRANCES) == set(Hindrance)
    for language in set(LANGUAGES) - {"en"}:
        for sentence in HINDRANCES.values():
            assert speech(language).gettext(sentence) != sentence
