"""The user guide says the same in each language, and what it points to is there (spec W1, W3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from messa_platform.core.i18n import LANGUAGES
from messa_platform.messaging.statuses import Status

TEMPLATES = Path(__file__).parents[3] / "messa_platform" / "portal" / "templates" / "public"
TEXTS = {language: (TEMPLATES / f"guide.{language}.jinja2").read_text("utf-8") for language in LANGUAGES}
FIGURES = {"messages", "new-message", "many", "account", "phone"}


def said(language: str, name: str) -> dict[str, str]:
    """What a guide's template sets a name to."""
    for assignment in Environment(autoescape=True).parse(TEXTS[language]).find_all(nodes.Assign):
        target, value = assignment.target, assignment.node
        if isinstance(target, nodes.Name) and target.name == name and isinstance(value, nodes.Dict):
            return dict(value.as_const())
    raise LookupError(name)


def outline(language: str) -> list[tuple[str, str]]:
    """The parts of a text that are the same in each language, in their order: headings, figures, lists, paragraphs."""
    parts = re.findall(r'<h2 id="([^"]+)"|figure\("([^"]+)"|<(h3|ul|ol|li|p|dl)[ >]', TEXTS[language])
    return [
        ("anchor" if anchor else "figure" if figure else "tag", anchor or figure or tag)
        for anchor, figure, tag in parts
    ]


def test_both_languages_have_the_same_parts_in_the_same_order() -> None:
    assert outline("sv") == outline("en")
    assert len(outline("sv")) > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_contents_name_each_heading_in_its_order(language: str) -> None:
    anchors = re.findall(r'<h2 id="([^"]+)">', TEXTS[language])
    headings = re.findall(r'<h2 id="([^"]+)">\{\{ chapters\["([^"]+)"\] \}\}</h2>', TEXTS[language])
    assert [anchor for anchor, _ in headings] == anchors == list(said(language, "chapters"))
    assert all(anchor == name for anchor, name in headings)


def test_no_heading_was_left_in_the_other_language() -> None:
    swedish, english = said("sv", "chapters"), said("en", "chapters")
    assert {anchor for anchor in swedish if swedish[anchor] == english[anchor]} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_within_the_guide_lead_somewhere(language: str) -> None:
    links = set(re.findall(r'href="#([^"]+)"', TEXTS[language]))
    assert links and links <= said(language, "chapters").keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_word_is_explained(language: str) -> None:
    assert said(language, "meanings").keys() == {status.value for status in Status}


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_figures_are_those_that_the_browser_tests_take(language: str) -> None:
    assert set(re.findall(r'figure\("([^"]+)"', TEXTS[language])) == FIGURES
