"""`/v2/threads`: the conversations of the key's own API user, who alone may read what is said in them (spec V4, L4)."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2 import message_shapes
from messa_platform.api_v2 import thread_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.message_words import told
from messa_platform.api_v2.moments import moment_of
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds, by_id
from messa_platform.api_v2.pages import CURSOR, LIMIT, cursor_of, cut, limit_of, read_cursor
from messa_platform.api_v2.problems import Problem, Wrong
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.messaging import conversation, inbox
from messa_platform.messaging.inbox import ThreadRow
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.senders import settings_of


class Thread(Item):
    """`/v2/threads/<id>`."""


class Threads(Collection):
    """`/v2/threads`."""

    item = Thread


def listed(_context: Threads, request: Request, asked: Asked) -> Answer:
    """The API user's threads."""
    who, search = caller(request), asked.query.get("search", "")
    group_id = who.holder.group_id
    # in a search numbers are read as people write them in the group's country
    country = {"country_code": settings_of(request.db, [group_id])[group_id].country_code} if search else {}
    page = inbox.threads(
        request.db,
        who.account_id,
        search=search,
        after=asked.query.get("cursor"),
        limit=limit_of(asked.query),
        **country,
    )
    return Answer({"items": [_told(thread) for thread in page.threads], "next": page.next})


def read(context: Thread, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    return Answer(_told(_found(context, request, request.db)))


def change(context: Thread, request: Request, asked: Asked) -> Answer:
    """Give it a name, or mark it as read."""
    session, own = request.platform_db, caller(request).account_id
    _found(context, request, session)
    if "display_name" in asked.body:
        conversation.rename(session, own, context.id, asked.body["display_name"])
    if "read" in asked.body:
        conversation.mark_read(session, own, context.id)
    return Answer(_told(_found(context, request, session)))


def messages(context: Thread, request: Request, asked: Asked) -> Answer:
    """What was said in it."""
    who, most = caller(request), limit_of(asked.query)
    _found(context, request, request.db)
    found = conversation.message_ids(
        request.db, who.account_id, context.id, read_cursor(asked.query), most + 1
    )
    shown, last = cut(found, most)
    items = told(request.db, who, shown)
    return Answer({"items": items, "next": cursor_of(last) if last else None})


def _found(context: Thread, request: Request, session: Session) -> ThreadRow:
    found = conversation.find(session, caller(request).account_id, context.id)
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return found


def _told(thread: ThreadRow) -> dict[str, Any]:
    last = {"direction": thread.direction, "status": thread.word, "text": thread.preview}
    return {
        "id": str(thread.id),
        "number": thread.remote,
        "display_name": thread.display_name,
        "unread": thread.unread,
        "opted_out": thread.opted_out,
        "last_at": moment_of(thread.last_at),
        "last_message": last if thread.direction else None,
    }


_TAG, _GONE = "Threads", (Problem.NOT_FOUND,)
_ITS = by_id("getThread", "listThreadMessages", "changeThread")
LIST = Operation(
    "listThreads", "GET", "/v2/threads", "List threads",
    "The conversations of the key's own API user, one for each number that it has sent to or heard from, the newest first.",
    _TAG, Scope.MESSAGES_READ, (Succeeds(200, "A page of them.", shapes.THREADS),), parameters=shapes.LIST_PARAMETERS,
)  # fmt: skip
READ = Operation(
    "getThread", "GET", "/v2/threads/{id}", "Read a thread", "One conversation, as it stands now.",
    _TAG, Scope.MESSAGES_READ, (Succeeds(200, "The thread.", shapes.THREAD, _ITS),), problems=_GONE,
)  # fmt: skip
CHANGE = Operation(
    "changeThread", "PATCH", "/v2/threads/{id}", "Change a thread", "Gives it a name, or marks it as read. What is left out stays as it is.",
    _TAG, Scope.MESSAGES_SEND, (Succeeds(200, "The thread.", shapes.THREAD),), body=shapes.CHANGE, problems=_GONE,
)  # fmt: skip
MESSAGES = Operation(
    "listThreadMessages", "GET", "/v2/threads/{id}/messages", "List a thread's messages",
    "Sent and received, the newest first; also those that wait for their time.",
    _TAG, Scope.MESSAGES_READ, (Succeeds(200, "A page of them.", message_shapes.MESSAGES),), problems=_GONE,
    parameters={**LIMIT, **CURSOR},
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("threads", Threads)
    config.add_operation(LIST, listed, Threads)
    config.add_operation(READ, read, Thread)
    config.add_operation(CHANGE, change, Thread)
    config.add_operation(MESSAGES, messages, Thread, "messages")
