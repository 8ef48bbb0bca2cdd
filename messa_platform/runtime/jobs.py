"""What a process does by itself: its actors, the queues that wake them, and chores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core import post
from messa_platform.core.actors import ActorSpec, More, Waker
from messa_platform.core.settings import Settings
from messa_platform.core.sweeper import Chore, Look
from messa_platform.core.work import WorkQueue
from messa_platform.mail import failures, intake
from messa_platform.mail import retention as mail_retention
from messa_platform.mail.settings import SmtpSettings
from messa_platform.messaging import (
    dispatch,
    guard,
    idempotency,
    opt_out,
    partitions,
    receipts,
    removed_channels,
    schedule,
    sending_work,
    sendings,
)
from messa_platform.messaging.log import export_work, exports, summary
from messa_platform.messaging.outward import note, queue
from messa_platform.messaging.outward import retention as outward_retention
from messa_platform.messaging.retention import months, places, words
from messa_platform.messaging.settings import MessagingSettings
from messa_platform.messaging.sink import EventSink
from messa_platform.providers import channels
from messa_platform.runtime.administration import Administration
from messa_platform.runtime.parts import Runtime
from messa_platform.tenants import moved_groups, numbers, tasks
from messa_platform.tenants.access import links, sessions, throttle
from messa_platform.tenants.domains import check
from messa_platform.tenants.numbers_settings import NumberSettings


def _read_mail(runtime: Runtime, _more: More) -> bool:
    return runtime.intake.run()


def _dispatch(runtime: Runtime, more: More, channel_id: str) -> bool:
    channel = UUID(channel_id)
    if runtime.connector.has_sessions(channel):
        runtime.connector.poke(channel)
        return False
    return runtime.dispatcher.run(channel, more)


def _deliver_mail(runtime: Runtime, _more: More) -> bool:
    return post.deliver(runtime.database, runtime.clock, runtime.relay)


def _send_links(runtime: Runtime, _more: More) -> bool:
    return links.send_links(runtime.database, runtime.clock, runtime.link_mails)


def _release_scheduled(runtime: Runtime, _more: More) -> bool:
    push = runtime.waker.wake_after_commit
    return schedule.release(runtime.database, runtime.clock, runtime.announcements, push)


def _follow_stops(runtime: Runtime, _more: More) -> bool:
    push = runtime.waker.wake_after_commit
    return opt_out.follow(runtime.database, runtime.clock, runtime.announcements, push)


def _push_events(runtime: Runtime, _more: More, endpoint_id: str) -> bool:
    # the pusher has threads of its own: no endpoint may hold up a worker
    runtime.pusher.wake(UUID(endpoint_id))
    return False


def _work_off_sendings(runtime: Runtime, _more: More) -> bool:
    return sending_work.work_off_sendings(runtime.database, runtime.clock, runtime.announcements)


def _export_logs(runtime: Runtime, _more: More) -> bool:
    return runtime.exporter.run()


def _work_off_tasks(runtime: Runtime, _more: More) -> bool:
    return tasks.work_off_tasks(runtime.database, runtime.clock, runtime.administration.handlers)


def _check_domains(runtime: Runtime, _more: More) -> bool:
    return runtime.administration.checker.run()


KEPT_IN = (*places.PLACES, *mail_retention.PLACES)
"""Wherever words of messages are kept."""


def _purge_texts(runtime: Runtime, _more: More) -> bool:
    return words.purge(runtime.database, runtime.clock, KEPT_IN)


def _drop_months(runtime: Runtime, _more: More) -> bool:
    keep = runtime.settings[MessagingSettings].keep_months
    return months.drop(runtime.database, runtime.clock, keep)


ACTORS = (
    ActorSpec(intake.READ_ACTOR, _read_mail, queue="mail"),
    ActorSpec(dispatch.DISPATCH_ACTOR, _dispatch, queue="dispatch"),
    ActorSpec(post.POST_ACTOR, _deliver_mail, queue="post"),
    ActorSpec(links.SEND_ACTOR, _send_links, queue="post"),
    ActorSpec(schedule.RELEASE_ACTOR, _release_scheduled, queue="dispatch"),
    ActorSpec(opt_out.OPT_OUT_ACTOR, _follow_stops, queue="dispatch"),
    ActorSpec(note.PUSH_ACTOR, _push_events, queue="push"),
    ActorSpec(sendings.SENDINGS_ACTOR, _work_off_sendings, queue="sendings"),
    # one run is one file; it holds what it works on by a lease of its own
    ActorSpec(exports.ACTOR, _export_logs, queue="exports", time_limit_ms=3_600_000),
    ActorSpec(tasks.ACTOR, _work_off_tasks, queue="administration"),
    ActorSpec(check.ACTOR, _check_domains, queue="administration"),
    ActorSpec(words.PURGE_ACTOR, _purge_texts, queue="administration"),
    ActorSpec(months.DROP_ACTOR, _drop_months, queue="administration"),
)


QUEUES = (
    (intake.QUEUE, intake.READ_ACTOR),
    (post.QUEUE, post.POST_ACTOR),
    (links.QUEUE, links.SEND_ACTOR),
    (schedule.QUEUE, schedule.RELEASE_ACTOR),
    (sending_work.QUEUE, sendings.SENDINGS_ACTOR),
    (export_work.QUEUE, exports.ACTOR),
    (tasks.QUEUE, tasks.ACTOR),
)
"""The queues that one actor works off."""


def _look(queue: WorkQueue, actor: str) -> Look:
    return lambda session, now: [(actor,)] if queue.is_due(session, now) else []


def looks() -> tuple[Look, ...]:
    """What the sweeper looks for, to wake an actor."""
    return (
        *(_look(queue, actor) for queue, actor in QUEUES),
        lambda session, now: [(dispatch.DISPATCH_ACTOR, str(c)) for c in dispatch.due_channels(session, now)],
        lambda session, now: [(note.PUSH_ACTOR, str(e)) for e in queue.due_endpoints(session, now)],
        lambda session, now: [(check.ACTOR,)] if check.is_due(session, now) else [],
    )


def _forget(session: Session, now: datetime) -> None:
    """Drop what is of no use any more in every room."""
    failures.forget_old(session, now - timedelta(days=1))
    rooms = (guard, receipts, sessions, links, throttle, sendings, tasks, exports, idempotency)
    for room in rooms:
        room.forget_old(session, now)


def chores(
    settings: Settings,
    waker: Waker,
    office: Administration,
    sink: EventSink,
    seal: Callable[[Session], object],
    note_capabilities: Callable[[Session], object],
) -> tuple[Chore, ...]:
    """What the sweeper does by itself, and how often."""
    return (
        *_chores_of_texts(settings, waker, sink),
        *_chores_of_channels(waker, seal, note_capabilities),
        *_chores_of_numbers(settings[NumberSettings], office),
        *_chores_of_months(waker),
        Chore("forget", timedelta(hours=1), _forget),
    )


def _chores_of_texts(settings: Settings, waker: Waker, sink: EventSink) -> tuple[Chore, ...]:
    keep_raw = timedelta(days=settings[SmtpSettings].keep_raw_days)
    return (
        Chore(
            "match_early",
            timedelta(seconds=1),
            lambda session, _now: receipts.match_early(session, waker.wake_after_commit),
        ),
        Chore("give_up_pieces", timedelta(minutes=1), sink.give_up),
        # what follows a STOP takes its locks in an order of its own, so it is woken and not done here
        Chore("follow_stops", timedelta(minutes=1), lambda _session, _now: waker.wake(opt_out.OPT_OUT_ACTOR)),
        Chore("forget_events", timedelta(minutes=1), outward_retention.forget),
        Chore(
            "empty_raw",
            timedelta(minutes=1),
            lambda session, now: intake.empty_old(session, now - keep_raw),
        ),
        Chore("fold_log", timedelta(seconds=10), lambda session, _now: summary.fold(session)),
    )


def _chores_of_channels(
    waker: Waker, seal: Callable[[Session], object], note_capabilities: Callable[[Session], object]
) -> tuple[Chore, ...]:
    return (
        Chore("seal_channels", timedelta(minutes=1), lambda session, _now: seal(session)),
        Chore("note_capabilities", timedelta(minutes=1), lambda session, _now: note_capabilities(session)),
        Chore(
            "settle_removed",
            timedelta(minutes=1),
            lambda session, now: removed_channels.settle(session, now, waker.wake_after_commit),
        ),
        Chore("forget_removed", timedelta(hours=1), channels.forget_removed),
    )


def _chores_of_numbers(chosen: NumberSettings, office: Administration) -> tuple[Chore, ...]:
    return (
        Chore(
            "rehouse",
            timedelta(minutes=2),
            lambda session, now: moved_groups.rehouse(session, now, chosen.rest),
        ),
        Chore(
            "warn_low",
            timedelta(minutes=10),
            lambda session, now: numbers.warn_low(session, now, chosen.warn_percent, office.numbers.tell),
        ),
    )


def _chores_of_months(waker: Waker) -> tuple[Chore, ...]:
    return (
        Chore(
            "partitions",
            timedelta(hours=1),
            lambda session, now: partitions.look_after(session.connection(), now),
        ),
        # both work in many transactions, or hold up whoever writes messages: not for the sweeper itself
        Chore("purge_texts", timedelta(hours=1), lambda _session, _now: waker.wake(words.PURGE_ACTOR)),
        Chore("drop_months", timedelta(hours=1), lambda _session, _now: waker.wake(months.DROP_ACTOR)),
    )
