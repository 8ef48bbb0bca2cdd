"""The shapes of people's accounts."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import LIMIT, WORD_CURSOR, a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, WORDS, a_time, an_id, field, one_of
from messa_platform.core.i18n import LANGUAGES
from messa_platform.tenants.people.add import AT_ONCE
from messa_platform.tenants.people.listing import FEWEST_WITHIN, LONGEST_FILTER
from messa_platform.tenants.people.plan import Word
from messa_platform.tenants.people.reading import Fault
from messa_platform.tenants.profile import MAX_NAME

LONGEST_EMAIL = 320
_ANNA = "anna.ek@skolan.example"

EMAIL = field("string", "An e-mail address.", _ANNA, maxlength=LONGEST_EMAIL, **WORDS)
_NAME = field("string", "A name for people.", "Anna Ek", maxlength=MAX_NAME, check_with="storable")
_LANGUAGE = field(
    "string",
    "The language that it is spoken to in; null: the organisation's.",
    LANGUAGES[0],
    allowed=[*LANGUAGES],
    nullable=True,
)
_BLOCKED = field("boolean", "Whether it may neither sign in nor send.")
_OF_GROUP = an_id("The group; without, the key's own.")
_DAY: dict[str, Any] = {"regex": "[0-9]{4}-[0-9]{2}-[0-9]{2}"}

LIST_PARAMETERS = {
    "group_id": an_id("The accounts of this very group; without, those of the key's group and all below it."),
    "email": field(
        "string", "The account that has this very address.", _ANNA, regex=f"[!-~]{{1,{LONGEST_EMAIL}}}"
    ),
    "search": field(
        "string",
        f"A part of the address or of the name, in any case; less than {FEWEST_WITHIN} letters are the beginning of the address or of a word"
        " of the name.",
        "anna",
        maxlength=LONGEST_FILTER,
        **WORDS,
    ),
    **LIMIT,
    **WORD_CURSOR,
}
REMOVE_PARAMETERS = {
    "block": field(
        "string",
        "`true`: the account does not come back by its next mail either.",
        "false",
        allowed=["true", "false"],
        default="false",
    )
}
ADD = Shape(
    "AddAccounts",
    {
        "group_id": _OF_GROUP,
        "accounts": field(
            "list",
            "Who is to be in the group.",
            required=True,
            minlength=1,
            maxlength=AT_ONCE,
            schema={
                "type": "dict",
                "schema": {
                    "email": {**EMAIL, **MUST},
                    "display_name": {
                        **_NAME,
                        "meta": {
                            "description": "The name of an account that has none so far.",
                            "example": "Anna Ek",
                        },
                    },
                },
            },
        ),
    },
    "Addresses that are wanted in a group.",
    {"accounts": [{"email": _ANNA, "display_name": "Anna Ek"}]},
)
CHANGE = Shape(
    "ChangeAccount",
    {
        "display_name": _NAME,
        "language": _LANGUAGE,
        "blocked": {
            **_BLOCKED,
            "meta": {
                "description": "True: it is signed out everywhere, gives its number back, and may neither sign in nor send until this is"
                " false again."
            },
        },
        "group_id": an_id(
            "The group that it moves to, within the key's reach. What it has sent stays in the log of the group that it left."
        ),
    },
    "What is to be different; what is left out stays.",
    {"display_name": "Anna Ek", "language": "sv"},
)
_ACCOUNT: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "email": {**EMAIL, **MUST},
    "display_name": {**_NAME, **MUST},
    "group_id": an_id("The group that it is in.", **MUST),
    "blocked": {**_BLOCKED, **MUST},
    "number": field("string", "The number that is lent to it.", "+467301214000017", **MAYBE),
    "last_sent": field(
        "string",
        "The day, in Stockholm, on which it last sent a text since it came to its group.",
        "2026-11-27",
        **_DAY,
        **MAYBE,
    ),
}
_QUOTA = field(
    "dict",
    "What a limit on each account leaves it, in parts; null without one. Where a group above the key's own has set the limit, all of these"
    " are null.",
    **MAYBE,
    schema={
        "left": field("integer", "What is left of it.", 12, **MAYBE),
        "sms": field("integer", "The limit.", 50, **MAYBE),
        "window_days": field("integer", "The days that it is for; null: for ever.", 30, **MAYBE),
        "group_id": an_id("The group that has set it.", **MAYBE),
    },
)
ACCOUNT = Shape(
    "Account",
    {
        **_ACCOUNT,
        "language": {**_LANGUAGE, **MUST},
        "group_since": a_time("Since when it is in its group.", **MUST),
        "placed_by_hand": field(
            "boolean", "Somebody has put it there: a domain that is proven later leaves it there.", **MUST
        ),
        "has_password": field("boolean", "Whether it has chosen a password.", **MUST),
        "has_second_factor": field("boolean", "Whether it signs in with a second factor.", **MUST),
        "admin_of": field(
            "list",
            "The groups within the key's reach that it administers.",
            **MUST,
            schema=an_id("A group."),
        ),
        "quota": _QUOTA,
        "created_at": a_time("When it was made.", **MUST),
    },
    "The account of somebody.",
)
ACCOUNTS = a_list("Accounts", _ACCOUNT, "People's accounts, by address.")
ADDED = Shape(
    "AddedAccounts",
    {
        "group_id": an_id("The group.", **MUST),
        "items": {
            "type": "list",
            "required": True,
            "schema": {
                "type": "dict",
                "schema": {
                    "email": field(
                        "string",
                        "The address as accounts have it; what was sent if it is none.",
                        _ANNA,
                        **MUST,
                    ),
                    "outcome": one_of(
                        Word,
                        "`add`: a new account; `here`: it was there already; `move`: from a group within the key's reach; `move_unseen`: from"
                        " one beyond it, whose admins are told; `take`: from elsewhere, since a domain of the organisation's covers it;"
                        " `return`: it had been removed; `ask`: it is somebody else's, and is asked by mail whether it wants to come;"
                        " `asked`: it was asked lately; `tomorrow`: the organisation has asked as many today as it may; `paused`: the"
                        " organisation may not ask; `blocked`: by somebody above or beside; `operator`: one of the platform's own;"
                        " `duplicate`: it stands further up as well; `bad`: no address; `gone`: the group is; `stopped`: the key's API user"
                        " is gone.",
                        **MUST,
                    ),
                    "fault": one_of(Fault, "What is wrong with what is `bad`.", **MAYBE),
                    "account_id": an_id("The account, if it is in the group now.", **MAYBE),
                    "from_group_id": an_id("Where a `move` comes from.", **MAYBE),
                },
            },
        },
    },
    "What becomes of each address, in the order in which they were sent.",
)
