"""`/v2/numbers`: the numbers that are lent to members of a group and those below it, and those that rest after they were (spec R1, R5)."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import number_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.pages import CURSOR, LIMIT, cursor_of, cut, limit_of, read_cursor
from messa_platform.api_v2.problems import Problem
from messa_platform.api_v2.reach import groups
from messa_platform.api_v2.resources import Collection
from messa_platform.api_v2.shapes import an_id
from messa_platform.tenants import numbers
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.numbers import Lent


class Numbers(Collection):
    """`/v2/numbers`."""


def listed(_context: Numbers, request: Request, asked: Asked) -> Answer:
    """Numbers of the key's group and those below it."""
    tenant_id, within, most = caller(request).tenant_id, groups(request, asked.query), limit_of(asked.query)
    # a number that rests is nobody's, so a session that is confined to the tenant does not see it
    session, after = request.platform_db, read_cursor(asked.query)
    found = numbers.within(session, now(request), tenant_id, within, after, most + 1)
    shown, last = cut(found, most)
    items = [_told(lent) for lent in shown]
    return Answer({"items": items, "next": cursor_of(last.id) if last else None})


def _told(lent: Lent) -> dict[str, Any]:
    is_resting = lent.returned_at is not None
    return {
        "number": lent.number,
        "group_id": str(lent.group_id),
        "account_id": str(lent.account_id),
        "holder": (shapes.Holder.API_USER if lent.is_api_user else shapes.Holder.ACCOUNT).value,
        "state": (shapes.State.RESTING if is_resting else shapes.State.LENT).value,
        "lent_at": moment_of(lent.lent_at),
        "returned_at": moment_of(lent.returned_at),
        "rests_until": moment_of(lent.rests_until),
    }


LIST = Operation(
    "listNumbers", "GET", "/v2/numbers", "List numbers",
    "Receiving numbers of accounts and API users in the key's group and below, the earliest lent first: those that they hold, and those that"
    " were taken back and rest before somebody else can get them.",
    "Numbers", Scope.PEOPLE_READ, (Succeeds(200, "A page of them.", shapes.NUMBERS),), problems=(Problem.NOT_FOUND,),
    parameters={"group_id": an_id("Only those of this very group."), **LIMIT, **CURSOR},
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("numbers", Numbers)
    config.add_operation(LIST, listed, Numbers)
