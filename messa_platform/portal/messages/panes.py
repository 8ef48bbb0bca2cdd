"""The two panes of the messages: the list of threads, and beside it a conversation or what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from markupsafe import Markup, escape
from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.i18n import Speech
from messa_platform.messaging import inbox
from messa_platform.messaging.conversation import MessageRow
from messa_platform.messaging.inbox import LONGEST_SEARCH, ThreadRow
from messa_platform.portal.forms import asked
from messa_platform.portal.live import stamp
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.messages.resources import read_id
from messa_platform.portal.messages.words import words_of

PAGE = 50
"""Threads in the list at a time."""


def now_of(request: Request) -> datetime:
    """When the request came: before anything of the page was read."""
    at: datetime = request.begun_at
    return at


def list_pane(request: Request, country_code: str, current: UUID | None = None) -> dict[str, Any]:
    """What the list of threads needs: a page of it, as it is searched; `current` is the thread that is open."""
    q, after = asked(request, "q", LONGEST_SEARCH), asked(request, "after")
    page = inbox.threads(
        request.db,
        request.identity.account_id,
        search=q,
        country_code=country_code,
        after=after or None,
        limit=PAGE,
    )
    return {
        "threads": page,
        "q": q,
        "after": after,
        "current": current,
        "country_code": country_code,
        "section": "messages",
    }


def current_of(request: Request) -> UUID | None:
    """The thread that is open beside a list which asks for news."""
    try:
        return read_id(asked(request, "current"))
    except KeyError:
        return None


def counted(request: Request, words: str, unread: int) -> str:
    """A title, with the number of unread threads before it: `(2) Messages`."""
    return f"({request.speech.number(unread)}) {words}" if unread else words


def name_of(thread: ThreadRow, country_code: str) -> str:
    """What a thread is called: its display name, else its number."""
    return thread.display_name or nice(thread.remote, country_code)


def by_day(messages: Sequence[MessageRow], speech: Speech) -> list[tuple[date, list[MessageRow]]]:
    """Messages by the day, as the calendar goes here, on which they were sent or came in."""
    return [(day, list(of_day)) for day, of_day in groupby(messages, key=lambda m: speech.day(m.at))]


def day_name(day: date, speech: Speech, now: datetime) -> str:
    """A day as people say it at `now`."""
    match (speech.day(now) - day).days:
        case 0:
            return speech.gettext("Today")
        case 1:
            return speech.gettext("Yesterday")
    return speech.date(day)


def marked(text: str, searched: str) -> Markup:
    """A text with what was searched for marked in it."""
    words = " ".join(searched.split())
    if not words:
        return escape(text)
    pieces = re.split(f"({re.escape(words)})", text, flags=re.IGNORECASE)
    hits = (
        Markup("<mark>{}</mark>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces)
    )
    return Markup("").join(hits)


def stamped(request: Request, at: datetime) -> str:
    """Tell as of when an answer is, so that its live parts ask for what is newer. Gives the ETag."""
    etag = stamp(at)
    request.response.headers["ETag"] = etag
    return etag


HELPERS = {
    "by_day": by_day,
    "day_name": day_name,
    "marked": marked,
    "name_of": name_of,
    "nice": nice,
    "words_of": words_of,
}
"""What the templates of the messages call."""


def includeme(config: Configurator) -> None:
    """Give the templates their helpers."""
    config.action(None, lambda: config.get_jinja2_environment().globals.update(HELPERS), order=9999)
