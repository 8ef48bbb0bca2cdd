"""Where channels are looked after: whose they are, who does it, and where its pages are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.messaging.dispatch import DISPATCH_ACTOR
from messa_platform.portal.forms import Form
from messa_platform.providers.channels import Owner
from messa_platform.providers.connect import ChannelOffice
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import NoProvider, Plugin
from messa_platform.tenants.audit import Author


@dataclass(frozen=True, slots=True)
class Desk:
    """The channels of `owner`, looked after by `author`. `at` gives the address of the list, or of what stands below it; `answer` makes a
    page of a template's name, a form, a status and values, within the frame of the place. `sees_faults`: why a plugin is broken is told."""

    request: Request
    owner: Owner
    author: Author
    at: Callable[..., str]
    answer: Callable[[str, Form, int, Mapping[str, Any]], Any]
    marketplace: str
    sees_faults: bool

    @property
    def session(self) -> Session:
        """Of the platform: a tenant's session sees no channels, and secrets least of all. Each statement names the owner."""
        session: Session = self.request.platform_db
        return session

    @property
    def now(self) -> datetime:
        """What the process takes for now."""
        now: datetime = self.request.registry["messa.runtime"].clock.now()
        return now

    @property
    def office(self) -> ChannelOffice:
        """Where channels are made and changed."""
        office: ChannelOffice = self.request.registry["messa.runtime"].channel_office
        return office

    @property
    def providers(self) -> ProviderPool:
        """The plugins at work."""
        providers: ProviderPool = self.request.registry["messa.runtime"].providers
        return providers

    @property
    def is_platform(self) -> bool:
        """Whether the channels are the platform's own."""
        return self.owner.master is None

    def plugin(self, name: str) -> Plugin | None:
        """The plugin of that name; None if it cannot be used."""
        try:
            return self.providers.plugin(name)
        except NoProvider:
            return None

    def wake(self, channel_id: object) -> None:
        """Let what waits for a channel be looked at, once this is committed."""
        waker = self.request.registry["messa.runtime"].waker
        waker.wake_after_commit(self.session, DISPATCH_ACTOR, str(channel_id))
