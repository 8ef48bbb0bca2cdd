"""The shapes of admins."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.account_shapes import EMAIL
from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import LIMIT, WORD_CURSOR, a_list
from messa_platform.api_v2.shapes import MUST, a_time, an_id, field

GROUP = {"group_id": an_id("The group that is administered; without, the key's own.")}
LIST_PARAMETERS = {**GROUP, **LIMIT, **WORD_CURSOR}
CREATE = Shape(
    "CreateAdmin",
    {
        **GROUP,
        "email": {**EMAIL, **MUST, "excludes": "account_id"},
        "account_id": an_id("The account, in the place of its address.", **MUST, excludes="email"),
    },
    "Who is to administer a group and everything below it: somebody who is in it or below it.",
    {"email": "anna.ek@skolan.example"},
)
_ADMIN: dict[str, Any] = {
    "id": an_id("The account that administers the group.", **MUST),
    "group_id": an_id("The group that it administers, with everything below it.", **MUST),
    "email": {**EMAIL, **MUST},
    "display_name": field("string", "The account's name.", "Anna Ek", **MUST),
    "blocked": field("boolean", "Whether the account may not sign in just now.", **MUST),
    "since": a_time("Since when.", **MUST),
}
ADMIN = Shape("Admin", _ADMIN, "Somebody who administers a group.")
ADMINS = a_list("Admins", _ADMIN, "The admins of this very group, by address.")
