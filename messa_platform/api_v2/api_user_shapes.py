"""The shapes of API users and of their keys."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, WORDS, a_time, an_id, field, one_of
from messa_platform.messaging.outward.models import DisabledWhy, EndpointState
from messa_platform.tenants.api_users.keys import LONGEST_OVERLAP
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import LONGEST_NAME

_NAME = field("string", "What it is called, in the log too.", "Larmsystemet", maxlength=LONGEST_NAME, **WORDS)
_USER: dict[str, Any] = {
    "id": an_id("Its id; as a sender it is an account.", **MUST),
    "group_id": an_id("The group that it is a member of.", **MUST),
    "name": {**_NAME, **MUST},
    "number": field("string", "The receiving number that is lent to it.", "+467301214000042", **MAYBE),
    "created_at": a_time("When it was made.", **MUST),
}
USER = Shape("ApiUser", _USER, "An API user: a member of a group that sends by an interface.")
USERS = a_list("ApiUsers", _USER, "API users of a group and those below it, oldest first.")
CREATE_USER = Shape(
    "CreateApiUser",
    {"name": {**_NAME, **MUST}, "group_id": an_id("The group; without, the key's own.")},
    "An API user that is wanted.",
    {"name": "Larmsystemet"},
)
CHANGE_USER = Shape(
    "ChangeApiUser",
    {"name": _NAME},
    "What is to be different; what is left out stays.",
    {"name": "Larm och drift"},
)

_CALLED = field("string", "For people.", "Larmservern", maxlength=LONGEST_NAME, check_with="storable")
_SCOPES: dict[str, Any] = {
    **field("list", "What a key of v2 may be used for; a session key has none.", ["messages:send"]),
    "schema": {"type": "string", "allowed": [scope.value for scope in Scope]},
}
_KIND = "`v2`: for this API; `session`: for `api.aspx`, where it may send and ask."
_KEY: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "api_user_id": an_id("Whose key it is.", **MUST),
    "kind": one_of(KeyKind, _KIND, **MUST),
    "name": {**_CALLED, **MUST},
    "hint": field("string", "Its last letters, by which people tell keys apart.", "x7Qa", **MUST),
    "scopes": {**_SCOPES, **MUST},
    "created_at": a_time("When it was made.", **MUST),
    "expires_at": a_time("When it stops to work; null: when it is removed.", **MAYBE),
    "last_used_at": a_time("When it was used last, to the minute.", **MAYBE),
}
KEY = Shape("ApiKey", _KEY, "A key of an API user. What opens the door is told once, when it is made.")
KEYS = a_list("ApiKeys", _KEY, "The keys of an API user, those that have expired too, oldest first.")
MADE_KEY = Shape(
    "ApiKeyWithSecret",
    {
        **_KEY,
        "key": field(
            "string", "The key itself; told this once, and kept by nobody but you.", "msk_live_…", **MUST
        ),
    },
    "A new key.",
)
CREATE_KEY = Shape(
    "CreateApiKey",
    {
        "kind": one_of(KeyKind, _KIND, default=KeyKind.V2.value),
        "name": _CALLED,
        "scopes": {**_SCOPES, "maxlength": len(Scope)},
        "expires_at": a_time(
            "When it stops to work; without, when it is removed, or with the key that asks."
        ),
    },
    "A key that is wanted. It can have no scope that the key lacks which asks for it, and cannot outlive that one; a session key takes"
    " `messages:send`.",
    {"name": "Larmservern", "scopes": ["messages:send"]},
)
ROTATE_KEY = Shape(
    "RotateApiKey",
    {
        "overlap_hours": field(
            "integer",
            "For how long the old key works as well.",
            24,
            min=0,
            max=LONGEST_OVERLAP.days * 24,
            default=24,
        )
    },
    "How a key is rotated.",
    {"overlap_hours": 24},
)

_URL = field(
    "string",
    "Where it is told: a public server, by https; null: nowhere.",
    "https://drift.example/messa",
    maxlength=1_000,
    regex=r"https://[!-~]+",
)
CALLBACK = Shape(
    "Callback",
    {
        "url": {**_URL, **MAYBE},
        "state": one_of(EndpointState, "Whether it is told at all; null without an address.", **MAYBE),
        "disabled_why": one_of(
            DisabledWhy,
            "`gone`: it answered 410; `failing`: it took nothing for days; `admin`: somebody turned it off.",
            **MAYBE,
        ),
        "failing_since": a_time("Since when it has taken nothing.", **MAYBE),
    },
    "Where an API user is told of its messages.",
)
SET_CALLBACK = Shape(
    "SetCallback",
    {"url": {**_URL, **MAYBE}},
    "Where it is to be told.",
    {"url": "https://drift.example/messa"},
)
