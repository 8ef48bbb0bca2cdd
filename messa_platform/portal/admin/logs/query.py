"""A search of the log, read from an address (spec L1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from pyramid.request import Request
from sqlalchemy import text

from messa_platform.core.i18n import Speech
from messa_platform.messaging.log.asked import Asked, Column, scope_of
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, asked

FIELDS = ("from", "to", "reach", "group", "email", "number", "direction", "status", "sort", "order")
USUAL_DAYS = 30
OWN_ONLY = "own"
"""The value of `reach` that leaves the subgroups out."""

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a search, in the form that it was read from."""

    form: Form


def read(request: Request, context: GroupResource) -> Asked | Faults:
    """The search that the address asks for. What is not said is not narrowed to; without days it is the last thirty."""
    form = Form({name: asked(request, name) for name in FIELDS})
    speech, today = request.speech, request.speech.day(request.registry["messa.runtime"].clock.now())
    last = _day(form, speech, "to") or today
    first = _day(form, speech, "from") or last - timedelta(days=USUAL_DAYS - 1)
    scope = scope_of(request.db, context.place, subgroups=form.values["reach"] != OWN_ONLY)
    search = Asked(
        scope,
        _start(speech, first),
        _start(speech, last + timedelta(days=1)),
        group_id=_group(context, form),
        account_id=_account(context, form),
        remote=form.values["number"] or None,
        direction=_one_of(form, speech, "direction", Direction),
        status=_one_of(form, speech, "status", Status),
        sort=_one_of(form, speech, "sort", Column) or Column.DATE,
        descending=form.values["order"] != "asc",
    )
    return search if form.ok else Faults(form)


def _day(form: Form, speech: Speech, name: str) -> date | None:
    if not form.values[name]:
        return None
    try:
        day = date.fromisoformat(form.values[name])
    except ValueError:
        day = date.min
    if 1970 < day.year < 9999:
        return day
    form.fail(name, speech.gettext("Write the day like this: %(day)s.", day="2026-11-22"))
    return None


def _start(speech: Speech, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=speech.zone).astimezone(UTC)


def _one_of(form: Form, speech: Speech, name: str, kind: type[S]) -> S | None:
    written = form.values[name]
    if written and written not in set(kind):
        form.fail(name, speech.gettext("Choose one of those in the list."))
        return None
    return kind(written) if written else None


_GROUP = text(
    'SELECT id FROM "group" WHERE tenant_id = :tenant_id AND (id::text = :written OR slug = :written)'
)
_ACCOUNT = text(
    "SELECT account_id FROM message_sender WHERE tenant_id = :tenant_id AND address = :written LIMIT 1"
)
_NOBODY = UUID(int=2**128 - 1)


def _group(context: GroupResource, form: Form) -> UUID | None:
    given = {"tenant_id": context.organisation.id, "written": form.values["group"]}
    if not given["written"]:
        return None
    found: UUID | None = context.request.db.execute(_GROUP, given).scalar()
    return found or _NOBODY


def _account(context: GroupResource, form: Form) -> UUID | None:
    given = {"tenant_id": context.organisation.id, "written": form.values["email"]}
    if not given["written"]:
        return None
    found: UUID | None = context.request.db.execute(_ACCOUNT, given).scalar()
    return found or _NOBODY
