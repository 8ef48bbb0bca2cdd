"""`/messages/many`: a text to many, whose numbers are pasted, in a saved list, or in a file with what differs (spec P2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.sheets import MOST_BYTES, SheetFault
from messa_platform.core.text_files import SEMICOLONS, table
from messa_platform.messaging import lists, sendings
from messa_platform.messaging.sending_rows import Row, rows_of_list, rows_of_pasted, rows_of_sheet
from messa_platform.messaging.sendings import Progress
from messa_platform.messaging.sheets import number_column, read_sheet
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.compose import hindrance
from messa_platform.portal.messages.counter import counter_for, held_by
from messa_platform.portal.messages.lists import long_field
from messa_platform.portal.messages.panes import now_of
from messa_platform.portal.messages.preparing import prepare, tell
from messa_platform.portal.messages.resources import PERMISSION, ManyResource, read_id
from messa_platform.portal.pages import url
from messa_platform.portal.sheets import sheet_words, uploaded
from messa_platform.tenants.profile import Profile

WAYS = ("numbers", "list", "sheet")
"""The fields by which recipients come; one of them is filled in."""


def show_many(request: Request) -> Mapping[str, Any]:
    """The form; `?list=` chooses a saved list, `?change=` brings back what was put together before."""
    form, kept = Form(values={"list": asked(request, "list")}), _kept(request, asked(request, "change"))
    if kept is not None:
        form.values["text"] = kept.text
    return _page(request, form, held_by(request), kept)


def _kept(request: Request, identifier: str) -> Progress | None:
    """The sending that is changed, if it has not been confirmed meanwhile."""
    try:
        found = sendings.progress(request.db, request.identity.account_id, read_id(identifier))
    except KeyError:
        return None
    return found if found is not None and found.confirmed_at is None else None


def _page(request: Request, form: Form, held: Profile, kept: Progress | None) -> dict[str, Any]:
    account_id = request.identity.account_id
    return {
        "section": "messages",
        "form": form,
        "kept": kept,
        "lists": lists.all_lists(request.db, account_id),
        "latest": sendings.latest(request.db, account_id, most=5),
        "counter": counter_for(held, form.values.get("text", "")),
        "hindrance": hindrance(request, held),
        "megabytes": MOST_BYTES // 2**20,
        "most": sendings.MOST,
        "now": now_of(request),
    }


def put_together(request: Request) -> Any:
    """Put a sending together from the form, and look at it."""
    form = Form(values={**written(request.POST), "numbers": long_field(request, "numbers")})
    held = held_by(request)
    kept = _kept(request, form.values.get("kept", ""))
    made = _sending(request, form, held, kept)
    if made is not None:
        return HTTPSeeOther(url(request, "messages", "sendings", made))
    request.response.status_int = 422
    return _page(request, form, held, kept)


def _sending(request: Request, form: Form, held: Profile, kept: Progress | None) -> UUID | None:
    template, account_id = form.values.get("text", ""), request.identity.account_id
    ways = [way for way in WAYS if _is_filled(request, form, way)]
    if not ways and kept is not None:
        fault = sendings.revise(request.db, account_id, kept.id, template)
        if fault is None:
            return kept.id
        tell(request, form, fault, "")
        return None
    if len(ways) != 1:
        form.fail("numbers", _one_way(request, ways))
    if not template.strip():
        form.fail("text", request.speech.gettext("Write the text that is to be sent."))
    rows = _rows(request, form, held, ways[0]) if len(ways) == 1 else []
    if not form.ok:
        return None
    made = prepare(request, form, template, rows, ways[0])
    if made is not None and kept is not None:
        sendings.discard(request.db, account_id, kept.id)
    return made


def _is_filled(request: Request, form: Form, way: str) -> bool:
    if way == "sheet":
        return bool(getattr(request.POST.get(way), "filename", ""))
    return bool(form.values.get(way, "").strip())


def _one_way(request: Request, ways: Sequence[str]) -> str:
    if ways:
        return str(
            request.speech.gettext(
                "Choose one way: write numbers, or take a list, or a file. Empty the others."
            )
        )
    return str(
        request.speech.gettext("Say who is to get the text: write numbers, choose a list, or choose a file.")
    )


def _rows(request: Request, form: Form, held: Profile, way: str) -> Sequence[Row]:
    """The recipients; none, where the form says what is wrong with them."""
    account_id = request.identity.account_id
    if way == "numbers":
        return rows_of_pasted(lists.parse_for(request.db, account_id, form.values[way]))
    if way == "sheet":
        return _rows_of_sheet(request, form, held.sender.settings.country_code)
    try:
        saved = lists.get(request.db, account_id, read_id(form.values[way]))
    except KeyError:
        saved = None
    if saved is None:
        form.fail(way, request.speech.gettext("That list is gone. Choose another one."))
        return []
    return rows_of_list(saved.entries)


def _rows_of_sheet(request: Request, form: Form, country_code: str) -> Sequence[Row]:
    speech, upload = request.speech, request.POST["sheet"]
    mark = "," if speech.language == "sv" else "."
    data = uploaded(request, upload)
    sheet = data if isinstance(data, SheetFault) else read_sheet(upload.filename, data, country_code, mark)
    if isinstance(sheet, SheetFault):
        form.fail("sheet", sheet_words(speech, sheet))
        return []
    column = number_column(sheet, country_code)
    if column is None:
        form.fail(
            "sheet",
            speech.gettext("There is no column with mobile numbers in the file. Head it “Mobile number”."),
        )
        return []
    return rows_of_sheet(sheet, column)


_SAMPLE = {
    "sv": (
        ("Namn", "Mobilnummer", "Tid"),
        ("Karin Holm", "070-174 06 05", "måndag kl 8.15"),
        ("Göran Ek", "070-174 06 12", "måndag kl 9.00"),
        ("Åsa Lindqvist", "070-174 06 31", "tisdag kl 8.15"),
    ),
    "en": (
        ("Name", "Mobile number", "Time"),
        ("Karin Holm", "070-174 06 05", "Monday at 8:15"),
        ("Göran Ek", "070-174 06 12", "Monday at 9:00"),
        ("Åsa Lindqvist", "070-174 06 31", "Tuesday at 8:15"),
    ),
}


def sample(request: Request) -> Response:
    """A file as an example, as Swedish Excel opens it: with a byte order mark, and divided by semicolons."""
    rows = table(_SAMPLE[request.speech.language], SEMICOLONS)
    response = Response(rows.encode("utf-8-sig"), content_type="text/csv", charset="utf-8")
    response.content_disposition = 'attachment; filename="messa.csv"'
    return response


def includeme(config: Configurator) -> None:
    """Mount the form, and the example of a file."""
    shared = {"context": ManyResource, "permission": PERMISSION}
    page = {"renderer": "messages/many.jinja2", **shared}
    config.add_view(show_many, request_method="GET", **page)
    config.add_view(put_together, request_method="POST", **page)
    config.add_view(sample, name="sample.csv", request_method="GET", **shared)
