"""The frame of the admin pages: the tree at the left, the pages of a group above, and who one is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin.resources import ADMINISTER, GroupResource
from messa_platform.portal.forms import Form
from messa_platform.tenants.places import Branch, tree


@dataclass(frozen=True, slots=True)
class Tab:
    """A page that every group has. `only_top`: Master alone has it."""

    name: str
    label: str
    only_top: bool = False


TABS = (
    Tab("overview", msgid("Overview")),
    Tab("logs", msgid("Logs")),
    Tab("settings", msgid("Permissions")),
    Tab("domains", msgid("Domains")),
    Tab("sender-name", msgid("Sender name")),
    Tab("signature", msgid("Signature")),
    Tab("admins", msgid("Admins")),
    Tab("api", msgid("API")),
    Tab("users", msgid("Users")),
    Tab("channels", msgid("Channels"), only_top=True),
    Tab("organisation", msgid("Organisation"), only_top=True),
    Tab("audit", msgid("Audit log")),
)
"""In the order in which they stand."""


def page(
    context: GroupResource, tab: str, form: Form | None = None, status: int = 200, **values: Any
) -> Mapping[str, Any]:
    """What a group's page shows: `values` within the frame. `tab` is the name of the tab that is current."""
    request = context.request
    request.response.status_int = status
    return {
        "context": context,
        "place": context.place,
        "organisation": context.organisation,
        "seen_path": context.seen_path,
        "tree": tree(request.db, context.path, context.authority),
        "tabs": [t for t in TABS if not t.only_top or context.place.parent_id is None],
        "tab": tab,
        "here": context.address,
        "there": lambda branch: context.address_of(branch.slugs, f"@@{_tab_there(tab, branch)}"),
        "as_operator": request.identity.is_operator,
        "form": form or Form(),
        **values,
    }


def _tab_there(tab: str, branch: Branch) -> str:
    """The page of another group that is like this one; what only Master has leads to its permissions."""
    everywhere = {t.name for t in TABS if not t.only_top}
    return tab if tab in everywhere or not branch.slugs else "settings"


def add_group_view(config: Configurator, view: Any, name: str, template: str, **options: Any) -> None:
    """A view of every group, `@@<name>`, for its admins; `template` within `admin/`. Without `request_method` it answers GET."""
    options.setdefault("request_method", "GET")
    config.add_view(
        view,
        context=GroupResource,
        name=name,
        permission=ADMINISTER,
        renderer=f"admin/{template}.jinja2",
        **options,
    )


def includeme(config: Configurator) -> None:
    """Make `config.add_group_view`."""
    config.add_directive("add_group_view", add_group_view)
