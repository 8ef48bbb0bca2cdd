"""`@@task?id=` of a group: how far something that takes a while has come, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPNotModified, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.i18n import msgid
from messa_platform.core.text_files import table
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.people_words import counts_of, row_of
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.seen_groups import named
from messa_platform.portal.forms import Form, asked
from messa_platform.portal.messages.resources import wanted_id
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.people import add
from messa_platform.tenants.people.plan import Word
from messa_platform.tenants.people.reading import MOST_LINES
from messa_platform.tenants.tasks import TaskRow

PAGE = 50
"""Lines at a time."""

TITLES: Mapping[TaskKind, str] = {
    TaskKind.ADD_PEOPLE: msgid("Adding users"),
    TaskKind.TAKE_DOMAIN: msgid("Moving a domain's users"),
    TaskKind.UNDO_TAKE: msgid("Moving a domain's users back"),
    TaskKind.RECALL_NUMBERS: msgid("Taking back numbers"),
}


def task_of(context: GroupResource, request: Request, name: str) -> TaskRow:
    """The task that the address, or the form, names. Raises HTTPNotFound if it is not of this group, or not the asker's to see."""
    written = request.POST.get(name, "") if request.method == "POST" else asked(request, name)
    identifier = wanted_id(str(written))
    task = tasks.get(request.db, context.organisation.id, identifier)
    if task is None or task.group_id != context.place.id:
        raise HTTPNotFound
    if task.kind is TaskKind.ADD_PEOPLE and not add.is_theirs(task, context.author):
        raise HTTPNotFound
    return task


def lines_of(
    context: GroupResource, request: Request, task: TaskRow, view: str, name: str
) -> Mapping[str, Any]:
    """A page of the task's lines, of one word if the address says so."""
    word = _word(asked(request, "word"))
    after = asked(request, "after")
    place = int(after) if after.isascii() and after.isdigit() and len(after) < 8 else 0
    found = add.lines(request.db, context.organisation.id, task.id, word, place, PAGE + 1)
    shown, query = found[:PAGE], {name: str(task.id), "word": word.value if word else ""}
    groups = named(context, {told.from_group_id for told in shown if told.from_group_id})
    is_done = task.is_started
    return {
        "rows": [row_of(request.speech, told, groups, is_done=is_done) for told in shown],
        "word": word,
        "after": place,
        "all_lines": context.address(view, **{name: task.id}),
        "only": lambda one: context.address(view, **{name: task.id, "word": one.value}),
        "first": context.address(view, **query),
        "next": context.address(view, **query, after=shown[-1].place) if len(found) > PAGE else "",
    }


def _word(written: str) -> Word | None:
    try:
        return Word(written)
    except ValueError:
        return None


def show(context: GroupResource, request: Request) -> Any:
    """How far it has come; when it is done, what became of each line."""
    task = task_of(context, request, "id")
    if not task.is_started:
        return HTTPSeeOther(context.address("@@add-users", task=task.id))
    if asked(request, "as") == "text" and task.kind is TaskKind.ADD_PEOPLE and task.finished_at:
        return _as_text(context, request, task)
    return page(context, "users", Form(), **_progress(context, request, task))


def show_news(context: GroupResource, request: Request) -> Any:
    """The progress alone, for a page that shows it."""
    task = task_of(context, request, "id")
    if request.headers.get("If-None-Match", "").removeprefix("W/") == _etag(task):
        return HTTPNotModified(headers=[("ETag", _etag(task)), ("Cache-Control", "no-store")])
    request.response.headers["ETag"] = _etag(task)
    return {"context": context, **_progress(context, request, task)}


def _etag(task: TaskRow) -> str:
    """Changes with the progress. It is no time: progress is no news that the account's feed tells of, and is asked of the database."""
    return f'"task-{task.done}-{bool(task.finished_at):d}{task.is_parked:d}"'


def _progress(context: GroupResource, request: Request, task: TaskRow) -> dict[str, Any]:
    values = {
        "task": task,
        "title": request.speech.gettext(TITLES[task.kind]),
        "counts": [],
        "rows": [],
        "next": "",
        "word": None,
        "etag": _etag(task),
        "news": context.address(
            "@@task-live", id=task.id, word=asked(request, "word"), after=asked(request, "after")
        ),
        "as_text": context.address("@@task", id=task.id, **{"as": "text"}),
        "now": request.begun_at,
    }
    if task.kind is TaskKind.ADD_PEOPLE:
        values["counts"] = counts_of(request.speech, add.counts(task), is_done=True)
        if task.finished_at:
            values |= lines_of(context, request, task, "@@task", "id")
    return values


def _as_text(context: GroupResource, request: Request, task: TaskRow) -> Response:
    """Every line and what became of it, divided by tabs."""
    _ = request.speech.gettext
    found = add.lines(request.db, context.organisation.id, task.id, most=MOST_LINES)
    groups = named(context, {told.from_group_id for told in found if told.from_group_id})
    rows = (row_of(request.speech, told, groups, is_done=True) for told in found)
    cells = [(_("Line"), _("Address"), _("Name"), _("Result"), _("From"))]
    cells += [(str(row.place), row.written, row.name, row.sentence, row.source) for row in rows]
    response = Response(table(cells).encode(), content_type="text/tab-separated-values", charset="UTF-8")
    response.content_disposition = f'attachment; filename="messa-users-{context.place.slug}.txt"'
    return response


def includeme(config: Configurator) -> None:
    """Mount the page and its live part."""
    config.add_group_view(show, "task", "task")
    config.add_group_view(show_news, "task-live", "task_live")
