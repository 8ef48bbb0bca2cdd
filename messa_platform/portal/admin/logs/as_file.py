"""`@@logs?as=xlsx` and `?as=text` of a group: what a search finds as a file (spec L2).

It comes at once if that is not much, else it is made in the background.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.messaging.log import exports, files
from messa_platform.messaging.log.asked import Asked
from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.exports import Manner, Refused
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.log.told import Asking
from messa_platform.portal.admin.logs.search import read
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import asked

CONTENT_TYPES = {
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.TEXT: "text/tab-separated-values",
}
ENDINGS = {Format.XLSX: "xlsx", Format.TEXT: "txt"}


def give(context: GroupResource, request: Request) -> Any:
    """The file, or the page of the export that makes it. Where something is wrong with the search, its page says so."""
    search = read(context, request).asked
    if search is None:
        return HTTPSeeOther(
            context.address("@@logs", **{name: v for name, v in request.GET.items() if name != "as"})
        )
    kind, settings = Format(asked(request, "as")), request.registry["messa.runtime"].settings[ExportSettings]
    if exports.is_small(request.db, search, settings):
        return _at_once(context, search, kind)
    return begin(context, search, kind)


def begin(context: GroupResource, search: Asked | Mapping[str, Any], kind: Format) -> HTTPSeeOther:
    """Have the file of a search, or of one that was kept, made in the background; on to where its progress is seen."""
    request = context.request
    runtime, speech = request.registry["messa.runtime"], request.speech
    manner = Manner(kind, speech.language, speech.zone.key)
    settings, now = runtime.settings[ExportSettings], runtime.clock.now()
    found = exports.ask(request.db, now, context.author, context.place, search, manner, settings)
    if isinstance(found, Refused):
        return HTTPSeeOther(context.address("@@exports", said="too-many-exports"))
    runtime.waker.wake_after_commit(request.db, exports.ACTOR)
    return HTTPSeeOther(context.address("@@export", str(found)))


def _at_once(context: GroupResource, search: Asked, kind: Format) -> Response:
    out, request = BytesIO(), context.request
    by = "" if request.identity.is_operator else request.identity.address
    now = request.registry["messa.runtime"].clock.now()
    asking = Asking(context.organisation.name, context.place, by, now)
    with tempfile.TemporaryDirectory() as folder:
        files.write(request.db, search, asking, kind, request.speech, out, Path(folder))
    size = out.tell()
    out.seek(0)
    day = request.speech.day
    days = day(search.since), day(search.until - datetime.resolution)
    return as_download(context, days, kind, Response(app_iter=out, content_length=size))


def as_download(
    context: GroupResource, days: tuple[date, date], kind: Format, response: Response
) -> Response:
    """Give an answer the type and the name of its file: `messa-log-skolan-2026-10-01--2026-10-31.xlsx`."""
    response.content_type = CONTENT_TYPES[kind]
    response.charset = "UTF-8" if kind is Format.TEXT else None
    name = f"messa-log-{context.place.slug}-{days[0]}--{days[1]}.{ENDINGS[kind]}"
    response.content_disposition = f'attachment; filename="{name}"'
    return response
