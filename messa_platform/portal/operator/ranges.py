"""`/operator/ranges`: the numbers that are lent, how many are left, and new ones (spec R1, R6, O1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.forms import Form, read, written
from messa_platform.portal.operator.frame import now_of, page
from messa_platform.portal.operator.resources import RangesResource, author_of
from messa_platform.portal.pages import url
from messa_platform.tenants import number_ranges, numbers
from messa_platform.tenants.number_ranges import (
    FEWEST_DIGITS,
    MOST_DIGITS,
    MOST_NUMBERS,
    Added,
    Fault,
    Refused,
)
from messa_platform.tenants.numbers_settings import NumberSettings

_SENTENCES: Mapping[Fault, str] = {
    Fault.NOT_A_NUMBER: msgid("Enter a number with its country code, such as +46 70 174 06 05."),
    Fault.NATIONAL: msgid("Begin with the country code, such as +46, instead of the 0."),
    Fault.WRONG_LENGTH: msgid("A number has %(fewest)s to %(most)s digits with its country code."),
    Fault.LENGTHS_DIFFER: msgid("The first and the last number need to have as many digits."),
    Fault.BACKWARDS: msgid("The last number comes before the first. Change places."),
    Fault.TOO_MANY: msgid("A range holds %(numbers)s numbers at the most. Divide it."),
    Fault.OVERLAP: msgid("Some of these numbers are in the range %(first)s to %(last)s already."),
}


def show(request: Request) -> Mapping[str, Any]:
    """Every range, with what has become of its numbers."""
    found = numbers.ranges(request.platform_db, now_of(request))
    settings = request.registry["messa.runtime"].settings[NumberSettings]
    low = {use.id for use in numbers.running_low(found, settings.warn_percent)}
    return page(
        request,
        "ranges",
        ranges=found,
        low=low,
        total={
            name: sum(getattr(use, name) for use in found)
            for name in ("size", "lent", "resting", "rested", "never_lent")
        },
        lendable=sum(use.left for use in found if use.is_open),
        rest_days=settings.rest_days,
    )


def show_new(context: RangesResource, request: Request) -> Mapping[str, Any]:
    """The form for a new range."""
    return page(request, "ranges", most=MOST_NUMBERS)


_SCHEMA = {"first": {"type": "string"}, "last": {"type": "string"}}


def add(context: RangesResource, request: Request) -> Any:
    """Add it, open for lending."""
    form = read(_SCHEMA, request.POST, {})
    outcome = number_ranges.add(
        request.platform_db, now_of(request), author_of(request), form.read["first"], form.read["last"]
    )
    if isinstance(outcome, Added):
        return HTTPSeeOther(url(request, "operator", "ranges", said="range-added"))
    _complain(request, form, outcome)
    return page(request, "ranges", form, 422, most=MOST_NUMBERS)


def _complain(request: Request, form: Form, refused: Refused) -> None:
    speech, other = request.speech, refused.overlapping
    values = {
        "fewest": speech.number(FEWEST_DIGITS),
        "most": speech.number(MOST_DIGITS),
        "numbers": speech.number(MOST_NUMBERS),
        "first": f"+{other.first}" if other else "",
        "last": f"+{other.last}" if other else "",
    }
    for name, fault in refused.faults.items():
        form.fail(name, speech.gettext(_SENTENCES[fault], **values))


def set_lending(context: RangesResource, request: Request) -> HTTPSeeOther:
    """Lend from a range, or no longer. One that stands so already, since somebody was quicker, is left."""
    fields = written(request.POST)
    is_open = fields.get("lend") == "yes"
    try:
        range_id = UUID(fields.get("range", ""))
    except ValueError:
        raise HTTPNotFound from None
    number_ranges.set_open(
        request.platform_db, now_of(request), author_of(request), range_id, is_open=is_open
    )
    said = "range-opened" if is_open else "range-closed"
    return HTTPSeeOther(url(request, "operator", "ranges", said=said))


def includeme(config: Configurator) -> None:
    """Mount the ranges, and their forms."""
    config.add_operator_view(show, RangesResource, "", "ranges")
    config.add_operator_view(show_new, RangesResource, "new", "new_range")
    config.add_operator_view(add, RangesResource, "new", "new_range", request_method="POST")
    config.add_operator_view(set_lending, RangesResource, "lending", "ranges", request_method="POST")
    config.add_saying("range-added", msgid("The range is there. Numbers are lent from it."))
    config.add_saying("range-opened", msgid("Numbers are lent from the range."))
    config.add_saying(
        "range-closed", msgid("No more numbers are lent from the range. Those that are lent stay so.")
    )
