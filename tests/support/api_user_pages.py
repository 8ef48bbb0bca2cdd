"""The pages of the school's API users: where they are, and what they show and leave behind."""

from __future__ import annotations

import re
from uuid import UUID

from webtest import TestResponse

from messa_platform.tenants.api_users.users import ApiUser
from tests.support.portal import seen
from tests.support.town import Town

NOBODY = "00000000-0000-7000-8000-000000000000"
SCHOOL, MASTER, CARE = "/t/kommun/skolan/@@api", "/t/kommun/@@api", "/t/kommun/omsorgen/@@api"


def at(user: ApiUser, *more: object) -> str:
    """An API user's page, or one below it."""
    return "/".join((SCHOOL, str(user.id), *map(str, more)))


def word_on(page: TestResponse) -> str:
    """The key that the page shows."""
    found = re.search(r'<code id="key">([^<]+)</code>', page.text)
    assert found, f"{page.status}\n{seen(page)[:2000]}"
    return found[1]


def key_of(town: Town, user: ApiUser) -> UUID:
    """The id of the newest key."""
    found: UUID = town.world.value(
        "SELECT id FROM api_key WHERE account_id = :id ORDER BY id DESC LIMIT 1", id=user.id
    )
    return found


def actions(town: Town) -> list[str]:
    return [
        row.action
        for row in town.world.rows("SELECT action FROM audit_entry WHERE action LIKE 'api%' ORDER BY id")
    ]
