"""The page of the organisation as a whole: Master's alone (spec I3, L4, W1, G12)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import FixedClock, stockholm_day
from messa_platform.core.i18n import LANGUAGES, speech
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.store import MESSAGE
from messa_platform.portal.admin.organisation import SENTENCES, _time_zones
from messa_platform.runtime import Runtime
from messa_platform.tenants import organisation
from messa_platform.tenants.audit import Action
from messa_platform.tenants.models import Group
from messa_platform.tenants.organisation import MAX_NAME, TIME_ZONES, Fault
from tests.support.observe import statements
from tests.support.portal import field_of, seen
from tests.support.town import CHIEF, HEAD, Town, build_town, make_admin
from tests.support.visitors import token_of
from tests.support.world import World

HERE = "/t/kommun/@@organisation"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


def give_second_factor(town: Town, *addresses: str) -> None:
    for address in addresses:
        town.world.run(
            "UPDATE account SET totp_secret = 'x', totp_since = :now WHERE address = :address",
            now=town.world.clock.now(),
            address=address,
        )


def wish(**changed: str) -> dict[str, str]:
    return {"name": "Kommunen", "language": "sv", "time_zone": "Europe/Stockholm", "version": "1"} | changed


def held(town: Town) -> tuple[Any, ...]:
    (row,) = town.world.rows(
        "SELECT name, language, time_zone, demands_second_factor, version FROM tenant WHERE slug = 'kommun'"
    )
    return tuple(row)


AS_IT_WAS = ("Kommunen", "sv", "Europe/Stockholm", False, 1)


def entries(town: Town) -> list[Any]:
    return town.world.rows(
        "SELECT actor_address, group_id, subject, before, after FROM audit_entry WHERE action = :action ORDER BY id",
        action=Action.TENANT_CHANGED,
    )


def test_the_page_shows_how_it_is(town: Town) -> None:
    page = town.chief.get(HERE)
    assert page.html.find(id="name")["value"] == "Kommunen"
    chosen = [option["value"] for option in page.html.select("option[selected]")]
    assert chosen == ["sv", "Europe/Stockholm"]
    assert "checked" not in page.html.find(id="demands_second_factor").attrs
    assert page.html.find(attrs={"aria-current": "page", "class": "nav-item", "href": HERE})


def test_what_is_changed_holds_and_stands_in_the_log(town: Town) -> None:
    chief = town.chief
    page = chief.sent(HERE, **wish(name="  Nya   kommunen ", language="en", time_zone="Europe/Helsinki"))
    assert "Saved." in page.text
    assert held(town) == ("Nya kommunen", "en", "Europe/Helsinki", False, 2)
    before = {"name": "Kommunen", "language": "sv", "time_zone": "Europe/Stockholm"}
    after = {"name": "Nya kommunen", "language": "en", "time_zone": "Europe/Helsinki"}
    assert [tuple(entry) for entry in entries(town)] == [
        (CHIEF, town.master.id, "Nya kommunen", before, after)
    ]
    assert "Time zone: Europe/Stockholm → became Europe/Helsinki" in seen(chief.get("/t/kommun/@@audit"))


def test_saving_it_as_it_is_changes_nothing(town: Town) -> None:
    town.chief.sent(HERE, **wish())
    assert held(town) == AS_IT_WAS
    assert entries(town) == []


@pytest.mark.parametrize(
    ("changed", "field", "fault"),
    [
        ({"name": " "}, "name", Fault.NO_NAME),
        ({"name": "Kommun\u202eens"}, "name", Fault.NO_NAME),
        ({"name": "k" * (MAX_NAME + 1)}, "name", Fault.NAME_TOO_LONG),
        ({"language": "fi"}, "language", Fault.NO_LANGUAGE),
        ({"time_zone": "America/New_York"}, "time_zone", Fault.NO_TIME_ZONE),
        ({"time_zone": "../etc/passwd"}, "time_zone", Fault.NO_TIME_ZONE),
        ({"demands_second_factor": "1"}, "demands_second_factor", Fault.NO_FACTOR),
        ({"keep_text_days": "0"}, "keep_text_days", Fault.NO_DAYS),
        ({"keep_text_days": "-1"}, "keep_text_days", Fault.NO_DAYS),
        ({"keep_text_days": "3651"}, "keep_text_days", Fault.NO_DAYS),
        ({"keep_text_days": "en månad"}, "keep_text_days", Fault.NO_DAYS),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_saved(
    town: Town, changed: dict[str, str], field: str, fault: Fault
) -> None:
    answer = town.chief.send(HERE, **wish(name="Ny") | changed)
    assert answer.status_int == 422
    said = speech("en").gettext(SENTENCES[fault], max=MAX_NAME, most="3,650")
    assert said in answer.html.find(id=f"{field}-error").get_text()
    assert field_of(answer, "version") == "1"
    assert held(town) == AS_IT_WAS and entries(town) == []


def test_every_fault_has_words() -> None:
    assert SENTENCES.keys() == set(Fault)


# The second factor


def test_who_has_none_cannot_demand_a_second_factor_and_is_shown_the_way_to_one(town: Town) -> None:
    answer = town.chief.send(HERE, **wish(demands_second_factor="1"))
    assert answer.status_int == 422
    assert answer.html.main.find("a", href="/account/second-factor")
    assert "checked" in answer.html.find(id="demands_second_factor").attrs
    assert town.chief.get(HERE).html.main.find("a", href="/account/second-factor")


def test_who_has_one_demands_it_of_every_admin(town: Town) -> None:
    chief, head = town.chief, town.head
    give_second_factor(town, CHIEF)
    chief.sent(HERE, **wish(demands_second_factor="1"))
    assert held(town)[3:] == (True, 2)
    assert entries(town)[0].after == {"demands_second_factor": True}
    assert head.visitor.get("/t/kommun/skolan/@@audit").status_int == 303
    give_second_factor(town, HEAD)
    head.get("/t/kommun/skolan/@@audit")
    chief.sent(HERE, **wish(version="2"))
    assert held(town)[3] is False


def test_it_lists_the_admins_that_have_none_yet(town: Town, world: World) -> None:
    assert [item.text for item in town.chief.get(HERE).html.main.select("section li")] == [CHIEF, HEAD]
    for number in range(60):
        make_admin(world, town.care, town.person(town.care, f"a{number:02}@kommun.example"))
    outside = town.person(town.elsewhere, "a0@annan.example")
    make_admin(world, town.elsewhere, outside)
    blocked = town.person(town.care, "a-blocked@kommun.example", blocked=True)
    make_admin(world, town.care, blocked)
    town.person(town.care, "a-plain@kommun.example")
    chief = town.chief
    give_second_factor(town, CHIEF)
    page = chief.get(HERE)
    listed = [item.text for item in page.html.main.select("section li")]
    assert listed == [f"a{number:02}@kommun.example" for number in range(50)]
    assert "61 admins have none yet." in seen(page) and "and 11 more" in seen(page)


def test_of_very_many_it_tells_that_there_are_more_and_shows_some(
    town: Town, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        make_admin(world, town.care, town.person(town.care, f"a{number}@kommun.example"))
    real = organisation.admins_without_second_factor
    for counted, words in ((6, "6 admins have none yet."), (5, "More than 5 admins have none yet.")):
        monkeypatch.setattr(
            organisation, "admins_without_second_factor", partial(real, most=3, counted=counted)
        )
        page = town.chief.get(HERE)
        assert words in seen(page)
        assert len(page.html.main.select("section li")) == 3
        assert ("Some of them are shown." in seen(page)) is (counted == 5)


def test_there_is_a_word_where_all_have_one(town: Town) -> None:
    chief = town.chief
    give_second_factor(town, CHIEF, HEAD)
    assert "All admins have one." in seen(chief.get(HERE))


# For how long texts are kept


def kept(town: Town) -> int | None:
    days: int | None = town.world.value("SELECT keep_text_days FROM tenant WHERE slug = 'kommun'")
    return days


def sent(town: Town, group: Group, days: int, clock: FixedClock) -> None:
    """A message as of so many days ago."""
    at = clock.now() - timedelta(days=days)
    row = {
        "id": new_id_at(at), "tenant_id": group.tenant_id, "group_id": group.id, "account_id": new_id(), "direction": "out",
        "door": "mail", "status": "DELIVERED", "status_at": at, "remote": "+46701740605", "local": "messa", "text": "Hej",
        "encoding": "GSM", "parts": 1, "created_at": at,
    }  # fmt: skip
    with town.world.database.unit_of_work() as session:
        ensure_partitions(session.connection(), at, at)
        insert_rows(session, MESSAGE, [row])


def test_to_keep_texts_for_some_days_only_is_to_be_confirmed(town: Town, clock: FixedClock) -> None:
    for days in (0, 30, 31, 90, 400):
        sent(town, town.class_4b, days, clock)
    sent(town, town.elsewhere, 400, clock)
    chief = town.chief
    assert chief.get(HERE).html.find(id="keep_text_days")["value"] == ""
    answer = chief.send(HERE, **wish(keep_text_days="30", name="Nya kommunen"))
    assert answer.status_int == 422
    day = stockholm_day(clock.now()) - timedelta(days=30)
    assert f"Texts from before {speech('en').date(day)} would be removed" in seen(answer)
    assert "That is 3 messages." in seen(answer)
    box = answer.html.find(id="confirm_days")
    assert (box["value"], "checked" in box.attrs) == ("30", False)
    assert answer.html.find(id="name")["value"] == "Nya kommunen" and field_of(answer, "version") == "1"
    assert held(town) == AS_IT_WAS and kept(town) is None and entries(town) == []
    chief.sent(HERE, **wish(keep_text_days="30", confirm_days="30"))
    assert kept(town) == 30 and held(town)[4] == 2
    [entry] = entries(town)
    assert (entry.before, entry.after) == ({"keep_text_days": None}, {"keep_text_days": 30})
    assert "Days that texts are kept: for ever → became 30" in seen(chief.get("/t/kommun/@@audit"))
    page = chief.get(HERE)
    assert page.html.find(id="keep_text_days")["value"] == "30" and page.html.find(id="confirm_days") is None


@pytest.mark.parametrize("confirmed", ["", "0", "1", "31", "x"])
def test_a_confirmation_of_other_days_is_none(town: Town, confirmed: str) -> None:
    answer = town.chief.send(HERE, **wish(keep_text_days="30", confirm_days=confirmed))
    assert answer.status_int == 422 and kept(town) is None
    assert "checked" not in answer.html.find(id="confirm_days").attrs


def test_only_what_would_go_is_counted_and_only_fewer_days_are_asked_about(
    town: Town, clock: FixedClock
) -> None:
    for days in (5, 20, 45, 80):
        sent(town, town.school, days, clock)
    town.world.run("UPDATE tenant SET keep_text_days = 60 WHERE slug = 'kommun'")
    chief = town.chief
    chief.sent(HERE, **wish(keep_text_days="60"))
    assert kept(town) == 60
    assert "That is 2 messages." in seen(chief.send(HERE, **wish(keep_text_days="10")))
    assert kept(town) == 60
    chief.sent(HERE, **wish(keep_text_days=" 1 000 "))
    assert kept(town) == 1000
    chief.sent(HERE, **wish(version="2"))
    assert kept(town) is None


def test_who_keeps_texts_for_ever_is_not_asked(town: Town) -> None:
    town.chief.sent(HERE, **wish(keep_text_days="", confirm_days="7"))
    assert kept(town) is None and entries(town) == []


def test_of_two_who_change_the_days_at_once_the_second_is_told(town: Town) -> None:
    chief = town.chief
    token = token_of(chief.get(HERE))
    chief.sent(HERE, **wish(keep_text_days="365", confirm_days="365"))
    answer = chief.visitor.post(HERE, wish(keep_text_days="1", confirm_days="1", csrf_token=token))
    assert answer.status_int == 409 and kept(town) == 365
    rows = [
        [cell.get_text().strip() for cell in row.find_all(["th", "td"])]
        for row in answer.html.select("tbody tr")
    ]
    assert rows == [["How long texts are kept", "1 day", "365 days"]]


# Two at once


def test_of_two_who_change_it_at_once_the_second_is_told_what_changed(town: Town, clock: FixedClock) -> None:
    chief = town.chief
    token = token_of(chief.get(HERE))
    chief.sent(HERE, **wish(name="Först", time_zone="Europe/Oslo"))
    mine = wish(name="Sedan", csrf_token=token)
    answer = chief.visitor.post(HERE, mine)
    assert answer.status_int == 409
    assert held(town)[0] == "Först"
    told = seen(answer)
    assert (
        f"{CHIEF}: Changed the organisation Först. Name: Kommunen → Först. Time zone: Europe/Stockholm → Europe/Oslo"
        in told
    )
    rows = [
        [cell.get_text().strip() for cell in row.find_all(["th", "td"])]
        for row in answer.html.select("tbody tr")
    ]
    assert rows == [["Name", "Sedan", "Först"], ["Time zone", "Stockholm", "Oslo"]]
    assert answer.html.find(id="name")["value"] == "Sedan"
    assert field_of(answer, "version") == "2"
    chief.visitor.post(HERE, mine | {"version": field_of(answer, "version")})
    assert held(town) == ("Sedan", "sv", "Europe/Stockholm", False, 3)


@pytest.mark.parametrize("version", ["", "0", "-1", "²", "9" * 30, "x"])
def test_a_form_without_a_version_saves_nothing(town: Town, version: str) -> None:
    assert town.chief.send(HERE, **wish(name="Ny", version=version)).status_int == 409
    assert held(town) == AS_IT_WAS


# Whose it is


def test_only_master_has_the_page(town: Town) -> None:
    for desk, path in (
        (town.chief, "/t/kommun/skolan/@@organisation"),
        (town.head, "/t/kommun/skolan/@@organisation"),
        (town.head, HERE),
        (town.chief, "/t/annan/@@organisation"),
    ):
        desk.get(path, 404)
        token = token_of(desk.visitor.get("/account"))
        assert desk.visitor.post(path, wish(name="Ny", csrf_token=token)).status_int == 404
    assert held(town) == AS_IT_WAS


def test_its_cost_in_statements_is_the_same_however_many_admins_there_are(town: Town, world: World) -> None:
    def cost() -> int:
        chief = town.chief
        chief.get(HERE)
        with statements(town.runtime.database.engine) as found:
            chief.get(HERE)
        return len(found)

    few = cost()
    for number in range(30):
        make_admin(world, town.care, town.person(town.care, f"a{number:02}@kommun.example"))
    assert cost() == few <= 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_time_zones_have_the_names_of_cities(language: str) -> None:
    zones = dict(_time_zones(speech(language), "Asia/Tokyo"))
    assert zones.keys() == {*TIME_ZONES, "Asia/Tokyo"}
    assert zones["Europe/Copenhagen"] == {"sv": "Köpenhamn", "en": "Copenhagen"}[language]
    assert len(set(zones.values())) == len(zones)
