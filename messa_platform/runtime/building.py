"""A process put together from its settings, once, at start."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from dramatiq import Broker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy.orm import Session

from messa_platform.core.actors import NoWaker, Waker, bind, make_broker, sender
from messa_platform.core.clock import Clock, SystemClock
from messa_platform.core.crypto import Keys, SecuritySettings, open_keys
from messa_platform.core.db import Database, make_engine
from messa_platform.core.embedded import Held, attach
from messa_platform.core.listen import Listener
from messa_platform.core.migrations import at_head
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.core.post import Post, Relay, RelaySettings
from messa_platform.core.rates import Rates, RateSettings, make_store
from messa_platform.core.settings import Settings
from messa_platform.core.site import BrokerSettings, DatabaseSettings, SiteSettings
from messa_platform.core.sweeper import Sweeper
from messa_platform.mail.intake import Intake
from messa_platform.mail.letters import Letters
from messa_platform.mail.replies import ReplyMails, UnsentMails
from messa_platform.messaging import dispatch, partitions
from messa_platform.messaging.announce import Announcements
from messa_platform.messaging.connector import Connector
from messa_platform.messaging.dispatch import Dispatcher
from messa_platform.messaging.feed import Changes
from messa_platform.messaging.log.export_work import Exporter
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.messaging.outward.push import Pusher
from messa_platform.messaging.outward.settings import PushSettings
from messa_platform.messaging.outward.told import EndpointPost
from messa_platform.messaging.settings import DispatchSettings
from messa_platform.messaging.sink import EventSink
from messa_platform.portal.endpoint_mails import EndpointLetters
from messa_platform.portal.mails import AccessMails
from messa_platform.providers.callback_channels import CallbackChannels
from messa_platform.providers.callback_desk import CallbackDesk
from messa_platform.providers.capabilities import note_all
from messa_platform.providers.connect import ChannelOffice
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import load_plugins
from messa_platform.providers.secrets import seal_all
from messa_platform.runtime.administration import Administration, administration
from messa_platform.runtime.jobs import ACTORS, chores, looks
from messa_platform.runtime.parts import Runtime
from messa_platform.runtime.settings import CannotStart
from messa_platform.tenants.access.links import LinkMails
from messa_platform.tenants.access.oidc import OpenIdConnect
from messa_platform.tenants.access.passwords import Passwords
from messa_platform.tenants.access.sessions import SessionCache
from messa_platform.tenants.access.settings import AccessSettings
from messa_platform.tenants.access.single_sign_on import SingleSignOn


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


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all parts of a process stand on. `writer` hands in our own mails, `letters` words them; `ways` lead out, the platform's channels and
    everybody else; `stopping` is set when it ends."""

    settings: Settings
    held: Held | None
    database: Database
    listener: Listener
    clock: Clock
    broker: Broker
    waker: NoWaker | Waker
    keys: Keys
    ways: tuple[Outbound, Outbound]
    writer: Post
    letters: Letters
    announcements: Announcements
    stopping: threading.Event

    @property
    def site(self) -> SiteSettings:
        """What the site is called, and where it is."""
        return self.settings[SiteSettings]

    @property
    def outbound(self) -> Outbound:
        """The way out for all but the platform's channels."""
        return self.ways[1]


def build(
    settings: Settings, *, reads_queue: bool, clock: Clock | None = None, database: Database | None = None
) -> Runtime:
    """Put a process together. `reads_queue`: its own actors take the wake-ups of an embedded broker; `database`: the one that the settings
    name, where it is open already. Raises `CannotStart`."""
    broker, waker = _broker(settings, reads_queue)
    held, url = open_database(settings)
    chosen, site, clock = settings[DatabaseSettings], settings[SiteSettings], clock or SystemClock()
    if database is None:
        database = Database(make_engine(url, pool_size=chosen.pool_size, pooler=chosen.pooler))
    writer = Post(site.mail_domain, waker.wake_after_commit)
    ground = _Ground(
        settings=settings,
        held=held,
        database=database,
        listener=Listener(chosen.direct_url or url, clock),
        clock=clock,
        broker=broker,
        waker=waker,
        keys=open_keys(settings[SecuritySettings], clock),
        ways=_ways_out(settings[OutboundSettings]),
        writer=writer,
        letters=Letters(site.mail_domain, site.public_url),
        announcements=Announcements(waker, writer, site.operator_mail),
        stopping=threading.Event(),
    )
    runtime = _assembled(ground)
    runtime.checks["database"] = partial(_database_fault, database)
    runtime.warnings["partitions"] = partial(_partitions_fault, database, clock)
    bind(broker, ACTORS, runtime)
    return runtime


def _broker(settings: Settings, reads_queue: bool) -> tuple[Broker, NoWaker | Waker]:
    """The queue of wake-ups, and who puts them there. Raises `CannotStart`."""
    try:
        broker = make_broker(settings[BrokerSettings].url)
    except ValueError as error:
        raise CannotStart(str(error)) from error
    embedded = isinstance(broker, StubBroker)
    if embedded and not reads_queue:
        return broker, NoWaker()
    return broker, Waker(sender(broker, ACTORS), embedded=embedded)


def _ways_out(reach: OutboundSettings) -> tuple[Outbound, Outbound]:
    return Outbound(reach, admitted=reach.channels, every_port=True), Outbound(reach)


def _assembled(g: _Ground) -> Runtime:
    settings, database, clock = g.settings, g.database, g.clock
    providers, sink = _providers(g), _sink(g)
    office = administration(settings, database, clock, g.waker, g.writer)
    dispatcher = _dispatcher(g, providers)
    return Runtime(
        settings=settings,
        held=g.held,
        database=database,
        clock=clock,
        broker=g.broker,
        waker=g.waker,
        listener=g.listener,
        keys=g.keys,
        outbound=g.outbound,
        rates=Rates(settings[RateSettings], make_store(settings[BrokerSettings].url, time.monotonic)),
        single_sign_on=_single_sign_on(g),
        passwords=Passwords(settings[AccessSettings].hashes_at_once),
        session_cache=SessionCache(g.listener),
        changes=Changes(g.listener, clock),
        announcements=g.announcements,
        link_mails=LinkMails(AccessMails(g.site.mail_domain, g.site.public_url), g.writer),
        administration=office,
        post=g.writer,
        relay=Relay(settings[RelaySettings]),
        providers=providers,
        channel_office=ChannelOffice(providers, g.keys, g.ways),
        dispatcher=dispatcher,
        connector=Connector(database, clock, dispatcher, sink, g.listener),
        exporter=Exporter(database, clock, settings[ExportSettings], g.stopping),
        intake=Intake(database, clock, g.announcements, g.letters, g.writer),
        sink=sink,
        callback_channels=CallbackChannels(database, providers, g.keys, clock=clock),
        callback_desk=CallbackDesk(database, clock, sink),
        endpoints=Endpoints(g.outbound, g.keys),
        pusher=_pusher(g),
        stopping=g.stopping,
        sweeper=_sweeper(g, providers, sink, office),
    )


def _providers(g: _Ground) -> ProviderPool:
    limit = g.settings[DispatchSettings].lease_seconds * 2 / 3
    return ProviderPool(load_plugins(), limit, g.ways, g.site.public_url, g.keys)


def _sink(g: _Ground) -> EventSink:
    wake = g.waker.wake_after_commit
    return EventSink(ReplyMails(g.letters, g.writer), wake, wake)


def _single_sign_on(g: _Ground) -> SingleSignOn:
    callback = g.site.public_url.rstrip("/") + "/sso/callback"
    return SingleSignOn(g.database, g.clock, g.keys, OpenIdConnect(g.outbound), callback)


def _dispatcher(g: _Ground, providers: ProviderPool) -> Dispatcher:
    queue = dispatch.queue(timedelta(seconds=g.settings[DispatchSettings].lease_seconds))
    outcomes = Outcomes(queue, UnsentMails(g.letters, g.writer), g.waker.wake_after_commit)

    def waiting(session: Session, channel_id: UUID) -> None:
        g.waker.wake_after_commit(session, dispatch.DISPATCH_ACTOR, str(channel_id))

    return Dispatcher(g.database, g.clock, providers, outcomes, g.stopping, waiting)


def _pusher(g: _Ground) -> Pusher:
    post = EndpointPost(EndpointLetters(g.site.mail_domain, g.site.public_url), g.writer)
    return Pusher(g.database, g.clock, g.keys, g.outbound, post, g.settings[PushSettings])


def _sweeper(g: _Ground, providers: ProviderPool, sink: EventSink, office: Administration) -> Sweeper:
    def seal(session: Session) -> None:
        seal_all(session, providers, g.keys)

    def note_capabilities(session: Session) -> None:
        note_all(session, providers)

    all_chores = chores(g.settings, g.waker, office, sink, seal, note_capabilities)
    return Sweeper(g.database, g.clock, g.waker, looks(), all_chores)


def _database_fault(database: Database) -> str | None:
    try:
        with database.engine.connect() as connection:
            return None if at_head(connection) else "the database is not migrated; run: messa migrate"
    except Exception as error:
        return f"the database does not answer: {type(error).__name__}"


def _partitions_fault(database: Database, clock: Clock) -> str | None:
    with database.engine.connect() as connection:
        return "; ".join(partitions.faults(connection, clock.now())) or None
