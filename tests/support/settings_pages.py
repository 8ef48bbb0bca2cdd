"""The pages of a group's settings, filled in as by a browser without any script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from webtest import Form, TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.portal import seen
from tests.support.town import an_admin
from tests.support.visitors import Visitor, signed_in
from tests.support.world import World

MASTER, SCHOOL, CLASS = "/t/kommun", "/t/kommun/skolan", "/t/kommun/skolan/4b"


@dataclass
class Town:
    """A municipality with a school and a class; `boss` administers all of it, `head` the school. Both read English."""

    world: World
    master: Group
    school: Group
    class_: Group
    boss: Visitor
    head: Visitor

    def value(self, group: Group, key: Key) -> Any:
        """What a group has set itself."""
        rows = self.world.rows(
            "SELECT value FROM group_setting WHERE group_id = :id AND key = :key", id=group.id, key=key.value
        )
        return rows[0].value if rows else None

    def lock(self, group: Group, key: Key) -> str:
        return str(
            self.world.value(
                "SELECT lock FROM group_setting WHERE group_id = :id AND key = :key",
                id=group.id,
                key=key.value,
            )
        )


def administer(world: World, runtime: Runtime, group: Group, address: str) -> Visitor:
    an_admin(world, runtime, address, group)
    return signed_in(runtime, address)


def opened(visitor: Visitor, path: str) -> TestResponse:
    page = visitor.get(path)
    assert page.status_int == 200, page.status
    return page


def form_of(page: TestResponse) -> Form:
    """The page's form of settings."""
    return next(form for form in page.forms.values() if any("-seen" in (name or "") for name in form.fields))


def filled(page: TestResponse, **fields: Any) -> TestResponse:
    """Fill in a page's form and send it; `__` in a field's name stands for its hyphen."""
    form = form_of(page)
    for name, value in fields.items():
        form[name.replace("__", "-")] = value
    return form.submit(status="*")


def save(visitor: Visitor, path: str, **fields: Any) -> TestResponse:
    """Open a page, fill in its form, send it, and go where that leads."""
    answer = filled(opened(visitor, path), **fields)
    assert answer.status_int == 303, seen(answer)[:1500]
    return visitor.follow(answer)
