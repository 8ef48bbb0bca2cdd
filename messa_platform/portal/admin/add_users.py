"""`@@add-users` of a group: many addresses are pasted, what would become of each is shown, and a yes does it (spec G11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.site import SiteSettings
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.people_words import counts_of
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.task import lines_of, task_of
from messa_platform.portal.forms import MOST_CHARACTERS, Form, asked, written
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.people import add
from messa_platform.tenants.people.plan import MAKING, MOVING, Word
from messa_platform.tenants.people.reading import MOST_LINES, read_lines
from messa_platform.tenants.people.settings import PeopleSettings

LONGEST = 8_000_000
"""Characters that are looked at: more than so many lines of the longest addresses with names take."""
LATEST = 5
DOING = MAKING | MOVING | {Word.ASK}
"""Words by which something is done at all."""


def show(context: GroupResource, request: Request) -> Any:
    """The form; with `?task=` what would become of what was pasted."""
    if not asked(request, "task"):
        return _page(context, request, Form())
    task = task_of(context, request, "task")
    if task.kind is not TaskKind.ADD_PEOPLE:
        raise HTTPNotFound
    if task.is_started:
        return HTTPSeeOther(context.address("@@task", id=task.id))
    request.override_renderer = "admin/people_plan.jinja2"
    counts = counts_of(request.speech, add.counts(task), is_done=False)
    return page(
        context,
        "users",
        Form(),
        task=task,
        counts=counts,
        doing=any(one.word in DOING for one in counts),
        **lines_of(context, request, task, "@@add-users", "task"),
    )


def change(context: GroupResource, request: Request) -> Any:
    """Look at what was pasted, or say yes to what was looked at."""
    if "task" in request.POST:
        return _confirm(context, request)
    form = Form(values=written(request.POST))
    pasted = request.POST.get("addresses", "")
    pasted = pasted[:LONGEST] if isinstance(pasted, str) else ""
    site = request.registry["messa.runtime"].settings[SiteSettings]
    lines = read_lines(pasted.replace("\x00", ""), site.mail_domain)
    _ = request.speech.gettext
    if not lines:
        form.fail("addresses", _("Write one address at least, such as anna@skolan.example."))
    if len(lines) > MOST_LINES or len(pasted) >= LONGEST:
        form.fail(
            "addresses",
            _(
                "Add %(num)s addresses at most at a time. Divide the list.",
                num=request.speech.number(MOST_LINES),
            ),
        )
    if not form.ok:
        # a page stays small, so a list that does not fit in it has to be pasted anew
        form.values["addresses"] = pasted if len(pasted) < MOST_CHARACTERS else ""
        return _page(context, request, form, 422)
    runtime = request.registry["messa.runtime"]
    now, asks_a_day = runtime.clock.now(), runtime.settings[PeopleSettings].consent_mails_a_day
    made = add.draft(
        request.platform_db, now, context.author, context.place, context.seen_path, lines, asks_a_day
    )
    return HTTPSeeOther(context.address("@@add-users", task=made))


def _page(context: GroupResource, request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    place = context.place
    found = tasks.latest(request.db, place.tenant_id, place.id, TaskKind.ADD_PEOPLE, LATEST)
    return page(
        context,
        "users",
        form,
        status,
        most=MOST_LINES,
        latest=[task for task in found if add.is_theirs(task, context.author)],
        now=request.begun_at,
    )


def _confirm(context: GroupResource, request: Request) -> Any:
    """Do it: at once if they are few, else by a worker."""
    task, runtime = task_of(context, request, "task"), request.registry["messa.runtime"]
    now, tenant_id = runtime.clock.now(), context.organisation.id
    if task.total > add.AT_ONCE:
        add.confirm(request.db, now, context.author, tenant_id, task.id)
        runtime.waker.wake_after_commit(request.db, tasks.ACTOR)
    else:
        handler = runtime.administration.handlers[task.kind]
        add.run_now(request.platform_db, now, context.author, tenant_id, task.id, handler)
    return HTTPSeeOther(context.address("@@task", id=task.id))


def includeme(config: Configurator) -> None:
    """Mount the form, and what it leads to."""
    config.add_group_view(show, "add-users", "add_users")
    config.add_group_view(change, "add-users", "add_users", request_method="POST")
