"""The frame of the operator's pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.forms import Form
from messa_platform.portal.operator.resources import OPERATE

TABS = (
    ("tenants", msgid("Organisations")),
    ("ranges", msgid("Number ranges")),
    ("domains", msgid("Domains waiting")),
    ("channels", msgid("Channels")),
    ("routes", msgid("Routes")),
    ("prices", msgid("Prices")),
    ("audit", msgid("Audit log")),
)
"""In the order in which they stand; each is a page right below `/operator`."""


def page(
    request: Request, tab: str, form: Form | None = None, status: int = 200, **values: Any
) -> Mapping[str, Any]:
    """What a page of the operator shows: `values` within the frame. `tab` is the name of the tab that is current."""
    request.response.status_int = status
    return {"tabs": TABS, "tab": tab, "form": form or Form(), "now": now_of(request), **values}


def now_of(request: Request) -> datetime:
    """What the request's process takes for now."""
    now: datetime = request.registry["messa.runtime"].clock.now()
    return now


def add_operator_view(
    config: Configurator, view: Any, context: type[Any], name: str, template: str, **options: Any
) -> None:
    """A page of the operator's; `template` within `operator/`. Without `request_method` it answers GET."""
    options.setdefault("request_method", "GET")
    config.add_view(
        view,
        context=context,
        name=name,
        permission=OPERATE,
        renderer=f"operator/{template}.jinja2",
        **options,
    )


def includeme(config: Configurator) -> None:
    """Make `config.add_operator_view`."""
    config.add_directive("add_operator_view", add_operator_view)
