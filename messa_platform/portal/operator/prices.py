"""`/operator/prices`: what providers charge us and what we charge, by day; new prices from a file, and what a number costs (spec X4, B9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.clock import stockholm_day
from messa_platform.core.i18n import msgid
from messa_platform.core.sheets import MOST_BYTES, SheetFault
from messa_platform.messaging.recipients import normalise
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.messages.resources import wanted_id
from messa_platform.portal.operator.frame import now_of, page
from messa_platform.portal.operator.price_words import MOST_TOLD, file_words, refusal_words, row_words
from messa_platform.portal.operator.resources import PricesResource, PricesVersionResource, author_of
from messa_platform.portal.pages import url
from messa_platform.portal.sheets import uploaded
from messa_platform.providers.prices import kept, lists
from messa_platform.providers.prices.lists import Found, OfChannel, Outcome, PricesOf, Refusal, Sale
from messa_platform.providers.prices.reading import MOST_PRICES, Refused, read_prices
from messa_platform.providers.prices.table import Price
from messa_platform.providers.prices.writing import as_csv, as_xlsx

NEW = "new"
"""The choice of a sale list that does not exist yet."""


def show(request: Request) -> Mapping[str, Any]:
    """Every list with its versions; and what a number costs, if one is asked for."""
    session, now = request.platform_db, now_of(request)
    form = Form(values={name: words for name in ("number", "day") if (words := asked(request, name, 40))})
    found, number = _looked_up(request, form)
    return page(
        request,
        "prices",
        form,
        lists=lists.lists(session, now),
        found=found,
        number=nice(number) if number else "",
        today=stockholm_day(now).isoformat(),
    )


def _looked_up(request: Request, form: Form) -> tuple[Sequence[Found], str]:
    """What each list says of the number that the form asks for, and the number, E.164; none, where the form says what is wrong with it."""
    if "number" not in form.values:
        return (), ""
    number = normalise(form.values["number"], "46")
    day = _day(form.values["day"]) if "day" in form.values else stockholm_day(now_of(request))
    if not isinstance(number, str):
        form.fail("number", request.speech.gettext("Enter a number, such as 070-174 06 05 or +4791234567."))
    if day is None:
        form.fail("day", request.speech.gettext("Enter a day, such as 2026-12-01."))
    if not isinstance(number, str) or day is None:
        return (), ""
    return lists.look_up(request.platform_db, now_of(request), day, number), number


def _day(words: str) -> date | None:
    try:
        return date.fromisoformat(words)
    except ValueError:
        return None


# New prices


def show_new(context: PricesResource, request: Request) -> Mapping[str, Any]:
    """The form for new prices; `?of=` chooses what they are for."""
    return _new_page(request, Form(values={"of": asked(request, "of")}))


def _new_page(
    request: Request, form: Form, status: int = 200, refused: Refused | None = None
) -> Mapping[str, Any]:
    faults = refused.faults if refused else ()
    found = lists.lists(request.platform_db, now_of(request))
    return page(
        request,
        "prices",
        form,
        status,
        choices=[*((_code(one), one) for one in found), (NEW, None)],
        tomorrow=(stockholm_day(now_of(request)) + timedelta(days=1)).isoformat(),
        rows=[row_words(request.speech, fault) for fault in faults[:MOST_TOLD]],
        more=max(len(faults) - MOST_TOLD, 0),
        megabytes=MOST_BYTES // 2**20,
        most=MOST_PRICES,
    )


def _code(of: PricesOf) -> str:
    return str(of.channel_id or of.id)


def add(context: PricesResource, request: Request) -> Any:
    """Let the prices of a file hold from a day on."""
    form = Form(values=written(request.POST))
    of, day = _of(request, form), _day(form.values.get("valid_from", ""))
    if day is None:
        form.fail("valid_from", request.speech.gettext("Enter a day, such as 2026-12-01."))
    prices = _prices(request, form)
    if isinstance(prices, Refused):
        return _new_page(request, form, 422, prices)
    if of is None or day is None or not form.ok:
        return _new_page(request, form, 422)
    outcome = lists.put(request.platform_db, now_of(request), author_of(request), of, day, prices)
    if isinstance(outcome, Refusal):
        form.fail(*refusal_words(request.speech, outcome))
        return _new_page(request, form, 422)
    said = "prices-replaced" if outcome.replaced else "prices-added"
    return HTTPSeeOther(url(request, "operator", "prices", said=said))


def _of(request: Request, form: Form) -> OfChannel | Sale | None:
    """What the prices are for; None, where the form says that it is not told."""
    chosen = form.values.get("of", "")
    if chosen == NEW:
        return Sale(form.values.get("name", ""))
    for one in lists.lists(request.platform_db, now_of(request)):
        if _code(one) == chosen:
            return OfChannel(one.channel_id) if one.channel_id else Sale(one.name)
    form.fail("of", request.speech.gettext("Choose what the prices are for."))
    return None


def _prices(request: Request, form: Form) -> Sequence[Price] | Refused:
    """What the file holds; none, where the form says why it cannot be read."""
    upload = request.POST.get("file")
    if not getattr(upload, "filename", ""):
        form.fail("file", request.speech.gettext("Choose a file."))
        return ()
    data = uploaded(request, upload)
    read = data if isinstance(data, SheetFault) else read_prices(upload.filename, data)
    if isinstance(read, Refused):
        lines = len({fault.line for fault in read.faults})
        sentence = request.speech.ngettext(
            "Nothing was stored: %(num)s row needs to be put right.",
            "Nothing was stored: %(num)s rows need to be put right.",
            lines,
        )
        form.fail("file", sentence)
        return read
    if not isinstance(read, list):
        form.fail("file", file_words(request.speech, read))
        return ()
    return read


# One version


def download(context: PricesVersionResource, request: Request) -> Response:
    """The version as a file."""
    prices = kept.rows(request.platform_db, context.found.id)
    kind = request.view_name
    if kind == "csv":
        response = Response(as_csv(request.speech, prices), content_type="text/csv", charset="utf-8")
    else:
        response = Response(as_xlsx(request.speech, prices), content_type=_XLSX)
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in context.found.name)
    name = f"{plain.strip('-') or 'prices'}-{context.found.valid_from.isoformat()}.{kind}"
    response.content_disposition = f'attachment; filename="{name}"'
    return response


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def remove(context: PricesVersionResource, request: Request) -> HTTPSeeOther:
    """Take away a version that is still to come."""
    outcome = lists.remove(request.platform_db, now_of(request), author_of(request), context.found.id)
    if outcome is Outcome.GONE:
        raise HTTPNotFound
    said = "prices-removed" if outcome is Outcome.DONE else "prices-begun"
    return HTTPSeeOther(url(request, "operator", "prices", said=said))


def make_standard(context: PricesResource, request: Request) -> HTTPSeeOther:
    """Let another sale list be the standard one."""
    list_id = wanted_id(written(request.POST).get("list", ""))
    outcome = lists.make_standard(request.platform_db, now_of(request), author_of(request), list_id)
    if outcome is Outcome.GONE:
        raise HTTPNotFound
    return HTTPSeeOther(url(request, "operator", "prices", said="prices-standard"))


def includeme(config: Configurator) -> None:
    """Mount the page, the form for new prices, and the versions."""
    config.add_operator_view(show, PricesResource, "", "prices")
    config.add_operator_view(show_new, PricesResource, "new", "new_prices")
    config.add_operator_view(add, PricesResource, "new", "new_prices", request_method="POST")
    config.add_operator_view(make_standard, PricesResource, "standard", "prices", request_method="POST")
    for kind in ("csv", "xlsx"):
        config.add_operator_view(download, PricesVersionResource, kind, "prices")
    config.add_operator_view(remove, PricesVersionResource, "remove", "prices", request_method="POST")
    config.add_saying("prices-added", msgid("The prices are there. They hold from midnight of their day on."))
    config.add_saying(
        "prices-replaced",
        msgid("The prices are there, in the place of those that were to hold from that day."),
    )
    config.add_saying(
        "prices-removed", msgid("The prices that were to come are gone. Those before them hold on.")
    )
    config.add_saying(
        "prices-begun", msgid("Nothing was done: those prices hold already, and stay."), "warning"
    )
    config.add_saying("prices-standard", msgid("The price list is the standard one from now on."))
