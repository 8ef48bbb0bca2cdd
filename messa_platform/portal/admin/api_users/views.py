"""Which page of the tab an address means, and the pages mounted.

Below `@@api` stand the pages of one API user: `@@api/<id>`, its forms for new keys, the question before it is removed, and each key's
page, `@@api/<id>/<key's id>`. Beside them stand those of webhooks: `@@api/new-webhook`, `@@api/webhook/<id>` and its removal.
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
from messa_platform.portal.admin.webhooks import asked as webhooks
from messa_platform.portal.admin.webhooks import new as new_webhook
from messa_platform.portal.admin.webhooks import one as webhook
from messa_platform.portal.admin.webhooks import removal as webhook_removal


def _page(request: Request) -> Page:
    """The page that the rest of the address names. Raises HTTPNotFound."""
    match request.subpath:
        case ():
            return listing.PAGE
        case (webhooks.NEW,):
            return new_webhook.PAGE
        case (webhooks.NAME, _):
            return webhook.PAGE
        case (webhooks.NAME, _, webhook_removal.NAME):
            return webhook_removal.PAGE
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
    config.add_saying("webhook-saved", msgid("Saved."))
    config.add_saying("webhook-enabled", msgid("It is told of events again, also of those that wait."))
    config.add_saying("webhook-disabled", msgid("It is told nothing until somebody turns it on again."))
    config.add_saying("webhook-test", msgid("A test event is on its way. What came of it stands below."))
    config.add_saying("webhook-removed", msgid("Removed. It is told nothing any more."))
