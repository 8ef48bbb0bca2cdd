"""What an account sees of texts whose words were removed: that there was one, and why it is no longer there (spec L4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.retention import words
from messa_platform.runtime.jobs import KEPT_IN
from messa_platform.tenants.models import Group
from tests.support.observe import statements
from tests.support.portal import GORAN, KARIN, School, seen

REMOVED = "The text is removed. Your organisation keeps texts for 30 days."


def keep(school: School, days: int | None) -> None:
    school.world.run("UPDATE tenant SET keep_text_days = :days WHERE slug = 'skolan'", days=days)


def purge_later(school: School, days: int) -> None:
    """What is done so many days from now."""
    later = FixedClock(school.world.clock.now() + timedelta(days=days))
    while words.purge(school.world.database, later, KEPT_IN):
        pass


@pytest.fixture
def removed(school: School) -> School:
    """Of a conversation with Karin the words are gone, and an answer of hers was never read."""
    school.text(KARIN, "Friluftsdag i morgon")
    school.network.accept()
    school.answer(KARIN, "Vi kommer")
    keep(school, 30)
    purge_later(school, 40)
    return school


def test_in_place_of_its_words_a_text_says_for_how_long_they_are_kept(removed: School) -> None:
    page = removed.get(removed.thread(KARIN))
    bubbles = [bubble.get_text(strip=True) for bubble in page.html.select(".bubble-text")]
    assert bubbles == [REMOVED, REMOVED]
    assert "Friluftsdag" not in page.text and "Vi kommer" not in page.text
    # when, and what became of it, is told as before
    assert len(page.html.select(".bubble time")) == 2 and page.html.select(".bubble.out .status")
    live = removed.get(f"{removed.thread(KARIN)}/live")
    assert REMOVED in seen(live, "body") and "data-announce" not in live.text


@pytest.mark.parametrize(
    ("language", "days", "words_"),
    [
        ("en", 1, "The text is removed. Your organisation keeps texts for 1 day."),
        ("en", None, "The text is removed."),
        ("sv", 30, "Texten är borttagen. Er organisation sparar texter i 30 dagar."),
    ],
)
def test_it_says_what_holds_now_in_the_readers_language(
    removed: School, language: str, days: int | None, words_: str
) -> None:
    keep(removed, days)
    removed.world.run("UPDATE account SET language = :language", language=language)
    page = removed.get(removed.thread(KARIN))
    assert page.html.select(".bubble-text")[0].get_text(strip=True) == words_


def test_the_list_says_it_too_and_counts_what_is_unread_as_before(removed: School) -> None:
    removed.text(GORAN, "Passet är avbokat")
    page = removed.get("/messages")
    assert "<title>(1) Messages – messa</title>" in page.text
    previews = [preview.get_text(" ", strip=True) for preview in page.html.select(".thread-preview")]
    assert previews == ["You: Passet är avbokat", "The text is removed."]
    removed.get(removed.thread(KARIN))
    assert not removed.get("/messages").html.select(".unread")


def test_a_search_finds_the_number_and_not_the_words(removed: School) -> None:
    assert "Nothing found" in seen(removed.get("/messages?q=friluftsdag"))
    assert "Nothing found" in seen(removed.get("/messages?q=removed"))
    assert "The text is removed." in seen(removed.get("/messages?q=070-174 06 05"))


def test_the_conversation_goes_on(removed: School) -> None:
    page = removed.sent(removed.thread(KARIN), text="Ses vi nu?")
    bubbles = [bubble.get_text(strip=True) for bubble in page.html.select(".bubble-text")]
    assert bubbles == [REMOVED, REMOVED, "Ses vi nu?"]


def test_an_answer_without_a_word_was_not_removed(school: School) -> None:
    school.text(KARIN, "Hej")
    school.answer(KARIN, "")
    page = school.get(school.thread(KARIN))
    assert "removed" not in seen(page) and "removed" not in seen(school.get("/messages"))


def test_a_text_to_many_says_it_in_its_lists_and_on_its_page(school: School) -> None:
    page = school.sent("/messages/many", numbers=f"{KARIN}\n{GORAN}", text="Friluftsdag i morgon")
    address = page.request.path
    school.send(address, f"{address}/confirm")
    school.work()
    keep(school, 30)
    purge_later(school, 40)
    for path in ("/messages/sendings", address):
        told = seen(school.get(path))
        assert "The text is removed." in told and "Friluftsdag" not in told
    assert "070-174 06 05" in seen(school.get(address))


def test_removed_words_cost_no_statement_more(school: School, group: Group) -> None:
    def cost() -> int:
        school.get(school.thread(KARIN))
        with statements(school.runtime.database.engine) as found:
            school.get(school.thread(KARIN))
        return len(found)

    for number in range(5):
        school.text(KARIN, f"Text {number}")
    school.network.accept()
    before = cost()
    keep(school, 30)
    purge_later(school, 40)
    assert cost() == before
