"""`@@group` of a group: it is renamed, moved by choosing what it is to be below, or, with `?do=remove`, removed (spec G1).

The forms are sent to the topmost group that their sender administers, and name the group by its id: who was overtaken by somebody who moved
it is told so, instead of finding nothing at its old address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.location import lineage
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin.audit import reader_of, row_of
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource, Organisations
from messa_platform.portal.admin.seen_groups import Choice, choice, chosen_group, named, own_first
from messa_platform.portal.forms import Form, asked, written
from messa_platform.tenants import move_groups, tasks
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import latest
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.group_contents import MOST_COUNTED, contents
from messa_platform.tenants.move_groups import DEEPEST, LONGEST_NAME, Conflict, Moved, Refusal
from messa_platform.tenants.places import Branch, Place, Way, find_path, ways

MOST_OPTIONS = 40
"""Groups that a list to choose from holds, besides those that were searched for."""
LONGEST_OPTION = 70
"""Characters of a group's name with those above it, in such a list; of a longer name more."""

SENTENCES: Mapping[Refusal, str] = {
    Refusal.NO_NAME: msgid("Write the group's name."),
    Refusal.TOO_LONG: msgid("Shorten the name to %(max)s characters at the most."),
    Refusal.TOO_DEEP: msgid("A tree has at most %(deepest)s levels. Choose a group that stands higher up."),
    Refusal.CYCLE: msgid("A group cannot stand below itself. Choose another one."),
    Refusal.TOPMOST: msgid("This group stays where it is: it is the topmost one that you look after."),
    Refusal.LOCKED: msgid(
        "Something is locked here by an admin of an overlying group, and would be locked no longer. Ask whoever looks after that group."
    ),
    Refusal.NOT_THERE: msgid("The group that you chose is no longer there. Choose another one."),
}
"""Why nothing was changed."""
_CONFLICT = msgid(
    "Somebody else has changed the group meanwhile, and nothing of yours was saved. Look at what is different. If you save again, yours holds."
)


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The group's forms."""
    return _page(context, Form())


def change(context: GroupResource, request: Request) -> Any:
    """Rename, move or remove the group that the form names: the one asked for, or one below it."""
    form = Form(values=written(request.POST))
    meant = _meant(context, identifier(form.values.get("group", "")))
    if meant is None:
        return _gone(context)
    match form.values.get("do"):
        case "move":
            return _move(meant, form)
        case "remove":
            return _remove(meant, form)
    return _rename(meant, form)


def identifier(written_id: str) -> UUID | None:
    """An id as an address or a form gives it; None if it is none."""
    try:
        return UUID(written_id)
    except ValueError:
        return None


def _meant(context: GroupResource, group_id: UUID | None) -> GroupResource | None:
    """The group that a form is about; None if it is no longer there, or not the asker's."""
    return context if group_id in (None, context.place.id) else _at(context, group_id)


def _at(context: GroupResource, group_id: UUID) -> GroupResource | None:
    """A group where it stands now; None if it is no longer there, or not the asker's."""
    db, tenant_id = context.request.db, context.place.tenant_id
    way = ways(db, tenant_id, [group_id]).get(group_id)
    if way is None or not names_from(context, way):
        return None
    found = find_path(db, context.organisation.slug, way.slugs[1:])
    if found is None or found.path[-1].id != group_id:
        return None
    organisations = next(place for place in lineage(context) if isinstance(place, Organisations))
    there = GroupResource(context.request, context.organisation.slug, organisations, found, 0)
    for place in found.path[1:]:
        there = there[place.slug]
    return there


def _administered(context: GroupResource) -> Collection[UUID]:
    """The groups that the asker administers, the operator's being Master."""
    return {context.authority.id, *context.request.identity.admin_of}


def names_from(context: GroupResource, way: Way) -> tuple[str, ...]:
    """The names on the way to a group, from the topmost on that the asker administers; empty if that is none of it."""
    own = _administered(context)
    begin = next((n for n, group_id in enumerate(way.ids) if group_id in own), len(way.ids))
    return way.names[begin:]


def say_why(request: Request, form: Form, field: str, refusal: Refusal) -> None:
    """Say at a form's field why nothing was changed."""
    form.fail(field, request.speech.gettext(SENTENCES[refusal], max=LONGEST_NAME, deepest=DEEPEST))


def _now(context: GroupResource) -> Any:
    return context.request.registry["messa.runtime"].clock.now()


def _version(form: Form) -> int:
    given = form.values.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def _rename(context: GroupResource, form: Form) -> Any:
    outcome = move_groups.rename(
        context.request.db,
        _now(context),
        context.author,
        context.place,
        form.values.get("name", ""),
        _version(form),
    )
    if not isinstance(outcome, Place):
        return _not_done(context, form, "name", outcome)
    return HTTPSeeOther(context.address("@@group", said="group-renamed"))


def _move(context: GroupResource, form: Form) -> Any:
    db = context.request.db
    parent = _chosen(context, form, "parent")
    if parent is None:
        return _page(context, form, 422)
    outcome = move_groups.move(
        db, _now(context), context.author, context.place, parent, _version(form), _administered(context)
    )
    if not isinstance(outcome, Moved):
        return _not_done(context, form, "parent", outcome)
    _wake(context, outcome)
    way = ways(db, context.place.tenant_id, [context.place.id])[context.place.id]
    return HTTPSeeOther(context.address_of(way.slugs[1:], "@@group", said="group-moved"))


def _remove(context: GroupResource, form: Form) -> Any:
    people_to, groups_to = _chosen(context, form, "people"), _chosen(context, form, "groups")
    if people_to is None or groups_to is None:
        return _page(context, form, 422)
    outcome = move_groups.remove(
        context.request.db,
        _now(context),
        context.author,
        context.place,
        people_to,
        groups_to,
        _version(form),
        _administered(context),
    )
    if not isinstance(outcome, Moved):
        return _not_done(context, form, "groups" if outcome is Refusal.TOO_DEEP else "people", outcome)
    _wake(context, outcome)
    above = context.slugs_of(context.path[-2])
    return HTTPSeeOther(context.address_of(above, "@@settings", said="group-removed"))


def _chosen(context: GroupResource, form: Form, field: str) -> Place | None:
    """The group that was chosen at a field, if it is one of the asker's."""
    place = chosen_group(context, form.values.get(field, ""))
    if place is None:
        say_why(context.request, form, field, Refusal.NOT_THERE)
    return place


def _wake(context: GroupResource, moved: Moved) -> None:
    if moved.task_ids:
        runtime = context.request.registry["messa.runtime"]
        runtime.waker.wake_after_commit(context.request.db, tasks.ACTOR)


def _gone(context: GroupResource) -> HTTPSeeOther:
    own = context.slugs_of(context.authority)
    return HTTPSeeOther(context.address_of(own, "@@settings", said="group-gone"))


def _not_done(context: GroupResource, form: Form, field: str, why: Conflict | Refusal | NotAdmin) -> Any:
    """Say why nothing was changed: on the group's page, wherever that is by now. Raises HTTPNotFound if it is the asker's no longer."""
    if isinstance(why, NotAdmin):
        raise HTTPNotFound
    if why is not Refusal.NOT_THERE and isinstance(why, Refusal):
        say_why(context.request, form, field, why)
        return _page(context, form, 422)
    there = _at(context, context.place.id)
    if there is None:
        return _gone(context)
    if isinstance(why, Refusal):
        say_why(context.request, form, field, why)
        return _page(there, form, 422)
    form.fail("", context.request.speech.gettext(_CONFLICT))
    return _page(there, form, 409)


def _page(context: GroupResource, form: Form, status: int = 200) -> Mapping[str, Any]:
    place = context.place
    frame = page(context, "group", form, status)
    shown, options = _offered(context, form, frame["tree"])
    found = {str(group.id) for group in shown.options} if shown.words else set()
    overtaken = status == 409
    return {
        **frame,
        "action": context.address_of(context.slugs_of(context.authority), "@@group"),
        # after an error of the form's own the version stays that which it was made from
        "version": form.values.get("version", "") if status == 422 else place.version,
        "parent": _above(context),
        "removing": "remove" in (form.values.get("do"), asked(context.request, "do")),
        "contents": contents(context.request.db, place),
        "most_counted": MOST_COUNTED,
        "choice": shown,
        "options": options,
        "hits": [value for value, _name in options if value in found],
        "max_name": LONGEST_NAME,
        "changes": _changes(context, form) if overtaken else [],
        "differing": _differing(context, form, dict(options)) if overtaken else [],
    }


def _above(context: GroupResource) -> Place | None:
    """The group above, if the asker may see it: then this one may be moved and removed."""
    return context.path[-2] if context.place != context.authority else None


def _offered(context: GroupResource, form: Form, tree: Branch) -> tuple[Choice, list[tuple[str, str]]]:
    """The groups to choose among, but for this one and what is below it, by their ids.

    They are those near by that the tree beside shows; what is searched for, or administered elsewhere, is asked for.
    """
    request = context.request
    above = _above(context)
    shown = list(_flat(tree, (), context.place.id))
    near = _nearest(context, shown)
    offered = Choice((), "", len(near) < len(shown) or any(branch.has_more for branch, _names in shown))
    if asked(request, "group_q") or len(request.identity.admin_of) > 1:
        offered = choice(context, request)
        below = context.address("")
        hits = {str(g.id): g.names for g in offered.options if not g.address.startswith(below)}
        near = {str(above.id): near[str(above.id)], **hits} if above else {}
    chosen = {i for field in ("parent", "people", "groups") if (i := identifier(form.values.get(field, "")))}
    if missing := {i for i in chosen if str(i) not in near}:
        near |= {str(group.id): group.names for group in named(context, missing).values()}
    return offered, [(value, own_first(names, LONGEST_OPTION)) for value, names in near.items()]


def _nearest(
    context: GroupResource, shown: Sequence[tuple[Branch, tuple[str, ...]]]
) -> dict[str, tuple[str, ...]]:
    """The names on the ways to the groups above, those beside, and so on, in the order of the tree; as many as a list holds."""
    path = {place.id for place in context.path}
    depth = len(context.seen_path)

    def distance(entry: tuple[Branch, tuple[str, ...]]) -> int:
        branch, names = entry
        return -1 if branch.id in path else abs(len(names) - depth)

    kept = {branch.id for branch, _names in sorted(shown, key=distance)[:MOST_OPTIONS]}
    return {str(branch.id): names for branch, names in shown if branch.id in kept}


def _flat(branch: Branch, above: tuple[str, ...], without: UUID) -> Iterator[tuple[Branch, tuple[str, ...]]]:
    """Each group that a tree shows, with the names on the way to it, but for one and what is below it."""
    if branch.id != without:
        names = (*above, branch.name)
        yield branch, names
        for child in branch.children:
            yield from _flat(child, names, without)


def _changes(context: GroupResource, form: Form) -> list[Any]:
    """What others have changed since the form was opened, in words."""
    actions = {Action.GROUP_RENAMED, Action.GROUP_MOVED}
    most = min(max(context.place.version - _version(form), 1), 5)
    found = latest(context.request.db, reader_of(context), context.place, actions, most=most)
    return [row_of(context.request.speech, entry) for entry in found]


def _differing(context: GroupResource, form: Form, labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What was written and what holds now, where they differ."""
    _ = context.request.speech.gettext
    yours, theirs = form.values.get("parent", ""), str(context.place.parent_id)
    pairs = {
        "rename": (_("Name"), form.values.get("name", ""), context.place.name),
        "move": (_("Below"), labels.get(yours, ""), labels.get(theirs, "")),
    }
    label, yours, theirs = pairs.get(form.values.get("do", "rename"), ("", "", ""))
    return [(label, yours, theirs)] if yours != theirs else []


def includeme(config: Configurator) -> None:
    """Mount the page and its forms."""
    config.add_group_view(show, "group", "group")
    config.add_group_view(change, "group", "group", request_method="POST")
    config.add_saying("group-renamed", msgid("The group has its new name."))
    config.add_saying("group-moved", msgid("The group is moved, with everything below it."))
    config.add_saying("group-removed", msgid("The group is removed. What was sent from it stays in the log."))
    config.add_saying(
        "group-gone",
        msgid("That group is no longer there: somebody has removed it, or moved it elsewhere."),
        tone="warning",
    )
