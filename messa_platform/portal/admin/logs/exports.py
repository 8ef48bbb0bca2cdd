"""The files of a group's log that are made in the background (spec L2): `@@exports`, and one of them: its progress and its file.

Every answer asks anew whether whoever wants it may have it: an address that was sent on gives its reader no more than the own adminship does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPNotModified, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.i18n import Speech, msgid
from messa_platform.messaging.log import exports, kept, told
from messa_platform.messaging.log.export_models import Fault, Format
from messa_platform.messaging.log.exports import ExportRow, Stage
from messa_platform.messaging.log.told import Asking
from messa_platform.portal.admin.audit import opener
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.logs.as_file import as_download, begin
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import written
from messa_platform.portal.messages.resources import read_id
from messa_platform.tenants.admin_models import Actor

KINDS: Mapping[Format, str] = {Format.XLSX: msgid("Excel document"), Format.TEXT: msgid("Text document")}
STAGES: Mapping[Stage, tuple[str, str]] = {
    Stage.WAITING: (msgid("Waits for its turn"), ""),
    Stage.RUNNING: (msgid("Is being made"), "accent"),
    Stage.READY: (msgid("Ready"), "ok"),
    Stage.EXPIRED: (msgid("No longer kept"), ""),
    Stage.CANCELLED: (msgid("Called off"), ""),
    Stage.FAILED: (msgid("Came to nothing"), "bad"),
}
"""Where one stands, in words, and the tone of that."""
FAULTS: Mapping[Fault, str] = {
    Fault.GROUP_GONE: msgid("The group was removed before the file was made."),
    Fault.BROKEN: msgid("Something is wrong on our side. Nothing is lost: you can ask for the file again."),
}


def _export(context: GroupResource, request: Request) -> ExportRow:
    """The export that the address names. Raises HTTPNotFound if it is not of this group, or not the asker's to have."""
    try:
        [name] = request.subpath
        identifier = read_id(name)
    except (ValueError, KeyError):
        raise HTTPNotFound from None
    found = exports.get(request.db, _now(request), context.place, context.authority, identifier)
    if found is None:
        raise HTTPNotFound
    return found


def _now(request: Request) -> datetime:
    now: datetime = request.registry["messa.runtime"].clock.now()
    return now


def show_all(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The group's latest ones."""
    found = exports.latest(request.db, _now(request), context.place, context.authority)
    rows = [
        {"export": one, **_in_words(request.speech, one), "days": _days(request.speech, one)} for one in found
    ]
    return page(context, "logs", rows=rows, now=_now(request))


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """How far one has come, what was asked for, and where its file is."""
    export = _export(context, request)
    return page(context, "logs", facts=_facts(context, export), **_progress(context, request, export))


def show_news(context: GroupResource, request: Request) -> Any:
    """The progress alone, for a page that shows it."""
    export = _export(context, request)
    etag = _etag(export)
    if request.headers.get("If-None-Match", "").removeprefix("W/") == etag:
        return HTTPNotModified(headers=[("ETag", etag), ("Cache-Control", "no-store")])
    request.response.headers["ETag"] = etag
    return {"context": context, **_progress(context, request, export)}


def _etag(export: ExportRow) -> str:
    return f'"export-{export.stage}-{export.done}-{export.total}"'


def _progress(context: GroupResource, request: Request, export: ExportRow) -> dict[str, Any]:
    return {
        "export": export,
        **_in_words(request.speech, export),
        "etag": _etag(export),
        "news": context.address("@@export-live", str(export.id)),
        "itself": context.address("@@export", str(export.id)),
        "file": context.address("@@export-file", str(export.id)),
        "now": _now(request),
    }


def _in_words(speech: Speech, export: ExportRow) -> dict[str, Any]:
    _ = speech.gettext
    words, tone = STAGES[export.stage]
    return {
        "kind": _(KINDS[export.format]),
        "stage": _(words),
        "tone": tone,
        "fault": _(FAULTS[export.fault]) if export.fault else "",
        "size": _size(speech, export.size),
    }


def _size(speech: Speech, size: int) -> str:
    """Bytes as people say them: "412 kB", "12,4 MB"."""
    if size < 10**6:
        return f"{speech.number(max(1, size // 1000))} kB"
    return f"{speech.number((Decimal(size) / 10**6).quantize(Decimal('0.1')))} MB"


def _days(speech: Speech, export: ExportRow) -> tuple[date, date]:
    """The first and the last that were asked for, as the asker's clock has them."""
    since, until = (datetime.fromisoformat(export.asked[name]) for name in ("since", "until"))
    return speech.day(since), speech.day(until - datetime.resolution)


def _facts(context: GroupResource, export: ExportRow) -> list[tuple[str, str]]:
    request = context.request
    search = kept.unkeep(request.db, context.place, export.asked)
    by = "" if export.author.actor is Actor.OPERATOR else export.author.address
    asking = Asking(context.organisation.name, context.place, by, export.created_at)
    facts = told.facts(request.db, request.speech, search, asking)
    return [(name, _shown(request.speech, value)) for name, value in facts]


def _shown(speech: Speech, value: str | int | date | datetime) -> str:
    match value:
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return speech.date(value)
        case int():
            return speech.number(value)
    return value


def act(context: GroupResource, request: Request) -> Any:
    """Call it off, or have it made again."""
    export = _export(context, request)
    if written(request.POST).get("do") == "again" and not export.is_open:
        return begin(context, export.asked, export.format)
    if written(request.POST).get("do") == "cancel":
        exports.cancel(request.db, _now(request), context.organisation.id, export.id)
    return HTTPSeeOther(context.address("@@export", str(export.id)))


def fetch(context: GroupResource, request: Request) -> Any:
    """The file, piece by piece as it is sent, as long as it is kept."""
    export = _export(context, request)
    if export.stage is not Stage.READY:
        return HTTPSeeOther(context.address("@@export", str(export.id)))
    pieces = exports.pieces(opener(request), context.organisation.id, export.id)
    return as_download(
        context,
        _days(request.speech, export),
        export.format,
        Response(app_iter=pieces, content_length=export.size),
    )


def includeme(config: Configurator) -> None:
    """Mount the pages."""
    config.add_group_view(show_all, "exports", "log_exports")
    config.add_group_view(show, "export", "log_export")
    config.add_group_view(act, "export", "log_export", request_method="POST")
    config.add_group_view(show_news, "export-live", "log_export_live")
    config.add_group_view(fetch, "export-file", "log_export")
    config.add_saying(
        "too-many-exports",
        msgid(
            "So many files are being made for your organisation that this one must wait. Ask for it again when one is ready."
        ),
        tone="warning",
    )
