"""Which page of the tab an address means, and the pages mounted.

Below `@@api` stand the pages of one API user: `@@api/<id>`, its forms for new keys, the question before it is removed, and each key's
page, `@@api/<id>/<key's id>`.
"""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin.api_users import key, listing, new_key, removal, user
from messa_platform.portal.admin.api_users.asked import Page
from messa_platform.portal.admin.resources import GroupResource


def _page(request: Request) -> Page:
    """The page that the rest of the address names. Raises HTTPNotFound."""
    match request.subpath:
        case ():
            return listing.PAGE
        case (_,):
            return user.PAGE
        case (_, removal.NAME):
            return removal.PAGE
        case (_, name) if name in new_key.NAMES:
            return new_key.PAGE
        case (_, _):
            return key.PAGE
    raise HTTPNotFound


def show(context: GroupResource, request: Request) -> Any:
    """A page of the tab."""
    return _page(request).show(context, request)


def change(context: GroupResource, request: Request) -> Any:
    """A form of one of them."""
    return _page(request).change(context, request)


def includeme(config: Configurator) -> None:
    """Mount the pages and their forms."""
    config.add_group_view(show, "api", "api_users")
    config.add_group_view(change, "api", "api_users", request_method="POST")
    config.add_saying("api-user-added", msgid("The API user is made. Give it a key, so that it can send."))
    config.add_saying("api-user-renamed", msgid("Saved."))
    config.add_saying("api-user-removed", msgid("Removed, with its keys. What it has sent stays in the log."))
    config.add_saying("api-url-saved", msgid("Saved."))
    config.add_saying("api-url-enabled", msgid("It is told of events again, also of those that wait."))
    config.add_saying("event-again", msgid("It is sent again."))
    config.add_saying("api-key-removed", msgid("The key is removed, and opens nothing any more."))
    config.add_saying("api-key-gone", msgid("That key was removed already."), tone="info")
