"""`@@audit` of a group: who changed what, when, from what to what (spec G12); on a page, or as a text of tab-separated lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from markupsafe import escape
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.orm import Session

from messa_platform.core.i18n import Speech, msgid
from messa_platform.core.row_security import confine
from messa_platform.core.text_files import line
from messa_platform.portal.admin.audit_words import Detail, told
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, asked
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import Asked, Entry, Reader, all_entries, entries

LONGEST = (160, 80, 40, 20)
"""Letters of a value on the page at the most: the first that leaves it light. The text has all of them."""
ROOM = 16_000
"""Bytes of all values on a page, as it is sent."""
OWN_ONLY = "own"
"""The value of `reach` that leaves the subgroups out."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What one can narrow the log to."""

    code: str
    label: str
    actions: frozenset[Action]


def _kind(code: str, label: str, *beginnings: str) -> Kind:
    return Kind(code, label, frozenset(action for action in Action if action.value.startswith(beginnings)))


KINDS = (
    _kind("settings", msgid("Permissions, sender name and signature"), "setting_"),
    _kind("groups", msgid("Groups"), "group_"),
    _kind("admins", msgid("Admins"), "admin_"),
    _kind("users", msgid("Users"), "account_", "consent_", "people_", "numbers_"),
    _kind("api", msgid("API users"), "api_"),
    _kind("domains", msgid("Domains"), "domain_"),
    _kind("sign-on", msgid("Single sign-on"), "sign_on_"),
    _kind("webhooks", msgid("Webhooks"), "webhook_"),
    _kind("organisation", msgid("The organisation"), "tenant_", "range_", "channel_", "prices_", "route_"),
)
"""Each action is of one kind."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the page has it; `moment` is by the reader's clock."""

    moment: str
    who: str
    what: str
    group: str
    details: tuple[Detail, ...]


def reader_of(context: GroupResource) -> Reader:
    """Whoever asks, as a reader of the log."""
    return Reader(context.authority, context.request.identity.account_id)


def show(context: GroupResource, request: Request) -> Any:
    """The log of the group, with or without those below it, narrowed as the address says."""
    form = Form({name: asked(request, name) for name in ("kind", "q", "from", "to", "reach")})
    query = _query(context, form, request.speech)
    if form.ok and asked(request, "as") == "text":
        return _as_text(context, request, query)
    found: list[Entry] = []
    older: UUID | None = None
    if form.ok:
        found, older = entries(request.db, reader_of(context), query, _identifier(asked(request, "before")))
    narrowed = {name: value for name, value in form.values.items() if value}
    return page(
        context,
        "audit",
        form,
        200 if form.ok else 422,
        rows=light(merged(_whole(request.speech, entry) for entry in found)),
        kinds_in_words=[(kind.code, request.speech.gettext(kind.label)) for kind in KINDS],
        own_only=OWN_ONLY,
        is_narrowed=any(narrowed.get(name) for name in ("kind", "q", "from", "to")),
        is_first=not asked(request, "before"),
        newest=context.address("@@audit", **narrowed),
        older=context.address("@@audit", **narrowed, before=older) if older else "",
        as_text=context.address("@@audit", **narrowed, **{"as": "text"}),
    )


def _query(context: GroupResource, form: Form, speech: Speech) -> Asked:
    since, until = _day(form, speech, "from"), _day(form, speech, "to")
    return Asked(
        place=context.place,
        with_subgroups=form.values["reach"] != OWN_ONLY,
        actions=next((kind.actions for kind in KINDS if kind.code == form.values["kind"]), frozenset()),
        words=form.values["q"].replace("\x00", ""),
        since=_start(speech, since) if since else None,
        until=_start(speech, until + timedelta(days=1)) if until else None,
    )


def _day(form: Form, speech: Speech, name: str) -> date | None:
    """A day that the log is narrowed to, as browsers send it; another is said to be none."""
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
    """When a day begins for who reads."""
    return datetime(day.year, day.month, day.day, tzinfo=speech.zone).astimezone(UTC)


def _identifier(written: str) -> UUID | None:
    """The entry behind which a page begins; what is none begins with the newest."""
    try:
        return UUID(written)
    except ValueError:
        return None


def row_of(speech: Speech, entry: Entry) -> Row:
    """An entry for a page; long values are cut."""
    return _cut(_whole(speech, entry), LONGEST[0])


def _whole(speech: Speech, entry: Entry) -> Row:
    words = told(speech, entry)
    return Row(_moment(speech, entry.at), words.who, words.what, words.group, words.details)


def merged(rows: Iterable[Row]) -> list[Row]:
    """What stands in the logs of two groups, as somebody's move from one to the other does, once, with both."""
    found: dict[tuple[object, ...], Row] = {}
    for row in rows:
        same = (row.moment, row.who, row.what, row.details)
        before = found.get(same)
        if before is None:
            found[same] = row
        elif row.group not in before.group.split(", "):
            found[same] = replace(before, group=f"{before.group}, {row.group}")
    return list(found.values())


def light(rows: Sequence[Row]) -> list[Row]:
    """The rows, their values cut as far as a page of any data may weigh (docs/design.md)."""
    cut = [*rows]
    for longest in LONGEST:
        cut = [_cut(row, longest) for row in rows]
        if sum(map(_weight, cut)) <= ROOM:
            break
    return cut


def _weight(row: Row) -> int:
    values = [row.who, row.what, row.group]
    for detail in row.details:
        values += [detail.label, detail.before or "", detail.after or ""]
    return sum(len(escape(value).encode()) for value in values)


def _cut(row: Row, longest: int) -> Row:
    def short(words: str) -> str:
        return words if len(words) <= longest else f"{words[: longest - 1]}…"

    def either(words: str | None) -> str | None:
        return None if words is None else short(words)

    details = tuple(Detail(d.label, either(d.before), either(d.after)) for d in row.details)
    return Row(row.moment, short(row.who), short(row.what), short(row.group), details)


def _moment(speech: Speech, at: datetime) -> str:
    return f"{at.astimezone(speech.zone):%Y-%m-%d %H:%M:%S}"


# As text


def _as_text(context: GroupResource, request: Request, query: Asked) -> Response:
    """All that is asked for, written while it is sent, so that its size costs no memory."""
    lines = _lines(request.speech, all_entries(opener(request), reader_of(context), query))
    response = Response(content_type="text/tab-separated-values", charset="UTF-8", app_iter=lines)
    today = request.registry["messa.runtime"].clock.now().astimezone(request.speech.zone)
    name = f"messa-audit-{context.place.slug}-{today:%Y-%m-%d}.txt"
    response.content_disposition = f'attachment; filename="{name}"'
    return response


def opener(request: Request) -> Callable[[], AbstractContextManager[Session]]:
    """Opens sessions that see what the request's own sees; that one has ended when the text is sent."""
    database, confinement = request.registry["messa.runtime"].database, request.confinement

    @contextmanager
    def opened() -> Iterator[Session]:
        with database.sessions() as session:
            confine(session, confinement)
            with session.begin():
                yield session

    return opened


def _lines(speech: Speech, found: Iterator[Entry]) -> Iterator[bytes]:
    _ = speech.gettext
    yield line((_("Time"), _("Group"), _("Changed by"), _("What"), _("Details"))).encode()
    for entry in found:
        words = told(speech, entry)
        details = "; ".join(_detail(detail) for detail in words.details)
        yield line((_moment(speech, entry.at), words.group, words.who, words.what, details)).encode()


def _detail(detail: Detail) -> str:
    values = " → ".join(value for value in (detail.before, detail.after) if value is not None)
    return f"{detail.label}: {values}" if detail.label else values


def includeme(config: Configurator) -> None:
    """Mount the page."""
    config.add_group_view(show, "audit", "audit")
