"""A search of the log as an address asks for it: read, told what is wrong with it, and written again (spec L1).

All of it stands in the query, so that an address can be sent to a colleague, who sees of it what is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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

    `query` is what stands in the address of its first page. `group` is the one that it is narrowed to, if any. `options`: what may be meant
    in a field where several things may.
    """

    context: GroupResource
    form: Form
    days: Days
    asked: Asked | None
    query: Mapping[str, str]
    group: Meant | None = None
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
    written = _Written(context, form, writing)
    scope = scope_of(request.db, context.place, subgroups=form.values["reach"] != OWN_ONLY)
    wanted |= written.open("group", lambda words: meant.group(context, scope, words))
    found: Asked | None = None
    if form.ok:
        found = _narrowed(Asked(scope, shown.since(speech.zone), shown.until(speech.zone), **wanted), written)
    query = {**_query(form), **written.sent}
    search = Search(context, form, shown, found, query, written.group, options=written.options)
    return _at_a_page(search, request) if found is not None else search


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


@dataclass
class _Written:
    """The fields in which something is written. `sent` is what stands for them in an address."""

    context: GroupResource
    form: Form
    writing: str
    group: Meant | None = None
    sent: dict[str, str] = field(default_factory=dict)
    options: dict[str, Several] = field(default_factory=dict)

    def open(self, name: str, find: Callable[[str], Meant | Several | None]) -> Mapping[str, Any]:
        """What a field narrows to; the form then shows it whole, or is told why it narrows to nothing."""
        words, gettext = self.form.values[name], self.context.request.speech.gettext
        if not words or name == self.writing:
            return {}
        match find(words):
            case Meant() as one:
                self.sent[name], self.form.values[name] = one.value, one.words
                self.group = one if name == "group" else self.group
                return one.narrowed
            case Several() as several:
                self.form.fail(name, gettext(_SEVERAL[name]))
                self.options[name] = several
            case None:
                self.form.fail(name, gettext(_NO_GROUP))
        return {}


def _narrowed(search: Asked, written: _Written) -> Asked | None:
    """The search narrowed to an address and a number; None if either may mean several."""
    of_email = search.within(
        **written.open("email", lambda words: meant.email(written.context, search, words))
    )
    of_both = of_email.within(
        **written.open("number", lambda words: meant.number(written.context, of_email, words))
    )
    return None if written.form.errors else of_both


# Which page of it


_NO_PAGE = msgid(
    "This page of the log is not found again: its address is not whole. Begin with the first page."
)


def _at_a_page(search: Search, request: Request) -> Search:
    after, before = _asked(request, "after"), _asked(request, "before")
    if search.asked is None or not (after or before):
        return search
    key = cursor.read(after or before, search.asked)
    if key is None:
        search.form.fail("", request.speech.gettext(_NO_PAGE))
        return replace(search, asked=None)
    return replace(search, key=key, backwards=not after)
