"""The look holds what docs/design.md promises: contrast in both schemes, little weight, nothing that the Content-Security-Policy forbids."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "messa_platform"
STATIC = PACKAGE / "static"
CSS = (STATIC / "messa.css").read_text("utf-8")
TEMPLATES = sorted((PACKAGE / "portal" / "templates").rglob("*.jinja2"))

COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{3,6}), (#[0-9a-f]{3,6})\);", CSS)
}
TEXT = (
    *(
        (ink, ground)
        for ink in ("ink", "soft", "accent", "accent-2")
        for ground in ("paper", "surface", "sunken")
    ),
    *((word, ground) for word in ("ok", "warn", "bad") for ground in ("paper", "surface", f"{word}-tint")),
    *(("ink", ground) for ground in ("tint", "ok-tint", "warn-tint", "bad-tint")),
    *(("accent", ground) for ground in ("tint", "ok-tint", "warn-tint")),
    ("on-accent", "accent"),
    ("on-accent", "accent-2"),
    ("on-bad", "bad"),
    ("on-tint", "tint"),
)
EDGES = tuple(
    (edge, ground) for edge in ("edge", "accent", "bad") for ground in ("paper", "surface", "sunken")
)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2), from 1 to 21."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_contrast_is_what_the_guidelines_say_it_is() -> None:
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT, ids="-on-".join)
def test_text_is_readable(ink: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[ink][scheme], COLOURS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGES, ids="-on-".join)
def test_edges_of_fields_and_the_focus_ring_are_seen(edge: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[edge][scheme], COLOURS[ground][scheme]) >= 3


def test_older_browsers_get_the_light_colours() -> None:
    fallback = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", CSS.partition("@supports not")[2]))
    assert fallback == {name: light for name, (light, _) in COLOURS.items()}


def test_what_every_page_loads_is_light() -> None:
    weights = {
        name: (STATIC / name).stat().st_size for name in ("messa.css", "messa.js", "icons.svg", "favicon.svg")
    }
    assert weights["messa.css"] < 31_744
    assert weights["messa.js"] < 7_168
    assert sum(weights.values()) < 46_000  # of 100 KB, so that the words have room


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_page_writes_style_or_script_into_itself(template: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", template.read_text("utf-8"), flags=re.DOTALL)
    found = re.findall(r"""<style|\sstyle=|\son[a-z]+=["']|javascript:|hx-on|<script(?![^>]*\ssrc=)""", text)
    assert found == []


def test_every_picture_that_is_named_exists() -> None:
    there = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text("utf-8")))
    named = set()
    for template in TEMPLATES:
        named |= set(re.findall(r'(?:icon\(|picture=|empty\(|use\()"([a-z-]+)"', template.read_text("utf-8")))
    assert len(named) > 10
    assert named - there == set()
