"""`/v2/batches`: texts to many, and how far they have come (spec V3)."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2 import message_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.message_words import not_its_sender
from messa_platform.api_v2.moments import moment_of
from messa_platform.api_v2.once import once
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.pages import LIMIT, cut, limit_of
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.api_v2.shapes import moment
from messa_platform.messaging import sendings
from messa_platform.messaging.models import Door
from messa_platform.messaging.sending_rows import NotPrepared, Reason, Row
from messa_platform.messaging.sendings import Progress
from messa_platform.tenants.api_users.models import Scope


class Batch(Item):
    """`/v2/batches/<id>`."""


class Batches(Collection):
    """`/v2/batches`."""

    item = Batch


def create(request: Request, asked: Asked) -> Answer:
    """Take in a text to many; it is worked off afterwards."""
    return once(request, asked, lambda session: _create(session, request, asked))


def _create(session: Session, request: Request, asked: Asked) -> Answer:
    runtime, who, body = request.registry["messa.runtime"], caller(request), asked.body
    now = runtime.clock.now()
    recipients = body["recipients"]
    rows = [Row(n, r["to"], r.get("values", {})) for n, r in enumerate(recipients)]
    words = body["text"]
    if not any("values" in r for r in recipients):  # then a brace is a brace
        words = words.replace("{", "{{").replace("}", "}}")
    made = sendings.prepare(
        session,
        now,
        who.account_id,
        words,
        rows,
        door=Door.V2,
        client_ref=body.get("client_ref"),
        sender_id=body.get("from"),
        most=shapes.MOST_RECIPIENTS,
    )
    if isinstance(made, NotPrepared):
        raise _not_prepared(made)
    sendings.confirm(
        session,
        now,
        who.account_id,
        made,
        guard=not body.get("allow_duplicate", False),
        send_at=moment(body["send_at"]) if "send_at" in body else None,
        wake=runtime.waker.wake_after_commit,
    )
    progress = sendings.progress(session, who.account_id, made)
    assert progress
    return Answer(_told(progress), 202, {"Location": f"/v2/batches/{made}"})


def _not_prepared(why: NotPrepared) -> Wrong:
    match why.reason:
        case Reason.UNKNOWN_FIELD:
            known = ", ".join(why.known)
            fault = Fault(
                "/text", "unknown_field", f"asks for {{{why.name}}}, but the values that there are: {known}"
            )
        case Reason.EMPTY_TEXT:
            fault = Fault("/text", "empty", "must not be empty")
        case Reason.NO_RECIPIENTS:
            fault = Fault("/recipients", "invalid_number", "hold no number that a text could reach")
        case Reason.NOT_ITS_SENDER:
            fault = not_its_sender(why.known)
        case _:
            return Wrong(Problem.UNAUTHORIZED)
    return Wrong(Problem.REFUSED, faults=[fault])


def _told(progress: Progress) -> dict[str, Any]:
    return {
        "id": str(progress.id),
        "state": "finished" if progress.finished_at else "working",
        "total": progress.total,
        "done": progress.done,
        "accepted": progress.accepted,
        "client_ref": progress.client_ref,
        "send_at": moment_of(progress.send_at),
        "created_at": moment_of(progress.created_at),
        "finished_at": moment_of(progress.finished_at),
        "statuses": dict(progress.words),
    }


def _found(context: Batch, request: Request) -> Progress:
    """A batch of the key's own API user."""
    found = sendings.progress(request.db, caller(request).account_id, context.id)
    if found is None or found.confirmed_at is None:
        raise Wrong(Problem.NOT_FOUND)
    return found


def read(context: Batch, request: Request, _asked: Asked) -> Answer:
    """How far it has come."""
    return Answer(_told(_found(context, request)))


def recipients(context: Batch, request: Request, asked: Asked) -> Answer:
    """What became of each recipient that was handled."""
    found, most = _found(context, request), limit_of(asked.query)
    after = int(asked.query.get("cursor", -1))
    rows = sendings.outcomes(request.db, caller(request).account_id, found.id, after=after, most=most + 1)
    shown, last = cut(rows, most)
    items = [
        {"to": r.recipient, "status": r.word, "message_id": str(r.message_id) if r.message_id else None}
        for r in shown
    ]
    return Answer({"items": items, "next": str(last.place) if last else None})


READ = Operation(
    "getBatch", "GET", "/v2/batches/{id}", "Read a batch", "A text to many, and how far it has come. Only those of the key's own API user.",
    "Batches", Scope.MESSAGES_SEND,
    (Succeeds(200, "The batch.", shapes.BATCH, (("GetBatchRecipients", "listBatchRecipients", "id", "id"),)),), problems=(Problem.NOT_FOUND,),
)  # fmt: skip
RECIPIENTS = Operation(
    "listBatchRecipients", "GET", "/v2/batches/{id}/recipients", "List a batch's recipients",
    "What became of each recipient that was handled so far, in order.",
    "Batches", Scope.MESSAGES_SEND, (Succeeds(200, "A page of them.", shapes.BATCH_RECIPIENTS),), problems=(Problem.NOT_FOUND,),
    parameters={
        **LIMIT,
        "cursor": {"type": "string", "regex": "[0-9]{1,6}", "meta": {"description": "`next` of the page before."}},
    },
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("batches", Batches)
    config.add_operation(READ, read, Batch)
    config.add_operation(RECIPIENTS, recipients, Batch, "recipients")
