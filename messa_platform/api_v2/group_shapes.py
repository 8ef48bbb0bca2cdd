"""The shapes of groups."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import CURSOR, LIMIT, a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, WORDS, Schema, an_id, field
from messa_platform.tenants.group_contents import MOST_COUNTED
from messa_platform.tenants.move_groups import DEEPEST, LONGEST_NAME

_NAME = field("string", "Its name.", "Särskolan", maxlength=LONGEST_NAME, **WORDS)

LIST_PARAMETERS: Schema = {
    "parent_id": an_id("Only the groups right below this one."),
    **LIMIT,
    **CURSOR,
}
REMOVE_PARAMETERS: Schema = {
    "people_to": an_id("Where its people and domains go; without, to the group above it."),
    "groups_to": an_id(
        "Where the groups right below it go, with all below them; without, to the group above it."
    ),
}
CREATE = Shape(
    "CreateGroup",
    {
        "name": {**_NAME, **MUST},
        "parent_id": an_id("The group that it is to be below; without, the key's own."),
    },
    "A group that is wanted.",
    {"name": "Särskolan"},
)
CHANGE = Shape(
    "ChangeGroup",
    {
        "name": _NAME,
        "parent_id": an_id(
            "The group that it is to be right below from now on, with all that is below itself."
        ),
    },
    "What is to be different; what is left out stays.",
    {"name": "Särskolan i Norr"},
)
_GROUP: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "parent_id": an_id(
        "The group right above; null for the key's own, whatever there is above that.", **MAYBE
    ),
    "name": {**_NAME, **MUST},
    "slug": field("string", "Its step in the addresses of the portal.", "sarskolan", **MUST),
    "path": field(
        "list",
        "The names on the way to it, the key's own group first.",
        ["Skolan", "Särskolan"],
        schema={"type": "string"},
        **MUST,
    ),
    "depth": field(
        "integer",
        "How far below the key's own group it is; 0 for that one.",
        1,
        min=0,
        max=DEEPEST - 1,
        **MUST,
    ),
}
_COUNTED = f"Counted up to {MOST_COUNTED}; one more stands for any number beyond."


def _a_count(description: str) -> dict[str, Any]:
    return field("integer", f"{description} {_COUNTED}", 12, min=0, max=MOST_COUNTED + 1, **MUST)


GROUP = Shape(
    "Group",
    {
        **_GROUP,
        "people": _a_count("Accounts and API users right in it."),
        "groups": _a_count("Groups right below it."),
        "domains": _a_count("Domains that are tied to it."),
    },
    "A group, and what is right in it.",
)
GROUPS = a_list("Groups", _GROUP, "Groups, the oldest first.")
