"""The shapes of the audit log."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.pages import CURSOR, LIMIT, a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, WORDS, a_time, an_id, field, one_of
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import Standing, Who

_NAMED: dict[str, Any] = {
    "standing": one_of(
        Standing,
        "`seen`: the key's group or one below it; `overlying`, `other`: one of the same organisation, of which nothing more is told;"
        " `elsewhere`: one of another organisation.",
        **MUST,
    ),
    "id": an_id("Its id, where it is `seen`.", **MAYBE),
    "name": field("string", "The name that it has now, where it is `seen`.", "Skolan", **MAYBE),
    "is_removed": field("boolean", "Whether it was removed since.", False, **MUST),
}
_IN_PLACE = "A group stands there as under `group`."
_ENTRY: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "at": a_time("When it was done.", **MUST),
    "actor": one_of(
        Who,
        "Who did it: an admin or an API user that the key may know of, who is named; `overlying`, `elsewhere`: one of a group above or beside,"
        " or of another organisation; the `operator`; the account's `owner`; or the `system`.",
        **MUST,
    ),
    "actor_name": field(
        "string", "The admin's address, or the API user's name.", "rektor@kommun.se", **MAYBE
    ),
    "group": field("dict", "The group in whose log it stands.", schema=_NAMED, **MUST),
    "action": field("string", "What was done.", Action.SETTING_SET.value, **MUST),
    "subject": field(
        "string",
        "What was changed: an address, a domain, a setting's key, a name; null for a group that the key may not know of.",
        "sender_name",
        **MAYBE,
    ),
    "before": field("dict", f"How it was. {_IN_PLACE}", **MAYBE),
    "after": field("dict", f"How it is since. {_IN_PLACE}", **MAYBE),
}
ENTRIES = a_list("AuditEntries", _ENTRY, "Entries of the audit log, the newest first.")
PARAMETERS: dict[str, Any] = {
    "since": a_time("Only what was done then or later."),
    "until": a_time("Only what was done before that."),
    "group_id": an_id(
        "Only what stands in the log of this group, and of those below it; without, the key's own."
    ),
    "subgroups": field(
        "string",
        "`false`: without what stands in the logs of the groups below.",
        "false",
        allowed=["true", "false"],
    ),
    "action": one_of(Action, "Only what was done by this action."),
    "words": field(
        "string",
        "Only where this is a part of who did it, or of what was changed.",
        "kommun.se",
        maxlength=100,
        **WORDS,
    ),
    **LIMIT,
    **CURSOR,
}
