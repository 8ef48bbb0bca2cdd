"""`@@logs-choices` of a group: what may be meant in a field of the log's search while it is being written, as JSON for the page's script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.messaging.log import choices, suggestions
from messa_platform.messaging.log.asked import Asked
from messa_platform.messaging.log.choices import MOST
from messa_platform.messaging.log.written import beginnings
from messa_platform.portal.admin.logs.meant import STEP, country_code, ways_to
from messa_platform.portal.admin.logs.search import read
from messa_platform.portal.admin.resources import ADMINISTER, GroupResource
from messa_platform.portal.forms import asked
from messa_platform.portal.messages.numbers import nice

Pairs = Sequence[tuple[str, str]]
"""What goes into the field, and how it is shown."""


def suggest(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The choices for `field`, of which the query holds what is written so far, beside the rest of the search; `MOST` at the most."""
    name = asked(request, "field")
    find = _FIELDS.get(name)
    search = read(context, request, writing=name)
    if find is None or search.asked is None:
        request.response.status_int = 422
        return {"choices": [], "more": False}
    found = find(context, search.asked, search.form.values[name])
    return {"choices": [list(pair) for pair in found[:MOST]], "more": len(found) > MOST}


def _groups(context: GroupResource, search: Asked, words: str) -> Pairs:
    found = choices.groups(context.request.db, search, " ".join(words.split(STEP)[-1].split()))
    names = ways_to(context, found)
    return [(names[g.id], names[g.id]) for g in found]


def _addresses(context: GroupResource, search: Asked, words: str) -> Pairs:
    return [(address, address) for address in suggestions.addresses(context.request.db, search, words)]


def _numbers(context: GroupResource, search: Asked, words: str) -> Pairs:
    code = country_code(context)
    found = suggestions.numbers(context.request.db, search, beginnings(words, code))
    return [(number, _as_written(number, words, code)) for number in found]


def _as_written(number: str, words: str, code: str) -> str:
    """A number in the manner of what is being written: browsers show of a list only what holds that."""
    if words.startswith("+") or not words[:1].isdecimal():
        return nice(number) if " " in words else number
    if words.startswith("00"):
        return f"00{number.removeprefix('+')}"
    national = nice(number, code)
    if words.startswith("0") and number.startswith(f"+{code}"):
        return national if set(words) & set(" -") else f"0{number.removeprefix(f'+{code}')}"
    return number


_FIELDS = {"group": _groups, "email": _addresses, "number": _numbers}


def includeme(config: Configurator) -> None:
    """Mount it."""
    config.add_view(
        suggest,
        context=GroupResource,
        name="logs-choices",
        permission=ADMINISTER,
        renderer="json",
        request_method="GET",
    )
