"""`@@users` of a group: who is in it, or in it and everything below it, filtered and page by page (spec G11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.seen_groups import named
from messa_platform.portal.forms import Form, asked
from messa_platform.portal.messages.numbers import nice
from messa_platform.tenants.people import listing
from messa_platform.tenants.people.listing import FEWEST_WITHIN, LONGEST_FILTER, Wish

BELOW = "1"
"""The value of `below` that shows the subgroups' people as well."""
LONGEST_CURSOR = 320


def wish_of(request: Request) -> Wish:
    """What the address asks for."""
    return Wish(
        below=asked(request, "below") == BELOW,
        words=asked(request, "q", LONGEST_FILTER),
        after=asked(request, "after", LONGEST_CURSOR),
        before=asked(request, "before", LONGEST_CURSOR),
    )


def query_of(wish: Wish, **more: str) -> dict[str, str]:
    """The query of a page that shows the same."""
    return {"below": BELOW if wish.below else "", "q": wish.words, **more}


def here_of(wish: Wish) -> dict[str, str]:
    """The query of this very page."""
    return query_of(wish, after=wish.after, before=wish.before)


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The people of the group."""
    wish = wish_of(request)
    found = listing.page(request.db, context.place, wish)

    def at(**cursor: str) -> str:
        return context.address("@@users", **query_of(wish, **cursor))

    return page(
        context,
        "users",
        Form(values={"below": BELOW if wish.below else "", "q": wish.words}),
        people=found.people,
        count=found.count,
        is_more=found.is_more,
        groups=named(context, {person.group_id for person in found.people}),
        nice=nice,
        wish=wish,
        is_beginning=len(wish.words) < FEWEST_WITHIN,
        is_first=not wish.after and not wish.before,
        all_ticked=asked(request, "ticked") == "1",
        carried={name: value for name, value in here_of(wish).items() if value},
        first=at(),
        next=at(after=found.after) if found.after else "",
        previous=at(before=found.before) if found.before else "",
        tick_all=context.address("@@users", **here_of(wish), ticked="1"),
        most_words=LONGEST_FILTER,
    )


def includeme(config: Configurator) -> None:
    """Mount the list."""
    config.add_group_view(show, "users", "users")
    config.add_saying("people-moved", msgid("Moved."))
    config.add_saying("people-removed", msgid("Removed. What they have sent stays in the log."))
    config.add_saying("nobody-chosen", msgid("Choose at least one user in the list first."), tone="warning")
