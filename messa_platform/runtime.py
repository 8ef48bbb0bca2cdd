"""What a process is made of: the rooms' parts, put together from the settings once, at start."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import dramatiq
from dramatiq.brokers.stub import StubBroker
from sqlalchemy.orm import Session

from messa_platform.core import post
from messa_platform.core.actors import ActorSpec, More, NoWaker, Waker, bind, make_broker, sender
from messa_platform.core.clock import Clock, SystemClock
from messa_platform.core.crypto import Keys, SecuritySettings, open_keys
from messa_platform.core.db import Database, make_engine
from messa_platform.core.embedded import Held, attach
from messa_platform.core.listen import Listener
from messa_platform.core.migrations import at_head
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.core.post import Post, Relay, RelaySettings
from messa_platform.core.settings import Settings, load
from messa_platform.core.site import BrokerSettings, DatabaseSettings, SiteSettings, WebSettings
from messa_platform.core.sweeper import Chore, Look, Sweeper
from messa_platform.core.work import WorkQueue
from messa_platform.mail import failures, intake
from messa_platform.mail.intake import Intake
from messa_platform.mail.letters import Letters
from messa_platform.mail.replies import ReplyMails, UnsentMails
from messa_platform.mail.settings import SmtpSettings
from messa_platform.messaging import (
    dispatch,
    guard,
    opt_out,
    partitions,
    receipts,
    schedule,
    sending_work,
    sendings,
)
from messa_platform.messaging.announce import Announcements
from messa_platform.messaging.dispatch import Dispatcher
from messa_platform.messaging.feed import Changes
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.messaging.settings import DispatchSettings
from messa_platform.messaging.sink import EventSink
from messa_platform.portal.mails import AccessMails
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import load_plugins
from messa_platform.tenants.access import links, sessions, throttle
from messa_platform.tenants.access.links import LinkMails
from messa_platform.tenants.access.oidc import OpenIdConnect
from messa_platform.tenants.access.passwords import Passwords
from messa_platform.tenants.access.sessions import SessionCache
from messa_platform.tenants.access.settings import AccessSettings
from messa_platform.tenants.access.single_sign_on import SingleSignOn

SECTIONS = (
    SiteSettings,
    DatabaseSettings,
    BrokerSettings,
    WebSettings,
    SmtpSettings,
    RelaySettings,
    DispatchSettings,
    SecuritySettings,
    AccessSettings,
    OutboundSettings,
)
"""Every section of settings there is."""


class CannotStart(Exception):
    """The process must not start as it was asked to; the text says what to do."""


@dataclass(frozen=True)
class Runtime:
    """The parts of a process, for its actors, views and servers."""

    settings: Settings
    held: Held | None
    database: Database
    clock: Clock
    broker: dramatiq.Broker
    waker: Waker
    listener: Listener
    keys: Keys
    passwords: Passwords
    session_cache: SessionCache
    changes: Changes
    announcements: Announcements
    link_mails: LinkMails
    outbound: Outbound
    single_sign_on: SingleSignOn
    post: Post
    relay: Relay
    providers: ProviderPool
    dispatcher: Dispatcher
    intake: Intake
    letters: Letters
    sink: EventSink
    sweeper: Sweeper
    stopping: threading.Event
    checks: dict[str, Callable[[], str | None]]

    def close(self) -> None:
        """Let go of everything, last acquired first."""
        self.sweeper.close()
        self.listener.close()
        self.waker.close()
        self.providers.close()
        self.broker.close()
        self.database.close()
        if self.held:
            self.held.close()


def _read_mail(runtime: Runtime, _more: More) -> bool:
    return runtime.intake.run()


def _dispatch(runtime: Runtime, more: More, channel_id: str) -> bool:
    return runtime.dispatcher.run(UUID(channel_id), more)


def _deliver_mail(runtime: Runtime, _more: More) -> bool:
    return post.deliver(runtime.database, runtime.clock, runtime.relay)


def _send_links(runtime: Runtime, _more: More) -> bool:
    return links.send_links(runtime.database, runtime.clock, runtime.link_mails)


def _release_scheduled(runtime: Runtime, _more: More) -> bool:
    return schedule.release(runtime.database, runtime.clock, runtime.announcements)


def _follow_stops(runtime: Runtime, _more: More) -> bool:
    return opt_out.follow(runtime.database, runtime.clock, runtime.announcements)


def _work_off_sendings(runtime: Runtime, _more: More) -> bool:
    return sending_work.work_off_sendings(runtime.database, runtime.clock, runtime.announcements)


ACTORS = (
    ActorSpec(intake.READ_ACTOR, _read_mail, queue="mail"),
    ActorSpec(dispatch.DISPATCH_ACTOR, _dispatch, queue="dispatch"),
    ActorSpec(post.POST_ACTOR, _deliver_mail, queue="post"),
    ActorSpec(links.SEND_ACTOR, _send_links, queue="post"),
    ActorSpec(schedule.RELEASE_ACTOR, _release_scheduled, queue="dispatch"),
    ActorSpec(opt_out.OPT_OUT_ACTOR, _follow_stops, queue="dispatch"),
    ActorSpec(sendings.SENDINGS_ACTOR, _work_off_sendings, queue="sendings"),
)


_QUEUES = (
    (intake.QUEUE, intake.READ_ACTOR),
    (post.QUEUE, post.POST_ACTOR),
    (links.QUEUE, links.SEND_ACTOR),
    (schedule.QUEUE, schedule.RELEASE_ACTOR),
    (sending_work.QUEUE, sendings.SENDINGS_ACTOR),
)
"""The queues that one actor works off."""


def _look(queue: WorkQueue, actor: str) -> Look:
    return lambda session, now: [(actor,)] if queue.is_due(session, now) else []


def _looks() -> tuple[Look, ...]:
    return (
        *(_look(queue, actor) for queue, actor in _QUEUES),
        lambda session, now: [(dispatch.DISPATCH_ACTOR, str(c)) for c in dispatch.due_channels(session, now)],
    )


def _chores(settings: Settings, waker: Waker) -> tuple[Chore, ...]:
    keep_raw = timedelta(days=settings[SmtpSettings].keep_raw_days)

    def forget(session: Session, now: datetime) -> None:
        guard.forget_old(session, now)
        receipts.forget_old(session, now)
        failures.forget_old(session, now - timedelta(days=1))
        sessions.forget_old(session, now)
        links.forget_old(session, now)
        throttle.forget_old(session, now)
        sendings.forget_old(session, now)

    return (
        Chore("match_early", timedelta(seconds=1), lambda session, now: receipts.match_early(session)),
        # what follows a STOP takes its locks in an order of its own, so it is woken and not done here
        Chore("follow_stops", timedelta(minutes=1), lambda _session, _now: waker.wake(opt_out.OPT_OUT_ACTOR)),
        Chore("forget", timedelta(hours=1), forget),
        Chore(
            "empty_raw",
            timedelta(minutes=1),
            lambda session, now: intake.empty_old(session, now - keep_raw),
        ),
        Chore(
            "partitions", timedelta(days=1), lambda session, now: partitions.ahead(session.connection(), now)
        ),
    )


def read_settings(values: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a deployment. Raises `WrongSettings`."""
    return load(SECTIONS, values, os.environ if environment is None else environment)


def open_database(settings: Settings) -> tuple[Held | None, str]:
    """The database's URL; with the embedded server, what holds it. Raises `CannotStart` if the URL is none of PostgreSQL's."""
    configured = settings[DatabaseSettings].url or os.environ.get("DATABASE_URL", "")
    if configured:
        # other tools write postgres:// and postgresql://, for which SQLAlchemy would take another driver
        scheme, separator, rest = configured.partition("://")
        if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
            raise CannotStart(
                "database.url, DATABASE_URL: is not a PostgreSQL address such as postgresql://user@host/name"
            )
        return None, f"postgresql+psycopg://{rest}"
    held = attach(Path(settings[DatabaseSettings].data_dir))
    return held, held.url


def build(settings: Settings, *, reads_queue: bool, clock: Clock | None = None) -> Runtime:
    """Put a process together. `reads_queue`: its own actors take the wake-ups of an embedded broker. Raises `CannotStart`."""
    try:
        broker = make_broker(settings[BrokerSettings].url)
    except ValueError as error:
        raise CannotStart(str(error)) from error
    embedded = isinstance(broker, StubBroker)
    waker = NoWaker() if embedded and not reads_queue else Waker(sender(broker, ACTORS), embedded=embedded)
    held, url = open_database(settings)
    database_settings = settings[DatabaseSettings]
    engine = make_engine(url, pool_size=database_settings.pool_size, pooler=database_settings.pooler)
    database, clock = Database(engine), clock or SystemClock()
    site = settings[SiteSettings]
    writer = Post(site.mail_domain, waker.wake_after_commit)
    letters = Letters(site.mail_domain, site.public_url)
    providers = ProviderPool(load_plugins(), send_limit=settings[DispatchSettings].lease_seconds * 2 / 3)
    queue = dispatch.queue(timedelta(seconds=settings[DispatchSettings].lease_seconds))
    outcomes = Outcomes(queue, UnsentMails(letters, writer))
    stopping = threading.Event()
    announcements = Announcements(waker, writer, site.operator_mail)
    keys = open_keys(settings[SecuritySettings], clock)
    outbound = Outbound(settings[OutboundSettings])
    callback = site.public_url.rstrip("/") + "/sso/callback"
    listener = Listener(database_settings.direct_url or url, clock)
    runtime = Runtime(
        settings=settings,
        held=held,
        database=database,
        clock=clock,
        broker=broker,
        waker=waker,
        listener=listener,
        keys=keys,
        outbound=outbound,
        single_sign_on=SingleSignOn(database, clock, keys, OpenIdConnect(outbound), callback),
        passwords=Passwords(settings[AccessSettings].hashes_at_once),
        session_cache=SessionCache(listener),
        changes=Changes(listener, clock),
        announcements=announcements,
        link_mails=LinkMails(AccessMails(site.mail_domain, site.public_url), writer),
        post=writer,
        relay=Relay(settings[RelaySettings]),
        providers=providers,
        dispatcher=Dispatcher(database, clock, providers, outcomes, stopping),
        intake=Intake(database, clock, announcements, letters, writer),
        letters=letters,
        sink=EventSink(ReplyMails(letters, writer), waker.wake_after_commit),
        stopping=stopping,
        sweeper=Sweeper(database, clock, waker, _looks(), _chores(settings, waker)),
        checks={"database": lambda: _database_fault(database)},
    )
    bind(broker, ACTORS, runtime)
    return runtime


def _database_fault(database: Database) -> str | None:
    try:
        with database.engine.connect() as connection:
            return None if at_head(connection) else "the database is not migrated; run: messa migrate"
    except Exception as error:
        return f"the database does not answer: {type(error).__name__}"


def refuse_unread_broker(settings: Settings) -> None:
    """A process that would wake actors in an embedded broker that no process reads must not start. Raises `CannotStart`."""
    if settings[BrokerSettings].url == "embedded":
        raise CannotStart(
            "broker.url is embedded: its messages stay in one process. Run everything in one with `messa serve`, or set"
            " MESSA_BROKER_URL to redis://… or amqp://…"
        )
