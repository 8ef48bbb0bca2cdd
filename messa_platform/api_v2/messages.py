"""`/v2/messages`: sent, looked at beforehand, read, cancelled (spec V3, V4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import message_shapes as shapes
from messa_platform.api_v2.batches import create as create_batch
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.message_words import not_its_sender, told, told_one
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.pages import cursor_of, limit_of, read_cursor
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import reach
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.api_v2.sending import Desk, Sending, sending, submission
from messa_platform.api_v2.shapes import moment
from messa_platform.core.gather import Gathering
from messa_platform.messaging import schedule
from messa_platform.messaging.failover import MOVED
from messa_platform.messaging.log import one, pages
from messa_platform.messaging.log.asked import Asked as Search
from messa_platform.messaging.log.asked import Key
from messa_platform.messaging.rehearse import rehearse
from messa_platform.messaging.schedule import check_time
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.providers.prices.amounts import plain
from messa_platform.tenants.api_users.models import Scope


class Message(Item):
    """`/v2/messages/<id>`."""


class Messages(Collection):
    """`/v2/messages`."""

    takes_texts = True
    item = Message


def send(_context: Messages, request: Request, asked: Asked) -> Answer:
    """Send a text to one, or to many."""
    check_send_at(request, asked)
    if "recipients" in asked.body:
        return create_batch(request, asked)
    desk: Gathering[Sending, Answer] = request.registry[_DESK]
    return desk.ask(sending(request, asked))


_DESK = "messa.v2_desk"


def check_send_at(request: Request, asked: Asked) -> None:
    """Refuse a time that is too far ahead. Raises `Wrong`."""
    if "send_at" not in asked.body:
        return
    if check_time(now(request), moment(asked.body["send_at"])):
        said = f"must be at most {schedule.FURTHEST.days} days ahead"
        raise Wrong(Problem.REFUSED, faults=[Fault("/send_at", "too_far", said)])


def dry_run(_context: Messages, request: Request, asked: Asked) -> Answer:
    """What would become of a text."""
    check_send_at(request, asked)
    runtime = request.registry["messa.runtime"]
    seen = rehearse(request.platform_db, runtime.clock, submission(request, asked))
    if seen.senders:
        raise Wrong(Problem.REFUSED, faults=[not_its_sender(seen.senders)])
    content = {
        "text": seen.text,
        "encoding": seen.encoding.value,
        "units": seen.units,
        "parts": seen.parts,
        "left": seen.left,
        "price": None if seen.price is None else plain(seen.price),
        "status": seen.entries[0].word if seen.entries else Status.BLOCKED.value,
    }
    return Answer(content)


def listed(_context: Messages, request: Request, asked: Asked) -> Answer:
    """Messages of the key's group and those below it."""
    query = asked.query
    scope = reach(request)
    search = Search(
        scope,
        max(moment(query["since"]), _BEGINNING) if "since" in query else _BEGINNING,
        max(moment(query["until"]), _BEGINNING) if "until" in query else now(request) + _SOON,
        group_id=_id(query, "group_id"),
        account_id=_id(query, "account_id"),
        remote=query.get("number"),
        direction=Direction(query["direction"]) if "direction" in query else None,
        status=Status(query["status"]) if "status" in query else None,
    )
    after = read_cursor(query)
    key = None if after is None else Key("", UUID(int=0), after)
    page = pages.page(request.db, search, key, most=limit_of(query))
    items = told(request.db, caller(request), [row.id for row in page.rows])
    return Answer({"items": items, "next": cursor_of(page.rows[-1].id) if page.has_after else None})


_BEGINNING = moment("2020-01-01T00:00:00Z")
_SOON = timedelta(days=1)


def _id(query: Any, name: str) -> UUID | None:
    return UUID(query[name]) if name in query else None


def read(context: Message, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    return Answer(_found(context, request))


def _found(context: Message, request: Request) -> dict[str, Any]:
    found = told_one(request.db, caller(request), reach(request), context.id)
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return found


def events(context: Message, request: Request, _asked: Asked) -> Answer:
    """What happened to it."""
    found = one.one(request.db, reach(request), context.id)
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    items = [
        {"at": moment_of(h.at), "status": h.status.value, "code": _code(h.code), "changed": h.changed}
        for h in found.happenings
    ]
    return Answer({"items": items, "next": None})


def _code(code: str) -> str:
    """A code as it stands, but for the name of a channel, which may be the platform's own."""
    return MOVED if code.startswith(f"{MOVED} ") else code


def cancel(context: Message, request: Request, _asked: Asked) -> Answer:
    """Keep a text from being sent that waits for its time."""
    found = _found(context, request)
    runtime, owner = request.registry["messa.runtime"], UUID(found["account_id"])
    done = runtime.database.in_turn(
        lambda session: schedule.cancel(
            session, runtime.clock.now(), owner, context.id, runtime.waker.wake_after_commit
        )
    )
    after = _found(context, request)
    if not done:
        raise Wrong(Problem.CONFLICT, f"The message is {after['status']}.")
    return Answer(after)


_TAG = "Messages"
_ONE = (
    ("GetMessage", "getMessage", "id", "id"),
    ("GetMessageEvents", "listMessageEvents", "id", "id"),
    ("CancelMessage", "cancelMessage", "id", "id"),
)
SEND = Operation(
    "sendMessage", "POST", "/v2/messages", "Send a text",
    "Sends a text to one number (`to`), or to as many as 10,000 (`recipients`). One text is stored and on its way before it is answered; of"
    " many a batch is stored, which is then worked off. A text that is refused is in the log all the same, and the problem names its"
    " `message_id`.",
    _TAG, Scope.MESSAGES_SEND,
    (
        Succeeds(201, "The message, taken in for sending.", shapes.MESSAGE, _ONE, ("Location",)),
        Succeeds(202, "The batch; how far it has come is told where `Location` leads.", shapes.BATCH,
                 (("GetBatch", "getBatch", "id", "id"), ("GetBatchRecipients", "listBatchRecipients", "id", "id")), ("Location",)),
    ),
    body=shapes.SEND, problems=(Problem.REFUSED, Problem.DUPLICATE), is_idempotent=True,
)  # fmt: skip
DRY_RUN = Operation(
    "tryMessage", "POST", "/v2/messages/dry-run", "Look at a text before it is sent",
    "Says how a text would travel, what it would be charged, and whether it would be refused. Nothing is stored or sent.",
    _TAG, Scope.MESSAGES_SEND, (Succeeds(200, "What would become of it.", shapes.DRY_RUN),), body=shapes.DRY, problems=(Problem.REFUSED,),
)  # fmt: skip
LIST = Operation(
    "listMessages", "GET", "/v2/messages", "List messages",
    "Messages of the key's group and those below it, sent and received, the newest first.",
    _TAG, Scope.MESSAGES_READ, (Succeeds(200, "A page of them.", shapes.MESSAGES),), parameters=shapes.LIST_PARAMETERS,
)  # fmt: skip
READ = Operation(
    "getMessage", "GET", "/v2/messages/{id}", "Read a message", "One message, as it stands now.",
    _TAG, Scope.MESSAGES_READ, (Succeeds(200, "The message.", shapes.MESSAGE),), problems=(Problem.NOT_FOUND,),
)  # fmt: skip
EVENTS = Operation(
    "listMessageEvents", "GET", "/v2/messages/{id}/events", "What happened to a message",
    "Every status that it came to, and what the provider said besides.",
    _TAG, Scope.MESSAGES_READ, (Succeeds(200, "Its events.", shapes.EVENTS),), problems=(Problem.NOT_FOUND,),
)  # fmt: skip
CANCEL = Operation(
    "cancelMessage", "POST", "/v2/messages/{id}/cancel", "Cancel a message",
    "Keeps a text from being sent that waits for its `send_at`, and gives its quota back.",
    _TAG, Scope.MESSAGES_SEND, (Succeeds(200, "The message, cancelled.", shapes.MESSAGE),),
    problems=(Problem.NOT_FOUND, Problem.CONFLICT),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    registry = config.registry
    registry[_DESK] = Gathering(lambda sendings: Desk(registry["messa.runtime"]).take(sendings))
    config.add_collection("messages", Messages)
    config.add_operation(SEND, send, Messages)
    config.add_operation(DRY_RUN, dry_run, Messages, "dry-run")
    config.add_operation(LIST, listed, Messages)
    config.add_operation(READ, read, Message)
    config.add_operation(EVENTS, events, Message, "events")
    config.add_operation(CANCEL, cancel, Message, "cancel")
