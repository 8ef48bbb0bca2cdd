"""`@@new-group` and `@@find-group` of a group: groups are added to the tree, and found in a large one (spec G1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin import group_page
from messa_platform.portal.admin.frame import TABS, page
from messa_platform.portal.admin.group_page import identifier, names_from, say_why
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, asked, written
from messa_platform.tenants import move_groups
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.move_groups import LONGEST_NAME
from messa_platform.tenants.places import PAGE, Place, children, places_of, search, ways


def show_new(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The form for a group below this one."""
    return _new(context, Form())


def _new(context: GroupResource, form: Form, status: int = 200) -> Mapping[str, Any]:
    return page(context, "new-group", form, status, max_name=LONGEST_NAME)


def create(context: GroupResource, request: Request) -> Any:
    """Add it; on to the new group, or back to the form for one more beside it."""
    form = Form(values=written(request.POST))
    now = request.registry["messa.runtime"].clock.now()
    made = move_groups.add(request.db, now, context.author, context.place, form.values.get("name", ""))
    if isinstance(made, NotAdmin):
        raise HTTPNotFound
    if not isinstance(made, Place):
        say_why(request, form, "name", made)
        return _new(context, form, 422)
    if form.values.get("then") == "more":
        return HTTPSeeOther(context.address("@@new-group", said="group-added"))
    slugs = (*context.slugs_of(context.place), made.slug)
    return HTTPSeeOther(context.address_of(slugs, "@@settings", said="group-added"))


@dataclass(frozen=True, slots=True)
class Found:
    """A group that was found: its name, the names of the groups above it that the asker may see, and its page."""

    id: UUID
    name: str
    trail: tuple[str, ...]
    address: str


def find(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The groups whose names hold `q`; else the groups right below the one that is `under`, a page of them behind the one that is `after`."""
    words, tab = asked(request, "q"), asked(request, "page")
    above: Place | None = None
    if words:
        places = search(request.db, context.authority, words.replace("\x00", ""), PAGE + 1)
    else:
        above, behind = _asked_under(context, request)
        places = children(request.db, above, behind, PAGE + 1)
    shown, has_more = places[:PAGE], len(places) > PAGE
    view = tab if tab in {t.name for t in TABS if not t.only_top} else "settings"
    further = {"under": above.id, "after": shown[-1].id, "page": tab} if above and has_more else {}
    return page(
        context,
        "find-group",
        Form(values={"q": words}),
        words=words,
        above=above,
        found=_found(context, shown, f"@@{view}"),
        page_name=tab,
        has_more=has_more,
        next=context.address("@@find-group", **further) if further else "",
    )


def _asked_under(context: GroupResource, request: Request) -> tuple[Place, Place | None]:
    """The group whose children are asked for, by itself this one, and the child behind which the page begins."""
    under, after = identifier(asked(request, "under")), identifier(asked(request, "after"))
    if under is None:
        return context.place, None
    found = places_of(request.db, context.place.tenant_id, [under, *([after] if after else [])])
    above, behind = found.get(under), found.get(after) if after else None
    if above is None or context.authority.id not in above.ancestors:
        raise HTTPNotFound  # whether it is there is not theirs to know
    return above, behind if behind is not None and behind.parent_id == above.id else None


def _found(context: GroupResource, places: Sequence[Place], view: str) -> list[Found]:
    known = (
        ways(context.request.db, context.place.tenant_id, [place.id for place in places]) if places else {}
    )
    result = []
    for place in places:
        way = known[place.id]
        trail = names_from(context, way)[:-1]
        result.append(Found(place.id, place.name, trail, context.address_of(way.slugs[1:], view)))
    return result


def includeme(config: Configurator) -> None:
    """Mount the pages of the tree."""
    config.add_group_view(show_new, "new-group", "new_group")
    config.add_group_view(create, "new-group", "new_group", request_method="POST")
    config.add_group_view(find, "find-group", "find_group")
    config.add_saying("group-added", msgid("The group is added."))
    config.include(group_page)
