"""Drafts become rows: threads, messages, events, and what waits to leave; a statement each for any number of drafts.

The threads are made first, as the messages name them; all else travels with the commit, unless there is much of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.orm import Session

from messa_platform.core.bulk import ask_insert, store_rows
from messa_platform.core.ids import new_id
from messa_platform.core.pipeline import Pipeline, at_commit
from messa_platform.messaging import feed
from messa_platform.messaging.drafts import Draft
from messa_platform.messaging.models import DispatchItem, Message, MessageEvent, ScheduledText, Thread
from messa_platform.messaging.statuses import Direction, Status

THREAD = cast(Table, Thread.__table__)
MESSAGE = cast(Table, Message.__table__)
EVENT = cast(Table, MessageEvent.__table__)
DISPATCH = cast(Table, DispatchItem.__table__)
SCHEDULED = cast(Table, ScheduledText.__table__)

ThreadKey = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Touched:
    """A thread that got a message: its owner's own name for it, "" if it has none, and the Message-ID of the mail that it last sent, if any."""

    id: UUID
    display_name: str
    mail_reference: str | None


@dataclass(frozen=True, slots=True)
class Touch:
    """A message that belongs into the thread of an account and a remote number.

    `mail_reference` is the Message-ID of the mail that it came in, if any; `unread`: it waits to be read.
    """

    tenant_id: UUID
    account_id: UUID
    remote: str
    message_id: UUID
    mail_reference: str | None = None
    unread: bool = False


# Two transactions may come in another order than their times: the thread shows the later message.
_TOUCH = (
    "ON CONFLICT (account_id, remote) DO UPDATE SET last_message_at = greatest(thread.last_message_at, EXCLUDED.last_message_at),"
    " last_message_id = CASE WHEN EXCLUDED.last_message_at >= thread.last_message_at THEN EXCLUDED.last_message_id"
    " ELSE thread.last_message_id END, unread = thread.unread + EXCLUDED.unread,"
    " mail_reference = coalesce(EXCLUDED.mail_reference, thread.mail_reference) RETURNING id, account_id, remote, display_name, mail_reference"
)


def threads(session: Session, now: datetime, touches: Iterable[Touch]) -> Mapping[ThreadKey, Touched]:
    """The threads that these messages, in their order, belong into, made where missing; by account and number."""
    pipeline = Pipeline(session)
    asked = ask_threads(pipeline, now, touches)
    pipeline.send()
    return asked()


def ask_threads(
    pipeline: Pipeline, now: datetime, touches: Iterable[Touch]
) -> Callable[[], Mapping[ThreadKey, Touched]]:
    """The same, once the pipeline was sent."""
    rows: dict[ThreadKey, dict[str, object]] = {}
    unread: Counter[ThreadKey] = Counter()
    for touch in touches:
        key = touch.account_id, touch.remote
        unread[key] += touch.unread
        rows[key] = {
            "id": new_id(),
            "tenant_id": touch.tenant_id,
            "account_id": touch.account_id,
            "remote": touch.remote,
            "last_message_at": now,
            "last_message_id": touch.message_id,
            "unread": unread[key],
            "mail_reference": touch.mail_reference,
        }
    reply = ask_insert(pipeline, THREAD, [rows[k] for k in sorted(rows)], _TOUCH)
    return lambda: {
        (row.account_id, row.remote): Touched(row.id, row.display_name, row.mail_reference)
        for row in reply.rows
    }


def event_row(
    message_id: UUID, tenant_id: UUID, status: Status, at: datetime, code: str = "", changed: bool = True
) -> dict[str, object]:
    """One line of a message's history."""
    return {
        "id": new_id(),
        "message_id": message_id,
        "tenant_id": tenant_id,
        "status": status,
        "changed": changed,
        "code": code,
        "at": at,
    }


def touches(drafts: Iterable[Draft]) -> list[Touch]:
    """Drafts as what belongs into threads; what has no possible number belongs into none."""
    return [
        Touch(
            d.sender.settings.tenant_id, d.sender.account_id, d.recipient, d.id, d.submission.mail_reference
        )
        for d in drafts
        if d.status is not Status.INVALID_NUMBER
    ]


def messages(
    session: Session, now: datetime, drafts: Sequence[Draft], in_thread: Mapping[ThreadKey, Touched]
) -> None:
    """Store drafts as messages of their threads, the open ones as QUEUED, or as SCHEDULED where their time is later."""
    last = at_commit(session)
    store_rows(last, MESSAGE, [_message(d, now, in_thread) for d in drafts])
    events = [event_row(d.id, d.sender.settings.tenant_id, d.outcome, now) for d in drafts]
    store_rows(last, EVENT, events)
    store_rows(last, DISPATCH, [_waiting(d, now) for d in drafts if d.outcome is Status.QUEUED])
    store_rows(last, SCHEDULED, [_later(d) for d in drafts if d.outcome is Status.SCHEDULED])
    feed.tell(session, {d.sender.account_id for d in drafts})


def _message(draft: Draft, now: datetime, in_thread: Mapping[ThreadKey, Touched]) -> dict[str, object]:
    sender = draft.sender
    thread = in_thread.get((sender.account_id, draft.recipient))
    return {
        "id": draft.id,
        "tenant_id": sender.settings.tenant_id,
        "group_id": sender.settings.group_id,
        "account_id": sender.account_id,
        "thread_id": thread.id if thread else None,
        "direction": Direction.OUT,
        "door": draft.submission.door,
        "status": draft.outcome,
        "status_at": now,
        "rule_group_id": draft.rule_group_id,
        "remote": draft.recipient,
        "local": draft.local,
        "text": draft.text,
        "encoding": draft.encoding,
        "parts": draft.parts if draft.open else 0,
        "channel_id": draft.channel_id if draft.open else None,
        "way": draft.way if draft.open or draft.status is Status.NO_ROUTE else None,
        "mail_id": draft.submission.mail_id,
        "quota_buckets": draft.buckets,
        "send_at": draft.send_at if draft.open else None,
        "client_ref": draft.submission.client_ref,
        "created_at": now,
    }


def _waiting(draft: Draft, now: datetime) -> dict[str, object]:
    return {
        "id": draft.id,
        "tenant_id": draft.sender.settings.tenant_id,
        "channel_id": draft.channel_id,
        "remote": draft.recipient,
        "local": draft.local,
        "text": draft.text,
        "parts": draft.parts,
        "next_attempt_at": now,
    }


def _later(draft: Draft) -> dict[str, object]:
    return {
        "id": draft.id,
        "tenant_id": draft.sender.settings.tenant_id,
        "account_id": draft.sender.account_id,
        "remote": draft.recipient,
        "sender_id": draft.submission.sender_id,
        "next_attempt_at": draft.send_at,
    }
