"""`@@overview`, the page of a group that its admins come to first: its last month, its limits, and what they stopped (spec L3, G2, G6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.clock import stockholm_day
from messa_platform.core.i18n import msgid
from messa_platform.messaging.log import summary
from messa_platform.messaging.log.asked import scope_of
from messa_platform.messaging.log.summary import Count
from messa_platform.messaging.statuses import Status
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.logs.chart import SMALL
from messa_platform.portal.admin.logs.figures import Kind, figures, kind_of
from messa_platform.portal.admin.logs.picture import drawn
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.tenants.quota_view import quota_view

DAYS = 30
"""Of which the page tells, today among them."""

REFUSALS: Mapping[Status, str] = {
    Status.NO_ROUTE: msgid("There was no route to the number"),
    Status.DESTINATION_NOT_ALLOWED: msgid("The organisation does not allow the country"),
    Status.TENANT_SUSPENDED: msgid("The organisation was suspended from sending"),
    Status.ALREADY_SENT: msgid("The same text went to the number within 24 hours"),
    Status.TOO_MANY_PARTS: msgid("The text was too long"),
    Status.SENDER_NOT_VERIFIED: msgid("It could not be told that the mail came from its sender"),
    Status.INVALID_NUMBER: msgid("The number cannot be reached"),
    Status.BLOCKED: msgid("The recipient has answered STOP"),
    Status.NOT_ALLOWED_PERSONAL: msgid("The user was not allowed to send"),
    Status.NOT_ALLOWED_GROUP: msgid("The group was not allowed to send"),
    Status.USED_UP_PERSONAL: msgid("The user's SMS were used up"),
    Status.USED_UP_GROUP: msgid("The group's SMS were used up"),
}
"""Why messages were refused, for who looks after those that wrote them."""

WAYS = (
    ("people", "@@users", msgid("Users"), msgid("Who they are, and what each of them may do.")),
    ("plus", "@@add-users", msgid("Add users"), msgid("One e-mail address a line.")),
    ("edit", "@@settings", msgid("Permissions"), msgid("How much may be sent, and whether it can be answered.")),
    ("new", "@@new-group", msgid("Add a group"), msgid("Below this one.")),
)  # fmt: skip
"""Where to go from here: icon, page, its name, and what it is for."""


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The group with its subgroups at a glance; the number of statements does not depend on how many there are."""
    now = request.registry["messa.runtime"].clock.now()
    last = stockholm_day(now)
    first = last - timedelta(days=DAYS - 1)
    scope = scope_of(request.db, context.place)
    counts = summary.counts(request.db, scope.tenant_id, scope.group_ids, first, last)
    return page(
        context,
        "overview",
        shown=drawn(request.speech, figures(counts, first, last), SMALL),
        refused=refused(counts),
        refusals=REFUSALS,
        days=DAYS,
        quotas=quota_view(request.db, now, context.path, context.authority),
        ways=WAYS,
    )


def refused(counts: Sequence[Count]) -> list[tuple[Status, int]]:
    """How many messages each rule refused, the most first."""
    found: Counter[Status] = Counter()
    for count in counts:
        if kind_of(count) is Kind.REFUSED:
            found[count.status] += count.messages
    return found.most_common()


def includeme(config: Configurator) -> None:
    """Mount the page."""
    config.add_group_view(show, "overview", "overview")
