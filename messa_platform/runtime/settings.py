"""Every section of settings there is, and what keeps a process from starting."""

from __future__ import annotations

import os
from collections.abc import Mapping

from messa_platform.core.crypto import SecuritySettings
from messa_platform.core.outbound import OutboundSettings
from messa_platform.core.post import RelaySettings
from messa_platform.core.rates import RateSettings
from messa_platform.core.settings import Settings, load
from messa_platform.core.site import BrokerSettings, DatabaseSettings, SiteSettings, WebSettings
from messa_platform.mail.settings import SmtpSettings
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.outward.settings import PushSettings
from messa_platform.messaging.settings import DispatchSettings, MessagingSettings
from messa_platform.tenants.access.settings import AccessSettings
from messa_platform.tenants.domains.settings import DnsSettings
from messa_platform.tenants.numbers_settings import NumberSettings
from messa_platform.tenants.people.settings import PeopleSettings

SECTIONS = (
    SiteSettings,
    DatabaseSettings,
    BrokerSettings,
    WebSettings,
    SmtpSettings,
    RelaySettings,
    DispatchSettings,
    MessagingSettings,
    ExportSettings,
    SecuritySettings,
    AccessSettings,
    OutboundSettings,
    RateSettings,
    PushSettings,
    DnsSettings,
    NumberSettings,
    PeopleSettings,
)
"""Every section of settings there is."""


class CannotStart(Exception):
    """The process must not start as it was asked to; the text says what to do."""


def read_settings(values: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a deployment. Raises `WrongSettings`."""
    return load(SECTIONS, values, os.environ if environment is None else environment)


def refuse_unread_broker(settings: Settings) -> None:
    """A process that would wake actors in an embedded broker that no process reads must not start. Raises `CannotStart`."""
    if settings[BrokerSettings].url == "embedded":
        raise CannotStart(
            "broker.url is embedded: its messages stay in one process. Run everything in one with `messa serve`, or set"
            " MESSA_BROKER_URL to redis://… or amqp://…"
        )
