"""Groups as an admin may know them: by their way from the topmost group that is theirs, and as a choice of where somebody goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pyramid.request import Request

from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import asked
from messa_platform.portal.messages.resources import read_id
from messa_platform.tenants.places import Place, Way, place_of, places_of, search, ways
from messa_platform.tenants.tree import swedish_sort_key

MOST = 50
"""Groups to choose among at a time; of more, one searches."""


@dataclass(frozen=True, slots=True)
class Named:
    """A group that the admin sees. `way`: the ids and names of the groups on the way to it from the topmost one that they see, its own last;
    `address`: its list of people."""

    id: UUID
    way: tuple[tuple[UUID, str], ...]
    address: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names on the way."""
        return tuple(name for _, name in self.way)

    @property
    def name(self) -> str:
        """The whole way, which tells it from every other."""
        return " › ".join(self.names)

    @property
    def own(self) -> str:
        """Its own name, which others may have, too."""
        return self.names[-1]

    def below(self, place: Place) -> list[str]:
        """The names of the groups between one above it and itself; those of the whole way if that one is not above it."""
        above = [group_id for group_id, _ in self.way]
        begin = above.index(place.id) + 1 if place.id in above else 0
        return [name for _, name in self.way[begin:-1]]


def own_first(names: Sequence[str], longest: int) -> str:
    """A group's own name with the way to it behind, as lists to choose from have it: where they are narrow, one still sees which it is.

    Of a way that makes it longer than so many characters the end is kept, which is where ways differ.
    """
    *above, own = names
    trail = " › ".join(above)
    room = max(longest - len(own) - len(" ()"), 0)
    if len(trail) > room:
        trail = f"… {trail[len(trail) - room :].lstrip(' ›')}"
    return f"{own} ({trail})" if above else own


def named(context: GroupResource, group_ids: Iterable[UUID]) -> dict[UUID, Named]:
    """These groups, as far as they lie in what the admin sees; two statements at the most."""
    found = ways(context.request.db, context.organisation.id, group_ids)
    return _named(context, found, {top.id for top in seen_tops(context)})


def _named(context: GroupResource, found: Mapping[UUID, Way], tops: set[UUID]) -> dict[UUID, Named]:
    shown = {}
    for group_id, way in found.items():
        first = next((depth for depth, above in enumerate(way.ids) if above in tops), None)
        if first is not None:
            seen = tuple(zip(way.ids[first:], way.names[first:], strict=True))
            shown[group_id] = Named(group_id, seen, context.address_of(way.slugs[1:], "@@users"))
    return shown


def seen_tops(context: GroupResource) -> list[Place]:
    """The group from which the admin looks here, and the others of this tenant that they administer beside it: all from these down is theirs
    to see."""
    request = context.request
    above = {place.id for place in context.path}
    others = [] if request.identity.is_operator else [i for i in request.identity.admin_of if i not in above]
    beside = places_of(request.db, context.organisation.id, others).values() if others else ()
    return [context.authority, *beside]


@dataclass(frozen=True, slots=True)
class Choice:
    """Groups to choose among. `words` is what was searched for; `is_more`: there are more, so searching helps."""

    options: tuple[Named, ...]
    words: str
    is_more: bool


def choice(context: GroupResource, request: Request) -> Choice:
    """The groups where the admin may put somebody; the query's `group_q` searches among them."""
    words = asked(request, "group_q", 100).replace("\x00", "")
    tops = seen_tops(context)
    found = search(request.db, tops[0], words, MOST + 1, tops[1:])
    shown = _named(
        context,
        ways(request.db, context.organisation.id, [place.id for place in found[:MOST]]),
        {top.id for top in tops},
    )
    return Choice(
        tuple(sorted(shown.values(), key=lambda group: swedish_sort_key(group.name))),
        words,
        len(found) > MOST,
    )


def chosen_group(context: GroupResource, written: str) -> Place | None:
    """The group of a posted choice; None if there is none of that id for this admin to put somebody into."""
    try:
        identifier = read_id(written)
    except KeyError:
        return None
    place = place_of(context.request.db, context.organisation.id, identifier)
    tops = {top.id for top in seen_tops(context)}
    return place if place is not None and tops & set(place.ancestors) else None
