"""The parts of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import dramatiq

from messa_platform.core.actors import Waker
from messa_platform.core.clock import Clock
from messa_platform.core.crypto import Keys
from messa_platform.core.db import Database
from messa_platform.core.embedded import Held
from messa_platform.core.listen import Listener
from messa_platform.core.outbound import Outbound
from messa_platform.core.post import Post, Relay
from messa_platform.core.rates import Rates
from messa_platform.core.settings import Settings
from messa_platform.core.sweeper import Sweeper
from messa_platform.mail.intake import Intake
from messa_platform.messaging.announce import Announcements
from messa_platform.messaging.connector import Connector
from messa_platform.messaging.dispatch import Dispatcher
from messa_platform.messaging.feed import Changes
from messa_platform.messaging.log.export_work import Exporter
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.messaging.outward.push import Pusher
from messa_platform.messaging.sink import EventSink
from messa_platform.providers.callback_channels import CallbackChannels
from messa_platform.providers.callback_desk import CallbackDesk
from messa_platform.providers.connect import ChannelOffice
from messa_platform.providers.pool import ProviderPool
from messa_platform.runtime.administration import Administration
from messa_platform.tenants.access.links import LinkMails
from messa_platform.tenants.access.passwords import Passwords
from messa_platform.tenants.access.sessions import SessionCache
from messa_platform.tenants.access.single_sign_on import SingleSignOn


@dataclass(frozen=True)
class Runtime:
    """The parts of a process, for its actors, views and servers. Without what `checks` ask for it cannot work, with `warnings` it can."""

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
    rates: Rates
    single_sign_on: SingleSignOn
    administration: Administration
    post: Post
    relay: Relay
    providers: ProviderPool
    channel_office: ChannelOffice
    dispatcher: Dispatcher
    connector: Connector
    exporter: Exporter
    intake: Intake
    sink: EventSink
    callback_channels: CallbackChannels
    callback_desk: CallbackDesk
    endpoints: Endpoints
    pusher: Pusher
    sweeper: Sweeper
    stopping: threading.Event
    checks: dict[str, Callable[[], str | None]] = field(default_factory=dict)
    warnings: dict[str, Callable[[], str | None]] = field(default_factory=dict)

    def close(self) -> None:
        """Let go of everything, last acquired first."""
        self.sweeper.close()
        self.connector.close()
        self.listener.close()
        self.pusher.close()
        self.waker.close()
        self.providers.close()
        self.broker.close()
        self.database.close()
        if self.held:
            self.held.close()
