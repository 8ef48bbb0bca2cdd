"""What somebody means who writes a group, an address or a number into the log's search, in whole or in part.

Whatever it is, it is looked for among what the asker may see: what lies elsewhere is like what is not there (spec G10).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from messa_platform.messaging.log import choices, suggestions
from messa_platform.messaging.log.asked import Asked, Scope
from messa_platform.messaging.log.choices import GroupChoice
from messa_platform.messaging.log.suggestions import SenderChoice
from messa_platform.messaging.log.written import beginnings
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.seen_groups import named
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.held_settings import held
from messa_platform.tenants.tree import swedish_sort_key

MOST_OPTIONS = 20
"""Of what may be meant, shown to choose among; of more, one writes more."""
NO_ACCOUNT = UUID(int=2**128 - 1)
"""Nobody's id: whose address is not there has sent nothing."""
STEP = "›"
"""Between the names on the way to a group."""
_WHOLE_NUMBER = re.compile(r"\+[0-9]{8,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Meant:
    """One thing. `value` stands in addresses, `words` in the field; `narrowed` is for `Asked.within`."""

    value: str
    words: str
    narrowed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    """One of several that may be meant."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Several:
    """More than one may be meant. `is_more`: there are others besides."""

    options: tuple[Option, ...]
    is_more: bool


def _several(found: Iterable[Option]) -> Several:
    options = tuple(found)
    return Several(options[:MOST_OPTIONS], len(options) > MOST_OPTIONS)


def _id(written: str) -> UUID | None:
    try:
        return UUID(written)
    except ValueError:
        return None


def group(context: GroupResource, scope: Scope, written: str) -> Meant | Several | None:
    """A group of the scope by its id, its name, the way to it, or a part of its name; None if there is none."""
    session = context.request.db
    if identifier := _id(written):
        found = choices.named(session, scope, [identifier])
    else:
        found = _on_the_way(context, choices.called(session, scope, written.split(STEP)[-1].strip()), written)
    if not found:
        return None
    if len(found) > 1:
        names = ways_to(context, found)
        return _several(Option(str(g.id), names[g.id]) for g in found)
    return Meant(str(found[0].id), found[0].name, {"group_id": found[0].id})


def _on_the_way(context: GroupResource, found: list[GroupChoice], written: str) -> list[GroupChoice]:
    if STEP not in written:
        return found
    names, end = ways_to(context, found), _plain(written)
    return [g for g in found if _plain(names[g.id]).endswith(end)]


def _plain(way: str) -> str:
    return swedish_sort_key(" ".join(way.split()))


def ways_to(context: GroupResource, found: Iterable[GroupChoice]) -> dict[UUID, str]:
    """The way to each of these groups, as far as the admin sees it."""
    groups = list(found)
    seen = named(context, [g.id for g in groups])
    return {g.id: seen[g.id].name if g.id in seen else g.name for g in groups}


def email(context: GroupResource, asked: Asked, written: str) -> Meant | Several:
    """An account by its id, its address, or a part of that; what nobody has here means nobody."""
    session, scope = context.request.db, asked.scope
    if identifier := _id(written):
        known = suggestions.sender(session, scope, identifier)
        return Meant(
            written, known.address if known else written, {"account_id": identifier if known else NO_ACCOUNT}
        )
    exactly = suggestions.senders_called(session, scope, written)
    if not exactly:
        addresses = suggestions.addresses(session, asked, written)
        if len(addresses) > 1:
            return _several(Option(address, address) for address in addresses)
        exactly = suggestions.senders_called(session, scope, addresses[0]) if addresses else []
    return _account(written, exactly)


def _account(written: str, found: list[SenderChoice]) -> Meant | Several:
    if len(found) > 1:
        return _several(Option(str(s.account_id), f"{s.address}, {s.group}") for s in found)
    if found:
        return Meant(found[0].address, found[0].address, {"account_id": found[0].account_id})
    return Meant(written, written, {"account_id": NO_ACCOUNT})


def number(context: GroupResource, asked: Asked, written: str) -> Meant | Several:
    """A number as people write it, or the beginning of one; what is none here finds nothing."""
    if _WHOLE_NUMBER.fullmatch(written):
        return Meant(written, written, {"remote": written})
    likely = beginnings(written, country_code(context))
    found = suggestions.numbers(context.request.db, asked, likely)
    exactly = [n for n in found if n in likely]
    if not exactly and len(found) > 1:
        return _several(Option(n, n) for n in found)
    remote = next(iter(exactly or found), likely[0])
    return Meant(remote, remote, {"remote": remote})


def country_code(context: GroupResource) -> str:
    """The country in which numbers without one are."""
    code: str = held(context.request.db, context.path, context.authority)[Key.COUNTRY_CODE].value
    return code
