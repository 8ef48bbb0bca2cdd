"""`/messages/lists`: saved lists of recipients, each a line a number (spec P2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.messaging import lists
from messa_platform.messaging.lists import LONGEST_NAME, MOST_ENTRIES, Listed, ListFault, Parsed, SavedList
from messa_platform.portal.forms import Form, written
from messa_platform.portal.messages.new import lines_in_words
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.messages.panes import now_of
from messa_platform.portal.messages.resources import PERMISSION, ListResource, ListsResource
from messa_platform.portal.pages import url
from messa_platform.tenants.senders import senders

LONGEST_LIST = 400_000
"""Characters of a pasted list: so many hold more lines than a list may have."""

SENTENCES: Mapping[ListFault, tuple[str, str]] = {
    ListFault.NO_NAME: ("name", msgid("Give the list a name.")),
    ListFault.NAME_TOO_LONG: ("name", msgid("Choose a shorter name, of %(num)s characters at most.")),
    ListFault.NAME_TAKEN: ("name", msgid("You have another list of that name. Choose another name.")),
    ListFault.EMPTY: ("recipients", msgid("Write one number at least, such as 070-174 06 05.")),
    ListFault.TOO_MANY: ("recipients", msgid("A list has %(num)s numbers at most. Divide it.")),
    ListFault.GONE: ("", msgid("The list is gone: it has been deleted meanwhile.")),
}
_LIMITS = {ListFault.NAME_TOO_LONG: LONGEST_NAME, ListFault.TOO_MANY: MOST_ENTRIES}


def long_field(request: Request, name: str) -> str:
    """A field in which a whole list may stand; `forms.written` cuts at what a text needs."""
    value = request.POST.get(name, "")
    if not isinstance(value, str):
        return ""
    return value.replace("\r\n", "\n").replace("\x00", "")[:LONGEST_LIST]


def show_lists(request: Request) -> Mapping[str, Any]:
    """All lists of the account."""
    rows = lists.all_lists(request.db, request.identity.account_id)
    return {"section": "messages", "lists": rows, "now": now_of(request)}


def show_new(request: Request) -> Mapping[str, Any]:
    """The form for a new list."""
    return _page(Form())


def _page(form: Form, saved: SavedList | None = None) -> dict[str, Any]:
    return {"section": "messages", "form": form, "saved": saved}


def create(request: Request) -> Any:
    """Save a new list."""
    form, parsed = _read(request)
    if form.ok:
        made = lists.create(
            request.db, now_of(request), request.identity.account_id, form.values["name"], parsed.entries
        )
        if not isinstance(made, ListFault):
            return _saved(request)
        _fail(request, form, made)
    request.response.status_int = 422
    return _page(form)


def show_list(context: ListResource, request: Request) -> Mapping[str, Any]:
    """One list, as lines that can be changed."""
    account_id = request.identity.account_id
    country_code = senders(request.db, [account_id])[account_id].settings.country_code
    lines = [as_line(listed, country_code) for listed in context.saved.entries]
    form = Form(values={"name": context.saved.name, "recipients": "\n".join(lines)})
    return _page(form, context.saved)


def as_line(listed: Listed, country_code: str) -> str:
    """A recipient as a line that is read back as the same. The semicolon keeps a number from a name that begins with a digit."""
    number = nice(listed.number, country_code)
    return f"{number}; {listed.name}" if listed.name else number


def replace(context: ListResource, request: Request) -> Any:
    """Save a list as it was changed."""
    form, parsed = _read(request)
    if form.ok:
        account_id = request.identity.account_id
        fault = lists.replace(request.db, account_id, context.id, form.values["name"], parsed.entries)
        if fault is None:
            return _saved(request)
        _fail(request, form, fault)
    request.response.status_int = 422
    return _page(form, context.saved)


def _read(request: Request) -> tuple[Form, Parsed]:
    form = Form(values={**written(request.POST), "recipients": long_field(request, "recipients")})
    form.values.setdefault("name", "")
    parsed = lists.parse_for(request.db, request.identity.account_id, form.values["recipients"])
    if parsed.bad:
        form.fail("recipients", lines_in_words(request, parsed.bad))
    return form, parsed


def _fail(request: Request, form: Form, fault: ListFault) -> None:
    field, sentence = SENTENCES[fault]
    form.fail(field, request.speech.gettext(sentence, num=request.speech.number(_LIMITS.get(fault, 0))))


def _saved(request: Request) -> HTTPSeeOther:
    return HTTPSeeOther(url(request, "messages", "lists", said="list-saved"))


def delete(context: ListResource, request: Request) -> HTTPSeeOther:
    """Delete a list; what was sent to it stays."""
    lists.delete(request.db, request.identity.account_id, context.id)
    return HTTPSeeOther(url(request, "messages", "lists", said="list-deleted"))


def includeme(config: Configurator) -> None:
    """Mount the lists."""
    form = {"permission": PERMISSION, "renderer": "messages/list.jinja2"}
    config.add_view(
        show_lists,
        context=ListsResource,
        request_method="GET",
        permission=PERMISSION,
        renderer="messages/lists.jinja2",
    )
    config.add_view(show_new, context=ListsResource, name="new", request_method="GET", **form)
    config.add_view(create, context=ListsResource, name="new", request_method="POST", **form)
    config.add_view(show_list, context=ListResource, request_method="GET", **form)
    config.add_view(replace, context=ListResource, request_method="POST", **form)
    config.add_view(delete, context=ListResource, name="delete", request_method="POST", permission=PERMISSION)
    config.add_saying("list-saved", msgid("The list is saved."))
    config.add_saying("list-deleted", msgid("The list is deleted."))
