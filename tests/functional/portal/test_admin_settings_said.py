"""What the permissions page says of itself: what holds at a glance, and after saving what was saved."""

from __future__ import annotations

import re

import pytest
from webtest import TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Lock
from tests.support.portal import field_of
from tests.support.town import Desk, Town, build_town
from tests.support.world import World

SCHOOL = "/t/kommun/skolan/@@settings"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


def said(page: TestResponse) -> str:
    """What a page says was just done."""
    notices = page.text.partition('<div class="flashes">')[2].partition('<div class="wrap')[0]
    return " ".join(re.sub(r"<[^>]+>", " ", notices).split())


def saved(desk: Desk, **fields: str) -> str:
    """Change fields of the school's page, `__` for a hyphen, save, and give what the next page says was done."""
    opened = desk.get(SCHOOL)
    marks = {f"{key}-seen": field_of(opened, f"{key}-seen") for key in {n.split("__")[0] for n in fields}}
    changed = {name.replace("__", "-"): value for name, value in fields.items()}
    return said(desk.sent(SCHOOL, **marks, **changed))


def test_what_was_saved_is_named(town: Town) -> None:
    both = {
        "country_code": "47",
        "country_code__lock": "subadmin",
        "too_long": "cut",
        "too_long__lock": "locked",
    }
    assert saved(town.chief, **both) == "Saved: Country code, Texts that are too long."
    assert saved(town.chief, **both) == "Nothing was changed."


def test_so_is_how_much_is_inherited_again_below_and_that_numbers_are_taken_back(town: Town) -> None:
    for key, value in ((Key.COUNTRY_CODE, "45"), (Key.MAY_RECEIVE, True)):
        town.world.set(town.class_4b, key, value)
    said = saved(
        town.chief,
        country_code="47", country_code__lock="subadmin", country_code__below="1",
        may_receive="no", may_receive__lock="subadmin", may_receive__below="1",
    )  # fmt: skip
    assert said == (
        "Saved: Country code, May receive SMS. 2 settings of the groups below are removed and inherited now."
        " The numbers of those who can receive no more are being taken back."
    )


@pytest.mark.parametrize("query", ["", "&what=ruin", "&what=<b>ruin</b>", "&below=ruin", "&below=-1"])
def test_what_an_address_makes_up_is_not_said(town: Town, query: str) -> None:
    assert said(town.chief.get(f"{SCHOOL}?said=settings-saved{query}")) == "Saved."


def test_what_holds_is_told_above_and_leads_to_where_it_is_changed(town: Town) -> None:
    town.world.set(town.master, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    town.world.group_quota(town.school, 500, window_days=7)
    page = town.head.get(SCHOOL)
    above = page.text.partition('<nav class="card')[2].partition("</nav>")[0]
    parts = re.findall(r'href="#([a-z_]+-part)"', above)
    assert len(parts) == 6
    assert all(len(re.findall(rf'id="{part}"', page.text)) == 1 for part in parts)
    words = " ".join(re.sub(r"<[^>]+>", " ", above).split())
    assert "Country code +47 Inherited from an overlying group" in words
    assert "500 SMS in 7 days" in words and "Set here" in words
    assert above.count('aria-label="Locked by an overlying group"') == 1
