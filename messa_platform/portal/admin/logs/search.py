"""A search of the log as an address asks for it: read, told what is wrong with it, and written again (spec L1).

All of it stands in the query, so that an address can be sent to a colleague, who sees of it what is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.messaging.log.asked import Asked, Column, Key, scope_of
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.portal.admin.logs import cursor, days, meant
from messa_platform.portal.admin.logs.days import Days
from messa_platform.portal.admin.logs.meant import Meant, Several
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, asked

OWN_ONLY = "own"
"""The value of `reach` that leaves the subgroups out."""
FIELDS = ("from", "to", "reach", "group", "email", "number", "direction", "status", "parts", "sort", "order")
"""What an address may ask for; besides, `after` and `before` say where the page begins or ends."""
_ORDERS = ("asc", "desc")


@dataclass(frozen=True, slots=True)
class Search:
    """A search. `form` holds what its fields show and what is wrong; `asked` is None if anything is.

    `query` is what stands in the address of its first page. `options`: what may be meant in a field where several things may.
    """

    context: GroupResource
    form: Form
    days: Days
    asked: Asked | None
    query: Mapping[str, str]
    key: Key | None = None
    backwards: bool = False
    options: Mapping[str, Several] = field(default_factory=dict)

    def at(self, **changes: str) -> str:
        """The address of the first page of the same search, but for these; "" takes something out."""
        return self.context.address("@@logs", **{**self.query, **changes})


def read(context: GroupResource, request: Request, *, writing: str = "") -> Search:
    """The search of a request to any of the log's views. `writing`: the field that is being written and narrows nothing yet."""
    form = Form({name: _asked(request, name) for name in FIELDS})
    speech = request.speech
    shown = days.read(form, speech, speech.day(request.registry["messa.runtime"].clock.now()))
    form.values |= shown.query
    wanted = _closed(form, speech.gettext)
    if not form.ok:
        return Search(context, form, shown, None, _query(form))
    scope = scope_of(request.db, context.place, subgroups=form.values["reach"] != OWN_ONLY)
    zone = speech.zone
    search = Asked(scope, shown.since(zone), shown.until(zone), **wanted)
    search, sent, options = _open(context, form, search, writing)
    query = {**_query(form), **sent}
    if form.errors:
        return Search(context, form, shown, None, query, options=options)
    return _at_a_page(Search(context, form, shown, search, query), request)


def _asked(request: Request, name: str) -> str:
    return asked(request, name, cursor.LONGEST).replace("\0", "")


def _query(form: Form) -> dict[str, str]:
    """What stands in the address: nothing that goes without saying."""
    usual = {"sort": Column.DATE.value, "order": _usual_order(form.values["sort"])}
    return {name: form.values[name] for name in FIELDS if form.values[name] not in ("", usual.get(name))}


def _usual_order(sort: str) -> str:
    return "desc" if sort in ("", Column.DATE) else "asc"


# What is one of a few words


def _closed(form: Form, _: Callable[[str], str]) -> dict[str, Any]:
    """What the form narrows to, and how it sorts, among what there is for everybody."""
    values = form.values
    choose = _("Choose one of those in the list.")
    _one_of(form, "reach", (OWN_ONLY,), choose)
    _one_of(form, "direction", tuple(Direction), choose)
    _one_of(form, "status", tuple(Status), choose)
    _one_of(form, "parts", tuple(map(str, range(256))), choose)
    cannot_sort = _("The log cannot be sorted like that. Press the heading of a column.")
    for name, words in (("sort", tuple(Column)), ("order", _ORDERS)):
        if values[name] not in ("", *words):
            values[name] = ""
            form.fail("", cannot_sort)
    if not form.ok:
        return {}
    return {
        "direction": Direction(values["direction"]) if values["direction"] else None,
        "status": Status(values["status"]) if values["status"] else None,
        "parts": int(values["parts"]) if values["parts"] else None,
        "sort": Column(values["sort"] or Column.DATE),
        "descending": (values["order"] or _usual_order(values["sort"])) == "desc",
    }


def _one_of(form: Form, name: str, words: tuple[str, ...], sentence: str) -> None:
    if form.values[name] not in ("", *words):
        form.fail(name, sentence)


# What is written


_NO_GROUP = msgid("There is no such group here. Choose one, or write a part of its name.")
_SEVERAL = {
    "group": msgid("Several groups may be meant. Choose one of them below, or write more of the name."),
    "email": msgid("Several addresses may be meant. Choose one of them below, or write more of it."),
    "number": msgid("Several numbers may be meant. Choose one of them below, or write more of it."),
}


def _open(
    context: GroupResource, form: Form, search: Asked, writing: str
) -> tuple[Asked, dict[str, str], dict[str, Several]]:
    """The search narrowed to the group, the address and the number written, what stands for them in an address, and what may be meant."""
    gettext = context.request.speech.gettext
    sent: dict[str, str] = {}
    options: dict[str, Several] = {}
    for name, sentence in _SEVERAL.items():
        if not form.values[name] or name == writing:
            continue
        found = _meant(context, search, name, form.values[name])
        match found:
            case None:
                form.fail(name, gettext(_NO_GROUP))
            case Several():
                form.fail(name, gettext(sentence))
                options[name] = found
            case Meant():
                search = search.within(**found.narrowed)
                sent[name], form.values[name] = found.value, found.words
    return search, sent, options


def _meant(context: GroupResource, search: Asked, name: str, written: str) -> Meant | Several | None:
    match name:
        case "group":
            return meant.group(context, search.scope, written)
        case "email":
            return meant.email(context, search, written)
        case _:
            return meant.number(context, search, written)


# Which page of it


def _at_a_page(search: Search, request: Request) -> Search:
    assert search.asked is not None
    after, before = _asked(request, "after"), _asked(request, "before")
    if not after and not before:
        return search
    key = cursor.read(after or before, search.asked)
    if key is None:
        sentence = msgid(
            "This page of the log is not found again: its address is not whole. Begin with the first page."
        )
        search.form.fail("", request.speech.gettext(sentence))
        return Search(search.context, search.form, search.days, None, search.query)
    return Search(
        search.context, search.form, search.days, search.asked, search.query, key, backwards=not after
    )
