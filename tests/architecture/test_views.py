"""Every view names its permission; here they all are."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.interfaces import IExceptionResponse
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from messa_platform.application import make_app
from messa_platform.runtime import read_settings
from messa_platform.tenants.tree import RESERVED_SLUGS

ANYBODY = NO_PERMISSION_REQUIRED

# (context, name) -> permission. What anybody may ask for is answered for in the view's module.
PUBLIC = {
    "Root": (
        "",
        "guide",
        "language",
        "styleguide",
        "healthz",
        "readyz",
        "forgot",
        "sign-in",
        "sign-in-code",
        "sign-out",
    ),
    "LinkResource": ("",),
    "SsoResource": ("start", "callback"),
    "ConsentResource": ("",),
    "LegacyApi": ("",),
    "Api": ("", "browse.js", "openapi.json", "swagger-ui-bundle.js", "swagger-ui.css"),
    "Problems": ("",),
    "ProblemPage": ("",),
    "SimulatorResource": ("",),
    "None": ("",),  # files, by the static view
}
MESSAGES = {
    "MessagesResource": ("", "new", "count", "live"),
    "ThreadResource": ("", "rename", "cancel", "live"),
    "ManyResource": ("", "sample.csv"),
    "ListsResource": ("", "new"),
    "ListResource": ("", "delete"),
    "SendingsResource": ("",),
    "SendingResource": ("", "confirm", "discard", "live"),
}
ACCOUNT = {"AccountResource": ("", "password", "sessions", "second-factor", "test-sms")}
ENTRANCE = {"Organisations": ("",)}
ADMIN = {
    "GroupResource": (
        "",
        "add-domain",
        "add-users",
        "admins",
        "api",
        "audit",
        "channels",
        "check-domain",
        "domain",
        "domain-live",
        "domains",
        "export",
        "export-file",
        "export-live",
        "exports",
        "find-group",
        "group",
        "log-message",
        "logs",
        "logs-choices",
        "marketplace",
        "move-domain",
        "move-users",
        "new-group",
        "organisation",
        "overview",
        "remove-domain",
        "remove-users",
        "routes",
        "sender-name",
        "settings",
        "sign-on",
        "signature",
        "signature-count",
        "take-along",
        "task",
        "task-live",
        "undo-take",
        "user",
        "users",
    )
}
OPERATOR = {
    "OperatorResource": ("", "audit"),
    "TenantsResource": ("", "new"),
    "TenantResource": ("", "suspend", "resume", "close"),
    "RangesResource": ("", "new", "lending"),
    "DomainsResource": ("",),
    "DomainResource": ("", "approve", "refuse"),
    "ChannelsResource": ("", "new"),
    "ChannelResource": ("", "test", "pause", "resume", "move", "remove"),
    "RoutesResource": ("", "new"),
    "RouteResource": ("", "remove"),
    "PricesResource": ("", "new", "standard"),
    "PricesVersionResource": ("csv", "xlsx", "remove"),
}
# Of the REST API the permission is the scope. A resource may be read and changed at one address.
SCOPES = {
    ("Messages", ""): {"messages:read", "messages:send"},
    ("Messages", "dry-run"): {"messages:send"},
    ("Message", ""): {"messages:read"},
    ("Message", "events"): {"messages:read"},
    ("Message", "cancel"): {"messages:send"},
    ("Batch", ""): {"messages:send"},
    ("Batch", "recipients"): {"messages:send"},
    ("Threads", ""): {"messages:read"},
    ("Thread", ""): {"messages:read", "messages:send"},
    ("Thread", "messages"): {"messages:read"},
    ("AllUsage", ""): {"usage:read"},
    ("Groups", ""): {"groups:read", "groups:write"},
    ("Group", ""): {"groups:read", "groups:write"},
    ("Group", "settings"): {"groups:read", "groups:write"},
    ("Group", "quotas"): {"groups:read"},
    ("Organisation", ""): {"groups:read", "groups:write"},
    ("Webhooks", ""): {"webhooks:read", "webhooks:write"},
    ("Webhook", ""): {"webhooks:read", "webhooks:write"},
    ("Webhook", "deliveries"): {"webhooks:read"},
    ("Webhook", "rotate-secret"): {"webhooks:write"},
    ("Webhook", "test"): {"webhooks:write"},
    ("OneDelivery", ""): {"webhooks:read"},
    ("OneDelivery", "replay"): {"webhooks:write"},
    ("Accounts", ""): {"people:read", "people:write"},
    ("Accounts", "dry-run"): {"people:write"},
    ("Account", ""): {"people:read", "people:write"},
    ("Admins", ""): {"people:read", "people:write"},
    ("OneAdmin", ""): {"people:write"},
    ("Domains", ""): {"domains:read", "domains:write"},
    ("OneDomain", ""): {"domains:read", "domains:write"},
    ("OneDomain", "preview"): {"domains:read"},
    ("OneDomain", "verify"): {"domains:write"},
    ("OneDomain", "moves"): {"domains:read"},
    ("OneDomain", "take-along"): {"domains:write"},
    ("OneDomain", "undo-move"): {"domains:write"},
    ("OwnChannels", ""): {"channels:read", "channels:write"},
    ("OneChannel", ""): {"channels:read", "channels:write"},
    ("OneChannel", "test"): {"channels:write"},
    ("OneChannel", "pause"): {"channels:write"},
    ("OneChannel", "resume"): {"channels:write"},
    ("OwnRoutes", ""): {"channels:read", "channels:write"},
    ("OneRoute", ""): {"channels:read", "channels:write"},
    ("Numbers", ""): {"people:read"},
    ("ApiUsers", ""): {"api_users:read", "api_users:write"},
    ("OneApiUser", ""): {"api_users:read", "api_users:write"},
    ("OneApiUser", "keys"): {"api_users:read", "api_users:write"},
    ("OneApiUser", "callback"): {"webhooks:read", "webhooks:write"},
    ("OneKey", ""): {"api_users:read", "api_users:write"},
    ("OneKey", "rotate"): {"api_users:write"},
    ("Audit", ""): {"audit:read"},
}
VIEWS = {
    (context, name): permission
    for permission, contexts in (
        (ANYBODY, PUBLIC),
        ("messages", MESSAGES),
        ("account", ACCOUNT),
        ("enter", ENTRANCE),
        ("administer", ADMIN),
        ("operate", OPERATOR),
    )
    for context, names in contexts.items()
    for name in names
}


def registered(registry: Registry) -> Iterator[tuple[tuple[str, str], str | None]]:
    """Each view that is registered, with its permission; None if it names none."""
    for entry in registry.introspector.get_category("views") or ():
        view = entry["introspectable"]
        named = [related["value"] for related in entry["related"] if related.category_name == "permissions"]
        context = view["context"]
        if context is IExceptionResponse or (isinstance(context, type) and issubclass(context, Exception)):
            continue  # an answer to an error is asked for by nobody
        yield (getattr(context, "__name__", str(context)), view["name"]), named[0] if named else None


@pytest.fixture
def runtime() -> Any:
    settings = read_settings({"web.simulator_url": "http://127.0.0.1:6544"}, {})
    return SimpleNamespace(settings=settings, checks={})


def test_every_view_names_its_permission(runtime: Any) -> None:
    found = set(
        registered(make_app(runtime).registry)
    )  # a view has several registrations, one for each method
    assert None not in {permission for _, permission in found}
    scopes = {(view, scope) for view, needed in SCOPES.items() for scope in needed}
    assert found == set(VIEWS.items()) | scopes


def test_without_a_simulator_nothing_of_it_is_mounted(runtime: Any) -> None:
    runtime.settings = read_settings({}, {})
    found = dict(registered(make_app(runtime).registry))
    assert found.keys() == (VIEWS.keys() | SCOPES.keys()) - {("SimulatorResource", "")}


def test_a_view_that_names_no_permission_is_seen() -> None:
    def view(request: Request) -> Response:
        return Response("open to all")

    config = Configurator()
    config.add_view(view, name="forgotten")
    config.commit()
    found = {name: permission for (_, name), permission in registered(config.registry)}
    assert found == {"forgotten": None}


def test_no_group_can_be_called_like_a_page_of_groups(runtime: Any) -> None:
    names = {
        name for (context, name), _ in registered(make_app(runtime).registry) if context == "GroupResource"
    }
    assert names - {""} <= RESERVED_SLUGS
