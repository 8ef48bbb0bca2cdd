"""An HTML part as plain text. Layout tables, style sheets and pixel paddings mean nothing in an SMS."""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.html_engine import Inscriptis
from inscriptis.html_properties import Display
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_element import HtmlElement as Style
from inscriptis.model.tag import CustomHtmlTagHandlerMapping
from lxml.etree import ParserError
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from messa_platform.mail.reading.charsets import clean

MAX_CHARACTERS = 500_000
"""Characters of HTML that are looked at, pictures written into it not counted; Outlook's style sheets are some 50,000."""

MAX_TEXT = 60_000
"""Characters of text after which the rest is left out, three times what any SMS may need."""

MAX_ELEMENTS = 10_000
MAX_DEPTH = 200
"""Inscriptis calls itself for each level, and Python's stack is finite. libxml2 stops at 255 itself."""

# Stand for a non-breaking blank and a preserved newline while rendering, which would collapse them. No text has them: they are no
# characters (Unicode 23.7), and `clean` takes them out.
_HARD_BLANK = "\ufdd0"
_HARD_NEWLINE = "\ufdd1"

_DATA_URI = re.compile(r"data:[a-z/+.-]{1,60};base64,[A-Za-z0-9+/=\s]*+", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,200}>", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_KEEPS_LINES = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)
_COLLAPSES_LINES = re.compile(r"white-space\s*:\s*(?:normal|nowrap)", re.IGNORECASE)
_NO_MARGIN = re.compile(r"margin(?:-top)?\s*:\s*0", re.IGNORECASE)
_SCHEME = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)

_SKIPPED = frozenset(
    {"head", "noscript", "object", "script", "select", "style", "svg", "template", "textarea", "title"}
)

# What mail programs put around or before the mail that is answered: Outlook on the web, Outlook on phones, Outlook for Mac;
# Thunderbird, Roundcube, Yahoo, Gmail.
_QUOTE_STARTS = frozenset(
    {"appendonsend", "divRplyFwdMsg", "mail-editor-reference-message-container", "OLK_SRC_BODY_SECTION"}
)
_QUOTE_INTRODUCTIONS = frozenset({"moz-cite-prefix", "gmail_attr"})
_QUOTES = frozenset({"yahoo_quoted", "protonmail_quote"})


def slimmed(html: str) -> str:
    """An HTML document, clean, without the pictures that are written into it, and no longer than we look at."""
    return _DATA_URI.sub("", clean(html))[:MAX_CHARACTERS]


def render(html: str, *, answer: bool) -> str:
    """The text of a slimmed HTML document. `answer`: the quoted earlier mail is cut by its mark-up."""
    if declaration := _XML_DECLARATION.match(html):
        html = html[declaration.end() :]  # lxml refuses one in a text that is no longer bytes
    try:
        tree = document_fromstring(html, parser=HTMLParser(remove_comments=True, remove_pis=True))
    except (ParserError, ValueError):
        return ""
    _prepare(tree, answer=answer)
    return _tidy(Inscriptis(tree, _configuration()).get_text()[:MAX_TEXT])


def _block(lines_around: int = 0) -> Style:
    return Style(display=Display.block, margin_before=lines_around, margin_after=lines_around)


_BLOCKS = ("blockquote", "center", "dd", "dt", "form", "hr", "ol", "pre", "section", "table", "tr", "ul")
_CSS = {**STRICT_CSS_PROFILE, **{tag: _block() for tag in _BLOCKS}, "pre": _block(1)}
_TABLE_TAGS = ("table", "tr", "td", "th")


def _nothing(*_: object) -> None:
    """In place of inscriptis' tables, which pad each line to its column's width: in mail tables are layout, and a hostile one
    would fill the memory with blanks."""


def _configuration() -> ParserConfig:
    """One for each document: inscriptis keeps the document that it writes in the style of `body`, and with a shared one two
    threads would write into each other's mails."""
    return ParserConfig(
        css={**_CSS, "body": Style()},
        custom_html_tag_handler_mapping=CustomHtmlTagHandlerMapping(
            start_tag_mapping=dict.fromkeys(_TABLE_TAGS, _nothing),
            end_tag_mapping=dict.fromkeys(_TABLE_TAGS, _nothing),
        ),
    )


class _Place(NamedTuple):
    """Where an element stands: how deep, and whether newlines in its text are newlines (`white-space: pre`)."""

    depth: int
    keeps_lines: bool


_OUTSIDE = _Place(0, False)


def _prepare(tree: HtmlElement, *, answer: bool) -> None:
    """Make of the tree what inscriptis renders rightly: no attributes (it would obey a `padding-left:1000000em`), no hidden
    text, no quote; and bounded in depth and length."""
    places: dict[HtmlElement, _Place] = {}
    gone: set[HtmlElement] = set()
    length = 0
    for count, element in enumerate(list(islice(tree.iter("*"), MAX_ELEMENTS + 1))):
        parent = element.getparent()
        if parent in gone:
            gone.add(element)
            continue
        if count == MAX_ELEMENTS or length > MAX_TEXT or (answer and element.get("id") in _QUOTE_STARTS):
            _cut_from(element)
            return
        around = places.get(parent, _OUTSIDE)
        if parent is not None and _is_dropped(element, answer=answer):
            gone.add(element)
            element.tail = _kept(element.tail, around.keeps_lines)
            element.drop_tree()
            continue
        if around.depth >= MAX_DEPTH:
            element.text = clean(element.text_content())
            gone.add(element)  # not the element: what is in it, which it has now as text
            del element[:]
        places[element] = place = _Place(around.depth + 1, _keeps_lines(element, inside=around.keeps_lines))
        length += len(element.text or "") + len(element.tail or "")
        _rewrite(element, place, around, answer=answer)


def _is_dropped(element: HtmlElement, *, answer: bool) -> bool:
    if element.tag in _SKIPPED or _HIDDEN.search(element.get("style", "")[:2000]):
        return True
    if not answer:
        return False
    classes = element.get("class", "").split()
    return not _QUOTES.isdisjoint(classes) or not _QUOTE_INTRODUCTIONS.isdisjoint(classes)


def _keeps_lines(element: HtmlElement, *, inside: bool) -> bool:
    style = element.get("style", "")[:2000]
    if element.tag == "pre" or _KEEPS_LINES.search(style):
        return True
    return inside and _COLLAPSES_LINES.search(style) is None


def _rewrite(element: HtmlElement, place: _Place, around: _Place, *, answer: bool) -> None:
    """Turn the element's attributes into text and tags, and its text into what survives the rendering."""
    after = _kept(element.tail, around.keeps_lines)
    element.text = _kept(element.text, place.keeps_lines)
    if element.tag == "blockquote" and answer and _is_quote(element):
        # The quote rules for plain text take it from here, and the line of introduction above it with it.
        del element[:]
        element.text = ">"
    elif element.tag == "a":
        after = _target(element) + after
    elif element.tag == "img":
        after = _emoji(clean(element.get("alt", ""))) + after
    elif element.tag in ("td", "th"):
        after = f" {after}"
    elif element.tag == "p" and (
        "MsoNormal" in element.get("class", "") or _NO_MARGIN.search(element.get("style", "")[:2000])
    ):
        element.tag = "div"  # Outlook writes each line as a paragraph, without space around it
    element.tail = after
    element.attrib.clear()


def _kept(text: str | None, keeps_lines: bool) -> str:
    """Text that renders as itself. inscriptis undoes character references once too often: `?a=1&copy=2` would lose a link."""
    if not text:
        return ""
    text = clean(
        text
    )  # again, since a character reference (`&#7;`) may stand for anything, and lxml takes no control back
    text = text.replace("&", "&amp;").replace("\xa0", _HARD_BLANK)
    return text.replace("\n", _HARD_NEWLINE) if keeps_lines else text


def _is_quote(element: HtmlElement) -> bool:
    return element.get("type") == "cite" or "gmail_quote" in element.get("class", "")


def _target(link: HtmlElement) -> str:
    """Where a link leads, in angle brackets (RFC 3986 appendix C), if it leads into the web and its text does not tell."""
    url = clean(link.get("href", "")).strip()
    text = link.text_content().strip()
    scheme = _SCHEME.match(url)
    if scheme is None or not text or len(url) > 300 or len(url.split()) > 1:
        return ""
    return "" if url[scheme.end() :].rstrip("/") in text else f" <{_kept(url, False)}>"


def _emoji(alternative: str) -> str:
    """Outlook and Gmail send emojis as pictures, with the character as alternative text."""
    return (
        alternative
        if len(alternative) <= 8 and not alternative.isascii() and not alternative.isalpha()
        else ""
    )


def _cut_from(element: HtmlElement) -> None:
    """Remove the element and everything after it in the document."""
    parent = element.getparent()
    first = True
    while parent is not None:
        for later in list(element.itersiblings()):
            parent.remove(later)
        element.tail = None
        if first:
            parent.remove(element)
            first = False
        element, parent = parent, parent.getparent()


_BLANKS = re.compile(r" {2,}")
_EMPTY_LINES = re.compile(r"\n{3,}")


def _tidy(text: str) -> str:
    text = text.replace(_HARD_NEWLINE, "\n").replace(_HARD_BLANK, " ")
    text = "\n".join(_BLANKS.sub(" ", line.strip()) for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", text).strip("\n")
