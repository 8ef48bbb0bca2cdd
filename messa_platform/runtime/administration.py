"""What works for those who administer: domains looked at, people moved, numbers taken back, warnings written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from messa_platform.core.actors import Waker
from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.post import Post
from messa_platform.core.settings import Settings
from messa_platform.core.site import SiteSettings
from messa_platform.portal.admin_mails import AdminMails
from messa_platform.portal.domain_mails import DomainLetters
from messa_platform.portal.number_mails import NumberLetters
from messa_platform.portal.people_mails import PeopleLetters
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.domains import take
from messa_platform.tenants.domains.check import Checker
from messa_platform.tenants.domains.proof import Resolver
from messa_platform.tenants.domains.settings import DnsSettings
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.numbers_settings import NumberSettings
from messa_platform.tenants.people.adding import Adding
from messa_platform.tenants.people.mails import PeoplePost
from messa_platform.tenants.people.recall import Recall
from messa_platform.tenants.people.settings import PeopleSettings
from messa_platform.tenants.tasks import Handler


@dataclass(frozen=True, slots=True)
class Administration:
    """Its parts. `handlers` work off tasks; `numbers` tells the operator of ranges that run low. `admins`
    writes to who becomes an admin."""

    checker: Checker
    domains: DomainPost
    people: PeoplePost
    handlers: Mapping[TaskKind, Handler]
    numbers: NumberLetters
    admins: AdminMails


def administration(
    settings: Settings, database: Database, clock: Clock, waker: Waker, post: Post
) -> Administration:
    """Put it together."""
    site, rest = settings[SiteSettings], settings[NumberSettings].rest
    domains = DomainPost(DomainLetters(site.mail_domain, site.public_url), post, site.operator_mail)
    people = PeoplePost(PeopleLetters(site.mail_domain, site.public_url), post)
    handlers: dict[TaskKind, Handler] = {
        **take.handlers(domains, rest),
        TaskKind.ADD_PEOPLE: Adding(people, rest, settings[PeopleSettings].consent_mails_a_day).step,
        TaskKind.RECALL_NUMBERS: Recall(rest).step,
    }
    checker = Checker(database, clock, Resolver(settings[DnsSettings]), domains, waker.wake_after_commit)
    return Administration(
        checker,
        domains,
        people,
        handlers,
        NumberLetters(site.public_url, site.operator_mail, post),
        AdminMails(site.mail_domain, site.public_url),
    )
