"""`/v2/groups/<id>/quotas`: how far the quotas are used that limit a group (spec V5, G2, G6)."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2.groups import Group
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Shape, Succeeds
from messa_platform.api_v2.problems import Problem
from messa_platform.api_v2.reach import path_within
from messa_platform.api_v2.setting_shapes import QUOTA
from messa_platform.api_v2.shapes import MUST, a_time, an_id, field
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.group_settings import MAX_PARTS, Quota
from messa_platform.tenants.quota_view import Use, quota_view


def read(context: Group, request: Request, _asked: Asked) -> Answer:
    """What limits the group, as far as the key may know."""
    path, own = path_within(request, context.id)
    view = quota_view(request.db, now(request), path, own)
    return Answer(
        {
            "quotas": [_used(use) for use in view.uses],
            "is_limited_above": view.is_limited_above,
            "per_account": _limits(view.per_account) if view.per_account else None,
            "max_parts": view.max_parts,
            "stops_all": view.stops_all,
        }
    )


def _limits(quota: Quota) -> dict[str, Any]:
    return {"sms": quota.sms, "window_days": quota.window_days, "max_parts": quota.max_parts}


def _used(use: Use) -> dict[str, Any]:
    quota = use.quota
    return {
        "group_id": str(quota.group_id),
        "group_name": quota.group_name,
        "is_here": use.is_here,
        **_limits(quota),
        "since": moment_of(quota.since),
        "used": use.used,
        "left": use.left,
    }


_USE: dict[str, Any] = {
    "group_id": an_id("The group whose quota it is: this one, or one above it.", **MUST),
    "group_name": field("string", "Its name.", "Skolan", **MUST),
    "is_here": field("boolean", "Whether it is this very group's.", **MUST),
    **QUOTA,
    "since": a_time("When the limit was set; without a window, all that was sent since counts.", **MUST),
    "used": field(
        "integer", "Parts that count now; more than `sms` where a limit was lowered.", 250, min=0, **MUST
    ),
    "left": field("integer", "Parts that may still be sent.", 750, min=0, **MUST),
}
QUOTAS = Shape(
    "GroupQuotas",
    {
        "quotas": field(
            "list",
            "Each limited quota of the group and of those above it, as far as the key may know, the group's own first.",
            schema={"type": "dict", "schema": _USE},
            **MUST,
        ),
        "is_limited_above": field(
            "boolean", "Whether an overlying group that is not for the key to know has a limit, too.", **MUST
        ),
        "per_account": field(
            "dict",
            "What each account of this very group may send, besides; null: as much as it likes.",
            schema=QUOTA,
            required=True,
            nullable=True,
        ),
        "max_parts": field(
            "integer",
            "Parts of one message, by all that the key may know.",
            9,
            min=1,
            max=MAX_PARTS,
            **MUST,
        ),
        "stops_all": field("boolean", "Whether the organisation's topmost group lets nobody send.", **MUST),
    },
    "What limits a group, and how far that is used.",
)
READ = Operation(
    "getGroupQuotas", "GET", "/v2/groups/{id}/quotas", "Read what is left of a group's quotas",
    "Every quota holds, the first that strikes decides. The unit is parts.",
    "Groups", Scope.GROUPS_READ, (Succeeds(200, "The quotas.", QUOTAS),), problems=(Problem.NOT_FOUND,),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the operation."""
    config.add_operation(READ, read, Group, "quotas")
