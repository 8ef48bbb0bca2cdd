"""Messages: threads and conversations, texts to one and to many, saved lists (spec P1-P3, R4)."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.portal.messages import (
    conversation,
    counter,
    lists,
    many,
    new,
    panes,
    sendings,
    threads,
)
from messa_platform.portal.messages.resources import MessagesResource

PARTS = (panes, threads, conversation, counter, new, many, sendings, lists)


def includeme(config: Configurator) -> None:
    """Mount `/messages` and everything under it."""
    config.add_child("messages", lambda request, parent: MessagesResource(request, "messages", parent))
    for part in PARTS:
        config.include(part)
